/** Memory timelines: both forms of one run agree, to the byte. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memoryTimelineReader as reader } from '../../../src/read/kineto/memory-timeline.ts';
import type { ReadOutcome } from '../../../src/read/reader.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const fixture = (name: string): string => readFileSync(`test/fixtures/memory-timeline/${name}`, 'utf8');
const gauges = (outcome: ReadOutcome) => outcome.data.readings!.gauges;
const values = (outcome: ReadOutcome, id: string): number[] => [
  ...gauges(outcome).find((gauge) => gauge.id === id)!.value,
];

/** int(t / 1000) as Python divides: the quotient rounded to the nearest quarter (half to even), then cut off. */
function pythonMicroseconds(t_ns: bigint): bigint {
  const quarters = (4n * t_ns) / 1000n;
  const rest = (4n * t_ns) % 1000n;
  const isUp = rest > 500n || (rest === 500n && quarters % 2n === 1n);
  return (quarters + (isUp ? 1n : 0n)) / 4n;
}

/** The raw form's curves at the times of the coalesced one. */
function expectAgreement(raw: ReadOutcome, coalesced: ReadOutcome): void {
  const micros = [...gauges(raw)[0].time_ns].map((t) => pythonMicroseconds(t) * 1000n);
  const lastAt = new Map(micros.map((time, i) => [time, i]));
  const times = [...gauges(coalesced)[0].time_ns];
  expect(times).toEqual([...lastAt.keys()]);
  for (const { id } of gauges(coalesced)) {
    const all = values(raw, id);
    expect(values(coalesced, id), id).toEqual([...lastAt.values()].map((i) => all[i]));
  }
}

describe('memory timelines', () => {
  test.each([1, 17, 1 << 20])('raw and coalesced agree, in chunks of %i bytes', async (chunkBytes) => {
    const raw = await readBytes(reader, 'a', fixture('h100.raw.json'), { chunkBytes });
    const coalesced = await readBytes(reader, 'b', fixture('h100.json'), { chunkBytes });
    expectAgreement(raw, coalesced);
    expect(gauges(raw)).toHaveLength(8);
    expect(gauges(raw)[0].time_ns[0]).toBe(1795252321849025931n);
    expect(values(raw, 'PARAMETER').at(-1)).toBeGreaterThan(0);
    expect([raw.data.warnings, coalesced.data.warnings]).toEqual([[], []]);
  });

  test('every action counts: there before, created, moved to another category, destroyed', async () => {
    const rows = [
      [-1, 1, 100, 0],
      ['1795252321849025931', 2, 50, 7],
      ['1795252321849025932', 3, -50, 7],
      ['1795252321849025932', 3, 50, 5],
      ['1795252321849025940', 4, -50, 5],
      ['1795252321849025941', 4, 100, 0],
    ];
    const outcome = await readBytes(reader, 'x', JSON.stringify(rows).replaceAll('"', ''));
    expect([...gauges(outcome)[0].time_ns].map((t) => t - 1795252321849025931n)).toEqual([0n, 1n, 9n, 10n]);
    expect(values(outcome, 'PARAMETER')).toEqual([100, 100, 100, 0]);
    expect(values(outcome, 'Unknown')).toEqual([50, 0, 0, 0]);
    expect(values(outcome, 'GRADIENT')).toEqual([0, 50, 0, 0]);
  });

  test('is recognised by its content, and other lists are not', () => {
    const sniff = (text: string): number => reader.sniff(inputFromBytes('unknown', text).head).score;
    expect(sniff(fixture('h100.raw.json'))).toBeGreaterThan(0.9);
    expect(sniff(fixture('h100.json'))).toBeGreaterThan(0.8);
    expect(sniff('[[1795252321849026], [[0, 1, 0, 0, 0, 0, 0, 0, 0]]]')).toBeGreaterThan(0.5);
    const others = [
      '[[1, 2], [3, 4]]',
      '[{"ph":"X"}]',
      '[]',
      '{}',
      '[[]]',
      '[[1.5, "a"]]',
      '[1795252321849026]',
      '',
    ];
    for (const other of others) expect(sniff(other), other).toBe(0);
  });

  test('rows of another form are left out with their offset', async () => {
    const text =
      '[[1795252321849025931, 2, 50, 0], [5], "x", [1795252321849025932, 9, 1, 0], [1795252321849025933, 2, 7, 0]]';
    const outcome = await readBytes(reader, 'x', text, { chunkBytes: 5 });
    expect(values(outcome, 'PARAMETER')).toEqual([50, 57]);
    expect(outcome.data.warnings.map(({ offset }) => offset)).toEqual([
      text.indexOf('[5]'),
      text.indexOf('"x"'),
      text.indexOf('[1795252321849025932'),
    ]);
    expect(outcome.data.skipped).toBe(3);
  });

  test('cut and turned-over files are read as far as they go', async () => {
    for (const name of ['h100.json', 'h100.raw.json']) {
      const text = fixture(name);
      for (let length = 100; length < text.length; length += 97) {
        const outcome = await readBytes(reader, 'x', text.slice(0, length));
        expect(outcome.data.warnings.length + (outcome.error === null ? 0 : 1)).toBeGreaterThan(0);
      }
      const bytes = new TextEncoder().encode(text);
      for (let at = 1; at < bytes.length; at += 41) {
        const flipped = bytes.slice();
        flipped[at] ^= 1 << (at % 7);
        const outcome = await readBytes(reader, 'x', flipped);
        for (const { time_ns, value } of gauges(outcome)) expect(time_ns.length).toBe(value.length);
      }
    }
  });

  test('times and sizes of different numbers are said', async () => {
    const outcome = await readBytes(
      reader,
      'x',
      '[[1795252321849026, 1795252321849027], [[0, 1, 2, 3, 4, 5, 6, 7, 8]]]',
    );
    expect(values(outcome, 'Unknown')).toEqual([8]);
    expect(outcome.data.warnings[0].message).toContain('2 times and 1 rows');
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('the recording in ../shared/traces', () => {
  test('raw and coalesced agree', async () => {
    const raw = await readBytes(
      reader,
      'unknown',
      gunzipSync(readFileSync(join(traces!, 'kineto/kineto_timeline.raw.json.gz'))),
    );
    const coalesced = await readBytes(
      reader,
      'unknown',
      readFileSync(join(traces!, 'kineto/kineto_timeline.json')),
    );
    expectAgreement(raw, coalesced);
    expect(gauges(coalesced)[0].time_ns).toHaveLength(3959);
    expect(raw.data.rows).toBe(8669);
    expect([raw.data.skipped, raw.data.warnings]).toEqual([0, []]);
  });
});

const PUBLIC = '../shared/public/kineto/memory_timeline.raw.json.gz';
test.skipIf(!existsSync(PUBLIC))('the public raw timeline', async () => {
  const text = gunzipSync(readFileSync(PUBLIC)).toString();
  const outcome = await readBytes(reader, 'unknown', text);
  const rows = JSON.parse(text) as [number, number, number, number][];
  const last = categorySums(rows);
  expect(gauges(outcome).map(({ value }) => value.at(-1))).toEqual(last);
  expect([outcome.data.rows, outcome.data.skipped]).toEqual([16845, 0]);
});

function categorySums(rows: readonly [number, number, number, number][]): number[] {
  const sums = new Array<number>(8).fill(0);
  for (const [, action, bytes, category] of rows) sums[category] += action === 4 ? -Math.abs(bytes) : bytes;
  return sums;
}
