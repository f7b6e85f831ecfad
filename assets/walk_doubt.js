// Gold in doubt: executed solutions of several formats agree, and not with the gold answer. A person has the last word.

function openDoubts() {
  const dialog = part('dialog');
  dialog.replaceChildren(make('h2', { tabindex: '-1', autofocus: true }, 'Gold in doubt'), make('p', {}, 'Looking …'));
  if (!dialog.open) dialog.showModal();
  send('doubts', {});
}

function onDoubts(found) {
  const dialog = part('dialog');
  if (!dialog.open) return;
  dialog.classList.add('fp-wide');
  dialog.addEventListener('close', () => dialog.classList.remove('fp-wide'), { once: true });
  const num = found.rows.length;
  dialog.replaceChildren(
    make('h2', { tabindex: '-1', autofocus: true }, 'Gold in doubt', num ? ' · ' + num : ''),
    make('p', {}, num ? 'Executed solutions of several formats agree here, and not with the gold answer. Read the problem, then say who is right.'
      : 'No gold answer is in doubt: no problem has two executed formats that agree against it. Sample problems in several formats, and those that contradict gold come here.'),
    make('ol', { class: 'fp-doubts' }, ...found.rows.map(doubtItem)),
    make('div', {}, found.reviewed.length > 0 && make('details', { class: 'fp-fold', open: !num }, make('summary', {}, 'Reviewed · ' + found.reviewed.length), make('ul', { class: 'fp-reviewed' }, ...found.reviewed.map(reviewedItem)))),
    make('div', { class: 'fp-dialog-end' }, make('button', { type: 'button', class: 'fp-quiet', onclick: () => dialog.close() }, 'Close')));
}

function doubtItem(row) {
  const answer = make('input', { value: row.answer, maxlength: 1000, 'aria-label': 'The right answer', autocomplete: 'off' });
  const note = make('input', { maxlength: 10000, 'aria-label': 'Note', placeholder: 'why, for later readers (optional)', autocomplete: 'off' });
  const decide = (kind) => reviewGold(row.problem_id, kind, answer.value, note.value);
  return make('li', {},
    make('p', { class: 'fp-doubt-question' }, row.question), make('p', { class: 'fp-doubt-words' }, '⚖ ', row.words, make('span', {}, ' · ' + row.source)),
    make('details', { class: 'fp-fold' }, make('summary', {}, 'Evidence'),
      make('ul', { class: 'fp-evidence' }, ...row.traces.map((one) => make('li', { 'data-says': one.says }, make('b', {}, (one.says === 'gold' ? '✓ ' : '✗ ') + one.answer), ' ' + one.name + ', ' + one.model + ' ',
        make('button', { type: 'button', class: 'fp-link', onclick: () => { part('dialog').close(); open({ problem: row.problem_id, trace: one.id }); } }, 'walk it')))),
      row.solution && make('p', { class: 'fp-solution' }, 'Gold solution: ' + row.solution)),
    make('div', { class: 'fp-decide' },
      make('button', { type: 'button', onclick: () => decide('confirmed') }, 'Gold is right: ' + row.gold),
      make('span', { class: 'fp-correct' }, make('button', { type: 'button', class: 'fp-flag', onclick: () => decide('corrected') }, 'Correct it to'), answer),
      make('button', { type: 'button', onclick: () => decide('bad') }, 'Bad problem'), note));
}

function reviewedItem(row) {
  return make('li', {}, make('span', {}, row.question), make('span', { class: 'fp-doubt-words' }, row.words + ' · ' + row.when + (row.note ? ' · ' + row.note : '')),
    row.annotator === state.me && make('button', { type: 'button', class: 'fp-link', onclick: () => reviewGold(row.problem_id, 'undo') }, 'Undo'));
}

function reviewGold(problem, kind, answer = '', note = '') {
  say('Saving …');
  send('review', { problem, kind, answer, note, shown: state.figure?.problem?.id ?? '' });
}
