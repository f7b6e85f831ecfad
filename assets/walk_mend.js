// A calculation error repaired, with what would have followed; a chain of thought checked by a program.

function repairButton(finding) {
  return make('button', { type: 'button', class: 'fp-small', onclick: () => askRepair(finding.step) }, 'Repair from here');
}

function askRepair(step, keep = false) {
  if (!trace()) return;
  say(keep ? 'Keeping the repaired solution …' : 'Computing it again …');
  send('repair', { problem: state.figure.problem.id, trace: trace().id, step, keep });
}

function openRepair(found) {
  if (found.of !== trace()?.id) return;
  const dialog = part('dialog');
  dialog.replaceChildren(
    make('h2', { tabindex: '-1', autofocus: true }, found.trace_id ? 'As it would have gone' : 'Nothing was repaired'), make('p', {}, found.words),
    make('ol', { class: 'fp-repair' }, ...(found.trace_id ? found.steps.map(repairItem) : [])),
    make('div', { class: 'fp-dialog-end' }, make('button', { type: 'button', class: 'fp-quiet', onclick: () => dialog.close() }, 'Close'),
      found.trace_id && make('button', { type: 'button', class: 'fp-strong', onclick: () => { dialog.close(); askRepair(found.step, true); } }, 'Walk the repaired trace')));
  dialog.showModal();
}

function repairItem(step, i) {
  const number = make('span', { class: 'fp-badge', 'aria-hidden': 'true' }, String(i + 1));
  const left = (places) => places.map((one) => [one.start, one.end, 'u', one.why]);
  if (!step.changes.length) return make('li', { 'data-same': 'true' }, number, make('p', {}, ...marked(step.before, left(step.left))));
  const before = step.changes.map((one) => [one.start, one.end, 'del', one.why]);
  const after = step.changes.map((one) => [one.new_start, one.new_end, 'ins', one.why]);
  return make('li', {}, number, make('div', {},
    make('p', { class: 'fp-was' }, make('span', { class: 'fp-hidden' }, 'was: '), ...marked(step.before, before)),
    make('p', { class: 'fp-becomes' }, make('span', { class: 'fp-hidden' }, 'becomes: '), ...marked(step.after, after)),
    make('p', { class: 'fp-why' }, [...new Set(step.changes.map((one) => one.why))].join('; '))));
}

// Text with some of its places in elements of their own. Places count characters as the server does: whole code points.
function marked(text, places) {
  const letters = [...text];
  const pieces = [];
  let end = 0;
  for (const [start, stop, tag, why] of [...places].sort((a, b) => a[0] - b[0])) {
    pieces.push(letters.slice(end, start).join(''), make(tag, { title: why }, letters.slice(start, stop).join('')));
    end = stop;
  }
  return [...pieces, letters.slice(end).join('')];
}

// ── checked by a program ────────────────────────────────────────────────────────────────────────────────────────────

function translateButton(one) {
  if (!isShown(one) || !stepsOf(one) || state.figure.running?.includes(one.format)) return '';
  return make('button', { type: 'button', class: 'fp-small', disabled: Boolean(state.busy), title: 'The model writes it as a program, which is run and compared', onclick: translate }, 'Check by program');
}

function translate() {
  if (!trace() || state.busy) return;
  begin('translate', 'The model writes it as a program …');
  send('translate', { problem: state.figure.problem.id, trace: trace().id });
}
