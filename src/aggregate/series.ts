/** A curve over the events of one device: either its change at every event, or its value after every event. */
export interface SeriesSpec {
  readonly id: string;
  readonly label: string;
  readonly unit: 'bytes' | 'count';
  readonly chart: 'usage' | 'fragmentation';
  readonly exact: boolean;
  /** Where not exact: which side of the truth it lies on, null where neither can be promised. */
  readonly bound: 'lower' | 'upper' | null;
  readonly note: string | null;
  /** Value before the first event. */
  readonly initial: number;
  /** i64 words, one element an event. */
  readonly deltas?: () => Uint32Array;
  readonly values?: () => Uint32Array;
}
