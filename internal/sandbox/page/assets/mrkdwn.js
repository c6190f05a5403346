// Slack's own markup to nodes.
// https://docs.slack.dev/messaging/formatting-message-text

import { h } from './dom.js';
import { glyph } from './emoji.js';
import { dated } from './time.js';
import { nameOf, state } from './store.js';

const entities = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };
const decode = (text) => text.replace(/&(lt|gt|amp);/g, (e) => entities[e]);

/** mrkdwn makes nodes of a text; every part of it that is not markup is text. */
export function mrkdwn(text) {
  return String(text).split(/```([\s\S]*?)```/).flatMap((part, i) =>
    i % 2 ? [h('pre', {}, decode(part.replace(/^\n|\n$/g, '')))] : lines(part));
}

/** plain makes nodes of a plain_text object's text: only emoji mean something. */
export function plain(text, emoji = true) {
  return [emoji ? String(text).replace(/:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/g, (_, name) => glyph(name)) : String(text)];
}

function lines(text) {
  const out = [];
  let quote = null;
  for (const line of text.split('\n')) {
    const quoted = line.match(/^(?:&gt;|>) ?(.*)$/);
    if (quoted) {
      if (!quote) out.push((quote = h('blockquote')));
      else quote.append(h('br'));
      quote.append(...inline(quoted[1]));
      continue;
    }
    if (out.length && !quote) out.push(h('br'));
    quote = null;
    out.push(...inline(line));
  }
  return out;
}

const marks = { '*': 'strong', _: 'em', '~': 's' };
const word = /[\p{L}\p{N}]/u;
const token = /^(?:`([^`]+)`|<([^<>]+)>|:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):)/;

function inline(text) {
  const out = [];
  let rest = '';
  const flush = () => {
    if (rest) out.push(decode(rest));
    rest = '';
  };
  for (let i = 0; i < text.length;) {
    const found = text.slice(i).match(token);
    if (found) {
      flush();
      const [whole, code, angle, emoji] = found;
      out.push(code ? h('code', {}, decode(code)) : angle ? reference(angle) : named(emoji));
      i += whole.length;
      continue;
    }
    const end = marks[text[i]] && !word.test(text[i - 1] || '') ? closing(text, i) : -1;
    if (end > 0) {
      flush();
      out.push(h(marks[text[i]], {}, ...inline(text.slice(i + 1, end))));
      i = end + 1;
      continue;
    }
    rest += text[i++];
  }
  flush();
  return out;
}

/** closing finds the mark that ends what begins at i, code and links passed over. */
function closing(text, i) {
  if (!text[i + 1] || /\s/.test(text[i + 1]) || text[i + 1] === text[i]) return -1;
  for (let j = i + 1; j < text.length; j++) {
    const skip = text.slice(j).match(token);
    if (skip) {
      j += skip[0].length - 1;
      continue;
    }
    if (text[j] === text[i] && !/\s/.test(text[j - 1]) && !word.test(text[j + 1] || '')) return j;
  }
  return -1;
}

const named = (name) => {
  const shown = glyph(name);
  return shown.startsWith(':') ? shown : h('span', { role: 'img', 'aria-label': name.replaceAll('_', ' ') }, shown);
};

/** reference is what stands between angle brackets. */
function reference(inside) {
  const [what, ...rest] = inside.split('|');
  const label = decode(rest.join('|'));
  if (/^@[UW]/.test(what)) return mention('@' + nameOf(what.slice(1)), what.slice(1) === state.actor);
  if (/^!subteam\^/.test(what)) return mention('@' + nameOf(what.slice('!subteam^'.length)));
  if (/^#C/.test(what)) return mention('#' + (label || nameOf(what.slice(1))));
  if (/^!date\^/.test(what)) {
    const [, stamp, format] = what.split('^');
    return h('time', { title: label }, dated(stamp, decode(format || ''), label));
  }
  if (what.startsWith('!')) return mention('@' + decode(what.slice(1)));
  return label || reachable.test(what) ? link(decode(what), label || decode(what)) : decode(`<${inside}>`);
}

const mention = (text, me) => h('span', { class: me ? 'mention me' : 'mention' }, text);

const reachable = /^(https?:\/\/|mailto:)/i;

/** link refuses every scheme but those of web pages and mail. */
export function link(address, label) {
  if (!reachable.test(address)) return label;
  return h('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, label);
}
