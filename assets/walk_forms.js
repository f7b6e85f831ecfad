// How solutions are written: a step's kind and what running it gave, each trace's format, the filter by format.

const FORMAT_WORDS = { transitions: 'steps', cot: 'words', program: 'program', text_code: 'words + code', equations: 'equations', specification: 'logic' };
const FORM_WORDS = { words: 'words', code: 'code', output: 'output', equation: 'equation', declaration: 'declaration', constraint: 'constraint' };

const formatWord = (name) => FORMAT_WORDS[name] ?? name;
const formatTitle = (name) => state.figure.titles?.[name] ?? formatWord(name);
const formatsHere = () => [...new Set(state.figure.traces.map((one) => one.format))];
const isInFilter = (one) => !state.format || one.format === state.format;

// The kind of the step that leads to place `at`, what running it gave (HTML that the server set), and whether it failed.
function formAt(one, at) {
  const [, , kind = 'words', outcome = '', hasFailed = false] = one.steps[at - 1];
  return { kind, outcome, hasFailed };
}

function stepBody(html, form) {
  if (!form || form.kind === 'words') return [make('span', { typeset: html }), form?.outcome && outcomeOf(form)];
  if (form.kind === 'output') return [make('span', { class: 'fp-output' }, make('span', { class: 'fp-hidden' }, 'output '), make('span', { 'aria-hidden': 'true' }, '→ '), make('span', { typeset: html })), form.outcome && outcomeOf(form)];
  return [make('code', { class: 'fp-code', typeset: html }), form.outcome && outcomeOf(form)];
}

function outcomeOf(form) {
  return make('span', { class: 'fp-outcome', 'data-failed': String(form.hasFailed) },
    make('span', { 'aria-hidden': 'true' }, form.hasFailed ? '⚠ ' : '→ '), make('span', { class: 'fp-hidden' }, form.hasFailed ? 'failed: ' : 'gives '), make('span', { typeset: form.outcome }));
}

// ── the filter ──────────────────────────────────────────────────────────────────────────────────────────────────────

function drawFormats() {
  const formats = formatsHere();
  if (!formats.includes(state.format)) state.format = '';
  const box = part('formats');
  if (formats.length < 2) return box.replaceChildren(formats.length ? make('span', { class: 'fp-format-one' }, formatTitle(formats[0])) : '');
  const count = (name) => state.figure.traces.filter((one) => one.format === name).length;
  const select = make('select', { 'aria-label': 'Show the traces of one format', onchange: (event) => filterFormat(event.target.value) },
    make('option', { value: '' }, formats.length + ' formats'), ...formats.map((name) => make('option', { value: name }, formatTitle(name) + ' (' + count(name) + ')')));
  select.value = state.format;
  box.replaceChildren(select);
}

function filterFormat(name) {
  state.format = name;
  state.zoom = 1;
  if (!isInFilter(trace())) return select(state.figure.traces.findIndex(isInFilter), QUESTION);
  drawTraces();
  drawGraph();
  drawGraphCursor();
}

// The next trace in either direction, of those that the filter lets through.
function neighbour(by) {
  const all = state.figure.traces.length;
  for (let i = 1; i <= all; i += 1) {
    const index = (state.trace + by * i + all * i) % all;
    if (isInFilter(state.figure.traces[index])) return index;
  }
  return state.trace;
}

// States on the way of a trace that the filter lets through; null: all.
function statesInFilter(view) {
  if (!state.format) return null;
  return new Set([0, ...state.figure.traces.filter(isInFilter).flatMap((one) => view.paths[one.id])]);
}

// ── asking in several formats ───────────────────────────────────────────────────────────────────────────────────────

function fillFormats() {
  const box = part('write-as');
  const formats = state.figure?.formats ?? [];
  part('sandbox').replaceChildren(formats.some(([name]) => state.figure.running?.includes(name)) ? sandboxFold('Where code is run') : '');
  part('more-form').elements.hint.disabled = !state.figure?.keypoints?.points.length;
  if (box.children.length === formats.length) return;
  box.replaceChildren(...formats.map(([name, title], i) => make('label', { class: 'fp-check' }, make('input', { type: 'checkbox', name: 'format', value: name, checked: i === 0 }), make('span', {}, title))));
}

function chosenFormats() {
  fillFormats();
  const chosen = [...part('write-as').querySelectorAll('input:checked')].map((box) => box.value);
  return chosen.length ? chosen : [part('write-as').querySelector('input')?.value ?? ''];
}
