/**
 * What is printed, made harmless: text of a file (names, paths, labels, messages) is never an order to the terminal and
 * never begins a line of its own. Every line in text form goes through `lines`, every object through `json`.
 *
 *   "a\x1b]0;title\x07\nb"   ->   a\x1b]0;title\x07\nb   (as these very characters)
 */
import { UNSEEN, visible } from '../base/visible.ts';

export { visible } from '../base/visible.ts';

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
