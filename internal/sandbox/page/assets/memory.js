// Mem0's dashboard, where only people can make and delete keys. It is shown
// where its key is played. No value comes to this page, but the last
// characters by which people tell one key from another.

import { byID, h, keyed, say } from './dom.js';
import { makeMemoryKey, copyMemoryKey, endMemoryKey, paste } from './api.js';
import { trying } from './trouble.js';
import { state, on } from './store.js';
import { making, ending } from './errand.js';

/** errand is the key that Rekey asks a person to make or to delete now, if any. */
export function errand() {
  const all = state.world?.memories;
  if (!all) return undefined;
  const make = making('Mem0', all.inboxes);
  if (make) return make;
  const shown = ending('Mem0');
  const key = shown && all.keys.find((k) => k.live && !k.users && `…${k.last}` === shown);
  return key && { end: key };
}

/** bring does exactly what the thread asks for. */
export async function bring(e) {
  if (e.end) return endMemoryKey(e.end.id);
  await makeMemoryKey(e.label, e.workspace);
  return paste(e.environment);
}

function build(all) {
  const form = byID('memory-form');
  if (form.children.length) return;
  form.append(
    h('label', {}, 'Name', h('input', { name: 'name', required: true, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' })),
    h('label', {}, 'Project', h('select', { name: 'project' }, ['proj_default', ...all.projects.filter((p) => p !== 'proj_default')].map((p) => h('option', { value: p }, p)))),
    h('button', { type: 'submit' }, 'Create API key and copy it'));
  form.addEventListener('submit', (ev) => {
    ev.preventDefault();
    const q = new FormData(form);
    trying(() => makeMemoryKey(q.get('name'), q.get('project')));
  });
  byID('memory-paste').append(...all.inboxes.map((i) =>
    h('button', { type: 'button', 'data-paste-memory': i.environment, onclick: () => trying(() => paste(i.environment)) }, `Paste into ${i.environment}’s inbox`)));
}

/** propose puts what Rekey asked for into the form, once. */
function propose() {
  const e = errand();
  const form = byID('memory-form');
  if (!e?.label || form.dataset.label === e.label) return;
  form.dataset.label = e.label;
  form.elements.name.value = e.label;
  form.elements.project.value = e.workspace;
}

const words = (k) => (k.users ? `${k.users} ${k.users === 1 ? 'instance' : 'instances'}` : 'not in use');

function render() {
  const all = state.world?.memories;
  byID('memory').hidden = !all;
  if (!all) return;
  build(all);
  propose();
  const full = all.inboxes.filter((i) => i.made).map((i) => i.environment);
  say(byID('memory-inboxes'), full.length ? `In the inbox of ${full.join(' and ')}: a value, not shown.` : 'The inboxes hold no key of Mem0.');
  const rank = (k) => (k.users ? 0 : k.live ? 1 : 2);
  const list = [...all.keys].sort((a, b) => rank(a) - rank(b) || (a.created < b.created ? 1 : -1));
  keyed(byID('memories'), list, (k) => k.id, (k) => h('li', { class: `row key ${k.live ? '' : 'dead'}` },
    h('span', { class: `state ${k.live ? 'live' : 'ended'}` }, k.live ? 'live' : 'deleted'),
    h('span', { class: 'main' }, h('code', { class: k.first ? 'old' : k.users ? 'new' : 'other' }, `m0-…${k.last}`), h('span', { class: 'alias', title: k.name }, k.name)),
    h('span', { class: 'side' }, words(k)),
    h('span', { class: 'sub' }, `${k.project} `,
      h('button', { type: 'button', class: 'link', 'data-focus': 'copy', 'aria-label': `Copy the value of the key that ends in ${k.last}, as somebody who has kept it`, onclick: () => trying(() => copyMemoryKey(k.id)) }, 'Copy'), ' ',
      k.live && h('button', { type: 'button', class: 'link', 'data-focus': 'end', 'data-end': k.last, 'aria-label': `Delete the key that ends in ${k.last}`, onclick: () => trying(() => endMemoryKey(k.id)) }, 'Delete'))));
}

export function start() {
  on('world messages', render);
}
