/** Sites ranked by what they cost: against the peaks of requests that are simple enough to add up. */
import { describe, expect, it } from 'vitest';
import { USUAL_HISTORY } from '../../src/replay/driver-addresses.ts';
import { OP, RequestBuilder, type Requests } from '../../src/replay/requests.ts';
import { DEFAULT_SETTINGS } from '../../src/replay/settings.ts';
import { rankSites, type SiteOptions } from '../../src/replay/sites.ts';

const MIB = 1 << 20;
const PLACE = { streamRank: [0], pools: 1, addresses: USUAL_HISTORY };

/** [stack, MiB]; a negative size frees the last of that stack. */
function requestsFrom(...steps: readonly (readonly [number, number])[]): Requests {
  const builder = new RequestBuilder(2 * steps.length, steps.length);
  const last = new Map<number, number>();
  steps.forEach(([stack, size], row) => {
    if (size < 0) {
      builder.step(OP.free_requested, last.get(stack)!, row);
      builder.step(OP.free_completed, last.get(stack)!, row);
      return;
    }
    last.set(stack, builder.make(size * MIB, 0, 0, stack));
    builder.step(OP.alloc, last.get(stack)!, row);
  });
  return builder.finish();
}

const options = (more: Partial<SiteOptions> = {}): SiteOptions => ({
  settings: DEFAULT_SETTINGS,
  limit: Infinity,
  capacity: Infinity,
  most: 10,
  siteOf: (stack) => `line ${Math.floor(stack / 10)}`,
  onProgress: () => undefined,
  isCancelled: () => false,
  ...more,
});

describe('sites', () => {
  // Lines 1 and 2 hold at the peak (row 3); line 3 is gone by then, its segment reused by line 2.
  const requests = requestsFrom([10, 40], [30, 60], [30, -1], [20, 60], [11, 20], [40, 1]);

  it('are ranked by what the reserved peak loses without them', async () => {
    const ranking = (await rankSites(requests, PLACE, options()))!;
    expect(ranking).toMatchObject({
      sites: 4,
      sitesAtPeak: 3,
      reservedPeak: 122 * MIB,
      peakRow: 5,
      liveBytes: 121 * MIB,
    });
    expect(
      ranking.rows.map((row) => [
        row.site,
        row.stacks,
        row.allocations,
        row.liveBytes / MIB,
        row.dropped.saved / MIB,
        row.halved.saved / MIB,
      ]),
    ).toEqual([
      ['line 1', 2, 2, 60, 60, 30],
      // Without line 2 the 20 of line 1 fit into what line 3 has left.
      ['line 2', 1, 1, 60, 20, 20],
      ['line 4', 1, 1, 1, 2, 0],
    ]);
    expect(ranking.rows[0]).toMatchObject({
      stack: 10,
      liveAllocations: 2,
      dropped: { reservedPeak: 62 * MIB, allocatedPeak: 61 * MIB },
    });
  });

  it('tries no more than asked for, those that hold most first', async () => {
    const steps: number[][] = [];
    const ranking = (await rankSites(
      requests,
      PLACE,
      options({ most: 1, onProgress: (done, total) => steps.push([done, total]) }),
    ))!;
    expect(ranking.rows.map(({ site }) => site)).toEqual(['line 1']);
    expect(ranking.sitesAtPeak).toBe(3);
    expect(steps).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  it('stops where it is cancelled', async () => {
    let asked = 0;
    expect(await rankSites(requests, PLACE, options({ isCancelled: () => ++asked > 2 }))).toBeNull();
    expect(asked).toBeLessThan(5);
  });

  it('are none where nothing was asked for', async () => {
    const ranking = (await rankSites(requestsFrom(), PLACE, options()))!;
    expect(ranking).toMatchObject({ rows: [], sites: 0, peakRow: null, reservedPeak: 0 });
  });
});
