import { describe, expect, it } from 'vitest';
import {
  describeScatter,
  kindOf,
  nearFront,
  pointsOf,
  progressWords,
  rowWords,
  scatterModel,
  sweepTable,
  sweepWords,
} from '../../../src/view/replay/sweep.ts';
import { sortRows } from '../../../src/view/parts/table.ts';
import { GIB, SWEPT, sweepAnswer, sweepRow } from './replay-for-test.ts';

const points = pointsOf(sweepAnswer());
const all = [...SWEPT.keys()];
const model = (shown: readonly number[] = all) => scatterModel(points, shown, 'binary', 800, 300);

describe('the chart of a sweep', () => {
  it('tells what each setting is', () => {
    expect(all.map((row) => kindOf(points, row))).toEqual(['base', 'winner', 'front', 'other', 'fails']);
  });

  it('lays less memory to the left and fewer calls below, all inside', () => {
    const { points: drawn, left, right, top, bottom } = model();
    const at = (row: number) => drawn.find((point) => point.row === row)!;
    expect(at(1).x).toBeLessThan(at(0).x);
    expect(at(1).y).toBeLessThan(at(2).y);
    for (const { x, y } of drawn) {
      expect(x).toBeGreaterThanOrEqual(left);
      expect(x).toBeLessThanOrEqual(right);
      expect(y).toBeGreaterThanOrEqual(top);
      expect(y).toBeLessThanOrEqual(bottom);
    }
  });

  it('draws the winner last, over the others', () => {
    expect(model().points.at(-1)?.row).toBe(1);
  });

  it('has stairs through the front: no slope promises what no setting reaches', () => {
    const { front, points: drawn } = model([0, 1, 2]);
    const [first, last] = [1, 2].map((row) => drawn.find((point) => point.row === row)!);
    expect(front).toEqual([
      [first.x, first.y],
      [last.x, first.y],
      [last.x, last.y],
    ]);
  });

  it('counts in powers where calls differ by much, and says so', () => {
    expect(model().logarithmic).toBe(true);
    expect(model([0, 1, 2]).logarithmic).toBe(false);
    expect(model().yTicks.map(({ label }) => label)).toContain('1,000');
  });

  it('leaves out what lies far from the front, once there is one', () => {
    expect(nearFront(points)).toEqual([0, 1, 2, 4]);
    expect(nearFront({ ...points, front: [], winner: null })).toEqual(all);
  });

  it('draws one point and none', () => {
    const one = { rows: [sweepRow('', GIB, 3)], front: [0], winner: 0 };
    const drawn = scatterModel(one, [0], 'binary', 400, 300);
    expect(drawn.points.every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
    expect(scatterModel({ rows: [], front: [], winner: null }, [], 'binary', 400, 300).points).toEqual([]);
  });

  it('is told in words', () => {
    expect(describeScatter(points, 'binary')).toBe(
      '5 settings: reserved peak from 5 GiB to 40 GiB against calls of the driver. 2 settings lie on the front. The table below has the same points.',
    );
  });
});

describe('the table of a sweep', () => {
  it('has the points of the chart, each once, the least memory first', () => {
    const table = sweepTable(points, 'binary');
    expect(table.rows).toHaveLength(SWEPT.length);
    expect(sortRows(table, table.sort).map(({ key }) => key)).toEqual(['4', '1', '2', '0', '3']);
    expect(table.rows.map(({ cells }) => cells.at(-1)?.text)).toEqual([
      'as recorded',
      'least memory',
      'on the front',
      '',
      'fails',
    ]);
  });

  it('sorts the front to the top by its marks', () => {
    const marked = sortRows(sweepTable(points, 'binary'), { column: 'mark', direction: 'ascending' });
    expect(marked.map(({ key }) => key)).toEqual(['1', '0', '2', '3', '4']);
  });

  it('says so where the recorded settings are on the front', () => {
    const table = sweepTable({ ...points, front: [1, 0] }, 'binary');
    expect(table.rows[0].cells.at(-1)?.text).toBe('as recorded, on the front');
  });
});

describe('words of a sweep', () => {
  it('tell how far it is, and when it ends once that can be told', () => {
    expect(progressWords({ done: 50, total: 200 }, 'settings', 1000)).toBe(
      '50 of 200 settings in 1.00 s, about 3.00 s to go',
    );
    expect(progressWords({ done: 1, total: 200 }, 'settings', 20)).toBe('1 of 200 settings in 20.0 ms');
    expect(sweepWords(sweepAnswer())).toBe('5 settings in 3.05 s with 2 workers.');
  });

  it('tell a setting in full', () => {
    expect(rowWords(SWEPT[4], 'binary')).toBe(
      'max_split_size_mb:32: 5 GiB (5,368,709,120 bytes) reserved at the peak, 80 cudaMalloc and 0 cudaFree calls, 0 retries, 2 out-of-memory errors, inactive split at most 1 MiB.',
    );
  });
});
