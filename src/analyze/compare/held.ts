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
  /** By the stream's name. */
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

/** The class of a size: the power of two below it. */
export const classOf = (size: number): number => (size < 2 ? 0 : Math.floor(Math.log2(size)));

export function heldAfter({ trace, lifetimes, earlier }: CompareSide, sites: Sites, row: number): HeldAt {
  const bySite = new Map<Site, Amount>();
  const byStream = new Map<string, Amount>();
  const byClass = new Map<number, Amount>();
  const total = { bytes: 0, allocations: 0 };
  visitLive(trace, lifetimes, earlier, row + 1, (_address, size, stack, streamIndex) => {
    total.bytes += size;
    total.allocations++;
    add(bySite, sites.of(stack), size);
    add(byStream, trace.streams[streamIndex] ?? '', size);
    add(byClass, classOf(size), size);
  });
  return { total, bySite, byStream, byClass };
}
