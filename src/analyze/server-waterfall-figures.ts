/** Printed figures as values with the largest error that their last printed digit leaves open. */

/** A figure and the most that the true one can be away from it, in the same unit. */
export interface Measured {
  readonly value: number;
  /** 0: exact. */
  readonly error: number;
}

/**
 * Printed digits are rounded, so the truth is at most half a digit away; readers then round to whole bytes, which is
 * half a byte more. Granularity 0 means that every digit was printed.
 */
export const measuredOf = (figure: { readonly value: number; readonly granularity: number }): Measured => ({
  value: figure.value,
  error: figure.granularity === 0 ? 0 : figure.granularity / 2 + 0.5,
});

export const exactly = (value: number): Measured => ({ value, error: 0 });

/** Sum; errors add, since nothing says that they cancel. */
export const sumOf = (figures: readonly Measured[]): Measured => ({
  value: figures.reduce((sum, { value }) => sum + value, 0),
  error: figures.reduce((sum, { error }) => sum + error, 0),
});

export const lessOf = (whole: Measured, part: Measured): Measured => ({
  value: whole.value - part.value,
  error: whole.error + part.error,
});

export const timesOf = (figure: Measured, factor: number): Measured => ({
  value: figure.value * factor,
  error: figure.error * Math.abs(factor),
});

/** Whether two figures can be the same number. A billionth of the value is left to floating point. */
export const canEqual = (one: Measured, other: Measured): boolean =>
  Math.abs(one.value - other.value) <= one.error + other.error + 1e-9 * Math.abs(one.value);
