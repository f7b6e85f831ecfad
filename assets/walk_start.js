// Wiring: what each button does, and the first look.

const DO = {
  rail: () => toggleRail(), 'label-mode': () => review(false), 'review-mode': () => review(true), name: openName, help: openHelp,
  'page-back': () => ask(list.offset - PAGE_SIZE), 'page-on': () => ask(list.offset + PAGE_SIZE),
  own: () => { toggleRail(true); part('own').open = true; part('own-form').elements.question.focus(); },
  merge, values: toggleValues, direction: turn, expand: () => expand(!state.isExpanded), 'zoom-in': () => zoom(1.5), 'zoom-out': () => zoom(1 / 1.5), 'zoom-fit': () => zoom(0),
  back: () => move(-1), on: () => move(1), undo, next, explore, halt, recovery: toggleRecovery, 'stop-sampling': stopSampling, doubts: openDoubts, 'queue-disagree': () => toggleQueue('disagree'), 'queue-unsure': () => toggleQueue('unsure'), 'queue-kept': () => toggleQueue('disagree', !queue.kept), 'strip-close': closeStrip,
  first_wrong: () => judge('first_wrong'), all_right: () => judge('all_right'), unsure: () => judge('unsure'), skip: () => judge('skip'), bad_problem: () => judge('bad_problem'),
};

root.addEventListener('click', (event) => {
  const button = event.target.closest('[data-do]');
  if (button && !button.disabled) DO[button.dataset.do]?.();
});
part('list').addEventListener('click', (event) => {
  const item = event.target.closest('.fp-step');
  if (item && !String(window.getSelection())) select(state.trace, Number(item.dataset.at));
});
part('filters').addEventListener('input', askSoon);
part('filters').addEventListener('submit', (event) => event.preventDefault());
part('own-form').addEventListener('submit', solveOwn);
part('more-form').addEventListener('submit', sampleMore);
part('how-form').addEventListener('submit', (event) => { event.preventDefault(); explore(); });
part('how-form').addEventListener('change', changeHow);
part('how').addEventListener('toggle', (event) => { if (event.target.open) drawHow(); });
part('more').addEventListener('toggle', fillFormats);
part('strip').addEventListener('submit', (event) => { event.preventDefault(); finishStrip(); });
part('auto').addEventListener('change', (event) => { state.goesOn = event.target.checked; remember('goes-on', state.goesOn ? 'yes' : 'no'); });
document.addEventListener('keydown', onKey);
window.addEventListener('first-pit-mail', onMail);
watch('value', () => receive(props.value));
receive(props.value);
if (recall('rail', '') === 'open' && !isNarrow()) toggleRail(true, false);
// The first problem may be long in coming on a busy machine: the tour waits for it.
const greeting = setInterval(() => {
  if (!element.isConnected) return clearInterval(greeting);
  if (!state.figure?.problem) return;
  clearInterval(greeting);
  greet();
}, 400);
