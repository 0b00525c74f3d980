/** Which lines of the program hold what at the peak of what was asked for: what a later run is held against. */
import { NONE } from '../../trace/schema.ts';
import { type Amount, heldAfter } from './held.ts';
import { type CompareSide, peakRow, requestedOf, valueAt } from './side.ts';
import { type Site, sitesOf } from './sites.ts';

export interface PeakLines {
  /** Just after this row; -1: before the first one. */
  readonly row: number;
  /** Bytes asked for; the lines sum up to it. */
  readonly requested: number;
  /** Most bytes first. */
  readonly lines: readonly (Amount & { readonly site: Site })[];
}

/** `at`: just after this row; null: at the peak. */
export function peakLines(side: CompareSide, at: number | null = null): PeakLines {
  const requested = requestedOf(side);
  const row = at ?? peakRow(requested);
  const { bySite } = heldAfter(side, sitesOf(side), row);
  const lines = [...bySite].map(([site, held]) => ({ site, ...held }));
  lines.sort((a, b) => b.bytes - a.bytes || (a.site.label < b.site.label ? -1 : 1));
  return { row, requested: valueAt(requested, row), lines };
}

/** A line of another document, of which only its place and what it held is known, as a site to match. */
export const siteOfPlace = (
  index: number,
  place: {
    readonly label: string;
    readonly frame: Site['frame'];
    readonly bytes: number;
    readonly allocations: number;
  },
): Site => ({
  index,
  label: place.label,
  frame: place.frame,
  stack: NONE,
  inner: new Set(),
  callers: new Set(),
  // What it holds in all tells lines apart where nothing else does.
  sizes: new Map([[place.bytes, 1]]),
  allocations: place.allocations,
});
