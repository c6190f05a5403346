// On a narrow screen one panel is shown at a time; the bar at the bottom
// switches.

import { byID } from './dom.js';
import { state, on } from './store.js';

const tabs = document.querySelectorAll('.tabs button');
let seen = 0; // messages of the thread that were there when it was looked at

/** view shows one panel, where there is room for one only. */
export function view(name) {
  document.body.dataset.view = name;
  for (const t of tabs) t.setAttribute('aria-pressed', String(t.dataset.view === name));
  badge();
}

function badge() {
  const root = state.thread;
  const there = [...state.messages.values()].filter((m) => root && m.thread_ts === root).length;
  if (document.body.dataset.view === 'thread') seen = there;
  const fresh = Math.max(0, there - seen);
  byID('thread-badge').hidden = fresh === 0;
  byID('thread-badge').textContent = ` ${fresh} new`;
}

export function start() {
  for (const t of tabs) t.addEventListener('click', () => view(t.dataset.view));
  on('messages', badge);
}
