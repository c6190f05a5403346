// Rich text blocks to nodes.
// https://docs.slack.dev/reference/block-kit/blocks/rich-text-block

import { h } from './dom.js';
import { glyph } from './emoji.js';
import { link } from './mrkdwn.js';
import { nameOf } from './store.js';
import { dated } from './time.js';

const pieces = {
  text: (e) => styled(e.text, e.style || {}),
  emoji: (e) => glyph(e.name),
  link: (e) => link(e.url, e.text || e.url),
  user: (e) => h('span', { class: 'mention' }, '@' + nameOf(e.user_id)),
  usergroup: (e) => h('span', { class: 'mention' }, '@' + nameOf(e.usergroup_id)),
  channel: (e) => h('span', { class: 'mention' }, '#' + nameOf(e.channel_id)),
  broadcast: (e) => h('span', { class: 'mention' }, '@' + e.range),
  date: (e) => dated(String(e.timestamp), e.format, e.fallback || ''),
};

function styled(text, style) {
  let out = text;
  for (const [name, tag] of [['code', 'code'], ['bold', 'strong'], ['italic', 'em'], ['strike', 's']]) {
    if (style[name]) out = h(tag, {}, out);
  }
  return out;
}

const inside = (e) => (e.elements || []).map((x) => (Object.hasOwn(pieces, x.type) ? pieces[x.type](x) : ''));

const parts = {
  rich_text_section: (e) => h('div', { class: 'b-text' }, inside(e)),
  rich_text_quote: (e) => h('blockquote', {}, inside(e)),
  rich_text_preformatted: (e) => h('pre', {}, inside(e)),
  rich_text_list: (e) => h(e.style === 'ordered' ? 'ol' : 'ul', {}, (e.elements || []).map((x) => h('li', {}, inside(x)))),
};

export const rich = (b) => h('div', {}, (b.elements || []).map((e) => (Object.hasOwn(parts, e.type) ? parts[e.type](e) : '')));
