/**
 * What is printed, made harmless: text of a file (names, paths, labels, messages) is never an order to the terminal and
 * never begins a line of its own. Every line in text form goes through `lines`, every object through `json`.
 *
 *   "a\x1b]0;title\x07\nb"   ->   a\x1b]0;title\x07\nb   (as these very characters)
 */

/** C0, DEL and C1 controls, line and paragraph separators, and what is there and not seen: marks that turn writing round, byte-order marks, tags. Joiners of scripts and of emoji stay. */
const UNSEEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escaped(one: string): string {
  const code = one.codePointAt(0)!;
  if (code < 0x100) return SHORT[one] ?? `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** The text with everything that a terminal would obey, or not show, written out. One line stays one line. */
export const visible = (text: string): string => text.replace(UNSEEN, escaped);

/** Lines as they are printed, the last one ended, too; "" for none. */
export const lines = (all: readonly string[]): string => all.map((line) => `${visible(line)}\n`).join('');

/** Every UTF-16 unit as JSON writes it. */
const units = (one: string): string =>
  Array.from(
    { length: one.length },
    (_, at) => `\\u${one.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');

/** An object as JSON in which all of these are \uXXXX: JSON itself leaves DEL, C1 and U+202E as they are. */
export const json = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replace(UNSEEN, (one) => (one === '\n' ? one : units(one)))}\n`;
