// The step list, the graph's twin: the same states in the same order under the same cursor; traces to choose from.

const NUMBERS = new Intl.NumberFormat('en');
const SIGNS = { right: '✓', wrong: '✗', unjudged: '~' };
const WORDS = { right: 'right', wrong: 'wrong', unjudged: 'could not be judged' };
let quantities = new Map(); // quantity → the spans that name it, in the question and the steps
let lit = [];

function drawBar() {
  const figure = state.figure;
  const progress = figure.progress ?? [0, 0];
  part('progress').textContent = NUMBERS.format(progress[0]) + ' of ' + NUMBERS.format(progress[1]) + ' judged';
  part('meter').style.width = (progress[1] ? (100 * progress[0]) / progress[1] : 0) + '%';
  part('name').textContent = state.me;
  const press = (name, isOn) => root.querySelector('[data-do="' + name + '"]').setAttribute('aria-pressed', String(isOn));
  press('label-mode', !state.isReview);
  press('review-mode', state.isReview);
  press('merge', state.view === 'merged');
  press('values', Boolean(figure.problem) && showsValues());
  root.querySelector('[data-do="values"]').hidden = !hasValues();
  press('recovery', showsRecovery());
  root.querySelector('[data-do="recovery"]').hidden = !hasRecovery();
  part('direction').textContent = state.direction === 'down' ? '↓' : '→';
  part('auto').checked = state.goesOn;
  drawWhere();
}

function drawWhere() {
  const problem = state.figure.problem;
  part('source').textContent = problem ? [problem.source, problem.level].filter(Boolean).join(' · ') : '';
  const one = trace();
  const isOpen = problem && (state.isReview || (one && isShown(one)));
  const answer = part('answer');
  answer.replaceChildren();
  if (isOpen && problem.answer !== null) answer.append('right answer ', make('b', { typeset: problem.answer_html }));
  if (isOpen && problem.answer === null) answer.append('right answer not known');
}

function drawTraces() {
  const isMixed = formatsHere().length > 1;
  drawFormats();
  const chips = state.figure.traces.map((one, index) => {
    const own = ownLabel(one);
    const seen = isShown(one) ? one.verdict.status : '';
    const mark = !own ? '' : own.kind === 'first_wrong' ? '⚑' + (own.step + 1) : { all_right: '✓✓', unsure: '?', skip: '»', bad_problem: '⊘' }[own.kind];
    const name = 'Trace ' + (index + 1) + ' of ' + state.figure.traces.length + ', ' + formatTitle(one.format) + ', ' + one.maker.words
      + (seen ? ', answer ' + WORDS[seen] : '') + (own ? ', your judgement: ' + describe(own) : ', not judged by you');
    return make('button', {
      type: 'button', class: 'fp-chip', 'aria-pressed': String(index === state.trace), 'aria-label': name, title: name,
      'data-verdict': seen, 'data-own': own?.kind ?? '', hidden: !isInFilter(one), onclick: () => select(index, QUESTION),
    }, make('span', {}, String(index + 1)), isMixed && make('span', { class: 'fp-format' }, formatWord(one.format) + (one.maker.engine === 'repair' ? ' ⟲' : '')), seen && make('span', { class: 'fp-sign' }, SIGNS[seen]), mark && make('span', { class: 'fp-own-mark' }, mark));
  });
  part('traces').replaceChildren(...chips);
  const chosen = chips[state.trace];
  if (chosen) part('traces').scrollTop = chosen.offsetTop - part('traces').clientHeight / 2;
}

function describe(label) {
  const what = label.kind === 'first_wrong' ? 'first wrong step ' + (label.step + 1) : SAID[label.kind].toLowerCase();
  return what + (label.error_class ? ' (' + label.error_class + ')' : '');
}

function drawSteps() {
  const figure = state.figure;
  const one = trace();
  const items = [stepItem(0, 'Q', null, figure.question_html ?? figure.problem.html, 'Question')];
  if (one) {
    for (let k = 1; k < one.path.length; k += 1) {
      const [action, isLegal] = legalNow(one, k);
      const isWritten = action && isLegal && one.texts[k - 1].startsWith(action); // the step names its action itself
      items.push(stepItem(k, String(k), isWritten ? null : [action, isLegal], figure.states[one.path[k]].html, 'Step ' + k, formAt(one, k)));
    }
  }
  part('list').replaceChildren(...items);
  quantities = new Map();
  for (const span of part('list').querySelectorAll('.quantity')) {
    const key = span.dataset.quantity;
    quantities.has(key) ? quantities.get(key).push(span) : quantities.set(key, [span]);
  }
  lit = [];
  drawStepMarks();
  drawEvidence();
}

// A step's action, and whether it is allowed there: a finding, so untold until the trace is judged.
function legalNow(one, at) {
  const [action, isLegal] = one.steps[at - 1];
  return [action, isLegal || !isShown(one)];
}

function stepItem(at, badge, action, html, name, form) {
  const hasAction = action?.[0] && (!form || form.kind === 'words' || !action[1]);
  return make('li', { role: 'option', id: 'fp-step-' + at, class: 'fp-step', 'data-at': at, 'data-form': form?.kind ?? 'question' },
    make('span', { class: 'fp-badge', 'aria-hidden': 'true' }, badge),
    make('div', { class: 'fp-text' },
      make('span', { class: 'fp-hidden' }, name + ': '),
      hasAction && make('span', { class: 'fp-action' + (action[1] ? '' : ' fp-illegal'), title: action[1] ? 'The action of this step' : 'This action is not allowed here' }, (action[1] ? '' : '⊘ ') + action[0]),
      ...stepBody(html, form)),
    make('span', { class: 'fp-marks' }));
}

// The marks at the right of each step: flags, pits, failed checks, the answer's verdict; each a glyph and a word.
function drawStepMarks() {
  const one = trace();
  for (const item of part('list').children) {
    const at = Number(item.dataset.at);
    const marks = one ? marksAt(one, at - 1) : [];
    item.dataset.kind = marks[0]?.[0] ?? '';
    item.querySelector('.fp-marks').replaceChildren(...marks.map(([kind, words, onclick]) => (onclick
      ? make('button', { type: 'button', class: 'fp-mark', 'data-kind': kind, onclick }, words) : make('span', { class: 'fp-mark', 'data-kind': kind }, words))));
  }
}

function marksAt(one, step) {
  const marks = [];
  const isOpen = isShown(one);
  for (const label of one.labels) {
    const isMine = label.annotator === state.me;
    if (label.kind === 'first_wrong' && label.step === step && (isMine || isOpen)) marks.push(['first_wrong', '⚑ first wrong' + (isMine ? '' : ', ' + label.annotator)]);
  }
  if (!isOpen) return marks;
  if (step >= 0 && one.pits.some((pit) => pit.step === step)) marks.push(['pit', one.pits.at(-1).step === step ? '◆ machine pit' : '◇ an earlier find']);
  if (one.findings.some((finding) => finding.step === step && finding.status === 'wrong')) marks.push(['check', '⚠ check']);
  for (const finding of one.findings) if (finding.step === step && finding.check === 'information') marks.push(['nowhere', '◌ ' + finding.found + ' from nowhere']);
  if (step >= 0 && step === stepsOf(one) - 1) marks.push([one.verdict.status, SIGNS[one.verdict.status] + ' answer ' + { right: 'right', wrong: 'wrong', unjudged: 'not judged' }[one.verdict.status]]);
  const badge = step >= 0 && step === stepsOf(one) - 1 && badgeMark(one);
  if (badge) marks.push([...badge, openAgreement]);
  return marks;
}

function drawStepCursor() {
  const list = part('list');
  const now = list.children[state.at];
  for (const item of list.children) {
    const at = Number(item.dataset.at);
    item.setAttribute('aria-selected', String(at === state.at));
    item.dataset.when = at === state.at ? 'now' : at < state.at ? 'past' : 'ahead';
  }
  if (!now) return;
  list.setAttribute('aria-activedescendant', now.id);
  keepInSight(now);
  drawQuantities(now);
}

// Scrolls only when the step is out of sight, and then just enough: nothing jumps while stepping.
function keepInSight(item) {
  const box = item.getBoundingClientRect();
  if (!box.height) return;
  const dock = (isStripOpen() ? part('strip') : root.querySelector('.fp-dock')).getBoundingClientRect();
  const floor = Math.min(window.innerHeight, dock.top) - 8;
  if (box.bottom > floor && box.top > 80) window.scrollBy(0, Math.min(box.bottom - floor, box.top - 80));
  else if (box.top < 8) window.scrollBy(0, box.top - 80);
}

function drawQuantities(item) {
  for (const span of lit) span.classList.remove('fp-lit', 'fp-made');
  lit = [];
  for (const key of keysNow()) for (const span of quantities.get(key) ?? []) lit.push(span);
  const made = new Set(trace() && state.at ? state.figure.states[trace().path[state.at]].established.map((fact) => fact[2]) : []);
  for (const span of lit) span.classList.add(made.has(span.dataset.quantity) ? 'fp-made' : 'fp-lit');
}

// The quantities named by the step under the cursor; none while the question is.
function keysNow() {
  if (state.at === QUESTION) return new Set();
  const now = part('list').children[state.at];
  return new Set([...(now?.querySelectorAll('.quantity') ?? [])].map((span) => span.dataset.quantity));
}

function drawTask() {
  const one = trace();
  const words = taskWords(one);
  part('task').replaceChildren(make('span', {}, ...words));
  part('task').dataset.open = String(Boolean(one && !isJudged(one)));
}

function taskWords(one) {
  if (!one) return [state.busy ? 'The model is solving it …' : 'No solution yet: press “+ Samples” to let the model solve it.'];
  if (!stepsOf(one)) return ['This trace has no steps: press B if the problem is to blame, or S to skip it.'];
  if (!isJudged(one)) return [make('b', {}, 'Find the first wrong step.'), ' Walk down with ↓, and press F where it goes wrong; A if nothing does.'];
  const own = ownLabel(one);
  if (own.kind === 'skip') return ['You skipped this one.'];
  const answer = one.verdict.status === 'unjudged' ? ' The answer could not be judged.' : ' The answer ' + (one.answer ?? '') + ' is ' + WORDS[one.verdict.status] + '.';
  return ['You said: ', make('b', {}, describe(own)), '.', answer];
}
