/** The rows of `ranks`: a source and its devices in a few figures, the same ones that `analyze --json` prints. */
import { Xxh64 } from '../../file/xxh64.ts';
import type { AnalysisDevice, AnalysisGrowth, AnalysisLedger, AnalysisSource } from './analysis.ts';
import type { DeviceSession } from '../device-session.ts';
import type { OpenSource } from '../open-source.ts';
import type { Row } from '../../trace/table/column.ts';
import { EXACT_PARTS, type RANKS } from '../../trace/table/facts.ts';
import type { PeakLines } from '../../analyze/compare/peak-lines.ts';
import { compareSideOf } from '../../analyze/compare-side.ts';
import { type Curve, peakRow, requestedOf, valueAt } from '../../analyze/compare/side.ts';
import type { AboutSource } from './fact-source.ts';

export type RankRow = Row<typeof RANKS.fields>;

export const whole = (value: number | null): bigint | null =>
  value === null || !Number.isFinite(value) ? null : BigInt(Math.round(value));

/** XXH64 in hexadecimal; "" of nothing. */
export function hashOf(text: string): string {
  if (text === '') return '';
  const hash = new Xxh64();
  hash.update(new TextEncoder().encode(text));
  return hash.digest().toString(16).padStart(16, '0');
}

/** A line that holds less of the peak says little of what a rank does. */
const LEAST_SHARE = 0.01;

const programOf = ({ requested, lines }: PeakLines): string =>
  hashOf(
    lines
      .filter(({ bytes }) => bytes >= LEAST_SHARE * requested && bytes > 0)
      .map(({ site }) => site.label)
      .sort()
      .join('\n'),
  );

const NO_LEDGER = Object.fromEntries(
  (['peak', 'end'] as const).flatMap((when) => EXACT_PARTS.map((part) => [`${when}_${part}_bytes`, null])),
);

const ledgerOf = (ledgers: readonly AnalysisLedger[]): Readonly<Record<string, bigint | null>> => ({
  ...NO_LEDGER,
  ...Object.fromEntries(
    ledgers.flatMap(({ when, parts }) =>
      EXACT_PARTS.map((part) => [`${when}_${part}_bytes`, whole(parts[part] ?? null)]),
    ),
  ),
});

/** What is the same for all devices of a source. */
function sourceColumns(about: AboutSource, told: AnalysisSource, failed: boolean) {
  const why = told.error?.message ?? told.damage ?? null;
  return {
    source: about.source,
    file: told.file,
    rank_number: about.rankNumber,
    group_label: about.group,
    status: failed ? 'failed' : why === null ? 'whole' : 'damaged',
    why,
    format: told.format,
    producer: told.producer,
    bytes: BigInt(about.bytes),
    fingerprint: about.fingerprint,
    events: BigInt(told.rows),
    skipped: BigInt(told.skipped),
  };
}

const NO_DEVICE = {
  device: null,
  program: '',
  gpu_name: null,
  total_bytes: null,
  exact: false,
  limit_bytes: null,
  limit_how: null,
  room_bytes: null,
  requested_peak_bytes: null,
  requested_peak_row: null,
  requested_end_bytes: null,
  allocated_peak_bytes: null,
  allocated_end_bytes: null,
  reserved_peak_bytes: null,
  reserved_end_bytes: null,
  ...NO_LEDGER,
  end_used_bytes: null,
  iterations: null,
  growth: null,
  growth_confidence: null,
  growth_bytes_per_iteration: null,
  reserved_growth: null,
  out_of_memory: 0,
  retries: null,
};

/** A source that tells of no device, or could not be read. */
export const sourceRow = (about: AboutSource, told: AnalysisSource, failed: boolean): RankRow =>
  ({ ...sourceColumns(about, told, failed), ...NO_DEVICE }) as RankRow;

/** A source of which nothing is known but that it could not be read. */
export const failedRow = (about: AboutSource, why: string): RankRow => {
  const told = { file: about.source.split('/').at(-1)!, format: null, producer: '', rows: 0, skipped: 0 };
  const row = sourceRow(about, { ...told, bytes: about.bytes, warnings: [], not_recorded: [] }, true);
  return { ...row, why };
};

const peakOf = (curve: Curve | null): bigint | null =>
  curve === null ? null : whole(valueAt(curve, peakRow(curve)));
const endOf = (curve: Curve | null): bigint | null =>
  curve === null ? null : whole(valueAt(curve, curve.after.length - 1));

/** One device of a source, with what the document says of it. */
export function deviceRow(
  about: AboutSource,
  told: AnalysisSource,
  { session, open, lines }: { session: DeviceSession; open: OpenSource; lines: PeakLines },
  {
    device,
    ledgers,
    growth,
  }: {
    readonly device: AnalysisDevice | undefined;
    readonly ledgers: readonly AnalysisLedger[];
    readonly growth: readonly AnalysisGrowth[];
  },
): RankRow {
  const facts = session.facts();
  const side = compareSideOf(facts, [], open.loaded.data.producer);
  const requested = requestedOf(side);
  const reserved = side.reserved === null ? null : valueAt(side.reserved, peakRow(side.reserved));
  const limit = facts.limit;
  const [allocatedGrowth, reservedGrowth] = (['allocated', 'reserved'] as const).map(
    (series) => growth.find((one) => one.by === 'device' && one.series === series) ?? null,
  );
  const retries = device?.memory_stats['num_alloc_retries'];
  return {
    ...sourceColumns(about, told, false),
    ...NO_DEVICE,
    device: session.trace.device,
    program: programOf(lines),
    gpu_name: session.trace.name,
    total_bytes: whole(session.trace.total_bytes),
    exact: side.known,
    limit_bytes: limit === null ? null : whole(limit.bytes),
    limit_how: limit?.how ?? null,
    room_bytes: limit === null || reserved === null ? null : whole(limit.bytes - reserved),
    requested_peak_bytes: whole(lines.requested),
    requested_peak_row: BigInt(lines.row),
    requested_end_bytes: endOf(requested),
    allocated_peak_bytes: peakOf(side.allocated),
    allocated_end_bytes: endOf(side.allocated),
    reserved_peak_bytes: peakOf(side.reserved),
    reserved_end_bytes: endOf(side.reserved),
    ...ledgerOf(ledgers),
    end_used_bytes: ledgers.find(({ when }) => when === 'end')?.used_bytes ?? null,
    iterations: facts.iterations.count,
    growth: allocatedGrowth?.kind ?? null,
    growth_confidence: allocatedGrowth?.confidence ?? null,
    growth_bytes_per_iteration: whole(allocatedGrowth?.slope_bytes_per_iteration ?? null),
    reserved_growth: reservedGrowth?.kind ?? null,
    out_of_memory: facts.ooms.length,
    retries: typeof retries === 'number' ? BigInt(retries) : null,
  } as RankRow;
}
