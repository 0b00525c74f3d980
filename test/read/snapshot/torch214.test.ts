/**
 * What PyTorch 2.12 to 2.14 add to a snapshot, read to the byte: the pool of every event, metadata, compiled regions,
 * forward passes, pinned host memory, what the recording says of its ring; and what no version writes yet, named.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { seriesOf } from '../../../src/aggregate/device-columns.ts';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { gonePools } from '../../../src/analyze/ledger/private-pool-use.ts';
import { hostMemoryStatsOf } from '../../../src/analyze/recording/host-memory-stats.ts';
import { memoryStatsOf } from '../../../src/analyze/recording/memory-stats.ts';
import { settingsOfSnapshot } from '../../../src/replay/alloc-conf-snapshot.ts';
import { isFaithful } from '../../../src/replay/replay-result.ts';
import { OP } from '../../../src/replay/requests.ts';
import { selfReplay } from '../../../src/replay/self-replay.ts';
import { whatIf } from '../../../src/replay/what-if.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION, ACTIONS, NONE } from '../../../src/trace/schema.ts';
import { differenceOf } from '../../trace/compare-sources.ts';
import { fixtureBytes, fixturePath, readSnapshot, snapshotOf, withoutFastPath } from './fixtures.ts';

const read = (name: string): Promise<SourceData> => snapshotOf(fixtureBytes(name));
const statsIn = (name: string): Record<string, number> =>
  JSON.parse(readFileSync(fixturePath(name), 'utf8')) as Record<string, number>;
const gpuOf = ({ devices }: SourceData): DeviceTrace => devices.find(({ producer }) => producer === 'torch')!;
const hostOf = ({ devices }: SourceData): DeviceTrace =>
  devices.find(({ producer }) => producer === 'torch_host')!;
const rowsOf = ({ events }: DeviceTrace, action: number): number[] =>
  [...events.action.keys()].filter((row) => events.action[row] === action);

describe('a snapshot of PyTorch 2.14', () => {
  it('is one device and the host, without a warning', async () => {
    const data = await read('torch214.pickle');
    expect(data.producer).toBe('PyTorch 2.14 or newer (by its layout)');
    expect(data.warnings).toEqual([]);
    expect(data.skipped).toBe(0);
    expect(data.devices.map(({ device, producer }) => [device, producer])).toEqual([
      [0, 'torch'],
      [-1, 'torch_host'],
    ]);
    expect(data.rows).toBe(gpuOf(data).events.length + hostOf(data).events.length);
  });

  it.each(['the C++ writer', 'the machine alone'])('is the same by %s', async (how) => {
    const other =
      how === 'the C++ writer'
        ? await read('torch214.cpp.pickle')
        : await withoutFastPath(() => read('torch214.pickle'));
    const whole = await read('torch214.pickle');
    expect(differenceOf(whole, other)).toBeNull();
    expect(gpuOf(whole).details).not.toBeUndefined();
  });

  it('names the pool of every event, one that was dropped included', async () => {
    const gpu = gpuOf(await read('torch214.pickle'));
    const { pool, pool_ids } = gpu.details!;
    expect(pool_ids).toEqual(['', '(0, 1)', '(300, 0)']);
    const idOf = (row: number): string => pool_ids[pool![row] - 1];
    expect(rowsOf(gpu, ACTION.segment_alloc).map(idOf)).toEqual(['', '', '(0, 1)', '(0, 1)', '(300, 0)', '']);
    expect(rowsOf(gpu, ACTION.segment_free).map(idOf)).toEqual(['(0, 1)', '(0, 1)']);
    // The dropped pool is in no final state: without the record nothing would tell of it.
    expect(gpu.segments!.pool_id).toEqual(['', '', '(300, 0)', '']);
  });

  it('keeps metadata, compiled regions, annotations and forward passes', async () => {
    const data = await read('torch214.pickle');
    const gpu = gpuOf(data);
    const { details } = gpu;
    const told = (column: Uint32Array | null): [string, string][] =>
      [...column!]
        .map((text, row): [string, string] => [ACTIONS[gpu.events.action[row]], details!.texts[text]])
        .filter(([, text]) => text !== '');
    expect(told(details!.user_metadata)).toEqual([
      ['alloc', 'request 7'],
      ['annotate', 'saved for backward'],
    ]);
    expect(told(details!.compile_context)).toEqual([
      ['segment_alloc', 'Torch-Compiled Region: 0/0'],
      ['alloc', 'Torch-Compiled Region: 0/0'],
    ]);
    const [row] = [...details!.forward_stack!.keys()].filter((at) => details!.forward_stack![at] !== NONE);
    const frames = [
      { name: 'forward', filename: '/opt/run/model.py', line: 33 },
      { name: '<module>', filename: '/opt/run/train.py', line: 90 },
    ];
    expect(data.stacks.stack(details!.forward_stack![row])).toEqual(frames);
    const forward = [...gpu.blocks!.forward_stack!].filter((node) => node !== NONE);
    expect(forward.map((node) => data.stacks.stack(node))).toEqual([frames]);
  });

  it('replays with its private pools to the byte', async () => {
    const data = await read('torch214.pickle');
    const gpu = gpuOf(data);
    const baseline = baselineOf(gpu);
    expect(baseline).toMatchObject({ fromEmpty: true, whole: true });
    const replay = selfReplay(gpu, settingsOfSnapshot(data.settings).settings, true);
    expect(isFaithful(replay)).toBe(true);
    expect(replay.fidelity.chosen).toBe(replay.fidelity.requests);
    const truth = statsIn('torch214.memory_stats.json');
    const stats = memoryStatsOf(gpu, baseline.whole, replay);
    expect(Object.keys(truth)).toHaveLength(96);
    expect(Object.fromEntries(Object.keys(truth).map((key) => [key, stats[key]]))).toEqual(truth);
    // Of the pool that is gone there is no key, as in PyTorch.
    expect(Object.keys(stats).filter((key) => key.includes('by_private_pools.0_1'))).toEqual([]);
  });

  it('has a curve of its private pools, and knows the one that is gone', async () => {
    const gpu = gpuOf(await read('torch214.pickle'));
    const series = seriesOf(gpu, baselineOf(gpu));
    const end = (id: string): number => {
      const spec = series.find((one) => one.id === id)!;
      const words = spec.deltas!();
      const deltas = new BigInt64Array(words.buffer, words.byteOffset, words.length / 2);
      return spec.initial + Number(deltas.reduce((sum, delta) => sum + delta, 0n));
    };
    expect([end('private_pools'), end('private_pool (0, 1)'), end('private_pool (300, 0)')]).toEqual([
      20 << 20,
      0,
      20 << 20,
    ]);
    expect(gonePools(gpu)).toMatchObject([{ id: '(0, 1)', peak: 22 << 20, now: 0 }]);
    // Without the record nothing tells of them.
    const { details, ...older } = gpu;
    expect(details?.pool).not.toBeNull();
    expect(gonePools(older)).toEqual([]);
    expect(seriesOf(older, baselineOf(older)).map(({ id }) => id)).not.toContain('private_pools');
  });

  it('asked what if nothing were changed, gives a dropped pool back alone, and by itself', async () => {
    const data = await read('torch214.pickle');
    const gpu = gpuOf(data);
    const { settings } = settingsOfSnapshot(data.settings);
    const replay = selfReplay(gpu, settings, true);
    expect(replay.causes).toEqual({ retry: 0, collection: 0, available: 0, empty_cache: 0 });
    expect(replay.requests.op.filter((op) => op === OP.drop_pools)).toHaveLength(1);
    const place = {
      streamRank: replay.streamRank,
      pools: 1 + replay.privatePools.length,
      addresses: replay.addresses,
    };
    const { stats } = whatIf(replay.requests, place, { settings, limit: Infinity, capacity: Infinity });
    const truth = statsIn('torch214.memory_stats.json');
    for (const key of Object.keys(truth).filter((one) => !one.includes('by_private_pools')))
      expect([key, stats[key]]).toEqual([key, truth[key]]);
  });

  it.each(['torch214.ring', 'torch214.late'])('%s: led from the middle, pools are known', async (name) => {
    const data = await read(`${name}.pickle`);
    const gpu = gpuOf(data);
    const baseline = baselineOf(gpu);
    const replay = selfReplay(gpu, settingsOfSnapshot(data.settings).settings, baseline.fromEmpty);
    expect(isFaithful(replay)).toBe(true);
    expect(replay.privatePools).toEqual(['(0, 2)']);
    const truth = statsIn(`${name}.memory_stats.json`);
    const stats = memoryStatsOf(gpu, baseline.whole, replay);
    expect(Object.keys(stats).length).toBeGreaterThan(20);
    for (const [key, value] of Object.entries(stats)) expect([key, value]).toEqual([key, truth[key]]);
  });
});

describe('a recording of PyTorch 2.11', () => {
  it('has metadata, and a private pool that was dropped without a record of it', async () => {
    const data = await read('mempool.pickle');
    const gpu = gpuOf(data);
    expect(data.warnings).toEqual([]);
    const { details, events } = gpu;
    expect(details!.pool).toBeNull();
    const labelled = [...details!.user_metadata!].map((text) => details!.texts[text]);
    expect(labelled.filter((text) => text !== '')).toEqual(['request 7', 'request 7']);
    expect(labelled.slice(0, 2)).toEqual(['request 7', 'request 7']);
    const truth = statsIn('mempool.memory_stats.json');
    const replay = selfReplay(gpu, settingsOfSnapshot(data.settings).settings, true);
    const stats = memoryStatsOf(gpu, baselineOf(gpu).whole, replay);
    expect(Object.keys(stats).length).toBeGreaterThan(100);
    for (const [key, value] of Object.entries(stats)) expect([key, value]).toEqual([key, truth[key]]);
    expect(events.length).toBe(163);
  });
});

describe('pinned host memory', () => {
  it('has every figure of host_memory_stats that its events tell', async () => {
    const host = hostOf(await read('torch214.pickle'));
    expect(baselineOf(host)).toMatchObject({ fromEmpty: true, whole: true });
    expect(hostMemoryStatsOf(host, true)).toEqual(statsIn('torch214.host_memory_stats.json'));
  });

  it.each(['torch214.ring', 'torch214.late'])('%s: what is now, to the byte', async (name) => {
    const host = hostOf(await read(`${name}.pickle`));
    expect(baselineOf(host)).toMatchObject({ fromEmpty: false, whole: false, known: true });
    const truth = statsIn(`${name}.host_memory_stats.json`);
    const stats = hostMemoryStatsOf(host, false);
    expect(Object.keys(stats)).toHaveLength(4);
    for (const [key, value] of Object.entries(stats)) expect([key, value]).toEqual([key, truth[key]]);
  });

  it('has curves that end in the final state, and the least that was asked for', async () => {
    const host = hostOf(await read('torch214.pickle'));
    const truth = statsIn('torch214.host_memory_stats.json');
    const ends = Object.fromEntries(
      seriesOf(host, baselineOf(host)).map((spec) => {
        const words = spec.deltas!();
        const deltas = new BigInt64Array(words.buffer, words.byteOffset, words.length / 2);
        return [spec.id, spec.initial + Number(deltas.reduce((sum, delta) => sum + delta, 0n))];
      }),
    );
    expect(ends['reserved']).toBe(truth['allocated_bytes.current']);
    expect(ends['active']).toBe(truth['active_bytes.current']);
    // One block of 4 MiB is in use; another waits for its copy.
    expect(ends['allocated']).toBe(4 << 20);
    expect(ends['requested']).toBe(2 * ((2 << 20) + 1));
    expect(Object.keys(ends)).toHaveLength(4);
  });
});

describe('what no version writes yet', () => {
  it('is kept where it has a place, and named where it has none', async () => {
    const { data, error } = await readSnapshot(fixtureBytes('torch214.unknown.pickle'));
    expect(error).toBeNull();
    const gpu = gpuOf(data);
    expect(gpu.events.action[4]).toBe(ACTION.unknown);
    expect(gpu.details!.texts[gpu.details!.action_name![4]]).toBe('defragment');
    expect(gpu.details!.texts[gpu.details!.user_metadata![3]]).toBe('{"layer":3,"kind":"attention"}');
    expect(data.warnings.map(({ message }) => message)).toEqual([
      'key "block.owner" is not understood and was left out (1 times)',
      'key "segment.numa_node" is not understood and was left out (1 times)',
      'key "event.numa_node" is not understood and was left out (1 times)',
      'key "snapshot.uvm_segments" is not understood and was left out (1 times)',
      'event action "defragment" is not understood; its 1 events count as "unknown"',
    ]);
  });
});

describe('what the recording says of its ring', () => {
  it('is a fact', async () => {
    expect(gpuOf(await read('torch214.pickle')).ring).toEqual({ maxEntries: Infinity, overflowed: false });
    const data = await read('torch214.ring.pickle');
    expect(gpuOf(data).ring).toEqual({ maxEntries: 120, overflowed: true });
    // Of the host's own ring nothing is told.
    expect(hostOf(data).ring).toBeUndefined();
  });
});
