// Ways back in the map: from a Backtrack, or a Verify that failed, to the last correct state. They are drawn beside the
// graph and belong to no trace's path, so that layers stay layers.

const MARGIN = 46; // pixels beside the first state that the bows may need

function backsNow(view, drawn) {
  const shown = new Set(state.figure.traces.filter(isInFilter).map((one) => one.id));
  return (view.backs ?? []).filter(([from, to, , ids]) => drawn.has(from) && drawn.has(to) && ids.some((id) => shown.has(id)))
    .map(([from, to, action], i) => ({ from, to, action, reach: 28 + 10 * (i % 3) }));
}

// A bow on the side where no labels stand: left of the states top down, above them left to right.
function bow(back) {
  const { from, to, reach } = back;
  const isDown = state.direction === 'down';
  const [ax, ay, bx, by] = isDown ? [from.x - 14, from.y, to.x - 14, to.y] : [from.x, from.y - 14, to.x, to.y - 14];
  const pull = reach * 1.33;
  const [cx, cy, dx, dy] = isDown ? [Math.min(ax, bx) - pull, ay, Math.min(ax, bx) - pull, by] : [ax, Math.min(ay, by) - pull, bx, Math.min(ay, by) - pull];
  return Array.from({ length: 17 }, (_, i) => {
    const t = i / 16, s = 1 - t;
    return [s ** 3 * ax + 3 * s * s * t * cx + 3 * s * t * t * dx + t ** 3 * bx, s ** 3 * ay + 3 * s * s * t * cy + 3 * s * t * t * dy + t ** 3 * by];
  });
}

function backTraces(plan, theme) {
  if (!plan.backs.length) return [];
  const x = [], y = [], heads = [];
  for (const back of plan.backs) {
    const points = bow(back);
    for (const [px, py] of points) { x.push(px); y.push(py); }
    x.push(null); y.push(null);
    const [[ax, ay], [bx, by]] = [points.at(-3), points.at(-1)];
    heads.push({ x: bx, y: by, angle: (Math.atan2(bx - ax, ay - by) * 180) / Math.PI, words: back.action + ': back to ' + back.to.text });
  }
  return [
    { type: 'scatter', mode: 'lines', x, y, hoverinfo: 'skip', line: { color: theme.back, width: 2, dash: '6px,5px', simplify: false } },
    { type: 'scatter', mode: 'markers', x: heads.map((head) => head.x), y: heads.map((head) => head.y), hoverinfo: 'text', hovertext: heads.map((head) => escaped(head.words)),
      marker: { symbol: 'arrow', size: 14, angle: heads.map((head) => head.angle), color: theme.back } },
  ];
}

// ── what a value model thinks of each state: a bar under it, as long as the score ───────────────────────────────────

const hasValues = () => (state.figure.traces ?? []).some((one) => one.values?.length);
// Off while labelling, unless the person asks for it; on in review.
const showsValues = () => hasValues() && (state.showsValues ?? state.isReview);

function toggleValues() {
  state.showsValues = !showsValues();
  drawBar();
  drawGraph();
  drawPanel();
  say(state.showsValues ? 'Bars show how likely the value model thinks a right answer is from each state.' : 'The value model’s bars are hidden.');
}

// State → mean score over the traces that pass it, of the value model named first.
function scoresNow(view) {
  const sums = new Map();
  for (const one of state.figure.traces) {
    const scores = one.values?.[0]?.scores ?? [];
    const path = view.paths[one.id];
    scores.forEach((score, i) => {
      const [sum, count] = sums.get(path[i + 1]) ?? [0, 0];
      if (path[i + 1] !== undefined) sums.set(path[i + 1], [sum + score, count + 1]);
    });
  }
  return new Map([...sums].map(([id, [sum, count]]) => [id, sum / count]));
}

const BAR = 30; // pixels of a full bar

function valueTraces(plan, theme, view) {
  if (!showsValues() || plan.isGl || plan.scale.size < 0.6) return [];
  const scores = scoresNow(view);
  const nodes = plan.nodes.filter((node) => scores.has(node.id));
  const bars = (length, color, hover) => ({
    type: 'scatter', mode: 'markers', x: nodes.map((node) => node.x - BAR / 2 + length(node) / 2), y: nodes.map((node) => node.y + 24),
    hoverinfo: hover ? 'text' : 'skip', hovertext: hover ? nodes.map((node) => 'value ' + scores.get(node.id).toFixed(2)) : undefined,
    marker: { symbol: 'line-ew', size: nodes.map((node) => length(node) / 1.4), line: { width: 5, color }, color }, // plotly draws it 1.4 × as long
  });
  return [bars(() => BAR, theme.track, false), bars((node) => BAR * scores.get(node.id), theme.value, true)];
}

function valueLine(one) {
  const values = showsValues() ? (one.values ?? []).map(({ by, scores }) => [by, scores[stepNow()]]).filter(([, score]) => score !== undefined) : [];
  return values.map(([by, score]) => line('value', make('span', { class: 'fp-value', 'aria-hidden': 'true' }, make('i', { style: 'width:' + Math.round(100 * score) + '%' })), ' value ', make('b', {}, score.toFixed(2)), ' by ' + by));
}
