// Anthropic's console, where only people can make keys, and the inboxes into
// which they paste what they copied there. No value comes to this page.

import { byID, h, keyed, say } from './dom.js';
import { makeKey, copyKey, paste } from './api.js';
import { trying } from './trouble.js';
import { state, on } from './store.js';
import { making } from './errand.js';

const place = (id) => state.world.inboxes.find((i) => i.workspace === id)?.environment;

/** errand is the key that Rekey asks a person for now, if any. */
export const errand = () => making('Anthropic', state.world?.inboxes);

/** bring does exactly what the thread asks for. */
export async function bring(e) {
  await makeKey(e.label, e.workspace);
  await paste(e.environment);
}

function build() {
  const form = byID('console-form');
  if (form.children.length || !state.world) return;
  form.append(
    h('label', {}, 'Name', h('input', { name: 'name', required: true, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' })),
    h('label', {}, 'Workspace', h('select', { name: 'workspace' }, state.world.inboxes.map((i) => h('option', { value: i.workspace }, i.environment)))),
    h('button', { type: 'submit' }, 'Create key and copy it'));
  form.addEventListener('submit', (ev) => {
    ev.preventDefault();
    const q = new FormData(form);
    trying(() => makeKey(q.get('name'), q.get('workspace')));
  });
  byID('paste-buttons').append(...state.world.inboxes.map((i) =>
    h('button', { type: 'button', 'data-paste': i.environment, onclick: () => trying(() => paste(i.environment)) }, `Paste into ${i.environment}’s inbox`)));
}

/** propose puts what Rekey asked for into the form, once. */
function propose() {
  const e = state.world && errand();
  const form = byID('console-form');
  if (!e || form.dataset.label === e.label || !form.elements.name) return;
  form.dataset.label = e.label;
  form.elements.name.value = e.label;
  form.elements.workspace.value = e.workspace;
}

const words = (k) => (k.users ? `${k.users} ${k.users === 1 ? 'instance' : 'instances'}` : 'not in use');

function render() {
  if (!state.world) return;
  build();
  propose();
  const full = state.world.inboxes.filter((i) => i.made).map((i) => i.environment);
  say(byID('copied'), [
    state.world.copied ? `Copied: the value of ${state.world.copied}.` : 'Nothing is copied yet.',
    full.length ? `In the inbox of ${full.join(' and ')}: a value, not shown.` : 'The inboxes are empty.',
  ].join(' '));
  const rank = (k) => (k.users ? 0 : k.status === 'active' ? 1 : 2);
  const list = [...state.world.texts].sort((a, b) => rank(a) - rank(b) || (a.created < b.created ? 1 : -1));
  keyed(byID('texts'), list, (k) => k.id, (k) => h('li', { class: `row key ${k.status === 'active' ? '' : 'dead'}` },
    h('span', { class: `state ${k.status === 'active' ? 'live' : 'ended'}` }, k.status),
    h('span', { class: 'main' }, h('code', { class: k.first ? 'old' : k.users ? 'new' : 'other', title: k.id }, `…${k.id.slice(-8)}`), h('span', { class: 'alias', title: k.name }, k.name)),
    h('span', { class: 'side' }, words(k)),
    h('span', { class: 'sub' }, `${place(k.workspace) || 'no'} workspace · acts as ${k.principal || 'nobody'} `,
      h('button', { type: 'button', class: 'link', 'data-focus': 'copy', 'aria-label': `Copy the value of ${k.id}, as somebody who has kept it`, onclick: () => trying(() => copyKey(k.id)) }, 'Copy'))));
}

export function start() {
  on('world messages', render);
}
