/** Iterations from what the recording or the caller marks: annotations with their times, and given times. */
import { asBigInt64 } from '../../base/u64.ts';
import type { Annotation, DeviceTrace } from '../../trace/capture.ts';
import type { EventTable } from '../../trace/schema.ts';
import { findPeriod } from './iteration-period.ts';

/** First row at or after a time (absolute ns); the number of rows where there is none. */
export function rowAtTime(events: EventTable, timeNs: bigint): number {
  const times = asBigInt64(events.time_ns);
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (times[middle] < timeNs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** "ProfilerStep#12" and "request 7" are one name each time: digits are what counts them. */
const familyOf = (name: string): string => name.replace(/\d+/g, '#');

/** Names that profilers give to whole steps. */
const STEP =
  /^(ProfilerStep|step|iteration|iter|train_step|training_step|request|execute_model)\b|^(step|iter|request)[_ ]?#/i;

const startsOf = (annotations: readonly Annotation[]): bigint[] =>
  annotations.map(({ start_ns }) => start_ns).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

export interface MarkedStarts {
  readonly name: string;
  /** Ascending starts, absolute ns. */
  readonly times: readonly bigint[];
  /** How the family was chosen, for the reader. */
  readonly reason: string;
  /** false: they mark a place in the iteration (the optimizer's step), so that the end of the last is not known. */
  readonly enclose: boolean;
}

/** Iterations that are annotated as a whole leave less than half of the time to what is between them. */
const ENCLOSING = 0.5;

/** Whether annotations hold their iterations as a whole; taken to, where their ends are not recorded. */
function enclose(annotations: readonly Annotation[]): boolean {
  const starts = startsOf(annotations);
  const all = Number(starts[starts.length - 1] - starts[0]);
  const lengths = annotations.map(({ start_ns, end_ns }) =>
    end_ns === null ? null : Number(end_ns - start_ns),
  );
  if (lengths.includes(null)) return true;
  const mean = lengths.reduce<number>((sum, length) => sum + (length ?? 0), 0) / lengths.length;
  return mean * (lengths.length - 1) >= ENCLOSING * all;
}

/**
 * The family of annotations that marks iterations: one named for steps; else the first in each round of those that
 * come in turn; else the only one there is. Families with fewer than three members inside the recording mark nothing.
 */
export function annotatedStarts({ annotations, events, clock }: DeviceTrace): MarkedStarts | null {
  if (events.length === 0 || clock === 'none') return null;
  const times = asBigInt64(events.time_ns);
  const [from, to] = [times[0], times[events.length - 1]];
  const families = new Map<string, Annotation[]>();
  for (const annotation of annotations) {
    // What ended before the first row kept tells nothing of the rows (a ring lost them).
    if (annotation.start_ns > to || (annotation.end_ns ?? to) < from) continue;
    const family = familyOf(annotation.name);
    const known = families.get(family);
    if (known === undefined) families.set(family, [annotation]);
    else known.push(annotation);
  }
  for (const [family, members] of families) if (members.length < 3) families.delete(family);
  for (const [family, members] of families) {
    if (STEP.test(family))
      return {
        name: family,
        times: startsOf(members),
        reason: `annotations named "${family}"`,
        enclose: enclose(members),
      };
  }
  const names = [...families.keys()];
  if (names.length === 1)
    return {
      name: names[0],
      times: startsOf(families.get(names[0])!),
      reason: `annotations named "${names[0]}", the only ones that come back`,
      enclose: enclose(families.get(names[0])!),
    };
  const inOrder = names
    .flatMap((family, index) => families.get(family)!.map(({ start_ns }) => ({ start_ns, index })))
    .sort((a, b) => (a.start_ns < b.start_ns ? -1 : a.start_ns > b.start_ns ? 1 : 0));
  const period = findPeriod(
    Uint32Array.from(inOrder, ({ index }) => index),
    names.length,
    false,
  );
  if (period === null) return null;
  const name = names[period.anchor];
  return {
    name,
    times: Array.from(period.anchors, (at) => inOrder[at].start_ns),
    reason: `annotations named "${name}", the first of ${period.covered} kinds that come in turn`,
    // The first of several is the beginning of an iteration at best.
    enclose: enclose(families.get(name)!),
  };
}
