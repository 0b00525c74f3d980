/**
 * Everything a diagnosis needs to know of one device, each thing worked out once and on first use.
 *
 * Long because it is the one list of what rules may ask.
 */
import type { Baseline } from '../aggregate/baseline.ts';
import { Kept, lazyGetters } from '../base/lazy.ts';
import { u64At } from '../base/u64.ts';
import type { Bounds } from '../base/measured.ts';
import { allocConfLine } from '../replay/alloc-conf-print.ts';
import type { SnapshotSettings } from '../replay/alloc-conf-snapshot.ts';
import { type AllocatorState, isFaithful, type SelfReplay } from '../replay/replay-result.ts';
import { OP } from '../replay/requests.ts';
import { replayTo } from '../replay/self-replay.ts';
import type { AllocatorSettings } from '../replay/settings.ts';
import { whatIf, type WhatIfResult } from '../replay/what-if.ts';
import type { PoolCurve } from '../aggregate/private-pool-series.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, NONE } from '../trace/schema.ts';
import type { StackTable } from '../trace/stack-table.ts';
import { type CombinedGrowth, combineGrowth } from './growth/conclusion.ts';
import { type GrowthPart, growthParts } from './growth/parts.ts';
import { growthOfIterations, type IterationGrowth, iterationDrivers } from './growth/series.ts';
import { type ReleaseUnit, releaseUnits } from './ledger/empty-cache-units.ts';
import { requestedCurve, reservedCurve, waitingCurve } from './device-curves.ts';
import { heldAgainstRest, partAgainstRest } from './growth/held-against-rest.ts';
import { onePass, type RestInput } from './growth/rest.ts';
import {
  beforeFailure,
  findIterations,
  type IterationMarkers,
  type Iterations,
} from './growth/iterations.ts';
import { type LeakReport, leakSuspects } from './growth/leak-suspects.ts';
import { eventsOf, type Events, unlessMisses } from './growth/misses.ts';
import { torchLedger, type TorchLedger } from './ledger/ledger.ts';
import { type LargestRequest, largestRequest } from './ledger/largest.ts';
import type { Lifetimes } from './lifetimes.ts';
import { findPins, type PinReport } from './ledger/pin-finder.ts';
import { gonePools, type PrivatePoolUse, privatePoolUse } from './ledger/private-pool-use.ts';
import { type LibraryWorkspaces, libraryWorkspaces } from './growth/workspaces.ts';
import { holderLabel } from './user-frames.ts';
import { type EarlierAllocation, type Holder, holdersOf } from './live.ts';

export interface DeviceFactsInput {
  readonly key: string;
  readonly trace: DeviceTrace;
  readonly stacks: StackTable;
  /** In force, as far as the file tells. */
  readonly settings: SnapshotSettings;
  readonly baseline: Baseline;
  readonly lifetimes: Lifetimes;
  readonly earlier: readonly EarlierAllocation[];
  readonly replay: SelfReplay | null;
  /** true: a part of the file could not be read, so what is not in it may have been recorded all the same. */
  readonly unread?: boolean;
  /** Times at which iterations begin, from other files; absent: they are looked for. */
  readonly markers?: IterationMarkers;
}

/** A figure's most and where. */
export interface Peak {
  readonly bytes: number;
  /** First row after which it holds; -1: before the first row. */
  readonly row: number;
}

/** A request that ended in an out-of-memory error. */
export interface OomMoment {
  readonly row: number;
  /** Bytes asked for, rounded up. */
  readonly bytes: number;
  /** Free on the device as the allocator printed it; null: not recorded. */
  readonly deviceFree: number | null;
  readonly reserved: number;
  readonly allocated: number;
  /** Largest free block in the cache; null: not replayed. */
  readonly largestFree: number | null;
  /** The process's limit: [at least, less than], as far as requests show it; null: none was met. */
  readonly limit: readonly [number, number] | null;
}

/** Where every byte of the allocator is at one moment, and what it would serve on each stream. */
export interface LedgerAnswer {
  readonly ledger: TorchLedger;
  readonly largest: readonly LargestRequest[];
}

export interface GrowthOfSeries {
  readonly series: 'allocated' | 'active' | 'reserved';
  readonly growth: IterationGrowth;
  /** false: of the bytes asked for, as the blocks are not known. */
  readonly exact: boolean;
}

export class DeviceFacts {
  static {
    lazyGetters(this);
  }

  private readonly holders = new Kept<number, readonly Holder[]>();
  private readonly ledgers = new Kept<string, LedgerAnswer | null>();
  private readonly whatIfs = new Kept<string, WhatIfResult>();

  constructor(readonly input: DeviceFactsInput) {}

  get trace(): DeviceTrace {
    return this.input.trace;
  }

  get rows(): number {
    return this.trace.events.length;
  }

  /** The replay where it followed the recording to the byte. */
  get replay(): SelfReplay | null {
    const { replay } = this.input;
    return replay !== null && isFaithful(replay) ? replay : null;
  }

  get settings(): SnapshotSettings {
    return this.input.settings;
  }

  /** Bytes the process could reserve at most, where known: a limit that was met, else the device's memory. */
  get limit(): { readonly bytes: number; readonly how: string } | null {
    const failed = this.ooms.find(({ deviceFree, bytes }) => deviceFree !== null && deviceFree < bytes);
    if (failed !== undefined)
      return {
        bytes: failed.reserved + failed.deviceFree!,
        how: 'what was reserved and what the device had free when a request failed',
      };
    const bounds = this.replay?.limitBounds ?? null;
    if (bounds !== null)
      return { bytes: bounds[1], how: 'a request for more than this failed in the recording' };
    const { total_bytes } = this.trace;
    return total_bytes === null ? null : { bytes: total_bytes, how: 'the memory of the device' };
  }

  /** Reserved bytes after each row. */
  get reserved(): Float64Array {
    return reservedCurve(this.trace, this.input.baseline);
  }

  /** Bytes in use by the program after each row: allocated by the allocator's count where it was replayed, else asked for. */
  get allocated(): Float64Array {
    return this.replay?.curves.allocated ?? requestedCurve(this.trace, this.input.baseline);
  }

  /** Bytes freed and waiting for other streams after each row; null where the replay does not know. */
  get waiting(): Float64Array | null {
    return this.replay === null ? null : waitingCurve(this.trace, this.replay);
  }

  peakOf(curve: Float64Array): Peak {
    let row = -1;
    let bytes = -Infinity;
    for (let i = 0; i < curve.length; i++)
      if (curve[i] > bytes) {
        bytes = curve[i];
        row = i;
      }
    return { bytes: row < 0 ? 0 : bytes, row };
  }

  get reservedPeak(): Peak {
    return this.peakOf(this.reserved);
  }

  get allocatedPeak(): Peak {
    return this.peakOf(this.allocated);
  }

  /** Bytes reserved in the final state; null: there is none. */
  get finalReserved(): number | null {
    const { segments, cut } = this.trace;
    return segments === null || cut ? null : segments.total_size.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Private pools that were given back in the recording, where its events name pools. */
  get gonePools(): readonly PoolCurve[] {
    return gonePools(this.trace);
  }

  /** Private pools in the final state. */
  get privatePools(): readonly PrivatePoolUse[] {
    return privatePoolUse(this.trace);
  }

  get ooms(): readonly OomMoment[] {
    const { events, device_free } = this.trace;
    const free = new Map(device_free);
    const moments: OomMoment[] = [];
    for (let row = 0; row < events.length; row++) {
      if (events.action[row] !== ACTION.oom) continue;
      moments.push({
        row,
        bytes: u64At(events.size, row),
        deviceFree: free.get(row) ?? null,
        reserved: this.reserved[row],
        allocated: this.allocated[row],
        largestFree: this.replay?.curves.largestFree[row] ?? null,
        limit: this.replay?.limitBounds ?? null,
      });
    }
    return moments;
  }

  get iterations(): Iterations {
    return beforeFailure(
      findIterations(this.trace, this.input.lifetimes, this.input.markers, this.workspaces),
      this.ooms.map(({ row }) => row),
    );
  }

  /** Workspaces of cuBLAS, which follow the streams in use and not the iterations. */
  get workspaces(): LibraryWorkspaces {
    return libraryWorkspaces(this.trace, this.input.lifetimes);
  }

  /** A curve without workspaces, where they are so many that they look like growth. */
  private withoutWorkspaces(curve: Float64Array): Float64Array {
    const { many, held } = this.workspaces;
    if (!many) return curve;
    const bytes = held(this.rows);
    return curve.map((value, row) => value - bytes[row]);
  }

  /** What growth is held against. */
  private get rest(): RestInput {
    const { trace, iterations, ooms } = this;
    return {
      trace,
      iterations,
      stacks: this.input.stacks,
      lifetimes: this.input.lifetimes,
      sizeOf: this.sizeOf,
      newStreams: this.workspaces.many,
      ...(ooms.length === 0 ? {} : { failedAt: ooms[ooms.length - 1].row }),
    };
  }

  /** Where the rounds may be parts of one pass: which (growth/rest.ts). */
  private get pass(): string | null {
    return onePass(this.rest);
  }

  /** Growth of allocated, active and reserved, judged apart; empty where no iterations were found. */
  get growth(): readonly GrowthOfSeries[] {
    const { iterations, trace } = this;
    if (iterations.count === 0) return [];
    const drivers = iterationDrivers(trace, iterations, this.input.lifetimes);
    const options = { drivers, hasClock: trace.clock !== 'none' };
    const limit = this.limit === null ? {} : { limit: this.limit.bytes };
    const of = (series: GrowthOfSeries['series'], curve: Float64Array, exact: boolean): GrowthOfSeries => ({
      series,
      exact,
      growth: growthOfIterations(this.withoutWorkspaces(curve), iterations, { ...options, ...limit }),
    });
    const exact = this.replay !== null || trace.producer !== 'torch';
    const all = [of('allocated', this.allocated, exact)];
    if (this.replay !== null) all.push(of('active', this.replay.curves.active, true));
    if (trace.producer !== 'nsys') all.push(of('reserved', this.reserved, this.input.baseline.known));
    return heldAgainstRest(this.rest, all, this.allocated);
  }

  /** What these stacks keep at irregular places, and how it goes on (misses.ts); null: they do not. */
  eventsOfStacks(isOf: (stack: number) => boolean): Events | null {
    const { trace, iterations, sizeOf } = this;
    return eventsOf({ trace, iterations, sizeOf, lifetimes: this.input.lifetimes }, isOf);
  }

  /** Growth of what each stream and each line of code holds; of a part the device's limit says nothing. */
  get growthParts(): readonly GrowthPart[] {
    const { iterations, trace } = this;
    const labelOf = (stack: number): string => holderLabel(this.input.stacks, stack);
    const parts = growthParts({
      trace,
      iterations,
      lifetimes: this.input.lifetimes,
      sizeOf: this.sizeOf,
      labelOf,
      options: {
        drivers: iterationDrivers(trace, iterations, this.input.lifetimes),
        hasClock: trace.clock !== 'none',
      },
    });
    const labels = new Map<number, string>();
    const labelled = (stack: number): string => {
      const label = labels.get(stack) ?? labelOf(stack);
      labels.set(stack, label);
      return label;
    };
    const { events } = trace;
    const { rest } = this;
    return parts.map((part) => {
      const isOf = (row: number): boolean =>
        part.by === 'stream'
          ? trace.streams[events.stream_index[row]] === part.name
          : events.stack_index[row] !== NONE && labelled(events.stack_index[row]) === part.name;
      let atEnd =
        part.series === 'allocated'
          ? partAgainstRest({ ...rest, isOf }, part.growth, () => this.pass)
          : part.growth.atEnd;
      if (atEnd.kind === 'linear_leak')
        atEnd = unlessMisses(
          atEnd,
          this.eventsOfStacks(part.by === 'stream' ? () => true : (stack) => labelled(stack) === part.name),
        );
      return { ...part, growth: { ...part.growth, atEnd } };
    });
  }

  growthOf(series: GrowthOfSeries['series']): IterationGrowth | null {
    return this.growth.find((one) => one.series === series)?.growth ?? null;
  }

  /** What allocated and reserved together say; null where there is not both. */
  get conclusion(): CombinedGrowth | null {
    const allocated = this.growthOf('allocated');
    const reserved = this.growthOf('reserved');
    if (allocated === null || reserved === null) return null;
    return combineGrowth(allocated.atEnd, reserved.atEnd, this.growthOf('active')?.atEnd);
  }

  /** Bytes of the block that an alloc row was given; what was asked for where the blocks are not known. */
  get sizeOf(): (row: number) => number {
    const { replay, trace } = this;
    if (replay === null) return (row: number) => u64At(trace.events.size, row);
    const { requests, blockSize } = replay;
    const sizes = new Float64Array(this.rows);
    for (let step = 0; step < requests.length; step++)
      if (requests.op[step] === OP.alloc) sizes[requests.row[step]] = blockSize[requests.allocation[step]];
    return (row: number) => sizes[row];
  }

  get leaks(): LeakReport {
    return leakSuspects(this.trace, this.input.stacks, this.input.lifetimes, this.iterations, {
      sizeOf: this.sizeOf,
      ...(this.workspaces.many ? { isLibrary: this.workspaces.has } : {}),
    });
  }

  /** Live allocations by stack just after a row. */
  holdersAfter(row: number): readonly Holder[] {
    return this.holders.of(row, () =>
      holdersOf(this.trace, this.input.lifetimes, this.input.earlier, row + 1),
    );
  }

  /** The allocator just after a row; null where the replay does not know. Not kept: a state is large. */
  private stateAfter(row: number): AllocatorState | null {
    if (this.replay === null) return null;
    if (row === this.rows - 1) return this.replay.end;
    const { fromEmpty } = this.input.baseline;
    return replayTo(this.trace, this.settings.settings, fromEmpty, row + 1);
  }

  private ledgerOf(
    state: AllocatorState,
    row: number,
    units: readonly ReleaseUnit[],
    printedFree: Bounds | null = null,
  ): LedgerAnswer {
    const bounds = this.replay?.limitBounds ?? null;
    const limit = bounds === null ? null : { least: bounds[0], most: bounds[1] - 1 };
    const free = this.trace.device_free.find(([at]) => at === row)?.[1] ?? null;
    const deviceFree = free === null ? printedFree : { least: free, most: free };
    return {
      ledger: torchLedger(state, row + 1, units),
      largest: this.trace.streams.map((_, stream) =>
        largestRequest(state, stream, { limit, deviceFree }, units),
      ),
    };
  }

  /** What one replay to the end tells; null where the replay does not know. */
  private get end(): { readonly answer: LedgerAnswer; readonly pins: PinReport } | null {
    const state = this.stateAfter(this.rows - 1);
    if (state === null) return null;
    const units = releaseUnits(state.allocator);
    return { answer: this.ledgerOf(state, this.rows - 1, units), pins: findPins(state, undefined, units) };
  }

  /**
   * Where every byte is just after a row, and the largest request that would be served on each stream. `free`: of the
   * device, as a monitor tells; null: none does.
   */
  ledgerAfter(row: number, free: Bounds | null = null): LedgerAnswer | null {
    if (row === this.rows - 1 && free === null) return this.end?.answer ?? null;
    return this.ledgers.of(`${row} ${free?.least} ${free?.most}`, () => {
      const state = this.stateAfter(row);
      return state === null ? null : this.ledgerOf(state, row, releaseUnits(state.allocator), free);
    });
  }

  /** Who keeps free memory from going back, at the end; null where the replay does not know. */
  get pins(): PinReport | null {
    return this.end?.pins ?? null;
  }

  /** The same just after any row. */
  pinsAfter(row: number): PinReport | null {
    if (row === this.rows - 1) return this.pins;
    const state = this.stateAfter(row);
    return state === null ? null : findPins(state);
  }

  /** What `empty_cache()` would give back after the last row, to the byte; null where the replay does not know. */
  get emptyCacheGain(): number | null {
    // Blocks that wait for other streams would be waited for: what they give back is in it, too.
    return this.ledgerAfter(this.rows - 1)?.ledger.emptyCache.bytes ?? null;
  }

  /** The recording's requests under changed settings; null where the replay does not know or began in the middle. */
  whatIf(change: Partial<AllocatorSettings>, limit = Infinity): WhatIfResult | null {
    const { replay } = this;
    if (replay === null || !this.input.baseline.fromEmpty) return null;
    const settings = { ...this.settings.settings, ...change };
    // Infinity has no JSON; it is the only value that becomes null here.
    return this.whatIfs.of(`${JSON.stringify(settings)} ${limit}`, () =>
      whatIf(
        replay.requests,
        {
          streamRank: replay.streamRank,
          pools: 1 + replay.privatePools.length,
          addresses: replay.addresses,
        },
        { settings, limit, capacity: Infinity },
      ),
    );
  }

  /**
   * Reserved peak under changed settings and how it compares with the recorded one; null where that cannot be said:
   * no replay, or the model by itself does not reach the recorded peak under the recorded settings.
   */
  peakUnder(change: Partial<AllocatorSettings>): { readonly bytes: number; readonly gain: number } | null {
    // Where requests failed, settings that serve them are not held against like.
    if (this.ooms.length > 0) return null;
    const same = this.whatIf({});
    const other = this.whatIf(change);
    const key = 'reserved_bytes.all.peak';
    if (same === null || other === null || other.firstFailure !== null) return null;
    // Without the recorded limit the model meets no retries: then its own peak is the one to compare with.
    const recorded = same.stats[key];
    if (this.replay?.limitBounds === null && recorded !== this.reservedPeak.bytes) return null;
    return { bytes: other.stats[key], gain: recorded - other.stats[key] };
  }

  /** Environment line of the recorded settings with a change. */
  lineFor(change: Partial<AllocatorSettings>): string {
    return allocConfLine({ ...this.settings.settings, ...change });
  }
}
