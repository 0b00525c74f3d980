/** Numbers as logs print them: the value, and how much the last printed digit is worth. */
import { lookup } from '../../base/lookup.ts';
import type { Printed } from '../../base/measured.ts';

const NUMBER = /^-?\d{1,20}(?:\.(\d{1,15}))?$/;

const BYTES: Readonly<Record<string, number>> = lookup({
  bytes: 1,
  byte: 1,
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
});

export const GIB = 1024 ** 3;

/** Bytes of a unit in its own right: MB is 10^6, MiB is 2^20. undefined: no unit of memory. */
export const unitBytes = (unit: string): number | undefined => BYTES[unit.toLowerCase()];

/**
 * "42.59" in units of 2^30 bytes, in whole bytes. Python's round() drops zeros at the end: `leastDecimals` is
 * how many digits the producer rounds to. null: not a number ("4x.00").
 */
export function figureOf(text: string | undefined, unit: number, leastDecimals = 0): Printed | null {
  const match = text === undefined ? null : NUMBER.exec(text);
  if (match === null) return null;
  const decimals = Math.max(match[1]?.length ?? 0, leastDecimals);
  const value = Number(text) * unit;
  return {
    value: unit > 1 ? Math.round(value) : value,
    granularity: decimals === 0 && unit === 1 ? 0 : unit * 10 ** -decimals,
  };
}

/** A count as printed with thousands separators: exact. */
export function countOf(text: string | undefined): Printed | null {
  return figureOf(text?.replaceAll(',', ''), 1);
}
