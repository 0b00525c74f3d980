/** Answers about a replay, with whatever a test wants different. */
import type {
  ReplayAnswer,
  SitesAnswer,
  SweepAnswer,
  SweepRow,
  WhatIfAnswer,
} from '../../../src/engine/protocol.ts';
import { DEFAULT_SETTINGS } from '../../../src/replay/settings.ts';

export const GIB = 2 ** 30;
export const MIB = 2 ** 20;

const RECORDED = {
  'reserved_bytes.all.peak': 8 * GIB,
  'allocated_bytes.all.peak': 5 * GIB,
  'inactive_split_bytes.all.peak': 2 * GIB,
  num_device_alloc: 104,
  num_device_free: 0,
  num_alloc_retries: 0,
  num_ooms: 0,
};

export const replayAnswer = (changes: Partial<ReplayAnswer> = {}): ReplayAnswer => ({
  device: '0:0',
  recorded: {},
  stats: RECORDED,
  fromEmpty: true,
  fidelity: {
    requests: 3179,
    chosen: 3179,
    firstDifferent: [],
    unplaced: 0,
    firstUnplaced: [],
    state: {
      segments: 104,
      segmentsEqual: 104,
      blocks: 538,
      blocksEqual: 538,
      bytesDifferent: 0,
      examples: [],
    },
    unknownSizes: 0,
    causesCertain: true,
  },
  faithful: true,
  unled: {
    reservedPeak: 8 * GIB,
    reservedPeakDifference: 0,
    largestDifference: 0,
    largestDifferenceRow: null,
    keys: 121,
    differentKeys: [],
    stats: RECORDED,
  },
  settings: {
    conf: '',
    values: DEFAULT_SETTINGS,
    origins: {
      maxSplitSize: 'field',
      maxNonSplitRounding: 'conf',
      largeSegmentSize: 'conf',
      roundupDivisions: 'field',
      garbageCollectionThreshold: 'field',
      expandableSegments: 'field',
      perProcessMemoryFraction: 'assumed',
    },
    changed: [],
    confError: null,
  },
  limitBounds: null,
  causes: { retry: 0, collection: 0, available: 0, empty_cache: 0 },
  requests: 3179,
  steps: 6000,
  sentences: ['By itself it chooses the recorded block for all 3,179 requests.'],
  ...changes,
});

export const whatIfAnswer = (changes: Partial<WhatIfAnswer> = {}): WhatIfAnswer => ({
  device: '0:0',
  settings: { conf: 'max_split_size_mb:32', values: { ...DEFAULT_SETTINGS, maxSplitSize: 32 * MIB } },
  stats: {
    'reserved_bytes.all.peak': 6 * GIB,
    'allocated_bytes.all.peak': 5 * GIB,
    'inactive_split_bytes.all.peak': 0,
    num_device_alloc: 200,
    num_device_free: 13,
    num_alloc_retries: 1,
    num_ooms: 0,
  },
  firstFailure: null,
  rescued: 0,
  edited: 0,
  curve: null,
  sentences: [],
  ...changes,
});

export const sweepRow = (
  conf: string,
  reservedPeak: number,
  calls: number,
  changes: Partial<SweepRow> = {},
): SweepRow => ({
  settings: DEFAULT_SETTINGS,
  conf,
  reservedPeak,
  inactiveSplitPeak: MIB,
  deviceAllocs: calls,
  deviceFrees: 0,
  calls,
  retries: 0,
  ooms: 0,
  firstFailure: null,
  ...changes,
});

/** Five settings: recorded, two on the front, one far away, one that fails. */
export const SWEPT: readonly SweepRow[] = [
  sweepRow('', 8 * GIB, 100),
  sweepRow('expandable_segments:True', 6 * GIB, 120),
  sweepRow('roundup_power2_divisions:8', 7 * GIB, 90),
  sweepRow('max_split_size_mb:20', 40 * GIB, 5000),
  sweepRow('max_split_size_mb:32', 5 * GIB, 80, {
    ooms: 2,
    firstFailure: { step: 7, row: 9, bytes: 512 * MIB },
  }),
];

export const sweepAnswer = (changes: Partial<SweepAnswer> = {}): SweepAnswer => ({
  device: '0:0',
  rows: SWEPT,
  front: [1, 2],
  winner: 1,
  line: 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True',
  verdict: 'helps',
  gain: 2 * GIB,
  advice: [],
  sentences: ['Of 5 settings, expandable_segments:True reserves least.', 'The popular one makes it worse.'],
  workers: 2,
  milliseconds: 3050,
  ...changes,
});

const outcome = (saved: number) => ({ reservedPeak: 8 * GIB - saved, allocatedPeak: 5 * GIB, saved });

export const sitesAnswer = (changes: Partial<SitesAnswer> = {}): SitesAnswer => ({
  device: '0:0',
  hasStacks: true,
  rows: [
    {
      site: 'attention model.py:49',
      stack: 4,
      stacks: 2,
      allocations: 480,
      liveBytes: 3 * GIB,
      liveAllocations: 12,
      dropped: outcome(4 * GIB),
      halved: outcome(2 * GIB),
    },
    {
      site: 'mlp model.py:53',
      stack: 9,
      stacks: 1,
      allocations: 288,
      liveBytes: GIB,
      liveAllocations: 6,
      dropped: outcome(GIB),
      halved: outcome(-MIB),
    },
  ],
  sites: 14,
  sitesAtPeak: 12,
  reservedPeak: 8 * GIB,
  allocatedPeak: 5 * GIB,
  peakRow: 900,
  liveBytes: 5 * GIB,
  ...changes,
});
