// The modal in front of the acting person: a form of Slack's, drawn here.
// https://docs.slack.dev/surfaces/modals

import { byID, h, say } from './dom.js';
import { blocks, textOf } from './blocks.js';
import { plain } from './mrkdwn.js';
import { submit, dismiss } from './api.js';
import { acted } from './scroll.js';
import { state, on } from './store.js';

const dialog = byID('modal');
let shown = {}; // the view that is drawn

const mine = () => [...state.views.values()].find((v) => v.user === state.actor);

/** boxes is an input block with boxes to tick. */
function boxes(b) {
  const first = new Set((b.element.initial_options || []).map((o) => o.value));
  return h('fieldset', { class: 'field boxes', 'data-boxes': b.block_id },
    h('legend', {}, ...textOf(b.label), b.optional && h('small', {}, ' (optional)')),
    ...b.element.options.map((o) => h('label', {}, h('input', { type: 'checkbox', value: o.value, checked: first.has(o.value) }), ...textOf(o.text),
      o.description && h('small', {}, ' ', ...textOf(o.description)))),
    h('p', { class: 'hint' }, ...textOf(b.hint)),
    h('p', { class: 'wrong', id: `fault-${b.block_id}`, role: 'alert' }));
}

/** field is an input block: what is asked, where to type, what is wrong. */
function field(b) {
  const e = b.element;
  if (e.type === 'checkboxes') return boxes(b);
  const props = {
    id: `field-${b.block_id}`, 'data-block': b.block_id, required: !b.optional, maxlength: e.max_length, minlength: e.min_length,
    placeholder: e.placeholder?.text, 'aria-describedby': `hint-${b.block_id} fault-${b.block_id}`,
  };
  const box = e.multiline ? h('textarea', { ...props, rows: 4 }, e.initial_value || '') : h('input', { ...props, value: e.initial_value });
  return h('div', { class: 'field' },
    h('label', { for: props.id }, ...textOf(b.label), b.optional && h('small', {}, ' (optional)')), box,
    h('p', { class: 'hint', id: `hint-${b.block_id}` }, ...textOf(b.hint)),
    h('p', { class: 'wrong', id: `fault-${b.block_id}`, role: 'alert' }));
}

function draw(v) {
  byID('modal-title').replaceChildren(...plain(v.title));
  byID('modal-body').replaceChildren(...v.blocks.flatMap((b) => (b.type === 'input' ? field(b) : blocks({ blocks: [b] }))));
  byID('modal-close').replaceChildren(...plain(v.close || 'Cancel'));
  byID('modal-submit').replaceChildren(...plain(v.submit || ''));
  byID('modal-submit').hidden = !v.submit;
  say(byID('modal-trouble'), '');
}

function render() {
  const v = mine();
  if (!v) {
    shown = {};
    if (dialog.open) dialog.close();
    return;
  }
  if (v.id !== shown.id || v.hash !== shown.hash) draw(v); // errors alone leave what was typed
  shown = v;
  for (const p of dialog.querySelectorAll('#modal-body .wrong')) say(p, v.errors?.[p.id.slice('fault-'.length)] || '');
  if (!dialog.open) dialog.showModal();
  if (v.errors) dialog.querySelector('[data-block]')?.focus();
}

/** sending runs what asks the bot, with the buttons out of reach meanwhile. */
async function sending(doing) {
  const buttons = dialog.querySelectorAll('button');
  for (const b of buttons) b.disabled = true;
  say(byID('modal-trouble'), '');
  try {
    await doing();
  } catch (err) {
    say(byID('modal-trouble'), err.message);
  }
  for (const b of buttons) b.disabled = false;
}

export function start() {
  on('views actor', render);
  byID('modal-form').addEventListener('submit', (e) => {
    e.preventDefault();
    acted();
    const typed = [...dialog.querySelectorAll('[data-block]')].map((box) => [box.dataset.block, box.value]);
    const ticked = [...dialog.querySelectorAll('[data-boxes]')].map((set) => [set.dataset.boxes,
      [...set.querySelectorAll('input:checked')].map((box) => box.value).join(',')]);
    sending(() => submit(shown.id, Object.fromEntries([...typed, ...ticked])));
  });
  byID('modal-close').addEventListener('click', () => sending(() => dismiss(shown.id)));
  dialog.addEventListener('cancel', (e) => {
    e.preventDefault();
    if (shown.id) sending(() => dismiss(shown.id));
  });
}
