/** Free memory: by size class at a moment and over time, and the largest request that would succeed. */
import { type ByteUnit, formatBytes, formatInteger } from '../../base/units.ts';
import { count, percent } from '../../base/words.ts';
import type { AddressMapAnswer, FreeTimeAnswer } from '../../engine/protocol.ts';
import { isDefault, POOL_NAMES } from './address-map.ts';

/** "2 to 4 MiB", "512 KiB to 1 MiB": sizes of a class, from a power of two to below the next. */
export function className(from: number, unit: ByteUnit): string {
  const [low, high] = [formatBytes(from, unit), formatBytes(2 * from, unit)];
  const [amount, ofLow] = low.split(' ');
  return `${ofLow === high.split(' ')[1] ? amount : low} to ${high}`;
}

export interface FreeRow {
  readonly name: string;
  readonly blocks: string;
  readonly bytes: string;
  readonly note: string;
  /** Shares of the largest class, for its bar: pinned, releasable, idle. */
  readonly shares: readonly [number, number, number];
}

export interface FreeModel {
  readonly headline: string;
  readonly rows: readonly FreeRow[];
  readonly largest: readonly { readonly where: string; readonly request: string; readonly address: string }[];
}

/** Pools and streams that are listed. */
const MOST_LISTED = 12;

export function freeModel(answer: AddressMapAnswer, unit: ByteUnit): FreeModel {
  const { free, largest } = answer;
  const size = (bytes: number): string => formatBytes(bytes, unit);
  const total = free.reduce((sum, { bytes }) => sum + bytes, 0);
  const blocks = free.reduce((sum, one) => sum + one.blocks, 0);
  const most = Math.max(1, ...free.map(({ bytes }) => bytes));
  const [best] = largest;
  const where = (one: (typeof largest)[number]): string =>
    [
      `stream ${one.stream}`,
      POOL_NAMES[one.pool] ?? one.pool,
      ...(isDefault(one.poolId) ? [] : [`private pool ${one.poolId}`]),
    ].join(', ');
  return {
    headline:
      total === 0
        ? 'Nothing is free: any request needs a new segment.'
        : best === undefined
          ? `${size(total)} free in ${count(blocks, 'block')}: none of them serves a request of its pool.`
          : `${size(total)} free in ${count(blocks, 'block')}. The largest request that needs no new segment: ${size(best.request)} (${where(best)}).`,
    rows: free.toReversed().map((one) => {
      const pinned = one.bytes - one.releasable - one.idle;
      const parts = [
        pinned > 0 ? `${percent(pinned / one.bytes)} pinned` : '',
        one.releasable > 0 ? `${percent(one.releasable / one.bytes)} releasable` : '',
        one.idle > 0 ? `${percent(one.idle / one.bytes)} idle in private pools` : '',
      ].filter((part) => part !== '');
      return {
        name: className(one.from, unit),
        blocks: formatInteger(one.blocks),
        bytes: size(one.bytes),
        note: parts.join(', '),
        shares: [pinned / most, one.releasable / most, one.idle / most],
      };
    }),
    largest: largest
      .slice(0, MOST_LISTED)
      .map((one) => ({ where: where(one), request: size(one.request), address: one.address })),
  };
}

/** A picture of one byte a pixel, top row first: 0 nothing, else 1 to 255. */
export interface Heat {
  readonly columns: number;
  readonly rows: number;
  readonly values: Uint8Array;
}

/** Free bytes by size class over time, the largest sizes on top; darker by the logarithm of their bytes. */
export function freeHeat({ classes, columns, bytes }: FreeTimeAnswer): Heat {
  const rows = classes.length;
  const values = new Uint8Array(rows * columns);
  const most = bytes.reduce((a, b) => Math.max(a, b), 0);
  // From a thousandth of the most on: what is less is the faintest shade, never nothing.
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const value = bytes[row * columns + column];
      if (value <= 0) continue;
      const share = 1 + Math.log10(value / most) / 3;
      values[(rows - 1 - row) * columns + column] = 1 + Math.round(254 * Math.max(0, share));
    }
  return { columns, rows, values };
}

/** What a point of the picture tells; null: outside. `y` from the top. */
export function freeHeatWords(
  answer: FreeTimeAnswer,
  column: number,
  y: number,
  unit: ByteUnit,
): string | null {
  const row = answer.classes.length - 1 - y;
  if (column < 0 || column >= answer.columns || row < 0 || row >= answer.classes.length) return null;
  const at = row * answer.columns + column;
  const name = className(answer.classes[row], unit);
  const largest = `largest free block ${formatBytes(answer.largest[column], unit)}`;
  if (answer.blocks[at] === 0) return `${name}: none free; ${largest}`;
  return `${name}: ${count(answer.blocks[at], 'free block')}, ${formatBytes(answer.bytes[at], unit)}, of it ${formatBytes(answer.whole[at], unit)} in whole segments or pages; ${largest}`;
}

/** Accessible name of the picture, with its figures. */
export function freeHeatName(answer: FreeTimeAnswer, unit: ByteUnit): string {
  const { classes, columns, bytes } = answer;
  let [most, at] = [0, 0];
  for (let column = 0; column < columns; column++) {
    let sum = 0;
    for (let row = 0; row < classes.length; row++) sum += bytes[row * columns + column];
    if (sum > most) [most, at] = [sum, column];
  }
  if (classes.length === 0) return 'Free blocks by size over time: nothing was free.';
  return `Free blocks by size over time, from ${formatBytes(classes[0], unit)} to ${formatBytes(2 * classes[classes.length - 1], unit)}. Most is free after event ${answer.moments[at]}: ${formatBytes(most, unit)}, in blocks of at most ${formatBytes(answer.largest[at], unit)}.`;
}
