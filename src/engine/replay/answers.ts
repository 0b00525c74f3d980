/** Answers about the allocator replayed: how well the model follows the recording, and what other settings would do. */
import { count } from '../../base/words.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { memoryStatsOf } from '../../analyze/recording/memory-stats.ts';
import { holderLabel } from '../../analyze/user-frames.ts';
import { applyEdit, lastStepOf } from '../../replay/edits.ts';
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';
import type { Requests } from '../../replay/requests.ts';
import { rankSites } from '../../replay/sites.ts';
import { whatIf } from '../../replay/what-if.ts';
import { NONE } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';
import { reservedColumns } from './curve.ts';
import { keysMissed, keysSentence, unledOf } from './unled.ts';
import { limitsOf, maskOf, placeOf, replayOf, settingsAsked, settingsView } from './input.ts';
import type {
  ReplayAnswer,
  ReplayProgress,
  SitesAnswer,
  SitesQuery,
  Unled,
  WhatIfAnswer,
  WhatIfQuery,
} from '../replay-protocol.ts';

function replaySentences(replay: SelfReplay, unled: Unled, assumed: readonly string[]): string[] {
  const { fidelity, fromEmpty, limitBounds } = replay;
  const { state } = fidelity;
  const told: string[] = [];
  if (fidelity.unplaced > 0)
    told.push(
      `${count(fidelity.unplaced, 'event')} fit no state of the model (the first is event ${formatInteger(fidelity.firstUnplaced[0])}): events are missing, or the settings were others than assumed. Take what follows as an estimate.`,
    );
  if (state === null) told.push('The file has no final state to compare the model with.');
  else
    told.push(
      state.blocksEqual === state.blocks
        ? `The model ends in the snapshot's final state: ${count(state.segments, 'segment')} and ${count(state.blocks, 'block')} equal.`
        : `The model's final state differs from the snapshot's: ${formatInteger(state.segmentsEqual)} of ${count(state.segments, 'segment')} equal, ${formatInteger(state.bytesDifferent)} bytes in blocks that differ.`,
    );
  told.push(
    fidelity.chosen === fidelity.requests
      ? `By itself it chooses the recorded block for ${fidelity.requests === 1 ? 'the one request' : `all ${count(fidelity.requests, 'request')}`}.`
      : `By itself it chooses the recorded block for ${formatInteger(fidelity.chosen)} of ${count(fidelity.requests, 'request')}.`,
  );
  told.push(
    unled.largestDifference === 0
      ? 'Left alone under the recorded settings, it reserves what was recorded, after every request.'
      : `Left alone under the recorded settings, it reserves ${formatBytes(unled.reservedPeak, 'binary')} at the peak (${formatInteger(unled.reservedPeakDifference)} bytes from the recorded) and is off by at most ${formatInteger(unled.largestDifference)} bytes (event ${formatInteger(unled.largestDifferenceRow ?? 0)}). Compare other settings with that.`,
  );
  const keys = keysSentence(unled, replay);
  if (keys !== null) told.push(keys);
  if (!fromEmpty)
    told.push(
      'Memory was in use before the recording: other settings are answered as if those blocks had been allocated in the order of their addresses.',
    );
  if (fidelity.unknownSizes > 0)
    told.push(
      `${count(fidelity.unknownSizes, 'block')} from before the recording may be up to 1 MiB larger than taken here.`,
    );
  if (!fidelity.causesCertain)
    told.push('Whether some memory went back by empty_cache() or by a retry cannot be told for certain.');
  if (limitBounds !== null)
    told.push(
      limitBounds[1] === Infinity || limitBounds[0] >= limitBounds[1]
        ? 'Requests met a memory limit that the recording does not tell.'
        : `Requests met a memory limit: at least ${formatInteger(limitBounds[0])} and less than ${formatInteger(limitBounds[1])} bytes could be reserved.`,
    );
  if (assumed.length > 0) told.push(`Not recorded, so taken as the default: ${assumed.join(', ')}.`);
  return told;
}

/** Names as in the string. */
const SETTING_NAMES = {
  maxSplitSize: 'max_split_size_mb',
  maxNonSplitRounding: 'max_non_split_rounding_mb',
  largeSegmentSize: 'large_segment_size_mb',
  roundupDivisions: 'roundup_power2_divisions',
  garbageCollectionThreshold: 'garbage_collection_threshold',
  expandableSegments: 'expandable_segments',
  perProcessMemoryFraction: 'per_process_memory_fraction',
} as const;

export function replayAnswer(session: DeviceSession): ReplayAnswer {
  const replay = replayOf(session);
  const { trace, baseline } = session;
  const { settings, origins, changed, notRecorded, confError } = session.settings;
  const unled = unledOf(session, replay);
  return {
    device: session.key,
    recorded: memoryStatsOf(trace, baseline.whole),
    stats: replay.stats,
    fromEmpty: replay.fromEmpty,
    fidelity: replay.fidelity,
    faithful: isFaithful(replay),
    unled,
    settings: {
      ...settingsView(settings),
      origins,
      changed,
      confError: confError === null ? null : confError.message,
    },
    limitBounds: replay.limitBounds,
    causes: replay.causes,
    requests: replay.fidelity.requests,
    steps: replay.requests.length,
    sentences: replaySentences(
      replay,
      unled,
      notRecorded.map((name) => SETTING_NAMES[name]),
    ),
  };
}

export async function whatIfAnswer(session: DeviceSession, query: WhatIfQuery): Promise<WhatIfAnswer> {
  const replay = replayOf(session);
  const settings = settingsAsked(session, query.settings);
  const { limit, capacity } = limitsOf(query, settings);
  let requests: Requests = replay.requests;
  let edited = 0;
  for (const { site, ...edit } of query.edits) {
    const mask = maskOf(session, replay, site);
    for (const one of mask) edited += one;
    requests = applyEdit(requests, mask, edit);
  }
  const result = whatIf(requests, placeOf(replay), {
    settings,
    limit,
    capacity,
    emptyCacheAfter: query.emptyCacheAfter.map((row) => lastStepOf(requests, row)),
    curve: query.curve !== null,
  });
  const { stats, firstFailure } = result;
  const sentences: string[] = [];
  const missed = keysMissed(unledOf(session, replay), replay.stats);
  if (missed !== null) sentences.push(missed);
  if (firstFailure !== null)
    sentences.push(
      `Out of memory: the request of ${formatInteger(firstFailure.bytes)} bytes at event ${formatInteger(firstFailure.row)} fails (${count(stats['num_ooms'], 'failure')} in all). A real program would have stopped there; here it goes on without that memory.`,
    );
  if (result.rescued > 0)
    sentences.push(
      `${count(result.rescued, 'request')} that failed in the recording ${result.rescued === 1 ? 'is' : 'are'} served.`,
    );
  if (settings.garbageCollectionThreshold > 0 && limit === Infinity)
    sentences.push(
      'garbage_collection_threshold does nothing: there is no memory limit that it is a share of.',
    );
  if (settings.perProcessMemoryFraction !== null && query.capacity === null)
    sentences.push(
      "per_process_memory_fraction does nothing here: it is a share of the card's memory, which was not given.",
    );
  return {
    device: session.key,
    settings: settingsView(settings),
    stats,
    firstFailure: firstFailure === null ? null : { ...firstFailure, xNs: session.timeOf(firstFailure.row) },
    rescued: result.rescued,
    edited,
    curve:
      query.curve === null ? null : await reservedColumns(session, query.curve, requests, result.reserved!),
    sentences,
  };
}

/** null: cancelled. */
export async function sitesAnswer(
  session: DeviceSession,
  query: SitesQuery,
  onProgress: (progress: ReplayProgress) => void,
  isCancelled: () => boolean,
): Promise<SitesAnswer | null> {
  const replay = replayOf(session);
  const settings = settingsAsked(session, query.settings);
  const { stacks } = session.source;
  const ranking = await rankSites(replay.requests, placeOf(replay), {
    settings,
    ...limitsOf(query, settings),
    most: query.most,
    siteOf: (stack) => holderLabel(stacks, stack),
    onProgress: (done, total) => onProgress({ job: query.job, done, total, row: null }),
    isCancelled,
  });
  if (ranking === null) return null;
  return {
    device: session.key,
    hasStacks: replay.requests.stack.some((stack) => stack !== NONE),
    ...ranking,
  };
}
