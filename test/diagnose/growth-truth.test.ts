/**
 * The growth verdict on recordings of small programs of which it is known how they grow (test/fixtures/growth-truth).
 * A verdict may be "cannot tell"; where it is none of those that are right, the test fails.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { DeviceFacts } from '../../src/analyze/device-facts.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';
import { factsOfTrace } from './recording.ts';

interface Truth {
  readonly kinds: readonly string[];
  readonly stacks: boolean;
  /** What may be called an iteration, and how many ran. */
  readonly units: Readonly<Record<string, number>>;
  readonly lines: readonly number[];
  /** At the end of each of the first unit: time in ns, allocated and reserved bytes. */
  readonly marks: readonly (readonly [string, number, number])[];
}

const fixture = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(new URL(`../fixtures/growth-truth/${name}.gz`, import.meta.url))));
const truths = JSON.parse(new TextDecoder().decode(fixture('truth.json'))) as Readonly<Record<string, Truth>>;

async function factsOf(name: string): Promise<DeviceFacts> {
  const source = await snapshotOf(fixture(`${name}.pickle`));
  return factsOfTrace(source.devices[0], source.stacks, source.settings, '1:0');
}

/** What the product cannot tell, and why that is so. */
const UNTOLD: Readonly<Record<string, string>> = {
  cache_of_twelve:
    'what comes back most clearly are the misses: growth by miss says nothing of growth by request',
  experts_lazily: 'eight rises in sixty steps, ever more rarely: another may follow',
};

/** Iterations that are parts or groups of what ran: misses of a cache, and what a ring has left of eighty steps. */
const OTHER_ITERATIONS: Readonly<Record<string, number>> = {
  cache_of_twelve: 12,
  misses_get_rarer: 27,
  ring_leak: 23,
};

/** A line that is named though none of those kept: the function it is in makes it for one of them. */
const MADE_BY: Readonly<Record<string, number>> = { tracebacks: 38 };

describe('recordings of known growth', () => {
  it.each(Object.keys(truths))('%s', async (name) => {
    const facts = await factsOf(name);
    const { kinds, units, lines, marks, stacks } = truths[name];
    const { count, times_ns } = facts.iterations;
    // One more or less: the first may do more than the others, the last be cut off.
    const right =
      name in OTHER_ITERATIONS
        ? [OTHER_ITERATIONS[name]]
        : Object.values(units).flatMap((n) => [n - 1, n, n + 1]);
    expect(right).toContain(count);

    const growth = facts.growthOf('allocated')?.atEnd ?? null;
    const kind = growth?.kind ?? 'cannot_tell';
    expect(name in UNTOLD ? ['cannot_tell'] : kinds).toContain(kind);

    if (kind === 'linear_leak' && !(name in OTHER_ITERATIONS)) {
      // One mark an iteration: the growth it says is the growth there was.
      const alone = marks.filter(([time]) => BigInt(time) >= times_ns[0] && BigInt(time) <= times_ns[count]);
      expect(Math.abs(alone.length - count)).toBeLessThanOrEqual(1);
      const [from, to] = growth!.window!;
      const mean = (marks[to][1] - marks[from][1]) / (to - from);
      expect(Math.abs(growth!.slopePerIteration! - mean)).toBeLessThan(0.06 * mean);
    }

    const growing = facts.leaks.suspects.filter((suspect) => suspect.kind === 'grows');
    if (!kinds.includes('linear_leak') && !kinds.includes('sub_linear')) expect(growing).toEqual([]);
    else if (stacks && kind !== 'cannot_tell')
      expect([...lines, MADE_BY[name]]).toContain(growing[0].line!.line);
  });

  it('are as many as are written down', () => {
    expect(Object.keys(truths)).toHaveLength(22);
    for (const name of [...Object.keys(UNTOLD), ...Object.keys(OTHER_ITERATIONS)])
      expect(truths).toHaveProperty(name);
  });
});
