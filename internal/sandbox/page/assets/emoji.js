// Names of emoji, as Slack has them, to glyphs. A name that is not here is
// shown as it is written. https://github.com/iamcal/emoji-data

const glyphs = {
  white_check_mark: '✅', x: '❌', heavy_check_mark: '✔️', ballot_box_with_check: '☑️', negative_squared_cross_mark: '❎',
  '+1': '👍', thumbsup: '👍', '-1': '👎', thumbsdown: '👎', ok_hand: '👌', ok: '🆗', eyes: '👀', wave: '👋', pray: '🙏',
  raised_hand: '✋', clap: '👏', tada: '🎉', rocket: '🚀', fire: '🔥', warning: '⚠️', rotating_light: '🚨', no_entry: '⛔',
  no_entry_sign: '🚫', octagonal_sign: '🛑', key: '🔑', old_key: '🗝️', lock: '🔒', unlock: '🔓', closed_lock_with_key: '🔐',
  hourglass: '⌛', hourglass_flowing_sand: '⏳', stopwatch: '⏱️', clock1: '🕐', alarm_clock: '⏰', zzz: '💤', bell: '🔔',
  mag: '🔍', wrench: '🔧', hammer_and_wrench: '🛠️', gear: '⚙️', robot_face: '🤖', skull: '💀', bulb: '💡', memo: '📝',
  chart_with_upwards_trend: '📈', arrows_counterclockwise: '🔄', recycle: '♻️', leftwards_arrow_with_hook: '↩️',
  large_green_circle: '🟢', large_yellow_circle: '🟡', large_orange_circle: '🟠', red_circle: '🔴', large_blue_circle: '🔵',
  white_circle: '⚪', black_circle: '⚫', information_source: 'ℹ️', question: '❓', exclamation: '❗', heart: '❤️',
  smile: '😄', thinking_face: '🤔', sweat_smile: '😅', slightly_smiling_face: '🙂', o: '⭕', heavy_multiplication_x: '✖️',
};

const tones = ['🏻', '🏼', '🏽', '🏾', '🏿'];

/** glyph is the character for a name, or the name between colons. */
export function glyph(name) {
  const [bare, tone] = name.split('::skin-tone-');
  const found = Object.hasOwn(glyphs, bare) ? glyphs[bare] : '';
  if (!found) return `:${name}:`;
  return found + (tone ? tones[tone - 2] || '' : '');
}

/** palette is what one can react with on any message. */
export const palette = ['white_check_mark', 'x', '+1', 'eyes'];
