// Where it is said that something a person did was refused.

import { byID, say } from './dom.js';
import { on } from './store.js';

const shownFor = 12000; // ms
let timer;

/** trying runs what a person asked for and shows why it did not work. */
export async function trying(doing) {
  const out = byID('trouble');
  clearTimeout(timer);
  say(out, '');
  try {
    return await doing();
  } catch (err) {
    say(out, err.message);
    timer = setTimeout(() => say(out, ''), shownFor);
    return undefined;
  }
}

export function start() {
  on('actor', () => say(byID('trouble'), ''));
}
