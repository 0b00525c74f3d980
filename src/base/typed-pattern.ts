/**
 * A regular expression that somebody typed, or that a link brought: held to what cannot run for long over the names of a
 * file. Groups are not repeated, at most two parts are unbounded, and nothing refers back.
 */

/** Letters of a pattern, and of a text that it is tried on: names are shorter, and the rest of a longer one is not seen. */
const LONGEST_PATTERN = 200;
const LONGEST_TEXT = 512;
const MOST_UNBOUNDED = 2;

/** A test of a text, letters of either case alike; a string: why there is none. */
export function typedPattern(pattern: string): ((text: string) => boolean) | string {
  if (pattern.length > LONGEST_PATTERN) return `is longer than ${LONGEST_PATTERN} letters`;
  // What stands between brackets, or behind a backslash, is itself.
  const bare = pattern
    .replace(/\\./g, (pair) => (/\\[1-9k]/.test(pair) ? '\\1' : 'x'))
    .replace(/\[[^\]]{0,200}\]/g, 'x');
  if (bare.includes('\\1')) return 'refers back to a group, which can take for ever';
  if (/\)[*+{]/.test(bare)) return 'repeats a group, which can take for ever';
  if ((bare.match(/[*+]|\{\d+,\d*\}/g) ?? []).length > MOST_UNBOUNDED)
    return `has more than ${MOST_UNBOUNDED} parts of any length, which can take for ever`;
  try {
    const expression = new RegExp(pattern, 'i');
    return (text) => expression.test(text.slice(0, LONGEST_TEXT));
  } catch {
    return 'is no regular expression';
  }
}
