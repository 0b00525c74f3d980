/** Programs that rules have to tell apart, run through the model of the allocator (recording.ts). */
import { seeded } from '../read/snapshot/fixtures.ts';
import { type Block, MIB, Recording, type RecordingOptions } from './recording.ts';

/** Training: weights and optimizer state, then `steps` iterations; what `more` does is the case. */
export function training(
  more: (recording: Recording, step: number) => void,
  steps = 24,
  options: RecordingOptions = {},
): Recording {
  const recording = new Recording({ conf: '', ...options });
  for (let i = 0; i < 4; i++) recording.take(`main:2 weights:${i}`, 8 * MIB);
  for (let step = 0; step < steps; step++) {
    const input = recording.take('main:10 load:1', 3 * MIB);
    const hidden = recording.take('main:11 forward:5', 12 * MIB);
    more(recording, step);
    recording.touch('main:12 backward:7', 12 * MIB);
    recording.drop(hidden, input);
  }
  return recording;
}

/** Iteration k asks for `sizes[k]` MiB at once and frees all of it. */
export function requests(sizes: readonly number[]): Recording {
  return training((recording, step) => recording.touch('main:13 logits:3', sizes[step] * MIB), sizes.length);
}

/**
 * Each step has the same bytes live at once, in other sizes: the last request is larger than ever before and fits no
 * block that is free, the one before it so much smaller.
 */
export const shiftingSizes = (by: number): Recording =>
  training((recording, step) => {
    const large = recording.take('main:13 logits:3', 300 * MIB);
    const shrinking = recording.take('main:15 rest:5', (200 - by * step) * MIB);
    const growing = recording.take('main:14 scores:4', (40 + by * step) * MIB);
    recording.drop(growing, shrinking, large);
  });

/** Random traffic of blocks up to `most` MiB; a split limit below hurts. The same for every setting. */
export function traffic(options: RecordingOptions, most = 92): Recording {
  const recording = new Recording(options);
  const random = seeded(11);
  const live: Block[] = [];
  for (let step = 0; step < 800; step++) {
    if (live.length > 24 || (live.length > 0 && random() < 0.45))
      recording.drop(...live.splice(Math.floor(random() * live.length), 1));
    else live.push(recording.take('main:3 work:4', Math.ceil(2 + (most - 2) * random() ** 3) * MIB));
  }
  return recording;
}

export const splitAt = (mib: number): RecordingOptions => ({
  conf: `max_split_size_mb:${mib}`,
  settings: { maxSplitSize: mib * MIB },
});

/** Each step has the same bytes live at once in other sizes; `more`: bytes of it that are kept. */
export function shifting(options: RecordingOptions, more = 0): Recording {
  const recording = new Recording(options);
  for (let step = 0; step < 24; step++) {
    const large = recording.take('main:13 logits:3', 300 * MIB);
    const rest = recording.take('main:15 rest:5', (200 - 2 * step) * MIB);
    const scores = recording.take('main:14 scores:4', (40 + 2 * step) * MIB);
    if (more > 0) recording.take('main:16 remember:6', more);
    recording.drop(scores, rest, large);
  }
  return recording;
}

/**
 * Two segments of 100 MiB, each with a little that lives: together enough of them is free for one request of up to
 * 185 MiB, and in no one piece. Below the limit there is room for 20 MiB more.
 */
export function splitInTwo(request: number, options: RecordingOptions = {}): Recording {
  const recording = new Recording({ conf: '', limit: 220 * MIB, deviceFree: 10 * MIB, ...options });
  const first = recording.take('main:1 first:2', 100 * MIB);
  const second = recording.take('main:1 second:3', 100 * MIB);
  recording.drop(first);
  recording.take('main:2 keep:4', 10 * MIB);
  recording.drop(second);
  const most = recording.take('main:3 work:5', 95 * MIB);
  recording.take('main:2 keep:6', 4 * MIB);
  recording.drop(most);
  recording.alloc('main:4 large:7', request);
  return recording;
}

/** `count` blocks of one size that all live, with sizes rounded up to quarters between powers of two. */
export function roundedUp(count: number, bytes: number): Recording {
  const recording = new Recording({
    conf: 'roundup_power2_divisions:4',
    settings: { roundupDivisions: new Array<number>(16).fill(4) },
  });
  for (let i = 0; i < count; i++) recording.take(`main:${i} weights:1`, bytes);
  // Something has to be free at the peak, or no setting is asked for.
  recording.drop(recording.take('main:99 scratch:2', 512 * MIB));
  return recording;
}
