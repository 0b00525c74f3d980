/** `vramscope fleet report`: ranks that are unlike the others, and the line; groups that nothing names; two runs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUERIES } from '../../../src/cli/fleet/queries.ts';
import { groupsOfRanks, type GroupMember } from '../../../src/engine/rank-groups.ts';
import { trained } from '../../analyze/compare/trainer.ts';
import { makeRanks, type Planted } from '../../bench/make-ranks.ts';
import { pickleOfTrace } from '../../../src/trace/snapshot-pickle.ts';
import { ask, run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-fleet-'));
afterAll(() => rmSync(folder, { recursive: true }));
const MIB = 2 ** 20;
const RANKS = 96;

interface Told {
  readonly sentence: string;
  readonly ranks: number;
  readonly groups: readonly Record<string, unknown>[];
  readonly outliers: readonly (Record<string, unknown> & {
    readonly lines: readonly Record<string, unknown>[];
  })[];
  readonly growth: readonly Record<string, unknown>[];
  readonly changes: {
    readonly ranks: readonly Record<string, unknown>[];
    readonly lines: readonly Record<string, unknown>[];
  } | null;
}

describe('sixteen groups, five planted ranks and one that leaks', () => {
  const set = join(folder, 'set');
  let planted: readonly Planted[];
  let told: Told;
  beforeAll(async () => {
    planted = makeRanks(join(folder, 'job'), RANKS, 2000);
    expect((await run('facts', join(folder, 'job'), '--out', set)).code).toBe(0);
    told = JSON.parse((await run('fleet', 'report', set, '--json')).out) as Told;
  }, 180_000);

  it('finds the groups, which no path names', () => {
    expect(told.ranks).toBe(RANKS);
    expect(told.groups.map(({ rank_count: count }) => count)).toEqual(new Array(16).fill(RANKS / 16));
  });

  it('names the planted ranks and no other, each with its line', () => {
    const named = told.outliers.map(({ source }) => source);
    expect(new Set(named)).toEqual(new Set(planted.map(({ rank }) => `rank${rank}.pickle`)));
    for (const { rank, line } of planted) {
      const { lines } = told.outliers.find(({ source }) => source === `rank${rank}.pickle`)!;
      expect(lines[0]['line_place']).toMatch(line === 'apply' ? /Backward/ : new RegExp(line));
    }
  });

  it('as `vramscope ranks` does', async () => {
    const { outliers } = JSON.parse((await run('ranks', join(folder, 'job'), '--json')).out) as {
      outliers: { file: string; group_ranks: number; line: { place: string } }[];
    };
    expect(new Set(outliers.map(({ file }) => file))).toEqual(
      new Set(planted.map(({ rank }) => `rank${rank}.pickle`)),
    );
    for (const { file, group_ranks: ranks, line } of outliers) {
      expect(ranks).toBe(RANKS / 16);
      const { lines } = told.outliers.find(({ source }) => source === file)!;
      expect(line.place).toBe(lines[0]['line_place']);
    }
  }, 60_000);

  it('names the one that leaks, and its line', () => {
    const leaks = planted.filter(({ leaks: one }) => one).map(({ rank }) => `rank${rank}.pickle`);
    expect(told.growth.filter(({ growth }) => growth === 'linear_leak').map(({ source }) => source)).toEqual(
      leaks,
    );
    expect(told.growth[0]['line_place']).toMatch(/^head/);
  });

  it('prints the sentence first, and as many rows as asked for', async () => {
    const { out } = await run('fleet', 'report', set, '--rows', '2');
    expect(out.split('\n')[0]).toBe(told.sentence);
    expect(out).toMatch(/and 14 more \(--rows 16, or --json\)/);
  });

  it('sums of lines are what ranks hold', async () => {
    const rows = await ask(
      set,
      'select r.source from ranks r join (select source, device, sum(peak_requested_bytes) bytes from sites group by all) s using (source, device) where s.bytes <> r.requested_peak_bytes',
    );
    expect(rows).toEqual([]);
    expect(await ask(set, 'select count(*) n from rank_groups')).toEqual([{ n: RANKS }]);
  });
});

describe('two runs', () => {
  it('what changed, by line and by rank; a run against itself: nothing', async () => {
    const set = join(folder, 'runs');
    for (const [name, batch] of [
      ['before', 1],
      ['after', 2],
    ] as const) {
      const job = join(folder, name);
      mkdirSync(job);
      for (let rank = 0; rank < 4; rank++) {
        const { recording } = trained({ seed: 3, steps: 20, batch: rank === 2 ? batch : 1 });
        writeFileSync(
          join(job, `rank${rank}.pickle`),
          pickleOfTrace(recording.trace(), recording.stacks, [['PYTORCH_CUDA_ALLOC_CONF', '']]),
        );
      }
      expect((await run('facts', job, '--out', set)).code).toBe(0);
    }
    const report = async (a: string, b: string): Promise<Told> =>
      JSON.parse((await run('fleet', 'report', set, '--run', a, '--against', b, '--json')).out) as Told;
    const { changes } = await report('after', 'before');
    expect(changes!.ranks.map(({ source }) => source)).toEqual(['rank2.pickle']);
    const [{ requested_difference: requested }] = changes!.ranks;
    const differences = changes!.lines.map(({ difference_bytes: bytes }) => Number(bytes));
    expect(differences.reduce((sum, bytes) => sum + bytes, 0)).toBe(requested);
    expect(Number(requested)).toBeGreaterThan(MIB);
    const back = await report('before', 'after');
    expect(back.changes!.lines.map(({ difference_bytes: bytes }) => Number(bytes))).toEqual(
      differences.map((bytes) => -bytes),
    );
    const same = await report('after', 'after');
    expect(same.changes).toEqual({ ranks: [], lines: [] });
    const { out } = await run('fleet', 'report', set, '--run', 'after', '--against', 'after');
    expect(out).toMatch(/Nothing differs at the peaks/);
    const wrong = await run('fleet', 'report', set, '--run', 'never');
    expect(wrong.code).toBe(3);
    expect(wrong.err).toMatch(/there is no run "never"; there are after, before/);
  }, 60_000);
});

describe('groups of ranks without names', () => {
  const member = (name: string, peak: number, lines: Record<string, number>, label = ''): GroupMember => ({
    ...{ name, label, peak: peak * MIB },
    program: Object.keys(lines).sort().join(),
    lines: Object.entries(lines).map(([place, mib]) => ({ place, bytes: mib * MIB })),
  });
  const many = (count: number, of: (at: number) => GroupMember): GroupMember[] =>
    Array.from({ length: count }, (_, at) => of(at));

  it('by what they run and hold; one that fits none goes to the nearest', () => {
    const ranks = [
      ...many(4, (at) => member(`a${at}`, 1000, { load: 600, step: 400 })),
      ...many(4, (at) => member(`b${at}`, 2000, { load: 1600, step: 400 })),
      ...many(4, (at) => member(`c${at}`, 1000, { other: 1000 })),
      member('x', 1300, { load: 600, step: 400, keep: 300 }),
      member('y', 2300, { load: 1900, step: 400 }),
    ];
    const names = groupsOfRanks(ranks);
    expect(names.slice(0, 12)).toEqual(
      ['a', 'b', 'c'].flatMap((group) => new Array<string>(4).fill(`like ${group}0`)),
    );
    expect(names.slice(12)).toEqual(['like a0', 'like b0']);
  });

  it('one group where all do the same, where they are few, and where peaks are spread', () => {
    const spread = many(12, (at) => member(`r${at}`, 1000 + 90 * at, { load: 1000 + 90 * at }));
    for (const ranks of [
      many(8, (at) => member(`r${at}`, 1000, { load: 1000 })),
      many(3, (at) => member(`r${at}`, 1000 * at, { [`load${at}`]: 1 })),
      spread,
    ])
      expect(new Set(groupsOfRanks(ranks))).toEqual(new Set(['']));
  });

  it('a few that stand out together are no group among very many', () => {
    const ranks = [
      ...many(800, (at) => member(`r${at}`, 1000, { load: 1000 })),
      ...many(5, (at) => member(`o${at}`, 1500, { load: 1000, keep: 500 })),
    ];
    expect(new Set(groupsOfRanks(ranks))).toEqual(new Set(['']));
  });

  it('names in paths come first', () => {
    const ranks = [
      ...many(4, (at) => member(`a${at}`, 1000, { load: 1000 }, 'pp0')),
      ...many(4, (at) => member(`b${at}`, 1000, { load: 1000 })),
    ];
    expect(groupsOfRanks(ranks)).toEqual([
      ...new Array<string>(4).fill('pp0'),
      ...new Array<string>(4).fill(''),
    ]);
  });
});

describe('the questions of sql/', () => {
  it('name every column that a report asks for', () => {
    expect(Object.keys(QUERIES).length).toBeGreaterThanOrEqual(10);
    for (const sql of Object.values(QUERIES)) expect(sql).toMatch(/^-- [A-Z].*\n/);
  });
});
