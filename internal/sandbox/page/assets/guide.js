// One line that says what to do next, for somebody who sees this for the first
// time. It reads what the channel shows and knows nothing else.

import { byID, h } from './dom.js';
import { state, on, act, visible, inChannel, isBot, openThread, nameOf } from './store.js';
import { propose } from './composer.js';
import * as anthropic from './console.js';
import * as memory from './memory.js';
import { trying } from './trouble.js';

const has = (m, name) => (m.reactions || []).some((r) => r.name === name);

/** open reports whether a message asks for ✅ or ❌ now. */
const open = (m) => isBot(m.user) && m.text.includes('✅') && m.text.includes('❌') && has(m, 'white_check_mark') && has(m, 'x');

/** digest reports whether a message tells what is due: it has no thread. */
const digest = (m) => m.text.includes('Secrets: ');

/** consoles are where only people can do what a thread asks for. */
const consoles = [['Anthropic’s console', anthropic], ['Mem0’s dashboard', memory]];

function errand() {
  for (const [where, { errand: wanted, bring }] of consoles) {
    const e = wanted();
    if (e?.end) return [`Rekey asks a person to delete the old key, which only a person can: read which, do it in ${where}, or let ann do it.`, `Delete the key that ends in ${e.end.last}`, () => trying(() => bring(e)), 'end'];
    if (e) return [`Rekey asks for a key that only a person can make: read how, do it in ${where}, or let ann do it.`, `Make it for ${e.environment} and paste it`, () => trying(() => bring(e)), 'bring'];
  }
  return undefined;
}

function next() {
  const roots = visible().filter((m) => inChannel(m) && isBot(m.user) && !m.to && !digest(m));
  const secret = state.picture.secrets[0];
  if (!roots.length) return ['Begin: rotate a key.', `Type /rotate ${secret}`, () => propose(`/rotate ${secret}`), 'begin'];
  const root = roots.at(-1);
  if (state.thread !== root.ts) return ['The rotation tells what it does in its thread.', 'Open the thread', () => openThread(root.ts), 'open'];
  const thread = visible().filter((m) => m.thread_ts === root.ts);
  const card = thread.find(open);
  const asked = errand();
  if (asked) return asked;
  const approver = state.picture.cast.find((p) => p.role === 'approver');
  const role = state.picture.cast.find((p) => p.id === state.actor)?.role;
  if (card && role !== 'approver') return [`Rekey waits for an approver. ${nameOf(state.actor)} is not one.`, `Become ${approver.name}`, () => act(approver.id), 'become'];
  if (card) return ['Read the request, then click ✅ or Approve to end the old key, ❌ or Deny to keep it.'];
  if (/Failed application requests seen/.test(thread.at(-1)?.text || '')) return [`Done. ${state.pulse.failed} of ${state.pulse.requests} requests to the application failed.`];
  return ['Rekey works. Watch the instances change their key.'];
}

function render() {
  if (!state.picture || !state.pulse) return;
  const [text, label, doing, name] = next();
  const el = byID('guide');
  const stamp = text + (label || '');
  if (el.stamp === stamp) return;
  el.stamp = stamp;
  el.hidden = false;
  el.replaceChildren(h('span', {}, text), ...(label ? [h('button', { type: 'button', onclick: doing, 'data-step': name }, label)] : []));
}

export function start() {
  on('picture messages actor thread world', render);
}
