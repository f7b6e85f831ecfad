// Key points, beside the problem: what is asked and what the problem tells, each tied to its place in the question.

const ORIGINS = { person: '', machine: 'model ', rules: '' };
const points = { isEditing: false, problem: '', core: '', list: [] };

function drawPoints() {
  const about = state.figure.keypoints;
  const isOther = points.problem !== state.figure.problem.id;
  if (points.isEditing && !isOther) return;
  Object.assign(points, { isEditing: false, problem: state.figure.problem.id });
  if (!about) return part('points').replaceChildren();
  const one = trace();
  const unused = one && isShown(one) ? new Set(about.unused[one.id] ?? []) : null;
  const isOpen = recall('points', about.core || about.points.length ? 'open' : '') === 'open';
  part('points').replaceChildren(make('details', { class: 'fp-points', open: isOpen, ontoggle: (event) => remember('points', event.target.open ? 'open' : '') },
    make('summary', {}, make('h3', {}, 'Key points'), make('span', { class: 'fp-points-sum' }, summaryOf(about, unused))),
    about.core || about.points.length ? pointList(about, unused) : make('p', { class: 'fp-line', 'data-kind': 'muted' }, 'What is asked, and what the problem tells: nobody has listed it yet.'),
    pointTools(about)));
}

function summaryOf(about, unused) {
  const num = about.points.length;
  if (!num) return 'none yet';
  return num + (unused?.size ? ' · ◌ ' + unused.size + ' unused' : '');
}

function pointList(about, unused) {
  const one = trace();
  const items = about.points.map((point, i) => make('li', { tabindex: '0', 'data-place': String(i), 'data-unused': String(Boolean(unused?.has(i))) },
    make('span', {}, point.text),
    unused?.has(i) && make('span', { class: 'fp-point-mark' }, '◌ not used by this trace'),
    point.start === null && make('span', { class: 'fp-point-mark', 'data-kind': 'invented' }, '⌀ not in the question')));
  return make('div', {},
    about.core && make('p', { class: 'fp-core', tabindex: '0', 'data-place': 'core' }, make('span', {}, 'Asked'), ' ', about.core.text),
    make('ol', { class: 'fp-pointlist' }, ...items),
    one && !unused && items.length > 0 && make('p', { class: 'fp-line', 'data-kind': 'muted' }, 'What this trace leaves unused is hidden until you have judged.'));
}

function pointTools(about) {
  const isBusy = Boolean(state.busy);
  const made = about.by ? 'by ' + (about.origin === 'rules' ? 'rules' : about.origin === 'person' && about.by === state.me ? 'you' : ORIGINS[about.origin] + about.by) : '';
  const versions = about.history.length > 1 && make('div', {}, ...about.history.map((one) => make('p', { class: 'fp-version' },
    make('span', {}, [one.origin === 'rules' ? 'rules' : one.by, one.created ? new Date(one.created * 1000).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' }) : '', one.points.length + ' points'].filter(Boolean).join(' · ')),
    one.is_current ? make('b', {}, 'in force') : make('button', { type: 'button', class: 'fp-link', onclick: () => savePoints(one.core, one.points) }, 'Take this'))));
  return make('div', { class: 'fp-point-tools' },
    make('button', { type: 'button', class: 'fp-small', onclick: editPoints }, about.points.length ? 'Edit' : 'Write them'),
    about.history.length > 1 && make('button', { type: 'button', class: 'fp-small fp-quiet', onclick: undoPoints, title: 'Take the version before this one' }, 'Undo'),
    make('span', { class: 'fp-made-by' }, made),
    make('details', { class: 'fp-sources', open: !about.points.length }, make('summary', {}, 'Extract' + (versions ? ', versions' : '')),
      make('div', { class: 'fp-point-tools' },
        make('button', { type: 'button', class: 'fp-small', disabled: isBusy, onclick: () => extract('model') }, 'Ask the model'),
        make('button', { type: 'button', class: 'fp-small', disabled: isBusy, onclick: () => extract('rules') }, 'By rules')),
      versions));
}

function extract(by) {
  if (state.busy) return;
  if (by === 'model') begin('extract', 'The model is reading the problem …');
  send('extract', { problem: state.figure.problem.id, by });
}

function savePoints(core, list) {
  say('Saving …');
  send('points', { problem: state.figure.problem.id, core, points: list });
}

// The version before the one in force: undone twice, the newer one is back.
function undoPoints() {
  const { history } = state.figure.keypoints;
  const at = history.findIndex((one) => one.is_current);
  const before = history[at + 1] ?? history[at - 1];
  if (before) savePoints(before.core, before.points);
}

function onPointsMail(mail) {
  if (mail.problem !== state.figure?.problem?.id) return;
  Object.assign(state.figure, { keypoints: mail.keypoints, question_html: mail.question_html });
  drawPoints();
  drawSteps();
  drawCursor();
}

// ── editing: every change is saved at once ──────────────────────────────────────────────────────────────────────────

function editPoints() {
  const about = state.figure.keypoints;
  Object.assign(points, { isEditing: true, problem: state.figure.problem.id, core: about.core?.text ?? '', list: about.points.map((point) => point.text) });
  if (!points.list.length) points.list.push('');
  drawEditor();
  part('points').querySelector('textarea').focus({ preventScroll: true });
}

function drawEditor(focus) {
  const keep = () => { if (points.core.trim() || points.list.some((text) => text.trim())) savePoints(points.core, points.list); };
  const row = (text, i) => make('li', {},
    make('textarea', { rows: 2, maxlength: 2000, 'aria-label': 'Key point ' + (i + 1), oninput: (event) => { points.list[i] = event.target.value; }, onchange: keep }, text),
    make('span', { class: 'fp-row-tools' },
      make('button', { type: 'button', class: 'fp-quiet', disabled: i === 0, 'aria-label': 'Move point ' + (i + 1) + ' up', onclick: () => shift(i, -1) }, '↑'),
      make('button', { type: 'button', class: 'fp-quiet', disabled: i === points.list.length - 1, 'aria-label': 'Move point ' + (i + 1) + ' down', onclick: () => shift(i, 1) }, '↓'),
      make('button', { type: 'button', class: 'fp-quiet', 'aria-label': 'Remove point ' + (i + 1), onclick: () => { points.list.splice(i, 1); keep(); drawEditor(); } }, '×')));
  const shift = (i, by) => {
    [points.list[i], points.list[i + by]] = [points.list[i + by], points.list[i]];
    keep();
    drawEditor();
  };
  part('points').replaceChildren(make('div', { class: 'fp-points fp-editor' }, make('h3', {}, 'Key points'),
    make('label', { class: 'fp-core-field' }, make('span', {}, 'Asked'), make('textarea', { rows: 2, maxlength: 2000, oninput: (event) => { points.core = event.target.value; }, onchange: keep }, points.core)),
    make('ol', { class: 'fp-pointlist' }, ...points.list.map(row)),
    make('div', { class: 'fp-point-tools' },
      make('button', { type: 'button', class: 'fp-small', onclick: () => { points.list.push(''); drawEditor(points.list.length - 1); } }, '+ Point'),
      make('button', { type: 'button', class: 'fp-small fp-strong', onclick: () => { points.isEditing = false; drawPoints(); } }, 'Done'))));
  if (focus !== undefined) part('points').querySelectorAll('li textarea')[focus].focus({ preventScroll: true });
}

// ── each point lights up its place in the question ──────────────────────────────────────────────────────────────────

function lightPlace(name) {
  for (const place of part('list').querySelectorAll('.place')) place.classList.toggle('fp-place-lit', name !== null && place.dataset.places.split(' ').includes(name));
}

for (const [on, off] of [['mouseover', 'mouseout'], ['focusin', 'focusout']]) {
  part('points').addEventListener(on, (event) => lightPlace(event.target.closest('[data-place]')?.dataset.place ?? null));
  part('points').addEventListener(off, () => lightPlace(null));
}
