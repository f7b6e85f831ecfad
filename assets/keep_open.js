const opened = new Set();
element.addEventListener(`toggle`, (event) => {
  const name = event.target.dataset.key;
  if (name) event.target.open ? opened.add(name) : opened.delete(name);
}, true);
new MutationObserver(() => {
  for (const part of element.querySelectorAll(`details[data-key]`)) if (opened.has(part.dataset.key)) part.open = true;
}).observe(element, { childList: true, subtree: true });
