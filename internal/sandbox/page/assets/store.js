// What the page knows, and who wants to hear of changes.

export const state = {
  picture: null, // as it came; its messages are in the map below
  messages: new Map(), // by timestamp
  views: new Map(), // modals, by id
  world: null,
  pulse: null,
  curve: [],
  actor: sessionStorage.getItem('actor') || '',
  thread: '', // timestamp of the root of the open thread
  live: false, // the stream is connected
};

const listeners = new Map();

/** on calls fn whenever one of the topics changed. */
export function on(topics, fn) {
  for (const t of topics.split(' ')) listeners.set(t, [...(listeners.get(t) || []), fn]);
}

const due = new Set();

/** changed tells that a topic changed; listeners run once a frame at most. */
export function changed(topic) {
  if (!due.size) queueMicrotask(run);
  for (const fn of listeners.get(topic) || []) due.add(fn);
}

function run() {
  const now = [...due];
  due.clear();
  for (const fn of now) fn();
}

export function act(as) {
  state.actor = as;
  sessionStorage.setItem('actor', as);
  changed('actor');
}

export function openThread(ts) {
  state.thread = ts;
  changed('thread');
}

/** visible lists the messages the acting person can see, oldest first. */
export function visible() {
  return [...state.messages.values()]
    .filter((m) => !m.to || m.to === state.actor)
    .sort((a, b) => (a.ts < b.ts ? -1 : 1));
}

/** inChannel reports whether a message stands in the channel itself. */
export const inChannel = (m) => !m.thread_ts || m.thread_ts === m.ts || m.broadcast;

/** nameOf is how a person or group is called. */
export const nameOf = (id) => state.picture?.names[id] || id;

export const isBot = (id) => state.picture?.bots.includes(id);

/** person is a member of the cast. */
export const person = (id) => state.picture?.cast.find((p) => p.id === id);
