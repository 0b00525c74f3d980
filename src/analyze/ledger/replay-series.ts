/** Curves that follow from the allocator replayed: exact where the replay is faithful, in place of bounds. */
import type { SeriesSpec } from '../../aggregate/series.ts';
import { setI64 } from '../../base/u64.ts';
import type { LedgerOverTime } from './over-time.ts';
import { isFaithful, type SelfReplay } from '../../replay/replay-result.ts';

const words = (values: Float64Array): Uint32Array => {
  const column = new Uint32Array(2 * values.length);
  for (let row = 0; row < values.length; row++) setI64(column, row, values[row]);
  return column;
};

/** Curves that the replay makes needless: bounds, and free ranges guessed from requests. */
const REPLACED: Readonly<Record<string, string>> = {
  allocated_floor: 'allocated',
  active_floor: 'active',
  largest_gap: 'largest_free',
  gaps: 'free_blocks',
};

/** What the ledger over time adds; worked out when one of its curves is first asked for. */
export type LedgerColumns = () => LedgerOverTime | null;

/** `specs` of a PyTorch device with those of its replay; as they are where the replay did not follow the recording. */
export function withReplay(
  specs: readonly SeriesSpec[],
  replay: SelfReplay | null,
  ledger: LedgerColumns,
): readonly SeriesSpec[] {
  if (replay === null || !isFaithful(replay)) return specs;
  const { curves, fidelity } = replay;
  const [allocated, active, inactiveSplit, largestFree, freeBlocks] = curves.before;
  const unknown = fidelity.unknownSizes;
  const note =
    unknown === 0
      ? null
      : `At least: ${unknown} large blocks from before the recording may each be up to 1 MiB larger than their request until they are freed.`;
  const curve = (
    id: string,
    label: string,
    unit: SeriesSpec['unit'],
    chart: SeriesSpec['chart'],
    initial: number,
    values: Float64Array,
    more: string | null,
    bound: SeriesSpec['bound'],
  ): SeriesSpec => ({
    id,
    label,
    unit,
    chart,
    exact: unknown === 0,
    bound: unknown === 0 ? null : bound,
    note: [more, note].filter((text) => text !== null).join(' ') || null,
    initial,
    values: () => words(values),
  });
  const made = [
    curve('active', 'Active', 'bytes', 'usage', active, curves.active, null, 'lower'),
    curve('allocated', 'Allocated', 'bytes', 'usage', allocated, curves.allocated, null, 'lower'),
    curve(
      'inactive_split',
      'Inactive split',
      'bytes',
      'fragmentation',
      inactiveSplit,
      curves.inactiveSplit,
      'Free blocks whose segment holds something else: empty_cache cannot give them back. Expandable segments do not count here, as in memory_stats.',
      null,
    ),
    curve(
      'largest_free',
      'Largest free block',
      'bytes',
      'fragmentation',
      largestFree,
      curves.largestFree,
      'Of any pool and stream: a request that large needs no new segment if it comes for that pool and stream.',
      'upper',
    ),
    curve('free_blocks', 'Free blocks', 'count', 'fragmentation', freeBlocks, curves.freeBlocks, null, null),
  ];
  const kept: SeriesSpec[] = [];
  for (const spec of specs) {
    const by = made.find(({ id }) => id === REPLACED[spec.id]);
    if (by === undefined) kept.push(spec);
    else if (by.chart === 'usage') kept.push(by);
  }
  // Drawn before the first row only; where memory was in use then, the column is asked for it when it is made.
  const releasableBefore = replay.fromEmpty ? 0 : (ledger()?.before.releasable ?? 0);
  const releasable = (): LedgerOverTime => {
    const made = ledger();
    if (made === null) throw new Error('the ledger over time needs a faithful replay');
    return made;
  };
  made.push({
    id: 'releasable',
    label: 'empty_cache would give back',
    unit: 'bytes',
    chart: 'fragmentation',
    exact: unknown === 0,
    bound: unknown === 0 ? null : 'upper',
    note: ['Whole free segments and pages of the default pool.', note]
      .filter((text) => text !== null)
      .join(' '),
    initial: releasableBefore,
    values: () => words(releasable().columns.releasable),
  });
  return [...kept, ...made.filter(({ chart }) => chart === 'fragmentation')];
}
