// The keyboard: one listener on the document. It keeps away from fields, dialogs, other tabs and the browser's own keys.

const KEY_ACTIONS = {
  ArrowDown: () => move(1), ArrowRight: () => move(1), j: () => move(1), ArrowUp: () => move(-1), ArrowLeft: () => move(-1), k: () => move(-1),
  f: () => judge('first_wrong'), a: () => judge('all_right'), u: () => judge('unsure'), s: () => judge('skip'), b: () => judge('bad_problem'),
  z: undo, n: next, q: nextInQueue, y: () => settle(), r: () => review(!state.isReview), m: merge, d: turn, p: () => toggleRail(), '?': openHelp, Escape: escape,
  e: exploreOrHalt, t: () => askTries(stepNow()), h: toggleRecovery,
  '[': () => select(neighbour(-1), QUESTION), ']': () => select(neighbour(1), QUESTION),
};

const STRIP_ACTIONS = {
  c: () => classify('calculation'), m: () => classify('misunderstanding'), g: () => classify('step missing'), o: () => classify('other'),
  w: () => openStripField('correction'), t: () => openStripField('note'), Enter: finishStrip, Escape: closeStrip,
};

const isArrow = (key) => key.startsWith('Arrow');
const FIELDS = 'input:not([type=checkbox]), textarea, select, [contenteditable=true], [role=dialog]:not([hidden]) input, dialog[open]';
const OWN_ARROWS = '[role=tablist], [role=radiogroup], [role=slider], [role=combobox], [role=menu], input[type=range], input[type=radio]';

function escape() {
  if (!part('tour').hidden) return endTour();
  part('more').open = false;
  closeStrip();
}

function onKey(event) {
  if (!element.isConnected) return document.removeEventListener('keydown', onKey);
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (!root.clientWidth || !state.figure?.problem) return; // another tab is on screen, or there is nothing to walk
  const at = event.target instanceof Element ? event.target : document.body;
  if (part('strip').contains(at) && at.matches('input')) return onFieldKey(event);
  if (document.querySelector('dialog[open]') || at.closest(FIELDS)) return;
  if (isArrow(event.key) && at.closest(OWN_ARROWS)) return;
  if (event.repeat && !isArrow(event.key) && event.key !== 'j' && event.key !== 'k') return;
  if (event.key === 'Enter' && at.closest('button, a, summary')) return;
  const action = actionFor(event.key.length === 1 ? event.key.toLowerCase() : event.key);
  if (!action) return;
  event.preventDefault();
  action();
}

function actionFor(key) {
  if (isStripOpen() && STRIP_ACTIONS[key]) return STRIP_ACTIONS[key];
  if (/^[0-9]$/.test(key)) return trace() ? () => select(state.trace, Math.min(Number(key), stepsOf(trace()))) : null;
  return KEY_ACTIONS[key];
}

function onFieldKey(event) {
  if (event.key === 'Enter') { event.preventDefault(); finishStrip(); }
  if (event.key === 'Escape') { event.preventDefault(); part('list').focus({ preventScroll: true }); }
}
