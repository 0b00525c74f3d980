/**
 * The allocator's own statistics are the oracle: every key of memory_stats that is told from a snapshot equals
 * the one that PyTorch counted in the same process at the same moment.
 */
import { sourceAt } from '../src/cli/node-source.ts';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AnalysisDevice } from '../src/engine/document/analysis.ts';
import { Engine } from '../src/engine/engine.ts';
import { BUNDLED } from './bundled-recordings.ts';
import { sharedTraces } from './shared-traces.ts';

/** Keys that are never told: waiting for the device leaves no event, and the limit for splits is a setting. */
const NOT_TOLD = ['num_sync_all_streams', 'max_split_size'];

/** Recordings in which retries cannot be told from calls of empty_cache(): their number is left out. */
const RETRIES_NOT_TOLD = /^churn\/capped_/;

async function devicesOf(path: string): Promise<readonly AnalysisDevice[]> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const source = sourceAt(path);
  await engine.open(1, source, () => undefined);
  source.close();
  return (await engine.analysis()).devices;
}

type Stats = Readonly<Record<string, number | string>>;

/** Keys whose values differ, and, where the `whole` run is recorded, keys that are missing. */
function differences(told: Stats, recorded: Stats, whole: boolean, except: readonly string[] = []): string[] {
  const wrong = Object.keys(told).filter((key) => told[key] !== recorded[key]);
  const missing = whole
    ? Object.keys(recorded).filter(
        (key) => !NOT_TOLD.includes(key) && !except.includes(key) && !(key in told),
      )
    : [];
  return [...wrong, ...missing];
}

const recordedOf = (path: string): Stats => JSON.parse(readFileSync(path, 'utf8')) as Stats;

/** The recorded statistics of one device: "x.dev1.memory_stats.json" for the second of two. */
function statsPath(path: string, device: number): string {
  const stem = path.replace(/\.pickle(\.gz)?$/, '');
  const own = `${stem}.dev${device}.memory_stats.json`;
  return existsSync(own) ? own : `${stem}.memory_stats.json`;
}

describe('the recordings in the repository', () => {
  it.each(BUNDLED)('$name: every key to the byte', { timeout: 120_000 }, async ({ path, whole, stats }) => {
    const [device] = await devicesOf(path);
    expect(device.from_empty).toBe(whole);
    expect(Object.keys(device.memory_stats).length).toBeGreaterThan(whole ? 90 : 10);
    expect(differences(device.memory_stats, stats(), whole)).toEqual([]);
    expect('reserved_bytes.all.peak' in device.memory_stats).toBe(whole);
  });

  it('a planted difference is found, and so is a key left out', async () => {
    const path = join(import.meta.dirname, 'fixtures/snapshot/oom.pickle');
    const [device] = await devicesOf(path);
    const recorded = recordedOf(statsPath(path, 0));
    const key = 'reserved_bytes.all.peak';
    const off = { ...device.memory_stats, [key]: Number(device.memory_stats[key]) + 1 };
    expect(differences(off, recorded, true)).toEqual([key]);
    const without = Object.fromEntries(Object.entries(device.memory_stats).filter(([name]) => name !== key));
    expect(differences(without, recorded, true)).toEqual([key]);
  });
});

const traces = sharedTraces();
const snapshots =
  traces === null
    ? []
    : readdirSync(traces, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pickle'));

describe.skipIf(traces === null)('every snapshot in ../shared/traces', () => {
  it.each(snapshots)('%s', { timeout: 120_000 }, async (name) => {
    const path = join(traces!, name);
    const devices = await devicesOf(path);
    expect(devices.length).toBeGreaterThan(0);
    for (const device of devices) {
      // The ring of `ring` overflowed: what came before it cannot be known, and nothing of it is told.
      const whole = !name.startsWith('ring/');
      expect(device.from_empty).toBe(whole);
      const except = RETRIES_NOT_TOLD.test(name) ? ['num_alloc_retries'] : [];
      const recorded = recordedOf(statsPath(path, device.device));
      expect(differences(device.memory_stats, recorded, whole, except)).toEqual([]);
      for (const key of [...NOT_TOLD, ...except]) expect(device.memory_stats).not.toHaveProperty(key);
      expect('reserved_bytes.all.peak' in device.memory_stats).toBe(whole);
    }
  });
});
