/** `vramscope ranks`: many ranks of one job, of which one is unlike the others. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { lineOf, medianOf, outliersOf } from '../../src/engine/ranks.ts';

const PAIRS = join(import.meta.dirname, '../fixtures/pairs');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-ranks-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    ['ranks', ...argv],
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

/** A folder of ranks; `b` are the numbers of those that load a second model. */
function job(name: string, count: number, b: readonly number[]): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (let rank = 0; rank < count; rank++)
    copyFileSync(
      join(PAIRS, `rank_loads_twice.${b.includes(rank) ? 'b' : 'a'}.pickle.gz`),
      join(path, `rank${rank}.pickle.gz`),
    );
  return path;
}

const MIB = 2 ** 20;

describe('outliers', () => {
  const values = (...mib: number[]): number[] => mib.map((one) => one * MIB);

  it('one far from others that are alike', () => {
    expect(outliersOf(values(1000, 1000, 1000, 1400, 1000))).toEqual([
      null,
      null,
      null,
      { bytes: 400 * MIB, distance: Infinity },
      null,
    ]);
    const spread = outliersOf(values(1000, 1010, 990, 1005, 995, 600));
    expect(spread.map((one) => one !== null)).toEqual([false, false, false, false, false, true]);
    expect(spread[5]!.bytes).toBeLessThan(0);
  });

  it('none where the others are as far from each other, where it is little, or where there are few', () => {
    expect(outliersOf(values(1000, 1400, 700, 1900, 1200)).every((one) => one === null)).toBe(true);
    expect(outliersOf(values(1000, 1000, 1000, 1000, 1007)).every((one) => one === null)).toBe(true);
    expect(outliersOf(values(100_000, 100_000, 100_000, 100_000, 100_900)).every((one) => one === null)).toBe(
      true,
    );
    expect(outliersOf(values(1, 1, 1000)).every((one) => one === null)).toBe(true);
  });

  it('the line that makes it one, also one that it has not', () => {
    const usual = [
      { place: 'a', bytes: 10 },
      { place: 'b', bytes: 90 },
    ];
    const ranks = [
      usual,
      usual,
      [
        { place: 'a', bytes: 10 },
        { place: 'c', bytes: 300 },
      ],
      usual,
    ];
    expect(lineOf(ranks, 2, 1)).toEqual({ place: 'c', bytes: 300 });
    expect(lineOf(ranks, 2, -1)).toEqual({ place: 'b', bytes: -90 });
    expect(lineOf(ranks, 0, 1)).toBeNull();
    expect([medianOf([3, 1, 2]), medianOf([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});

describe('a folder of ranks', () => {
  it('names the rank that is unlike the others, and its line', async () => {
    const { code, out, err } = await run(job('twice', 12, [10]));
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n')[0]).toMatch(
      /^rank10\.pickle\.gz \(device \d+\) is unlike the others: allocated at its peak is .* more than in the median of 12 ranks: `main \(rank_loads_twice\/train\.py:34\)` holds 12\.7 MiB more\.$/,
    );
    const order = [...out.matchAll(/^ {2}rank(\d+)\.pickle/gm)].map(([, rank]) => Number(rank)).slice(0, 12);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it('as an object', async () => {
    const { out } = await run(job('object', 5, [1]), '--json');
    const told = JSON.parse(out) as {
      ranks: { file: string; allocated_peak_bytes: number; lines: { place: string }[] }[];
      outliers: { file: string; figure: string; line: { place: string; difference_bytes: number } }[];
    };
    expect(told.ranks).toHaveLength(5);
    expect(told.outliers).toMatchObject([
      {
        file: 'rank1.pickle.gz',
        line: { place: 'main  rank_loads_twice/train.py:34', difference_bytes: 13277824 },
      },
    ]);
  });

  it('says where none is, and where there are too few', async () => {
    expect((await run(job('alike', 4, []))).out).toMatch(/^4 ranks, none of them unlike the others\./);
    expect((await run(job('few', 2, [1]))).out).toMatch(/^2 ranks are too few to tell/);
  });

  it('a file that cannot be read is told with exit code 3, and the others are shown', async () => {
    const path = job('damaged', 4, []);
    writeFileSync(join(path, 'rank4.pickle'), 'no recording\n');
    const { code, out, err } = await run(path);
    expect([code, err]).toEqual([3, expect.stringContaining('rank4.pickle')]);
    expect(out).toMatch(/^4 ranks/);
  });

  it.each([[], ['--lines', '0', 'x'], ['--jsno', 'x']])('unusable: %j', async (...argv) => {
    const { code, err } = await run(...argv.flat());
    expect([code, err]).toEqual([2, expect.stringContaining('usage: vramscope ranks')]);
  });

  it('nothing that tells of a device ends with 3', async () => {
    expect((await run(join(folder, 'absent'))).code).toBe(3);
  });
});

describe('a rank of which the recording is cut', () => {
  it('is in the table with lower bounds, judged by none, and named as such', async () => {
    const path = job('cut', 5, []);
    const whole = gunzipSync(readFileSync(join(PAIRS, 'rank_loads_twice.b.pickle.gz')));
    writeFileSync(join(path, 'rank5.pickle'), whole.subarray(0, Math.floor(0.9 * whole.length)));
    const { code, out, err } = await run(path);
    expect(code).toBe(3);
    expect(err).toContain('rank5.pickle');
    const [sentence] = out.split('\n');
    expect(sentence).toBe(
      '5 ranks, none of them unlike the others. Not judged, as its figures are lower bounds (the recording does not say what was there before it): rank5.pickle.',
    );
    expect(out).toMatch(/rank5\.pickle +0 .*at least /);
    const { outliers, ranks } = JSON.parse((await run(path, '--json')).out) as {
      outliers: unknown[];
      ranks: { exact: boolean }[];
    };
    expect(outliers).toEqual([]);
    expect(ranks.map(({ exact }) => exact)).toEqual([true, true, true, true, true, false]);
  });
});
