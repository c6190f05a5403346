// Block Kit to nodes. https://docs.slack.dev/reference/block-kit/blocks

import { h } from './dom.js';
import { mrkdwn, plain, link } from './mrkdwn.js';
import { control } from './controls.js';
import { rich } from './rich.js';

/** textOf shows a text object. */
export const textOf = (t) => (!t ? [] : t.type === 'mrkdwn' ? mrkdwn(t.text) : plain(t.text, t.emoji !== false));

const show = {
  header: (b) => h('h3', { class: 'b-header' }, ...textOf(b.text)),
  divider: () => h('hr'),
  section: (b, m) => h('div', { class: 'b-section' },
    h('div', { class: 'b-body' },
      b.text && h('div', { class: 'b-text' }, ...textOf(b.text)),
      b.fields && h('div', { class: 'b-fields' }, b.fields.map((f) => h('div', { class: 'b-field' }, ...textOf(f))))),
    b.accessory && element(b.accessory, m)),
  context: (b) => h('div', { class: 'b-context' }, b.elements.map((e) => (e.type === 'image' ? picture(e, 'small') : h('span', {}, ...textOf(e))))),
  actions: (b, m) => h('div', { class: 'b-actions' }, b.elements.map((e) => element(e, m))),
  image: (b) => h('figure', { class: 'b-image' }, b.title && h('figcaption', {}, ...textOf(b.title)), picture(b)),
  markdown: (b) => h('div', { class: 'b-text' }, ...mrkdwn(b.text)),
  rich_text: (b) => rich(b),
};

const element = (e, m) => (e.type === 'image' ? picture(e, 'small') : control(e, m));

/** picture shows one of this machine; one from elsewhere is only linked to. */
function picture(e, size) {
  const from = e.image_url || e.slack_file?.url || '';
  if (/^(http:\/\/127\.0\.0\.1:|\/|data:image\/)/.test(from)) {
    return h('img', { src: from, alt: e.alt_text, class: size, loading: 'lazy' });
  }
  return h('span', { class: 'b-absent' }, 'Picture: ', from ? link(from, e.alt_text) : e.alt_text);
}

/** blocks shows all blocks of a message, or its text if it has none. */
export function blocks(m) {
  const list = Array.isArray(m.blocks) ? m.blocks : [];
  if (!list.length) return [h('div', { class: 'b-text' }, ...mrkdwn(m.text))];
  return list.map((b) => (Object.hasOwn(show, b.type) ? show[b.type](b, m) : h('div', { class: 'b-absent' }, `[${b.type}]`)));
}
