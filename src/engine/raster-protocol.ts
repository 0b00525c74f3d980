/** The picture of all allocations over time: for each pixel the one that is there. Plain data, sized by the picture. */
import type { RasterColumns } from '../analyze/lives/raster.ts';
import type { ExpressionFault } from '../analyze/lives/life-expression.ts';
import type { GroupBy } from '../analyze/lives/life-groups.ts';
import type { StackOrder } from '../analyze/lives/life-stacks.ts';
import type { Axis, Range } from './range.ts';

export type { StackOrder };

export interface RasterQuery {
  readonly device: string;
  /** null: everything. */
  readonly range: Range | null;
  readonly axis: Axis;
  /** Pixel columns, and pixels of each. */
  readonly columns: number;
  readonly rows: number;
  /** Bytes from the lowest pixel's lower edge to the highest one's upper edge; null: 0 to the most in the range. */
  readonly bytes: readonly [number, number] | null;
  /** Typed expression (docs/views.md); '' for all. */
  readonly filter: string;
  readonly order: StackOrder;
  readonly by: GroupBy;
}

/** A colour of the picture. */
export interface RasterGroup {
  readonly name: string;
  /** Held where most of the recording was requested, bytes; without a filter. */
  readonly bytesAtPeak: number;
  /** Typed expression that its lives alone pass; null: it holds what has no colour of its own. */
  readonly filter: string | null;
}

export interface RasterAnswer extends RasterColumns {
  readonly device: string;
  readonly range: Range;
  readonly order: StackOrder;
  readonly by: GroupBy;
  /** Start of each column on the axis; the last column ends at range.to. */
  readonly x: Float64Array;
  /** Pixels of a column. */
  readonly rows: number;
  readonly bytes: readonly [number, number];
  /** Life at each pixel, column by column, in it from the bottom up; -1: none. */
  readonly pixels: Int32Array;
  /** Index into `groups` of that life; 255: none. */
  readonly colours: Uint8Array;
  readonly groups: readonly RasterGroup[];
  /** The last group holds what has no colour of its own. */
  readonly hasRest: boolean;
  /** Lives with a lower number were made before the recording. */
  readonly earlier: number;
  /** Lives that pass, and all of the recording. */
  readonly lives: number;
  readonly all: number;
  /** Where most of what passes is requested in the whole recording: row (-1: before the first one), ns, bytes, lives. */
  readonly peak: {
    readonly row: number;
    readonly xNs: number;
    readonly bytes: number;
    readonly open: number;
  };
  /** Where the filter is no filter; nothing is drawn then. */
  readonly fault: ExpressionFault | null;
  readonly ranOn: { readonly milliseconds: number };
}

export interface LifePlaceQuery {
  readonly device: string;
  readonly filter: string;
  readonly order: StackOrder;
  /** Life to start from; null: none, so that the first step forward leads to the first one. */
  readonly life: number | null;
  /** Steps among those that pass, in the order in which they were made; ±Infinity: to the last, the first. */
  readonly step: number;
  /** Steps among those of the same line alone. */
  readonly sameLine: boolean;
}

/** Where an allocation is in the picture. */
export interface LifePlace {
  readonly life: number;
  /** Row after which it is first alive; -1: before the first one. */
  readonly madeRow: number;
  /** Row that ended it; null: it lives at the end. */
  readonly endedRow: number | null;
  readonly madeNs: number;
  readonly endedNs: number | null;
  /** Bytes [from, to) that it lies in, in the stack just after `madeRow`. */
  readonly from: number;
  readonly to: number;
}
