/** Prometheus' HTTP API: units, blanks, nameless series, answers one after the other. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { deviceOf, isBlank, metricOf } from '../../../src/read/metrics/metric-names.ts';
import { prometheusJsonReader as reader } from '../../../src/read/metrics/prometheus-json.ts';
import type { ReadOutcome } from '../../../src/read/reader.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const fixture = (name: string): string => readFileSync(`test/fixtures/prometheus-json/${name}`, 'utf8');
const gauges = (outcome: ReadOutcome) => outcome.data.readings!.gauges;
const messages = (outcome: ReadOutcome): string =>
  outcome.data.warnings.map(({ message }) => message).join('\n');

describe('query_range', () => {
  test.each([1, 11, 1 << 20])('bytes, times and labels, in chunks of %i bytes', async (chunkBytes) => {
    const outcome = await readBytes(reader, 'range.json', fixture('range.json'), { chunkBytes });
    expect(gauges(outcome).map(({ id, device, unit }) => [id, device, unit])).toEqual([
      ['DCGM_FI_DEV_FB_USED', 0, 'bytes'],
      ['DCGM_FI_DEV_FB_USED', 1, 'bytes'],
      ['DCGM_FI_DEV_MEM_COPY_UTIL', 0, 'ratio'],
      ['vllm:gpu_cache_usage_perc', null, 'ratio'],
      ['nameless', 0, 'count'],
    ]);
    const [used, second, copy, cache, nameless] = gauges(outcome);
    expect([...used.value]).toEqual([19818 * 1048576, 19820 * 1048576, NaN, NaN]);
    expect(used.time_ns[0]).toBe(1722500000123000000n);
    expect(used.labels).toMatchObject({ pod: 'train-0', UUID: 'GPU-1', Hostname: 'node' });
    expect(used.granularity).toBe(1048576);
    expect([...second.value]).toEqual([0, NaN]);
    expect(copy.value[0]).toBeCloseTo(0.37, 12);
    expect(copy.note).toContain('not how full');
    expect(cache.value[0]).toBe(0.25);
    expect(nameless.note).toContain('unit');
    expect(nameless.value[0]).toBe(20780679168);
    expect(messages(outcome)).toContain('node_cpu_seconds_total');
    expect(messages(outcome)).toMatch(/1 values say "no value"/);
    expect(messages(outcome)).toMatch(/1 infinite/);
    expect(outcome.data.skipped).toBe(1);
    expect(outcome.error).toBeNull();
  });

  test('a key order of its own changes nothing', async () => {
    const text =
      '{"data":{"result":[{"values":[[1,"2"]],"metric":{"gpu":"3","__name__":"DCGM_FI_DEV_FB_FREE"}}],"resultType":"matrix"},"status":"success"}';
    const [free] = gauges(await readBytes(reader, 'x', text));
    expect([free.id, free.device, [...free.value]]).toEqual(['DCGM_FI_DEV_FB_FREE', 3, [2097152]]);
  });
});

describe('query', () => {
  test('answers one after the other make one series, in order of time', async () => {
    const outcome = await readBytes(reader, 'x', fixture('vectors.jsonl'));
    expect(gauges(outcome)).toHaveLength(1);
    expect([...gauges(outcome)[0].time_ns]).toEqual([1722500000500000000n, 1722500015500000000n]);
    expect([...gauges(outcome)[0].value]).toEqual([1048576, 2690646016]);
  });

  test('an error of the server is told as one', async () => {
    const text = '{"status":"error","errorType":"bad_data","error":"parse error at char 3"}';
    const outcome = await readBytes(reader, 'x', text);
    expect(reader.sniff(inputFromBytes('unknown', text).head).score).toBeGreaterThan(0.5);
    expect(outcome.error).toMatchObject({ code: 'unsupported', file: 'x', format: 'prometheus-json' });
    expect(outcome.error?.message).toContain('parse error at char 3');
  });

  test('scalars, strings, histograms', async () => {
    const scalar = await readBytes(
      reader,
      'x',
      '{"status":"success","data":{"resultType":"scalar","result":[1722500000.5,"7"]}}',
    );
    expect([...gauges(scalar)[0].value]).toEqual([7]);
    const text = await readBytes(
      reader,
      'x',
      '{"status":"success","data":{"resultType":"string","result":[1,"a"]}}',
    );
    expect(text.error?.message).toContain('no samples');
    const histogram = await readBytes(
      reader,
      'x',
      '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1,{}]]}]}}',
    );
    expect(messages(histogram)).toContain('native histograms');
  });
});

test('is recognised by its content, and other JSON is not', () => {
  const sniff = (text: string): number => reader.sniff(inputFromBytes('unknown', text).head).score;
  expect(sniff(fixture('range.json'))).toBeGreaterThan(0.9);
  expect(sniff(fixture('vectors.jsonl'))).toBeGreaterThan(0.9);
  for (const other of [
    '{"traceEvents":[]}',
    '{"data":["x"]}\n{"Type":80}',
    '[[1,2,3,4]]',
    '{"a":1}',
    '# HELP x',
    '',
  ])
    expect(sniff(other), other).toBe(0);
});

test('cut and turned-over answers are read as far as they go', async () => {
  const text = fixture('range.json');
  for (let length = 1; length < text.length; length += 13) {
    const outcome = await readBytes(reader, 'x', text.slice(0, length));
    expect(outcome.data.warnings.length + (outcome.error === null ? 0 : 1), `${length}`).toBeGreaterThan(0);
  }
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += 7) {
    const flipped = bytes.slice();
    flipped[at] ^= 1 << (at % 7);
    const outcome = await readBytes(reader, 'x', flipped);
    for (const { time_ns, value } of gauges(outcome)) expect(time_ns.length).toBe(value.length);
  }
});

describe('metric names', () => {
  test.each([
    ['DCGM_FI_DEV_FB_TOTAL', 'bytes', 1048576],
    ['DCGM_FI_DEV_FB_USED_PERCENT', 'ratio', 1],
    ['nvidia_smi_memory_used_bytes', 'bytes', 1],
    ['vllm:kv_cache_usage_perc', 'ratio', 1],
    ['vllm:num_preemptions_total', 'count', 1],
    ['vllm:prefix_cache_hits_total', 'tokens', 1],
    ['my_gpu_memory_used_bytes', 'bytes', 1],
    ['my_gpu_memory_mib', 'bytes', 1048576],
  ])('%s', (name, unit, scale) => {
    expect(metricOf(name)).toMatchObject({ unit, scale });
  });

  test.each([
    'go_memstats_alloc_bytes',
    'process_resident_memory_bytes',
    'node_memory_MemFree_bytes',
    'vllm:time_to_first_token_seconds_bucket',
    'nvidia_smi_ecc_errors_corrected_aggregate_device_memory',
    'nvidia_smi_pci_bus',
    'up',
    'toString',
    '__proto__',
  ])('%s is none', (name) => {
    expect(metricOf(name)).toBeNull();
  });

  test('devices and blanks', () => {
    expect([deviceOf({ gpu: '2' }), deviceOf({ gpu: 'GPU-1', device: 'nvidia3' }), deviceOf({})]).toEqual([
      2,
      3,
      null,
    ]);
    expect(isBlank('DCGM_FI_DEV_FB_USED', Number('9223372036854775794'))).toBe(true);
    expect(isBlank('DCGM_FI_DEV_FB_USED', 2147483632)).toBe(true);
    expect(isBlank('nvidia_smi_memory_used_bytes', 2147483632)).toBe(false);
    expect(isBlank('DCGM_FI_DEV_FB_USED', 81559)).toBe(false);
  });
});
