import { describe, expect, it } from 'vitest';
import type { ReplayAnswer } from '../../../src/engine/protocol.ts';
import { percentOf, replayTrust, signedBytes, signedInteger } from '../../../src/view/replay/replay.ts';
import { describeRun, runChart, runLegend } from '../../../src/view/replay/replay-curve.ts';
import type { ReplayRun } from '../../../src/view/replay/replay-runs.ts';
import {
  RECORDED_KEY,
  baselineOf,
  runTable,
  runWords,
  runsTable,
} from '../../../src/view/replay/replay-runs.ts';
import { GIB, MIB, replayAnswer, whatIfAnswer } from './replay-for-test.ts';

const fidelity = (changes: Partial<ReplayAnswer['fidelity']>): ReplayAnswer['fidelity'] => ({
  ...replayAnswer().fidelity,
  ...changes,
});
const value = (answer: ReplayAnswer, name: string) =>
  replayTrust(answer, 'binary').facts.find((fact) => fact.name === name);

describe('how far a replay can be trusted', () => {
  it('is exact where nothing differs and nothing is unknown', () => {
    expect(replayTrust(replayAnswer(), 'binary')).toMatchObject({
      trust: 'exact',
      heading: 'Replayed exactly',
      line: 'All 3,179 requests get the recorded block, all 104 segments and 538 blocks end as in the snapshot, reserved memory never differs.',
    });
  });

  it.each<[string, Partial<ReplayAnswer>]>([
    ['a request chose another block', { fidelity: fidelity({ chosen: 3178 }) }],
    ['a size is not known', { fidelity: fidelity({ unknownSizes: 1 }) }],
    ['a cause is not certain', { fidelity: fidelity({ causesCertain: false }) }],
    ['there is no final state', { fidelity: fidelity({ state: null }) }],
    ['memory was in use before', { fromEmpty: false }],
    [
      'the reserved curve is off on the way',
      { unled: { ...replayAnswer().unled, largestDifference: 1, largestDifferenceRow: 3 } },
    ],
    [
      'a key of memory_stats is off',
      { unled: { ...replayAnswer().unled, differentKeys: ['inactive_split.all.peak'] } },
    ],
    ['the peak is off', { unled: { ...replayAnswer().unled, reservedPeakDifference: -1 } }],
  ])('is close, not exact, where %s', (_, changes) => {
    expect(replayTrust(replayAnswer(changes), 'binary').trust).toBe('close');
  });

  it('says how many keys of memory_stats are off', () => {
    const { line } = replayTrust(
      replayAnswer({ unled: { ...replayAnswer().unled, differentKeys: ['a.all.peak', 'b.all.peak'] } }),
      'binary',
    );
    expect(line).toContain('Left alone, 2 of 121 keys of memory_stats differ from the recording.');
  });

  it('says by how much it is off and what is not known', () => {
    const { line } = replayTrust(
      replayAnswer({
        fromEmpty: false,
        fidelity: fidelity({ chosen: 3000, unknownSizes: 2 }),
        unled: { ...replayAnswer().unled, largestDifference: 20 * MIB, largestDifferenceRow: 77 },
      }),
      'binary',
    );
    expect(line).toContain('3,000 of 3,179 requests get the recorded block');
    expect(line).toContain(`off by at most 20 MiB (0.2 % of the peak)`);
    expect(line).toContain(
      'Not known: how memory in use before the recording came to be and the true size of 2 blocks.',
    );
  });

  it.each([
    [81 * MIB, 'close'],
    [83 * MIB, 'rough'],
  ])('%i bytes off of 8 GiB are %s', (bytes, trust) => {
    const { unled } = replayAnswer();
    const onTheWay = replayAnswer({ unled: { ...unled, largestDifference: bytes, largestDifferenceRow: 1 } });
    expect(replayTrust(onTheWay, 'binary').trust).toBe(trust);
    const atThePeak = replayTrust(
      replayAnswer({ unled: { ...unled, reservedPeakDifference: -bytes } }),
      'binary',
    );
    expect(atThePeak.trust).toBe(trust);
    expect(atThePeak.line.includes('Figures of other settings are estimates')).toBe(trust === 'rough');
  });

  it('names settings as unknown only where more than the fraction is assumed', () => {
    const { settings } = replayAnswer();
    const origins = { ...settings.origins, maxSplitSize: 'assumed' as const };
    const line = (answer: ReplayAnswer): string => replayTrust(answer, 'binary').line;
    expect(line(replayAnswer())).not.toContain('Not known');
    expect(line(replayAnswer({ settings: { ...settings, origins } }))).toContain('Not known: some settings.');
  });

  it('refuses where the model does not follow the recording, and says why', () => {
    const state = { ...replayAnswer().fidelity.state!, blocksEqual: 530 };
    const trust = replayTrust(
      replayAnswer({ faithful: false, fidelity: fidelity({ unplaced: 3, firstUnplaced: [5, 6, 8], state }) }),
      'binary',
    );
    expect(trust.trust).toBe('refused');
    expect(trust.line).toContain(
      '3 events fit no state of the model and only 530 of 538 blocks end as in the snapshot.',
    );
    expect(trust.facts.find(({ name }) => name === 'Events without a place')?.rows).toEqual([5, 6, 8]);
  });

  it('gives every byte of a difference, with its sign and its event', () => {
    const answer = replayAnswer({
      unled: {
        reservedPeak: 8 * GIB - 2 * MIB,
        reservedPeakDifference: -2 * MIB,
        largestDifference: 4 * MIB,
        largestDifferenceRow: 12,
        keys: 121,
        differentKeys: [],
        stats: {},
      },
    });
    expect(value(answer, 'Difference')).toMatchObject({ value: '−2 MiB', title: '−2,097,152 bytes' });
    expect(value(answer, 'Largest difference after a request')).toMatchObject({
      title: '4,194,304 bytes',
      rows: [12],
    });
  });

  it('tells why memory went back, and the limit that was met', () => {
    const answer = replayAnswer({
      causes: { retry: 2, collection: 0, available: 0, empty_cache: 5 },
      limitBounds: [4 * GIB, Infinity],
    });
    expect(value(answer, 'Memory went back to the driver')?.value).toBe(
      '2 by a failed request and 5 by empty_cache()',
    );
    expect(value(answer, 'Memory limit that was met')?.value).toBe('at least 4 GiB');
    expect(value(replayAnswer(), 'Memory limit that was met')).toBeUndefined();
  });
});

describe('differences', () => {
  it('are signed, and what is there is never told as nothing', () => {
    expect([percentOf(1, 100), percentOf(-12.34, 100), percentOf(0.05, 100), percentOf(0, 5)]).toEqual(
      ['+1.0', '−12.3', '+0.1', '0'].map((text) => `${text} %`),
    );
    expect(percentOf(1, 1e9)).toBe('< +0.1 %');
    expect(percentOf(3, 0)).toBe('–');
    expect(signedBytes(-1536, 'binary')).toBe('−1.5 KiB');
    expect(signedInteger(1234)).toBe('+1,234');
  });
});

const run = (changes: Partial<ReplayRun> = {}): ReplayRun => ({
  id: 1,
  name: 'max_split_size_mb:32',
  changes: [],
  line: null,
  answer: whatIfAnswer(),
  ...changes,
});
const recorded = baselineOf(replayAnswer());

describe('a run beside the recording', () => {
  it('is compared with the recorded settings replayed where those give other figures than the recording', () => {
    expect(recorded).toMatchObject({ label: 'Recorded', note: null });
    const answer = replayAnswer();
    const stats = { ...answer.stats, num_device_alloc: 90 };
    const other = baselineOf({ ...answer, unled: { ...answer.unled, stats } });
    expect(other.label).toBe('Recorded settings');
    expect(other.note).toContain('does not give the recorded figures');
    expect(runTable(other, run(), 'binary').rows[3].cells[1].text).toBe('90');
  });

  it('has both figures, the difference, its bytes and its share', () => {
    const [reserved, , , mallocs, , retries] = runTable(recorded, run(), 'binary').rows;
    expect(reserved.cells.map(({ text }) => text)).toEqual([
      'Reserved, peak',
      '8 GiB',
      '6 GiB',
      '−2 GiB',
      '−2,147,483,648',
      `−25.0 %`,
    ]);
    expect(mallocs.cells.map(({ text }) => text)).toEqual([
      'cudaMalloc calls',
      '104',
      '200',
      '+96',
      '',
      `+92.3 %`,
    ]);
    expect(retries.cells.at(-1)?.text).toBe('–');
  });

  it('leaves out what a side does not tell', () => {
    const [reserved] = runTable({ ...recorded, stats: {} }, run(), 'binary').rows;
    expect(reserved.cells.map(({ text }) => text)).toEqual(['Reserved, peak', '–', '6 GiB', '–', '', '–']);
  });

  it('says in words what it comes to', () => {
    expect(runWords(recorded, run({ changes: ['without mlp'] }), 'binary')).toBe(
      `The reserved peak is 6 GiB instead of 8 GiB, 2 GiB (25.0 %) less, under max_split_size_mb:32; without mlp.`,
    );
    expect(runWords(recorded, run({ answer: whatIfAnswer({ stats: recorded.stats }) }), 'binary')).toContain(
      'stays the same, 8 GiB to the byte',
    );
  });

  it('stands in one table with the others, the recording first', () => {
    const { rows, columns } = runsTable(recorded, [run(), run({ id: 7, name: 'the defaults' })], 'binary');
    expect(rows.map(({ key }) => key)).toEqual([RECORDED_KEY, '1', '7']);
    expect(rows.every(({ cells }) => cells.length === columns.length)).toBe(true);
    expect(rows[1].cells[2].text).toBe(`−25.0 %`);
    expect(rows[0].cells[2].text).toBe('');
  });
});

describe('the curve of a run', () => {
  const curveOf = (values: readonly number[]) => {
    const column = Float64Array.from(values, (gib) => gib * GIB);
    return { first: column, min: column, max: column, last: column };
  };
  const curve = {
    range: { axis: 'time' as const, from: 0, to: 4e9 },
    x: Float64Array.of(0, 1e9, 2e9, 3e9),
    recorded: curveOf([1, 2, 3, 3]),
    replayed: { ...curveOf([1, 2, 2, 2]), max: Float64Array.of(1, 2, 6, 2).map((gib) => gib * GIB) },
  };

  it('is drawn with the recorded one, on one axis for both', () => {
    const chart = runChart(curve, new Set(), 'binary', 800, 220);
    expect(chart.curves.map(({ id }) => id)).toEqual(['recorded', 'replayed']);
    expect(chart.leftTicks.at(-1)?.at).toBeGreaterThanOrEqual(6 * GIB);
    const alone = runChart(curve, new Set(['replayed']), 'binary', 800, 220);
    expect(alone.curves.map(({ id }) => id)).toEqual(['recorded']);
    expect(alone.leftTicks).toEqual(chart.leftTicks);
  });

  it('reads out all that a column holds under the pointer, the end without one', () => {
    const values = (at: number | null): string[] =>
      runLegend(curve, new Set(), at, 'binary').map((entry) => entry.value);
    expect(values(null)).toEqual(['3 GiB', '2 GiB']);
    expect(values(2.5e9)).toEqual(['3 GiB', '2 GiB – 6 GiB']);
    expect(values(-1)).toEqual(['', '']);
  });

  it('is told in words', () => {
    expect(describeRun(curve, 'binary')).toBe(
      'Reserved memory from 0 s to 4.000 s. Highest recorded 3 GiB, highest replayed 6 GiB.',
    );
  });
});
