/** The ledger over time as a stack, its read-outs to the byte, and the same as a table. */
import { describe, expect, it } from 'vitest';
import {
  columnsIn,
  isTold,
  ledgerChart,
  ledgerChartWords,
  ledgerColumnAt,
  ledgerLegend,
  ledgerReading,
  ledgerReadout,
  ledgerSpoken,
  ledgerTable,
  middleOf,
  movedColumn,
  type ToldColumns,
} from '../../../src/view/device/ledger-chart.ts';

const KIB = 1024;

/** Four columns of ten events each; the last event of the recording is not the one that its column shows. */
const answer: ToldColumns = {
  device: '0:0',
  range: { axis: 'event', from: 0, to: 40 },
  x: Float64Array.of(0, 10, 20, 30),
  parts: {
    row: Int32Array.of(9, 14, 22, 31),
    reserved: Float64Array.of(4 * KIB, 8 * KIB, 8 * KIB, 6 * KIB),
    parts: [
      {
        id: 'requested',
        label: 'Live (requested)',
        values: Float64Array.of(4 * KIB, 5 * KIB, 2 * KIB, 6 * KIB),
        most: Float64Array.of(4 * KIB, 5 * KIB, 3 * KIB, 6 * KIB),
      },
      {
        id: 'releasable',
        label: 'Free and releasable',
        values: Float64Array.of(0, 3 * KIB, 6 * KIB, 0),
        most: Float64Array.of(0, 3 * KIB, 7 * KIB, 1 * KIB),
      },
    ],
    end: { row: 39, reserved: 6 * KIB, values: [5 * KIB, KIB] },
    unknownSizes: 0,
    outside: null,
  },
  why: null,
};

const draw = (hidden: readonly string[] = []) =>
  ledgerChart({
    answer,
    hidden: new Set(hidden),
    span: { from: 0, to: 40 },
    unit: 'binary',
    width: 400,
    height: 200,
  });

describe('the stack', () => {
  it('lays each part on those before it, and gives a part without a byte no edge', () => {
    const [requested, releasable] = draw().curves;
    expect([...requested.min]).toEqual([0, 0, 0, 0]);
    expect([...requested.max]).toEqual([4 * KIB, 5 * KIB, 2 * KIB, 6 * KIB]);
    expect([...releasable.min]).toEqual([...requested.max]);
    expect([...releasable.max]).toEqual([NaN, 8 * KIB, 8 * KIB, NaN]);
    expect([requested.stacked, requested.color]).toEqual([true, 'blue']);
  });

  it('closes up where a part is hidden', () => {
    const [only] = draw(['requested']).curves;
    expect([only.id, [...only.max]]).toEqual(['releasable', [NaN, 3 * KIB, 6 * KIB, NaN]]);
    expect(ledgerChartWords(answer, new Set(['requested']))).toContain('One part is left out of the stack.');
    expect(ledgerChartWords(answer, new Set())).not.toContain('left out');
  });

  it('says what is not exact about it', () => {
    const few = { ...answer, parts: { ...answer.parts, unknownSizes: 76 } };
    expect(ledgerChartWords(few, new Set())).toContain('76 large blocks from before the recording');
  });
});

describe('the read-out', () => {
  it('is of the column under the pointer, every byte and their sum', () => {
    expect(ledgerColumnAt(answer, 25)).toBe(2);
    const reading = ledgerReading(answer, 25);
    expect(ledgerReadout(answer, reading, 'binary')).toBe(
      'Just after event 22: 2,048 + 6,144 = 8,192 bytes reserved.',
    );
    const [requested, releasable] = ledgerLegend(answer, new Set(['releasable']), reading, 'binary');
    expect([requested.value, requested.shown]).toEqual(['2 KiB', true]);
    expect([releasable.value, releasable.shown]).toEqual(['6 KiB', false]);
    expect(releasable.title).toBe(
      'Free and releasable: 6,144 bytes just after event 22; 7,168 bytes at another event of the same pixel',
    );
  });

  it('is of the last event where there is no pointer', () => {
    expect(ledgerReadout(answer, ledgerReading(answer, null), 'binary')).toBe(
      'Just after event 39: 5,120 + 1,024 = 6,144 bytes reserved.',
    );
  });

  it('is nothing outside', () => {
    for (const x of [-1, 40]) expect(ledgerReading(answer, x)).toBeNull();
    expect(ledgerReadout(answer, null, 'binary')).toBe('');
    expect(ledgerLegend(answer, new Set(), null, 'binary').map(({ value }) => value)).toEqual(['', '']);
  });

  it('names the time on the axis of time, and what was there before the first event', () => {
    const timed: ToldColumns = {
      ...answer,
      range: { axis: 'time', from: 0, to: 40 },
      parts: { ...answer.parts, row: Int32Array.of(-1, 14, 22, 31) },
    };
    expect(ledgerReadout(timed, ledgerReading(timed, 12), 'binary')).toBe(
      'Just after event 14 (column from 10 ns): 5,120 + 3,072 = 8,192 bytes reserved.',
    );
    expect(ledgerReadout(timed, ledgerReading(timed, 0), 'binary')).toBe(
      'Before the first event: 4,096 + 0 = 4,096 bytes reserved.',
    );
  });

  it('is spoken by name, without parts that have nothing', () => {
    expect(ledgerSpoken(answer, ledgerReading(answer, 0), 'binary')).toBe(
      'just after event 9: 4 KiB reserved. Live (requested) 4 KiB.',
    );
  });
});

describe('keys', () => {
  it('go from column to column, inside the view', () => {
    const span = { from: 10, to: 40 };
    expect(columnsIn(answer, span)).toEqual([1, 3]);
    expect(movedColumn(answer, span, null, -1)).toBe(3);
    expect(movedColumn(answer, span, 3, -1)).toBe(2);
    expect(movedColumn(answer, span, 1, -1)).toBe(1);
    expect(movedColumn(answer, span, 2, Infinity)).toBe(3);
    expect([0, 3].map((column) => middleOf(answer, column))).toEqual([5, 35]);
  });
});

it('the table has what is in view, to the byte', () => {
  const { rows } = ledgerTable(answer, { from: 10, to: 40 }, 'binary');
  expect(rows.map(({ key, cells }) => [key, ...cells.slice(1).map(({ text }) => text)])).toEqual([
    ['event', '14', '14', '31', 'any in view'],
    ['requested', '5 KiB', '5 KiB', '6 KiB', '6 KiB'],
    ['releasable', '3 KiB', '3 KiB', '0 B', '7 KiB'],
    ['reserved', '8 KiB', '8 KiB', '6 KiB', '8 KiB'],
  ]);
  expect(rows[1].cells[1].title).toBe('5,120 bytes');
});

it('an answer without parts has nothing to show', () => {
  expect([null, { ...answer, parts: null, why: 'so' }, answer].map(isTold)).toEqual([false, false, true]);
});

describe('what a monitor tells of the device besides', () => {
  const outside = {
    file: 'smi.csv',
    used: {
      values: Float64Array.of(NaN, 9 * KIB, 9 * KIB, 7 * KIB, 7 * KIB),
      errors: new Float64Array(5).fill(16),
    },
    parts: [
      {
        id: 'unexplained',
        label: 'Unexplained',
        values: Float64Array.of(NaN, KIB, KIB, KIB, KIB),
        errors: new Float64Array(5).fill(16),
      },
    ],
  };
  const seen: ToldColumns = { ...answer, parts: { ...answer.parts, outside } };

  it('lies on top of what is reserved, with a gap where it is not known', () => {
    const { curves } = ledgerChart({
      answer: seen,
      hidden: new Set(),
      span: { from: 0, to: 40 },
      unit: 'binary',
      width: 400,
      height: 200,
    });
    expect(curves.map(({ id }) => id)).toEqual(['requested', 'releasable', 'unexplained']);
    expect([...curves[2].max]).toEqual([NaN, 9 * KIB, 9 * KIB, 7 * KIB]);
  });

  it('is read out with its error, and said not to be known where it is not', () => {
    expect(ledgerReadout(seen, ledgerReading(seen, 22), 'binary')).toBe(
      'Just after event 22: 2,048 + 6,144 = 8,192 bytes reserved. In use on the device by anyone: 9 KiB ± 16 B.',
    );
    expect(ledgerReadout(seen, ledgerReading(seen, 2), 'binary')).not.toContain('in use');
    const valueAt = (at: number | null): string | undefined =>
      ledgerLegend(seen, new Set(), ledgerReading(seen, at), 'binary').at(-1)?.value;
    expect([valueAt(22), valueAt(2), valueAt(null)]).toEqual(['1 KiB ± 16 B', 'not known', '1 KiB ± 16 B']);
    expect(ledgerSpoken(seen, ledgerReading(seen, null), 'binary')).toContain('by anyone: 7 KiB');
  });

  it('is in the table, below what is reserved', () => {
    const { rows } = ledgerTable(seen, { from: 0, to: 40 }, 'binary');
    expect(rows.at(-1)?.cells.map(({ text }) => text)).toEqual([
      'In use on the device by anyone',
      'not known',
      '9 KiB',
      '7 KiB',
      '9 KiB',
    ]);
    expect(ledgerChartWords(seen, new Set())).toContain('told by smi.csv');
  });
});
