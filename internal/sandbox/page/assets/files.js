// Files of a message: pictures are shown and open larger, others can be saved.

import { h, byID } from './dom.js';

const shown = ['image/png', 'image/jpeg', 'image/gif'];

/** files shows what a message carries. */
export const files = (m) => (m.files || []).map((f) => (shown.includes(f.mimetype) ? picture(f) : other(f)));

const at = (f) => '/page/files/' + encodeURIComponent(f.id);

function picture(f) {
  const size = f.width && f.height ? { width: f.width, height: f.height } : {};
  return h('figure', { class: 'file' },
    h('figcaption', {}, f.title),
    h('button', { type: 'button', class: 'b-picture', 'aria-label': `Open larger: ${f.title}`, 'data-focus': 'f:' + f.id, onclick: () => larger(f) },
      h('img', { src: at(f), alt: f.alt_text || f.title, ...size })));
}

const other = (f) => h('p', { class: 'file' }, h('a', { href: at(f), download: f.name }, f.title || f.name), ` (${f.size} bytes)`);

function larger(f) {
  byID('picture-image').replaceChildren(h('img', { src: at(f), alt: f.alt_text || f.title }));
  byID('picture-title').textContent = f.title;
  byID('picture-alt').textContent = f.alt_text || '';
  byID('picture').showModal();
}
