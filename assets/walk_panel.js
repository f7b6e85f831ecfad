// The side panel: the state under the cursor, the step that led to it, what checks and people say, the maker. What the
// machine found has its own place between them (walk_explore.js), which keeps its fields while it is redrawn.

const CHECK_SIGNS = { right: '✓', wrong: '✗', unjudged: '~' };

function drawPanel() {
  const one = trace();
  const figure = state.figure;
  const blocks = [];
  if (one && state.at !== QUESTION) blocks.push(stepBlock(one));
  blocks.push(stateBlock(one));
  if (one) blocks.push(checkBlock(one), agreementBlock(one));
  part('panel-top').replaceChildren(...blocks.splice(0));
  drawMachine();
  if (one) blocks.push(peopleBlock(one), makerBlock(one), sandboxBlock(one));
  if (figure.problem.solution_html && (state.isReview || (one && isShown(one)))) {
    blocks.push(block('Reference solution', make('div', { class: 'fp-solution', typeset: figure.problem.solution_html })));
  }
  blocks.push(make('div', { class: 'fp-panel-end' }, make('button', { type: 'button', class: 'fp-quiet', onclick: copyLink }, 'Copy a link to this state')));
  part('panel-end').replaceChildren(...blocks);
}

function block(title, ...children) {
  return make('section', { class: 'fp-block' }, make('h3', {}, title), ...children);
}

const line = (kind, ...words) => make('p', { class: 'fp-line', 'data-kind': kind }, ...words);

function stepBlock(one) {
  const [action, isLegal] = legalNow(one, state.at);
  const legality = !isShown(one) ? '' : isLegal ? ' · allowed here' : ' · not allowed here';
  const words = action ? [make('b', {}, action), legality] : ['No action could be told.'];
  const form = formAt(one, state.at);
  const how = form.kind === 'words' ? [] : [line('muted', FORM_WORDS[form.kind] + (form.hasFailed ? ': running it failed' : ''))];
  if (form.kind !== 'words' && !action) return block('Step ' + state.at, ...how, ...valueLine(one));
  return block('Step ' + state.at, line(isLegal ? 'plain' : 'illegal', isLegal ? '' : '⊘ ', ...words), ...how, ...valueLine(one));
}

function stateBlock(one) {
  const title = state.at === QUESTION ? 'The question' : 'Established after step ' + state.at;
  const facts = [];
  if (one) {
    const seen = new Map(); // a quantity that is worked out anew, after going back, replaces its old value
    one.path.slice(1, state.at + 1).forEach((index, i) => {
      for (const [name, value, , nameKey] of state.figure.states[index].established) {
        const key = nameKey || '=' + value;
        if (seen.get(key)?.[1] !== value) { seen.delete(key); seen.set(key, [name, value, i === stepNow()]); }
      }
    });
    facts.push(...seen.values());
  }
  if (!facts.length) return block(title, line('muted', state.at === QUESTION ? 'Nothing is established yet.' : 'No quantity so far.'));
  return block(title, make('ul', { class: 'fp-facts' }, ...facts.map(([name, value, isNew]) => make('li', { 'data-new': String(isNew) },
    name && make('span', {}, name[0].toUpperCase() + name.slice(1) + ' = '), make('b', {}, value), isNew && make('span', { class: 'fp-hidden' }, ' (new)')))));
}

function checkBlock(one) {
  if (!isShown(one)) return block('Checks', line('muted', 'Hidden until you have judged.'));
  const here = one.findings.filter((finding) => finding.step === stepNow());
  const wrong = one.findings.filter((finding) => finding.status === 'wrong' && finding.step !== stepNow());
  const lines = here.map((finding) => line(finding.status, CHECK_SIGNS[finding.status] + ' ', make('b', {}, finding.check), ': ' + finding.message));
  if (!here.length && state.at !== QUESTION) lines.push(line('muted', 'Nothing to say about this step.'));
  for (const at of new Set(wrong.map((finding) => finding.step))) {
    lines.push(line('muted', make('button', { type: 'button', class: 'fp-link', onclick: () => select(state.trace, at + 1) }, 'step ' + (at + 1)), ' has a failed check'));
  }
  if (state.at === QUESTION && !lines.length) lines.push(line('muted', 'No check objects to any step.'));
  if (stepNow() === stepsOf(one) - 1) lines.push(line(one.verdict.status, CHECK_SIGNS[one.verdict.status] + ' answer ' + (one.answer ?? 'not found') + ': ' + (one.verdict.reason || WORDS[one.verdict.status])));
  const failed = here.find((finding) => finding.check === 'arithmetic' && finding.status === 'wrong');
  return block('Checks', ...lines, make('div', { class: 'fp-point-tools' }, failed && repairButton(failed), translateButton(one)));
}

function peopleBlock(one) {
  const labels = one.labels.filter((label) => label.annotator === state.me || isShown(one));
  if (!labels.length) return block('People', line('muted', one.labels.length ? 'Hidden until you have judged.' : 'Nobody has judged this trace.'));
  return block('People', ...labels.map((label) => {
    const lines = [line(label.kind === 'first_wrong' ? 'first_wrong' : 'plain', make('b', {}, label.annotator === state.me ? 'You' : label.annotator), ': ' + describe(label))];
    if (label.correction) lines.push(line('quote', 'should say: ' + label.correction));
    if (label.note) lines.push(line('quote', label.note));
    return make('div', {}, ...lines);
  }));
}

function makerBlock(one) {
  const when = one.created ? new Date(one.created * 1000).toLocaleDateString(undefined, { dateStyle: 'medium' }) : '';
  const rows = [['engine', one.maker.engine], ['model', one.maker.model], ['adapter', one.maker.adapter || 'none'], ['format', formatTitle(one.format)],
    ['temperature', one.maker.temperature === null ? 'not known' : one.maker.temperature === 0 ? '0 (greedy)' : String(one.maker.temperature)],
    ['seed', one.maker.seed === null ? 'not known' : String(one.maker.seed)], ['made', when]];
  return make('section', { class: 'fp-block' }, make('details', { class: 'fp-maker', open: recall('maker', '') === 'open', ontoggle: (event) => remember('maker', event.target.open ? 'open' : '') },
    make('summary', {}, make('h3', {}, 'Made by'), ' ', make('span', {}, one.maker.words)),
    make('dl', {}, ...rows.filter((row) => row[1]).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]))));
}
