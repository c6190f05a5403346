// The box at the foot of the channel: messages, and commands with completion.
// The pattern: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

import { byID, h } from './dom.js';
import { command, post } from './api.js';
import { complete } from './commands.js';
import { trying } from './trouble.js';
import { state } from './store.js';

const box = byID('say');
const list = byID('choices');
let chosen = -1; // index of the highlighted choice
let last = ''; // what was sent last

function offer() {
  const choices = state.picture ? complete(box.value, state.picture.secrets) : [];
  chosen = -1;
  list.replaceChildren(...choices.map(([text, what], i) =>
    h('li', { role: 'option', id: `choice-${i}`, 'aria-selected': 'false', 'data-text': text, onmousedown: (e) => e.preventDefault(), onclick: () => take(i) },
      h('code', {}, text), h('span', {}, what))));
  show(choices.length > 0);
}

function show(yes) {
  list.hidden = !yes;
  box.setAttribute('aria-expanded', String(yes));
  if (!yes) box.removeAttribute('aria-activedescendant');
}

function highlight(i) {
  const n = list.children.length;
  if (!n) return;
  chosen = (i + n) % n;
  [...list.children].forEach((el, at) => el.setAttribute('aria-selected', String(at === chosen)));
  list.children[chosen].scrollIntoView({ block: 'nearest' });
  box.setAttribute('aria-activedescendant', `choice-${chosen}`);
}

function take(i) {
  box.value = list.children[i].dataset.text;
  show(false);
  box.focus();
}

const keys = {
  ArrowDown: () => (list.hidden ? offer() : highlight(chosen + 1)),
  ArrowUp: () => (box.value === '' ? recall() : highlight(chosen < 0 ? -1 : chosen - 1)),
  Tab: () => take(Math.max(0, chosen)),
  Enter: () => take(chosen),
  Escape: () => show(false),
};

function recall() {
  box.value = last;
}

function key(e) {
  const open = !list.hidden && list.children.length > 0;
  const wanted = e.key.startsWith('Arrow') || (open && (e.key !== 'Enter' || chosen >= 0));
  if (!Object.hasOwn(keys, e.key) || !wanted || e.isComposing) return;
  e.preventDefault();
  keys[e.key]();
}

async function send(e) {
  e.preventDefault();
  const text = box.value.trim();
  if (!text) return;
  show(false);
  const [name, ...rest] = text.split(/\s+/);
  const done = await trying(() => (text.startsWith('/') ? command(name, rest.join(' ')) : post(text, '')));
  if (!done) return;
  last = text;
  if (box.value.trim() === text) box.value = '';
}

/** propose puts a text into the box for the person to send. */
export function propose(text) {
  box.value = text;
  box.focus();
}

export function start() {
  byID('composer').addEventListener('submit', send);
  box.addEventListener('input', offer);
  box.addEventListener('keydown', key);
  box.addEventListener('blur', () => show(false));
}
