/**
 * What one device's recording tells and what it does not, before anything is concluded from it: where it began, what
 * was lost, how much of it carries stacks, which settings are known, how far the allocator could be replayed. From that
 * a base confidence for each kind of statement; no later statement may be surer than the one it rests on.
 */
import type { Baseline } from '../../aggregate/baseline.ts';
import { type SnapshotSettings, settingsOfSnapshot } from '../../replay/alloc-conf-snapshot.ts';
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import type { DeviceTrace, SourceData } from '../../trace/capture.ts';
import { NONE } from '../../trace/schema.ts';
import { confidences, type TopicConfidence } from './data-quality-confidence.ts';
import { coverageOf, type FrameCoverage } from './data-quality-frames.ts';
import type { Lifetimes } from '../lifetimes.ts';
import type { EarlierAllocation } from '../live.ts';

/** How far a statement can be relied on. `certain`: it follows from the recording; `low`: one of several readings. */
export type Confidence = 'certain' | 'high' | 'medium' | 'low';

/**
 * `empty`: nothing was allocated or reserved before the first event. `overwritten`: blocks that still live carry stacks
 * of allocations that the recording does not hold, so it was on before and its oldest entries are gone (a full ring,
 * or a cleared history). `late`: memory was in use before, and nothing tells whether events were lost. `unknown`:
 * nothing contradicts an empty start, and nothing proves it. `no_events`: a final state alone.
 */
export type Beginning = 'empty' | 'overwritten' | 'late' | 'unknown' | 'no_events';

/** How well the allocator's model followed the recording; null of DataQuality: there was nothing to replay. */
export interface ReplayQuality {
  /** Every row found its place, and the model ended in the recorded state where there is one. */
  readonly faithful: boolean;
  readonly requests: number;
  /** Requests for which the model by itself chooses the recorded block: it has the settings right. */
  readonly chosen: number;
  readonly unplaced: number;
  /** Blocks of the final state, those that differ and their bytes; null: no final state to compare with. */
  readonly state: {
    readonly blocks: number;
    readonly different: number;
    readonly bytesDifferent: number;
  } | null;
  /** Blocks from before the recording that may be up to 1 MiB larger than their request. */
  readonly unknownSizes: number;
  /** Whether retries, garbage collection and empty_cache could be told apart for certain. */
  readonly causesCertain: boolean;
}

export interface DataQuality {
  readonly device: number;
  readonly rows: number;
  readonly began: Beginning;
  /** Bytes asked for and reserved before the first event. `beforeKnown` false: the least that is possible. */
  readonly requestedBefore: number;
  readonly reservedBefore: number;
  readonly beforeKnown: boolean;
  /** Frees whose alloc is not in the recording, and allocs at an address that was still taken (a lost free). */
  readonly freesWithoutAlloc: number;
  readonly allocsOverLive: number;
  /** The file was cut inside the events. */
  readonly cut: boolean;
  /** Rows of the file met and not kept; what the reader warned of. */
  readonly skippedRows: number;
  readonly warnings: readonly string[];
  readonly frames: FrameCoverage;
  /** Settings in force, where each comes from and which are not recorded; null: not a recording of PyTorch's allocator. */
  readonly settings: SnapshotSettings | null;
  /** Bytes that the process's limit must lie in, where a request met it: [at least, less than]. */
  readonly limitBounds: readonly [number, number] | null;
  readonly clock: DeviceTrace['clock'];
  /** Rows that carry a time before that of the row ahead of them. */
  readonly timesBackwards: number;
  readonly replay: ReplayQuality | null;
  /** Bytes of the device's memory; null: not recorded. */
  readonly deviceBytes: number | null;
  /** By kind of statement: how sure it can be at most, and why no surer. */
  readonly topics: Readonly<Record<Topic, TopicConfidence>>;
  /** Of the numbers: the least of `amounts` and `history`. Who holds the memory is a matter of `holders`. */
  readonly confidence: Confidence;
}

/** `amounts`: bytes at a moment. `history`: peaks, totals and growth. `holders`: who holds. `settings`: what other settings would do. */
export type Topic = 'amounts' | 'history' | 'holders' | 'settings';

export interface QualityInput {
  readonly source: Pick<SourceData, 'settings' | 'skipped' | 'warnings'>;
  readonly trace: DeviceTrace;
  readonly baseline: Baseline;
  readonly lifetimes: Lifetimes;
  readonly earlier: readonly EarlierAllocation[];
  /** null: there is nothing to replay. */
  readonly replay: SelfReplay | null;
}

/** The least sure of some. */
export function leastConfident(all: readonly Confidence[]): Confidence {
  const order: readonly Confidence[] = ['low', 'medium', 'high', 'certain'];
  return order.find((one) => all.includes(one)) ?? 'certain';
}

export function dataQuality(input: QualityInput): DataQuality {
  const { source, trace, baseline, lifetimes, earlier, replay } = input;
  const torch = trace.producer === 'torch';
  const told: Omit<DataQuality, 'topics' | 'confidence'> = {
    device: trace.device,
    rows: trace.events.length,
    began: beginningOf(input),
    requestedBefore: torch ? baseline.before.requested : earlier.reduce((sum, { size }) => sum + size, 0),
    reservedBefore: torch ? baseline.before.reserved : 0,
    beforeKnown: torch ? baseline.known : lifetimes.unmatchedFrees === 0,
    freesWithoutAlloc: lifetimes.unmatchedFrees,
    allocsOverLive: lifetimes.doubleAllocs,
    cut: trace.cut,
    skippedRows: source.skipped,
    warnings: source.warnings.map(({ message }) => message),
    frames: coverageOf(trace, lifetimes, earlier),
    settings: torch ? settingsOfSnapshot(source.settings) : null,
    limitBounds: replay?.limitBounds ?? null,
    clock: trace.clock,
    timesBackwards: timesBackwards(trace.events.time_ns),
    replay: replay === null ? null : qualityOf(replay),
    deviceBytes: trace.total_bytes,
  };
  const topics = confidences(told, trace.producer);
  return {
    ...told,
    topics,
    confidence: leastConfident([topics.amounts.confidence, topics.history.confidence]),
  };
}

function beginningOf({ trace, baseline, lifetimes, earlier }: QualityInput): Beginning {
  if (trace.events.length === 0) return 'no_events';
  if (baseline.fromEmpty) return 'empty';
  if (trace.producer === 'torch' && hasOverwritten(trace, earlier)) return 'overwritten';
  if (earlier.length > 0 || lifetimes.unmatchedFrees > 0) return 'late';
  return trace.producer === 'torch' && (baseline.before.reserved > 0 || baseline.before.requested > 0)
    ? 'late'
    : 'unknown';
}

/** A stack is kept with a block only if it was allocated while the history was recorded. */
const hasOverwritten = ({ events }: DeviceTrace, earlier: readonly EarlierAllocation[]): boolean =>
  earlier.some(({ until, stack }) => until >= events.length && stack !== NONE);

function qualityOf(replay: SelfReplay): ReplayQuality {
  const { requests, chosen, unplaced, state, unknownSizes, causesCertain } = replay.fidelity;
  return {
    faithful: isFaithful(replay),
    requests,
    chosen,
    unplaced,
    state:
      state === null
        ? null
        : {
            blocks: state.blocks,
            different: state.blocks - state.blocksEqual,
            bytesDifferent: state.bytesDifferent,
          },
    unknownSizes,
    causesCertain,
  };
}

/** i64 words. */
function timesBackwards(words: Uint32Array): number {
  let count = 0;
  for (let at = 2; at < words.length; at += 2) {
    const high = (words[at + 1] | 0) - (words[at - 1] | 0);
    if (high < 0 || (high === 0 && words[at] < words[at - 2])) count++;
  }
  return count;
}
