// The application's counters, the curve of its traffic, and the bot's lamp.

import { byID, say, svg } from './dom.js';
import { state, on } from './store.js';

const count = new Intl.NumberFormat('en');

function figures() {
  const p = state.pulse;
  if (!p) return;
  say(byID('requests'), count.format(p.requests));
  say(byID('failed'), count.format(p.failed));
  say(byID('rate'), state.curve.length ? p.rate.toFixed(1) : '–');
  byID('failed-box').className = p.failed > 0 ? 'bad' : 'good';
  curve();
}

function curve() {
  const el = byID('curve');
  const [width, height, points] = [120, 32, state.curve];
  const top = Math.max(10, ...points.map((s) => s.rate)) * 1.1;
  const step = width / Math.max(points.length - 1, 30); // fills up within a quarter of a minute
  const x = (i) => width - (points.length - 1 - i) * step;
  const y = (rate) => height - 1 - (rate / top) * (height - 3);
  const line = points.map((s, i) => `${x(i)},${y(s.rate).toFixed(1)}`).join(' ');
  el.replaceChildren(
    svg('line', { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: 'base' }),
    points.length > 1 ? svg('polygon', { points: `${x(0)},${height} ${line} ${width},${height}`, class: 'area' }) : '',
    svg('polyline', { points: line, class: 'line' }),
    ...points.flatMap((s, i) => (s.failed > 0 ? [svg('rect', { x: x(i) - 1, y: 0, width: 2, height, class: 'failed' })] : [])));
  el.setAttribute('aria-label', `Requests per second over the last minute, now ${state.pulse.rate.toFixed(1)}; ${state.pulse.failed} failed in all`);
}

function lamp() {
  const [name, text] = !state.live ? ['off', 'The sandbox has ended or cannot be reached. Trying again …']
    : !state.pulse ? ['wait', 'connecting']
      : state.pulse.connected ? ['on', 'bot running'] : ['off', 'bot ended, or not connected'];
  byID('bot').className = `bot ${name}`;
  say(byID('bot-text'), text);
}

export function start() {
  on('pulse', figures);
  on('pulse live', lamp);
}
