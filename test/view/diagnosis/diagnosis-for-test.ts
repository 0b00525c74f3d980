/** Findings and a device's diagnosis as the engine tells them of a leak, with whatever a test wants different. */
import { exactly, point } from '../../../src/base/measured.ts';
import type {
  DeviceDiagnosis,
  Diagnosis,
  Evidence,
  Finding,
  PinsView,
} from '../../../src/engine/protocol.ts';

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;

export const proof = (text: string, where: Partial<Evidence> = {}): Evidence => ({
  text,
  row: null,
  rows: null,
  stack: null,
  ...where,
});

export const finding = (changes: Partial<Finding> = {}): Finding => ({
  id: 'linear-leak',
  deviceKey: '0:0',
  device: 0,
  severity: 'problem',
  title: 'A leak: 32 MiB per iteration',
  verdict: 'The program keeps 32.00 MiB more after every iteration.',
  confidence: 'high',
  confidenceWhy: 'Steady growth over 4 iterations.',
  evidence: [
    proof('4 iterations found.', { rows: [100, 900] }),
    proof('append_output (serve.py:41): 32 MiB per iteration in 64 allocations.', {
      row: 850,
      rows: [120, 850],
      stack: 3,
    }),
  ],
  remedy: 'serve.py:41 (append_output): drop the reference once the result is used.',
  gainBytes: 128 * MIB,
  gainHow: 'what the growing stacks hold at the end of the recording',
  wouldChange: 'Iterations after which allocated stays flat.',
  ...changes,
});

export const holders = (changes: Partial<Finding> = {}): Finding =>
  finding({
    id: 'who-holds',
    severity: 'info',
    title: 'Most memory at the peak: forward (model.py:103) with 512.00 MiB',
    headline: 'At the peak (2 GiB), most is held by:',
    confidence: 'certain',
    confidenceWhy: 'Every live byte has its stack.',
    evidence: ['103', '88', '41', '7'].map((line, stack) =>
      proof(`forward (model.py:${line}): 512.00 MiB in 60 allocations.`, { row: 700, stack }),
    ),
    remedy: null,
    gainBytes: null,
    gainHow: null,
    ...changes,
  });

const growth = (series: string, values: readonly number[]): DeviceDiagnosis['growth'][number] => ({
  series,
  kind: 'linear_leak',
  confidence: 'high',
  boundBytes: null,
  slopeBytesPerIteration: 32 * MIB,
  iterations: values.length,
  window: [100, 899],
  untilLimit: null,
  statistic: 'Kendall tau 1.00',
  why: ['Steady growth.'],
  values,
});

export const deviceDiagnosis = (changes: Partial<DeviceDiagnosis> = {}): DeviceDiagnosis => ({
  deviceKey: '0:0',
  device: 0,
  iterations: {
    method: 'period',
    count: 4,
    confidence: 'high',
    why: ['4 times the same round of allocations.'],
    rows: [100, 300, 500, 700, 900],
    startsNs: [1e8, 3e8, 5e8, 7e8, 9e8],
  },
  growth: [
    growth(
      'allocated',
      [32, 64, 96, 128].map((n) => n * MIB),
    ),
    growth(
      'active',
      [32, 64, 96, 128].map((n) => n * MIB),
    ),
    growth(
      'reserved',
      [40, 80, 120, 160].map((n) => n * MIB),
    ),
  ],
  growthParts: [],
  conclusion: { kind: 'leak', confidence: 'high', sentence: 'Allocated memory grows steadily.' },
  quality: {
    confidence: 'certain',
    began: 'empty',
    sentences: ['Recorded from the start.'],
    shareWithoutFrames: 0,
    settings: 'PYTORCH_CUDA_ALLOC_CONF=',
  },
  ledgers: [
    { when: 'end', ledger: ledger(899, GIB, 600 * MIB) },
    { when: 'peak', ledger: ledger(700, 2 * GIB, 1100 * MIB) },
  ],
  pins: null,
  withoutStack: null,
  ...changes,
});

function ledger(
  row: number,
  reserved: number,
  requested: number,
): DeviceDiagnosis['ledgers'][number]['ledger'] {
  return {
    row,
    reserved,
    used: null,
    deviceFrom: null,
    parts: [
      { id: 'requested', label: 'Live (requested)', bytes: exactly(requested), note: null },
      {
        id: 'releasable',
        label: 'Free and releasable',
        bytes: exactly(reserved - requested),
        note: null,
      },
      {
        id: 'non_torch',
        label: 'Not PyTorch',
        bytes: null,
        note: 'not known from the open files',
      },
    ],
    splitFor: [],
    splitWhy: 'it holds most',
    free: [],
    emptyCacheBytes: reserved - requested,
    largest: [
      {
        stream: '0',
        fromCache: 20 * MIB,
        withNewSegment: point(GIB),
        afterRelease: { least: GIB, most: 2 * GIB },
      },
    ],
    unknown: ['What else is on the device.'],
  };
}

export const diagnosis = (changes: Partial<Diagnosis> = {}): Diagnosis => ({
  findings: [finding(), holders()],
  devices: [deviceDiagnosis()],
  servers: [],
  requests: [],
  gaugeGrowth: [],
  clocks: [],
  contradictions: [],
  observations: [],
  compared: 0,
  faults: [],
  milliseconds: 12,
  ...changes,
});

/** What is pinned: by weights that take more than they pin, by one small block, by several stacks together. */
export const pins = (): PinsView => ({
  row: 899,
  pinnedBytes: 3 * GIB,
  aloneBytes: 2.5 * GIB,
  sharedBytes: 0.5 * GIB,
  privateBytes: 0,
  alone: [
    {
      stack: 4,
      label: '__init__ model.py:41',
      blocks: 28,
      blockBytes: 2 * GIB,
      releasedBytes: Math.round(3.3 * GIB),
      unpinnedBytes: Math.round(1.3 * GIB),
      row: 120,
    },
    {
      stack: 5,
      label: 'forward model.py:97',
      blocks: 1,
      blockBytes: 3 * MIB,
      releasedBytes: Math.round(1.2 * GIB) + 3 * MIB,
      unpinnedBytes: Math.round(1.2 * GIB),
      row: 850,
    },
  ],
  aloneTotal: 7,
  together: [
    {
      added: [
        { stack: 6, label: 'a x.py:1' },
        { stack: 7, label: 'b x.py:2' },
      ],
      holders: 2,
      blocks: 4,
      blockBytes: MIB,
      releasedBytes: 20 * MIB,
      unpinnedBytes: 19 * MIB,
    },
    {
      added: [{ stack: null, label: 'allocations of 512 B without a stack' }],
      holders: 3,
      blocks: 6,
      blockBytes: MIB,
      releasedBytes: 40 * MIB,
      unpinnedBytes: 39 * MIB,
    },
  ],
  togetherCut: false,
});
