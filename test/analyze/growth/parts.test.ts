/** Growth by stream and by line of code, where the device as a whole hides it and where it does not. */
import { describe, expect, it } from 'vitest';
import { type GrowthPart, growthParts } from '../../../src/analyze/growth/parts.ts';
import { u64At } from '../../../src/base/u64.ts';
import { type Block, MIB, Recording } from '../../diagnose/recording.ts';

const ROUNDS = 24;

/** Each round line :20 keeps 3 MiB more on stream 1; with `hidden` a store of line :10 shrinks by as much. */
function program(hidden: boolean): Recording {
  const recording = new Recording();
  const store: Block[] = [];
  if (hidden) for (let i = 0; i < ROUNDS + 4; i++) store.push(recording.take('main:1 load:10', 3 * MIB));
  for (let round = 0; round < ROUNDS; round++) {
    const passing = recording.take('main:2 forward:30', 8 * MIB);
    const other = recording.take('main:3 copy:40', 2 * MIB, { stream: 1 });
    recording.take('main:4 keep:20', 3 * MIB, { stream: 1 });
    recording.drop(passing);
    recording.drop(other);
    if (hidden) recording.drop(store.pop()!);
  }
  return recording;
}

const partOf = (parts: readonly GrowthPart[], name: string, series = 'allocated') =>
  parts.find((part) => part.name.includes(name) && part.series === series)?.growth.atEnd;

describe('a leak that what another line gives back hides', () => {
  const facts = program(true).facts();
  const parts = facts.growthParts;

  it('is none of the device', () => {
    expect(facts.iterations.count).toBeGreaterThanOrEqual(ROUNDS - 2);
    expect(facts.growthOf('allocated')?.atEnd.kind).toBe('none');
  });

  it('is told of its line and of its stream, to the byte', () => {
    expect(partOf(parts, 'app.py:20')).toMatchObject({ kind: 'linear_leak', slopePerIteration: 3 * MIB });
    const [, stream] = facts.trace.streams;
    const ofStream = parts.find(
      ({ by, name, series }) => by === 'stream' && name === stream && series === 'allocated',
    );
    expect(ofStream?.growth.atEnd).toMatchObject({ kind: 'linear_leak', slopePerIteration: 3 * MIB });
  });

  it('is not told of the line that gives back, nor of those whose memory passes', () => {
    expect(partOf(parts, 'app.py:10')?.kind).not.toBe('linear_leak');
    expect(partOf(parts, 'app.py:30')?.kind ?? 'none').toBe('none');
  });
});

describe('a leak that nothing hides', () => {
  it('is that of its line, and the parts at the end make up what is allocated', () => {
    const facts = program(false).facts();
    expect(partOf(facts.growthParts, 'app.py:20')?.slopePerIteration).toBe(3 * MIB);
    const last = (values: Float64Array): number => values[values.length - 1];
    const streams = facts.growthParts.filter(({ by, series }) => by === 'stream' && series === 'allocated');
    expect(streams.reduce((sum, { growth }) => sum + last(growth.values.end), 0)).toBe(
      last(facts.growthOf('allocated')!.values.end),
    );
    const reserved = facts.growthParts.filter(({ series }) => series === 'reserved');
    expect(reserved.reduce((sum, { growth }) => sum + last(growth.values.end), 0)).toBe(
      last(facts.growthOf('reserved')!.values.end),
    );
  });
});

it('one stream has no growth of its own, and recordings without stacks have no lines', () => {
  const recording = new Recording();
  for (let round = 0; round < ROUNDS; round++) {
    const passing = recording.take(null, 8 * MIB);
    recording.take(null, 3 * MIB);
    recording.drop(passing);
  }
  expect(recording.facts().growthParts).toEqual([]);
});

it('of many streams those that grew most are judged, wherever they stand', () => {
  const { trace, iterations, input } = program(false).facts();
  const { events } = trace;
  const parts = growthParts({
    trace: {
      ...trace,
      streams: Array.from({ length: 20 }, (_, i) => `s${i}`),
      events: { ...events, stream_index: events.stream_index.map((stream) => stream + 18) },
    },
    iterations,
    lifetimes: input.lifetimes,
    sizeOf: (row) => u64At(events.size, row),
    labelOf: () => '',
    options: {},
  });
  expect(partOf(parts, 's19')).toMatchObject({ kind: 'linear_leak', slopePerIteration: 3 * MIB });
});
