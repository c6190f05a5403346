// The question before something that cannot be undone.
// https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object

import { byID } from './dom.js';
import { mrkdwn, plain } from './mrkdwn.js';

/** asked shows a confirm object and answers whether the person agreed. */
export function asked(confirm) {
  const dialog = byID('confirm');
  byID('confirm-title').replaceChildren(...plain(confirm.title.text));
  byID('confirm-text').replaceChildren(...(confirm.text.type === 'mrkdwn' ? mrkdwn : plain)(confirm.text.text));
  byID('confirm-no').replaceChildren(...plain(confirm.deny.text));
  byID('confirm-yes').replaceChildren(...plain(confirm.confirm.text));
  byID('confirm-yes').className = confirm.style === 'danger' ? 'danger' : 'primary';
  dialog.returnValue = 'no';
  dialog.showModal();
  byID('confirm-no').focus(); // Enter must not agree by accident
  return new Promise((done) => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }));
}
