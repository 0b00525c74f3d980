/** Sweeps: settings of one effect are served once, the front and the winner, and what is said of them. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { USUAL_HISTORY } from '../../src/replay/driver-addresses.ts';
import { paretoFront } from '../../src/replay/pareto.ts';
import { OP, RequestBuilder, type Requests } from '../../src/replay/requests.ts';
import { DEFAULT_SETTINGS, type AllocatorSettings } from '../../src/replay/settings.ts';
import { concludeSweep, type SweepConclusion } from '../../src/replay/sweep-conclusion.ts';
import { confOf, Effects } from '../../src/replay/sweep-effect.ts';
import { POPULAR_ADVICE, sweepGrid } from '../../src/replay/sweep-grid.ts';
import { serve, type SweepLimits, sweepRound, type SweepRow, winnerOf } from '../../src/replay/sweep.ts';
import { type ReplayPlace, whatIf } from '../../src/replay/what-if.ts';
import { replayOf, settingsFrom, snapshotAt, statsOfTruth, TRUTH_FOLDER, truthOf } from './recordings.ts';

const MIB = 1 << 20;
const PLACE: ReplayPlace = { streamRank: [0], pools: 1, addresses: USUAL_HISTORY };
const FREE: SweepLimits = { limit: Infinity, capacity: Infinity };

/** Requests by sizes in MiB: "+a 30" asks, "-a" frees. */
function requestsFrom(...steps: readonly string[]): Requests {
  const builder = new RequestBuilder(2 * steps.length, steps.length);
  const numbers = new Map<string, number>();
  steps.forEach((step, row) => {
    const [name, size] = step.slice(1).split(' ');
    if (step.startsWith('+')) {
      numbers.set(name, builder.make(Number(size) * MIB, 0, 0, 0));
      builder.step(OP.alloc, numbers.get(name)!, row);
    } else {
      builder.step(OP.free_requested, numbers.get(name)!, row);
      builder.step(OP.free_completed, numbers.get(name)!, row);
    }
  });
  return builder.finish();
}

function sweepAll(
  requests: Requests,
  place: ReplayPlace,
  limits: SweepLimits,
  base: AllocatorSettings = DEFAULT_SETTINGS,
): { rows: SweepRow[]; rounds: number[]; told: SweepConclusion } {
  const effects = new Effects(requests, limits.limit !== Infinity);
  const rows: SweepRow[] = [];
  const rounds: number[] = [];
  for (let round; (round = sweepRound(effects, base, rows)).length > 0;) {
    rounds.push(round.length);
    rows.push(...round.map((settings) => serve(requests, place, settings, limits)));
  }
  return { rows, rounds, told: concludeSweep(rows, effects) };
}

const rowOf = (reservedPeak: number, calls: number, more: Partial<SweepRow> = {}): SweepRow => ({
  settings: DEFAULT_SETTINGS,
  conf: '',
  reservedPeak,
  inactiveSplitPeak: 0,
  deviceAllocs: calls,
  deviceFrees: 0,
  calls,
  retries: 0,
  ooms: 0,
  firstFailure: null,
  ...more,
});

describe('the Pareto front', () => {
  it('holds what nothing beats in both, the least memory first, equals once', () => {
    const rows = [
      rowOf(10, 5),
      rowOf(8, 7),
      rowOf(9, 7),
      rowOf(8, 9),
      rowOf(20, 1),
      rowOf(8, 7),
      rowOf(20, 5),
    ];
    expect(paretoFront(rows)).toEqual([1, 0, 4]);
  });

  it('leaves out what does not count', () => {
    expect(paretoFront([rowOf(10, 5), rowOf(1, 1)], ({ calls }) => calls > 1)).toEqual([0]);
    expect(paretoFront([])).toEqual([]);
  });
});

describe('the winner', () => {
  it('reserves least; among equals it calls the driver least; it fails nothing that was served', () => {
    const firstFailure = { step: 0, row: 0, bytes: 1 };
    expect(winnerOf([rowOf(9, 1), rowOf(8, 5), rowOf(8, 4), rowOf(1, 1, { firstFailure, ooms: 1 })])).toBe(2);
    expect(winnerOf([rowOf(9, 1, { ooms: 1 }), rowOf(10, 1)])).toBe(1);
    expect(winnerOf([rowOf(9, 1, { conf: null })])).toBeNull();
    expect(winnerOf([rowOf(9, 1, { firstFailure })])).toBeNull();
  });
});

describe('settings of one effect', () => {
  const requests = requestsFrom('+a 30', '+b 12', '-a', '+c 3', '+d 28');
  const key = (effects: Effects, conf: string): string => effects.keyOf(settingsFrom(conf));

  it.each([
    ['max_split_size_mb:31', ''],
    ['max_non_split_rounding_mb:64', ''],
    ['max_split_size_mb:30,max_non_split_rounding_mb:20', 'max_split_size_mb:30'],
    ['garbage_collection_threshold:0.5', ''],
    ['roundup_power2_divisions:[64:2,>:0]', 'roundup_power2_divisions:2'],
    ['roundup_power2_divisions:[32:0,>:8]', ''],
  ])('%s is as good as "%s"', (conf, same) => {
    const effects = new Effects(requests, false);
    expect(key(effects, conf)).toBe(key(effects, same));
  });

  it.each([
    ['max_split_size_mb:30', ''],
    ['max_split_size_mb:24,max_non_split_rounding_mb:64', 'max_split_size_mb:24'],
    ['large_segment_size_mb:40', ''],
    ['roundup_power2_divisions:2', ''],
    ['expandable_segments:True,max_split_size_mb:128', 'expandable_segments:True'],
  ])('%s is not "%s"', (conf, other) => {
    const effects = new Effects(requests, false);
    expect(key(effects, conf)).not.toBe(key(effects, other));
  });

  it('collects garbage under a limit, and not in expandable segments', () => {
    const effects = new Effects(requests, true);
    expect(key(effects, 'garbage_collection_threshold:0.5')).not.toBe(key(effects, ''));
    expect(key(effects, 'garbage_collection_threshold:0.5,expandable_segments:True')).toBe(
      key(effects, 'expandable_segments:True'),
    );
  });

  it('large_segment_size_mb acts on nothing where no request shares a segment', () => {
    const effects = new Effects(requestsFrom('+a 30', '+b 12'), false);
    expect(key(effects, 'large_segment_size_mb:40')).toBe(key(effects, ''));
    expect(key(effects, 'large_segment_size_mb:40,expandable_segments:True')).not.toBe(
      key(effects, 'expandable_segments:True'),
    );
  });

  it.each([Infinity, 2600 * MIB])(
    'give equal statistics, key by key, on a real recording under a limit of %s',
    async (limit) => {
      const data = await snapshotAt(join(TRUTH_FOLDER, 'layers22_0.pickle.gz'));
      const { requests: real, streamRank, addresses } = replayOf(data, data.devices[0]);
      const place = { streamRank, pools: 1, addresses };
      const effects = new Effects(real, limit !== Infinity);
      const run = (settings: AllocatorSettings) =>
        whatIf(real, place, { settings, limit, capacity: Infinity }).stats;
      const confs = [
        'max_split_size_mb:4096',
        'max_split_size_mb:128,max_non_split_rounding_mb:512',
        'max_split_size_mb:2048,large_segment_size_mb:64,garbage_collection_threshold:0.7',
        'expandable_segments:True,garbage_collection_threshold:0.5,max_non_split_rounding_mb:100',
        'roundup_power2_divisions:[1:0,2:0,1024:8,>:4]',
        'roundup_power2_divisions:[256:1,512:2,1024:4,>:8],max_split_size_mb:900',
      ].map(settingsFrom);
      const changed = confs.filter((settings) => confOf(effects.canonical(settings)) !== confOf(settings));
      expect(changed.length).toBeGreaterThan(3);
      for (const settings of changed) expect(run(settings)).toEqual(run(effects.canonical(settings)));
    },
  );
});

describe('the grid', () => {
  it('begins with the settings compared with, holds the popular advice, and each effect once', async () => {
    const data = await snapshotAt(join(TRUTH_FOLDER, 'layers22_0.pickle.gz'));
    const { requests } = replayOf(data, data.devices[0]);
    for (const limited of [false, true]) {
      const effects = new Effects(requests, limited);
      const base = settingsFrom('max_split_size_mb:33');
      const grid = sweepGrid(effects, base);
      expect(grid[0]).toBe(base);
      const keys = grid.map((settings) => effects.keyOf(settings));
      expect(new Set(keys).size).toBe(keys.length);
      expect(keys.length).toBeGreaterThan(100);
      for (const conf of POPULAR_ADVICE) expect(keys).toContain(effects.keyOf(settingsFrom(conf)));
      for (const settings of grid) expect(settingsFrom(confOf(settings)!)).toEqual(settings);
    }
  });

  it('keeps a memory fraction in every setting', () => {
    const effects = new Effects(requestsFrom('+a 30'), true);
    const base = settingsFrom('per_process_memory_fraction:0.5');
    expect(new Set(sweepGrid(effects, base).map((one) => one.perProcessMemoryFraction))).toEqual(
      new Set([0.5]),
    );
  });
});

describe('a sweep of a recording', () => {
  const truth = truthOf('layers22');
  const base = snapshotAt(join(TRUTH_FOLDER, truth.base)).then((data) => replayOf(data, data.devices[0]));

  it('has the figures that the real allocator had, under every setting that was recorded', async () => {
    const { requests, streamRank, addresses } = await base;
    const place = { streamRank, pools: 1, addresses };
    const { rows, rounds, told } = sweepAll(requests, place, FREE);
    expect(rounds[0]).toBeGreaterThan(100);
    let compared = 0;
    truth.settings.forEach(({ conf, cap_mib }, at) => {
      const row = rows.find((one) => one.conf === conf);
      if (cap_mib > 0 || row === undefined) return;
      const stats = statsOfTruth(truth, at);
      compared++;
      expect([conf, row.reservedPeak, row.deviceAllocs, row.deviceFrees, row.retries]).toEqual([
        conf,
        stats['reserved_bytes.all.peak'],
        stats['num_device_alloc'],
        stats['num_device_free'],
        stats['num_alloc_retries'],
      ]);
    });
    expect(compared).toBeGreaterThan(1);
    const least = Math.min(...rows.map(({ reservedPeak }) => reservedPeak));
    expect(rows[told.winner!].reservedPeak).toBe(least);
    expect(told.front[0]).toBe(told.winner);
    if (told.verdict === 'helps') expect(told.line).toContain(`PYTORCH_CUDA_ALLOC_CONF=`);
  });
});

describe('what is said', () => {
  it('that nothing helps, where every setting reserves the same', () => {
    const { told, rows } = sweepAll(requestsFrom('+a 30', '+b 40'), PLACE, FREE);
    expect(told.verdict).toBe('nothing_helps');
    expect(told.line).toBeNull();
    expect(told.gain).toBe(0);
    expect(told.sentences[0]).toBe(
      `No setting helps: of ${rows.length} settings that can differ for these requests, none reserves less than the defaults, 70 MiB (73,400,320 bytes) at the peak.`,
    );
    expect(told.sentences).toContain(
      'garbage_collection_threshold does nothing here: there is no memory limit that it is a share of.',
    );
  });

  it('that popular advice makes it worse, with the numbers', () => {
    // 150 MiB is split for 100 and 50 by default; from 128 MiB on no smaller request may have a part of it.
    const steps = ['+a 150', '-a', '+b 100', '+c 50', '+d 50'];
    const { told, rows } = sweepAll(requestsFrom(...steps), PLACE, FREE);
    const advice = told.advice.find(({ conf }) => conf === 'max_split_size_mb:128')!;
    expect(rows[0].reservedPeak).toBe(200 * MIB);
    expect(rows[advice.row].reservedPeak).toBe(350 * MIB);
    expect(advice.change).toBe(0.75);
    expect(told.sentences).toContain(
      'The popular max_split_size_mb:128 makes it worse: 350 MiB (367,001,600 bytes) instead of 200 MiB (209,715,200 bytes) (+75.0 %), 4 calls of the driver instead of 2.',
    );
  });

  it('what rescues a request, where one fails under the settings compared with', () => {
    // 60 of a segment of 100 are in use: it cannot go back, and 80 more are beyond the limit.
    const split = sweepAll(requestsFrom('+a 100', '-a', '+b 60', '+c 80'), PLACE, {
      limit: 150 * MIB,
      capacity: Infinity,
    });
    expect(split.rows[0].firstFailure).toMatchObject({ row: 3, bytes: 80 * MIB });
    expect(split.told.verdict).toBe('rescues');
    expect(split.rows[split.told.winner!].firstFailure).toBeNull();
    expect(split.told.sentences[0]).toContain('Under the defaults 1 request fails.');
    expect(split.told.line).toMatch(/^PYTORCH_CUDA_ALLOC_CONF=/);
  });

  it('that the memory is too small, where every setting fails', () => {
    const { told } = sweepAll(requestsFrom('+a 60', '+b 60'), PLACE, {
      limit: 100 * MIB,
      capacity: Infinity,
    });
    expect(told).toMatchObject({ verdict: 'all_fail', winner: null, line: null, front: [] });
    expect(told.sentences[0]).toContain('The memory is too small, not badly cut.');
  });
});
