/**
 * What a figure of a file can be. Every reader's figures go through these bounds (check-source.ts): beyond them a figure
 * is damage or another unit, and is left out rather than shown, summed or believed.
 */
import { formatInteger } from './units.ts';

/**
 * Most bytes that memory or a piece of it can have: 2^50 (1 PiB). A CUDA address has 49 bits, so nothing that a GPU
 * reaches is larger than 512 TiB; the largest device of 2026 has 0.3 TiB, and limits beyond any device (17 TB of
 * a quota) are far below.
 */
export const MOST_BYTES = 2 ** 50;

/** Most bytes of a running total (everything ever allocated) and most of anything counted: exact as a number. */
export const MOST_COUNT = Number.MAX_SAFE_INTEGER;

/** Most that a program can ask for: sizes are signed integers of 64 bits. A request that fails may be as large. */
export const MOST_ASKED = 2 ** 63;

/**
 * Most of a share, 1 being all. Printed shares pass 1 by rounding and by what is under way (tokens in flight); twice all
 * of something is no share of it.
 */
export const MOST_SHARE = 2;

/** Numbers of devices are small. */
export const MOST_DEVICE = 65_535;

/** Why a figure cannot be, as the end of "N is ..."; null: it can. `slack`: what its last printed digit is worth. */
export function whyNot(value: number, most: number, slack = 0): string | null {
  if (!Number.isFinite(value)) return 'no number';
  if (value < -slack) return 'below 0';
  if (value > most) return most === MOST_SHARE ? 'more than a share can be' : 'more than can be';
  return null;
}

/** The same of an amount of memory that is written to the byte, as the files of tools do. */
export const whyNotBytes = (value: number): string | null =>
  whyNot(value, MOST_BYTES) ?? (Number.isInteger(value) ? null : 'no whole number of bytes');

/** A figure as it is told of: short, whatever was printed. */
export const spelled = (value: number): string =>
  Number.isSafeInteger(value) ? formatInteger(value) : String(value);
