/** One device in a few figures: for a list of many ranks, of which none is kept. */
import { compareSideOf } from '../../analyze/compare-side.ts';
import { peakLines } from '../../analyze/compare/peak-lines.ts';
import { peakRow, valueAt } from '../../analyze/compare/side.ts';
import type { Curve } from '../../analyze/compare/side.ts';
import type { OverviewFigure, OverviewView } from '../compare-protocol.ts';
import type { DeviceSession } from '../device-session.ts';

function figureOf(curve: Curve | null): OverviewFigure | null {
  if (curve === null) return null;
  return { peak: valueAt(curve, peakRow(curve)), end: valueAt(curve, curve.after.length - 1) };
}

/** `limit`: lines, those with most bytes at the peak of what was asked for. */
export function overviewOf(session: DeviceSession, limit: number): OverviewView {
  const facts = session.facts();
  const side = compareSideOf(facts, [], session.source.producer);
  const { requested, lines } = peakLines(side);
  const growth = facts.growthOf('allocated');
  return {
    device: session.key,
    gpu: session.trace.device,
    requestedPeak: requested,
    allocated: figureOf(side.allocated),
    reserved: figureOf(side.reserved),
    exact: side.known,
    lines: lines
      .slice(0, limit)
      .map(({ site, bytes, allocations }) => ({ place: site.label, bytes, allocations })),
    iterations: side.loop.count,
    growth: growth?.atEnd.kind ?? null,
    outOfMemory: facts.ooms.length,
  };
}
