import { describe, expect, it } from 'vitest';
import type { TickedSites } from '../../../src/view/replay/replay-sites.ts';
import {
  editWords,
  editsOf,
  readSteps,
  sitesTable,
  sitesWords,
  toggled,
} from '../../../src/view/replay/replay-sites.ts';
import { GIB, MIB, sitesAnswer } from './replay-for-test.ts';

const none: TickedSites = new Map();
const ticks = (ticked: TickedSites, site = 'a'): string[] => [...(ticked.get(site) ?? [])];

describe('ticks', () => {
  it('halving and freeing early go together, leaving out goes alone', () => {
    const both = toggled(toggled(none, 'a', 'halve'), 'a', 'early');
    expect(ticks(both)).toEqual(['halve', 'early']);
    const dropped = toggled(both, 'a', 'drop');
    expect(ticks(dropped)).toEqual(['drop']);
    expect(ticks(toggled(dropped, 'a', 'halve'))).toEqual(['halve']);
  });

  it('come off again, and leave nothing behind', () => {
    const on = toggled(none, 'a', 'drop');
    expect(toggled(on, 'a', 'drop').size).toBe(0);
    expect(none.size).toBe(0);
  });

  it('are the edits that the engine is asked for', () => {
    const ticked = toggled(toggled(toggled(none, 'b', 'early'), 'b', 'halve'), 'c', 'drop');
    expect(editsOf(ticked, 10)).toEqual([
      { site: { label: 'b' }, kind: 'shrink', factor: 0.5 },
      { site: { label: 'b' }, kind: 'shorten', steps: 10 },
      { site: { label: 'c' }, kind: 'drop' },
    ]);
    expect(editWords(ticked, 1)).toEqual(['half the bytes of b', 'freed after 1 request: b', 'without c']);
  });
});

it('reads whole numbers of requests alone', () => {
  expect(['10', ' 0 ', '-1', '1.5', '', 'x'].map(readSteps)).toEqual([10, 0, null, null, null, null]);
});

describe('the table of sites', () => {
  it('says how the peak changes, and where a change makes it worse', () => {
    const { rows, columns, tickColumns } = sitesTable(
      sitesAnswer(),
      new Map([['mlp model.py:53', GIB / 2]]),
      'binary',
    );
    expect(rows.map(({ cells }) => cells.slice(3).map(({ text }) => text))).toEqual([
      ['−4 GiB', '−2 GiB', '…'],
      ['−1 GiB', '+1 MiB', '−512 MiB'],
    ]);
    expect(Object.entries(tickColumns).map(([id, index]) => columns[index].id === id)).toEqual([
      true,
      true,
      true,
    ]);
    expect(rows[1].cells[4].title).toContain(`+${MIB.toLocaleString('en')} bytes`);
  });

  it('says how many sites there are and how many were tried', () => {
    const [first] = sitesWords(sitesAnswer(), 10, 'binary');
    expect(first).toBe(
      'The reserved peak is 8 GiB; 5 GiB of it are requested by 12 of 14 sites, of which the largest 2 were tried.',
    );
    expect(sitesWords(sitesAnswer({ hasStacks: false }), 10, 'binary').join(' ')).toContain('no stacks');
    expect(sitesWords(sitesAnswer({ rows: [], sites: 0 }), 10, 'binary')).toEqual([
      'There are no allocations.',
    ]);
  });
});
