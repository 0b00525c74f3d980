/** A curve over the events of one device: either its change at every event, or its value after every event. */
export interface SeriesSpec {
  readonly id: string;
  readonly label: string;
  readonly unit: 'bytes' | 'count';
  readonly chart: 'usage' | 'fragmentation';
  readonly exact: boolean;
  readonly note: string | null;
  /** Value before the first event. */
  readonly initial: number;
  /** i64 words, one element an event. */
  readonly deltas?: () => Uint32Array;
  readonly values?: () => Uint32Array;
}
