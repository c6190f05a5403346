// Where it is said that something a person did was refused.

import { byID, say } from './dom.js';
import { on } from './store.js';

/** trying runs what a person asked for and shows why it did not work. */
export async function trying(doing) {
  const out = byID('trouble');
  say(out, '');
  try {
    return await doing();
  } catch (err) {
    say(out, err.message);
    return undefined;
  }
}

export function start() {
  on('actor', () => say(byID('trouble'), ''));
}
