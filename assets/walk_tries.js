// The tries from one state: what the model wrote when it went on from there, which of them recovered, each to be walked.

function askTries(step) {
  const one = trace();
  if (!one || !isShown(one)) return say('What machines found is hidden until you have judged.');
  const found = foundOf(one);
  if (!rateAt(found, step)) return say(found ? 'No try was made from here. Choose a state that was tried.' : 'Nothing has been explored here yet: press E to let the machine look.');
  send('tries', { problem: state.figure.problem.id, trace: one.id, step });
}

function onTriesMail(mail) {
  if (!mail.trace) return say(mail.message, 'bad');
  const one = trace();
  if (mail.trace !== one?.id) return;
  const dialog = part('dialog');
  const name = mail.step < 0 ? 'the question' : 'step ' + (mail.step + 1);
  const rate = rateAt(foundOf(one), mail.step);
  dialog.className = 'fp-dialog fp-wide';
  dialog.replaceChildren(
    make('h2', { tabindex: '-1', autofocus: true }, 'Tries from ' + name),
    make('p', {}, rate ? make('b', {}, rateWords(rate)) : '', rate ? ', ' + rangeWords(rate) + ', 95 % credible. ' : '', mail.words),
    make('ol', { class: 'fp-trylist' }, ...mail.rows.map((row) => tryItem(row, mail))),
    make('div', { class: 'fp-dialog-end' }, make('button', { type: 'button', class: 'fp-strong', onclick: () => dialog.close() }, 'Close')));
  if (!dialog.open) dialog.showModal();
}

function tryItem(row, mail) {
  const [first, ...others] = row.lines;
  const rest = others.length ? make('details', {}, make('summary', {}, others.length === 1 ? '1 line more' : others.length + ' lines more'), make('p', { class: 'fp-trytext' }, others.join('\n'))) : '';
  return make('li', { 'data-good': String(row.good) },
    make('span', { class: 'fp-trysign' }, make('i', { 'aria-hidden': 'true', 'data-good': String(row.good) }), row.good ? 'recovered' : 'not recovered', make('b', {}, row.answer === null ? 'no answer' : 'answer ' + row.answer)),
    make('p', { class: 'fp-trytext' }, first ?? '(nothing was written)'), rest,
    make('button', { type: 'button', class: 'fp-small', 'aria-label': 'Walk try ' + row.number + ' as a trace of its own', onclick: () => { part('dialog').close(); takeTry(row, mail); } }, 'Walk it as a trace'));
}

function takeTry(row, mail) {
  say('Opening the try as a trace …');
  send('take', { problem: state.figure.problem.id, trace: mail.trace, pit: mail.pit, probe: row.probe, index: row.index });
}
