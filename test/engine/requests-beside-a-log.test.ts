/** A request log beside a server's log: no curve of bytes, and the queue all the same. */
import { describe, expect, it } from 'vitest';
import { diagnoseFiles } from '../diagnose/logs-for-test.ts';

const two = (value: number): string => String(value).padStart(2, '0');
/** Running and waiting every ten seconds; waiting climbs by one each time. */
const server = (day: string): string =>
  [
    `INFO ${day} 10:00:00 [core.py:76] Initializing a V1 LLM engine (v0.10.2) with config: model='acme/tiny'`,
    ...Array.from(
      { length: 6 },
      (_, i) =>
        `INFO ${day} 10:00:${two(i * 10)} [loggers.py:123] Engine 000: Avg prompt throughput: 9.0 tokens/s, Avg generation throughput: 7.0 tokens/s, Running: 4 reqs, Waiting: ${i} reqs, GPU KV cache usage: 11.7%, Prefix cache hit rate: 0.0%`,
    ),
  ].join('\n');
const requests = [5, 15, 25]
  .map(
    (second, i) =>
      `2026-03-20 10:00:${two(second)},000 INFO request id=req-${i} input_tokens=${[100, 100, 9000][i]} output_tokens=5`,
  )
  .join('\n');

describe('requests by size beside the queue of a server', () => {
  it('share the clock of the log that runs longest, and say what was taken for granted', async () => {
    const dated = `started 2026-03-20\n${server('03-20')}`;
    const { clocks, requests: told } = await diagnoseFiles({ 'requests.log': requests, 'vllm.log': dated });
    expect(clocks.map(({ file, status, offsetNs }) => [file, status, offsetNs])).toEqual([
      ['requests.log', 'assumed', 0n],
      ['vllm.log', 'reference', 0n],
    ]);
    expect(clocks[1].sentence).toContain('no file has a curve of bytes');
    const [{ memory, buckets }] = told;
    expect(memory).toBeNull();
    const waiting = Object.fromEntries(buckets.map(({ name, waiting: queue }) => [name, queue]));
    expect(waiting['S']).toMatchObject({ min: 0, max: 1 });
    expect(waiting['XL']).toMatchObject({ min: 2, max: 2 });
  });

  it('have none where the logs are of other days', async () => {
    const dated = `started 2026-03-21\n${server('03-21')}`;
    const { requests: told } = await diagnoseFiles({ 'requests.log': requests, 'vllm.log': dated });
    expect(told[0].buckets.every(({ waiting }) => waiting === null)).toBe(true);
  });
});
