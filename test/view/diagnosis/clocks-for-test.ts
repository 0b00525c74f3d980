/** Clocks and disagreements as the engine tells them, for tests of models and of the page. */
import type { SourceClock, Disagreement } from '../../../src/engine/protocol.ts';

export const HOUR_NS = 3_600_000_000_000n;

export const clock = (changes: Partial<SourceClock> = {}): SourceClock => ({
  sourceId: 0,
  file: 'serve.pickle',
  clock: 'wall',
  status: 'reference',
  offsetNs: 0n,
  offsetText: '+0 s',
  uncertaintyNs: 0,
  zoneMinutes: null,
  matched: 0,
  of: 0,
  residual: null,
  confidence: 'high',
  reference: null,
  suggestedNs: null,
  suggestedText: null,
  sentence: 'serve.pickle is the reference.',
  ...changes,
});

/** A monitor whose times are those of a zone two hours east. */
export const monitorClock = (changes: Partial<SourceClock> = {}): SourceClock =>
  clock({
    sourceId: 1,
    file: 'smi.csv',
    clock: 'local',
    status: 'found',
    offsetNs: -2n * HOUR_NS,
    offsetText: '-2 h',
    uncertaintyNs: 500_000_000,
    zoneMinutes: 120,
    matched: 12,
    of: 14,
    residual: { medianNs: 20_000_000, maxNs: 1_500_000_000 },
    reference: 'serve.pickle',
    sentence: 'smi.csv: times of UTC+02:00; 12 of 14 steps match.',
    ...changes,
  });

/** Lines without times that have no place. */
export const placeless = (changes: Partial<SourceClock> = {}): SourceClock =>
  clock({
    sourceId: 2,
    file: 'report.log',
    clock: 'none',
    status: 'not found',
    offsetNs: null,
    offsetText: null,
    uncertaintyNs: null,
    confidence: 'none',
    sentence: 'report.log: it carries no times.',
    ...changes,
  });

export const disagreement = (changes: Partial<Disagreement> = {}): Disagreement => ({
  kind: 'used_below_reserved',
  sourceIds: [1, 0],
  files: ['smi.csv', 'serve.pickle'],
  device: 0,
  fromNs: 1_795_252_313_500_000_000n,
  toNs: 1_795_252_314_500_000_000n,
  count: 2,
  values: [
    { label: 'used', least: 2 ** 30, most: 2 ** 30 + 2 ** 20 },
    { label: 'reserved', least: 2 ** 31, most: 2 ** 31 },
  ],
  allowedBytes: 2 ** 20,
  differenceBytes: 2 ** 20 - 2 ** 30,
  sentence: 'smi.csv says that less of the device is used than serve.pickle had reserved on it.',
  ...changes,
});
