/**
 * Which lines of the program cost reserved memory: the requests served again without each site, and with its sizes
 * halved. Only the sites that hold most when the reserved peak is reached are tried, for each try serves every request
 * again; how many sites there are and how many were tried is part of the answer.
 */
import { breathe } from '../base/breathe.ts';
import { allocationsWhere, applyEdit, type Edit } from './edits.ts';
import { OP, type Requests } from './requests.ts';
import { type ReplayPlace, whatIf, type WhatIf, type WhatIfResult } from './what-if.ts';

export interface EditOutcome {
  /** Bytes. */
  readonly reservedPeak: number;
  /** Bytes of blocks. */
  readonly allocatedPeak: number;
  /** Bytes of reserved peak less than without the edit; negative: more. */
  readonly saved: number;
}

export interface SiteRow {
  /** Name that `siteOf` gives to its stacks. */
  readonly site: string;
  /** The one of its stacks that holds most at the peak. */
  readonly stack: number;
  /** How many stacks of its name allocate. */
  readonly stacks: number;
  /** Requests in the whole recording. */
  readonly allocations: number;
  /** Requested bytes held when the reserved peak is reached, until the free is completed. */
  readonly liveBytes: number;
  readonly liveAllocations: number;
  readonly dropped: EditOutcome;
  readonly halved: EditOutcome;
}

export interface SiteRanking {
  /** Tried sites, the one that saves most when dropped first. */
  readonly rows: readonly SiteRow[];
  /** Sites that allocate anything, and those of them that hold memory at the peak. */
  readonly sites: number;
  readonly sitesAtPeak: number;
  /** Without any edit, bytes. */
  readonly reservedPeak: number;
  readonly allocatedPeak: number;
  /** Row of the events at which the reserved peak is first reached; null: there are no requests. */
  readonly peakRow: number | null;
  /** Requested bytes of all sites held then. */
  readonly liveBytes: number;
}

export interface SiteOptions extends Pick<WhatIf, 'settings' | 'limit' | 'capacity'> {
  /** At most so many sites are tried. */
  readonly most: number;
  readonly siteOf: (stack: number) => string;
  readonly onProgress: (done: number, total: number) => void;
  readonly isCancelled: () => boolean;
}

interface Tally {
  readonly site: string;
  readonly byStack: Map<number, number>;
  allocations: number;
  liveBytes: number;
  liveAllocations: number;
}

/** null: cancelled. */
export async function rankSites(
  requests: Requests,
  place: ReplayPlace,
  options: SiteOptions,
): Promise<SiteRanking | null> {
  const { settings, limit, capacity } = options;
  const run = (changed: Requests, curve = false): WhatIfResult =>
    whatIf(changed, place, { settings, limit, capacity, curve });
  const base = run(requests, true);
  const peak = firstPeak(base.reserved!);
  const tallies = tallySites(requests, peak, options.siteOf);
  const holding = tallies.filter(({ liveBytes }) => liveBytes > 0);
  const tried = holding.sort((a, b) => b.liveBytes - a.liveBytes).slice(0, options.most);
  const outcome = (edited: Requests): EditOutcome => {
    const { stats } = run(edited);
    const reservedPeak = stats['reserved_bytes.all.peak'];
    return {
      reservedPeak,
      allocatedPeak: stats['allocated_bytes.all.peak'],
      saved: base.stats['reserved_bytes.all.peak'] - reservedPeak,
    };
  };
  const rows: SiteRow[] = [];
  for (const [done, { site, byStack, ...figures }] of tried.entries()) {
    options.onProgress(done, tried.length);
    const mask = allocationsWhere(requests, (stack) => byStack.has(stack));
    const edited = async (edit: Edit): Promise<EditOutcome | null> => {
      await breathe();
      return options.isCancelled() ? null : outcome(applyEdit(requests, mask, edit));
    };
    const dropped = await edited({ kind: 'drop' });
    const halved = await edited({ kind: 'shrink', factor: 0.5 });
    if (dropped === null || halved === null) return null;
    const [stack] = [...byStack].reduce((most, one) => (one[1] > most[1] ? one : most));
    rows.push({ site, stack, stacks: byStack.size, ...figures, dropped, halved });
  }
  options.onProgress(tried.length, tried.length);
  return {
    rows: rows.sort((a, b) => b.dropped.saved - a.dropped.saved || b.halved.saved - a.halved.saved),
    sites: tallies.length,
    sitesAtPeak: holding.length,
    reservedPeak: base.stats['reserved_bytes.all.peak'],
    allocatedPeak: base.stats['allocated_bytes.all.peak'],
    peakRow: peak < 0 ? null : requests.row[peak],
    liveBytes: tallies.reduce((sum, { liveBytes }) => sum + liveBytes, 0),
  };
}

/** Index of the first largest value; -1: there is none. */
function firstPeak(values: Float64Array): number {
  let at = values.length > 0 ? 0 : -1;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}

/** Every site, and what it holds after step `peak`. */
function tallySites(requests: Requests, peak: number, siteOf: (stack: number) => string): Tally[] {
  const { op, allocation, stack, requested } = requests;
  const live = new Uint8Array(requests.allocations);
  const asked = new Uint8Array(requests.allocations);
  for (let step = 0; step < requests.length; step++) {
    const which = allocation[step];
    if (op[step] === OP.alloc) asked[which] = 1;
    if (step > peak) continue;
    if (op[step] === OP.alloc) live[which] = 1;
    else if (op[step] === OP.free_completed) live[which] = 0;
  }
  const bySite = new Map<string, Tally>();
  const byStack = new Map<number, Tally>();
  for (let which = 0; which < requests.allocations; which++) {
    if (asked[which] === 0) continue;
    let tally = byStack.get(stack[which]);
    if (tally === undefined) {
      const site = siteOf(stack[which]);
      tally = bySite.get(site);
      if (tally === undefined) {
        tally = { site, byStack: new Map(), allocations: 0, liveBytes: 0, liveAllocations: 0 };
        bySite.set(site, tally);
      }
      byStack.set(stack[which], tally);
    }
    const bytes = live[which] * requested[which];
    tally.byStack.set(stack[which], (tally.byStack.get(stack[which]) ?? 0) + bytes);
    tally.allocations++;
    tally.liveBytes += bytes;
    tally.liveAllocations += live[which];
  }
  return [...bySite.values()];
}
