/**
 * What one device's recording tells and what it does not, before anything is concluded from it: where it began, what
 * was lost, how much of it carries stacks, which settings are known, how far the allocator could be replayed. From that
 * a base confidence for each kind of statement: each reason lowers one kind, and says why; no later statement may be
 * surer than the one it rests on.
 */
import { formatInteger } from '../../base/units.ts';
import { percent } from '../../base/words.ts';
import type { Baseline } from '../../aggregate/baseline.ts';
import { type SnapshotSettings, settingsOfSnapshot } from '../../replay/alloc-conf-snapshot.ts';
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import type { DeviceTrace, SourceData } from '../../trace/capture.ts';
import { coverageOf, type FrameCoverage, shareWithout } from './data-quality-frames.ts';
import type { Lifetimes } from '../lifetimes.ts';
import type { EarlierAllocation } from '../live.ts';
import { hasOverwritten, type RingFacts, ringFacts } from './ring.ts';

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
  /** What the recording says of its ring itself. */
  readonly ring: RingFacts;
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

export interface TopicConfidence {
  readonly confidence: Confidence;
  /** What keeps it from being certain; empty where it is. */
  readonly why: readonly string[];
}

export interface QualityInput {
  readonly source: Pick<SourceData, 'settings' | 'skipped' | 'warnings'>;
  readonly trace: DeviceTrace;
  readonly baseline: Baseline;
  readonly lifetimes: Lifetimes;
  readonly earlier: readonly EarlierAllocation[];
  /** null: there is nothing to replay. */
  readonly replay: SelfReplay | null;
}

const ORDER: readonly Confidence[] = ['low', 'medium', 'high', 'certain'];

/** The least sure of some. */
export function leastConfident(all: readonly Confidence[]): Confidence {
  return ORDER.find((one) => all.includes(one)) ?? 'certain';
}

export function dataQuality(input: QualityInput): DataQuality {
  const { source, trace, baseline, lifetimes, earlier, replay } = input;
  const torch = trace.producer === 'torch';
  // Both of PyTorch's allocators tell their final state.
  const hasBaseline = trace.producer !== 'nsys';
  const told: Omit<DataQuality, 'topics' | 'confidence'> = {
    device: trace.device,
    rows: trace.events.length,
    began: beginningOf(input),
    ring: ringFacts(trace, baseline, earlier),
    requestedBefore: hasBaseline
      ? baseline.before.requested
      : earlier.reduce((sum, { size }) => sum + size, 0),
    reservedBefore: hasBaseline ? baseline.before.reserved : 0,
    beforeKnown: hasBaseline ? baseline.known : lifetimes.unmatchedFrees === 0,
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
  if (trace.ring?.overflowed === true) return 'overwritten';
  if (baseline.fromEmpty) return 'empty';
  if (trace.producer === 'torch' && hasOverwritten(trace, earlier)) return 'overwritten';
  if (earlier.length > 0 || lifetimes.unmatchedFrees > 0) return 'late';
  return trace.producer === 'torch' && (baseline.before.reserved > 0 || baseline.before.requested > 0)
    ? 'late'
    : 'unknown';
}

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

class Doubt {
  confidence: Confidence = 'certain';
  readonly why: string[] = [];

  lower(to: Confidence, why: string): void {
    if (ORDER.indexOf(to) < ORDER.indexOf(this.confidence)) this.confidence = to;
    this.why.push(why);
  }
}

/** Up to this share of rows without a place in the model its curves are still a good picture. */
const FEW_UNPLACED = 0.001;

type Told = Omit<DataQuality, 'topics' | 'confidence'>;

function confidences(
  told: Told,
  producer: DeviceTrace['producer'],
): Readonly<Record<Topic, TopicConfidence>> {
  return {
    amounts: amounts(told),
    history: history(told),
    holders: holders(told),
    settings: settings(told, producer),
  };
}

function amounts(told: Told): Doubt {
  const doubt = new Doubt();
  const { replay } = told;
  if (!told.beforeKnown && told.began !== 'no_events')
    doubt.lower(
      told.freesWithoutAlloc > 0 ? 'low' : 'medium',
      'What was allocated before the recording is not known: bytes are lower bounds.',
    );
  if (told.cut) doubt.lower('medium', 'The file is cut: what follows its last event is not known.');
  if (told.skippedRows > 0)
    doubt.lower('medium', `${formatInteger(told.skippedRows)} rows of the file could not be kept.`);
  if (told.allocsOverLive > 0)
    doubt.lower(
      'medium',
      `${formatInteger(told.allocsOverLive)} allocations lie where something else still lived: frees were lost.`,
    );
  if (replay === null) return doubt;
  if (replay.unplaced > 0)
    doubt.lower(
      replay.unplaced <= FEW_UNPLACED * told.rows ? 'medium' : 'low',
      `${formatInteger(replay.unplaced)} of ${formatInteger(told.rows)} events do not fit the allocator's state.`,
    );
  if (replay.state !== null && replay.state.different > 0)
    doubt.lower(
      'medium',
      `The replayed allocator ends with ${formatInteger(replay.state.different)} of ${formatInteger(replay.state.blocks)} blocks (${formatInteger(replay.state.bytesDifferent)} bytes) not as recorded.`,
    );
  if (replay.unknownSizes > 0)
    doubt.lower(
      'high',
      `${formatInteger(replay.unknownSizes)} blocks from before the recording may each be up to 1 MiB larger than their request.`,
    );
  return doubt;
}

function history(told: Told): Doubt {
  const doubt = new Doubt();
  const lost =
    told.freesWithoutAlloc > 0
      ? ` ${formatInteger(told.freesWithoutAlloc)} frees have no alloc in the recording.`
      : '';
  if (told.began === 'no_events')
    doubt.lower('low', 'Only the state at one moment: no events were recorded.');
  else if (told.ring.sentence !== null)
    doubt.lower(
      'medium',
      `${told.ring.sentence}${told.ring.cause === 'overflowed' ? ' Raise max_entries.' : ''} ${formatInteger(told.requestedBefore)} bytes were allocated before.${lost}`,
    );
  else if (told.began === 'overwritten')
    doubt.lower(
      'medium',
      `The oldest events are gone (the ring of entries was full, or the history was cleared): raise max_entries. ${formatInteger(told.requestedBefore)} bytes were allocated before.${lost}`,
    );
  else if (told.began === 'late')
    doubt.lower(
      'medium',
      `The recording began late, or its oldest events are gone: ${formatInteger(told.requestedBefore)} bytes${told.beforeKnown ? '' : ' at least'} were allocated before.${lost}`,
    );
  else if (told.began === 'unknown')
    doubt.lower('medium', 'Nothing shows that the recording began with nothing allocated.');
  if (told.ring.contradiction !== null) doubt.lower('medium', told.ring.contradiction);
  if (told.cut) doubt.lower('medium', 'The file is cut: how it went on is not known.');
  if (told.clock === 'none') doubt.lower('high', 'No clock was recorded: order is known, time is not.');
  if (told.timesBackwards > 0)
    doubt.lower(
      'high',
      `${formatInteger(told.timesBackwards)} events carry a time before that of the event ahead of them.`,
    );
  return doubt;
}

function holders(told: Told): Doubt {
  const doubt = new Doubt();
  const { recorded, liveAtEnd } = told.frames;
  const least = (share: number): Confidence => (share <= 0.01 ? 'high' : share <= 0.2 ? 'medium' : 'low');
  const of = shareWithout(recorded);
  const live = shareWithout(liveAtEnd);
  // Backward passes run outside of Python and carry none; what they allocate is mostly gone soon.
  if (recorded.allocationsWithout > 0)
    doubt.lower(
      of <= 0.01 || live === 0 ? 'high' : 'medium',
      `${percent(of)} of the allocated bytes (${formatInteger(recorded.allocationsWithout)} of ${formatInteger(recorded.allocations)} allocations) carry no stack.`,
    );
  if (liveAtEnd.allocationsWithout > 0)
    doubt.lower(
      least(live),
      `${percent(live)} of the bytes that live at the end (${formatInteger(liveAtEnd.allocationsWithout)} of ${formatInteger(liveAtEnd.allocations)} allocations) carry no stack.`,
    );
  return doubt;
}

function settings(told: Told, producer: DeviceTrace['producer']): Doubt {
  const doubt = new Doubt();
  const { replay } = told;
  if (producer !== 'torch' || replay === null) {
    doubt.lower('low', "Nothing of PyTorch's allocator to replay.");
    return doubt;
  }
  const wrong = replay.requests - replay.chosen;
  if (wrong > 0)
    doubt.lower(
      wrong <= 0.001 * replay.requests ? 'high' : wrong <= 0.01 * replay.requests ? 'medium' : 'low',
      `For ${formatInteger(wrong)} of ${formatInteger(replay.requests)} requests the replayed allocator would have chosen another block: settings may have been others.`,
    );
  // A limit leaves no trace but the requests that meet it.
  const missing = (told.settings?.notRecorded ?? []).filter((name) => name !== 'perProcessMemoryFraction');
  if (missing.length > 0)
    doubt.lower(
      'high',
      `Not recorded, taken as PyTorch's defaults: ${missing.join(', ')}.${wrong === 0 ? ' Every request agrees with them.' : ''}`,
    );
  if (replay.unplaced > 0)
    doubt.lower('low', 'The replayed allocator did not follow the recording in everything.');
  if (!replay.causesCertain)
    doubt.lower('high', 'Whether some memory went back by a retry or by empty_cache cannot be told apart.');
  return doubt;
}
