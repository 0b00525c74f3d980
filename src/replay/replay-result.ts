/** What leading the model through a recording gives: exact statistics and curves, and how well it followed. */
import type { InferredHistory } from './address-history.ts';
import type { Allocator } from './allocator.ts';
import type { StateDifference } from './final-state.ts';
import type { ReleaseCause } from './release-cause.ts';
import type { Requests } from './requests.ts';
import type { ReplayStats } from './statistics.ts';

/** One value after each row of the event table, bytes. */
export interface ReplayCurves {
  readonly allocated: Float64Array;
  readonly active: Float64Array;
  readonly inactiveSplit: Float64Array;
  /** Largest free block of any pool and stream. */
  readonly largestFree: Float64Array;
  readonly freeBlocks: Float64Array;
  /** Values before row 0: allocated, active, inactiveSplit, largestFree, freeBlocks. */
  readonly before: readonly [number, number, number, number, number];
}

export interface Fidelity {
  /** Requests that got memory, and those of them where the model alone chooses the recorded block. */
  readonly requests: number;
  readonly chosen: number;
  /** Rows of the first requests where it chooses another one. */
  readonly firstDifferent: readonly number[];
  /** Rows that fit no state of the model (lost or foreign events). */
  readonly unplaced: number;
  readonly firstUnplaced: readonly number[];
  /** Difference between the model's last state and the snapshot's; null: there is none to compare with. */
  readonly state: StateDifference | null;
  /** Blocks from before the recording whose true size is not known (at most 1 MiB more each). */
  readonly unknownSizes: number;
  /** Whether releases by garbage collection, retry and empty_cache could be told apart for certain. */
  readonly causesCertain: boolean;
}

export interface SelfReplay {
  readonly stats: ReplayStats;
  /** true: the recording began empty, so that peaks and totals are those of `memory_stats`. */
  readonly fromEmpty: boolean;
  readonly fidelity: Fidelity;
  readonly requests: Requests;
  readonly curves: ReplayCurves;
  /** By allocation: bytes of its block. */
  readonly blockSize: Float64Array;
  /** Private pools by number from 1: their ids. */
  readonly privatePools: readonly string[];
  /** Rank of each stream by its handle. */
  readonly streamRank: readonly number[];
  /** Bytes that the limit must lie in, where requests met one: [at least, less than]; null: none was met. */
  readonly limitBounds: readonly [number, number] | null;
  /** What others did with the process's addresses, from where its segments came to lie. */
  readonly addresses: InferredHistory;
  readonly causes: Readonly<Record<ReleaseCause, number>>;
  /** The model after the last row, to be looked at and not led on. */
  readonly end: AllocatorState;
}

/** Every row found its place in the model and, where there is a final state, the model ends in it. */
export const isFaithful = ({ fidelity: { unplaced, state } }: SelfReplay): boolean =>
  unplaced === 0 && (state === null || state.blocksEqual === state.blocks);

/** The model at one moment of a recording. */
export interface AllocatorState {
  readonly allocator: Allocator;
  /** High word that addresses of the model count from: address + origin * 2^32. */
  readonly origin: number;
  readonly privatePools: readonly string[];
  /** What an allocated or pending block was asked for; row: NaN before the recording; null: not known. */
  allocationOf(block: number): {
    readonly requested: number;
    readonly stream: number;
    readonly stack: number;
    readonly row: number;
  } | null;
}
