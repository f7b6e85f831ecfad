// What exploring says of each state: how often the model recovered from there, how sure that is, where the pit may be.
// Colour runs from "no try recovered" to "every try did", in hues that colour-blind people tell apart, and pales where
// few tries leave much open; the whisker under a state and the words beside its step say the same without colour.

const live = new Map(); // trace id → the exploration that is under way: { found, budget, spent, num, words, isStopping }

const foundOf = (one) => live.get(one.id)?.found ?? one.pits.at(-1) ?? null;
const hasEvidence = (one) => isShown(one) && Boolean(foundOf(one)?.rates.length || foundOf(one)?.posterior.length);
const hasRecovery = () => (state.figure?.traces ?? []).some(hasEvidence);
const showsRecovery = () => hasRecovery() && state.showsRecovery;

const inPercent = (share) => Math.round(100 * share);
const chance = (share) => (share > 0 && share < 0.005 ? '< 1 %' : share < 1 && share >= 0.995 ? '> 99 %' : inPercent(share) + ' %');
const rateWords = ([, good, all]) => good + ' of ' + all + ' recovered';
const rangeWords = ([, , , low, high]) => inPercent(low) + '–' + inPercent(high) + ' %';
const rateAt = (found, step) => found?.rates.find((row) => row[0] === step);
// One success further on shows that every state before it can be recovered from; so does a solution that is right itself.
const isProven = (found, step) => Boolean(found?.is_right || found?.rates.some((row) => row[0] > step && row[1] > 0));
const pitAt = (found, step) => (found?.posterior.length ? found.posterior[step] : undefined);

function toggleRecovery() {
  if (!hasRecovery()) return say(state.isReview || (trace() && isShown(trace())) ? 'Nothing has been explored here yet: press E to let the machine look.' : 'What machines found is hidden until you have judged.');
  state.showsRecovery = !state.showsRecovery;
  remember('recovery', state.showsRecovery ? 'on' : 'off');
  drawBar();
  drawEvidence();
  drawGraph();
  say(state.showsRecovery ? 'States are coloured by how often the model recovered from them.' : 'The colours of recovery are off.');
}

// ── in the map ──────────────────────────────────────────────────────────────────────────────────────────────────────

// State → its row of rates: the trace's on screen if it was tried there, else of the trace that tried most; no row where
// a later state's success alone speaks for it.
function ratesNow(view) {
  const rates = new Map();
  if (!graph.isRated) return rates;
  for (const one of state.figure.traces.filter(hasEvidence)) {
    for (const row of foundOf(one).rates) {
      const id = view.paths[one.id][row[0] + 1];
      const known = rates.get(id);
      if (id !== undefined && (one === trace() || !known || (!known.isHere && known.row[2] < row[2]))) rates.set(id, { row, isHere: one === trace() });
    }
  }
  for (const one of state.figure.traces.filter(hasEvidence)) {
    view.paths[one.id].forEach((id, i) => { if (!rates.has(id) && isProven(foundOf(one), i - 1)) rates.set(id, { row: null }); });
  }
  return rates;
}

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
const blend = (a, b, share) => '#' + channels(a).map((one, i) => Math.round(one + (channels(b)[i] - one) * share).toString(16).padStart(2, '0')).join('');

// The scale's colour for a rate, mixed with the bare state's as far as the interval is wide.
function recoveryColour([, good, all, low, high], theme) {
  const place = (all ? good / all : 0.5) * (theme.recovery.length - 1);
  const first = Math.min(Math.floor(place), theme.recovery.length - 2);
  return blend(theme.step[0], blend(theme.recovery[first], theme.recovery[first + 1], place - first), clamp(1.15 - (high - low), 0.35, 1));
}

const provenColour = (theme) => blend(theme.step[0], theme.recovery.at(-1), 0.16);

const TOLD_BY_ANSWER = new Set(['right', 'wrong', 'unjudged', 'answer', 'more']);

function fillOf(node, own, theme) {
  if (!graph.isRated || TOLD_BY_ANSWER.has(node.kind)) return own;
  const rate = graph.rates.get(node.id);
  if (rate) return rate.row ? recoveryColour(rate.row, theme) : provenColour(theme);
  return node.kind === 'question' ? own : theme.step[0];
}

function glyphColour(node, own, theme) {
  return graph.isRated && !TOLD_BY_ANSWER.has(node.kind) && node.kind !== 'question' ? theme.text : own;
}

function hoverOf(node) {
  if (!graph.isRated || node.kind === 'more') return node.hover;
  const rate = graph.rates.get(node.id);
  const step = pathNow().indexOf(node.id) - 1;
  const share = step >= 0 && hasEvidence(trace()) ? pitAt(foundOf(trace()), step) : undefined;
  return node.hover + (rate?.row ? '<br><b>' + rateWords(rate.row) + '</b>, ' + rangeWords(rate.row) + ', 95 % credible' : rate ? '<br>no try from here, but recovered from further on' : '<br>no try from here')
    + (share === undefined ? '' : '<br>the first pit: ' + chance(share));
}

const WHISKER = 28; // pixels from 0 to 1

// Beside each state that was tried, where no edge and no label stands (left of it top down, above it left to right): where
// its true rate lies with 95 % credibility, and the rate that was seen.
function whiskerTraces(plan, theme) {
  if (!graph.isRated || plan.isGl || plan.scale.size < 0.6) return [];
  const nodes = plan.nodes.filter((node) => graph.rates.get(node.id)?.row);
  const row = (node) => graph.rates.get(node.id).row;
  const isDown = state.direction === 'down';
  const place = (share) => (isDown ? { x: nodes.map((node) => node.x - 29), y: nodes.map((node) => node.y - WHISKER * (share(node) - 0.5)) } : { x: nodes.map((node) => node.x + WHISKER * (share(node) - 0.5)), y: nodes.map((node) => node.y - 29) });
  const bars = (from, to, width, color) => ({
    type: 'scatter', mode: 'markers', hoverinfo: 'skip', ...place((node) => (from(node) + to(node)) / 2),
    marker: { symbol: isDown ? 'line-ns' : 'line-ew', size: nodes.map((node) => (WHISKER * Math.max(to(node) - from(node), 0.02)) / 1.4), line: { width, color }, color }, // plotly draws it 1.4 × as long
  });
  const seen = (node) => row(node)[1] / row(node)[2];
  return [
    bars(() => 0, () => 1, 5, theme.track), bars((node) => row(node)[3], (node) => row(node)[4], 3, theme.muted),
    { type: 'scatter', mode: 'markers', hoverinfo: 'skip', ...place(seen), marker: { symbol: isDown ? 'line-ew' : 'line-ns', size: 6.5, line: { width: 2.5, color: theme.text }, color: theme.text } },
  ];
}

function recoveryLegend() {
  const theme = themeNow();
  const scale = make('i', { class: 'fp-scale', 'aria-hidden': 'true', style: 'background:linear-gradient(90deg,' + theme.recovery.join(',') + ')' });
  return [
    make('li', { class: 'fp-scale-key' }, 'none of the tries recovered', scale, 'all did'),
    make('li', {}, make('i', { class: 'fp-scale fp-pale', 'aria-hidden': 'true', style: 'background:linear-gradient(90deg,' + theme.recovery.map((one) => blend(theme.step[0], one, 0.28)).join(',') + ')' }), 'pale: few tries'),
    make('li', {}, whisker([0, 3, 5, 0.28, 0.88]), 'seen, and where it may truly lie (95 %)'),
  ];
}

// ── in the list ─────────────────────────────────────────────────────────────────────────────────────────────────────

function whisker([, good, all, low, high]) {
  return make('span', { class: 'fp-whisker', 'aria-hidden': 'true' },
    make('i', { style: 'left:' + inPercent(low) + '%;width:' + Math.max(2, inPercent(high - low)) + '%' }), make('b', { style: 'left:' + inPercent(all ? good / all : 0) + '%' }));
}

function shareBar(share) {
  return make('span', { class: 'fp-share', 'aria-hidden': 'true' }, make('i', { style: 'width:' + (share > 0 ? Math.max(2, inPercent(share)) : 0) + '%' }));
}

// A line under each step: what was seen from the state after it, and how likely it is the pit.
function drawEvidence() {
  const one = trace();
  const isOn = Boolean(one && state.showsRecovery && hasEvidence(one));
  const found = isOn ? foundOf(one) : null;
  for (const item of part('list').children) {
    const step = Number(item.dataset.at) - 1;
    const words = isOn ? evidenceWords(found, step) : [];
    let box = item.querySelector('.fp-evidence');
    if (!box && words.length) item.append(box = make('div', { class: 'fp-evidence' }));
    if (!words.length) box?.remove();
    else box.replaceChildren(...words);
  }
  const none = isOn && found.posterior.length ? found.posterior.at(-1) : null;
  part('no-pit').hidden = none === null;
  if (none !== null) part('no-pit').replaceChildren('no pit in this trace', shareBar(none), make('b', {}, chance(none)));
}

function evidenceWords(found, step) {
  const rate = rateAt(found, step);
  const share = step >= 0 ? pitAt(found, step) : undefined;
  if (!rate && share === undefined) return [];
  const colour = rate && recoveryColour(rate, themeNow());
  const seen = rate ? make('span', { class: 'fp-seen', title: rateWords(rate) + ', ' + rangeWords(rate) + ', 95 % credible' },
    make('i', { class: 'fp-dot', 'aria-hidden': 'true', style: 'background:' + colour }), make('b', {}, rateWords(rate)), whisker(rate), rangeWords(rate), make('span', { class: 'fp-hidden' }, ', 95 % credible. '))
    : isProven(found, step) ? make('span', { class: 'fp-seen', title: 'One success further on shows that this state can be recovered from as well' }, make('i', { class: 'fp-dot', 'aria-hidden': 'true', style: 'background:' + provenColour(themeNow()) }), found.is_right ? 'recoverable: this solution gets there' : 'recoverable: a later step recovered')
    : make('span', { class: 'fp-seen', 'data-none': 'true' }, make('i', { class: 'fp-dot', 'aria-hidden': 'true' }), 'no try from here');
  if (share === undefined) return [seen];
  return [seen, make('span', { class: 'fp-chance', 'data-small': String(share < 0.005), title: 'How likely this step is the first pit, by all tries so far' }, 'pit', shareBar(share), make('b', {}, chance(share)))];
}
