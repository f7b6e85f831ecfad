// What of the graph is to be seen, where it stands, and what each state counts as: from the server's columns to a plan.
//
// plan = { nodes: [{ id, x, y, kind, form, text, hover, depth }], edges: [{ from, to, action, isLegal, count, isBad }], backs, at: Map(id → node) }
// Places are in pixels of an unzoomed drawing; "more" nodes stand for branches folded away.

const NEIGHBOURS = 2; // branches kept on each side of the path when folded
const SLOT = { low: 46, high: 176 }; // pixels between neighbours, top down
const LAYER = { low: 36, high: 86 };

function viewNow() {
  const views = state.figure.views;
  return views[state.view] ?? views.plain;
}

const isDown = () => state.direction === 'down';
const pathNow = () => viewNow().paths[trace()?.id] ?? [0];
const isFolded = () => viewNow().is_large && !state.isExpanded;

// The strongest visible mark of every state; an answer nobody may see yet is just an answer.
function kindsNow(view) {
  const strength = state.figure.look.strength;
  const kinds = new Array(view.slot.length).fill('step');
  const shown = new Map(state.figure.traces.map((one) => [one.id, isShown(one)]));
  for (const path of Object.values(view.paths)) if (path.length > 1) kinds[path.at(-1)] = 'answer';
  for (const [node, kind, traceId, by] of view.marks) {
    const isMine = by === state.me && (kind === 'first_wrong' || kind === 'after');
    if (!shown.get(traceId) && !isMine) continue;
    if (kinds[node] === 'answer' && kind === 'after') continue;
    if (strength.indexOf(kind) > strength.indexOf(kinds[node])) kinds[node] = kind;
  }
  kinds[0] = 'question';
  return kinds;
}

// Nodes and branches to draw: all of them, or the path with its nearest branches and a count of the rest.
function branchesNow(view) {
  const children = view.slot.map(() => []);
  const parents = new Array(view.slot.length).fill(-1);
  for (const [from, to] of view.edges) {
    children[from].push(to);
    if (parents[to] < 0 || view.depth[from] > view.depth[parents[to]]) parents[to] = from;
  }
  const allowed = statesInFilter(view);
  if (!isFolded()) return { ids: view.slot.map((_, id) => id).filter((id) => !allowed || allowed.has(id)), more: [], children };
  const path = pathNow();
  const ids = new Set(path);
  const more = [];
  for (const [i, id] of path.entries()) {
    const on = path[i + 1];
    const others = children[id].filter((child) => child !== on && !ids.has(child) && (!allowed || allowed.has(child))).sort((a, b) => view.slot[a] - view.slot[b]);
    const centre = on === undefined ? 0 : others.findIndex((child) => view.slot[child] > view.slot[on]);
    const middle = centre < 0 ? others.length : centre;
    const kept = others.slice(Math.max(0, middle - NEIGHBOURS), middle + NEIGHBOURS);
    kept.forEach((child) => ids.add(child));
    if (others.length > kept.length) more.push([id, others.length - kept.length]);
  }
  return { ids: [...ids], more, children };
}

// Slots for what is left after folding: leaves side by side in the server's order, parents above their middle.
function compact(view, ids, more) {
  const isKept = new Set(ids);
  const below = new Map(ids.map((id) => [id, []]));
  const parent = new Map();
  for (const [from, to] of view.edges) {
    if (!isKept.has(from) || !isKept.has(to)) continue;
    if (!parent.has(to) || view.depth[from] > view.depth[parent.get(to)]) parent.set(to, from);
  }
  for (const [to, from] of parent) below.get(from).push(to);
  for (const branch of below.values()) branch.sort((a, b) => view.slot[a] - view.slot[b]);
  for (const [id] of more) below.get(id).push('more-' + id);
  const slots = new Map();
  let next = 0;
  const place = (id) => {
    const branch = below.get(id) ?? [];
    branch.forEach(place);
    slots.set(id, branch.length ? (slots.get(branch[0]) + slots.get(branch.at(-1))) / 2 : next++);
  };
  place(0);
  return slots;
}

function planNow(width, height) {
  const view = viewNow();
  const { ids, more } = branchesNow(view);
  const folded = isFolded();
  const slots = folded || state.format ? compact(view, ids, more) : null;
  const slotOf = (id) => (slots ? slots.get(id) : view.slot[id]);
  const kinds = kindsNow(view);
  const across = Math.max(...ids.map(slotOf), ...more.map(([id]) => slotOf('more-' + id))) + 1;
  const along = Math.max(...ids.map((id) => view.depth[id]), ...more.map(([id]) => view.depth[id] + 1)) + 1;
  const backs = backsNow(view, new Set(ids));
  const margin = backs.length ? MARGIN : 0;
  const scale = scaleFor(width - (isDown() ? margin : 0), height - (isDown() ? 0 : margin), across, along, view.is_large && state.isExpanded);
  const spot = (slot, depth) => (state.direction === 'down' ? [slot * scale.slot, depth * scale.layer] : [depth * scale.layer, slot * scale.slot]);
  const nodes = ids.map((id) => {
    const [x, y] = spot(slotOf(id), view.depth[id]);
    return { id, x, y, kind: kinds[id], text: view.label[id], hover: view.hover[id], depth: view.depth[id], form: view.form[id] };
  });
  const seen = new Set(state.figure.traces.filter(isShown).flatMap((one) => view.paths[one.id])); // judged: may say all
  const edges = [];
  const at = new Map(nodes.map((node) => [node.id, node]));
  for (const [from, to, action, isLegal, count] of view.edges) {
    if (at.has(from) && at.has(to)) edges.push({ from, to, action, isLegal: isLegal || !seen.has(to), count, isBad: ['first_wrong', 'after', 'wrong'].includes(kinds[to]) });
  }
  for (const [id, count] of more) {
    const [x, y] = spot(slotOf('more-' + id), view.depth[id] + 1);
    const node = { id: 'more-' + id, x, y, kind: 'more', text: count + ' more', hover: 'Show all states', depth: '' };
    nodes.push(node);
    at.set(node.id, node);
    edges.push({ from: id, to: node.id, action: null, isLegal: true, count: 1, isBad: false });
  }
  const [wide, high] = spot(across - 1, along - 1);
  const plan = { nodes, edges, at, scale, margin, backs: backs.map((back) => ({ ...back, from: at.get(back.from), to: at.get(back.to) })), isGl: view.type === 'scattergl' && !folded, width: wide, height: high };
  measureRooms(plan, width);
  return plan;
}

// Pixels a slot and a layer: as much as fits, within what can be read; a large expanded graph may shrink to fit.
function scaleFor(width, height, across, along, mayShrink) {
  const isDown = state.direction === 'down';
  const room = isDown ? [width - 132, height - 84] : [height - 100, width - 130];
  const limits = isDown ? [SLOT, LAYER] : [{ low: 62, high: 96 }, { low: 64, high: 156 }];
  const fit = (free, count, limit) => {
    const most = count > 1 ? free / (count - 1) : limit.high;
    return clamp(most, mayShrink ? 0.3 : limit.low, limit.high) * state.zoom;
  };
  const slot = fit(room[0], across, limits[0]);
  const layer = fit(room[1], along, limits[1]);
  return { slot, layer, size: clamp(Math.min(slot / SLOT.low, layer / 44), 0.16, 1) };
}

const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');

// Room beside each state, in characters: top down as far as the next state of its layer, left to right its layer's width.
function measureRooms(plan, width) {
  const isDown = state.direction === 'down';
  const atEdge = plan.width + 62 + Math.max(0, (width - plan.width - 132) / 2); // the last of a row has the margin
  const rows = new Map();
  for (const node of plan.nodes) rows.has(node.y) ? rows.get(node.y).push(node) : rows.set(node.y, [node]);
  for (const row of rows.values()) {
    row.sort((a, b) => a.x - b.x);
    row.forEach((node, i) => {
      const on = row[i + 1];
      const free = isDown ? (on ? on.x - node.x - (graph.isRated ? 58 : 41) : Math.min(190, atEdge - node.x)) : plan.scale.layer - 10;
      node.room = plan.scale.size < 0.75 ? 0 : Math.floor(free / 6.2);
    });
  }
}

// A label broken to fit beside its state: at the equals sign if it must be, else at a space, else cut.
function labelFor(node) {
  const { text, room } = node;
  if (room < 5) return '';
  const cut = (piece) => (piece.length > room ? piece.slice(0, room - 1) + '…' : piece);
  if (text.length <= room) return escaped(text);
  const equals = text.lastIndexOf('=');
  if (equals > 0) return escaped(cut(text.slice(0, equals).trim())) + '<br>' + escaped(cut(text.slice(equals).trim()));
  const space = text.lastIndexOf(' ', room);
  if (space <= 0) return escaped(cut(text));
  return escaped(text.slice(0, space)) + '<br>' + escaped(cut(text.slice(space + 1)));
}
