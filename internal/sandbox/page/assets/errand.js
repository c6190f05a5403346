// What Rekey asks a person to do at a console, as its threads say it.

import { visible } from './store.js';

/** last finds the newest such message of a thread that nothing after it has settled. */
function last(asks, settles) {
  const told = visible().filter((m) => m.thread_ts && m.thread_ts !== m.ts);
  const at = told.findLastIndex((m) => asks.test(m.text));
  if (at < 0) return undefined;
  const after = told.slice(at + 1).filter((m) => m.thread_ts === told[at].thread_ts);
  return after.some((m) => settles.test(m.text)) ? undefined : told[at].text;
}

/** making is the key of a service that a person is to make now, if any. */
export function making(service, inboxes) {
  const text = last(new RegExp(`A person has to make the new key for [\\w ]+: ${service} has`), /Took |cancelled|Stopped/);
  if (!text) return undefined;
  const [, environment] = text.match(/new key for (\w+)/);
  const [label] = text.match(/rk_[a-z0-9_]+/) || [''];
  const inbox = inboxes?.find((i) => i.environment === environment);
  return inbox && !inbox.made ? { environment, label, workspace: inbox.workspace } : undefined;
}

/** ending is what a person is to end at a service now, as the thread names it. */
export function ending(service) {
  const text = last(new RegExp(`A person has to end \\S+: ${service} has`), /is dead: |cancelled|Stopped/);
  return text?.match(/has to end (\S+):/)[1];
}
