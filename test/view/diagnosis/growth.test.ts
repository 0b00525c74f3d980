/** Growth by iteration: the chart's points, verdicts in words, the table of values, marks on the timeline. */
import { describe, expect, it } from 'vitest';
import { framed, initialState, wholeOf } from '../../../src/view/device/device-state.ts';
import { growthModel, growthTable, kindWord, rowsOfIteration } from '../../../src/view/diagnosis/growth.ts';
import { iterationMarks } from '../../../src/view/parts/marks.ts';
import { device } from '../device/device-for-test.ts';
import { deviceDiagnosis } from './diagnosis-for-test.ts';

const told = deviceDiagnosis();

describe('the chart', () => {
  it('has one scale from zero for all series, and a flat stretch an iteration', () => {
    const { lines, top, last } = growthModel(told, 'binary');
    expect(top).toBe('160 MiB');
    expect(last).toBe('4');
    expect(lines.map(({ series }) => series)).toEqual(['allocated', 'active', 'reserved']);
    expect(lines[0].points).toBe(
      '0.00,80.00 250.00,80.00 250.00,60.00 500.00,60.00 500.00,40.00 750.00,40.00 750.00,20.00 1000.00,20.00',
    );
    expect(lines[2].points.endsWith('1000.00,0.00')).toBe(true);
  });

  it('draws what is always nothing on the axis', () => {
    const flat = told.growth.map((one) => ({ ...one, values: [0, 0, 0, 0] }));
    const { lines, top } = growthModel({ ...told, growth: flat }, 'binary');
    expect(top).toBe('0 B');
    expect(lines[0].points.split(' ').every((point) => point.endsWith(',100.00'))).toBe(true);
  });

  it('says in words what it shows', () => {
    expect(growthModel(told, 'decimal').described).toContain('Allocated from 33.6 MB to 134 MB');
  });

  it('is none where there are no iterations, and that is said', () => {
    const none = { ...told.iterations, method: 'none', count: 0, rows: [], startsNs: [] };
    const model = growthModel({ ...told, iterations: none, growth: [] }, 'binary');
    expect(model.lines).toEqual([]);
    expect(model.summary).toMatch(/^No iterations were found/);
  });
});

describe('a verdict', () => {
  const rowOf = (changes: object): ReturnType<typeof growthModel>['rows'][number] =>
    growthModel({ ...told, growth: [{ ...told.growth[0], ...changes }] }, 'binary').rows[0];

  it('of a leak has its slope and the time that is left', () => {
    expect(rowOf({})).toMatchObject({ verdict: 'Grows on', endless: true, figure: '32 MiB per iteration' });
    expect(rowOf({ untilLimit: { iterations: 2300, ns: 90e9 } }).figure).toBe(
      '32 MiB per iteration, out of memory after 2,300 more (1 min 30.0 s)',
    );
  });

  it('of a plateau has its bound', () => {
    const bound = { kind: 'warm_up_plateau', boundBytes: 4_901_044_224, slopeBytesPerIteration: null };
    expect(rowOf(bound)).toMatchObject({
      verdict: 'Grew, then stays',
      endless: false,
      figure: 'at 4.56 GiB',
      figureTitle: '4,901,044,224 bytes',
    });
  });

  it('of what only varies says that it was not more', () => {
    const none = { kind: 'none', boundBytes: 200 * 2 ** 20, slopeBytesPerIteration: null };
    expect(rowOf(none).figure).toBe('at most 200 MiB');
    expect(rowOf({ ...none, boundBytes: 128 * 2 ** 20 }).figure).toBe('at 128 MiB');
  });

  it('tells amounts in its reasons in the unit of the user', () => {
    const why = ['Growth of up to {bytes:1048576} per iteration would not show.'];
    expect(rowOf({ why }).why[0]).toBe('Growth of up to 1 MiB per iteration would not show.');
  });

  it('that cannot be told has no figure', () => {
    expect(rowOf({ kind: 'cannot_tell', slopeBytesPerIteration: null })).toMatchObject({
      verdict: 'Cannot tell',
      figure: '',
    });
  });

  it('of a kind that is new here is said as it came', () => {
    expect(kindWord('steps_down')).toBe('steps down');
    expect(kindWord('constructor')).toBe('constructor');
  });
});

describe('the table', () => {
  it('has every value, and its rows open their iteration', () => {
    const table = growthTable(told, 'binary');
    expect(table?.columns.map(({ id }) => id)).toEqual(['iteration', 'allocated', 'active', 'reserved']);
    expect(table?.rows[3].cells.map(({ text }) => text)).toEqual(['4', '128 MiB', '128 MiB', '160 MiB']);
    expect(rowsOfIteration(told, 0)).toEqual([100, 299]);
    expect(rowsOfIteration(told, 3)).toEqual([700, 899]);
    expect(rowsOfIteration(told, 4)).toBeNull();
    expect(rowsOfIteration(told, -1)).toBeNull();
  });

  it('is none where the values are a choice: their iterations are not told', () => {
    const many = { ...told.iterations, count: 900 };
    expect(growthTable({ ...told, iterations: many }, 'binary')).toBeNull();
  });
});

describe('marks of iterations', () => {
  const { iterations } = told;

  it('lie where each begins, on both axes, and only in view', () => {
    expect(iterationMarks(iterations, 'event', { from: 0, to: 1000 }, 800)).toEqual([
      100, 300, 500, 700, 900,
    ]);
    expect(iterationMarks(iterations, 'time', { from: 3e8, to: 8e8 }, 800)).toEqual([5e8, 7e8]);
    expect(iterationMarks(null, 'time', { from: 0, to: 1e9 }, 800)).toEqual([]);
  });

  it('are left out where two would be closer than five pixels', () => {
    const span = { from: 0, to: 1000 };
    expect(iterationMarks(iterations, 'event', span, 25)).toHaveLength(5);
    expect(iterationMarks(iterations, 'event', span, 24)).toEqual([]);
  });
});

describe('a window in view', () => {
  const of = device({ rows: 1000 });
  const state = { ...initialState(of), axis: 'event' as const, span: wholeOf(of, 'event') };

  it('is chosen, with a little room around it', () => {
    const { selection, span } = framed(state, of, { from: 480, to: 600 });
    expect(selection).toEqual({ from: 480, to: 600 });
    expect(span).toEqual({ from: 470, to: 610 });
  });

  it('keeps inside the recording', () => {
    expect(framed(state, of, { from: 0, to: 1000 }).span).toEqual({ from: 0, to: 1000 });
  });

  it('may be a single event', () => {
    const { span } = framed(state, of, { from: 999, to: 1000 });
    expect(span.from).toBeLessThanOrEqual(999);
    expect(span.to).toBe(1000);
  });
});
