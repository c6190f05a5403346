// Building the document. Text is only ever put in as text nodes.

const SVG = 'http://www.w3.org/2000/svg';

function fill(el, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...children.flat().filter((c) => c !== undefined && c !== null && c !== false));
  return el;
}

/** h makes an element: h('p', {class: 'note'}, 'text', otherElement). */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

/** svg does the same for drawings. */
export const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

/** byID finds a part of the page that is always there. */
export const byID = (id) => document.getElementById(id);

/** say sets text only where it changed, so that a selection survives. */
export function say(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/**
 * keyed makes the children of parent show items, in order: one child for each
 * key, made anew when its item changed. The focus stays on what it was on.
 */
export function keyed(parent, items, key, make) {
  const old = new Map([...parent.children].map((el) => [el.dataset.key, el]));
  let before = parent.firstElementChild;
  for (const item of items) {
    const k = String(key(item));
    const stamp = JSON.stringify(item);
    let el = old.get(k);
    old.delete(k);
    if (!el || el.stamp !== stamp) {
      const made = make(item);
      made.dataset.key = k;
      made.stamp = stamp;
      if (el) {
        if (before === el) before = made;
        swap(el, made);
      } else {
        parent.insertBefore(made, before);
      }
      el = made;
    }
    if (el === before) before = before.nextElementSibling;
    else parent.insertBefore(el, before);
  }
  for (const el of old.values()) el.remove();
}

function swap(el, made) {
  const at = el.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  el.replaceWith(made);
  if (at) made.querySelector(`[data-focus="${CSS.escape(at)}"]`)?.focus({ preventScroll: true });
}
