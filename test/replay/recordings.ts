/** Recordings of the allocator and what PyTorch counted beside them, for the tests of the replay. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { parseAllocConf } from '../../src/replay/alloc-conf.ts';
import { settingsOfSnapshot } from '../../src/replay/alloc-conf-snapshot.ts';
import type { SelfReplay } from '../../src/replay/replay-result.ts';
import { selfReplay } from '../../src/replay/self-replay.ts';
import type { AllocatorSettings } from '../../src/replay/settings.ts';
import type { ReplayStats } from '../../src/replay/statistics.ts';
import { type WhatIfResult, whatIf } from '../../src/replay/what-if.ts';
import type { DeviceTrace, SourceData } from '../../src/trace/capture.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';

export type Stats = Readonly<Record<string, number>>;

/** A snapshot file, gzipped or not. */
export async function snapshotAt(path: string): Promise<SourceData> {
  const bytes = readFileSync(path);
  return snapshotOf(new Uint8Array(path.endsWith('.gz') ? gunzipSync(bytes) : bytes));
}

/** The memory_stats recorded beside a snapshot: "x.dev1.memory_stats.json" for the second of two devices. */
export function statsBeside(path: string, device: number): Stats {
  const stem = path.replace(/\.pickle(\.gz)?$/, '');
  const own = `${stem}.dev${device}.memory_stats.json`;
  const common = `${stem}.memory_stats.json`;
  return JSON.parse(readFileSync(existsSync(own) ? own : common, 'utf8')) as Stats;
}

export const settingsOf = (data: SourceData): AllocatorSettings => settingsOfSnapshot(data.settings).settings;

export function replayOf(data: SourceData, trace: DeviceTrace): SelfReplay {
  return selfReplay(trace, settingsOf(data), baselineOf(trace).fromEmpty);
}

/** Every recorded key whose figure differs or is missing, and every key that was not recorded: "key: told, not recorded". */
export function differences(told: ReplayStats, recorded: Stats, settings: AllocatorSettings): string[] {
  const all: ReplayStats = {
    ...told,
    // The one key that is a setting; PyTorch writes -1 where there is no limit.
    max_split_size: settings.maxSplitSize === Infinity ? -1 : settings.maxSplitSize,
  };
  const wrong = Object.keys(recorded)
    .filter((key) => all[key] !== recorded[key])
    .map((key) => `${key}: ${all[key]}, not ${recorded[key]}`);
  return [...wrong, ...Object.keys(all).filter((key) => !(key in recorded))];
}

export interface Setting {
  readonly settings: AllocatorSettings;
  /** MiB; 0: none. */
  readonly cap: number;
}

export function settingsFrom(conf: string): AllocatorSettings {
  const parsed = parseAllocConf(conf);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.settings;
}

/** What the requests of a replayed recording would have met under other settings. */
export function underSettings(replay: SelfReplay, { settings, cap }: Setting): WhatIfResult {
  return whatIf(
    replay.requests,
    {
      streamRank: replay.streamRank,
      pools: 1 + replay.privatePools.length,
      addresses: replay.addresses,
    },
    { settings, limit: cap > 0 ? cap * 2 ** 20 : Infinity, capacity: Infinity },
  );
}

export const TRUTH_FOLDER = join(import.meta.dirname, '../fixtures/allocator-truth');

/** The bundled recordings of one mix of requests under ten settings (test/fixtures/allocator-truth). */
export interface Truth {
  readonly mix: string;
  readonly base: string;
  readonly settings: readonly { readonly conf: string; readonly cap_mib: number }[];
  /** By key: a figure for each of the settings. */
  readonly memory_stats: Readonly<Record<string, readonly number[]>>;
}

export const truthOf = (name: string): Truth =>
  JSON.parse(readFileSync(join(TRUTH_FOLDER, `${name}.json`), 'utf8')) as Truth;

export const statsOfTruth = (truth: Truth, at: number): Stats =>
  Object.fromEntries(Object.entries(truth.memory_stats).map(([key, figures]) => [key, figures[at]]));
