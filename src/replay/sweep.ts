/**
 * A sweep: one recording's requests served under many settings, one row each, in rounds. Rounds hold no state, so that
 * their settings can be served anywhere and in any order:
 *
 *   let rows = [];
 *   for (let round; (round = sweepRound(effects, base, rows)).length > 0; )
 *     rows.push(...round.map((settings) => serve(requests, place, settings, limits)));
 */
import type { Requests } from './requests.ts';
import type { AllocatorSettings } from './settings.ts';
import { confOf, type Effects } from './sweep-effect.ts';
import { neighbours, sweepGrid } from './sweep-grid.ts';
import { type ReplayPlace, whatIf, type WhatIfResult } from './what-if.ts';

/** Bytes that the process may reserve, and that the device can give; Infinity: no limit. */
export interface SweepLimits {
  readonly limit: number;
  readonly capacity: number;
}

export interface SweepRow {
  readonly settings: AllocatorSettings;
  /** "": the defaults; null: no string gives these settings. */
  readonly conf: string | null;
  /** Bytes. */
  readonly reservedPeak: number;
  /** Bytes. */
  readonly inactiveSplitPeak: number;
  readonly deviceAllocs: number;
  readonly deviceFrees: number;
  /** What it costs: deviceAllocs + deviceFrees (cudaMalloc and cudaFree, or mapping and unmapping pages). */
  readonly calls: number;
  readonly retries: number;
  readonly ooms: number;
  /** The first request that was served in the recording and fails here. */
  readonly firstFailure: WhatIfResult['firstFailure'];
}

/** Serves every request under one setting. */
export function serve(
  requests: Requests,
  place: ReplayPlace,
  settings: AllocatorSettings,
  limits: SweepLimits,
): SweepRow {
  const { stats, firstFailure } = whatIf(requests, place, { settings, ...limits });
  const deviceAllocs = stats['num_device_alloc'];
  const deviceFrees = stats['num_device_free'];
  return {
    settings,
    conf: confOf(settings),
    reservedPeak: stats['reserved_bytes.all.peak'],
    inactiveSplitPeak: stats['inactive_split_bytes.all.peak'],
    deviceAllocs,
    deviceFrees,
    calls: deviceAllocs + deviceFrees,
    retries: stats['num_alloc_retries'],
    ooms: stats['num_ooms'],
    firstFailure,
  };
}

/**
 * Index of the row with the least reserved peak, among equals with the least calls, then the shortest string. Rows
 * that fail a request which was served in the recording do not count, nor do those with more failures than others.
 * null: every row fails.
 */
export function winnerOf(rows: readonly SweepRow[]): number | null {
  const length = ({ conf }: SweepRow): number => conf?.length ?? Infinity;
  let best: number | null = null;
  for (const [index, row] of rows.entries()) {
    if (row.firstFailure !== null || row.conf === null) continue;
    const other = best === null ? null : rows[best];
    if (
      other === null ||
      (row.ooms - other.ooms ||
        row.reservedPeak - other.reservedPeak ||
        row.calls - other.calls ||
        length(row) - length(other)) < 0
    )
      best = index;
  }
  return best;
}

/** Settings to serve next; none: the sweep is done. `base` (the first row) are the settings to compare with. */
export function sweepRound(
  effects: Effects,
  base: AllocatorSettings,
  rows: readonly SweepRow[],
): AllocatorSettings[] {
  if (rows.length === 0) return sweepGrid(effects, base);
  const winner = winnerOf(rows);
  if (winner === null) return [];
  return neighbours(
    rows[winner].settings,
    effects,
    rows.map(({ settings }) => settings),
  );
}
