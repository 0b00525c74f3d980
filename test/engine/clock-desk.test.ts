/** Sources of one run on one clock, offsets set by hand, and what contradicts: through the engine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { insideOf } from '../../src/analyze/clock/inside.ts';
import type { ClocksAnswer } from '../../src/engine/protocol.ts';
import { plainFinding } from '../../src/diagnose/plain-finding.ts';
import { diagnoseFiles, type Files, MIB, openFiles, smiHeader, smiRow } from '../diagnose/logs-for-test.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { sharedTraces } from '../shared-traces.ts';

const traces = sharedTraces();
const HOUR = 3_600_000_000_000n;
const SECOND = 1_000_000_000n;

/** The clocks alone, without a diagnosis of the devices. */
async function clocksOf(engine: Engine, id: number, offsetNs: bigint | null = null): Promise<ClocksAnswer> {
  const answer = await engine.setClockOffset(id, offsetNs);
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}
const clockOf = ({ clocks }: ClocksAnswer, file: string): ClocksAnswer['clocks'][number] =>
  clocks.find((clock) => clock.file === file)!;

/** A monitor of a GPU whose use steps often and by unlike amounts. */
function monitor(shift = 0, change: (second: number, used: number) => number = (_, used) => used): string[] {
  let used = 4000;
  const rows = Array.from({ length: 60 }, (_, i) => {
    if (i % 4 === 1) used += 40 + ((i * 37) % 211);
    return smiRow(2 * i + shift, change(2 * i, used));
  });
  return [smiHeader, ...rows];
}

describe('two monitors of one GPU', () => {
  it('agree on one clock', async () => {
    const { contradictions, compared, clocks } = await diagnoseFiles({
      'a.csv': monitor(),
      'b.csv': monitor(),
    });
    expect(clocks.map(({ status, offsetNs }) => [status, offsetNs])).toEqual([
      ['reference', 0n],
      ['found', 0n],
    ]);
    expect(compared).toBe(60);
    expect(contradictions).toEqual([]);
  });

  it('an offset is found; another set by hand wins, is marked so, and contradicts', async () => {
    const { engine, ids } = await openFiles({ 'a.csv': monitor(), 'b.csv': monitor(7200) });
    const id = ids.get('b.csv')!;
    const found = clockOf(await clocksOf(engine, id), 'b.csv');
    expect(found).toMatchObject({ status: 'found', offsetText: '-2 h' });
    expect(found.matched).toBe(found.of);
    const moved = await clocksOf(engine, id, -2n * HOUR + 9n * SECOND);
    expect(clockOf(moved, 'b.csv')).toMatchObject({ status: 'override', offsetNs: -2n * HOUR + 9n * SECOND });
    expect(clockOf(moved, 'b.csv').sentence).toContain('set by hand');
    expect(moved.contradictions.length).toBeGreaterThan(0);
    const again = await clocksOf(engine, id, null);
    expect(clockOf(again, 'b.csv').status).toBe('found');
    expect(again.contradictions).toEqual([]);
  });

  it('a planted sample is found, to the byte, and is a finding', async () => {
    const planted = monitor(0, (second, used) => (second === 60 ? used + 500 : used));
    const { contradictions, findings } = await diagnoseFiles({ 'a.csv': monitor(), 'b.csv': planted });
    expect(contradictions.length).toBeGreaterThan(0);
    const worst = contradictions.reduce((most, one) =>
      Math.abs(one.differenceBytes) > Math.abs(most.differenceBytes) ? one : most,
    );
    expect(worst.kind).toBe('different');
    // 500 MiB less one printed digit on either side.
    expect(Math.abs(worst.differenceBytes)).toBe(498 * MIB);
    expect(findings.filter(({ id }) => id === 'contradiction')).toHaveLength(1);
  });

  it('a source that carries no times cannot be moved; one that is closed is forgotten', async () => {
    const { engine, ids } = await openFiles({
      'a.csv': monitor(),
      'report.log': '[a] Allocated: 1.0 MB | Reserved: 2.1 MB\n[b] Allocated: 1.0 MB | Reserved: 2.1 MB\n',
    });
    const answer = await engine.setClockOffset(ids.get('report.log')!, 5n);
    expect(answer).toMatchObject({ ok: false, error: { code: 'unsupported' } });
    expect((await engine.setClockOffset(99, 5n)).ok).toBe(false);
    const before = await clocksOf(engine, ids.get('a.csv')!, 5n);
    expect(clockOf(before, 'a.csv')).toMatchObject({ status: 'override', offsetNs: 5n });
    await engine.close(ids.get('a.csv')!);
    const after = await engine.diagnosis();
    expect(after.ok && after.value.clocks.map(({ file }) => file)).toEqual(['report.log']);
  });
});

describe('times without a curve', () => {
  const at = (seconds: number): bigint => BigInt(Math.round(seconds * 1e9));
  const names = ['requests.log', 'recording'] as const;

  it('inside in one zone only: of that zone', () => {
    const found = insideOf([at(7210), at(7220)], 10, [at(5), at(22)], names);
    expect(found?.offsetNs).toBe(-2n * HOUR);
    expect(found?.sentence).toContain('UTC+02:00');
  });

  it('nothing is said of few times, of much room, or where they do not fit', () => {
    expect(insideOf([at(7210), at(7220)], 2, [at(5), at(22)], names)).toBeNull();
    expect(insideOf([at(7210), at(7220)], 10, [at(0), at(800)], names)).toBeNull();
    expect(insideOf([at(7210), at(7250)], 10, [at(5), at(22)], names)).toBeNull();
  });
});

describe.skipIf(traces === null)('serve: everything of one run together', () => {
  let engine: Engine;
  let ids: Map<string, number>;
  const NAMES = ['pickle', 'nvidia-smi.log', 'dmon.log', 'report.log', 'summaries.log', 'requests.log'];
  const text = (name: string): string => readFileSync(join(traces!, 'serve', name), 'utf8');

  beforeAll(async () => {
    const files = NAMES.map((name) => `serve.${name}`);
    const opened = await openFiles(
      Object.fromEntries(
        files.map((file) => [file, new Uint8Array(readFileSync(join(traces!, 'serve', file)))]),
      ),
    );
    ({ engine, ids } = opened);
  }, 120_000);

  it('is on one clock, and nothing contradicts', async () => {
    const answer = await clocksOf(engine, ids.get('serve.nvidia-smi.log')!);
    expect(
      answer.clocks.map(({ file, status, offsetNs, matched, of }) => [file, status, offsetNs, matched, of]),
    ).toEqual([
      ['serve.pickle', 'reference', 0n, 0, 0],
      ['serve.nvidia-smi.log', 'found', 0n, 4, 4],
      ['serve.dmon.log', 'found', 0n, 5, 5],
      ['serve.report.log', 'placed', null, 20, 21],
      ['serve.summaries.log', 'placed', null, 10, 10],
      ['serve.requests.log', 'inside', 0n, 0, 0],
    ]);
    expect(answer.contradictions).toEqual([]);
    expect(answer.compared).toBeGreaterThan(40);
    // What the driver counts besides grows by two pages while the model warms up: true, and no contradiction.
    expect(new Set(answer.observations.map(({ kind }) => kind))).toEqual(new Set(['non_torch_drift']));
  });

  it('planted: a line with 0.2 MB more, a monitor with 800 MiB less, a monitor moved by 4 s', async () => {
    const files: Files = {
      'line.log': text('serve.report.log').replace(
        '[after_request_2] Allocated: 3123.0 MB | Reserved: 4037.0 MB',
        '[after_request_2] Allocated: 3123.0 MB | Reserved: 4037.2 MB',
      ),
      'less.log': text('serve.nvidia-smi.log').replace(
        /(\d+) MiB, 81559/g,
        (_, used: string) => `${Number(used) - 800} MiB, 81559`,
      ),
    };
    const more: number[] = [];
    for (const [name, content] of Object.entries(files)) {
      const bytes = new TextEncoder().encode(content as string);
      more.push((await engine.open(9, new BytesSource(name, bytes), () => undefined))[0].id);
    }
    const { contradictions } = await clocksOf(engine, more[1]);
    const of = (file: string): string[] =>
      contradictions
        .filter(({ files: pair }) => pair[0] === file && pair[1] === 'serve.pickle')
        .map(({ kind }) => kind);
    expect(of('line.log')).toEqual(['never']);
    expect(of('less.log')).toEqual(['used_below_reserved']);
    for (const id of more) await engine.close(id);
    const smi = ids.get('serve.nvidia-smi.log')!;
    const moved = await clocksOf(engine, smi, 4n * SECOND);
    expect(moved.observations.some(({ kind }) => kind === 'non_torch_change')).toBe(true);
    expect((await clocksOf(engine, smi)).contradictions).toEqual([]);
  }, 60_000);

  it('requests are ten, by tag and by clock, and their growth sums exactly', async () => {
    const answer = await engine.diagnosis();
    if (!answer.ok) throw new Error(answer.error.message);
    const { requests, devices, findings } = answer.value;
    expect(devices[0].iterations.count).toBe(10);
    expect(requests.map(({ join: how }) => how)).toEqual(['tag', 'clock', 'clock']);
    for (const { buckets, mixed, idle, growth } of requests) {
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(10);
      const parts = buckets.reduce((sum, bucket) => sum + bucket.growth, 0);
      expect(parts + mixed.growth + idle.growth).toBeCloseTo(growth!, 0);
    }
    // Said once, by the recording; the lines and the summaries are facts of it.
    const plain = findings.map(plainFinding);
    const cache = plain.filter(({ id }) => id.startsWith('caching-allocator'));
    expect(cache.map(({ id }) => id)).toEqual(['caching-allocator']);
    const told = cache[0].evidence.map(({ text: fact }) => fact).join('\n');
    expect(told).toContain('serve.report.log tells the same');
    expect(told).toContain('serve.summaries.log tells the same');
    // Printed to 0.1 MB before and after empty_cache(): what the replay gives to the byte.
    expect(told).toContain('(4,901,000,000 bytes) to 3.5 GiB (3,756,000,000 bytes)');
    expect(Math.abs(cache[0].gainBytes! - (4_901_000_000 - 3_756_000_000))).toBeLessThan(100_000);
    // What a monitor saw has come to an end; no leak, by no source.
    const found = plain.map(({ id }) => id);
    expect(found).toContain('gauge-plateau');
    for (const wrong of ['gauge-growth', 'linear-leak', 'linear-leak-printed'])
      expect(found).not.toContain(wrong);
  }, 120_000);
});

describe.skipIf(traces === null)('leak: a recording and its log', () => {
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(traces!, 'leak', name)));

  it('is one leak: the recording names the line, and the log is a fact of it', async () => {
    const { findings, clocks } = await diagnoseFiles({
      'leak.report.log': read('leak.report.log'),
      'leak.pickle': read('leak.pickle'),
    });
    expect(clocks[0]).toMatchObject({ status: 'placed', matched: 40, of: 40, reference: 'leak.pickle' });
    expect(findings.filter(({ severity }) => severity === 'problem').map(({ id }) => id)).toEqual([
      'linear-leak',
    ]);
    expect(findings[0].verdict).toContain('record.py:167');
    expect(findings[0].evidence.map(({ text }) => text).join('\n')).toContain(
      'leak.report.log tells the same',
    );
  }, 60_000);
});
