/**
 * Where each segment is drawn, and what lies under a pixel. Segments of a pool and stream follow each other on lines, all
 * at one scale; one that is longer than a line goes on at the next.
 *
 *   Stream 0, large pool: 1.20 GiB in 41 segments
 *   |████████▒▒░░░░| |███| |██████████████████████
 *   ████████░░░| |██|
 */
import { formatBytes, type ByteUnit } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { AddressMapAnswer, MapKind } from '../../engine/protocol.ts';

export type MapSort = 'address' | 'waste';

export const LINE_HEIGHT = 16;
const LINE_GAP = 4;
const HEADING_HEIGHT = 22;
/** Pixels between segments on a line. */
const SEGMENT_GAP = 3;

/** Part of a segment on one line, CSS pixels; [from, to) bytes from the segment's start. */
export interface MapBox {
  readonly segment: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly from: number;
  readonly to: number;
}

export interface MapHeading {
  readonly y: number;
  readonly text: string;
}

export interface MapLayout {
  readonly bytesPerPixel: number;
  readonly boxes: readonly MapBox[];
  /** First box of each segment. */
  readonly firstBox: Int32Array;
  /** Segments in the order in which they are drawn. */
  readonly order: readonly number[];
  readonly headings: readonly MapHeading[];
  readonly height: number;
}

export const POOL_NAMES: Readonly<Record<string, string>> = {
  large_pool: 'large pool',
  small_pool: 'small pool',
};

/** Whether an id is of the default pool. */
export const isDefault = (poolId: string): boolean => poolId === '' || poolId === '(0, 0)';

/** "Stream 0, large pool, private pool (1, 0), expandable". */
export function kindName({ stream, pool, poolId, kind }: MapKind): string {
  // Nsight tells the kind of memory, and of most allocations no stream.
  if (kind === 'run' && !/^\d+$/.test(stream)) return `Memory of kind ${pool}`;
  const parts = [`Stream ${stream}`, POOL_NAMES[pool] ?? pool];
  if (!isDefault(poolId)) parts.push(`private pool ${poolId}`);
  if (kind === 'expandable') parts.push('expandable');
  return parts.join(', ');
}

export function headingText(kind: MapKind, unit: ByteUnit): string {
  const what = kind.kind === 'run' ? count(kind.blocks, 'allocation') : count(kind.segments, 'segment');
  const waste = kind.pinned + kind.releasable + kind.idle;
  const free = waste === 0 ? '' : `, ${formatBytes(waste, unit)} free`;
  return `${kindName(kind)}: ${formatBytes(kind.size, unit)} in ${what}${free}`;
}

/** Segments in drawing order: by kind, then by address, or the most free bytes first. */
function orderOf({ segments, kinds }: AddressMapAnswer, sort: MapSort): number[][] {
  const byKind: number[][] = kinds.map(() => []);
  segments.kind.forEach((kind, segment) => byKind[kind].push(segment));
  if (sort === 'waste') {
    const waste = (segment: number): number =>
      segments.pinned[segment] + segments.releasable[segment] + segments.idle[segment];
    for (const some of byKind) some.sort((a, b) => waste(b) - waste(a) || a - b);
  }
  return byKind;
}

export function mapLayout(
  answer: AddressMapAnswer,
  width: number,
  bytesPerPixel: number,
  sort: MapSort,
  unit: ByteUnit,
): MapLayout {
  const { segments, kinds } = answer;
  const boxes: MapBox[] = [];
  const headings: MapHeading[] = [];
  const firstBox = new Int32Array(segments.size.length).fill(-1);
  const order: number[] = [];
  let y = 0;
  orderOf(answer, sort).forEach((some, kind) => {
    if (some.length === 0) return;
    headings.push({ y, text: headingText(kinds[kind], unit) });
    y += HEADING_HEIGHT;
    let x = 0;
    for (const segment of some) {
      const whole = Math.max(1, segments.size[segment] / bytesPerPixel);
      if (x > 0 && x + whole > width) {
        x = 0;
        y += LINE_HEIGHT + LINE_GAP;
      }
      firstBox[segment] = boxes.length;
      order.push(segment);
      let from = 0;
      for (;;) {
        const to = Math.min(segments.size[segment], from + width * bytesPerPixel);
        const wide = Math.max(1, (to - from) / bytesPerPixel);
        boxes.push({ segment, x, y, width: wide, from, to });
        x += wide + SEGMENT_GAP;
        if (to >= segments.size[segment]) break;
        from = to;
        x = 0;
        y += LINE_HEIGHT + LINE_GAP;
      }
    }
    y += LINE_HEIGHT + LINE_GAP + 4;
  });
  return { bytesPerPixel, boxes, firstBox, order, headings, height: Math.max(0, y - 4) };
}

/** Finest scale: one byte of the smallest block that there is, 512 bytes, is seen. */
const FINEST = 16;
const COARSEST = 2 ** 40;

/**
 * The finest power of two at which everything fits, bytes a pixel. Where headings and one line of each kind are already
 * too high, the finest at which no kind needs more than its line.
 */
export function fitScale(answer: AddressMapAnswer, width: number, height: number, sort: MapSort): number {
  const heightAt = (scale: number): number => mapLayout(answer, width, scale, sort, 'binary').height;
  const least = heightAt(COARSEST);
  const room = Math.max(height, least);
  let scale = FINEST;
  while (scale < COARSEST && answer.totals.size / scale > 2 * width * (room / LINE_HEIGHT)) scale *= 2;
  while (scale < COARSEST && heightAt(scale) > room) scale *= 2;
  return scale;
}

/** Twice as coarse or fine, within bounds. */
export const zoomedScale = (scale: number, finer: boolean): number =>
  Math.min(COARSEST, Math.max(FINEST, finer ? scale / 2 : scale * 2));

/** What lies under a point; `block`: row of the block columns. */
export interface MapPlace {
  readonly segment: number;
  readonly block: number;
  /** Bytes from the start of the segment. */
  readonly offset: number;
}

/** Block of a segment that holds an offset. */
export function blockOf({ segments, blocks }: AddressMapAnswer, segment: number, offset: number): number {
  const address = segments.address[segment] + offset;
  let [from, to] = [segments.blockStart[segment], segments.blockStart[segment + 1]];
  while (from + 1 < to) {
    const middle = (from + to) >>> 1;
    if (blocks.address[middle] <= address) from = middle;
    else to = middle;
  }
  return from;
}

/** First box at or below `y`, by binary search: boxes go down. */
export function firstBoxFrom({ boxes }: MapLayout, y: number): number {
  let [from, to] = [0, boxes.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (boxes[middle].y + LINE_HEIGHT <= y) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** What is under a point; a pixel beside a thin segment counts as it. null: nothing. */
export function placeAt(answer: AddressMapAnswer, layout: MapLayout, x: number, y: number): MapPlace | null {
  let near: MapBox | null = null;
  for (let at = firstBoxFrom(layout, y); at < layout.boxes.length; at++) {
    const box = layout.boxes[at];
    if (box.y > y) break;
    if (x < box.x - 1 || x > box.x + box.width + 1) continue;
    near = box;
    if (x >= box.x && x < box.x + box.width) break;
  }
  if (near === null) return null;
  const share = Math.min(1, Math.max(0, (x - near.x) / near.width));
  const offset = Math.min(near.to - 1, Math.floor(near.from + share * (near.to - near.from)));
  return { segment: near.segment, block: blockOf(answer, near.segment, offset), offset };
}

/** Segment that is `by` places further in drawing order; from none: the first or the last. */
export function segmentBeside({ order }: MapLayout, segment: number | null, by: number): number | null {
  if (order.length === 0) return null;
  const at = segment === null ? -1 : order.indexOf(segment);
  if (at < 0) return by > 0 ? order[0] : order[order.length - 1];
  return order[Math.min(order.length - 1, Math.max(0, at + by))];
}

/** "0x7fe134000000" of an address of an answer. */
export const addressText = (origin: number, address: number): string =>
  `0x${((BigInt(origin) << 32n) + BigInt(address)).toString(16)}`;

/** Segment that holds an address in text; null: none is listed. */
export function segmentOf({ origin, segments }: AddressMapAnswer, address: string): number | null {
  if (!/^0x[0-9a-f]{1,16}$/i.test(address)) return null;
  const at = Number(BigInt(address) - (BigInt(origin) << 32n));
  for (let i = 0; i < segments.address.length; i++)
    if (segments.address[i] <= at && at < segments.address[i] + segments.size[i]) return i;
  return null;
}

/** The segment and block of an allocation; null: it is not alive here. */
export function placeOfLife({ segments, blocks }: AddressMapAnswer, life: number): MapPlace | null {
  const block = blocks.life.indexOf(life);
  if (block < 0) return null;
  let segment = 0;
  while (segments.blockStart[segment + 1] <= block) segment++;
  return { segment, block, offset: blocks.address[block] - segments.address[segment] };
}

/** Row that a step leads to; null: there is none. */
export function stepRow(
  answer: AddressMapAnswer,
  row: number,
  by: -1 | 1,
  segmentsOnly: boolean,
): number | null {
  const target = segmentsOnly
    ? answer.row !== row
      ? null
      : by < 0
        ? answer.segmentRowBefore
        : answer.segmentRowAfter
    : row + by;
  return target === null || target < 0 || target >= answer.rows ? null : target;
}
