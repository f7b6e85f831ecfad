// Who agrees with whom: a badge on each answer, the answers side by side on a click; and where a trace's code was run.

const STANDINGS = { all: ['≡', 'agree'], most: ['≈', 'agree'], few: ['≠', 'disagree'], tie: ['≍', 'disagree'], alone: ['', 'alone'] };

const MOST_LINKS = 12; // traces named for one answer; more would be a wall

const badgeOf = (one) => state.figure.agreement?.badges[one.id];

// [kind, words] for the mark on the answer's step; null where there is nobody to agree with.
function badgeMark(one) {
  const badge = badgeOf(one);
  if (!badge || !STANDINGS[badge.standing]) return null;
  const [glyph, kind] = STANDINGS[badge.standing];
  if (badge.standing === 'alone') return badge.samples > 1 ? ['agree-alone', badge.same + ' of ' + badge.samples + ' samples'] : null;
  const all = badge.agrees.length + badge.disagrees.length;
  return ['agree-' + kind, glyph + ' ' + badge.agrees.length + ' of ' + all + ' formats'];
}

function agreementBlock(one) {
  const about = state.figure.agreement;
  if (!about || state.figure.traces.length < 2 || !about.votes.length) return '';
  if (!isShown(one)) return block('Agreement', line('muted', 'Hidden until you have judged.'));
  const badge = badgeOf(one);
  const mark = badgeMark(one);
  return make('section', { class: 'fp-block', 'data-block': 'agreement' }, make('h3', {}, 'Agreement'),
    line(mark?.[0] ?? 'muted', badge?.text || about.sentence),
    make('details', { class: 'fp-fold', open: recall('answers', '') === 'open', ontoggle: (event) => remember('answers', event.target.open ? 'open' : '') },
      make('summary', {}, 'All answers'), make('ul', { class: 'fp-answers' }, ...about.groups.map(groupItem)),
      line('muted', about.sentence), leftOut(about)));
}

function groupItem(group) {
  const gold = group.is_gold === null ? '' : group.is_gold ? ' ✓' : ' ✗';
  return make('li', {}, make('b', {}, group.answer + gold), make('span', {}, group.names + (group.executed.length ? ' · ' + group.executed.length + ' executed' : '')), traceLinks(group.trace_ids));
}

function traceLinks(ids) {
  const found = ids.slice(0, MOST_LINKS).map((id) => state.figure.traces.findIndex((one) => one.id === id)).filter((index) => index >= 0);
  return make('span', { class: 'fp-links' }, ...found.map((index) => make('button', { type: 'button', class: 'fp-link', 'aria-label': 'Trace ' + (index + 1), onclick: () => select(index, QUESTION) }, String(index + 1))), ids.length > MOST_LINKS ? ' …' : '');
}

function leftOut(about) {
  const parts = [[about.without_answer, 'without an answer'], [about.not_comparable, 'that cannot be compared']].filter(([ids]) => ids.length);
  return parts.length > 0 && make('p', { class: 'fp-line', 'data-kind': 'muted' }, ...parts.flatMap(([ids, words]) => [ids.length + ' ' + words + ': ', traceLinks(ids), ' ']));
}

function openAgreement() {
  remember('answers', 'open');
  drawPanel();
  part('panel').querySelector('[data-block="agreement"]')?.scrollIntoView({ block: 'nearest' });
}

// ── where its code is run ───────────────────────────────────────────────────────────────────────────────────────────

function sandboxBlock(one) {
  if (!state.figure.running?.includes(one.format)) return '';
  return make('section', { class: 'fp-block' }, sandboxFold('Where its code is run'));
}

function sandboxFold(title) {
  const rows = state.figure.sandbox ?? [];
  const off = rows.filter(([, isOn]) => !isOn).length;
  return make('details', { class: 'fp-fold fp-sandbox' }, make('summary', {}, title, make('span', {}, off ? ' · ' + off + ' off' : ' · all limits on')),
    make('ul', {}, ...rows.map(([limit, isOn, words]) => make('li', { 'data-on': String(isOn) }, make('b', {}, (isOn ? '✓ ' : '✗ ') + limit), ' ', words))),
    line('muted', 'Not covered: mistakes in the kernel, in CPython or in monty themselves; a program that lies about its own output.'));
}
