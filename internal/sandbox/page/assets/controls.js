// What can be pressed in a message: buttons and menus.
// https://docs.slack.dev/reference/block-kit/block-elements

import { h } from './dom.js';
import { click } from './api.js';
import { asked } from './dialog.js';
import { plain, link } from './mrkdwn.js';
import { acted } from './scroll.js';
import { trying } from './trouble.js';
import { state } from './store.js';

/** press asks first if the element says so, then tells the bot. */
async function press(el, e, m, value) {
  if (e.confirm && !(await asked(e.confirm))) return;
  acted();
  el.disabled = true;
  await trying(() => click(m.ts, e.action_id, value));
  el.disabled = false;
}

const show = {
  button(e, m) {
    if (e.url) return link(e.url, e.text.text);
    const el = h('button', {
      type: 'button', class: `b-button ${e.style || ''}`, 'data-focus': e.action_id,
      'aria-label': e.accessibility_label, onclick: () => press(el, e, m, ''),
    }, ...plain(e.text.text));
    return el;
  },
  static_select: (e, m) => menu(e, m, e.options || (e.option_groups || []).flatMap((g) => g.options), e.placeholder?.text || 'Choose'),
  overflow: (e, m) => menu(e, m, e.options, 'More'),
  users_select: (e, m) => menu(e, m, state.picture.cast.map((p) => ({ value: p.id, text: { text: p.name } })), e.placeholder?.text || 'Choose a person'),
};

function menu(e, m, options, label) {
  const el = h('select', {
    class: 'b-select', 'aria-label': label, 'data-focus': e.action_id,
    onchange: () => press(el, e, m, el.value).then(() => (el.value = '')),
  }, h('option', { value: '' }, label), options.map((o) => h('option', { value: o.value }, ...plain(o.text.text))));
  return el;
}

export const control = (e, m) => (Object.hasOwn(show, e.type) ? show[e.type](e, m) : h('span', { class: 'b-absent' }, `[${e.type}]`));
