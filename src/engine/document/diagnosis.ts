/** The diagnosis as `analyze --json` prints it (docs/cli.md). */
import { ungroup } from '../../diagnose/group-devices.ts';
import { withAmounts } from '../../base/amounts.ts';
import { plainFinding } from '../../diagnose/plain-finding.ts';
import { toJsonInteger } from '../../base/u64.ts';
import type { Bounds } from '../../base/measured.ts';
import { rankText } from '../../base/rank.ts';
import type {
  AnalysisClock,
  AnalysisContradiction,
  AnalysisFinding,
  AnalysisGrowth,
  AnalysisLedger,
  AnalysisWaterfall,
} from './analysis.ts';
import type { Diagnosis, LedgerView } from '../diagnosis.ts';

const round = (value: number | null): number | null => (value === null ? null : Math.round(value));

/** One for each device it is about, as a script reads them. `sourceOf`: index into `sources` of a device key. */
export function findingsOf(
  { findings }: Diagnosis,
  sourceOf: (key: string) => number | null,
): AnalysisFinding[] {
  return ungroup(findings)
    .map(plainFinding)
    .map((finding) => ({
      id: finding.id,
      source: finding.deviceKey === null ? null : sourceOf(finding.deviceKey),
      device: finding.device,
      severity: finding.severity,
      title: finding.title,
      verdict: finding.verdict,
      confidence: finding.confidence,
      confidence_why: finding.confidenceWhy,
      evidence: finding.evidence.map(({ text, row, rows }) => ({ text, row, rows })),
      remedy: finding.remedy,
      gain_bytes: finding.gainBytes,
      gain_how: finding.gainHow,
      would_change: finding.wouldChange,
      ...(finding.damage === undefined ? {} : { damage: finding.damage }),
    }));
}

export const growthOf = (
  { devices }: Diagnosis,
  sourceOf: (key: string) => number | null,
): AnalysisGrowth[] =>
  devices.flatMap(({ deviceKey, device, growth, growthParts }) =>
    [...growth.map((one) => ({ by: 'device' as const, name: null, ...one })), ...growthParts].map((one) => ({
      source: sourceOf(deviceKey),
      device,
      by: one.by,
      name: one.name,
      series: one.series,
      kind: one.kind,
      confidence: one.confidence,
      bound_bytes: one.boundBytes,
      slope_bytes_per_iteration: round(one.slopeBytesPerIteration),
      iterations: one.iterations,
      window: one.window,
      statistic: withAmounts(one.statistic, 'binary'),
    })),
  );

const endsOf = (bounds: Bounds | null): readonly [number, number] | null =>
  bounds === null ? null : [bounds.least, bounds.most];

/** `source`: index into `sources`. */
export const ledgerObject = (
  source: number | null,
  device: number,
  when: string,
  ledger: LedgerView,
): AnalysisLedger => ({
  source,
  device,
  when,
  row: ledger.row,
  reserved_bytes: ledger.reserved,
  parts: Object.fromEntries(ledger.parts.map(({ id, bytes }) => [id, bytes?.value ?? null])),
  used_bytes: ledger.used?.value ?? null,
  error_bytes: Object.fromEntries(
    [...ledger.parts, { id: 'used', bytes: ledger.used }].flatMap(({ id, bytes }) =>
      bytes !== null && bytes.error > 0 ? [[id, bytes.error]] : [],
    ),
  ),
  device_from: ledger.deviceFrom,
  free: ledger.free.map((one) => ({
    pool: one.pool,
    stream: one.stream,
    size_class: one.small ? 'small' : 'large',
    split_bytes: one.splitBytes,
    page_bytes: one.pageBytes,
    whole_bytes: one.wholeBytes,
  })),
  inactive_split_for: ledger.splitFor.map(({ stream, parts }) => ({
    stream,
    parts: Object.fromEntries(parts.map(({ id, bytes }) => [id, bytes?.value ?? 0])),
  })),
  empty_cache_bytes: ledger.emptyCacheBytes,
  largest_request: ledger.largest.map((one) => ({
    stream: one.stream,
    from_cache: one.fromCache,
    with_new_segment: endsOf(one.withNewSegment),
    after_release: endsOf(one.afterRelease),
  })),
  unknown: ledger.unknown,
});

export const ledgerOf = (
  { devices }: Diagnosis,
  sourceOf: (key: string) => number | null,
): AnalysisLedger[] =>
  devices.flatMap(({ deviceKey, device, ledgers }) =>
    ledgers.map(({ when, ledger }) => ledgerObject(sourceOf(deviceKey), device, when, ledger)),
  );

/** `sourceOf`: index into `sources` of a source id. */
export const budgetOf = (
  { servers }: Diagnosis,
  sourceOf: (id: number) => number | null,
): AnalysisWaterfall[] =>
  servers.flatMap(({ sourceId, waterfalls }) =>
    waterfalls.map((one) => ({
      source: sourceOf(sourceId),
      rank: rankText(one.rank),
      pod: one.rank.pod,
      producer: one.producer,
      basis: one.basis,
      total_bytes: one.total?.value ?? null,
      utilization: one.utilization,
      steps: one.steps.map(({ id, label, bytes }) => ({
        id,
        label,
        bytes: bytes.value,
        error_bytes: Math.ceil(bytes.error),
      })),
      remainder_bytes: one.remainder?.value ?? null,
      graphs_beyond_bytes: one.graphsOnTop?.value ?? null,
      graphs_place: one.graphsPlace,
      adds_up: one.addsUp,
      sentence: withAmounts(
        [one.statement, one.graphsStatement].filter((text) => text !== '').join(' '),
        'binary',
      ),
    })),
  );

export const clocksOf = ({ clocks }: Diagnosis, sourceOf: (id: number) => number | null): AnalysisClock[] =>
  clocks.map(({ sourceId, status, offsetNs, uncertaintyNs, confidence, sentence }) => ({
    source: sourceOf(sourceId),
    status,
    offset_ns: offsetNs === null ? null : toJsonInteger(offsetNs),
    uncertainty_ns: uncertaintyNs,
    confidence,
    sentence,
  }));

export const contradictionsOf = ({ contradictions }: Diagnosis): AnalysisContradiction[] =>
  contradictions.map(({ kind, files, device, differenceBytes, allowedBytes, sentence }) => ({
    kind,
    files,
    device,
    difference_bytes: differenceBytes,
    allowed_bytes: allowedBytes,
    sentence: withAmounts(sentence, 'binary'),
  }));
