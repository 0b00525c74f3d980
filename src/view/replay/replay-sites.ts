/** Allocation sites by what each would save, and the edits that are ticked. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { SiteEdit, SiteRow, SitesAnswer } from '../../engine/protocol.ts';
import { percentOf, signedBytes, signedInteger } from './replay.ts';
import type { Cell, Column, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

export type SiteChange = 'drop' | 'halve' | 'early';

export const CHANGES: readonly SiteChange[] = ['drop', 'halve', 'early'];

/** Sites that are edited, by name. */
export type TickedSites = ReadonlyMap<string, ReadonlySet<SiteChange>>;

/** A site that is dropped has nothing left to halve or to free. */
export function toggled(ticked: TickedSites, site: string, change: SiteChange): TickedSites {
  const before = ticked.get(site) ?? new Set<SiteChange>();
  const after = new Set(before);
  if (before.has(change)) after.delete(change);
  else {
    if (change === 'drop') after.clear();
    else after.delete('drop');
    after.add(change);
  }
  const all = new Map(ticked);
  if (after.size === 0) all.delete(site);
  else all.set(site, after);
  return all;
}

/** Requests that an allocation lives for at most when it is freed early, until another figure is typed. */
export const EARLY_STEPS = 10;

/** A count of requests as typed; null: it is none. */
export function readSteps(text: string): number | null {
  const steps = Number(text.trim());
  return /^\d+$/.test(text.trim()) && Number.isSafeInteger(steps) ? steps : null;
}

/** What a change means to the engine; `steps`: for freeing early. */
export function editOf(site: string, change: SiteChange, steps: number): SiteEdit {
  const which = { site: { label: site } };
  switch (change) {
    case 'drop':
      return { ...which, kind: 'drop' };
    case 'halve':
      return { ...which, kind: 'shrink', factor: 0.5 };
    case 'early':
      return { ...which, kind: 'shorten', steps };
  }
}

const changesOf = (ticked: TickedSites): (readonly [string, SiteChange])[] =>
  [...ticked].flatMap(([site, changes]) =>
    CHANGES.filter((change) => changes.has(change)).map((change) => [site, change] as const),
  );

export const editsOf = (ticked: TickedSites, steps: number): SiteEdit[] =>
  changesOf(ticked).map(([site, change]) => editOf(site, change, steps));

/** "without forward model.py:103", one a change. */
export const editWords = (ticked: TickedSites, steps: number): string[] =>
  changesOf(ticked).map(([site, change]) => {
    switch (change) {
      case 'drop':
        return `without ${site}`;
      case 'halve':
        return `half the bytes of ${site}`;
      case 'early':
        return `freed after ${count(steps, 'request')}: ${site}`;
    }
  });

/** Bytes of reserved peak that freeing early saves, by site; absent: not tried yet. */
export type EarlySavings = ReadonlyMap<string, number>;

const savedCell = (saved: number | undefined, peak: number, unit: ByteUnit): Cell =>
  saved === undefined
    ? cell('…', -Infinity, { title: 'Not tried yet' })
    : cell(signedBytes(-saved, unit), saved, {
        title: `Reserved peak ${signedInteger(-saved)} bytes (${percentOf(-saved, peak)})`,
      });

export interface SitesModel extends TableModel {
  /** By change: the column that has its figures and its ticks. */
  readonly tickColumns: Readonly<Record<SiteChange, number>>;
}

const TICK_COLUMNS = { drop: 3, halve: 4, early: 5 } as const;

export function sitesTable(answer: SitesAnswer, early: EarlySavings, unit: ByteUnit): SitesModel {
  const columns: Column[] = [
    { id: 'site', label: 'Allocated by', numeric: false, wide: true },
    { id: 'live', label: 'At the peak', numeric: true },
    { id: 'allocations', label: 'Requests', numeric: true },
    { id: 'drop', label: 'Dropped', numeric: true },
    { id: 'halve', label: 'Halved', numeric: true },
    { id: 'early', label: 'Freed early', numeric: true },
  ];
  const row = (one: SiteRow) => ({
    key: one.site,
    cells: [
      cell(one.site, one.site, {
        mono: true,
        title: `${one.site}${one.stacks > 1 ? `, ${count(one.stacks, 'stack')}` : ''}`,
      }),
      cell(formatBytes(one.liveBytes, unit), one.liveBytes, {
        title: `${formatInteger(one.liveBytes)} bytes in ${count(one.liveAllocations, 'allocation')}`,
        share: answer.liveBytes > 0 ? Math.min(1, one.liveBytes / answer.liveBytes) : null,
      }),
      cell(formatInteger(one.allocations), one.allocations),
      savedCell(one.dropped.saved, answer.reservedPeak, unit),
      savedCell(one.halved.saved, answer.reservedPeak, unit),
      savedCell(early.get(one.site), answer.reservedPeak, unit),
    ],
  });
  return {
    caption: 'Allocation sites by the reserved memory that they cost',
    columns,
    rows: answer.rows.map(row),
    total: null,
    sort: { column: 'drop', direction: 'descending' },
    tickColumns: TICK_COLUMNS,
  };
}

export function sitesWords(answer: SitesAnswer, steps: number, unit: ByteUnit): string[] {
  const { rows, sites, sitesAtPeak, reservedPeak, liveBytes, hasStacks } = answer;
  if (sites === 0) return ['There are no allocations.'];
  return [
    `The reserved peak is ${formatBytes(reservedPeak, unit)}; ${formatBytes(liveBytes, unit)} of it are requested by ${formatInteger(sitesAtPeak)} of ${count(sites, 'site')}${
      rows.length < sitesAtPeak ? `, of which the largest ${formatInteger(rows.length)} were tried` : ''
    }.`,
    `A cell says how the peak changes when all allocations of the site are left out, ask for half of their bytes, or are freed after ${count(steps, 'further request')} where they lived longer. Tick changes to try them together.`,
    ...(hasStacks
      ? []
      : ['The recording has no stacks, so that all allocations are one site. Record with stacks="all".']),
  ];
}
