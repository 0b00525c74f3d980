import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kvUsage, type EngineUsage, type UsageOptions } from '../../../src/analyze/server/kv-usage.ts';
import { logReader } from '../../../src/read/log.ts';
import type { Gauge, LogEvent } from '../../../src/trace/readings.ts';
import { readBytes, readPath } from '../../read/open-for-test.ts';

const SECOND = 1_000_000_000n;
const SEEDS = '../shared/seeds';
const PUBLIC = '../shared/public';

/** A line of vLLM's statistics: usage in %, running, waiting, tokens/s generated and prompted, hits in %. */
type Line = readonly [
  usage: number,
  running: number,
  waiting: number,
  generated: number,
  prompted?: number | undefined,
  hits?: number | undefined,
];

const COLUMNS = [
  ['Running', 'count', 1],
  ['Waiting', 'count', 2],
  ['Avg generation throughput', 'tokens_per_second', 3],
  ['Avg prompt throughput', 'tokens_per_second', 4],
] as const;

const gauge = (
  id: string,
  unit: Gauge['unit'],
  values: readonly number[],
  labels: Gauge['labels'] = { engine: '000' },
  seconds = 10,
): Gauge => ({
  id,
  label: id,
  unit,
  device: null,
  labels,
  time_ns: BigInt64Array.from(values, (_, i) => BigInt(i * seconds) * SECOND),
  value: Float64Array.from(values),
  granularity: 0,
  note: null,
});

function gauges(lines: readonly Line[], labels?: Gauge['labels']): Gauge[] {
  const hits = lines.map((line) => (line[5] ?? NaN) / 100);
  return [
    gauge(
      'GPU KV cache usage',
      'ratio',
      lines.map(([usage]) => Math.round(usage * 10) / 1000),
      labels,
    ),
    ...COLUMNS.map(([id, unit, at]) =>
      gauge(
        id,
        unit,
        lines.map((line) => line[at] ?? 0),
        labels,
      ),
    ),
    gauge('Prefix cache hit rate', 'ratio', hits, labels),
  ];
}
const judge = (
  lines: readonly Line[],
  options: UsageOptions = {},
  events: readonly LogEvent[] = [],
): EngineUsage => {
  const engines = kvUsage(gauges(lines), events, 'wall', options);
  expect(engines).toHaveLength(1);
  return engines[0];
};
const states = ({ windows }: EngineUsage): (readonly [string, number])[] =>
  windows.map(({ state, samples }) => [state, samples]);
const repeat = (count: number, line: Line): Line[] => Array.from({ length: count }, () => line);

const CLIMB: readonly Line[] = [
  [11.7, 5, 0, 77.2, 600],
  [24.6, 6, 0, 204.3, 1199.9],
  [50.8, 13, 0, 361.3, 1498.5],
  [94.9, 10, 0, 422.2, 2297.1],
  [99.3, 1, 0, 255, 800],
];

describe('KV-cache usage that climbs and stays', () => {
  it('is expected while requests make progress', () => {
    const usage = judge([...CLIMB, ...repeat(20, [99.3, 3, 4, 240, 50])]);
    expect(states(usage)).toEqual([
      ['filling', 3],
      ['full', 22],
    ]);
    expect(usage.verdict).toBe('full');
    expect(usage.sentence).toMatch(/expected.*94\.9 % to 99\.3 %.*4 waiting|expected.*0 to 4 waiting/);
    expect(usage.sentence).toContain('the memory of the device does not grow');
    expect(usage.evidence).toMatchObject({ samples: 22, startNs: 30n * SECOND, endNs: 240n * SECOND });
    expect(usage.evidence!.usage).toMatchObject({ min: 0.949, max: 0.993 });
  });

  it('is a stuck engine where requests wait, none runs and no token comes', () => {
    const usage = judge([...CLIMB, ...repeat(7, [99.3, 0, 12, 0])]);
    expect(usage.verdict).toBe('stuck');
    expect(usage.last).toBe('stuck');
    expect(usage.evidence).toMatchObject({
      samples: 7,
      startNs: 50n * SECOND,
      endNs: 110n * SECOND,
      generation: { max: 0 },
      waiting: { min: 12 },
    });
  });

  it('is stuck too where requests run and no token comes; not within a minute', () => {
    expect(judge([...CLIMB, ...repeat(7, [99.3, 2, 0, 0])]).verdict).toBe('stuck');
    // 50 seconds: one long prefill would look the same.
    const pause = judge([...CLIMB, ...repeat(6, [99.3, 2, 0, 0]), [99.3, 2, 0, 200]]);
    expect(pause.verdict).toBe('full');
    expect(judge([...CLIMB, ...repeat(6, [99.3, 2, 0, 0])], { stuckNs: 50n * SECOND }).verdict).toBe('stuck');
  });

  it('is not stuck where the prompts alone make progress', () => {
    expect(judge(repeat(9, [95, 2, 0, 0, 900])).verdict).toBe('full');
  });

  it('is held where nothing runs and nothing waits, and nothing where it falls to zero', () => {
    const held = judge([...CLIMB, ...repeat(7, [42, 0, 0, 0])]);
    expect(held.verdict).toBe('held');
    expect(held.sentence).toContain('A prefix cache does not count as in use');
    const idle = judge([...CLIMB, ...repeat(7, [0, 0, 0, 0])]);
    expect(states(idle).at(-1)).toEqual(['idle', 7]);
    expect(idle.verdict).toBe('full');
    // The usage of the last step, before its blocks are given back.
    expect(judge([...CLIMB, [99.3, 0, 0, 0], [0, 0, 0, 0]]).verdict).toBe('full');
  });

  it('cannot be judged from usage alone', () => {
    const [alone] = kvUsage(gauges(CLIMB).slice(0, 1), [], 'wall');
    expect(alone).toMatchObject({ verdict: 'unknown', missing: ['running', 'waiting', 'generation'] });
  });
});

describe('preemptions', () => {
  const line = (at: number): LogEvent => ({
    kind: 'preemption',
    time_ns: BigInt(at) * SECOND,
    device: null,
    text: '',
    figures: {},
    offset: 0,
  });
  const busy = repeat(20, [98, 8, 20, 150, 40]);

  it('are a storm from ten in a minute on', () => {
    const storm = judge(
      busy,
      {},
      Array.from({ length: 10 }, (_, i) => line(51 + 5 * i)),
    );
    expect(storm.verdict).toBe('preempting');
    expect(storm.evidence!.preemptions).toBe(10);
    expect(states(storm)).toEqual([
      ['full', 6],
      ['preempting', 5],
      ['full', 9],
    ]);
    const nine = Array.from({ length: 9 }, (_, i) => line(51 + 5 * i));
    expect(judge(busy, {}, nine).verdict).toBe('full');
    // The same ten, over more than a minute.
    const slow = Array.from({ length: 10 }, (_, i) => line(1 + 18 * i));
    expect(judge(busy, {}, slow).verdict).toBe('full');
  });

  it('are counted by a counter where lines tell of one in fifty only', () => {
    const counter = gauge('total_num_cumulative_preemption', 'count', [
      1,
      1,
      1,
      51,
      101,
      ...Array<number>(15).fill(101),
    ]);
    const [engine] = kvUsage([...gauges(busy), counter], [line(30), line(40)], 'wall');
    expect(engine.windows.map(({ state, preemptions }) => [state, preemptions])).toEqual([
      ['full', 0],
      ['preempting', 100],
      ['full', 0],
    ]);
  });

  it('do not hide an engine that makes no progress at all', () => {
    const events = Array.from({ length: 30 }, (_, i) => line(1 + 2 * i));
    expect(states(judge(repeat(8, [99, 3, 5, 0]), {}, events))).toEqual([['stuck', 8]]);
  });
});

describe('the prefix cache', () => {
  it('shows in falling hits as the cache fills, or in usage that is lower than its tokens', () => {
    const falling = CLIMB.map((line, i): Line => [line[0], line[1], line[2], line[3], line[4], 99.2 - 3 * i]);
    expect(judge(falling).prefixCache).toContain('fell from 99.2 % to 87.2 % while usage rose to 99.3 %');
    const steady = CLIMB.map((line): Line => [line[0] / 2, line[1], line[2], line[3], line[4], 80]);
    expect(judge(steady).prefixCache).toContain('80.0 % of the latest prompt tokens');
    const none = CLIMB.map((line): Line => [line[0], line[1], line[2], line[3], line[4], 0]);
    expect(judge(none).prefixCache).toBeNull();
    expect(judge(CLIMB).prefixCache).toBeNull();
  });
});

describe('series of other producers', () => {
  it('Prometheus: rates come of counters, a restart is no negative rate, engines stay apart', () => {
    const labels = { engine: '0', model_name: 'x' };
    const metrics = (usage: readonly number[], tokens: readonly number[], own: Gauge['labels']): Gauge[] => [
      gauge('vllm:kv_cache_usage_perc', 'ratio', usage, own, 15),
      gauge(
        'vllm:num_requests_running',
        'count',
        usage.map(() => 2),
        own,
        15,
      ),
      gauge(
        'vllm:num_requests_waiting',
        'count',
        usage.map(() => 1),
        own,
        15,
      ),
      gauge('vllm:generation_tokens', 'tokens', tokens, own, 15),
    ];
    const flat = Array<number>(8).fill(0.95);
    const engines = kvUsage(
      [
        ...metrics(flat, [0, 1500, 3000, 4500, 1500, 3000, 4500, 6000], labels),
        ...metrics(flat, Array<number>(8).fill(4500), { ...labels, engine: '1' }),
      ],
      [],
      'wall',
    );
    expect(engines.map(({ labels: { engine }, verdict }) => [engine, verdict])).toEqual([
      ['0', 'full'],
      ['1', 'stuck'],
    ]);
    expect(engines[0].evidence!.generation).toMatchObject({ min: 100, max: 100 });
  });

  it('SGLang: batches of both kinds, ranks apart', async () => {
    const at = (seconds: number): string => `[2026-08-01 23:43:${String(seconds).padStart(2, '0')} TP0]`;
    const log = [10, 20, 30, 40]
      .map(
        (s, i) =>
          `${at(s)} Prefill batch. #new-seq: 1, #new-token: 7, #cached-token: 2, token usage: 0.${20 * (i + 1)}, #running-req: 0, #queue-req: 3, \n` +
          `${at(s + 1)} Decode batch. #running-req: 1, #token: 40, token usage: 0.${20 * (i + 1)}, cuda graph: True, gen throughput (token/s): 17.39, #queue-req: 0, `,
      )
      .join('\n');
    const { data } = await readBytes(logReader, 'server.log', log);
    const { gauges: read, events, clock } = data.readings!;
    const [engine] = kvUsage(read, events, clock);
    expect(engine.labels).toEqual({ rank: 'TP0' });
    expect(engine.verdict).toBe('filling');
    expect(engine.missing).toEqual([]);
  });

  it('lines without times are judged by their number', () => {
    const lines = [...CLIMB, ...repeat(5, [99.3, 0, 12, 0])];
    const ordinals = (count: number): Gauge[] =>
      gauges([...CLIMB, ...repeat(count, [99.3, 0, 12, 0])]).map((each) => ({
        ...each,
        time_ns: BigInt64Array.from(each.time_ns, (_, i) => BigInt(i)),
      }));
    expect(lines).toHaveLength(10);
    expect(kvUsage(ordinals(5), [], 'none')[0].verdict).toBe('full');
    expect(kvUsage(ordinals(6), [], 'none')[0].verdict).toBe('stuck');
  });
});

describe.skipIf(!existsSync(SEEDS))('the lines of "GPU not free gpu memory"', () => {
  it('are a cache that fills, and no stuck engine', async () => {
    const name = readdirSync(SEEDS).find((file) => file.startsWith('002'))!;
    const { data } = await readPath(logReader, `${SEEDS}/${name}`);
    const { gauges: read, events, clock } = data.readings!;
    const [engine] = kvUsage(read, events, clock);
    expect(states(engine)).toEqual([
      ['filling', 5],
      ['full', 2],
    ]);
    expect(engine.verdict).toBe('full');
    expect(engine.sentence).toContain('expected');
    expect(engine.evidence!.usage).toMatchObject({ first: 0.949, last: 0.993 });
    expect(engine.prefixCache).toContain('fell from 99.2 % to 89.1 %');
  });
});

describe.skipIf(!existsSync(PUBLIC))('logs of real servers', () => {
  it.each([
    ['vllm/v0.6.4.post1_V0_llama3_8b.log', 'idle'],
    ['vllm/v0.25.1_V1_laguna_int4_gb10.log', 'running'],
    ['sglang/sglang_laguna_int4.log', 'running'],
  ])('%s: %s', async (path, verdict) => {
    const { data } = await readPath(logReader, `${PUBLIC}/${path}`);
    const { gauges: read, events, clock } = data.readings!;
    const engines = kvUsage(read, events, clock);
    expect(engines.map((engine) => engine.verdict)).toEqual([verdict]);
  });
});
