/**
 * The torch part of the ledger after every row of a recording, in one pass: columns for a stacked chart that sum
 * exactly to what is reserved.
 *
 *   reserved = requested + rounding + pending + inactive split + inactive pages + releasable + private idle
 *
 * Whether a segment or page could go back is followed by counting the blocks in each: free at zero. Refuses
 * recordings that the replay did not follow to the end, where the columns would not be exact.
 */
import { u64Above, u64At } from '../../base/u64.ts';
import { PENDING } from '../../replay/block-table.ts';
import { privatePoolsOf } from '../../replay/pools.ts';
import { type AllocatorState, isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import { OP } from '../../replay/requests.ts';
import { replayTo } from '../../replay/self-replay.ts';
import { type AllocatorSettings, SMALL_SEGMENT } from '../../replay/settings.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION } from '../../trace/schema.ts';
import { releaseUnits } from './empty-cache-units.ts';
import { UnitCounts } from './unit-counts.ts';

export const LEDGER_COLUMNS = [
  'requested',
  'rounding',
  'pending',
  /** Free bytes beside something in a segment of cudaMalloc, as memory_stats counts them. */
  'inactiveSplit',
  /** Free bytes beside something on a page of an expandable segment, which memory_stats does not count. */
  'inactivePages',
  /** Whole free segments and pages of the default pool. */
  'releasable',
  /** The same of private pools: not releasable while their graph lives. */
  'privateIdle',
] as const;
export type LedgerColumn = (typeof LEDGER_COLUMNS)[number];

export interface LedgerOverTime {
  /** Bytes after each row, one column a part. */
  readonly columns: Readonly<Record<LedgerColumn, Float64Array>>;
  /** Their sum, as the rows that make and give back segments tell it. */
  readonly reserved: Float64Array;
  /** Bytes before row 0. */
  readonly before: Readonly<Record<LedgerColumn, number>>;
  /**
   * Large blocks from before the recording whose size is not known (each up to 1 MiB more than its request): while any
   * of them lives, rounding is a lower bound and the free parts upper ones; sums hold. 0: every value is exact.
   */
  readonly unknownSizes: number;
}

/** `replay`: of the same recording under the same settings. null: it did not follow the recording in everything. */
export function ledgerOverTime(
  trace: DeviceTrace,
  settings: AllocatorSettings,
  replay: SelfReplay,
): LedgerOverTime | null {
  return isFaithful(replay) ? new LedgerPass(trace, settings, replay).run() : null;
}

class LedgerPass {
  private readonly start: AllocatorState;
  private readonly units = new UnitCounts();
  /** By allocation: where its block is. */
  private readonly address: Float64Array;
  private requested = 0;
  private allocated = 0;
  private active = 0;
  /** Steps of `requests` that stand for what was there before row 0. */
  private earlierSteps = 0;

  constructor(
    private readonly trace: DeviceTrace,
    private readonly settings: AllocatorSettings,
    private readonly replay: SelfReplay,
  ) {
    this.address = new Float64Array(replay.requests.allocations);
    this.start = replayTo(trace, settings, replay.fromEmpty, 0);
    this.adopt();
  }

  /** What was there before row 0. Its allocations come first among the requests, by address. */
  private adopt(): void {
    const { allocator } = this.start;
    const { blocks } = allocator;
    const held = new Set<number>();
    for (const unit of releaseUnits(allocator)) {
      this.units.add(unit.address, unit.bytes, unit.pool > 0, unit.expandable);
      for (const block of [...unit.allocated, ...unit.pending]) held.add(block);
    }
    [...held]
      .sort((a, b) => blocks.address[a] - blocks.address[b])
      .forEach((block, allocation) => {
        const waits = blocks.state[block] === PENDING;
        this.earlierSteps += waits ? 2 : 1;
        this.make(allocation, blocks.address[block]);
        if (waits) this.let(allocation);
      });
  }

  private make(allocation: number, address: number): void {
    const { requests, blockSize } = this.replay;
    const bytes = blockSize[allocation];
    this.address[allocation] = address;
    this.requested += requests.requested[allocation];
    this.allocated += bytes;
    this.active += bytes;
    this.units.hold(address, bytes);
  }

  /** The program let go: no longer requested, still active. */
  private let(allocation: number): void {
    this.requested -= this.replay.requests.requested[allocation];
    this.allocated -= this.replay.blockSize[allocation];
  }

  private complete(allocation: number): void {
    const bytes = this.replay.blockSize[allocation];
    this.active -= bytes;
    this.units.drop(this.address[allocation], bytes);
  }

  run(): LedgerOverTime {
    const { events } = this.trace;
    const { op, allocation, row: rowOf, length } = this.replay.requests;
    const origin = this.start.origin;
    const pools = privatePoolsOf(this.trace, origin);
    const columns = Object.fromEntries(
      LEDGER_COLUMNS.map((name) => [name, new Float64Array(events.length)]),
    ) as Record<LedgerColumn, Float64Array>;
    const reserved = new Float64Array(events.length);
    const before = Object.fromEntries(LEDGER_COLUMNS.map((name) => [name, 0])) as Record<
      LedgerColumn,
      number
    >;
    this.note((name, value) => (before[name] = value));
    let step = this.earlierSteps;
    for (let row = 0; row < events.length; row++) {
      const action = events.action[row];
      if (action === ACTION.segment_alloc || action === ACTION.segment_map) {
        const isPrivate = pools.byRow.has(row);
        const address = u64Above(events.address, row, origin);
        const size = u64At(events.size, row);
        if (action === ACTION.segment_alloc) this.units.add(address, size, isPrivate, false);
        else {
          const page = events.group[row] === 1 ? SMALL_SEGMENT : this.settings.largeSegmentSize;
          for (let at = 0; at < size; at += page) this.units.add(address + at, page, isPrivate, true);
        }
      } else if (action === ACTION.segment_free || action === ACTION.segment_unmap)
        this.units.remove(u64Above(events.address, row, origin), u64At(events.size, row));
      for (; step < length && rowOf[step] === row; step++) {
        if (op[step] === OP.alloc) this.make(allocation[step], u64Above(events.address, row, origin));
        else if (op[step] === OP.free_requested) this.let(allocation[step]);
        else if (op[step] === OP.free_completed) this.complete(allocation[step]);
      }
      this.note((name, value) => (columns[name][row] = value));
      reserved[row] = this.units.reserved;
    }
    return { columns, reserved, before, unknownSizes: this.replay.fidelity.unknownSizes };
  }

  private note(put: (name: LedgerColumn, value: number) => void): void {
    const { units } = this;
    put('requested', this.requested);
    put('rounding', this.allocated - this.requested);
    put('pending', this.active - this.allocated);
    put('inactiveSplit', units.heldSegmentBytes - units.liveSegmentBytes);
    put('inactivePages', units.heldPageBytes - units.livePageBytes);
    put('releasable', units.idleBytes);
    put('privateIdle', units.privateIdleBytes);
  }
}
