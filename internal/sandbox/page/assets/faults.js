// Switches for what goes wrong on purpose.

import { byID, h, keyed } from './dom.js';
import { inject, clear } from './api.js';
import { trying } from './trouble.js';
import { state, on } from './store.js';

const kinds = {
  401: 'refuses (401)', 403: 'forbids (403)', 429: 'says "too many" (429)', 500: 'fails (500)', html: 'answers with a web page',
  huge: 'answers without end', slow: 'is slow', hang: 'does not answer', drop: 'cuts the connection', down: 'is down, until it is switched off here', lose: 'acts, but its answer is lost',
};
const services = { slack: 'Slack', infisical: 'Infisical', fal: 'fal.ai', anthropic: 'Anthropic', loki: 'Loki', deploy: 'the deploy platform', staging: 'the application in staging', production: 'the application in production' };

const choose = (name, label, values, words) => h('label', {}, label,
  h('select', { name }, values.map((v) => h('option', { value: v }, words[v] || v))));

function build() {
  const form = byID('fault-form');
  if (form.children.length) return;
  form.append(
    choose('service', 'Service', state.picture.services, services),
    choose('kind', 'What it does', state.picture.kinds, kinds),
    choose('limit', 'How often', ['1', '3', '10', '0'], { 1: 'once', 3: '3 times', 10: '10 times', 0: 'until switched off' }),
    h('label', {}, 'Seconds (slow, 429)', h('input', { name: 'seconds', type: 'number', min: 0, max: 60, value: 2 })),
    h('button', { type: 'submit' }, 'Break it'));
  form.addEventListener('submit', (e) => {
    e.preventDefault();
    const q = new FormData(form);
    trying(() => inject({ service: q.get('service'), kind: q.get('kind'), limit: Number(q.get('limit')), seconds: Number(q.get('seconds')) }));
  });
}

function render() {
  const list = state.world?.faults || [];
  keyed(byID('faults'), list, (f) => `${f.service}/${f.name}`, (f) => h('li', { class: 'row fault' },
    h('span', { class: 'state bad' }, 'on'),
    h('span', { class: 'main' }, `${services[f.service] || f.service} ${kinds[f.name] || f.name}`),
    h('button', { type: 'button', class: 'side', 'data-focus': 'off', 'aria-label': `Switch off: ${f.service} ${f.name}`, onclick: () => trying(() => clear(f.service, f.name)) }, 'Switch off'),
    h('span', { class: 'sub' }, `happened ${f.fired} ${f.fired === 1 ? 'time' : 'times'}`)));
}

export function start() {
  on('picture', build);
  on('world', render);
}
