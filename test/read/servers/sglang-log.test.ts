import { rankText } from '../../../src/base/rank.ts';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { logReader } from '../../../src/read/log.ts';
import { inputFromBytes, readBytes } from '../open-for-test.ts';

const GIB = 2 ** 30;
const gib = (value: number): number => Math.round(value * GIB);
const fixture = readFileSync(new URL('../../fixtures/log/sglang-tp2.log', import.meta.url), 'utf8');

async function read(text: string) {
  const outcome = await readBytes(logReader, 'server.log', text);
  expect(outcome.error).toBeNull();
  expect(outcome.as?.format).toBe('sglang-log');
  return outcome.data;
}

describe('an SGLang log of two ranks', () => {
  it('tells what each rank takes, GB being 2^30', async () => {
    const { readings, warnings } = await read(fixture);
    expect(warnings).toEqual([]);
    expect(readings!.budgets.map(({ rank }) => rankText(rank))).toEqual(['TP0', 'TP1']);
    const [first, second] = readings!.budgets.map(({ parts }) => parts.map(({ id, value }) => [id, value]));
    expect(first).toEqual([
      ['free_at_start', gib(78.5)],
      ['weights', gib(30)],
      ['available', gib(48.5)],
      ['kv_cache', gib(10.21)],
      ['kv_cache', gib(10.21)],
      ['available', gib(27.9)],
      ['cuda_graphs', gib(1.4)],
      ['available', gib(26)],
      ['kv_cache_tokens', 148717],
      ['tokens_per_request', 65536],
      ['requests_at_once', 2048],
      ['available', gib(26)],
    ]);
    expect(second).toEqual([
      ['free_at_start', gib(78.4)],
      ['weights', gib(30)],
      ['available', gib(48.4)],
      ['kv_cache_tokens', 148717],
      ['kv_cache', gib(10.21)],
      ['kv_cache', gib(10.21)],
    ]);
  });

  it('has the series of both kinds of batches and the retraction, with full dates', async () => {
    const { readings } = await read(fixture);
    const last = Object.fromEntries(readings!.gauges.map(({ id, value }) => [id, [...value]]));
    expect(last).toEqual({
      '#new-seq': [1],
      '#new-token': [7],
      '#cached-token': [2],
      'token usage': [0.01, 0.02],
      '#running-req': [0, 1],
      '#queue-req': [3, 0],
      '#token': [40],
      'gen throughput (token/s)': [17.39],
    });
    expect(readings!.clock).toBe('local');
    expect(readings!.gauges.find(({ id }) => id === 'token usage')!.time_ns[0]).toBe(1785627826000000000n);
    expect(readings!.events).toEqual([
      expect.objectContaining({ kind: 'preemption', time_ns: 1785627835000000000n }),
    ]);
  });

  it('keeps no key, and says where a step does not add up', async () => {
    const { settings, warnings } = await read(fixture.replace('mem usage=1.40', 'mem usage=3.40'));
    expect(JSON.stringify(settings)).not.toMatch(/secret/);
    expect(warnings).toHaveLength(1);
    expect(warnings[0].message).toMatch(/Capture .* 2 GiB apart/);
  });

  it.each([
    [
      '[2025-01-01 00:00:00 TP0] KV Cache is allocated. #tokens: 20, KV size: 22.90 GB',
      [
        ['kv_cache_tokens', 20],
        ['kv_cache', gib(22.9)],
      ],
    ],
    [
      '[2025-01-01 00:00:00 TP0] KV Cache is allocated. K size: 1.50 GB, V size: 1.25 GB.',
      [
        ['kv_cache', gib(1.5)],
        ['kv_cache', gib(1.25)],
      ],
    ],
    [
      '[2025-01-01 00:00:00] Mamba Cache is allocated. max_mamba_cache_size: 48, conv_state size: 0.29GB, ssm_state size: 12.02GB ',
      [
        ['kv_cache', gib(0.29)],
        ['kv_cache', gib(12.02)],
      ],
    ],
    ['[2025-01-01 00:00:00 DP0 TP1] Load weight end. type=X, avail mem=7.25 GB', [['available', gib(7.25)]]],
  ])('%s', async (line, expected) => {
    const { readings } = await read(line);
    expect(readings!.budgets[0].parts.map(({ id, value }) => [id, value])).toEqual(expected);
  });

  it('is recognised by its content alone', () => {
    expect(logReader.sniff(inputFromBytes('unknown', fixture).head).score).toBeGreaterThan(0.9);
  });
});

it('a line that is printed twice at one time counts once: a logger with two handlers', async () => {
  const once = await read(fixture);
  const twice = await read(fixture.replace(/^.*\n/gm, (line) => line + line));
  expect(twice.readings!.budgets.map(({ parts }) => parts.map(({ id, value }) => [id, value]))).toEqual(
    once.readings!.budgets.map(({ parts }) => parts.map(({ id, value }) => [id, value])),
  );
  expect(twice.readings!.gauges.map(({ id, value }) => [id, [...value]])).toEqual(
    once.readings!.gauges.map(({ id, value }) => [id, [...value]]),
  );
  expect(twice.warnings.map(({ message }) => message).join()).toContain('printed twice');
});
