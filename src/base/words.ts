/**
 * The small words of every sentence and table, spelled once: counts, lists, shares, seconds. A share is told as
 * "12.3 %": one digit behind the point and a space. None is "0 %" and all is "100 %", and nothing else rounds to either:
 * what is there is at least "< 0.1 %", what is not all at most "> 99.9 %". Axes and what files print keep their digits.
 */
import { formatInteger, formatNumber } from './units.ts';

/** A device as people call it: a GPU, or the machine's own memory, which PyTorch numbers -1. */
export const deviceLabel = (device: number): string => (device < 0 ? 'host (pinned)' : `GPU ${device}`);

/** "1 event", "52,103 events". */
export const count = (n: number, one: string, many = `${one}s`): string =>
  `${formatInteger(n)} ${n === 1 ? one : many}`;

/** "a", "a and b", "a, b and c". */
export const list = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;

/** A share as "12.3 %"; more than all and less than nothing as they are. */
export function percent(share: number): string {
  if (share === 0 || share === 1) return `${100 * share} %`;
  if (share > 0 && share < 0.0005) return '< 0.1 %';
  if (share < 1 && share >= 0.9995) return '> 99.9 %';
  return `${(100 * share).toFixed(1)} %`;
}

/** A figure that is one in per cent, in its own digits (axes, what files print): "97.4 %". */
export const percentOf = (figure: number, digits = 2): string => `${formatNumber(figure, digits)} %`;

/** A change as "+1.2 %", "−0.4 %", "< +0.1 %", "> −0.1 %", "0 %". */
export function percentChange(share: number): string {
  if (share === 0) return percent(0);
  if (Math.abs(share) < 0.0005) return share < 0 ? '> −0.1 %' : '< +0.1 %';
  return `${share < 0 ? '−' : '+'}${(100 * Math.abs(share)).toFixed(1)} %`;
}

/** Nanoseconds as "7.5 s", to so many digits, none of them a trailing zero. */
export function seconds(ns: bigint, digits = 9): string {
  const step = 10n ** BigInt(9 - digits);
  const text = String((ns + step / 2n) / step).padStart(digits + 1, '0');
  const at = text.length - digits;
  const fraction = text.slice(at).replace(/(?<!0)0+$/, '');
  return `${text.slice(0, at)}${fraction === '' ? '' : `.${fraction}`} s`;
}
