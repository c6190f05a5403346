// The consoles: which instance runs on which key, the keys, the vault's
// versions, the deployments.

import { byID, h, keyed, say } from './dom.js';
import { deploy } from './api.js';
import { trying } from './trouble.js';
import { ago, full, seconds } from './time.js';
import { state, on } from './store.js';

const short = (id) => id.slice(0, 8);

/** kind tells the keys apart: the first one, those made since, and others. */
function kind(id) {
  const k = state.world.keys.find((x) => x.id === id);
  if (!k) return ['none', 'unknown key'];
  if (k.first) return ['old', k.live ? 'old key' : 'old key, dead'];
  const since = state.world.keys.find((x) => x.first);
  return since && k.created > since.created && state.world.instances.some((i) => i.key === id) ? ['new', 'new key'] : ['other', 'another key'];
}

const moment = (iso) => {
  const d = new Date(iso);
  return h('time', { datetime: iso, title: full(d) }, Date.now() - d < 3600000 ? seconds(d) : ago(d));
};

function instances() {
  const of = (environment) => state.world.instances.filter((i) => i.environment === environment);
  const groups = [...new Set(state.world.instances.map((i) => i.environment))].map((e) => ({ e, list: of(e), kinds: of(e).map((i) => kind(i.key)) }));
  keyed(byID('instances'), groups, (g) => g.e, (g) => h('div', { class: 'group' },
    h('h3', {}, g.e),
    h('ul', {}, g.list.map((i, n) => h('li', { class: `instance ${g.kinds[n][0]}`, title: `${i.deployment}, key ${i.key}` },
      h('span', { class: 'name' }, i.id.replace(`${g.e}-`, '')), h('code', {}, i.key ? short(i.key) : 'none'), h('span', { class: 'word' }, g.kinds[n][1]))))));
}

function keys() {
  const users = (id) => state.world.instances.filter((i) => i.key === id).length;
  const rank = (k) => (users(k.id) ? 0 : k.first ? 1 : k.live ? 2 : 3); // what the story is about comes first
  const list = [...state.world.keys].sort((a, b) => rank(a) - rank(b) || (a.created < b.created ? 1 : -1));
  const fixed = list.map(({ calls, refused, ...k }) => ({ ...k, kind: users(k.id) || k.first ? kind(k.id) : ['other', ''], users: users(k.id) }));
  keyed(byID('keys'), fixed, (k) => k.id, (k) => h('li', { class: `row key ${k.live ? '' : 'dead'}` },
    h('span', { class: `state ${k.live ? 'live' : 'ended'}` }, k.live ? 'live' : 'dead'),
    h('span', { class: 'main' }, h('code', { class: k.kind[0], title: k.id }, short(k.id)), h('span', { class: 'alias', title: k.alias }, k.alias)),
    h('span', { class: 'side' }, k.scope === 'ADMIN' ? 'admin' : k.users ? `${k.users} ${k.users === 1 ? 'instance' : 'instances'}` : 'not in use'),
    h('span', { class: 'sub' }, 'made ', moment(k.created), k.ended && [', ended ', moment(k.ended)], h('span', { class: 'counts' }))));
  for (const k of list) counts(k);
}

/** counts changes with every request, and must not disturb what is around it. */
function counts(k) {
  const el = byID('keys').querySelector(`[data-key="${CSS.escape(k.id)}"] .counts`);
  const parts = [];
  if (k.calls) parts.push(`${k.calls} calls`);
  if (k.refused) parts.push(`${k.refused} refused`);
  if (el) say(el, parts.length ? ' · ' + parts.join(', ') : '');
}

function vault() {
  keyed(byID('vault'), state.world.vault, (e) => `${e.environment}/${e.name}`, (e) => h('li', { class: 'row entry' },
    h('span', { class: 'state' }, `v${e.versions[0].number}`),
    h('span', { class: 'main' }, h('code', {}, e.name), h('span', { class: 'alias' }, e.environment)),
    h('span', { class: 'side mask', title: 'The value is not shown' }, '••••'),
    h('div', { class: 'sub' },
      h('ol', { class: 'versions' }, e.versions.map((v) => h('li', {}, `v${v.number} by ${v.by}, `, moment(v.made)))),
      (e.notes || []).length > 0 && h('details', {}, h('summary', {}, `metadata (${e.notes.length})`),
        h('dl', { class: 'notes' }, e.notes.map((n) => [h('dt', {}, n.key), h('dd', {}, n.value)]))))));
}

function deployments() {
  keyed(byID('deployments'), state.world.deployments || [], (d) => d.id, (d) => h('li', { class: 'row deployment' },
    h('span', { class: `state ${d.phase}` }, d.phase),
    h('span', { class: 'main' }, h('span', {}, d.environment), h('code', { class: 'alias', title: d.id }, d.id)),
    h('span', { class: 'side' }, `by ${d.by}`),
    (d.detail || d.done) && h('span', { class: 'sub' }, d.detail || '', d.done && ['ended ', moment(d.done)])));
}

function render() {
  if (!state.world) return;
  instances();
  keys();
  vault();
  deployments();
}

export function start() {
  on('world', render);
  byID('deploy-buttons').append(...['staging', 'production'].map((e) =>
    h('button', { type: 'button', onclick: () => trying(() => deploy(e)) }, `Deploy ${e} as a colleague`)));
}
