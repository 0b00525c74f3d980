/** The documented object of `vramscope replay --json` (docs/cli.md), one a device. */
import type {
  ReplayAnswer,
  SiteRow,
  SitesAnswer,
  SweepAnswer,
  SweepRow,
  WhatIfAnswer,
} from '../engine/protocol.ts';

/** Everything that was asked of one device. */
export interface DeviceReplay {
  readonly device: number;
  readonly answer: ReplayAnswer;
  readonly replayed: readonly WhatIfAnswer[];
  readonly sweep: SweepAnswer | null;
  readonly sites: SitesAnswer | null;
}

const failureOf = (failure: { readonly row: number; readonly bytes: number } | null) =>
  failure === null ? null : { event: failure.row, bytes: failure.bytes };

const sweepRow = (row: SweepRow) => ({
  settings: row.conf,
  reserved_peak: row.reservedPeak,
  inactive_split_peak: row.inactiveSplitPeak,
  num_device_alloc: row.deviceAllocs,
  num_device_free: row.deviceFrees,
  calls: row.calls,
  num_alloc_retries: row.retries,
  num_ooms: row.ooms,
  first_failure: failureOf(row.firstFailure),
});

const outcome = ({ reservedPeak, allocatedPeak, saved }: SiteRow['dropped']) => ({
  reserved_peak: reservedPeak,
  allocated_peak: allocatedPeak,
  saved,
});

/** An `empty_cache()` or a synchronisation that gives nothing back leaves no row: their number is not told. */
const toldStats = (stats: ReplayAnswer['stats']): ReplayAnswer['stats'] =>
  Object.fromEntries(Object.entries(stats).filter(([key]) => key !== 'num_sync_all_streams'));

export function replayObject({ device, answer, replayed, sweep, sites }: DeviceReplay): object {
  const { fidelity, unled } = answer;
  return {
    device,
    recorded: answer.recorded,
    self: {
      settings: answer.settings.conf,
      assumed: Object.entries(answer.settings.origins)
        .filter(([, origin]) => origin === 'assumed')
        .map(([name]) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)),
      memory_stats: toldStats(answer.stats),
      fidelity: {
        faithful: answer.faithful,
        from_empty: answer.fromEmpty,
        requests: fidelity.requests,
        requests_chosen: fidelity.chosen,
        events_unplaced: fidelity.unplaced,
        segments: fidelity.state?.segments ?? null,
        segments_equal: fidelity.state?.segmentsEqual ?? null,
        blocks: fidelity.state?.blocks ?? null,
        blocks_equal: fidelity.state?.blocksEqual ?? null,
        bytes_different: fidelity.state?.bytesDifferent ?? null,
        unknown_sizes: fidelity.unknownSizes,
        causes_certain: fidelity.causesCertain,
        unled_reserved_peak_difference: unled.reservedPeakDifference,
        unled_largest_difference: unled.largestDifference,
        unled_keys: unled.keys,
        unled_different_keys: unled.differentKeys,
        unled_memory_stats: unled.stats,
      },
      limit_bounds: answer.limitBounds,
      sentences: answer.sentences,
    },
    replayed: replayed.map(({ settings, stats, firstFailure, rescued, sentences }) => ({
      settings: settings.conf,
      memory_stats: stats,
      first_failure: failureOf(firstFailure),
      rescued,
      sentences,
    })),
    ...(sweep === null
      ? {}
      : {
          sweep: {
            rows: sweep.rows.map(sweepRow),
            front: sweep.front,
            winner: sweep.winner,
            line: sweep.line,
            verdict: sweep.verdict,
            gain: sweep.gain,
            sentences: sweep.sentences,
          },
        }),
    ...(sites === null
      ? {}
      : {
          sites: {
            sites: sites.sites,
            sites_at_peak: sites.sitesAtPeak,
            tried: sites.rows.length,
            has_stacks: sites.hasStacks,
            reserved_peak: sites.reservedPeak,
            peak_event: sites.peakRow,
            live_bytes: sites.liveBytes,
            rows: sites.rows.map((row) => ({
              site: row.site,
              stacks: row.stacks,
              allocations: row.allocations,
              live_bytes: row.liveBytes,
              live_allocations: row.liveAllocations,
              dropped: outcome(row.dropped),
              halved: outcome(row.halved),
            })),
          },
        }),
  };
}
