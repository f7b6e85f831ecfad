// The list of problems with its filters, an own problem, more samples.

const PAGE_SIZE = 30;
const list = { offset: 0, total: 0, timer: 0, seq: 0, isOwn: false };

function ask(offset = 0) {
  if (queue.name) return askQueue(offset);
  const filters = part('filters').elements;
  list.offset = Math.max(0, offset);
  list.seq += 1;
  send('find', { search: filters.search.value, source: filters.source.value, verdict: filters.verdict.value, labelled: filters.labelled.value, agreement: filters.agreement.value, offset: list.offset, seq: list.seq });
}

function askSoon() {
  clearTimeout(list.timer);
  list.timer = setTimeout(ask, 160);
}

function onListMail(mail) {
  if (mail.seq !== list.seq || queue.name) return;
  list.total = mail.total;
  const chosen = part('filters').elements.source;
  const now = chosen.value;
  chosen.replaceChildren(make('option', { value: '' }, 'every source'), ...mail.sources.map((name) => make('option', { value: name }, name)));
  chosen.value = now;
  const items = mail.rows.map(problemItem);
  if (!items.length) items.push(make('li', { class: 'fp-none' }, mail.message || 'No problem fits. Loosen a filter, or type a problem of your own below.'));
  part('problems').replaceChildren(...items);
  drawPage();
}

function problemItem(row) {
  const isHere = row.id === state.figure?.problem?.id;
  const facts = [row.source, row.num_traces === 1 ? '1 trace' : row.num_traces + ' traces'];
  if (state.isReview) for (const status of ['right', 'wrong', 'unjudged']) if (row['num_' + status]) facts.push(row['num_' + status] + ' ' + SIGNS[status]);
  if (row.num_labelled) facts.push('⚑ ' + row.num_labelled);
  return make('li', {}, make('button', { type: 'button', class: 'fp-problem', 'aria-current': isHere ? 'true' : null, onclick: () => { open({ problem: row.id }); if (isNarrow()) toggleRail(false); } },
    make('span', { class: 'fp-problem-text' }, row.question), make('span', { class: 'fp-problem-facts' }, facts.join(' · '))));
}

const isNarrow = () => window.innerWidth < 1340;

function toggleRail(isOpen = part('problems').closest('.fp-rail').hidden, takesFocus = true) {
  const rail = root.querySelector('.fp-rail');
  rail.hidden = !isOpen;
  root.dataset.rail = isOpen ? 'open' : '';
  root.querySelector('.fp-bar [data-do="rail"]').setAttribute('aria-expanded', String(isOpen));
  remember('rail', isOpen ? 'open' : '');
  if (!isOpen) return;
  ask(list.offset);
  askCounts();
  if (takesFocus) part('filters').elements.search.focus({ preventScroll: true });
}

function sampleSettings() {
  const { num, temperature, hint } = part('more-form').elements;
  return { formats: chosenFormats(), hint: hint.checked, num: Number(num.value), temperature: Number(temperature.value) };
}

function solveOwn(event) {
  event.preventDefault();
  const { question, answer } = part('own-form').elements;
  part('own-say').textContent = '';
  if (!question.value.trim()) { part('own-say').textContent = 'The problem is empty: type a question first.'; return question.focus(); }
  list.isOwn = true;
  begin('sample', 'The model is solving it …');
  send('typed', { run: newRun(), question: question.value, answer: answer.value, ...sampleSettings() });
}

function sampleMore(event) {
  event.preventDefault();
  part('more').open = false;
  begin('sample', 'Sampling …');
  send('sample', { run: newRun(), problem: state.figure.problem.id, ...sampleSettings() });
}

// Each sampling has a name, by which it can be stopped even before its turn at the model has come.
const sampling = { run: '', count: 0 };

function newRun() {
  sampling.count += 1;
  sampling.run = page + '-' + sampling.count;
  return sampling.run;
}

function stopSampling() {
  if (state.busy !== 'sample') return;
  send('stop', { run: sampling.run });
  part('stop-sampling').disabled = true;
  say('Stopping: what has been sampled is kept …');
}

function drawSampling() {
  const isOn = state.busy === 'sample';
  part('stop-sampling').hidden = !isOn;
  part('stop-sampling').disabled = false;
}

function begin(what, words) {
  state.busy = what;
  root.dataset.busy = what;
  say(words);
  drawSampling();
  drawPanelIfAny();
}

function drawPanelIfAny() {
  if (state.figure?.problem) { drawPanel(); drawPoints(); drawTask(); }
}

function onWorkMail(mail) {
  if (mail.notice !== undefined) notice(mail.notice);
  if (mail.message) say(mail.message, mail.tone ?? '');
  if (mail.own !== undefined) part('own-say').textContent = mail.own;
  if (mail.is_here) state.settled = 0; // nothing to open: the trace on screen stays
  if (mail.name) becomeAnother(mail);
  if (mail.keypoints) onPointsMail(mail);
  if (mail.repair) openRepair(mail.repair);
  if (mail.doubts) onDoubts(mail.doubts);
  if (!mail.is_done) return;
  state.busy = '';
  root.dataset.busy = '';
  drawSampling();
  drawPanelIfAny();
  if (list.isOwn && mail.is_ok !== false && !mail.own && isNarrow()) toggleRail(false);
  list.isOwn = false;
  if (!part('problems').closest('.fp-rail').hidden) ask(list.offset);
}

function becomeAnother(mail) {
  Object.assign(state, { me: mail.name, last: mail.last });
  state.figure.progress = mail.progress;
  state.figure.problem ? drawAll() : drawBar();
}
