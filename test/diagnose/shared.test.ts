/**
 * What the diagnosis has to say of the recordings in ../shared/traces, of which it is known what happened in them.
 * Skipped where they are absent.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sourceAt } from '../../src/cli/node-source.ts';
import type { DeviceDiagnosis } from '../../src/engine/diagnosis.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { Finding } from '../../src/diagnose/finding.ts';
import { plainFinding } from '../../src/diagnose/plain-finding.ts';
import { sharedTraces } from '../shared-traces.ts';
import { findingOf, idsOf } from './recording.ts';

const traces = sharedTraces();
const MIB = 2 ** 20;

interface Told {
  readonly findings: readonly Finding[];
  readonly devices: readonly DeviceDiagnosis[];
}

async function diagnosisOf(name: string): Promise<Told> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const source = sourceAt(join(traces!, name));
  await engine.open(1, source, () => undefined);
  const answer = await engine.diagnosis();
  source.close();
  if (!answer.ok) throw new Error(answer.error.message);
  return { ...answer.value, findings: answer.value.findings.map(plainFinding) };
}

const growthOf = ({ devices }: Told, series: string): DeviceDiagnosis['growth'][number] =>
  devices[0].growth.find((one) => one.series === series)!;

const textOf = (finding: Finding): string => finding.evidence.map(({ text }) => text).join('\n');

/** Every number of MB in a log of lines "[request_3] Allocated: 215.9 MB | Reserved: 241.2 MB". */
const allocatedIn = (log: string): number[] =>
  [...log.matchAll(/Allocated: ([\d.]+) MB/g)].map(([, megabytes]) => Number(megabytes));

/** Row "GPU reserved memory" of a memory_summary: current, as printed in MiB. */
const reservedIn = (summary: string): number =>
  Number(/\| GPU reserved memory\s*\|\s*(\d+) MiB/.exec(summary)![1]);

const LONG = { timeout: 120_000 };

describe.skipIf(traces === null)('the recordings in ../shared/traces', () => {
  const textFile = (name: string): string => readFileSync(join(traces!, name), 'utf8');

  it(
    'serve: the growth of reserved is the cache, bounded; empty_cache gives back what it gave',
    LONG,
    async () => {
      const told = await diagnosisOf('serve/serve.pickle');
      expect(growthOf(told, 'allocated')).toMatchObject({ kind: 'none', boundBytes: 3_122_950_144 });
      expect(growthOf(told, 'reserved')).toMatchObject({
        kind: 'warm_up_plateau',
        boundBytes: 4_901_044_224,
      });
      const cache = findingOf(told.findings, 'caching-allocator');
      expect(cache.verdict).toContain('4,901,044,224 bytes');
      expect(cache.verdict).toContain('3,122,950,144 bytes');
      const printed =
        reservedIn(textFile('serve/serve.memory_summary.txt')) -
        reservedIn(textFile('serve/serve.after_empty_cache.memory_summary.txt'));
      // Both figures are rounded down to MiB.
      expect(Math.abs(cache.gainBytes! / MIB - printed)).toBeLessThan(1);
      for (const wrong of ['linear-leak', 'growth-unclear', 'pending-free', 'fragmentation-growth'])
        expect(idsOf(told.findings)).not.toContain(wrong);
    },
  );

  it('leak: bytes a request as the log printed them, and the line of record.py first', LONG, async () => {
    const told = await diagnosisOf('leak/leak.pickle');
    const [leak] = told.findings;
    expect(leak).toMatchObject({ id: 'linear-leak', severity: 'problem', confidence: 'high' });
    const printed = allocatedIn(textFile('leak/leak.report.log'));
    // The first request also makes what later ones only use again; digits: 0.1 MB at each end.
    const slope = (1e6 * (printed[printed.length - 1] - printed[1])) / (printed.length - 2);
    const told1 = growthOf(told, 'allocated').slopeBytesPerIteration!;
    expect(Math.abs(told1 - slope)).toBeLessThan(0.01 * slope);
    expect(leak.verdict).toContain(
      'First to look at: s_leak (rec/record.py:167), called from <module> (rec/record.py:277).',
    );
    expect(leak.evidence[1].text).toContain('record.py:167');
    expect(leak.remedy).toMatch(/^record\.py:167 .*detach/);
  });

  it('train: no leak; weights and the state of AdamW are not suspected', LONG, async () => {
    const told = await diagnosisOf('train/train.pickle');
    expect(idsOf(told.findings)).toContain('caching-allocator');
    for (const wrong of ['linear-leak', 'kept-outputs', 'growth-unclear', 'pending-free'])
      expect(idsOf(told.findings)).not.toContain(wrong);
    expect(growthOf(told, 'reserved').boundBytes).toBe(4_997_513_216);
  });

  it('oom: asked, free, the cap, and what would have been served', LONG, async () => {
    const [oom] = (await diagnosisOf('oom/oom.pickle')).findings;
    // The recording does not say who refused it with 74 GiB free: a limit, or the driver for another reason.
    expect(oom).toMatchObject({ id: 'out-of-memory', confidence: 'medium' });
    const text = textFile('oom/oom.txt');
    // "Tried to allocate 300 MiB. GPU 0 has a total capacity of 79.2 GiB of which 74.7 GiB is free. ... 3.96 GiB allowed"
    const [, asked, free] = /allocate ([\d.]+ MiB)\..*of which ([\d.]+ GiB) is free/s.exec(text)!;
    const short = (figure: string): string => Number(Number.parseFloat(figure).toPrecision(3)).toString();
    expect(oom.title).toBe(
      `Out of memory: ${short(asked)} MiB requested, ${short(free)} GiB free on the device`,
    );
    expect(oom.verdict).toContain('a limit of the process itself refused it');
    const allowed = Number(/([\d.]+) GiB allowed/.exec(text)![1]);
    const [, least, below] = /at least ([\d.]+) GiB .* and below ([\d.]+) GiB/.exec(oom.verdict)!;
    expect(Number(least)).toBeLessThanOrEqual(allowed);
    expect(Number(below)).toBeGreaterThan(allowed);
    expect(textOf(oom)).toContain('Sure to have been served: a request of up to 46 MiB (48,234,496 bytes)');
  });

  it('pending: record_stream; not a leak', LONG, async () => {
    const { findings } = await diagnosisOf('pending/pending.pickle');
    expect(findings[0]).toMatchObject({ id: 'pending-free', severity: 'problem', gainBytes: 3_053_453_312 });
    expect(findings[0].verdict).toContain('record_stream');
    expect(idsOf(findings)).not.toContain('linear-leak');
  });

  it('graphs: three private pools; three iterations are too few to judge', LONG, async () => {
    const { findings } = await diagnosisOf('graphs/graphs.pickle');
    expect(findingOf(findings, 'private-pools').evidence).toHaveLength(3);
    expect(findingOf(findings, 'growth-unclear').confidence).toBe('low');
  });

  it('ring: says that it cannot know', LONG, async () => {
    const { findings } = await diagnosisOf('ring/ring.pickle');
    const late = findingOf(findings, 'recorded-late');
    expect(late.verdict).toContain('cannot be known');
    expect(textOf(late)).toContain('125 frees of allocations that are not in it.');
    for (const wrong of ['linear-leak', 'caching-allocator', 'better-setting', 'setting-in-force'])
      expect(idsOf(findings)).not.toContain(wrong);
  });

  it('churn_1: max_split_size_mb:20 costs what PyTorch reserved more than without it', LONG, async () => {
    const { findings } = await diagnosisOf('churn/churn_1.pickle');
    const peak = (name: string): number =>
      (JSON.parse(textFile(`churn/${name}.memory_stats.json`)) as Record<string, number>)[
        'reserved_bytes.all.peak'
      ];
    expect(findings[0]).toMatchObject({
      id: 'setting-in-force',
      severity: 'problem',
      gainBytes: 7_803_502_592,
    });
    expect(peak('churn_1') - peak('churn_0')).toBe(7_803_502_592);
    expect(findings[0].title).toContain('max_split_size_mb:20');
    // Without it, expandable segments are what PyTorch measured under them.
    expect(findingOf(findings, 'better-setting').gainBytes).toBe(peak('churn_0') - peak('churn_4'));
  });

  it('capped_8: within its limit expandable segments try again as often as PyTorch did', LONG, async () => {
    const retries = (name: string): number =>
      (JSON.parse(textFile(`churn/${name}.memory_stats.json`)) as Record<string, number>)[
        'num_alloc_retries'
      ];
    const better = findingOf((await diagnosisOf('churn/capped_8.pickle')).findings, 'better-setting');
    expect(better).toMatchObject({
      severity: 'risk',
      remedy: 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True',
    });
    expect(better.verdict).toContain(
      `try again ${retries('capped_10')} time instead of ${retries('capped_8')}.`,
    );
  });

  it('rank1 keeps the output of one batch in ten, rank0 none', LONG, async () => {
    const kept = findingOf((await diagnosisOf('ranks/rank1.pickle')).findings, 'kept-outputs');
    expect(kept).toMatchObject({ confidence: 'low', gainBytes: 33_554_432 });
    expect(idsOf((await diagnosisOf('ranks/rank0.pickle')).findings)).not.toContain('kept-outputs');
  });

  it('twogpu: what both devices say is said once, and nothing is lost', LONG, async () => {
    const { findings } = await diagnosisOf('twogpu/train_twogpu.pickle');
    expect(new Set(idsOf(findings)).size).toBe(findings.length);
    expect(findings.flatMap(({ also }) => also ?? []).map(({ device }) => device)).toEqual(
      findings.map(() => 1),
    );
    for (const { device, deviceKey, also } of findings) {
      expect(device).toBe(0);
      expect(also![0].deviceKey).not.toBe(deviceKey);
    }
  });

  const NO_LEAK = [
    'train/train.pickle',
    'train_expandable/train_expandable.pickle',
    'unmap/unmap.pickle',
    'twogpu/train_twogpu.pickle',
    'ranks/rank0.pickle',
    'graphs/graphs.pickle',
    'big/big.pickle',
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => `churn/churn_${n}.pickle`),
    ...[8, 9, 10, 11].map((n) => `churn/capped_${n}.pickle`),
  ];

  it.each(NO_LEAK)('%s: no leak, and no advice that is in force', { timeout: 240_000 }, async (name) => {
    const { findings } = await diagnosisOf(name);
    expect(idsOf(findings)).not.toContain('linear-leak');
    expect(idsOf(findings)).not.toContain('out-of-memory');
    const expandable = name === 'churn/churn_4.pickle' || /expandable|unmap|capped_10/.test(name);
    if (expandable)
      expect(findings.filter(({ title }) => title.startsWith('expandable_segments:True would'))).toEqual([]);
  });
});
