/** A stretch of a recording on one of its two axes. */

export type Axis = 'time' | 'event';

/** Half-open interval on an axis: nanoseconds from the device's base, or rows. */
export interface Range {
  readonly axis: Axis;
  readonly from: number;
  readonly to: number;
}
