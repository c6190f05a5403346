// The one stream of events, into the store. The browser reconnects by itself
// and says which event it saw last.

import { state, changed, act } from './store.js';

const keptSamples = 120;

const take = {
  picture(p) {
    state.picture = p;
    state.messages = new Map(p.messages.map((m) => [m.ts, m]));
    state.views = new Map(p.views.map((v) => [v.id, v]));
    state.curve = p.curve;
    state.world = p.world;
    state.pulse = p.pulse;
    if (!p.cast.some((c) => c.id === state.actor)) act(p.cast[0].id);
    for (const t of ['picture', 'messages', 'views', 'world', 'pulse', 'actor']) changed(t);
  },
  message(m) {
    state.messages.set(m.ts, m);
    changed('messages');
  },
  gone({ ts }) {
    state.messages.delete(ts);
    changed('messages');
  },
  view(v) {
    state.views.set(v.id, v);
    changed('views');
  },
  unview({ id }) {
    state.views.delete(id);
    changed('views');
  },
  world(w) {
    state.world = w;
    changed('world');
  },
  pulse(p) {
    const before = state.pulse ? state.pulse.failed : p.failed;
    state.pulse = p;
    state.curve = [...state.curve, { rate: p.rate, failed: p.failed - before }].slice(-keptSamples);
    changed('pulse');
  },
};

export function follow() {
  const source = new EventSource('/page/stream');
  for (const [kind, fn] of Object.entries(take)) {
    source.addEventListener(kind, (e) => fn(JSON.parse(e.data)));
  }
  const live = (yes) => () => {
    state.live = yes;
    changed('live');
  };
  source.addEventListener('open', live(true));
  source.addEventListener('error', live(false));
}
