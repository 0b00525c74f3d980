/**
 * A ByteSource in blocks, for SQLite: pages are asked for one by one, and a call per page is what makes a
 * File slow. A lone miss reads SMALL bytes; one that goes on behind what was read reads twice as much as
 * that, up to LARGE, so that a scan runs at the speed of the disk and a look-up does not read megabytes. At most
 * CACHE bytes are kept; the range used longest ago goes first.
 */
import type { ByteSource } from '../../file/byte-source.ts';

const SMALL = 1 << 16;
const LARGE = 4 << 20;
const CACHE = 64 << 20;

interface Range {
  readonly start: number;
  readonly bytes: Uint8Array;
}

export class BlockReader {
  /** Calls of the source and bytes they gave, for tests and measurements. */
  reads = 0;
  bytesRead = 0;
  private readonly source: ByteSource;
  /** Ranges by the number of each small block they hold. */
  private readonly byBlock = new Map<number, Range>();
  /** In order of use, the latest last. */
  private readonly ranges = new Set<Range>();
  private cached = 0;
  private latest: Range | null = null;

  constructor(source: ByteSource) {
    this.source = source;
  }

  /** Fills `target` from byte `start` on; how many bytes there were. */
  read(start: number, target: Uint8Array): number {
    let done = 0;
    while (done < target.length) {
      const range = this.rangeAt(start + done);
      const from = start + done - range.start;
      const part = range.bytes.subarray(from, from + target.length - done);
      if (part.length === 0) break;
      target.set(part, done);
      done += part.length;
    }
    return done;
  }

  private rangeAt(position: number): Range {
    const { latest } = this;
    if (latest && position >= latest.start && position < latest.start + latest.bytes.length) return latest;
    const block = Math.floor(position / SMALL);
    const known = this.byBlock.get(block);
    if (known) {
      this.ranges.delete(known);
      this.ranges.add(known);
    }
    return (this.latest = known ?? this.load(block));
  }

  private load(block: number): Range {
    // What lies just before is in the cache: this goes on with it, whatever was looked up in between.
    const before = this.byBlock.get(block - 1);
    const window = before === undefined ? SMALL : Math.min(2 * before.bytes.length, LARGE);
    let blocks = 1;
    while (blocks * SMALL < window && !this.byBlock.has(block + blocks)) blocks++;
    const start = block * SMALL;
    const range = { start, bytes: this.source.readSync(start, blocks * SMALL) };
    this.reads++;
    this.bytesRead += range.bytes.length;
    for (let i = 0; i < blocks; i++) this.byBlock.set(block + i, range);
    this.ranges.add(range);
    this.cached += range.bytes.length;
    for (const oldest of this.ranges) {
      if (this.cached <= CACHE) break;
      this.drop(oldest);
    }
    return range;
  }

  private drop(range: Range): void {
    this.ranges.delete(range);
    this.cached -= range.bytes.length;
    const first = range.start / SMALL;
    for (let i = 0; i * SMALL < range.bytes.length; i++) {
      if (this.byBlock.get(first + i) === range) this.byBlock.delete(first + i);
    }
  }
}
