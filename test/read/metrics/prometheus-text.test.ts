/** Prometheus' text exposition: samples, scrapes, times, and values that stand for none. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSample } from '../../../src/read/metrics/prometheus-line.ts';
import { prometheusTextReader } from '../../../src/read/metrics/prometheus-text.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import type { Gauge } from '../../../src/trace/readings.ts';
import { inputFromBytes, readBytes, readPath, testContext } from '../open-for-test.ts';
import { expectLinear } from '../../work.ts';

const MIB = 1048576;
const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/prometheus-text/${name}`, import.meta.url), 'utf8');
const read = async (text: string | Uint8Array): Promise<SourceData> =>
  (await readBytes(prometheusTextReader, 'unknown', text)).data;
const gaugesOf = (data: SourceData): readonly Gauge[] => data.readings?.gauges ?? [];
const only = (data: SourceData, id: string, device: number | null = null): Gauge => {
  const found = gaugesOf(data).filter((gauge) => gauge.id === id && gauge.device === device);
  expect(found, id).toHaveLength(1);
  return found[0];
};

describe('a line', () => {
  it.each([
    ['a_metric 1', { name: 'a_metric', labels: {}, value: 1, ms: null }],
    ['a{} 6.8e+10', { name: 'a', labels: {}, value: 6.8e10, ms: null }],
    ['a{b="c",} -1.5 1722500000123', { name: 'a', labels: { b: 'c' }, value: -1.5, ms: 1722500000123 }],
    ['a{b="c"} 1 1722500000.123', { name: 'a', labels: { b: 'c' }, value: 1, ms: 1722500000123 }],
    ['a { b = "c" , d="" } +Inf', { name: 'a', labels: { b: 'c', d: '' }, value: Infinity, ms: null }],
    [
      'a{b="x\\\\y\\n\\"z\\"} 1, {"} NaN',
      { name: 'a', labels: { b: 'x\\y\n"z"} 1, {' }, value: NaN, ms: null },
    ],
    ['a_total 17 # {trace_id="x"} 0.5 1.2', { name: 'a_total', labels: {}, value: 17, ms: null }],
    ['{"odd.name", b="c"} 2', { name: 'odd.name', labels: { b: 'c' }, value: 2, ms: null }],
  ])('%s', (line, sample) => {
    expect(parseSample(line)).toEqual(sample);
  });

  it.each([
    '',
    'a',
    'a b',
    'a{b="c" 1',
    'a{b=c} 1',
    'a{b="c"}',
    'a 1 2 3',
    'a{b="c"} 1x',
    '{} 1',
    '1 2',
    'INFO: started 3',
  ])('%j is no sample', (line) => {
    expect(parseSample(line)).toBeNull();
  });
});

describe('one scrape', () => {
  it('of vLLM: gauges with their meaning, the configuration as a table, buckets counted', async () => {
    const data = await read(fixture('vllm.prom'));
    expect(only(data, 'vllm:gpu_cache_usage_perc')).toMatchObject({
      unit: 'ratio',
      labels: { engine: '0', model_name: 'a "quoted", {odd}\\name' },
      value: Float64Array.of(0.125),
      time_ns: BigInt64Array.of(0n),
    });
    expect(only(data, 'vllm:num_requests_running').value).toEqual(Float64Array.of(3));
    expect(data.rows).toBe(8);
    expect(data.settings).toContainEqual(['Samples of histogram buckets, not shown', '2']);
    const tables = data.readings?.tables ?? [];
    expect(tables.map(({ id }) => id)).toEqual(['vllm:cache_config_info', 'prometheus.others']);
    expect(tables[0].rows).toContainEqual(['gpu_memory_utilization', '0.9']);
    expect(tables[1].rows.map(([name, , , value]) => [name, value])).toEqual([
      ['vllm:e2e_request_latency_seconds_sum', 1.5],
      ['vllm:e2e_request_latency_seconds_count', 2],
      ['python_gc_objects_collected_total', 8413],
    ]);
    expect(data.producer).toContain('vLLM');
    expect(data.notRecorded[0]).toContain('One scrape is one moment');
  });

  it('of a metric nobody has documented, by the end of its name', async () => {
    const data = await read('gpu_memory_used_bytes 6.8e+10\ngpu_memory_total_bytes 8.2e+10\n');
    expect(only(data, 'gpu_memory_used_bytes')).toMatchObject({
      unit: 'bytes',
      value: Float64Array.of(6.8e10),
    });
  });
});

describe('several scrapes', () => {
  it('make series with ordinals; DCGM counts MiB, and its blank is a gap', async () => {
    const data = await read(fixture('dcgm-three-scrapes.prom'));
    const used = only(data, 'DCGM_FI_DEV_FB_USED', 0);
    expect(Array.from(used.value)).toEqual([19818 * MIB, 20000 * MIB, 20001 * MIB]);
    expect(Array.from(used.time_ns)).toEqual([0n, 1n, 2n]);
    expect(used).toMatchObject({ granularity: MIB, labels: { pod: 'serve-0', UUID: 'GPU-0a' } });
    expect(Array.from(only(data, 'DCGM_FI_DEV_FB_USED', 1).value)).toEqual([NaN, 500 * MIB, 501 * MIB]);
    const busy = only(data, 'DCGM_FI_DEV_MEM_COPY_UTIL', 0);
    expect(Array.from(busy.value)).toEqual([0.07, 0.08]);
    expect(busy.note).toContain('not how full');
    expect(data.readings?.clock).toBe('none');
    expect(data.warnings).toHaveLength(1);
    expect(data.warnings[0].message).toContain('not available');
  });

  it('have the times of lines between them', async () => {
    const scrape = 'gpu_memory_used_bytes{gpu="0"} 5\n';
    const data = await read(`=== 2026-11-21 09:12:29 ===\n${scrape}=== 2026-11-21 09:12:31 ===\n${scrape}`);
    const { time_ns } = only(data, 'gpu_memory_used_bytes', 0);
    expect(data.readings?.clock).toBe('local');
    expect(Array.from(time_ns, (ns) => new Date(Number(ns / 1_000_000n)).toISOString())).toEqual([
      '2026-11-21T09:12:29.000Z',
      '2026-11-21T09:12:31.000Z',
    ]);
  });

  it('have the times of their samples, which are Unix time, in order', async () => {
    const data = await read('gpu_memory_used_bytes 2 1722500002000\ngpu_memory_used_bytes 1 1722500001000\n');
    const used = only(data, 'gpu_memory_used_bytes');
    expect(data.readings?.clock).toBe('wall');
    expect(Array.from(used.time_ns)).toEqual([1722500001000000000n, 1722500002000000000n]);
    expect(Array.from(used.value)).toEqual([1, 2]);
  });
});

describe('bad input', () => {
  it('keeps what can be read and says where it went wrong', async () => {
    const text = 'gpu_memory_used_bytes{gpu="0"} 5\ngpu_memory_used_bytes{gpu="1} 6\nnot metrics at all\n';
    const data = await read(text);
    expect(data.rows).toBe(1);
    expect(data.skipped).toBe(1);
    expect(data.warnings).toEqual([{ message: 'A sample that cannot be read was left out.', offset: 33 }]);
    expect(data.settings).toContainEqual(['Lines that are no samples', '2']);
  });

  it('is an error where nothing can be read', async () => {
    const { error } = await readBytes(prometheusTextReader, 'x.prom', 'nothing here\n');
    expect(error).toMatchObject({ code: 'unrecognised', file: 'x.prom', format: 'prometheus-text' });
    expect(error?.advice).toContain('curl');
  });

  it('never throws', async () => {
    const whole = new TextEncoder().encode(fixture('vllm.prom') + fixture('dcgm-three-scrapes.prom'));
    let seed = 99;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 4294967296) * below);
    };
    for (let round = 0; round < 60; round++) {
      const damaged = whole.slice(0, random(whole.length) + 1);
      for (let flips = 0; flips < 30; flips++) damaged[random(damaged.length)] = random(256);
      const data = await read(damaged);
      for (const { time_ns, value } of gaugesOf(data)) expect(time_ns).toHaveLength(value.length);
    }
  });

  it('stops when asked to', async () => {
    const bytes = new TextEncoder().encode('gpu_memory_used_bytes 1\n'.repeat(400_000));
    const input = inputFromBytes('big.prom', bytes, { chunkBytes: 1 << 20 });
    await expect(prometheusTextReader.read(input, testContext(0))).rejects.toMatchObject({
      code: 'cancelled',
    });
  });

  it.each(['a{b="', 'a{', ',b="c"', '\\"', 'a ', '1 '])(
    'goes through a long line of %j no more often than through a short one',
    (unit) => expectLinear((times) => read(`a{b="c"} 1\na{${unit.repeat(times)}\n`), 5000),
  );
});

describe('sniffing', () => {
  const sniff = (text: string) => prometheusTextReader.sniff(inputFromBytes('unknown', text).head);

  it.each(readdirSync(new URL('../../fixtures/prometheus-text', import.meta.url)))(
    '%s is Prometheus text',
    (name) => {
      expect(sniff(fixture(name)).score).toBeGreaterThan(0.9);
    },
  );

  it('knows it without descriptions too', () => {
    expect(sniff('DCGM_FI_DEV_FB_USED{gpu="0"} 5\n').score).toBeGreaterThan(0.8);
    expect(sniff('gpu_memory_used_bytes 6.8e+10\n').score).toBeGreaterThan(0.5);
  });

  it.each([
    '',
    'loss 0.5\nloss 0.4\n',
    '# gpu fb\n# Idx MB\n 0 5\n',
    '{"status":"success"}',
    'INFO started\nINFO stopped\n',
    'a,b\n1,2\n',
  ])('%j is something else', (text) => {
    expect(sniff(text).score).toBeLessThan(0.5);
  });
});

const folder = '../shared/public/prometheus';
describe.skipIf(!existsSync(folder))('metrics in ../shared/public', () => {
  it('DCGM exporter on a T4', async () => {
    const { data, error } = await readPath(
      prometheusTextReader,
      join(folder, 'dcgm_exporter_T4_excerpt.prom'),
    );
    expect(error).toBeNull();
    expect(Array.from(only(data, 'DCGM_FI_DEV_FB_FREE', 0).value)).toEqual([15109 * MIB]);
    expect(gaugesOf(data)).toHaveLength(4);
  });

  it('nvidia_gpu_exporter on an H100: used, free and reserved are the total, to a MiB', async () => {
    const name = 'nvidia_gpu_exporter_linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01__load.metrics';
    const { data, error } = await readPath(prometheusTextReader, join(folder, name));
    expect(error).toBeNull();
    expect(data.skipped).toBe(0);
    const value = (id: string): number => only(data, `nvidia_smi_memory_${id}_bytes`, 0).value[0];
    expect(Math.abs(value('used') + value('free') + value('reserved') - value('total'))).toBeLessThanOrEqual(
      MIB,
    );
    expect(gaugesOf(data).filter(({ id }) => id === 'nvidia_smi_compute_app_used_memory_bytes')).toHaveLength(
      3,
    );
    const shown =
      gaugesOf(data).length +
      (data.readings?.tables ?? []).reduce((sum, table) => {
        return (
          sum +
          (table.id === 'prometheus.others'
            ? table.rows.length
            : table.id.endsWith('gpu_info')
              ? 1
              : table.rows.length)
        );
      }, 0);
    expect(shown).toBe(data.rows);
  });
});
