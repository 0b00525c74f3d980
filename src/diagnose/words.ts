/** Numbers as findings write them. */
import { formatBytes, formatInteger } from '../base/units.ts';

/** "4.56 GiB". */
export const size = (bytes: number): string => formatBytes(bytes, 'binary');

/** "4.56 GiB (4,900,978,688 bytes)": for figures that others are held against. */
export const exactSize = (bytes: number): string => `${size(bytes)} (${formatInteger(bytes)} bytes)`;

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${formatInteger(n)} ${n === 1 ? one : many}`;

/** "12.3%". */
export const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/** "a", "a and b", "a, b and c". */
export const and = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts[parts.length - 1]}`;

/** A label of a stack ("name  file.py:12") inside a sentence: "name (file.py:12)". */
export const inSentence = (label: string): string => label.replace(/^(.*?) {2}(.+)$/, '$1 ($2)');
