// The page of keys, and three steps of welcome that can be closed for good.

const KEYS = [
  ['↓ → j', 'next step'], ['↑ ← k', 'step back'], ['1 – 9', 'jump to a step, 0 to the question'], ['[ ]', 'other trace of this problem'],
  ['F', 'this is the first wrong step'], ['A', 'all steps are right'], ['U', 'unsure'], ['S', 'skip'], ['B', 'bad problem'], ['Z', 'undo'], ['N', 'next unlabelled trace'], ['Q', 'next trace of the queue'], ['Y', 'in a queue: keep your label'],
  ['C M G O', 'after F: calculation, misunderstanding, step missing, other'], ['W T', 'after F: write a correction, a note'], ['Enter', 'after F: confirm the class that is proposed; next trace'],
  ['R', 'label or review: hide or show answers and findings'], ['E', 'let the machine look for the pit; stop it'], ['T', 'read the tries from this state'], ['H', 'colours of recovery on or off'], ['M', 'merge states that established the same'], ['D', 'turn the graph'], ['P', 'problems'], ['?', 'this page'],
];

const NOTES = [
  'A right answer does not make every step right, nor does a wrong one say where it went wrong: judge the steps.',
  'Hidden until you judge: answers, checks, what machines and other people found. Review shows them all.',
  'A step’s shape says how it is written: words, code, output, equation, declaration, constraint. What running it gave stands after the arrow.',
  'Formats vote: a badge on each answer says which formats agree. They may agree on a wrong answer.',
  'The class of an error is proposed only after you have flagged the step, and counts only once you confirm it.',
  '“0 of 4 recovered” means that the model, continuing from there four times, never reached the right answer. It is evidence, not proof: the range beside it says how much four tries leave open.',
  'A pit’s percentage is how likely that step is the first from which the model does not recover, by all tries so far.',
];

function openHelp() {
  const dialog = part('dialog');
  dialog.replaceChildren(
    make('h2', { tabindex: '-1', autofocus: true }, 'Keys'),
    make('dl', { class: 'fp-keys' }, ...KEYS.flatMap(([keys, words]) => [make('dt', {}, ...keys.split(' ').map((key) => (key === '–' ? '–' : make('kbd', {}, key)))), make('dd', {}, words)])),
    make('h2', {}, 'Good to know'), make('ul', {}, ...NOTES.map((words) => make('li', {}, words))),
    make('div', { class: 'fp-dialog-end' }, make('button', { type: 'button', class: 'fp-quiet', onclick: () => { dialog.close(); startTour(); } }, 'Show the tour'), make('button', { type: 'button', class: 'fp-strong', onclick: () => dialog.close() }, 'Close')));
  dialog.showModal();
}

function openName() {
  const dialog = part('dialog');
  const field = make('input', { name: 'name', value: state.me, maxlength: 80, 'aria-label': 'Your name', autocomplete: 'off' });
  const form = make('form', { method: 'dialog', onsubmit: () => send('rename', { name: field.value }) },
    make('h2', {}, 'Your name on the labels'), make('p', {}, 'Labels are kept by name, so that several people can judge the same traces.'), field,
    make('div', { class: 'fp-dialog-end' }, make('button', { type: 'button', class: 'fp-quiet', onclick: () => dialog.close() }, 'Cancel'), make('button', { type: 'submit', class: 'fp-strong' }, 'Use this name')));
  dialog.replaceChildren(form);
  dialog.showModal();
  field.select();
}

const TOUR = [
  ['.fp-list', 'Read it step by step', 'These are the steps of one solution that a model wrote. ↓ and ↑ walk through it; the same quantity lights up wherever it occurs.'],
  ['.fp-judge', 'Mark where it first goes wrong', 'Stand on the first wrong step and press F, or A if every step is right. It is saved at once; Z takes it back.'],
  ['.fp-graph', 'See where the ways part', 'All solutions of the problem, merged: shared beginnings are shared states. Once you have judged, answers and machine findings appear.'],
];

let tourAt = 0;

function startTour() {
  tourAt = 0;
  drawTour();
}

function greet() {
  if (recall('tour', '') !== 'closed' && state.figure?.problem && !part('dialog').open) startTour();
}

function drawTour() {
  const tour = part('tour');
  const [target, title, words] = TOUR[tourAt];
  for (const other of root.querySelectorAll('.fp-shown')) other.classList.remove('fp-shown');
  root.querySelector(target).classList.add('fp-shown');
  const isLast = tourAt === TOUR.length - 1;
  tour.replaceChildren(
    make('p', { class: 'fp-tour-count' }, tourAt + 1 + ' of ' + TOUR.length), make('h2', {}, title), make('p', {}, words),
    make('div', { class: 'fp-dialog-end' }, make('button', { type: 'button', class: 'fp-quiet', onclick: endTour }, 'Do not show again'),
      make('button', { type: 'button', class: 'fp-strong', onclick: () => { if (isLast) return endTour(); tourAt += 1; drawTour(); } }, isLast ? 'Start' : 'Next')));
  tour.hidden = false;
}

function endTour() {
  part('tour').hidden = true;
  for (const other of root.querySelectorAll('.fp-shown')) other.classList.remove('fp-shown');
  remember('tour', 'closed');
  part('list').focus({ preventScroll: true });
}
