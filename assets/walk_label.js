// Judging: a label is sent with what was on screen when the key went down, is sent again until the server confirms it,
// and only then does the page say "saved" and go on. An event has an id, so that sending it twice labels once.

const CLASSES = [['calculation', 'C', 'Calculation'], ['misunderstanding', 'M', 'Misunderstanding'], ['step missing', 'G', 'Step missing'], ['other', 'O', 'Other']];
const SAID = { first_wrong: 'First wrong step', all_right: 'All steps right', unsure: 'Unsure', skip: 'Skipped', bad_problem: 'Bad problem' };
const RETRY_AFTER = 4000; // milliseconds; a label takes about 15
const LEFT_FOR = 600000; // milliseconds after which a judgement left behind by a reload is forgotten

let seq = 0;

function judge(kind, more = {}) {
  const one = trace();
  if (!one) return;
  if (state.pending) return say('Saving the last one first …');
  if (performance.now() < state.settled) return say('The trace is changing: look first.');
  if (kind === 'first_wrong' && state.at === QUESTION && more.step === undefined) return say('Choose a step first: the question itself cannot be the wrong step.', 'bad');
  const step = kind === 'first_wrong' ? more.step ?? stepNow() : null;
  deliver({
    action: kind, problem: state.figure.problem.id, trace: one.id, step,
    error_class: more.error_class ?? '', correction: more.correction ?? '', note: more.note ?? '',
    seconds: Math.round((performance.now() - state.opened) / 100) / 10, goes: more.goes ?? kind !== 'first_wrong',
  });
}

function undo() {
  if (state.pending) return say('Saving the last one first …');
  if (!state.last) return say('Nothing to undo.');
  deliver({ action: 'undo', problem: state.last.problem_id, trace: state.last.trace_id, label: state.last.id, step: null, goes: false });
}

function deliver(judgement) {
  seq += 1;
  state.pending = { event: page + '-' + seq, ...judgement, seq, tries: 0 };
  keepPending({ ...judgement, event: state.pending.event, since: Date.now() });
  say('Saving …');
  post();
}

// Gradio reloads the page when its server was away: a judgement not confirmed by then is delivered by the new page.
function keepPending(judgement) {
  try {
    judgement ? sessionStorage.setItem('first-pit-pending', JSON.stringify(judgement)) : sessionStorage.removeItem('first-pit-pending');
  } catch { /* private window: a reload forgets it, and nothing was said to be saved */ }
}

function deliverWhatIsLeft() {
  let left = null;
  try { left = JSON.parse(sessionStorage.getItem('first-pit-pending')); } catch { return; }
  if (left && Date.now() - left.since < LEFT_FOR) deliver({ ...left, goes: left.goes && left.trace === trace()?.id });
  else keepPending(null);
}

function post() {
  const pending = state.pending;
  if (!pending) return;
  pending.tries += 1;
  pending.sent = performance.now();
  send('judge', pending);
  clearTimeout(pending.timer);
  pending.timer = setTimeout(() => {
    if (state.pending !== pending) return;
    if (pending.tries < 4) return post();
    state.pending = null;
    keepPending(null);
    say('NOT saved: the server does not answer. Press the key again once it is back.', 'bad');
  }, RETRY_AFTER);
}

function onLabelMail(mail) {
  const pending = state.pending;
  if (pending?.seq === mail.seq) root.dataset.trip = (performance.now() - pending.sent).toFixed(1); // read by the bench
  if (mail.progress) state.figure.progress = mail.progress;
  if (mail.annotator) state.me = mail.annotator;
  if (mail.is_ok) state.last = mail.last;
  if (mail.is_ok && mail.marks) applyMarks(mail);
  if (!pending || mail.seq !== pending.seq) return drawBar();
  clearTimeout(pending.timer);
  state.pending = null;
  keepPending(null);
  if (!mail.is_ok) return say(mail.message, 'bad');
  say(mail.message, 'good');
  drawBar();
  if (pending.action === 'undo') return afterUndo(pending);
  if (pending.trace !== trace()?.id) return;
  strip.proposal = mail.proposal ?? null;
  if (pending.action === 'first_wrong' && !pending.goes) return openStrip();
  closeStrip();
  if (pending.goes && (state.goesOn || pending.action === 'first_wrong')) next();
}

// Labels, pits and marks of the problem anew, as the server has them on disk.
function applyMarks(mail) {
  const figure = state.figure;
  if (figure.problem?.id !== mail.problem) return;
  for (const one of figure.traces) Object.assign(one, mail.said[one.id] ?? {});
  for (const [name, marks] of Object.entries(mail.marks)) if (figure.views[name]) figure.views[name].marks = marks;
  drawAll();
}

function afterUndo(undone) {
  closeStrip();
  const index = state.figure.traces.findIndex((one) => one.id === undone.trace);
  if (index >= 0) return select(index, index === state.trace ? state.at : QUESTION);
  open({ problem: undone.problem, trace: undone.trace });
}

// The next trace that this person has not judged: in this problem first, then wherever the server finds one.
function next() {
  if (queue.name) return nextInQueue();
  const traces = state.figure?.traces ?? [];
  const order = [...traces.keys()].map((i) => (i + state.trace + 1) % traces.length);
  const found = order.find((i) => i !== state.trace && isInFilter(traces[i]) && !isJudged(traces[i]));
  if (found !== undefined) return select(found, QUESTION, true);
  open({ next: true, after: trace()?.id ?? null });
}

// Until the other trace is here, no key may judge the one that is leaving.
function open(where) {
  state.settled = performance.now() + RETRY_AFTER;
  send('open', where);
}

// ── the strip after F: what kind of error, what it should say ───────────────────────────────────────────────────────

// What the checks take the flagged step's error for. It comes with the flag's confirmation, never before, and stays a
// proposal, drawn as one, until the person confirms it or takes another class.
const strip = { proposal: null };

const proposedFor = (own) => (own?.error_class ? '' : strip.proposal?.error_class ?? '');

function openStrip() {
  const form = part('strip');
  const own = ownLabel(trace());
  if (own?.kind !== 'first_wrong') return;
  const proposed = proposedFor(own);
  part('classes').replaceChildren(...CLASSES.map(([name, key, title]) => make('button', {
    type: 'button', class: 'fp-class', 'aria-pressed': String(own.error_class === name), 'data-proposed': String(name === proposed), onclick: () => classify(name),
  }, title, name === proposed && make('i', {}, ' proposed'), ' ', make('kbd', {}, key))), proposalLine(own, proposed));
  form.elements.correction.value = own.correction;
  form.elements.note.value = own.note;
  part('strip-next').textContent = proposed ? 'Confirm, next trace ' : 'Next trace ';
  part('strip-next').append(make('kbd', {}, 'Enter'));
  form.hidden = false;
  keepInSight(part('list').children[state.at]);
}

function proposalLine(own, proposed) {
  if (!strip.proposal || (own.error_class && own.error_class !== strip.proposal.error_class)) return '';
  const { error_class: name, reasons } = strip.proposal;
  if (own.error_class) return make('p', { class: 'fp-proposal' }, 'You and the checks agree: ' + reasons.join('; '));
  return make('p', { class: 'fp-proposal' }, proposed ? '◇ The checks propose ' + name + ': ' + reasons.join('; ') + '. Confirm it, or choose another.' : 'The checks cannot tell what kind of error it is.');
}

function closeStrip() {
  const form = part('strip');
  if (form.contains(document.activeElement)) part('list').focus({ preventScroll: true });
  form.hidden = true;
}

const isStripOpen = () => !part('strip').hidden;

function refine(change, goes) {
  const own = ownLabel(trace());
  if (own?.kind !== 'first_wrong') return;
  const { correction, note } = part('strip').elements;
  judge('first_wrong', { step: own.step, error_class: own.error_class, correction: correction.value, note: note.value, ...change, goes });
}

function classify(name) {
  refine({ error_class: ownLabel(trace())?.error_class === name ? '' : name }, false);
}

function finishStrip() {
  const own = ownLabel(trace());
  const { correction, note } = part('strip').elements;
  if (proposedFor(own)) return refine({ error_class: proposedFor(own) }, true);
  if (own && (correction.value !== own.correction || note.value !== own.note)) return refine({}, true);
  closeStrip();
  next();
}

function openStripField(name) {
  const field = part('strip').elements[name];
  field.focus({ preventScroll: true });
  field.select();
}
