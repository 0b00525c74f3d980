/**
 * What is said about growth in recordings of real programs of which it is known (test/fixtures/real-growth): graphs
 * captured first, streams, single passes, compiled code, the backward pass, growth given back, leaks behind other frees.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { nameOf } from '../../src/diagnose/linear-leak.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';
import { diagnose, factsOfTrace } from './recording.ts';

interface Truth {
  readonly leak: boolean | 'masked' | null;
  readonly stacks: string;
  readonly node: string | null;
  readonly units: Readonly<Record<string, number>>;
  readonly iterations: number;
  /** "real_growth.py:477": allocates what is kept. */
  readonly lines: readonly string[];
}

const at = (name: string): URL => new URL(`../fixtures/real-growth/${name}`, import.meta.url);
const truths = JSON.parse(readFileSync(at('truth.json'), 'utf8')) as Readonly<Record<string, Truth>>;

/** What cannot be told, and why that is so. */
const UNTOLD: Readonly<Record<string, string>> = {
  graphs_and_prefixes: 'a cache of twelve prefixes fills as they come: eleven misses are all that rises',
};
/** Programs of one pass: their layers are what comes back. */
const isOnePass = ({ units }: Truth): boolean => 'pass' in units;

describe('recordings of real programs', () => {
  it.each(Object.keys(truths))('%s', async (name) => {
    const truth = truths[name];
    const { devices, stacks, settings } = await snapshotOf(
      new Uint8Array(gunzipSync(readFileSync(at(`${name}.pickle.gz`)))),
    );
    const facts = factsOfTrace(devices[0], stacks, settings, '1:0');
    const findings = await diagnose(facts);
    const of = (id: string): boolean => findings.some((finding) => finding.id === id);
    const kind = facts.growthOf('allocated')?.atEnd.kind ?? 'cannot_tell';

    if (truth.leak === true) expect(of('linear-leak')).toBe(true);
    else if (truth.leak === 'masked') expect([of('linear-leak'), of('masked-leak')]).toEqual([false, true]);
    else {
      expect([of('linear-leak'), of('masked-leak'), of('fragmentation-growth')]).toEqual([
        false,
        false,
        false,
      ]);
      const untold = name in UNTOLD || truth.leak === null;
      expect(untold ? ['cannot_tell'] : ['none', 'warm_up_plateau', 'steps_with_largest_request']).toContain(
        kind,
      );
    }
    // One more or less: the first may do more than the others, the last be cut off.
    if (!isOnePass(truth) && !(name in UNTOLD))
      expect(Math.abs(facts.iterations.count - truth.iterations)).toBeLessThanOrEqual(1);

    const [first] = facts.leaks.suspects.filter((suspect) => suspect.kind === 'grows');
    if (truth.leak === true || truth.leak === 'masked') {
      const named = nameOf(first);
      const byNode = truth.node !== null && new RegExp(truth.node).test(named);
      expect([named, byNode || truth.lines.some((line) => named.includes(line))]).toEqual([named, true]);
    }
  });

  it('are as many as are written down, of every kind', () => {
    expect(Object.keys(truths)).toHaveLength(18);
    expect(new Set(Object.values(truths).map(({ leak }) => leak)).size).toBe(4);
    for (const name of Object.keys(UNTOLD)) expect(truths).toHaveProperty(name);
  });

  it('tells the workspaces of cuBLAS and not the line that used the streams', async () => {
    const { devices, stacks, settings } = await snapshotOf(
      new Uint8Array(gunzipSync(readFileSync(at('stream_for_each_request.pickle.gz')))),
    );
    const facts = factsOfTrace(devices[0], stacks, settings, '1:0');
    // 32 streams of 32 MiB and 1 MiB each.
    expect(facts.workspaces).toMatchObject({ bytes: 32 * 33 * 2 ** 20, streams: 32, many: true });
    const findings = await diagnose(facts);
    const told = findings.find(({ id }) => id === 'cublas-workspaces')!;
    expect(told.remedy).toContain('CUBLAS_WORKSPACE_CONFIG');
    expect(told.gainBytes).toBe(32 * 33 * 2 ** 20);
    expect(findings.find(({ id }) => id === 'who-holds')!.title).not.toContain('1.03 GiB');
    expect(findings.map(({ id }) => id)).not.toContain('kept-outputs');
  });

  it('points from an out-of-memory error to the leak that led to it', async () => {
    const { devices, stacks, settings } = await snapshotOf(
      new Uint8Array(gunzipSync(readFileSync(at('leak_out_of_memory.pickle.gz')))),
    );
    const findings = await diagnose(factsOfTrace(devices[0], stacks, settings, '1:0'));
    const oom = findings.find(({ id }) => id === 'out-of-memory')!;
    expect(oom.verdict).toContain('A leak led here');
    expect(oom.remedy).toMatch(/^End the leak/);
  });
});
