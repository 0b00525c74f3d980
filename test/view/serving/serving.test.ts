/** A server's KV cache, its use, requests by size and growth, as tables and words. */
import { rankNamed } from '../../base/rank-for-test.ts';
import { describe, expect, it } from 'vitest';
import type { Cell, TableModel } from '../../../src/view/parts/table.ts';
import { kvModel, rangeText } from '../../../src/view/serving/serving.ts';
import { parseGpus } from '../../../src/view/serving/serving-given.ts';
import { gaugeGrowthTable } from '../../../src/view/serving/serving-growth.ts';
import { requestsModel } from '../../../src/view/serving/serving-requests.ts';
import { stateWord, usageModel } from '../../../src/view/serving/serving-usage.ts';
import { bucket, buckets, gaugeGrowth, kv, usage, usageWindow, whatIf } from './serving-for-test.ts';

function cellOf(table: TableModel | null, row: number, column: string): Cell {
  const index = table?.columns.findIndex(({ id }) => id === column) ?? -1;
  const found = table?.rows[row]?.cells[index];
  if (found === undefined) throw new Error(`There is no cell ${column} in row ${row}.`);
  return found;
}
const textOf = (table: TableModel | null, row: number, column: string): string =>
  cellOf(table, row, column).text;
const columnsOf = (table: TableModel | null): string[] => table?.columns.map(({ id }) => id) ?? [];

describe('a range', () => {
  it('is "a to b", and one figure where both ends read the same', () => {
    const text = (value: number): string => value.toFixed(1);
    expect(rangeText({ least: 1, most: 2 }, text)).toBe('1.0 to 2.0');
    expect(rangeText({ least: 1.01, most: 1.02 }, text)).toBe('1.0');
  });
});

describe('the KV cache', () => {
  const factOf = (label: string, changes = {}, unit: 'binary' | 'decimal' = 'binary') =>
    kvModel(kv(changes), unit).facts.find((fact) => fact.label === label);

  it('has its figures in the unit of the user, with every digit behind them', () => {
    expect(factOf('KV cache')).toMatchObject({
      text: '30.5 GiB on TP1, which has least',
      title: '32,802,812,723 ± 5,368,710 (printed digits) bytes',
    });
    expect(factOf('KV cache', {}, 'decimal')?.text).toBe('32.8 GB on TP1, which has least');
    expect(factOf('Bytes a token, one rank')?.text).toBe('64 KiB');
    expect(factOf('Blocks')?.text).toBe('31,284 of 16 tokens');
    expect(factOf('Requests of full length at once')?.text).toBe('3.82, as printed');
    expect(factOf('Parallel')?.text).toBe('tensor 2, pipeline 1');
  });

  it('of one rank names none', () => {
    expect(factOf('KV cache', { ranks: 1, leastRank: rankNamed('') })?.text).toBe('30.5 GiB');
    expect(factOf('KV cache', { leastRank: rankNamed('') })?.text).toBe(
      '30.5 GiB on the rank that has least',
    );
  });

  it('leaves out what was not printed, and says so', () => {
    const changes = { bytes: null, bytesPerToken: null, missing: ['bytes of the KV cache', 'dtype'] };
    expect(factOf('KV cache', changes)).toBeUndefined();
    expect(kvModel(kv(changes), 'binary').words).toEqual([
      'Not in the log: bytes of the KV cache and dtype.',
    ]);
  });

  it('is told apart by engine and start', () => {
    expect(kvModel(kv(), 'binary').heading).toBe('KV cache');
    expect(kvModel(kv({ engine: 'DP1', start: 2 }), 'binary').heading).toBe('KV cache, DP1, start 2');
  });

  it('is checked: as printed, as computed', () => {
    const { checks } = kvModel(kv(), 'binary');
    expect(checks?.rows[0].cells.map(({ text }) => text)).toEqual([
      'concurrency = tokens / max-model-len',
      '3.82',
      '3.819',
      'yes',
    ]);
    const wrong = { what: 'blocks', printed: 100, computed: { least: 90, most: 95 }, agrees: false };
    const model = kvModel(kv({ checks: [wrong] }), 'binary');
    expect(model.checks?.rows[0].cells.map(({ text }) => text)).toEqual(['blocks', '100', '90 to 95', 'no']);
    expect(model.words).toContain('1 check does not agree: see below.');
    expect(kvModel(kv({ checks: [] }), 'binary').checks).toBeNull();
  });

  it('says which figure is from config.json and not printed', () => {
    const { checks } = kvModel(
      kv({
        checks: [
          {
            what: 'bytes per token and rank',
            printed: 65_536,
            computed: { least: 65_521.5, most: 65_545 },
            agrees: true,
          },
        ],
      }),
      'binary',
    );
    expect(textOf(checks, 0, 'printed')).toBe('65,536 (config.json)');
    expect(textOf(checks, 0, 'computed')).toBe('65,521.5 to 65,545 (from the log)');
  });

  it('takes from config.json what it gives, or says why it cannot', () => {
    const good = {
      error: null,
      bytesPerTokenPerRank: 65_536,
      tokens: null,
      copies: 2,
      notes: ['GQA of 8 heads.'],
    };
    expect(factOf('The same by config.json', { model: good })?.text).toBe('64 KiB');
    expect(factOf('Copies of each KV head', { model: good })?.text).toBe('2');
    expect(kvModel(kv({ model: good }), 'binary')).toMatchObject({ error: null, words: ['GQA of 8 heads.'] });
    const alone = { bytesPerToken: null, model: { ...good, tokens: { least: 4096, most: 4112 } } };
    const label = 'Bytes a token by config.json, tensor parallel 2, pipeline parallel 1';
    expect(factOf(label, { ...alone, tensorParallel: 2 })?.text).toBe('64 KiB');
    expect(factOf('Tokens by config.json', alone)?.text).toBe('4,096 to 4,112');
    const bad = { error: 'no layers', bytesPerTokenPerRank: null, tokens: null, copies: null, notes: [] };
    expect(kvModel(kv({ model: bad }), 'binary').error).toBe('no layers');
  });
});

describe('another setting', () => {
  const table = (changes = {}, unit: 'binary' | 'decimal' = 'binary') =>
    kvModel(kv({ whatIfs: [whatIf(changes)] }), unit).whatIfs;

  it('has its range of bytes, tokens and requests', () => {
    expect(textOf(table(), 0, 'bytes')).toBe('32.8 GiB');
    expect(textOf(table(), 0, 'gained')).toBe('+2.22 GiB');
    expect(textOf(table({}, 'decimal'), 0, 'gained')).toBe('+2.38 GB to +2.39 GB');
    expect(cellOf(table(), 0, 'gained').title).toBe('2,384,512,155 bytes to 2,385,049,026 bytes');
    expect(textOf(table(), 0, 'tokens')).toBe('536,912 to 536,960');
    expect(textOf(table(), 0, 'concurrency')).toBe('4.1');
  });

  it('that loses bytes has a minus', () => {
    const less = { bytesGained: { least: -2_385_049_026, most: -2_384_512_155 } };
    expect(textOf(table(less), 0, 'gained')).toBe('−2.22 GiB');
    expect(cellOf(table(less), 0, 'gained').sort).toBeLessThan(0);
  });

  it('that leaves the bytes says so', () => {
    expect(textOf(table({ bytesGained: { least: 0, most: 0 } }), 0, 'gained')).toBe('unchanged');
  });

  it('that is refused is no row of dashes but a sentence, one a reason', () => {
    const { whatIfs, whatIfWords } = kvModel(kv(), 'binary');
    expect(whatIfs?.rows.map(({ cells }) => cells[0].text)).not.toContain('--kv-cache-dtype fp8');
    expect(whatIfWords).toContain(
      'Not computed for --kv-cache-dtype fp8. The log says "auto" for the dtype of the KV cache.',
    );
    const silent = { ...kv().whatIfs[1], setting: '--max-model-len 4096' };
    expect(kvModel(kv({ whatIfs: [silent] }), 'binary').whatIfs).toBeNull();
  });

  it('says a note that rows share once, under the table', () => {
    const [first] = kv().whatIfs;
    const two = ['--a 1', '--a 2'].map((setting) => ({ ...first, setting, notes: ['Shared.', setting] }));
    const { whatIfs, whatIfWords } = kvModel(kv({ whatIfs: two }), 'binary');
    expect(whatIfs?.rows.map(({ cells }) => cells.at(-1)?.text)).toEqual(['--a 1', '--a 2']);
    expect(whatIfWords).toEqual(['--a 1 and --a 2: Shared.']);
  });
});

describe('the use of the cache', () => {
  it('has a word for each state, and colour only for those that hinder', () => {
    expect(usageModel(usage(), 'wall', 'binary')).toMatchObject({
      heading: 'Use of the KV cache, engine 000',
      verdict: 'Stuck',
      bad: true,
    });
    for (const verdict of ['full', 'filling', 'running', 'idle', 'unknown'] as const)
      expect(usageModel(usage({ verdict }), 'wall', 'binary').bad).toBe(false);
    expect(stateWord('made_up')).toBe('made up');
  });

  it('ends in a state of its own', () => {
    const { words } = usageModel(usage({ last: 'idle', missing: ['waiting'] }), 'wall', 'binary');
    expect(words.slice(1)).toEqual(['At the end: idle.', 'Not recorded: waiting.']);
    expect(usageModel(usage(), 'wall', 'binary').words).toHaveLength(1);
  });

  it('is shown by its windows', () => {
    const { windows } = usageModel(usage(), 'wall', 'binary');
    expect(textOf(windows, 0, 'state')).toBe('Filling');
    expect(textOf(windows, 0, 'length')).toBe('1 min 0.0 s');
    expect(textOf(windows, 0, 'usage')).toBe('12.0 % to 95.0 %');
    expect(textOf(windows, 1, 'usage')).toBe('99.0 %');
    expect(textOf(windows, 1, 'generation')).toBe('0');
    expect(columnsOf(windows)).not.toContain('preemptions');
    const one = usageWindow({ endNs: usageWindow().startNs, samples: 1 });
    expect(textOf(usageModel(usage({ windows: [one] }), 'wall', 'binary').windows, 0, 'length')).toBe('–');
  });

  it('has samples where the source has no times', () => {
    const windows = [usageWindow({ startNs: 0n, endNs: 6n, running: null, preemptions: 3 })];
    const table = usageModel(usage({ windows }), 'none', 'binary').windows;
    expect(textOf(table, 0, 'to')).toBe('sample 7');
    expect(columnsOf(table)).not.toContain('length');
    expect(cellOf(table, 0, 'running')).toMatchObject({ text: '–', title: 'not recorded' });
    expect(textOf(table, 0, 'preemptions')).toBe('3');
  });
});

describe('requests by size', () => {
  const told = buckets();
  const { words, table, memory } = requestsModel(told, 'binary');

  it('have the bounds of their class, and what they grew by', () => {
    expect(memory).toBe('Memory used, GPU 0, smi.log');
    expect(textOf(table, 0, 'bounds')).toBe('1 to 512');
    expect(textOf(table, 1, 'bounds')).toBe('513 to 2,048');
    expect(textOf(table, 2, 'bounds')).toBe('above 4,096');
    expect(textOf(table, 1, 'growth')).toBe('+888 MiB');
    expect(textOf(table, 1, 'before')).toBe('4.38 GiB to 4.44 GiB');
    expect(cellOf(table, 1, 'tokens')).toMatchObject({ text: '712 to 1,512', title: 'mean 1,245' });
  });

  it('without a step of their own did not grow by nothing', () => {
    expect(textOf(table, 0, 'growth')).toBe('0 B');
    expect(textOf(table, 2, 'growth')).toBe('–');
  });

  it('leave growth that is of several classes or of none in rows of its own, which sum', () => {
    expect(textOf(table, 3, 'growth')).toBe('+2 MiB');
    expect(textOf(table, 4, 'growth')).toBe('−1.06 GiB');
    const growths = table.rows.map((_, row) => cellOf(table, row, 'growth').sort).filter(Number.isFinite);
    expect(growths.reduce<number>((sum, bytes) => sum + Number(bytes), 0)).toBe(told.growth);
    expect(words).toContain('All growth sums to −200 MiB.');
  });

  it('say what is uncertain', () => {
    expect(words).toContain('It is printed to 1 MiB, so each step may be off by that much.');
    expect(words.some((text) => text.startsWith('10 requests may belong'))).toBe(true);
  });

  it('without memory have counts and tokens', () => {
    const bare = requestsModel(
      buckets({
        memory: null,
        join: 'none',
        growth: null,
        uncertain: 0,
        buckets: [bucket({ waiting: { min: 0, mean: 2, max: 4 } })],
      }),
      'binary',
    );
    expect(columnsOf(bare.table)).toEqual(['name', 'bounds', 'count', 'tokens', 'waiting']);
    expect(bare.table.rows).toHaveLength(1);
    expect(textOf(bare.table, 0, 'waiting')).toBe('0 to 4');
    expect(bare.words).toHaveLength(1);
  });
});

describe('growth of what was printed', () => {
  it('has its bound, or its slope, or neither', () => {
    const table = gaugeGrowthTable(
      [
        gaugeGrowth(),
        gaugeGrowth({
          kind: 'linear_leak',
          device: 3,
          labels: { pod: 'a' },
          boundBytes: null,
          slopeBytesPerSample: 33_554_432,
          slopeBytesPerSecond: 1_048_576,
        }),
        gaugeGrowth({ kind: 'cannot_tell', confidence: 'low', boundBytes: null }),
      ],
      'binary',
    );
    expect([0, 1, 2].map((row) => textOf(table, row, 'verdict'))).toEqual([
      'Grew, then stays',
      'Grows on',
      'Cannot tell',
    ]);
    expect([0, 1, 2].map((row) => textOf(table, row, 'figure'))).toEqual([
      'at 2.91 GiB',
      '32 MiB a sample, 1 MiB a second',
      '–',
    ]);
    expect(textOf(table, 1, 'gauge')).toBe('Allocated, GPU 3, pod a');
  });

  it('is no table where nothing was judged', () => {
    expect(gaugeGrowthTable([], 'binary')).toBeNull();
  });
});

it('a number of GPUs is a whole one, or none', () => {
  expect(parseGpus(' ')).toEqual({ ok: true, value: null });
  expect(parseGpus('8')).toEqual({ ok: true, value: 8 });
  for (const text of ['0', '-1', '1.5', '1e2', '0x8', 'eight', '1025'])
    expect(parseGpus(text)).toMatchObject({ ok: false });
});
