// What people do, told to the world's own API.

import { state } from './store.js';

async function call(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Error('The sandbox does not answer. It may have ended.');
  }
  const said = await answer.json().catch(() => ({ error: `The sandbox answered with ${answer.status}.` }));
  if (!answer.ok) throw new Error(sentence(said.error));
  return said;
}

/** sentence makes an error of the world one for people. */
function sentence(text) {
  const known = [
    ['not a member of the workspace', 'Slack lets only members of the workspace use commands.'],
    ['not a valid command', 'That is not a command here. Try /rotate.'],
    ['operation_timeout', 'The bot did not answer within three seconds.'],
    ['dispatch_failed', 'The bot is not connected.'],
    ['already_reacted', 'You have clicked that already.'],
    ['no such message', 'That message is gone.'],
    ['no such modal', 'This window is gone.'],
  ];
  const found = known.find(([part]) => String(text).includes(part));
  return found ? found[1] : String(text);
}

const as = (what) => ({ user: state.actor, ...what });

export const command = (name, text) => call('POST', '/people/command', as({ command: name, text }));
/** typed escapes what a person wrote, as Slack's own client does. */
const typed = (text) => text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);

export const post = (text, thread) => call('POST', '/people/say', as({ text: typed(text), thread }));
export const react = (ts, emoji) => call('POST', '/people/react', as({ ts, emoji }));
export const unreact = (ts, emoji) => call('POST', '/people/unreact', as({ ts, emoji }));
export const click = (ts, action, value) => call('POST', '/people/click', as({ ts, action, value }));
export const submit = (view, values) => call('POST', '/people/submit', as({ view, values }));
export const dismiss = (view) => call('POST', '/people/dismiss', as({ view }));
export const makeKey = (name, workspace) => call('POST', '/console/keys', { name, workspace });
export const copyKey = (id) => call('POST', '/console/copy', { id });
export const makeMemoryKey = (name, project) => call('POST', '/console/memory', { name, project });
export const copyMemoryKey = (id) => call('POST', '/console/memory/copy', { id });
export const endMemoryKey = (id) => call('POST', '/console/memory/end', { id });
export const makeAt = (secret, environment, name) => call('POST', '/console/make', { secret, environment, name });
export const endAt = (secret, id) => call('POST', '/console/end', { secret, id });
export const paste = (environment) => call('POST', '/inbox', { environment });
export const deploy = (environment) => call('POST', '/deploy', { environment });
export const inject = (order) => call('POST', '/faults', order);
export const clear = (service, name) => call('DELETE', `/faults/${encodeURIComponent(service)}/${encodeURIComponent(name)}`);
