// The channel: root messages, edited in place, each with the way to its thread.

import { byID, h, keyed, say } from './dom.js';
import { message, continues } from './message.js';
import { at, seconds } from './time.js';
import { state, on, visible, inChannel, openThread, nameOf } from './store.js';
import { follower } from './scroll.js';

const stay = follower(byID('channel-scroll'), byID('channel-list'), false);

function welcome() {
  return h('li', { class: 'welcome' },
    h('p', {}, 'This is a Slack channel, played by your own machine. Rekey is in it.'),
    h('p', {}, 'Nothing outside is touched: the vault, fal.ai, the application and its visitors all run here.'));
}

function threadLink(root) {
  const replies = visible().filter((m) => m.thread_ts === root.ts && !m.to);
  if (!replies.length) return undefined;
  const last = replies.at(-1);
  return h('button', {
    type: 'button', class: 'to-thread', 'data-focus': 'thread', 'aria-expanded': String(state.thread === root.ts),
    onclick: () => openThread(root.ts),
  }, h('strong', {}, `${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}`), h('span', {}, `last at ${seconds(at(last.ts))}`), h('span', { class: 'go' }, 'Open thread ›'));
}

function render() {
  if (!state.picture) return;
  say(byID('channel-name'), state.picture.channel.name);
  const roots = visible().filter(inChannel).map((m, i, all) => ({
    m, again: continues(all[i - 1], m), actor: state.actor, open: state.thread === m.ts,
    replies: visible().filter((r) => r.thread_ts === m.ts && !r.to).length,
  }));
  stay(() => keyed(byID('channel-list'), [{ m: { ts: 'welcome' } }, ...roots], (r) => r.m.ts,
    (r) => (r.m.ts === 'welcome' ? welcome() : message(r.m, r.again, threadLink(r.m)))));
  say(byID('channel-note'), `${nameOf(state.actor)}’s view`);
}

export function start() {
  on('picture messages actor thread', render);
}
