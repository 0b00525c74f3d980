import { describe, expect, it } from 'vitest';
import type { CompareLine, CompareView } from '../../../src/engine/protocol.ts';
import { compareModel, momentOptions, signed } from '../../../src/view/workspace/compare.ts';

const both = (a: number, b: number) => ({ a, b, difference: b - a });
const figure = (a: number, b: number) => ({ peak: both(a, b), end: both(a, b), at: both(a, b) });
const line = (place: string, a: number, b: number, since: number | null): CompareLine => ({
  place,
  placeInA: place,
  placeInB: place,
  isLine: true,
  ...both(a, b),
  allocations: both(1, 2),
  iterationSince: since,
  allocationsPerIteration: null,
  stackInA: null,
  stackInB: 3,
});

const VIEW: CompareView = {
  a: { device: '1:0', file: 'a', gpu: 0, row: 7, xNs: 7000, iteration: 2, exact: true },
  b: { device: '2:0', file: 'b', gpu: 0, row: -1, xNs: null, iteration: null, exact: false },
  sentence: 'B holds {bytes:1048576} more: `f (x.py:1)`.',
  notes: ['{bytes:512} less in another.'],
  requested: figure(2 ** 20, 2 ** 21),
  allocated: null,
  reserved: figure(2 ** 21, 2 ** 21),
  lines: [line('f  x.py:1', 2 ** 20, 2 ** 21, 0), line('g  x.py:2', 0, 0, null)],
  rest: { lines: 2, ...both(5, 5), allocations: both(1, 1) },
  ledger: null,
  streams: [{ stream: '0', ...both(1, 2), allocations: both(1, 1) }],
  sizeClasses: [{ from: 512, to: 1024, ...both(0, 1), allocations: both(0, 1) }],
  settings: [{ name: 'max_split_size_mb', a: null, b: '32' }],
  iterations: null,
  firstDifferent: null,
};

describe('two recordings side by side', () => {
  const model = compareModel(VIEW, ['wall', 'none'], 'binary');
  const texts = (rows: readonly { readonly cells: readonly { readonly text: string }[] }[]) =>
    rows.map(({ cells }) => cells.map(({ text }) => text));

  it('say amounts in the unit, and where each moment is', () => {
    expect(model.sentence).toBe('B holds 1 MiB more: `f (x.py:1)`.');
    expect(model.notes).toEqual(['512 B less in another.']);
    expect(model.placeA).toMatch(/^after event 7, .*, iteration 2$/);
    expect(model.placeB).toBe('before the first event; what it held before the recording is a lower bound');
  });

  it('have a row for every figure that both know, and none for others', () => {
    expect(texts(model.figures.rows)).toEqual([
      ['Requested, highest', '1 MiB', '2 MiB', '+1 MiB'],
      ['Requested, at the end', '1 MiB', '2 MiB', '+1 MiB'],
      ['Reserved, highest', '2 MiB', '2 MiB', '0'],
      ['Reserved, at the end', '2 MiB', '2 MiB', '0'],
    ]);
    expect(model.ledger).toBeNull();
    expect(model.streams).toBeNull();
    expect(texts(model.settings?.rows ?? [])).toEqual([['max_split_size_mb', 'not recorded', '32']]);
  });

  it('leave no line out of the sum', () => {
    expect(texts(model.lines.rows)).toEqual([
      ['f  x.py:1', '1 MiB', '2 MiB', '+1 MiB', '+1', 'the start'],
      ['g  x.py:2', '0 B', '0 B', '0', '+1', ''],
      ['2 lines that differ less', '5 B', '5 B', '0', '0', ''],
    ]);
  });

  it('write a difference with its sign, and nothing as 0', () => {
    expect([signed(-512, 'binary'), signed(0, 'binary'), signed(1e6, 'decimal')]).toEqual([
      '−512 B',
      '0',
      '+1 MB',
    ]);
  });

  it('offer the moments of the timeline where some are chosen', () => {
    expect(momentOptions(null, null).map(({ id }) => id)).toEqual(['peak', 'end']);
    expect(momentOptions([3, 9], 5).map(({ moment }) => moment)).toEqual([
      'peak',
      'end',
      { row: 3 },
      { row: 9 },
      { row: 5 },
    ]);
  });
});
