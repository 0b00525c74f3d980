/**
 * What a recording says of its own ring of entries (PyTorch's trace_alloc_overflowed and trace_alloc_max_entries) and
 * what its events show, held against each other. Where it says nothing the events alone tell (data-quality.ts).
 */
import type { Baseline } from '../../aggregate/baseline.ts';
import { count } from '../../base/words.ts';
import { formatInteger } from '../../base/units.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { NONE } from '../../trace/schema.ts';
import type { EarlierAllocation } from '../live.ts';

/**
 * `overflowed`: the oldest entries were overwritten. `late`: nothing was overwritten since recording began. `cleared`: the
 * same, but the history was on before and was emptied. null: the recording does not say.
 */
export type RingCause = 'overflowed' | 'late' | 'cleared' | null;

export interface RingFacts {
  readonly cause: RingCause;
  /** What the recording says, and what follows; null: it says nothing, or nothing that matters. */
  readonly sentence: string | null;
  /** What it says that its events contradict; null: nothing. */
  readonly contradiction: string | null;
}

/** A stack is kept with a block only if it was allocated while the history was recorded. */
export const hasOverwritten = ({ events }: DeviceTrace, earlier: readonly EarlierAllocation[]): boolean =>
  earlier.some(({ until, stack }) => until >= events.length && stack !== NONE);

const ringWords = (maxEntries: number | null): string =>
  maxEntries === null || maxEntries === Infinity
    ? 'its ring of entries'
    : `its ring of ${count(maxEntries, 'entry', 'entries')}`;

function contradictionOf({ ring, events }: DeviceTrace): string | null {
  const { maxEntries, overflowed } = ring ?? { maxEntries: null, overflowed: null };
  const rows = count(events.length, 'event');
  if (maxEntries === null) return null;
  if (overflowed === true && maxEntries === Infinity)
    return 'It says that its ring overflowed and that the ring has no limit: max_entries was raised while it ran, or the file is not as PyTorch wrote it.';
  if (overflowed === true && events.length < maxEntries)
    return `It says that ${ringWords(maxEntries)} overflowed, and holds ${rows}, fewer than that: max_entries was raised while it ran, or the file is not as PyTorch wrote it.`;
  if (overflowed !== true && events.length > maxEntries)
    return `It says that ${ringWords(maxEntries)}${overflowed === false ? ' did not overflow' : ' is all it has'}, and holds ${rows}, more than that: max_entries was lowered while it ran, or the file is not as PyTorch wrote it.`;
  return null;
}

export function ringFacts(
  trace: DeviceTrace,
  { whole, fromEmpty }: Baseline,
  earlier: readonly EarlierAllocation[],
): RingFacts {
  const { ring } = trace;
  const contradiction = contradictionOf(trace);
  if (ring === undefined || ring.overflowed === null) return { cause: null, sentence: null, contradiction };
  if (ring.overflowed)
    return {
      cause: 'overflowed',
      sentence: `The recording itself says that ${ringWords(ring.maxEntries)} overflowed: the oldest events are gone.${
        fromEmpty
          ? ' What they had allocated was all freed before the first event that is left, so that the curves are exact; peaks before it cannot be known.'
          : ''
      }`,
      contradiction,
    };
  if (whole) return { cause: 'late', sentence: null, contradiction };
  if (hasOverwritten(trace, earlier)) {
    const kept = earlier.filter(({ until, stack }) => until >= trace.events.length && stack !== NONE).length;
    return {
      cause: 'cleared',
      sentence: `The recording itself says that its ring did not overflow, but ${count(kept, 'block')} of before ${kept === 1 ? 'carries a stack' : 'carry stacks'}: the history was on earlier and was cleared (clear_history), or its ring was emptied.`,
      contradiction,
    };
  }
  return {
    cause: 'late',
    sentence: `The recording itself says that its ring did not overflow: it began late, and of its ${formatInteger(trace.events.length)} events none is missing.`,
    contradiction,
  };
}
