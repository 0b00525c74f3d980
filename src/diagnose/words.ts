/** How findings write numbers, lines of code and what can be copied. Amounts stay numbers in texts (base/amounts.ts). */
import { amount, exactAmount } from '../base/amounts.ts';
import { formatInteger } from '../base/units.ts';

/** An amount, shown as "4.56 GiB" in the unit of the reader. */
export const size = amount;

/** Shown as "4.56 GiB (4,900,978,688 bytes)": for figures that others are held against. */
export const exactSize = exactAmount;

/** A line to run or set as it is, inside a remedy: the page offers it for copying, text and JSON have it bare. */
export const code = (line: string): string => `\`${line}\``;

/** A remedy without the marks of what can be copied. */
export const plainRemedy = (remedy: string | null): string | null => remedy?.replaceAll('`', '') ?? null;

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${formatInteger(n)} ${n === 1 ? one : many}`;

/** "12.3%"; a share that is neither none nor all is not rounded to it. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return 'less than 0.1%';
  if (share < 1 && share >= 0.9995) return 'more than 99.9%';
  return `${(100 * share).toFixed(1)}%`;
}

/** "a", "a and b", "a, b and c". */
export const and = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`;

/** A label of a stack ("name  file.py:12") inside a sentence: "name (file.py:12)". */
export const inSentence = (label: string): string => label.replace(/^(.*?) {2}(.+)$/, '$1 ($2)');
