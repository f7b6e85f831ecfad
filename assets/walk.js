// Walk, the screen in the browser: what is on it, where the cursor stands, and how it talks to the server.
//
// These files are joined into one function by reasoner/tabs/component.py, in this order: walk.js, walk_graph.js,
// walk_places.js, walk_ways.js, walk_legend.js, walk_forms.js, walk_steps.js and so on to walk_start.js, as listed there.
// Gradio gives it: element, trigger, props, watch. The browser owns the cursor; the server gets whole, idempotent events.
// Text from people and models enters the page by textContent, or as HTML that the server typeset and escaped.

const root = element.querySelector('.fp');
const part = (name) => root.querySelector('[data-part="' + name + '"]');
const LOOK_FIRST = 350; // milliseconds in which nobody can have read a trace that came by itself
const QUESTION = 0; // the cursor's first place; place k is the state after step k - 1

const state = {
  figure: null, // the server's JSON: problem, states, traces, views, look …
  trace: 0, // index into figure.traces
  at: QUESTION,
  view: recall('view', 'plain'),
  format: '', // only traces of this format; '' for all
  showsValues: null, // null: in review only
  showsRecovery: recall('recovery', 'on') === 'on', // wherever something was explored and may be seen
  direction: recall('direction', 'down'),
  isReview: recall('mode', 'label') === 'review',
  goesOn: recall('goes-on', 'yes') === 'yes',
  isExpanded: false,
  zoom: 1,
  opened: performance.now(), // when this trace came on screen: seconds spent are counted from here
  settled: 0, // judgements before this moment are ignored: the trace changes, or has only just changed, by itself
  me: '',
  last: null, // this person's last label still standing: what Undo takes back
  pending: null, // the judgement that the server has not confirmed yet
  busy: '', // what the model is doing for this page: 'sample', 'translate', or nothing
};

function recall(name, otherwise) {
  try { return localStorage.getItem('first-pit-' + name) ?? otherwise; } catch { return otherwise; }
}

function remember(name, value) {
  try { localStorage.setItem('first-pit-' + name, value); } catch { /* private window: nothing is remembered */ }
}

// An element with attributes and children; strings become text nodes, so nothing in them can be HTML.
function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === 'class') made.className = value;
    else if (name === 'typeset') made.innerHTML = value; // only ever HTML that the server typeset
    else if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const trace = () => state.figure?.traces[state.trace];
const stepsOf = (one) => one.path.length - 1;
const stepNow = () => state.at - 1; // 0-based, as everywhere outside this screen; -1 is the question
const ownLabel = (one) => one.labels.findLast((label) => label.annotator === state.me);
const isJudged = (one) => Boolean(ownLabel(one));
// Labelling hides what could sway a person until they have judged this trace; a skip is no judgement.
const isShown = (one) => state.isReview || (isJudged(one) && ownLabel(one).kind !== 'skip');

// ── the server's words ──────────────────────────────────────────────────────────────────────────────────────────────

let newest = window.firstPit?.newest ?? 0; // survives the component being taken out and put back by a tab change

function receive(text) {
  if (!text) return;
  let figure;
  try { figure = JSON.parse(text); } catch { return; }
  if (figure.token <= newest && window.firstPit?.figure) figure = window.firstPit.figure;
  const isNews = figure.token > newest;
  newest = Math.max(newest, figure.token);
  const isElsewhere = state.figure?.problem && figure.problem && figure.problem.id !== state.figure.problem.id;
  if (figure.is_update && isElsewhere) return say('New traces have come for the other problem.');
  show(figure, isNews);
}

function show(figure, isNews) {
  const before = trace();
  const isFirst = !state.figure;
  const isSame = Boolean(figure.problem && state.figure?.problem?.id === figure.problem.id);
  state.figure = figure;
  for (const one of figure.traces) one.values = figure.values?.[one.id] ?? [];
  state.me = figure.annotator ?? state.me;
  if (isNews) state.last = figure.last;
  window.firstPit = { figure, newest, state };
  root.dataset.state = figure.problem ? 'problem' : 'empty';
  part('empty').hidden = Boolean(figure.problem);
  drawBar();
  if (!figure.problem) return;
  const kept = isSame && before ? figure.traces.findIndex((one) => one.id === before.id) : -1;
  const focus = figure.focus ?? {};
  const wanted = figure.traces.findIndex((one) => one.id === focus.trace);
  if (figure.is_update && kept >= 0) {
    state.trace = kept;
  } else {
    state.trace = Math.max(0, wanted);
    state.at = figure.traces.length ? clamp((focus.step ?? -1) + 1, 0, stepsOf(trace())) : QUESTION;
    state.isExpanded = false;
    state.zoom = 1;
    state.opened = performance.now();
    state.settled = isNews && !isFirst ? performance.now() + LOOK_FIRST : 0;
    closeStrip();
  }
  state.at = figure.traces.length ? clamp(state.at, 0, stepsOf(trace())) : QUESTION;
  drawAll();
  if (isFirst) deliverWhatIsLeft();
  followSearches();
  if (isFirst && new URL(window.location.href).searchParams.has('doubt')) openDoubts();
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

// ── the cursor ──────────────────────────────────────────────────────────────────────────────────────────────────────

function select(index, at, isByItself = false) {
  const figure = state.figure;
  if (!figure?.traces.length) return;
  const isOther = index !== state.trace;
  state.trace = clamp(index, 0, figure.traces.length - 1);
  state.at = clamp(at, 0, stepsOf(trace()));
  if (isOther) {
    state.opened = performance.now();
    state.settled = isByItself ? performance.now() + LOOK_FIRST : 0;
    closeStrip();
    drawAll();
  } else {
    drawCursor();
  }
}

function move(by) {
  if (trace()) select(state.trace, state.at + by);
}

function drawAll() {
  drawBar();
  drawTraces();
  drawPoints();
  drawQueue();
  drawSteps();
  drawGraph();
  drawCursor();
}

function drawCursor() {
  drawStepCursor();
  drawPanel();
  drawTask();
  drawGraphCursor();
  keepAddress();
}

// ── the address ─────────────────────────────────────────────────────────────────────────────────────────────────────

let addressTimer = 0;

function address() {
  const url = new URL(window.location.href);
  const at = { problem: state.figure?.problem?.id, trace: trace()?.id, step: state.at ? String(stepNow()) : null };
  for (const [name, value] of Object.entries(at)) value ? url.searchParams.set(name, value) : url.searchParams.delete(name);
  return url.toString();
}

function keepAddress() {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => element.isConnected && history.replaceState(history.state, '', address()), 120);
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(address());
    say('The link to this state is copied.');
  } catch {
    say('Copy it from here: ' + address());
  }
}

// ── talking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function say(text, tone = '') {
  part('status').textContent = text;
  part('status').dataset.tone = tone;
}

function notice(text) {
  part('notice').hidden = !text;
  part('notice').textContent = text || '';
}

// Events are whole: they say what was on screen when the key was pressed, whatever comes in between.
function send(name, payload) {
  trigger(name, { ...payload, page, view: state.view });
}

const page = Math.random().toString(36).slice(2);

function onMail(event) {
  if (!element.isConnected) return window.removeEventListener('first-pit-mail', onMail);
  let mail;
  try { mail = JSON.parse(event.detail); } catch { return; }
  if (mail.page && mail.page !== page) return;
  if (mail.kind === 'label') onLabelMail(mail);
  if (mail.kind === 'list') onListMail(mail);
  if (mail.kind === 'work') onWorkMail(mail);
  if (mail.kind === 'live') onLiveMail(mail);
  if (mail.kind === 'tries') onTriesMail(mail);
}
