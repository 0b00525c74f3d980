/** What the view of stacks asks and gets: a tree of stacks by one measure, and the page of one line. Plain data. */
import type { CutTree } from '../analyze/lives/stack-cut.ts';
import type { ExpressionFault } from '../analyze/lives/life-expression.ts';
import type { Direction } from '../analyze/lives/stack-tree.ts';
import type { Frame } from '../trace/stack-table.ts';
import type { Axis, Range } from './range.ts';

export type { Direction };

/** What the width of a frame is. */
export type StackMeasure =
  'live' | 'peak' | 'allocated' | 'freed' | 'grown' | 'byte_time' | 'count' | 'rounding';

export interface StackTreeQuery {
  readonly device: string;
  readonly measure: StackMeasure;
  /** allocated, freed, byte_time, count: the range; null: the whole recording. grown: its ends where a, b are null. */
  readonly range: Range | null;
  /** live, rounding: just after this row (-1: before the first); null: the end of the recording. */
  readonly moment: number | null;
  /** grown: just after rows a and b; null: just before and at the end of the range. */
  readonly a: number | null;
  readonly b: number | null;
  /** Typed expression (docs/views.md); '' for all. */
  readonly filter: string;
  readonly direction: Direction;
  /** Rules of frames that are folded away (docs/views.md), a line each; empty: none is. null: those of the engine. */
  readonly hide: readonly string[] | null;
  readonly collapseRecursion: boolean;
  /** Whether frames of compiled code are shown where no rule hides them. */
  readonly cpp: boolean;
  /** A text or /expression/ to look for in frames; '' for none. */
  readonly search: string;
  /** Number of a node in the whole tree: it and what is below it are told in full. null: all. */
  readonly within: number | null;
  /** A node of the stack table: where it is in this tree is told. */
  readonly mark: number | null;
}

/** Whose a frame is: the user's own code, an installed package, what rules know as framework, compiled code. */
export type FrameOwner = 'own' | 'package' | 'framework' | 'native';

export interface TreeFrame extends Frame {
  readonly owner: FrameOwner;
  /** "torch", "transformers"; null: the user's own. */
  readonly package: string | null;
}

/** Columns of nodes, callers before what they call, siblings by width; what has no stack first. */
export type StackTreeNodes = CutTree;

export interface StackTotal {
  readonly total: number;
  readonly up: number;
  readonly down: number;
  readonly count: number;
}

export interface StackTreeAnswer {
  readonly device: string;
  readonly measure: StackMeasure;
  readonly unit: 'bytes' | 'byte_seconds' | 'count';
  /** Rows [from, to) of the range; the moment; both moments of a difference: what was really asked. */
  readonly rows: readonly [number, number];
  readonly moment: number;
  readonly a: number;
  readonly b: number;
  /** Their times, ns from base; null: before the first row. */
  readonly momentNs: number | null;
  readonly aNs: number | null;
  readonly bNs: number | null;
  /** The moment is the end of the recording. */
  readonly atEnd: boolean;
  readonly total: StackTotal;
  /** Of it: what has no stack. */
  readonly stackless: StackTotal;
  /** Nodes of the whole tree. */
  readonly allNodes: number;
  readonly nodes: StackTreeNodes;
  readonly frames: readonly TreeFrame[];
  /** What the search finds: stacks with such a frame, each counted once. null: nothing was searched. */
  readonly found: (StackTotal & { readonly nodes: number }) | null;
  /** Place in `nodes` of the stack asked for by `mark`, or of the nearest caller of it that is here; -1. */
  readonly marked: number;
  /** Distinct frames in these stacks, and how many of them are folded. */
  readonly seenFrames: number;
  readonly hiddenFrames: number;
  /** The engine's own rules, and the sets that rules can name, with what is in them. */
  readonly rules: readonly string[];
  readonly ruleSets: readonly (readonly [name: string, what: string])[];
  /** Allocations that the measure cannot weigh, and their bytes (rounding: blocks that are not known). */
  readonly unknown: { readonly count: number; readonly bytes: number };
  /** Why the measure has nothing exact to say; the tree is empty then. */
  readonly why: string | null;
  /** Where the filter, a rule or the search cannot be read; the tree is empty then. */
  readonly fault: {
    readonly of: 'filter' | 'rules' | 'search';
    readonly why: string;
    readonly at: ExpressionFault | null;
  } | null;
}

/** Which allocations a line's page is about. */
export type LineOf =
  /** Those whose line is called so (LifeRow.label). */
  | { readonly kind: 'label'; readonly label: string }
  /** Those whose stack goes through this node of the stack table. */
  | { readonly kind: 'stack'; readonly node: number }
  /** Those with this frame anywhere in their stack. */
  | { readonly kind: 'frame'; readonly frame: Frame };

export interface LineQuery {
  readonly device: string;
  readonly of: LineOf;
  readonly filter: string;
  readonly axis: Axis;
  /** null: the whole recording. */
  readonly range: Range | null;
  /** Pixel columns. */
  readonly columns: number;
  /** Rows just before which its bytes are told: where iterations begin. */
  readonly marks: readonly number[];
}

export interface LineAnswer {
  readonly device: string;
  readonly range: Range;
  /** Live bytes of the line by pixel column. A column without events holds what was carried into it in all four. */
  readonly x: Float64Array;
  readonly first: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly last: Float64Array;
  /** Over the whole recording: allocations made in it, their bytes; what was there before it. */
  readonly made: { readonly count: number; readonly bytes: number };
  readonly earlier: { readonly count: number; readonly bytes: number };
  readonly atEnd: { readonly count: number; readonly bytes: number };
  /** Where it held most: after this row (-1: before the first), ns from base. */
  readonly peak: {
    readonly row: number;
    readonly xNs: number;
    readonly bytes: number;
    readonly count: number;
  };
  /** Sizes as requested, those with most bytes first, at most 24. */
  readonly sizes: readonly { readonly size: number; readonly count: number }[];
  /** What is left out of `sizes`. */
  readonly otherSizes: { readonly sizes: number; readonly count: number; readonly bytes: number };
  /** How long they lived, by class; classes that hold nothing are left out. */
  readonly lifetimes: readonly { readonly label: string; readonly count: number; readonly bytes: number }[];
  /** Live bytes just before each of the rows asked for. */
  readonly atMarks: Float64Array;
  readonly fault: ExpressionFault | null;
}
