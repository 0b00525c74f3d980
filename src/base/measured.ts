/**
 * Figures that are not known exactly, and how they are told. A printed figure is known to its last digit (`Printed`);
 * what is computed from such ones has an error both ways (`Measured`); of others no more is known than the least and the
 * most (`Bounds`). Errors add: nothing says that they cancel. No unit but in the texts, which are of bytes.
 */
import { type ByteUnit, byteScale, formatBytes, formatInteger } from './units.ts';

/** A figure as a text prints it. */
export interface Printed {
  readonly value: number;
  /** Width of the last printed digit; 0: exact. */
  readonly granularity: number;
}

/** A figure and the most that the true one can be away from it, in the same unit. */
export interface Measured {
  readonly value: number;
  /** 0: exact. */
  readonly error: number;
}

/** The true figure is in [least, most]. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export const exactly = (value: number): Measured => ({ value, error: 0 });

/**
 * Printed digits are rounded, so the truth is at most half a digit away; readers then round to whole bytes, which is
 * half a byte more.
 */
export const measuredOf = ({ value, granularity }: Printed): Measured => ({
  value,
  error: granularity === 0 ? 0 : granularity / 2 + 0.5,
});

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

export const point = (value: number): Bounds => ({ least: value, most: value });

export const boundsOf = ({ value, error }: Measured): Bounds => ({
  least: value - error,
  most: value + error,
});

/** The whole number in the middle, and how far it is to the further end. */
export function middleOf({ least, most }: Bounds): Measured {
  const value = Math.round((least + most) / 2);
  return { value, error: Math.max(most - value, value - least) };
}

export const plus = (a: Bounds, b: Bounds): Bounds => ({ least: a.least + b.least, most: a.most + b.most });

/** What is left of `a`, which may be of any size within its bounds while `b` is of any size within its own. */
export const minus = (a: Bounds, b: Bounds): Bounds => ({ least: a.least - b.most, most: a.most - b.least });

export const meet = (a: Bounds, b: Bounds): boolean => a.least <= b.most && b.least <= a.most;

/** Half a byte is what whole bytes leave open. */
const EXACT = 0.5;

/** "20.48 MiB" where every byte is known; "0.02 GiB" where it was printed to 0.01 GiB. "−" in front of what is negative. */
export function formatMeasured({ value, error }: Measured, unit: ByteUnit): string {
  const size = Math.abs(Math.round(value));
  const sign = value < 0 && size > 0 ? '−' : '';
  if (error <= EXACT) return `${sign}${formatBytes(size, unit)}`;
  // The unit in which the last of two decimals is about as wide as what is not known.
  const { step, name } = byteScale(200 * error, unit);
  const text = (size / step).toFixed(2);
  return `${Number(text) === 0 ? '' : sign}${text} ${name}`;
}

/** "9,232,221,491 bytes", "21,474,836 ± 5,368,710 bytes (printed digits)". */
export function exactMeasured({ value, error }: Measured): string {
  const size = formatInteger(Math.abs(Math.round(value)));
  const sign = Math.round(value) < 0 ? '−' : '';
  return `${sign}${size}${error <= EXACT ? '' : ` ± ${formatInteger(Math.ceil(error))}`} bytes${error <= EXACT ? '' : ' (printed digits)'}`;
}
