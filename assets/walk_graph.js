// The map: plotly draws the plan; the cursor is laid over it as shapes, so that a move redraws no state.

const graph = { plotly: null, plan: null, box: null, timer: 0, isReady: false, numbers: new Map(), rates: new Map(), isRated: false };
const plotlyFile = root.dataset.plotly;

// plotly.js is fetched once a page and kept under our own name: gr.Plot brings its own and overwrites window.Plotly.
function loadPlotly() {
  window.firstPitPlotly ??= new Promise((done, failed) => {
    const before = window.Plotly;
    const base = (window.gradio_config?.root ?? '').replace(/[/]$/, '');
    const script = make('script', { src: base + '/gradio_api/file=' + plotlyFile });
    script.onload = () => { const mine = window.Plotly; if (before) window.Plotly = before; done(mine); };
    script.onerror = () => { window.firstPitPlotly = undefined; failed(new Error('plotly.js')); };
    document.head.append(script);
  });
  return window.firstPitPlotly;
}

function drawGraph() {
  if (graph.plotly) return drawPlot();
  loadPlotly().then((plotly) => { graph.plotly = plotly; drawPlot(); drawGraphCursor(); },
    () => { part('wait').textContent = 'The graph could not be loaded. The steps beside it say the same; reload to try again.'; });
}

function themeNow() {
  return state.figure.look.themes[document.body.classList.contains('dark') ? 'dark' : 'light'];
}

function drawPlot() {
  const box = part('canvas');
  if (!state.figure?.problem || !box.clientWidth) return;
  graph.isRated = showsRecovery(); // asked once: it looks at every trace
  const plan = planNow(box.clientWidth, box.clientHeight);
  graph.plan = plan;
  graph.numbers = new Map();
  graph.rates = ratesNow(viewNow());
  graph.box = boxFor(plan, box.clientWidth, box.clientHeight);
  const theme = themeNow();
  const font = { family: getComputedStyle(root).fontFamily, size: 12, color: theme.text };
  const layout = {
    width: box.clientWidth, height: box.clientHeight, margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false, hovermode: 'closest',
    dragmode: graph.box.fits ? false : 'pan', paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)', font,
    xaxis: axis(graph.box.x), yaxis: axis(graph.box.y), shapes: cursorShapes(plan, theme),
    hoverlabel: { align: 'left', bgcolor: theme.paper, bordercolor: theme.edge, font },
  };
  graph.plotly.react(part('plot'), [...backTraces(plan, theme), ...edgeTraces(plan, theme), ...valueTraces(plan, theme, viewNow()), ...whiskerTraces(plan, theme), labelTrace(plan, theme), nodeTrace(plan, theme)], layout,
    { displayModeBar: false, scrollZoom: false, doubleClick: false, responsive: false });
  if (!graph.isReady) listenToPlot();
  part('wait').hidden = true;
  part('plot').setAttribute('aria-label', 'State graph: ' + plan.nodes.length + ' states drawn, ' + state.figure.traces.length + ' traces. The step list holds the same in words.');
  drawLegend(plan);
  drawExpand();
}

const axis = (range) => ({ range, visible: false, fixedrange: graph.box.fits, zeroline: false });

// The window onto the plan, in its pixels: centred when all fits, else around the cursor.
function boxFor(plan, width, height) {
  const isDown = state.direction === 'down';
  const free = isDown ? [plan.width + 132 + plan.margin, plan.height + 84] : [plan.width + 130, plan.height + 100 + plan.margin];
  const now = plan.at.get(pathNow()[state.at]) ?? plan.nodes[0];
  const lead = isDown ? [42 + plan.margin, 38] : [56, 36 + plan.margin];
  const start = (size, needed, middle, first) => (needed <= size ? -first - (size - needed) * 0.5 : clamp(middle - size / 2, -first, needed - first - size));
  const x = start(width, free[0], now.x, lead[0]);
  const y = isDown && free[1] <= height ? -lead[1] : start(height, free[1], now.y, lead[1]);
  return { x: [x, x + width], y: [y + height, y], fits: free[0] <= width && free[1] <= height };
}

const curve = (a, b) => (state.direction === 'down' ? [a.x, (a.y + b.y) / 2, b.x, (a.y + b.y) / 2] : [(a.x + b.x) / 2, a.y, (a.x + b.x) / 2, b.y]);

function edgePoints(a, b, isGl) {
  if (isGl || a.x === b.x || a.y === b.y || graph.plan.scale.size < 0.3) return [[a.x, a.y], [b.x, b.y]];
  const [cx, cy, dx, dy] = curve(a, b);
  return Array.from({ length: 13 }, (_, i) => {
    const t = i / 12, s = 1 - t;
    return [s ** 3 * a.x + 3 * s * s * t * cx + 3 * s * t * t * dx + t ** 3 * b.x, s ** 3 * a.y + 3 * s * s * t * cy + 3 * s * t * t * dy + t ** 3 * b.y];
  });
}

// Sound, bad and forbidden edges (plain, dotted, dashed), then their arrow heads, which can be clicked, with their actions.
// The heads are longer than wide: an equilateral triangle, turned along a slanted edge, would seem to point back up.
function edgeTraces(plan, theme) {
  const kinds = [[(edge) => !edge.isBad && edge.isLegal, theme.edge, 'solid'], [(edge) => edge.isBad && edge.isLegal, theme.bad, 'dot'], [(edge) => !edge.isLegal, theme.bad, 'dash']];
  const type = plan.isGl ? 'scattergl' : 'scatter';
  const traces = kinds.map(([fits, color, dash]) => {
    const x = [], y = [];
    for (const edge of plan.edges.filter(fits)) {
      for (const point of edgePoints(plan.at.get(edge.from), plan.at.get(edge.to), plan.isGl)) { x.push(point[0]); y.push(point[1]); }
      x.push(null); y.push(null);
    }
    return { type, mode: 'lines', x, y, hoverinfo: 'skip', opacity: plan.scale.slot < 6 ? 0.45 : 1, line: { color, width: plan.scale.size < 0.5 ? 1 : 2, dash: plan.isGl || plan.scale.size < 0.3 ? 'solid' : dash, simplify: false } };
  });
  const ends = plan.isGl || plan.scale.size < 0.35 ? [] : plan.edges.map((edge) => ({ edge, a: plan.at.get(edge.from), b: plan.at.get(edge.to) }));
  const isDown = state.direction === 'down';
  const hasWords = plan.scale.size >= 1 && plan.nodes.length <= 90 && (isDown ? plan.scale.layer >= 66 && plan.scale.slot >= 70 : plan.scale.layer >= 120);
  traces.push({
    type: 'scatter', mode: hasWords ? 'markers+text' : 'markers', x: ends.map(({ a, b }) => (a.x + b.x) / 2), y: ends.map(({ a, b }) => (a.y + b.y) / 2),
    text: hasWords ? actionWords(ends, isDown) : undefined, textposition: isDown ? 'middle right' : 'top center', textfont: { size: 10, color: theme.muted },
    customdata: ends.map(({ edge }) => edge.to), hoverinfo: 'text', hovertext: ends.map(({ edge }) => (edge.action ?? 'step') + (edge.isLegal ? '' : ', not allowed here') + (edge.count > 1 ? '<br>' + edge.count + ' traces' : '')),
    marker: { symbol: 'arrow', size: 13 * Math.max(plan.scale.size, 0.5), angle: ends.map(({ a, b }) => heading(a, b)), color: ends.map(({ edge }) => (edge.isBad || !edge.isLegal ? theme.bad : theme.edge)) },
  });
  return traces;
}

// The actions beside the arrow heads, left out where the next one stands too close.
function actionWords(ends, isDown) {
  const taken = new Map(); // height → the leftmost place that is taken there
  const words = ends.map(({ edge }) => (edge.isLegal ? '' : '⊘ ') + shortAction(edge.action));
  const order = [...ends.keys()].sort((i, j) => ends[j].a.x + ends[j].b.x - ends[i].a.x - ends[i].b.x);
  for (const i of isDown ? order : []) {
    const { a, b } = ends[i];
    const [x, y] = [(a.x + b.x) / 2, Math.round((a.y + b.y) / 2)];
    if (x + 12 + words[i].length * 5.6 > (taken.get(y) ?? Infinity)) words[i] = '';
    taken.set(y, x - 6);
  }
  return words;
}

// Degrees clockwise from up; a curve is half as steep in its middle as the line between its ends suggests.
function heading(a, b) {
  const [dx, dy] = state.direction === 'down' ? [(b.x - a.x) * 1.5, (b.y - a.y) * 0.75] : [(b.x - a.x) * 0.75, (b.y - a.y) * 1.5];
  return (Math.atan2(dx, -dy) * 180) / Math.PI;
}

const ACTION_WORDS = { 'Solve Subquestion': 'Subquestion', 'Solve Parent': 'Parent' };
const shortAction = (action) => (action ? ACTION_WORDS[action] ?? action : '');

function nodeTrace(plan, theme) {
  const of = (pick) => plan.nodes.map((node) => pick(markerOf(node), theme[node.kind], node));
  return {
    type: plan.isGl ? 'scattergl' : 'scatter', mode: plan.isGl ? 'markers' : 'markers+text',
    x: of((m, c, node) => node.x), y: of((m, c, node) => node.y), customdata: of((m, c, node) => node.id),
    text: plan.isGl ? undefined : of((m, c, node) => (plan.scale.size < 0.6 ? '' : '<b>' + (m.glyph || node.depth) + '</b>')), textfont: { size: 13, color: of((m, c, node) => glyphColour(node, c[2], theme)) },
    hoverinfo: 'text', hovertext: of((m, c, node) => hoverOf(node)),
    marker: { symbol: of((m) => m.symbol), size: of((m) => m.size * plan.scale.size), opacity: 1, color: of((m, c, node) => fillOf(node, c[0], theme)), line: { width: of((m) => Math.max(m.width * plan.scale.size, 0.6)), color: of((m, c) => c[1]) } },
  };
}

// A state of which nothing is said has the shape of its step's kind: words, code, output, equation …
function markerOf(node) {
  const { markers, forms } = state.figure.look;
  const marker = markers[node.kind];
  return node.kind === 'step' || node.kind === 'after' ? { ...marker, ...forms[node.form] } : marker;
}

function labelTrace(plan, theme) {
  const isDown = state.direction === 'down';
  const shown = plan.isGl ? [] : plan.nodes.filter((node) => labelFor(node));
  return {
    type: 'scatter', mode: 'text', hoverinfo: 'skip', x: shown.map((node) => node.x + (isDown ? 24 : 0)), y: shown.map((node) => node.y + (isDown ? 0 : 21)),
    text: shown.map((node) => labelFor(node)), textposition: isDown ? 'middle right' : 'bottom center', cliponaxis: false,
    textfont: { size: 12, color: shown.map((node) => ({ first_wrong: theme.bad, wrong: theme.bad, pit: theme.pit[1], more: theme.muted }[node.kind] ?? theme.text)) },
  };
}

// The cursor: the trace's way (walked, and still ahead), the same quantities, a ring around the state.
function cursorShapes(plan, theme) {
  const way = pathNow().map((id) => plan.at.get(id)).filter(Boolean);
  const now = way[Math.min(state.at, way.length - 1)];
  const shapes = [];
  const ribbon = (nodes, color) => nodes.length > 1 && shapes.push({ type: 'path', layer: 'below', path: ribbonPath(nodes, plan.isGl || plan.scale.size < 0.3), line: { color, width: 10 * Math.max(plan.scale.size, 0.4) } });
  ribbon(way.slice(state.at), theme.ahead);
  ribbon(way.slice(0, state.at + 1), theme.path);
  if (!plan.isGl) shapes.push(...shine(plan, theme));
  if (now) {
    const r = 23 * Math.max(plan.scale.size, 0.5);
    shapes.push({ type: 'circle', xsizemode: 'pixel', ysizemode: 'pixel', xanchor: now.x, yanchor: now.y, x0: -r, x1: r, y0: -r, y1: r, line: { color: theme.cursor, width: 3 } }, ...cursorWords(now, theme));
  }
  return shapes;
}

// Where there is no room for every label, the state under the cursor has one all the same. A shape's label, because
// an annotation redraws the whole plot: 0.4 s instead of 5 ms at 1,000 states.
function cursorWords(now, theme) {
  if (labelFor(now)) return [];
  const width = now.text.length * 6.6 + 14;
  const [x0, y0] = state.direction === 'down' ? [27, -11] : [-width / 2, -50];
  return [{ type: 'rect', xsizemode: 'pixel', ysizemode: 'pixel', xanchor: now.x, yanchor: now.y, x0, x1: x0 + width, y0, y1: y0 + 22, fillcolor: theme.paper, line: { color: theme.cursor, width: 1 }, label: { text: escaped(now.text), font: { size: 12, color: theme.text } } }];
}

function ribbonPath(nodes, isStraight) {
  return nodes.map((node, i) => {
    if (!i) return 'M' + node.x + ',' + node.y;
    const before = nodes[i - 1];
    if (isStraight || before.x === node.x || before.y === node.y) return 'L' + node.x + ',' + node.y;
    const [cx, cy, dx, dy] = curve(before, node);
    return 'C' + cx + ',' + cy + ' ' + dx + ',' + dy + ' ' + node.x + ',' + node.y;
  }).join(' ');
}

// A marker pen behind the labels that name a quantity of the step under the cursor.
function shine(plan, theme) {
  const keys = keysForGraph();
  if (!keys.size || plan.nodes.length > 400) return [];
  const isDown = state.direction === 'down';
  return plan.nodes.filter((node) => node.kind !== 'more' && numbersOf(node).some((key) => keys.has(key))).flatMap((node) => {
    const lines = labelFor(node).split('<br>');
    if (!lines[0]) return [];
    const width = Math.max(...lines.map((one) => one.replace(/&[a-z]+;/g, '.').length)) * 5.4 + 6;
    const height = lines.length * 16;
    const [x0, y0] = isDown ? [24, -height / 2] : [-width / 2, -22 - height];
    return [{ type: 'rect', layer: 'below', xsizemode: 'pixel', ysizemode: 'pixel', xanchor: node.x, yanchor: node.y, x0, x1: x0 + width, y0, y1: y0 + height, fillcolor: theme.shine, line: { width: 0 } }];
  });
}

// In the graph only what the step establishes shines (all its quantities, if it establishes none): less is more there.
function keysForGraph() {
  if (state.at === QUESTION || !trace()) return new Set();
  const made = state.figure.states[trace().path[state.at]].established.map((fact) => fact[2]);
  return made.length ? new Set(made) : keysNow();
}

function numbersOf(node) {
  if (!graph.numbers.has(node.id)) graph.numbers.set(node.id, (node.text.match(/[0-9][0-9,]*(?:[.][0-9]+)?/g) ?? []).map((text) => text.replace(/,/g, '')));
  return graph.numbers.get(node.id);
}

function drawGraphCursor() {
  const { plan, plotly } = graph;
  if (!plotly || !plan || !part('plot').layout) return;
  const change = { shapes: cursorShapes(plan, themeNow()) };
  const now = plan.at.get(pathNow()[state.at]);
  const { xaxis, yaxis } = part('plot').layout;
  const isOut = now && (now.x < xaxis.range[0] + 20 || now.x > xaxis.range[1] - 20 || now.y > yaxis.range[0] - 20 || now.y < yaxis.range[1] + 20);
  if (isOut && !graph.box.fits) {
    const box = boxFor(plan, part('canvas').clientWidth, part('canvas').clientHeight);
    change['xaxis.range'] = box.x;
    change['yaxis.range'] = box.y;
  }
  plotly.relayout(part('plot'), change);
}
