/**
 * Addresses of one device over its whole recording: what stands where just after any row, and every free block from
 * where it came to be to where it ended. Made once, kept with the device; a step to another row costs what lives there.
 */
import { upperBound } from '../../base/binary-search.ts';
import type { SelfReplay } from '../../replay/replay-result.ts';
import type { AllocatorSettings } from '../../replay/settings.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { type AddressState, addressState, type StateInput } from './address-map.ts';
import { type BlockSizes, blockSizesOf } from './block-sizes.ts';
import { type FreeLives, freeLivesOf } from './free-lives.ts';
import type { Lives } from './lives.ts';
import { OpenIndex } from './open-index.ts';
import { type SegmentLives, segmentLivesOf } from './segment-lives.ts';
import { type Stretches, stretchesOf } from './stretches.ts';

/** Place of each in the order of addresses, and the order itself. */
class ByAddress {
  private readonly order: Uint32Array;
  private readonly rank: Uint32Array;

  constructor(address: Float64Array) {
    this.order = Uint32Array.from(address.keys()).sort((a, b) => address[a] - address[b] || a - b);
    this.rank = new Uint32Array(address.length);
    this.order.forEach((one, place) => (this.rank[one] = place));
  }

  sorted(some: Uint32Array): Uint32Array {
    const ranks = new Uint32Array(some.length);
    for (let i = 0; i < some.length; i++) ranks[i] = this.rank[some[i]];
    ranks.sort();
    for (let i = 0; i < ranks.length; i++) ranks[i] = this.order[ranks[i]];
    return ranks;
  }
}

export class AddressSpace {
  readonly segments: SegmentLives;
  readonly sizes: BlockSizes;
  private readonly input: StateInput;
  private readonly openLives: OpenIndex;
  private readonly openPieces: OpenIndex;
  private readonly livesByAddress: ByAddress;
  private readonly piecesByAddress: ByAddress;
  private last: AddressState | null = null;
  private free: FreeLives | null = null;
  private everReserved: Stretches | null = null;

  constructor(
    readonly trace: DeviceTrace,
    readonly lives: Lives,
    replay: SelfReplay | null,
    settings: AllocatorSettings,
  ) {
    const rows = trace.events.length;
    this.segments = segmentLivesOf(trace, lives.origin);
    this.sizes = blockSizesOf(trace, lives, replay, settings);
    this.input = {
      lives,
      sizes: this.sizes,
      segments: this.segments,
      largePage: settings.largeSegmentSize,
    };
    this.openLives = new OpenIndex(lives, rows);
    this.openPieces = new OpenIndex(this.segments, rows);
    this.livesByAddress = new ByAddress(lives.address);
    this.piecesByAddress = new ByAddress(this.segments.address);
  }

  get rows(): number {
    return this.lives.rows;
  }

  /** Just after a row; -1: before the first one. */
  at(row: number): AddressState {
    if (this.last?.row === row) return this.last;
    const live = this.livesByAddress.sorted(this.openLives.at(row));
    const pieces = this.piecesByAddress.sorted(this.openPieces.at(row));
    this.last = addressState(this.input, row, pieces, live);
    return this.last;
  }

  /** Every free block over the recording; made on first use. */
  get freeLives(): FreeLives {
    this.free ??= freeLivesOf(this.input);
    return this.free;
  }

  /** Addresses that were ever reserved; made on first use. */
  get stretches(): Stretches {
    this.everReserved ??= stretchesOf(this.segments, this.lives, this.sizes);
    return this.everReserved;
  }

  /** Rows before and after a row at which segments change; null: there is none. */
  changesAround(row: number): readonly [number | null, number | null] {
    const { changes } = this.segments;
    const next = upperBound(changes, row);
    const before = next > 0 && changes[next - 1] === row ? next - 2 : next - 1;
    return [before >= 0 ? changes[before] : null, next < changes.length ? changes[next] : null];
  }
}
