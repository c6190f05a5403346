// What can be typed, with what it does.

/** suggestions lists all commands for the secrets there are. */
function all(secrets) {
  return [
    ['/rotate', 'every secret with its age, and what is running'],
    ...secrets.flatMap((n) => [[`/rotate ${n}`, 'replace this secret'], [`/rotate ${n} --plan`, 'show every step first; changes nothing']]),
    ['/rotate status', 'what is running and what it waits for'],
    ...secrets.flatMap((n) => [[`/rotate cancel ${n}`, 'stop; nothing is revoked'], [`/rotate retry ${n}`, 'go on after a stop, or ask again']]),
    ...secrets.flatMap((n) => [[`/rotate snooze ${n} 7d`, 'remind nobody of its age for a while'], [`/rotate unsnooze ${n}`, 'remind people again']]),
    ['/rotate help', 'what can be typed'],
    ...secrets.map((n) => [`/rotate-emergency ${n}`, 'when a key has leaked']),
  ];
}

/** complete lists what the typed text may become, the likeliest first. */
export function complete(text, secrets) {
  if (!text.startsWith('/')) return [];
  const typed = text.toLowerCase().trimEnd();
  const words = typed.slice(1).split(/\s+/).filter(Boolean);
  const rank = ([c]) => (c.toLowerCase().startsWith(typed) ? 0 : 1);
  return all(secrets)
    .filter(([c]) => c !== text && words.every((w) => c.toLowerCase().includes(w)))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, 8);
}
