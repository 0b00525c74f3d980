/** The rows of `sites`: what each line holds at the peak and at the end, and how that grows. */
import { compareSideOf } from '../../analyze/compare-side.ts';
import { type PeakLines, peakLines } from '../../analyze/compare/peak-lines.ts';
import { type Site, sitesOf } from '../../analyze/compare/sites.ts';
import { visitLive } from '../../analyze/live.ts';
import type { Row } from '../../trace/table/column.ts';
import type { SITES } from '../../trace/table/facts.ts';
import { NONE } from '../../trace/schema.ts';
import type { AnalysisGrowth } from './analysis.ts';
import type { DeviceSession } from '../device-session.ts';
import { hashOf, whole } from './fact-ranks.ts';

export type SiteRow = Row<typeof SITES.fields>;

interface Held {
  requested: number;
  /** null: the block of one of them is not known. */
  blocks: number | null;
  count: number;
}

/** By label: what `analyze --json` calls a line. */
export type SitesOfDevice = readonly Omit<SiteRow, 'source' | 'file'>[];

export function siteRows(
  session: DeviceSession,
  producer: string,
  growth: readonly AnalysisGrowth[],
): { readonly lines: PeakLines; readonly rows: SitesOfDevice } {
  const facts = session.facts();
  const side = compareSideOf(facts, [], producer);
  const { trace, lifetimes, earlier, stacks } = side;
  const lines = peakLines(side);
  const sites = sitesOf(side);
  const sizeOf = facts.replay === null ? null : facts.sizeOf;
  const heldAt = (row: number): ReadonlyMap<Site, Held> => {
    const held = new Map<Site, Held>();
    visitLive(trace, lifetimes, earlier, row + 1, (_address, size, stack, _stream, at) => {
      const site = sites.of(stack);
      const one = held.get(site) ?? { requested: 0, blocks: 0, count: 0 };
      one.requested += size;
      one.count++;
      // What lived before the recording has no event that tells its block.
      one.blocks = one.blocks === null || sizeOf === null || at === NONE ? null : one.blocks + sizeOf(at);
      held.set(site, one);
    });
    return held;
  };
  const peak = heldAt(lines.row);
  const end = heldAt(trace.events.length - 1);
  const grows = new Map(
    growth
      .filter(({ by, series }) => by === 'line' && series === 'allocated')
      .map((one) => [one.name, one] as const),
  );
  const nothing: Held = { requested: 0, blocks: 0, count: 0 };
  const blocksOf = ({ blocks, count }: Held): bigint | null =>
    sizeOf === null && count === 0 ? null : whole(blocks);
  const rows = sites.all
    .filter((site) => peak.has(site) || end.has(site))
    .map((site) => {
      const [atPeak, atEnd] = [peak.get(site) ?? nothing, end.get(site) ?? nothing];
      const stack =
        site.stack === NONE
          ? ''
          : stacks
              .stack(site.stack)
              .map(({ name, filename, line }) => `${name}  ${filename}:${line}`)
              .join('\n');
      const judged = grows.get(site.label);
      return {
        device: trace.device,
        place: site.label,
        function: site.frame?.name ?? null,
        path: site.frame?.filename ?? null,
        line: site.frame?.line ?? null,
        peak_requested_bytes: BigInt(atPeak.requested),
        peak_bytes: blocksOf(atPeak),
        peak_count: BigInt(atPeak.count),
        end_requested_bytes: BigInt(atEnd.requested),
        end_bytes: blocksOf(atEnd),
        end_count: BigInt(atEnd.count),
        growth: judged?.kind ?? null,
        growth_bytes_per_iteration: whole(judged?.slope_bytes_per_iteration ?? null),
        stack,
        stack_hash: hashOf(stack),
      };
    })
    .sort((a, b) =>
      a.peak_requested_bytes === b.peak_requested_bytes
        ? a.place < b.place
          ? -1
          : 1
        : a.peak_requested_bytes < b.peak_requested_bytes
          ? 1
          : -1,
    );
  return { lines, rows };
}
