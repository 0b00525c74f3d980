/** How stacks are looked at: which measure, which way round, what is folded, what is searched, where it is zoomed in. */
import type { Direction, StackMeasure } from '../../engine/protocol.ts';

export type StackShape = 'icicle' | 'flame' | 'table';

/** Plain data, so that a link can carry it. */
export interface StackChoice {
  readonly measure: StackMeasure;
  readonly direction: Direction;
  readonly shape: StackShape;
  /** Whether frames that the rules name are folded away. */
  readonly fold: boolean;
  /** Rules of its own, a line each; null: those of the engine. */
  readonly rules: readonly string[] | null;
  readonly collapse: boolean;
  readonly cpp: boolean;
  readonly search: string;
  /** Path of the node that fills the width, from the root: see `nodeKey`. Empty: the whole tree. */
  readonly focus: readonly string[];
  /** grown: just after this row; null: the beginning of the range. */
  readonly a: number | null;
}

export const FIRST_CHOICE: StackChoice = {
  measure: 'peak',
  direction: 'top-down',
  shape: 'icicle',
  fold: true,
  rules: null,
  collapse: true,
  cpp: false,
  search: '',
  focus: [],
  a: null,
};

export interface MeasureWords {
  readonly id: StackMeasure;
  readonly label: string;
  /** What the width of a frame is, for people who have not seen the view before. */
  readonly title: string;
}

export const MEASURES: readonly MeasureWords[] = [
  { id: 'peak', label: 'Alive at the peak', title: 'Requested bytes alive where most was requested' },
  { id: 'live', label: 'Alive at the moment', title: 'Requested bytes alive just after the chosen event' },
  { id: 'allocated', label: 'Allocated in the range', title: 'Bytes of all allocations made in the range' },
  { id: 'freed', label: 'Freed in the range', title: 'Bytes of all allocations that ended in the range' },
  { id: 'grown', label: 'Grown between A and B', title: 'What is alive at B less what is alive at A' },
  {
    id: 'byte_time',
    label: 'Bytes × time',
    title: 'Bytes times the seconds that they were held in the range',
  },
  { id: 'count', label: 'Number of allocations', title: 'How many allocations were made in the range' },
  {
    id: 'rounding',
    label: 'Rounding lost',
    title: 'Bytes of blocks beyond what was requested, at the moment',
  },
];

export const DIRECTIONS: readonly {
  readonly id: Direction;
  readonly label: string;
  readonly title: string;
}[] = [
  { id: 'top-down', label: 'Top-down', title: 'Callers above what they call' },
  { id: 'bottom-up', label: 'Bottom-up', title: 'The innermost frame first, its callers below it' },
  { id: 'by-file', label: 'By file', title: 'Package, file, line' },
];
