/** What is held just after a row: by site, by stream, by size class. Bytes asked for; each of the three sums up to all of it. */
import type { CompareSide } from './side.ts';
import { visitLive } from '../live.ts';
import type { Site, Sites } from './sites.ts';

export interface Amount {
  bytes: number;
  allocations: number;
}

export interface HeldAt {
  readonly total: Amount;
  readonly bySite: ReadonlyMap<Site, Amount>;
  /** By the stream, "0" the default one, the others in order of their first use. */
  readonly byStream: ReadonlyMap<string, Amount>;
  /** By class: k for sizes of [2^k, 2^(k+1)), 0 for those of less than 2 bytes. */
  readonly byClass: ReadonlyMap<number, Amount>;
}

function add<Key>(map: Map<Key, Amount>, key: Key, size: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, { bytes: size, allocations: 1 });
  else {
    known.bytes += size;
    known.allocations++;
  }
}

/**
 * What a stream is called on both sides. The default one is "0"; the handle of another one is an address, which is a new one
 * in every run: those are told by the order in which they first asked for memory.
 *
 *   streams 0, 471809168 (first at row 7), 12884 (first at row 90)   ->   0, 1, 2
 */
export function streamNames({ trace: { events, streams } }: CompareSide): readonly string[] {
  const order: number[] = [];
  const seen = new Set<number>();
  for (let row = 0; row < events.length && seen.size < streams.length; row++) {
    const stream = events.stream_index[row];
    if (seen.has(stream)) continue;
    seen.add(stream);
    if (streams[stream] !== '0') order.push(stream);
  }
  for (let stream = 0; stream < streams.length; stream++)
    if (!seen.has(stream) && streams[stream] !== '0') order.push(stream);
  return streams.map((name, stream) => (name === '0' ? name : String(order.indexOf(stream) + 1)));
}

/** The class of a size: the power of two below it. */
export const classOf = (size: number): number => (size < 2 ? 0 : Math.floor(Math.log2(size)));

export function heldAfter(side: CompareSide, sites: Sites, row: number): HeldAt {
  const bySite = new Map<Site, Amount>();
  const byStream = new Map<string, Amount>();
  const byClass = new Map<number, Amount>();
  const total = { bytes: 0, allocations: 0 };
  const names = streamNames(side);
  const { trace, lifetimes, earlier } = side;
  visitLive(trace, lifetimes, earlier, row + 1, (_address, size, stack, streamIndex) => {
    total.bytes += size;
    total.allocations++;
    add(bySite, sites.of(stack), size);
    add(byStream, names[streamIndex] ?? '', size);
    add(byClass, classOf(size), size);
  });
  return { total, bySite, byStream, byClass };
}
