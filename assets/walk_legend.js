// Around the map: clicks on it, its legend, folding, zoom, and redrawing when its place or the theme changes.

const MEANINGS = [
  ['question', 'question'], ['step', 'state'], ['answer', 'answer, not judged by you'], ['right', 'right answer'], ['wrong', 'wrong answer'],
  ['unjudged', 'answer that could not be judged'], ['first_wrong', 'first wrong step (a person)'], ['pit', 'first pit (a machine)'], ['after', 'after it'],
];

function listenToPlot() {
  graph.isReady = true;
  part('plot').on('plotly_click', (event) => {
    const id = event.points.at(-1)?.customdata;
    if (typeof id === 'string') return expand(true);
    if (typeof id === 'number') selectState(id);
  });
  const redraw = () => { clearTimeout(graph.timer); graph.timer = setTimeout(() => { if (part('canvas').clientWidth) drawPlot(); }, 60); };
  new ResizeObserver(redraw).observe(part('canvas'));
  new MutationObserver(redraw).observe(document.body, { attributes: true, attributeFilter: ['class'] });
}

// A click on a state keeps the trace if it passes there; else the first that does.
function selectState(id) {
  const paths = viewNow().paths;
  const at = paths[trace()?.id]?.indexOf(id) ?? -1;
  if (at >= 0) return select(state.trace, at);
  const index = state.figure.traces.findIndex((one) => paths[one.id].includes(id));
  if (index >= 0) select(index, paths[state.figure.traces[index].id].indexOf(id));
}

function drawLegend(plan) {
  const kinds = new Set(plan.nodes.map((node) => node.kind));
  const forms = [...new Set(plan.nodes.filter((node) => node.kind === 'step' || node.kind === 'after').map((node) => node.form))];
  const hasForms = forms.some((form) => form !== 'words');
  const items = MEANINGS.filter(([kind]) => kinds.has(kind) && !(hasForms && kind === 'step')).map(([kind, words]) => make('li', {}, make('i', { class: 'fp-key', 'data-kind': kind, 'aria-hidden': 'true' }, kind === 'pit' ? '' : state.figure.look.markers[kind].glyph), words));
  if (plan.edges.some((edge) => !edge.isLegal)) items.push(make('li', {}, make('i', { class: 'fp-key', 'data-kind': 'illegal', 'aria-hidden': 'true' }, '⊘'), 'action not allowed here'));
  if (hasForms) items.splice(1, 0, ...Object.keys(FORM_WORDS).filter((form) => forms.includes(form)).map((form) => make('li', {}, make('i', { class: 'fp-key', 'data-form': form, 'aria-hidden': 'true' }), FORM_WORDS[form])));
  if (plan.backs.length) items.push(make('li', {}, make('i', { class: 'fp-key', 'data-kind': 'back', 'aria-hidden': 'true' }, '⤴'), 'leads back'));
  if (showsValues()) items.push(make('li', {}, make('i', { class: 'fp-key', 'data-kind': 'value', 'aria-hidden': 'true' }), 'value, as long as it is high'));
  if (graph.isRated) items.push(...recoveryLegend());
  part('legend').replaceChildren(...items);
}

function drawExpand() {
  const button = part('expand');
  const view = viewNow();
  button.hidden = !view.is_large;
  button.textContent = state.isExpanded ? 'Fold' : 'Show all ' + NUMBERS.format(view.slot.length) + ' states';
}

function expand(isExpanded) {
  state.isExpanded = isExpanded;
  state.zoom = 1;
  drawGraph();
}

function zoom(by) {
  state.zoom = by ? clamp(state.zoom * by, 0.25, 400) : 1;
  drawGraph();
}

function turn() {
  state.direction = state.direction === 'down' ? 'right' : 'down';
  remember('direction', state.direction);
  state.zoom = 1;
  drawBar();
  drawGraph();
}

function merge() {
  state.view = state.view === 'plain' ? 'merged' : 'plain';
  remember('view', state.view);
  drawBar();
  drawGraph();
  say(state.view === 'merged' ? 'States that have established the same quantities are one now.' : 'Every state is its whole past again.');
}

function review(isReview) {
  state.isReview = isReview;
  remember('mode', isReview ? 'review' : 'label');
  if (state.figure?.problem) drawAll();
  if (!part('problems').closest('.fp-rail').hidden) ask(list.offset);
}
