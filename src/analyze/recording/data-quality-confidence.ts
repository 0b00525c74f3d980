/** From what was recorded to how sure statements can be: each reason lowers one kind of statement, and says why. */
import { formatInteger } from '../../base/units.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import type { Confidence, DataQuality, Topic } from './data-quality.ts';
import { shareWithout } from './data-quality-frames.ts';

export interface TopicConfidence {
  readonly confidence: Confidence;
  /** What keeps it from being certain; empty where it is. */
  readonly why: readonly string[];
}

const ORDER: readonly Confidence[] = ['low', 'medium', 'high', 'certain'];

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

export function confidences(
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
  if (told.cut) doubt.lower('medium', 'The file is cut: how it went on is not known.');
  if (told.clock === 'none') doubt.lower('high', 'No clock was recorded: order is known, time is not.');
  if (told.timesBackwards > 0)
    doubt.lower(
      'high',
      `${formatInteger(told.timesBackwards)} events carry a time before that of the event ahead of them.`,
    );
  return doubt;
}

const percent = (share: number): string =>
  share > 0 && share < 0.0005 ? 'Less than 0.1 %' : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

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
