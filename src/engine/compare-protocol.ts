/** Two devices compared: the question and its answer. Plain data; bytes are exact, and a `difference` is B less A. */

/**
 * "peak": just after the first event at which the device holds most of what was asked for. "end": after the last event.
 * `row`: just after that event (-1: before all). `iteration`: at its end, from 1.
 */
export type CompareMoment = 'peak' | 'end' | { readonly row: number } | { readonly iteration: number };

export interface CompareQuery {
  /** Key of a device ("1:0"), or the number of a source that has one device. */
  readonly a: string | number;
  readonly b: string | number;
  readonly at: CompareMoment;
  /** Of B, where it is another one: two moments of one recording. */
  readonly atB?: CompareMoment;
  /** At most so many lines, the largest difference first; what is left out is summed up in `rest`. */
  readonly limit: number;
}

export interface CompareBoth {
  readonly a: number;
  readonly b: number;
  readonly difference: number;
}

export interface CompareFigure {
  /** Each side's own highest value. */
  readonly peak: CompareBoth;
  readonly end: CompareBoth;
  /** At the moment that is compared. */
  readonly at: CompareBoth;
}

/** Bytes, and the allocations that they are. */
export interface CompareAmount extends CompareBoth {
  readonly allocations: CompareBoth;
}

export interface CompareLine extends CompareAmount {
  /** "forward  app/model.py:97" in B, or in A where B has no such line; what was done where no line is known. */
  readonly place: string;
  /** null: the side has no such line. */
  readonly placeInA: string | null;
  readonly placeInB: string | null;
  /** false: no line of a program: an operation of the backward pass, or no stack. */
  readonly isLine: boolean;
  /** From 1: the line differs in this iteration and all later ones; 0: before the first one already; null: not known. */
  readonly iterationSince: number | null;
  /** How many allocations more are alive after each iteration than after the one before; null: not known. */
  readonly allocationsPerIteration: number | null;
  /** A stack of the line, to ask for its frames; null: none. */
  readonly stackInA: number | null;
  readonly stackInB: number | null;
}

export interface ComparePlace {
  readonly device: string;
  readonly file: string;
  /** Number of the device in its file. */
  readonly gpu: number;
  /** The moment: just after this row; -1: before the first one. */
  readonly row: number;
  /** Nanoseconds from the device's base; null: before the first row. */
  readonly xNs: number | null;
  /** Iteration that the row lies in, from 1; null: in none. */
  readonly iteration: number | null;
  /** false: what it held before its recording is a lower bound. */
  readonly exact: boolean;
}

export interface CompareView {
  readonly a: ComparePlace;
  readonly b: ComparePlace;
  /** Names the line; where no line differs, what does. With amounts as in findings. */
  readonly sentence: string;
  /** What else is to be known: settings, lines that moved, files that were renamed, bounds. */
  readonly notes: readonly string[];
  /** Asked for, until its free completed. `lines` and `rest` sum up to its `at`; so do `streams` and `sizeClasses`. */
  readonly requested: CompareFigure;
  /** In blocks; null: the allocator was not replayed to the byte on both sides. */
  readonly allocated: CompareFigure | null;
  /** null: not recorded. It depends on the history of the pool, too. */
  readonly reserved: CompareFigure | null;
  /** Lines that hold something on either side at the moment, the largest difference first. */
  readonly lines: readonly CompareLine[];
  readonly rest: CompareAmount & { readonly lines: number };
  /** Every reserved byte at the moment, by part; null: not known of both. */
  readonly ledger: readonly (CompareBoth & { readonly id: string; readonly label: string })[] | null;
  /** "0": the default stream; the others by the order of their first use, as their handles are new ones in every run. */
  readonly streams: readonly (CompareAmount & { readonly stream: string })[];
  /** Allocations of [from, to) bytes. */
  readonly sizeClasses: readonly (CompareAmount & { readonly from: number; readonly to: number })[];
  /** Those that differ; null: not recorded. */
  readonly settings: readonly {
    readonly name: string;
    readonly a: string | null;
    readonly b: string | null;
  }[];
  /** Iterations found in each, where they could be aligned. */
  readonly iterations: { readonly a: number; readonly b: number } | null;
  /** Events from which on the two ask for other memory, or in another order; a side is null where it has ended; null: nowhere. */
  readonly firstDifferent: { readonly a: number | null; readonly b: number | null } | null;
}

export interface OverviewFigure {
  readonly peak: number;
  readonly end: number;
}

/** One device in a few figures, for a list of many. */
export interface OverviewView {
  readonly device: string;
  /** Number of the device in its file. */
  readonly gpu: number;
  /** Asked for and held at the peak: what all lines sum up to. */
  readonly requestedPeak: number;
  /** null: the allocator was not replayed to the byte. */
  readonly allocated: OverviewFigure | null;
  /** null: not recorded. */
  readonly reserved: OverviewFigure | null;
  /** false: what it held before its recording is a lower bound. */
  readonly exact: boolean;
  /** At the peak of what was asked for, most bytes first. */
  readonly lines: readonly { readonly place: string; readonly bytes: number; readonly allocations: number }[];
  readonly iterations: number;
  /** Of allocated bytes: none, warm_up_plateau, steps_with_largest_request, linear_leak, sub_linear, cannot_tell; null: no iterations. */
  readonly growth: string | null;
  /** Requests that ended in an out-of-memory error. */
  readonly outOfMemory: number;
}
