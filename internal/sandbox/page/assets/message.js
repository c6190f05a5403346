// One message: who, when, what, and its reactions.

import { h } from './dom.js';
import { blocks } from './blocks.js';
import { files } from './files.js';
import { glyph, palette } from './emoji.js';
import { react, unreact } from './api.js';
import { acted } from './scroll.js';
import { trying } from './trouble.js';
import { at, clock, seconds, full } from './time.js';
import { state, nameOf, isBot, person } from './store.js';

/** face is a coloured square with the first letter. */
export const face = (id) => h('span', { class: 'face', 'data-hue': isBot(id) ? 'bot' : [...id].reduce((n, c) => n + c.charCodeAt(0), 0) % 6, 'aria-hidden': 'true' }, nameOf(id)[0].toUpperCase());

/**
 * continues reports whether a message goes on with what the one before it says:
 * by the same person, within two minutes, and without a headline of its own.
 */
export const continues = (before, m) => Boolean(before) && before.user === m.user && !m.to && !before.to &&
  m.ts - before.ts < 120 && m.blocks?.[0]?.type !== 'header' && before.blocks?.[0]?.type !== 'header';

/** message shows one; more is put below it. */
export function message(m, again, ...more) {
  const when = at(m.ts);
  const name = ['message', m.to && 'private', again && 'again'].filter(Boolean).join(' ');
  return h('li', { class: name, 'data-ts': m.ts },
    again ? h('time', { class: 'gutter', datetime: when.toISOString(), title: full(when) }, clock(when)) : face(m.user),
    h('div', { class: 'content' },
      m.to && h('p', { class: 'only' }, 'Only visible to you'),
      h('p', { class: again ? 'by sr' : 'by' },
        h('strong', {}, nameOf(m.user)),
        isBot(m.user) ? h('span', { class: 'tag' }, 'app') : h('span', { class: 'tag' }, person(m.user)?.role || ''),
        h('time', { datetime: when.toISOString(), title: full(when) }, seconds(when)),
        m.edits > 0 && h('span', { class: 'edited' }, '(edited)')),
      (m.text || m.blocks?.length > 0 || !m.files?.length) && h('div', { class: 'blocks' }, ...blocks(m)),
      ...files(m),
      !m.to && reactions(m), ...more));
}

function reactions(m) {
  const list = m.reactions || [];
  const adding = h('span', { class: 'palette', hidden: true },
    palette.map((name) => h('button', { type: 'button', class: 'chip', 'aria-label': `React with ${spoken(name)}`, onclick: () => toggle(m, name, false) }, glyph(name))));
  const more = h('button', {
    type: 'button', class: 'chip add', 'aria-label': 'Add a reaction', 'aria-expanded': 'false', 'data-focus': 'add',
    onclick: () => {
      adding.hidden = !adding.hidden;
      more.setAttribute('aria-expanded', String(!adding.hidden));
    },
  }, '☺+');
  return h('div', { class: list.length ? 'reactions' : 'reactions none', role: 'group', 'aria-label': 'Reactions' }, list.map((r) => chip(m, r)), more, adding);
}

const spoken = (name) => name.replaceAll('_', ' ');

function chip(m, r) {
  const mine = r.users.includes(state.actor);
  const who = r.users.map(nameOf).join(', ');
  return h('button', {
    type: 'button', class: 'chip', 'aria-pressed': String(mine), 'data-focus': 'r:' + r.name, 'data-emoji': r.name,
    'aria-label': `${spoken(r.name)}, ${r.users.length}: ${who}. ${mine ? 'Take yours back' : 'React, too'}`,
    onclick: () => toggle(m, r.name, mine),
  }, h('span', { class: 'glyph' }, glyph(r.name)), h('span', { class: 'count' }, String(r.users.length)), h('span', { class: 'who' }, who));
}

function toggle(m, name, mine) {
  acted();
  return trying(() => (mine ? unreact : react)(m.ts, name));
}
