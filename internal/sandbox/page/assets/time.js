// Moments, in the reader's own zone.

const shown = (options) => (d) => new Intl.DateTimeFormat(undefined, options).format(d);

const clock = shown({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const seconds = shown({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const full = shown({ dateStyle: 'full', timeStyle: 'long' });
const short = shown({ year: 'numeric', month: 'short', day: 'numeric' });
const long = shown({ weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' });
const middle = shown({ year: 'numeric', month: 'long', day: 'numeric' });

/** at is the moment of a message's timestamp. */
export const at = (ts) => new Date(Number(ts) * 1000);

export { clock, seconds, full };

/** day says "today" and "yesterday" where it fits. */
function pretty(d, otherwise) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(d).setHours(0, 0, 0, 0)) / 86400000);
  return { 0: 'today', 1: 'yesterday', '-1': 'tomorrow' }[days] || otherwise(d);
}

/** ago is a rough age: "120 days ago". */
export function ago(d) {
  const s = Math.max(0, (Date.now() - d) / 1000);
  const [n, unit] = s < 90 ? [s, 'second'] : s < 5400 ? [s / 60, 'minute'] : s < 129600 ? [s / 3600, 'hour'] : [s / 86400, 'day'];
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(-Math.round(n), unit);
}

const tokens = {
  date_num: (d) => d.toISOString().slice(0, 10),
  date: middle, date_short: short, date_long: long,
  date_pretty: (d) => pretty(d, middle), date_short_pretty: (d) => pretty(d, short), date_long_pretty: (d) => pretty(d, long),
  time: clock, time_secs: seconds, ago,
};

/**
 * dated fills in Slack's date notation, or gives the fallback.
 * https://docs.slack.dev/messaging/formatting-message-text/#date-formatting
 */
export function dated(stamp, format, fallback) {
  const d = new Date(Number(stamp) * 1000);
  if (!/^\d+$/.test(stamp) || Number.isNaN(d.getTime())) return fallback;
  let known = true;
  const text = format.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!Object.hasOwn(tokens, name)) {
      known = false;
      return whole;
    }
    return tokens[name](d);
  });
  return known ? text : fallback;
}
