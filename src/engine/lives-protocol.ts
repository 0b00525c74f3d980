/** What the workspace's views ask of the lives of allocations, and what they get. Plain data, sized by what is on screen. */
import type { ExpressionFault } from '../analyze/lives/life-expression.ts';
import type { Frame } from '../trace/stack-table.ts';
import type { LifeSort } from '../analyze/lives/life-selections.ts';

export type { ExpressionFault, LifeSort };

/** One allocation. Its number is its place in the order in which they were made; those from before come first. */
export interface LifeRow {
  readonly life: number;
  /** "0x7fe134000000" */
  readonly address: string;
  /** Bytes. */
  readonly requested: number;
  readonly stream: string;
  /** Pool or memory kind; null: not known. */
  readonly pool: string | null;
  /** The line of the user's code that made it, or why there is none. */
  readonly label: string;
  /** Node of the stack tree; null: none recorded. */
  readonly stack: number | null;
  /** Row of its alloc and its time, ns from base; null: before the recording. */
  readonly madeRow: number | null;
  readonly madeNs: number | null;
  /** Row that ended it (free_completed) and its time; null: it lives at the end of the recording. */
  readonly endedRow: number | null;
  readonly endedNs: number | null;
}

export interface LivesQuery {
  readonly device: string;
  /** Typed expression (docs/views.md); '' for all. */
  readonly filter: string;
  readonly sort: LifeSort;
  readonly descending: boolean;
  /** Rows [from, from + limit) of the sorted list. */
  readonly from: number;
  readonly limit: number;
}

export interface LivesAnswer {
  readonly device: string;
  /** Lives that pass, what they requested in all (bytes), and how many there are without a filter. */
  readonly total: number;
  readonly bytes: number;
  readonly all: number;
  readonly rows: readonly LifeRow[];
  /** Where the filter is no filter; the list is empty then. */
  readonly fault: ExpressionFault | null;
}

/** Everything of one allocation. */
export interface LifeAnswer extends LifeRow {
  readonly device: string;
  /** Bytes of its block; null: not known. */
  readonly blockSize: number | null;
  /** Row at which its free was requested, where the block then waited for another stream; else null. */
  readonly freedRow: number | null;
  /** It is the reuse-th life at its address (from 0) of so many. */
  readonly reuse: number;
  readonly lives: number;
  /** Lives with the same stack: in all, alive just after it was made, and what those hold (bytes). */
  readonly sameStack: { readonly made: number; readonly alive: number; readonly aliveBytes: number };
  /** Innermost first. */
  readonly frames: readonly Frame[];
}

export interface EventsQuery {
  readonly device: string;
  /** Typed expression: events that begin or end a life that passes; '' for every event. */
  readonly filter: string;
  readonly from: number;
  readonly limit: number;
}

export interface EventRow {
  readonly row: number;
  readonly xNs: number;
  readonly action: string;
  readonly address: string;
  readonly size: number;
  readonly stream: string;
  readonly label: string;
  /** The allocation that it begins or ends; null: it does neither, or it is not known. */
  readonly life: number | null;
}

export interface EventsAnswer {
  readonly device: string;
  readonly total: number;
  readonly all: number;
  readonly rows: readonly EventRow[];
  readonly fault: ExpressionFault | null;
}

/** A list as it is filtered and sorted, to be saved. */
export interface ListQuery {
  readonly device: string;
  readonly mode: 'allocations' | 'events';
  readonly filter: string;
  readonly sort: LifeSort;
  readonly descending: boolean;
}
