/** Where two programs begin to ask for other memory, or in another order: the first of their requests that differ. */
import { u64At } from '../../base/u64.ts';
import { ACTION } from '../../trace/schema.ts';
import { streamNames } from './held.ts';
import type { CompareSide } from './side.ts';
import type { Site, Sites } from './sites.ts';

export interface FirstDifferent {
  /** Rows of the events; null: the side has no further request. */
  readonly a: number | null;
  readonly b: number | null;
}

/** Rows that ask for memory or give it up. */
function* steps({ trace: { events } }: CompareSide): Generator<number> {
  for (let row = 0; row < events.length; row++) {
    const action = events.action[row];
    if (action === ACTION.alloc || action === ACTION.free_requested || action === ACTION.free) yield row;
  }
}

/** null: both ask for the same, in the same order. `other`: sites of B by those of A. */
export function firstDifferent(
  a: CompareSide,
  b: CompareSide,
  sitesA: Sites,
  sitesB: Sites,
  other: ReadonlyMap<Site, Site>,
): FirstDifferent | null {
  const [left, right] = [steps(a), steps(b)];
  const [streamsA, streamsB] = [streamNames(a), streamNames(b)];
  for (;;) {
    const [one, two] = [left.next(), right.next()];
    if (one.done === true && two.done === true) return null;
    if (one.done === true || two.done === true)
      return { a: one.done === true ? null : one.value, b: two.done === true ? null : two.value };
    const [eventsA, eventsB] = [a.trace.events, b.trace.events];
    const same =
      eventsA.action[one.value] === eventsB.action[two.value] &&
      u64At(eventsA.size, one.value) === u64At(eventsB.size, two.value) &&
      streamsA[eventsA.stream_index[one.value]] === streamsB[eventsB.stream_index[two.value]] &&
      (eventsA.action[one.value] !== ACTION.alloc ||
        other.get(sitesA.of(eventsA.stack_index[one.value])) === sitesB.of(eventsB.stack_index[two.value]));
    if (!same) return { a: one.value, b: two.value };
  }
}
