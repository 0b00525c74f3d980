/** Which lines hold what at the peak of what was asked for, as `analyze --json` prints it (docs/cli.md). */
import { compareSideOf } from '../../analyze/compare-side.ts';
import { peakLines } from '../../analyze/compare/peak-lines.ts';
import { type Moment, requestedOf, rowOf } from '../../analyze/compare/side.ts';
import { TraceError } from '../../base/trace-error.ts';
import type { DeviceSession } from '../device-session.ts';

export interface AnalysisLine {
  /** "forward  app/model.py:97", or what was done where no line is known. */
  readonly place: string;
  /** null: no line is known. */
  readonly function: string | null;
  /** Path as it was recorded. */
  readonly file: string | null;
  readonly line: number | null;
  /** Asked for, and the allocations that they are. */
  readonly bytes: number;
  readonly allocations: number;
}

/** Of one device; the lines and the others sum up to `requested_bytes`. */
export interface AnalysisLines {
  /** Index into `sources`. */
  readonly source: number;
  readonly device: number;
  /** Just after this row, the first at which most was asked for and held; -1: before the first one. */
  readonly row: number;
  readonly requested_bytes: number;
  /** false: what was held before the recording is a lower bound. */
  readonly exact: boolean;
  /** Most bytes first. */
  readonly lines: readonly AnalysisLine[];
  /** Lines that are left out. */
  readonly others: { readonly lines: number; readonly bytes: number; readonly allocations: number };
}

/** Lines that are told of a device. */
const MOST_LINES = 200;

/** At a moment of the device; absent: at the peak. `most`: lines that are told. Throws `refused` where there is no such moment. */
export function linesOf(
  source: number,
  session: DeviceSession,
  at: Moment = 'peak',
  most = MOST_LINES,
): AnalysisLines {
  const side = compareSideOf(session.facts(), [], session.source.producer);
  const asked = at === 'peak' ? null : rowOf(side, requestedOf(side), at);
  if (at !== 'peak' && asked === null)
    throw new TraceError(
      'refused',
      `the recording has ${side.trace.events.length} events and ${side.loop.count} iterations`,
    );
  const { row, requested, lines } = peakLines(side, asked);
  const others = lines.slice(most);
  return {
    source,
    device: session.trace.device,
    row,
    requested_bytes: requested,
    exact: side.known,
    lines: lines.slice(0, most).map(({ site, bytes, allocations }) => ({
      place: site.label,
      function: site.frame?.name ?? null,
      file: site.frame?.filename ?? null,
      line: site.frame?.line ?? null,
      bytes,
      allocations,
    })),
    others: {
      lines: others.length,
      bytes: others.reduce((sum, { bytes }) => sum + bytes, 0),
      allocations: others.reduce((sum, { allocations }) => sum + allocations, 0),
    },
  };
}
