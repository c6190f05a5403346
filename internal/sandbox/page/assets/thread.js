// The open thread: its root, its replies, a box to reply.

import { byID, keyed, say } from './dom.js';
import { message, continues } from './message.js';
import { post } from './api.js';
import { trying } from './trouble.js';
import { state, on, visible, openThread } from './store.js';
import { follower, atEnd } from './scroll.js';
import { view } from './views.js';

const scroll = byID('thread-scroll');
const stay = follower(scroll, byID('thread-list'), true);

function render() {
  const open = state.thread !== '' && state.messages.has(state.thread);
  document.body.classList.toggle('threaded', open);
  byID('thread-empty').hidden = open;
  byID('reply-form').hidden = !open;
  byID('thread-close').hidden = !open;
  const list = open ? visible().filter((m) => m.ts === state.thread || m.thread_ts === state.thread) : [];
  stay(() => keyed(byID('thread-list'), list.map((m, i) => ({ m, again: i > 1 && continues(list[i - 1], m), actor: state.actor })), (x) => x.m.ts, (x) => message(x.m, x.again)));
  byID('newest').hidden = !open || atEnd(scroll);
  const replies = Math.max(0, list.filter((m) => !m.to).length - 1);
  say(byID('thread-note'), open ? `${replies} ${replies === 1 ? 'reply' : 'replies'}` : '');
}

async function reply(e) {
  e.preventDefault();
  const box = byID('reply');
  const text = box.value.trim();
  if (!text) return;
  const done = await trying(() => {
    if (text.startsWith('/')) throw new Error('Slack does not allow commands inside threads. Type it in the channel.');
    return post(text, state.thread);
  });
  if (done) box.value = '';
}

export function start() {
  on('picture messages actor', render);
  on('thread', () => {
    if (state.thread) view('thread');
    byID('thread-list').replaceChildren(); // another thread begins at its newest message
    render();
  });
  byID('reply-form').addEventListener('submit', reply);
  byID('thread-close').addEventListener('click', () => {
    openThread('');
    view('channel');
  });
  byID('newest').addEventListener('click', () => (scroll.scrollTop = scroll.scrollHeight));
  scroll.addEventListener('scroll', () => (byID('newest').hidden = !state.thread || atEnd(scroll)));
}
