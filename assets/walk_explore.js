// The machine's search for the first pit: how it is asked for, what it is finding, what it costs, how it is stopped.
// A search belongs to the trace and not to this page: after a reload, or in a second browser, the one that runs is followed.

const QUIET = 6000; // milliseconds without news after which the page asks what has become of a search
const HOW = { method: 'adaptive', k: 4, tokens: 20000, seconds: 60 };
const METHOD_WORDS = { adaptive: 'adaptive', linear: 'linear (Self-Explore)', binary: 'binary (OmegaPRM)' };

function howNow() {
  try { return { ...HOW, ...JSON.parse(recall('how', '{}')) }; } catch { return HOW; }
}

const isExploring = (one) => Boolean(one && live.has(one.id));
const isGoldKnown = () => Boolean(state.figure?.problem?.answer?.trim());

function explore() {
  const one = trace();
  if (!one || isExploring(one)) return;
  if (!part('how-form').reportValidity()) { part('how').open = true; return; }
  live.set(one.id, { found: null, budget: [null, null], spent: [0, 0], num: 0, words: 'Asking for the model …', isStopping: false, heard: performance.now() });
  say(isGoldKnown() ? 'Continuing from where it tells most, to see from where the model still recovers …' : 'Exploring by agreement of samples …');
  send('explore', { problem: state.figure.problem.id, trace: one.id, ...howNow(), judged_by: isGoldKnown() ? 'gold' : 'agreement' });
  drawMachine();
  part('machine').scrollIntoView({ block: 'nearest' });
  watchSearches();
}

function halt() {
  const one = trace();
  if (!isExploring(one)) return;
  live.get(one.id).isStopping = true;
  send('stop', { trace: one.id });
  say('Stopping: what has been found is kept …');
  drawMachine();
}

const exploreOrHalt = () => (isExploring(trace()) ? halt() : explore());

// Searches that run already when the page opens, or of which nothing was heard for a while.
function followSearch(id) {
  if (!live.has(id)) live.set(id, { found: null, budget: [null, null], spent: [0, 0], num: 0, words: 'Exploring …', isStopping: false });
  live.get(id).heard = performance.now();
  send('explore', { problem: state.figure.problem.id, trace: id, follow: true });
  watchSearches();
}

function followSearches() {
  for (const id of state.figure?.exploring ?? []) if (!live.has(id)) followSearch(id);
}

let watching = 0;

function watchSearches() {
  clearInterval(watching);
  watching = setInterval(() => {
    if (!element.isConnected || !live.size) return clearInterval(watching);
    for (const [id, one] of live) if (performance.now() - one.heard > QUIET && state.figure?.traces.some((other) => other.id === id)) followSearch(id);
  }, 1000);
}

function onLiveMail(mail) {
  if (!mail.trace) { // the server could not even begin; it says why
    for (const [id, one] of live) if (!one.num) live.delete(id);
    say(mail.message, mail.tone ?? 'bad');
    return drawLive(null);
  }
  if (!mail.is_over) {
    const before = live.get(mail.trace);
    live.set(mail.trace, { found: mail.found ?? before?.found ?? null, budget: mail.budget, spent: mail.spent, num: mail.num, words: mail.words, isStopping: mail.is_stopping, heard: performance.now() });
    return drawLive(mail.trace);
  }
  live.delete(mail.trace);
  if (mail.problem !== state.figure?.problem?.id) return say('The search in the other problem is over; what it found is kept.');
  if (mail.marks) applyMarks(mail);
  const one = state.figure.traces.find((other) => other.id === mail.trace);
  const isHidden = mail.tone === 'good' && one && !isShown(one);
  if (mail.message) say(isHidden ? 'The machine has looked; what it found is shown once you have judged.' : mail.message, mail.tone ?? '');
}

// A round's news: the words at once, the map as often as it can be drawn.
const drawing = { timer: 0, next: 0 };

function drawLive(id) {
  const one = trace();
  if (!state.figure?.problem || (id && !state.figure.traces.some((other) => other.id === id))) return;
  drawMachine();
  if (!one || !isShown(one)) return;
  drawBar();
  drawEvidence();
  if (drawing.timer) return;
  drawing.timer = setTimeout(() => {
    drawing.timer = 0;
    const began = performance.now();
    if (element.isConnected && graph.plotly) drawPlot();
    drawing.next = performance.now() + 4 * (performance.now() - began);
  }, Math.max(60, drawing.next - performance.now()));
}

// ── the block in the side panel ─────────────────────────────────────────────────────────────────────────────────────

function drawMachine() {
  const one = trace();
  const box = part('machine');
  box.hidden = !one;
  if (!one) return;
  const now = live.get(one.id);
  const found = foundOf(one);
  const held = box.contains(document.activeElement) ? document.activeElement : null;
  placeMachine(Boolean(now) || hasEvidence(one));
  part('machine-head').replaceChildren(...(isShown(one) ? findings(one, found, now) : [line('muted', 'What machines found is hidden until you have judged.')]));
  part('meters').hidden = !now;
  if (now) drawMeters(now);
  const begin = part('explore');
  begin.hidden = Boolean(now);
  part('halt').hidden = !now;
  part('halt').disabled = Boolean(now?.isStopping);
  part('explore-words').textContent = exploreWords(isShown(one) ? found : null);
  part('by-agreement').hidden = isGoldKnown();
  drawHow();
  if (!held || document.activeElement === held) return;
  const same = held.isConnected ? held : box.querySelector('[data-focus="' + CSS.escape(held.dataset.focus ?? '') + '"]');
  const twin = now ? part('halt') : begin; // Explore and Stop stand in each other's place
  (same && !same.hidden ? same : same === begin || same === part('halt') ? twin : null)?.focus({ preventScroll: true });
}

// First in the panel once there is something to see in it, else behind the checks.
function placeMachine(isFirst) {
  const [box, top] = [part('machine'), part('panel-top')];
  if (isFirst && box.nextElementSibling !== top) top.before(box);
  if (!isFirst && box.previousElementSibling !== top) top.after(box);
}

function exploreWords(found) {
  if (found?.can_go_on) return 'Go on';
  if (!isGoldKnown()) return 'Explore by agreement of samples';
  return found ? 'Look again' : 'Find the pit by machine';
}

function findings(one, found, now) {
  if (!found) return [line('muted', now ? 'Nothing is known yet.' : 'Nobody has looked by machine yet.')];
  const isByAgreement = found.judged_by === 'agreement';
  const parts = [line('pit', '◆ ', verdictWords(found, now))];
  if (isByAgreement) parts.push(line('by-samples', '≈ Judged by agreement: no right answer is known, “recovered” means that a try came to the samples’ common answer.'));
  if (found.posterior.length) parts.push(beliefStrip(one, found));
  parts.push(aroundPit(found), triesList(one, found), line('muted', costWords(found)));
  if (found.ended && !now) parts.push(line('muted', 'Ended: ' + found.ended));
  return parts;
}

// "Not recovered" is what was seen, and never "wrong".
function verdictWords(found, now) {
  const share = found.step === null ? found.posterior.at(-1) : pitAt(found, found.step);
  const sure = share === undefined ? '' : ' · ' + chance(share);
  const begin = now || found.can_go_on ? 'So far: ' : '';
  if (!found.rates.length && found.is_right && !found.can_go_on) return 'no pit: this solution reaches the right answer itself, so nothing had to be sampled.';
  if (!found.rates.length) return found.posterior.length ? 'Nothing was sampled: this is what steps and failed checks let expect beforehand.' : 'Nothing was sampled.';
  if (found.step === null) return begin + 'no pit; the model recovered wherever it was tried' + sure;
  const rate = rateAt(found, found.step);
  return begin + (begin ? 'first pit at step ' : 'First pit: step ') + (found.step + 1) + sure + (rate && !rate[1] ? '. Not recovered in ' + (rate[2] === 1 ? '1 try' : rate[2] + ' tries') + ', which is not yet “wrong”.' : '.');
}

const MOST_CELLS = 40;

// The posterior along the path: a bar a step, and last one for "no pit".
function beliefStrip(one, found) {
  const most = [...found.posterior.keys()].sort((i, j) => found.posterior[j] - found.posterior[i]).slice(0, 4).filter((i) => found.posterior[i] >= 0.005);
  const name = (i) => (i === found.posterior.length - 1 ? 'no pit' : 'step ' + (i + 1));
  const label = 'Where the pit is: ' + most.map((i) => name(i) + ' ' + chance(found.posterior[i])).join(', ');
  const num = found.posterior.length - 1;
  const width = Math.max(1, Math.ceil(num / MOST_CELLS)); // of a long trace, several steps a cell
  const cell = (first, last) => {
    const share = found.posterior.slice(first, last + 1).reduce((sum, one) => sum + one, 0);
    const words = (first === num ? 'no pit' : last > first ? 'steps ' + (first + 1) + ' to ' + (last + 1) : name(first)) + ': ' + chance(share);
    return make('i', { class: first === num ? 'fp-cell fp-cell-none' : 'fp-cell', title: words, 'data-now': String(first <= stepNow() && stepNow() <= last), 'data-step': first },
      make('b', { style: 'height:' + Math.max(share > 0 ? 3 : 0, 100 * share).toFixed(1) + '%' }));
  };
  const cells = [...Array(Math.ceil(num / width)).keys()].map((i) => cell(i * width, Math.min((i + 1) * width, num) - 1));
  cells.push(cell(num, num));
  const marks = found.posterior.length <= 14 ? found.posterior.map((_, i) => make('span', {}, i === found.posterior.length - 1 ? 'none' : String(i + 1))) : [make('span', {}, 'step 1'), make('span', {}, 'step ' + (found.posterior.length - 1)), make('span', {}, 'none')];
  return make('div', { class: 'fp-belief' }, make('h4', {}, 'Where the pit is'),
    make('div', { class: 'fp-cells', role: 'img', 'aria-label': label, onclick: (event) => { const at = event.target.closest('.fp-cell')?.dataset.step; if (at !== undefined && Number(at) < stepsOf(one)) select(state.trace, Number(at) + 1); } }, ...cells),
    make('div', { class: marks.length === cells.length ? 'fp-cells fp-cell-names' : 'fp-cell-ends', 'aria-hidden': 'true' }, ...marks));
}

// The rate right before the pit and from it on, each with its interval.
function aroundPit(found) {
  if (found.step === null) return '';
  const sides = [['before it', rateAt(found, found.step - 1)], ['from it on', rateAt(found, found.step)]].filter(([, row]) => row);
  if (!sides.length) return '';
  return make('div', {}, make('h4', {}, 'Around it, with the 95 % credible range'),
    make('dl', { class: 'fp-around' }, ...sides.flatMap(([words, row]) => [make('dt', {}, words), make('dd', {}, make('b', {}, rateWords(row)), ', ' + rangeWords(row))])));
}

function triesList(one, found) {
  const rows = found.rates.map((row) => {
    const [step, good, all] = row;
    const name = step < 0 ? 'question' : 'step ' + (step + 1);
    return make('li', { 'data-now': String(step === stepNow()), 'data-pit': String(step === found.step && step !== null) },
      make('button', { type: 'button', class: 'fp-link', 'data-focus': 'go-' + step, onclick: () => select(state.trace, step + 1) }, name),
      make('span', { class: 'fp-tries', 'aria-hidden': 'true' }, ...(all > 12 ? [whisker(row)] : [...Array(all).keys()].map((i) => make('i', { 'data-good': String(i < good) })))),
      make('button', { type: 'button', class: 'fp-link', 'data-focus': 'tries-' + step, title: 'Read the tries from here (T)', 'aria-label': 'Read the ' + all + ' tries from ' + name + ': ' + rateWords(row) + ', ' + rangeWords(row), onclick: () => askTries(step) }, good + ' of ' + all));
  });
  return rows.length ? make('ul', { class: 'fp-probes', 'aria-label': 'Tries from each state' }, ...rows) : '';
}

function costWords(found) {
  return [found.method + ', k ' + found.k, ...(found.tokens || !found.rates.length ? [NUMBERS.format(found.tokens) + ' tokens', found.seconds + ' s'] : ['nothing new had to be sampled']), 'by ' + found.by].join(' · ');
}

// ── what it may cost ────────────────────────────────────────────────────────────────────────────────────────────────

function drawMeters(now) {
  const meters = ['tokens', 'seconds'].map((unit, i) => meter(unit, now.spent[i], now.budget[i]));
  part('meters').replaceChildren(make('p', { class: 'fp-exploring' }, make('i', { 'aria-hidden': 'true' }), now.isStopping ? 'Stopping after this round …' : now.words, make('b', {}, now.num === 1 ? '1 try' : NUMBERS.format(now.num) + ' tries')), ...meters);
}

function meter(unit, spent, budget) {
  const shown = unit === 'seconds' ? Math.round(spent) : spent;
  const left = budget === null ? null : Math.max(0, budget - shown);
  const words = NUMBERS.format(shown) + (budget === null ? ' ' + unit + ', no limit' : ' of ' + NUMBERS.format(budget) + ' ' + unit);
  const bar = budget === null ? '' : make('span', { class: 'fp-gauge', role: 'meter', 'aria-label': unit + ' spent', 'aria-valuemin': 0, 'aria-valuemax': budget, 'aria-valuenow': Math.min(shown, budget), 'aria-valuetext': words },
    make('i', { style: 'width:' + (budget ? Math.min(100, (100 * spent) / budget) : 100) + '%' }));
  return make('div', { class: 'fp-budget' }, make('span', {}, words), left === null ? '' : make('span', { class: 'fp-left' }, NUMBERS.format(left) + ' left'), bar);
}

// ── how it is asked for ─────────────────────────────────────────────────────────────────────────────────────────────

let howShown = '';

function drawHow() {
  const how = howNow();
  const limits = [[how.tokens, 'tokens'], [how.seconds, 's']].filter(([most]) => most !== '').map(([most, unit]) => NUMBERS.format(most) + ' ' + unit);
  part('how-sum').textContent = how.method + ', k ' + how.k + ', ' + (limits.length ? 'at most ' + limits.join(', ') : 'no limit');
  const text = JSON.stringify(how);
  if (text === howShown) return;
  howShown = text;
  const fields = part('how-form').elements;
  for (const name of Object.keys(HOW)) if (fields[name] !== document.activeElement) fields[name].value = how[name];
  part('how-words').textContent = METHOD_NOTES[how.method] ?? '';
}

const METHOD_NOTES = {
  adaptive: 'One try at a time where it tells most about the pit; stops when one step is sure enough.',
  linear: 'Every step in order, k tries each, until none recovers. Self-Explore’s rule.',
  binary: 'k tries in the middle of what is left, again and again. OmegaPRM’s rule.',
};

function changeHow() {
  const fields = part('how-form').elements;
  const whole = (name) => (fields[name].value.trim() === '' ? (name === 'k' ? HOW.k : '') : Number(fields[name].value));
  remember('how', JSON.stringify({ method: fields.method.value, k: whole('k'), tokens: whole('tokens'), seconds: whole('seconds') }));
  drawHow();
}
