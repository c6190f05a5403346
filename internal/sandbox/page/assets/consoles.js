// The consoles of the other services that are played: their keys, and what
// people do there by hand. No value comes to this page.

import { byID, h, keyed, say } from './dom.js';
import { makeAt, endAt, paste } from './api.js';
import { asked } from './dialog.js';
import { trying } from './trouble.js';
import { state, on, visible } from './store.js';

const inputs = { required: true, spellcheck: 'false', autocapitalize: 'off', autocomplete: 'off' };

/** form is where a key is made and copied; it is pasted into an inbox above. */
function form(secret) {
  const el = h('form', { class: 'fault-form make-form' },
    h('label', {}, 'Name', h('input', { name: 'name', ...inputs })),
    h('label', {}, 'For', h('select', { name: 'environment' }, ['staging', 'production'].map((e) => h('option', { value: e }, e)))),
    h('button', { type: 'submit' }, 'Create key and copy it'));
  el.addEventListener('submit', (ev) => {
    ev.preventDefault();
    const q = new FormData(el);
    trying(() => makeAt(secret, q.get('environment'), q.get('name')));
  });
  return el;
}

const pasting = () => h('div', { class: 'tools' }, ['staging', 'production'].map((e) => h('button', { type: 'button', onclick: () => trying(() => paste(e)) }, `Paste into ${e}’s inbox`)));

/** stands tells what was copied and what lies in the inboxes. */
function stands(el) {
  const full = state.world.inboxes.filter((i) => i.names?.length).map((i) => `${i.environment} (${i.names.join(', ')})`);
  if (el) say(el, `${state.world.copied ? `Copied: ${state.world.copied}.` : 'Nothing is copied yet.'} ${full.length ? `In the inbox of ${full.join(' and ')}: not shown.` : 'The inboxes are empty.'}`);
}

/** guide is the last message that asks a person to make a key of this secret. */
function guide(secret) {
  const roots = new Set(visible().filter((m) => (!m.thread_ts || m.thread_ts === m.ts) && m.text.replace(/^Rotating /, '').split(/[ :.]/)[0] === secret).map((m) => m.ts));
  return visible().findLast((m) => roots.has(m.thread_ts) && /A person has to make the new key for/.test(m.text));
}

/** propose puts what Rekey asked for into the form, once. */
function propose(el, secret) {
  const m = el && guide(secret);
  if (!m || el.dataset.of === m.ts) return;
  el.dataset.of = m.ts;
  el.elements.name.value = (m.text.match(/rk_[a-z0-9_]+/) || [''])[0];
  el.elements.environment.value = (m.text.match(/new key for (staging|production)/) || ['', 'staging'])[1];
}

/** shown is how people know a key. */
const shown = (k) => (k.last ? `…${k.last}` : k.id.length > 12 ? `…${k.id.slice(-8)}` : k.id);

const end = async (secret, k) => {
  const confirm = { title: { text: 'End this key?' }, text: { type: 'plain_text', text: `${k.last ? shown(k) : k.id} of ${secret} would be refused from now on. This is the service’s console: Rekey is not asked.` }, deny: { text: 'Keep it' }, confirm: { text: 'End it' }, style: 'danger' };
  if (await asked(confirm)) trying(() => endAt(secret, k.id));
};

function list(parent, secret, keys) {
  const rank = (k) => (k.users ? 0 : k.live ? 1 : 2);
  keyed(parent, [...keys].sort((a, b) => rank(a) - rank(b)), (k) => k.id, (k) => h('li', { class: `row key ${k.live ? '' : 'dead'}` },
    h('span', { class: `state ${k.live ? 'live' : 'ended'}` }, k.live ? 'live' : 'dead'),
    h('span', { class: 'main' }, h('code', { class: k.first ? 'old' : k.users ? 'new' : 'other', title: k.id }, shown(k)), h('span', { class: 'alias', title: k.name }, k.name)),
    h('span', { class: 'side' }, k.users ? `${k.users} ${k.users === 1 ? 'instance' : 'instances'}` : 'not in use'),
    k.live && h('span', { class: 'sub' }, h('button', { type: 'button', class: 'link', 'data-focus': 'end', 'data-end': k.last || k.id, 'aria-label': `End ${k.last ? shown(k) : k.id} of ${secret}`, onclick: () => end(secret, k) }, 'End'))));
}

function render() {
  const all = state.world?.consoles || [];
  const parent = byID('consoles');
  keyed(parent, all.map(({ secret, make }) => ({ secret, make })), (c) => c.secret, (c) => h('details', { open: c.make },
    h('summary', {}, `Console: ${c.secret}`), c.make && form(c.secret), c.make && pasting(), c.make && h('p', { class: 'note', role: 'status' }), h('ul', { class: 'rows' })));
  for (const c of all) {
    const el = parent.querySelector(`[data-key="${CSS.escape(c.secret)}"]`);
    propose(el.querySelector('form'), c.secret);
    stands(el.querySelector('.note'));
    list(el.querySelector('ul'), c.secret, c.keys);
  }
}

export function start() {
  on('world messages', render);
}
