// Two queues: where this person and the machine differ, and where the machine is unsure. A queue takes the place of the
// list of problems; Q goes on to its next trace. Nothing of the machine's comes from the server before one has judged.

const QUEUES = { disagree: ['≠', 'You and the machine differ'], unsure: ['?', 'The machine is unsure'] };

const queue = {
  name: '', // the queue that is open: a key of QUEUES, or none
  kept: false, // the list shows contradictions that were looked at, instead of those that wait
  counts: {},
  at: '', // the trace that the queue opened last: Q goes on after it
  met: new Map(), // by trace: {read, here: null until judged, else {trace, machine, chance, person, person_chance, is_kept}}
  read: 0, // when the server read the newest counts known here
  offset: 0,
  seq: 0,
};

const hereNow = () => queue.met.get(trace()?.id)?.here ?? null;

const percent = (chance) => (chance >= 0.995 ? 'over 99' : chance < 0.005 ? 'under 1' : Math.round(100 * chance)) + ' %';
const stepName = (step) => (step === null ? 'no step' : 'step ' + (step + 1));

function askQueue(offset = queue.offset) {
  const filters = part('filters').elements;
  queue.offset = Math.max(0, offset);
  queue.seq += 1;
  send('queue', { ...queueFilters(filters), queue: queue.name, kept: queue.kept, trace: trace()?.id ?? '', offset: queue.offset, seq: queue.seq });
}

// How much waits, while no queue is open; an open queue's page tells it as well.
function askCounts() {
  if (!queue.name) askQueue(0);
}

function queueFilters(filters) {
  return { search: filters.search.value, source: filters.source.value, verdict: filters.verdict.value, labelled: filters.labelled.value, agreement: filters.agreement.value };
}

// Opens a queue in the list, or leaves it.
function toggleQueue(name, kept = false) {
  queue.name = queue.name === name && queue.kept === kept ? '' : name;
  queue.kept = Boolean(queue.name) && kept;
  queue.offset = 0;
  drawQueue();
  if (queue.name) askQueue(0);
  else ask(0);
}

function leaveQueue() {
  toggleQueue(queue.name, queue.kept);
}

// Q: the next trace of the open queue; where none is open, of the one in which something waits.
function nextInQueue() {
  if (!queue.name) {
    queue.name = queue.counts.disagree === 0 && queue.counts.unsure > 0 ? 'unsure' : 'disagree';
    if (isRailOpen()) askQueue(0);
  }
  openQueued({ after: queue.at === trace()?.id ? queue.at : '' });
}

// Until the other trace is here, no key may judge the one that is leaving. The unsure ones are judged blind.
function openQueued(where) {
  if (queue.name === 'unsure' && state.isReview) review(false);
  state.settled = performance.now() + RETRY_AFTER;
  send('queued', { ...queueFilters(part('filters').elements), queue: queue.name, ...where });
}

const isRailOpen = () => !root.querySelector('.fp-rail').hidden;

// ── the server's answers ────────────────────────────────────────────────────────────────────────────────────────────

function onQueueEvent(event) {
  if (!element.isConnected) return window.removeEventListener('first-pit-mail', onQueueEvent);
  let mail;
  try { mail = JSON.parse(event.detail); } catch { return; }
  if (mail.page && mail.page !== page) return;
  if (mail.kind === 'queue') return onQueueMail(mail);
  if (mail.name) queue.met.clear();
  const mayHaveChanged = (mail.kind === 'label' && mail.is_ok) || ((mail.kind === 'work' || mail.kind === 'live') && mail.is_done) || mail.name;
  if (mayHaveChanged && (queue.name || isRailOpen())) askQueue();
}
window.addEventListener('first-pit-mail', onQueueEvent);

// Pages of the list are read beside the opening and settling of traces: an answer may come after a newer one, or after
// the trace it is about has left the screen.
function onQueueMail(mail) {
  if (mail.counts && mail.read >= queue.read) Object.assign(queue, { counts: mail.counts, read: mail.read });
  if (mail.about && mail.read >= (queue.met.get(mail.about)?.read ?? 0)) queue.met.set(mail.about, { read: mail.read, here: mail.here });
  if (mail.opened) queue.at = mail.opened;
  if (mail.is_here) state.settled = 0; // nothing to open: the trace on screen stays
  if (!mail.queue) { if (mail.message) say(mail.message, mail.tone ?? ''); }
  else if (mail.queue === queue.name && mail.seq === queue.seq) fillQueue(mail);
  drawQueue();
  if (mail.settled !== undefined && isRailOpen()) askQueue();
  if (mail.settled && state.goesOn && queue.name) nextInQueue();
}

// ── what is on screen ───────────────────────────────────────────────────────────────────────────────────────────────

function fillQueue(mail) {
  list.total = mail.total;
  list.offset = queue.offset;
  const items = mail.rows.map(queueItem);
  if (!items.length) items.push(make('li', { class: 'fp-none' }, mail.message));
  part('problems').replaceChildren(...items);
  drawPage();
}

function drawPage() {
  const last = Math.min(list.offset + PAGE_SIZE, list.total);
  part('page').textContent = list.total ? NUMBERS.format(list.offset + 1) + '–' + NUMBERS.format(last) + ' of ' + NUMBERS.format(list.total) : '0';
  root.querySelector('[data-do="page-back"]').disabled = list.offset === 0;
  root.querySelector('[data-do="page-on"]').disabled = last >= list.total;
}

function queueItem(row) {
  const isHere = row.trace === trace()?.id;
  const said = row.machine === undefined ? [row.num_steps + (row.num_steps === 1 ? ' step' : ' steps')] : ['⚑ ' + (row.person === null ? 'all right' : stepName(row.person)), '◆ ' + (row.machine === null ? 'no pit' : stepName(row.machine)), ...(row.chance === null ? [] : [percent(row.chance) + ' sure'])];
  return make('li', {}, make('button', { type: 'button', class: 'fp-problem', 'aria-current': isHere ? 'true' : null, onclick: () => { openQueued({ trace: row.trace }); if (isNarrow()) toggleRail(false); } },
    make('span', { class: 'fp-problem-text' }, row.question), make('span', { class: 'fp-problem-facts' }, [...said, row.source].join(' · '))));
}

function drawQueue() {
  for (const button of root.querySelectorAll('.fp-queues [data-queue]')) {
    button.setAttribute('aria-pressed', String(button.dataset.queue === queue.name));
    const count = queue.counts[button.dataset.queue];
    button.querySelector('b').textContent = count === undefined ? '' : NUMBERS.format(count);
  }
  root.dataset.queue = queue.name;
  if (!queue.seq && state.figure?.problem) askCounts();
  const kept = part('kept');
  kept.hidden = queue.name !== 'disagree' || !(queue.counts.kept || queue.kept);
  kept.textContent = queue.kept ? '← back to those that wait' : NUMBERS.format(queue.counts.kept ?? 0) + ' looked at and kept';
  const strip = part('queue');
  strip.hidden = !queue.name || !state.figure?.problem;
  if (!strip.hidden) strip.replaceChildren(queueHead(), comparisonCard() ?? '');
}

function queueHead() {
  const [sign, title] = QUEUES[queue.name];
  const count = queue.counts[queue.name] ?? 0;
  return make('div', { class: 'fp-queue-head' }, make('b', {}, make('i', { 'aria-hidden': 'true' }, sign), title), make('span', { class: 'fp-waiting' }, count ? NUMBERS.format(count) + ' left' : 'none left'), make('span', { class: 'fp-spring' }),
    make('button', { type: 'button', class: 'fp-small', title: 'The next trace of this queue (Q)', onclick: nextInQueue }, 'Next ', make('kbd', {}, 'Q')),
    make('button', { type: 'button', class: 'fp-quiet fp-round', 'aria-label': 'Leave the queue', title: 'Leave the queue', onclick: leaveQueue }, '×'));
}

// Side by side, only where this person has judged: their first wrong step, and the machine's.
function comparisonCard() {
  const one = trace();
  const own = one && ownLabel(one);
  const met = hereNow();
  if (!met || !['first_wrong', 'all_right'].includes(own?.kind)) return null;
  const mine = own.kind === 'first_wrong' ? own.step : null;
  const isSame = mine === met.machine;
  return make('div', { class: 'fp-versus', 'data-same': String(isSame) },
    side(one, 'You', '⚑', mine, mine === met.person && met.person_chance !== null && !isSame ? 'the machine gives it ' + percent(met.person_chance) : ''),
    side(one, 'Machine', '◆', met.machine, [isSame ? '' : apart(mine, met.machine), met.chance === null ? 'how sure is not known' : percent(met.chance) + ' sure'].filter(Boolean).join(' · ')),
    isSame ? make('p', { class: 'fp-agreed' }, '✓ You and the machine agree.') : choices(met));
}

function apart(mine, machines) {
  if (mine === null) return 'you: all right';
  if (machines === null) return 'finds nothing wrong';
  const by = Math.abs(mine - machines);
  return by + (by === 1 ? ' step ' : ' steps ') + (machines > mine ? 'later' : 'earlier');
}

function side(one, who, sign, step, words) {
  const text = step === null ? (who === 'You' ? 'all steps are right' : 'no step is the pit') : one.texts[step];
  const inside = [make('span', { class: 'fp-who' }, who, ' ', make('i', { 'aria-hidden': 'true' }, sign), ' ', make('b', {}, stepName(step))), make('span', { class: 'fp-says' }, text), make('span', { class: 'fp-how-sure' }, words || ' ')];
  return step === null ? make('div', { class: 'fp-side', 'data-who': who }, ...inside)
    : make('button', { type: 'button', class: 'fp-side', 'data-who': who, title: 'Go to this step', onclick: () => select(state.trace, step + 1) }, ...inside);
}

function choices(met) {
  if (met.is_kept) return make('div', { class: 'fp-versus-do' }, make('span', {}, 'You have looked at it and keep yours.'), make('button', { type: 'button', class: 'fp-small', onclick: () => settle(true) }, 'Put it back in the queue ', make('kbd', {}, 'Y')));
  const take = () => (met.machine === null ? judge('all_right') : judge('first_wrong', { step: met.machine, goes: true }));
  return make('div', { class: 'fp-versus-do' },
    make('button', { type: 'button', class: 'fp-small', title: 'I have looked: my label stays (Y)', onclick: () => settle(false) }, 'Keep mine ', make('kbd', {}, 'Y')),
    make('button', { type: 'button', class: 'fp-small', onclick: take }, met.machine === null ? 'All steps are right' : 'Take ' + stepName(met.machine)),
    make('span', {}, 'or flag another step'));
}

// Y: keep one's label, or put the trace back.
function settle(isUndone = Boolean(hereNow()?.is_kept)) {
  if (!queue.name || !hereNow()) return;
  send('settle', { trace: trace().id, undo: isUndone });
}
