// The people one may act as, as a group of radio buttons.

import { byID, h } from './dom.js';
import { state, on, act } from './store.js';

const seen = new Map(); // per person, the newest private message they saw

function news(id) {
  const mine = [...state.messages.values()].filter((m) => m.to === id).map((m) => m.ts).sort();
  if (id === state.actor) seen.set(id, mine.at(-1) || '');
  return mine.filter((ts) => ts > (seen.get(id) || '')).length;
}

function build() {
  const old = byID('cast');
  old.replaceChildren(h('legend', {}, 'You act as'), ...state.picture.cast.map((p) =>
    h('label', { class: 'person', title: p.may },
      h('input', { type: 'radio', name: 'actor', value: p.id, checked: p.id === state.actor, onchange: () => act(p.id) }),
      h('span', { class: 'who' }, p.name), h('span', { class: 'role' }, p.role), h('span', { class: 'dot', 'data-of': p.id, hidden: true }))));
}

function mark() {
  for (const p of state.picture?.cast || []) {
    const input = byID('cast').querySelector(`input[value="${CSS.escape(p.id)}"]`);
    if (input) input.checked = p.id === state.actor;
    if (input?.checked) input.parentElement.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    const dot = byID('cast').querySelector(`[data-of="${CSS.escape(p.id)}"]`);
    const n = news(p.id);
    if (dot) {
      dot.hidden = n === 0;
      dot.textContent = `${n} private`;
    }
  }
}

export function start() {
  on('picture', build);
  on('actor messages picture', mark);
}
