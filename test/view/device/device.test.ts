/** What a device's page shows and how its state moves. */
import { describe, expect, it } from 'vitest';
import type {
  HeadlineView,
  MomentAnswer,
  RangeAnswer,
  SeriesView,
  SourceView,
} from '../../../src/engine/protocol.ts';
import {
  centred,
  fitted,
  idleShare,
  initialState,
  isFull,
  panned,
  toggled,
  wholeOf,
  zoomed,
} from '../../../src/view/device/device-state.ts';
import { holdersTable, kindsTable, segmentsTable } from '../../../src/view/device/device-tables.ts';
import type { HeadlineCard } from '../../../src/view/device/headline.ts';
import { headlineCards, sharedNotes } from '../../../src/view/device/headline.ts';
import { actionOf } from '../../../src/view/shell/keys.ts';
import { annotationLanes, oomMarks } from '../../../src/view/parts/marks.ts';
import { momentModel } from '../../../src/view/device/moment.ts';
import { tabByKey, tabGroups, tabLabel, tabsOf } from '../../../src/view/shell/tabs.ts';
import { device } from './device-for-test.ts';

describe('state', () => {
  it('begins with everything, on the axis that the file has', () => {
    expect(initialState(device())).toMatchObject({
      axis: 'time',
      span: { from: 0, to: 4.4e9 + 1 },
      selection: null,
    });
    expect(initialState(device({ clock: 'none' }))).toMatchObject({
      axis: 'event',
      span: { from: 0, to: 1000 },
    });
    expect(wholeOf(device({ rows: 0 }), 'event').to).toBe(1);
  });

  it('shows events where one idle stretch would take more than a quarter of the time axis', () => {
    const idle = (share: number, told = {}): ReturnType<typeof device> => {
      const { spanNs } = device();
      return device({ annotations: [], kernels: null, longestIdleNs: share * spanNs, ...told });
    };
    expect(idleShare(idle(0.85))).toBeCloseTo(0.85);
    expect(initialState(idle(0.85)).axis).toBe('event');
    expect(initialState(idle(0.2)).axis).toBe('time');
    // What is drawn under the axis has times alone.
    expect(initialState(idle(0.85, { producer: 'nsys' })).axis).toBe('time');
    const named = [{ name: 'step', startNs: 0, endNs: 1e9 }] as never;
    expect(initialState(idle(0.85, { annotations: named })).axis).toBe('time');
  });

  it('fits the chosen range, then everything', () => {
    const chosen = { ...initialState(device()), selection: { from: 1e9, to: 2e9 } };
    const once = fitted(chosen, device());
    expect(once.span).toEqual({ from: 1e9, to: 2e9 });
    expect(isFull(fitted(once, device()), device())).toBe(true);
  });

  it('goes to a moment without leaving the recording', () => {
    const { span } = centred(initialState(device()), device(), 4.4e9);
    expect(span.to).toBe(4.4e9 + 1);
    expect(span.to - span.from).toBeCloseTo((4.4e9 + 1) / 8, 3);
  });

  it('zooms and pans within the recording', () => {
    const near = zoomed(initialState(device()), device(), 0, 0.5);
    expect(near.span).toEqual({ from: 0, to: (4.4e9 + 1) / 2 });
    expect(panned(near, device(), 1e12).span.to).toBe(4.4e9 + 1);
  });

  it('hides a curve and shows it again', () => {
    const hidden = toggled(initialState(device()), 'reserved');
    expect([...hidden.hidden]).toEqual(['reserved']);
    expect([...toggled(hidden, 'reserved').hidden]).toEqual([]);
  });
});

it('a note that several cards carry is said once', () => {
  const card = (label: string, note: string | null) => ({ label, note }) as unknown as HeadlineCard;
  const { cards, notes } = sharedNotes([
    card('Allocated', 'A bound.'),
    card('Active', 'A bound.'),
    card('Reserved', 'Whole.'),
  ]);
  expect(cards.map(({ note }) => note)).toEqual([null, null, 'Whole.']);
  expect(notes).toEqual(['Allocated and Active: A bound.']);
});

describe('headline', () => {
  const figure: HeadlineView = {
    id: 'reserved',
    label: 'Reserved',
    now: 4_997_513_216,
    peak: 5_000_000_000,
    peakAtNs: 3.2e9,
    peakRow: 77,
    peakExact: true,
    note: null,
  };

  it('prints what is exact as it is, every digit in the title', () => {
    const [card] = headlineCards(device({ headline: [figure] }), 'binary');
    expect(card).toMatchObject({
      now: '4.65 GiB',
      nowTitle: '4,997,513,216 bytes',
      peak: '4.66 GiB',
      when: 'at 3.200 s',
      bound: false,
    });
  });

  it('never shows a bound as exact', () => {
    const [card] = headlineCards(device({ headline: [{ ...figure, peakExact: false }] }), 'binary');
    expect(card).toMatchObject({
      peak: 'at least 4.66 GiB',
      peakTitle: 'at least 5,000,000,000 bytes',
      bound: true,
    });
  });

  it('says so where the file does not tell', () => {
    const unknown = { ...figure, now: null, peak: null, peakAtNs: null, peakRow: null };
    const [card] = headlineCards(device({ headline: [unknown] }), 'binary');
    expect(card).toMatchObject({ now: 'not recorded', nowKnown: false, peak: 'not recorded', when: null });
  });

  it('tells the event where there is no clock', () => {
    const [card] = headlineCards(device({ headline: [figure], clock: 'none' }), 'decimal');
    expect(card).toMatchObject({ when: 'at event 77', now: '5 GB' });
  });
});

describe('marks', () => {
  const base = device().base;
  const mark = (name: string, from: number, to: number | null) => ({
    name,
    device: 0,
    start_ns: base + BigInt(from),
    end_ns: to === null ? null : base + BigInt(to),
  });
  const marked = device({
    annotations: [
      mark('outer', 0, 2e9),
      mark('inner', 1e9, 1.5e9),
      mark('next', 2e9, 3e9),
      mark('dot', 3.1e9, 3.1e9 + 10),
      mark('open', 4e9, null),
    ],
  });

  it('lays annotations in lanes that do not overlap, and counts those too narrow to see', () => {
    const lanes = annotationLanes(marked, { from: 0, to: 4.4e9 }, 880);
    expect(lanes.bars.map(({ name, lane }) => `${name} ${lane}`)).toEqual([
      'outer 0',
      'inner 1',
      'next 0',
      'open 0',
    ]);
    expect(lanes).toMatchObject({ lanes: 2, hidden: 1 });
    expect(lanes.bars[3].title).toMatch(/never closed/);
  });

  it('shows the narrow ones once zoomed in, and none that are out of view', () => {
    const lanes = annotationLanes(marked, { from: 3.1e9 - 10, to: 3.1e9 + 30 }, 880);
    expect(lanes.bars.map(({ name }) => name)).toEqual(['dot']);
  });

  it('puts out-of-memory marks where the axis wants them', () => {
    const oom = device({ ooms: [{ xNs: 5e8, row: 12, size: 2 ** 30, deviceFree: 2 ** 20 }] });
    expect(oomMarks(oom, 'time', 'binary')[0]).toMatchObject({ x: 5e8 });
    expect(oomMarks(oom, 'event', 'binary')[0]).toEqual({
      x: 12,
      xNs: 5e8,
      row: 12,
      when: 'at event 12',
      title: 'Out of memory: 1 GiB requested, 1 MiB free on the device',
    });
  });
});

describe('a moment', () => {
  const SERIES: readonly SeriesView[] = [
    {
      id: 'a',
      label: 'Active (at least)',
      unit: 'bytes',
      chart: 'usage',
      exact: false,
      bound: 'lower',
      note: null,
    },
  ];
  const moment: MomentAnswer = {
    device: '0:0',
    row: 6014,
    xNs: 1e9,
    timeNs: device().base,
    action: 'alloc',
    address: '0x7fe134000000',
    size: 3_079_680,
    stream: '0',
    group: 'large_pool',
    pool: null,
    actionName: null,
    notes: [],
    annotations: [],
    forward: [],
    frames: [],
    values: [{ id: 'a', label: 'Active (at least)', value: 1024, unit: 'bytes', exact: false }],
    partnerRow: 7000,
    partnerNs: 1.5e9,
  };

  it('says what the file tells beside: pool, metadata, annotations, an action of its own', () => {
    const model = momentModel(
      {
        ...moment,
        pool: '(0, 1)',
        actionName: 'defragment',
        notes: [
          { id: 'compile_context', text: 'Torch-Compiled Region: 0/0' },
          { id: 'user_metadata', text: 'request 7' },
        ],
        annotations: [{ row: 6020, text: 'saved for backward' }],
      },
      'wall',
      SERIES,
      'binary',
    );
    expect(model.heading).toBe('defragment, event 6,014');
    expect(model.facts.find(({ name }) => name === 'Private pool')?.value).toBe('(0, 1)');
    expect(model.notes.map(({ name, value }) => [name, value])).toEqual([
      ['Action in the file', 'defragment'],
      ['Compiled region', 'Torch-Compiled Region: 0/0'],
      ['Metadata of the program', 'request 7'],
      ['Noted at event 6,020', 'saved for backward'],
    ]);
    const facts = (pool: string | null) =>
      momentModel({ ...moment, pool }, 'wall', SERIES, 'binary').facts.filter(
        ({ name }) => name === 'Private pool',
      );
    expect(facts('').map(({ value }) => value)).toEqual(['none']);
    expect(facts(null)).toEqual([]);
  });

  it('says what happened, to the byte, and when it ended', () => {
    const model = momentModel(moment, 'session', SERIES, 'binary');
    expect(model.heading).toBe('alloc, event 6,014');
    expect(model.facts.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      'Time: 1.000000 s',
      'Size: 2.94 MiB',
      'Exactly: 3,079,680 bytes',
      'Address: 0x7fe134000000',
      'Stream: 0',
      'Pool or kind: large pool',
    ]);
    expect(model.partner).toEqual({ row: 7000, text: 'Freed 500.0 ms later' });
    expect(model.values[0]).toMatchObject({ value: '≥ 1 KiB', title: '≥ 1,024 bytes' });
  });

  it('speaks of events where there is no clock', () => {
    const model = momentModel({ ...moment, action: 'free_completed' }, 'none', SERIES, 'binary');
    expect(model.facts[0].name).toBe('Size');
    expect(model.partner?.text).toBe('Allocated at event 7,000');
    expect(momentModel({ ...moment, partnerRow: null }, 'wall', SERIES, 'binary').partner).toBeNull();
  });
});

describe('tables', () => {
  const answer = {
    liveBytes: 4000,
    holders: [
      { stack: 1, label: 'forward model.py:103', bytes: 3000, allocations: 3, largest: 2000 },
      { stack: null, label: 'before recording', bytes: 1000, allocations: 1, largest: 1000 },
    ],
    holdersTotal: 9,
    segments: [
      {
        address: '0x10',
        size: 4096,
        stream: '0',
        pool: 'large_pool',
        expandable: true,
        allocatedAtNs: null,
        liveBytes: 1024,
        liveAllocations: 1,
      },
    ],
    segmentsTotal: 1,
  } as unknown as RangeAnswer;
  const texts = (rows: readonly { cells: readonly { text: string }[] }[]): string[] =>
    rows.map(({ cells }) => cells.map(({ text }) => text).join(' | '));

  it('holders have their share of what is live', () => {
    const table = holdersTable(answer, 'decimal');
    expect(texts(table.rows)).toEqual([
      'forward model.py:103 | 3 kB | 75.0 % | 3 | 2 kB',
      'before recording | 1 kB | 25.0 % | 1 | 1 kB',
    ]);
    expect(table.total).toBe(9);
    expect(table.rows[1].cells[1].share).toBeCloseTo(1 / 3);
  });

  it('segments say which are expandable and older than the recording', () => {
    expect(texts(segmentsTable(answer, 'binary').rows)).toEqual([
      '0x10 | 4 KiB | 1 KiB | 25.0 % | 1 | 0 | large_pool, expandable | before',
    ]);
  });

  it('kinds are words', () => {
    const kinds = [{ kind: 'device_static', current: 1, peak: 2, allocated: 3, freed: 4, count: 5 }];
    expect(texts(kindsTable(device({ kinds }), 'binary').rows)).toEqual([
      'device static | 1 B | 2 B | 3 B | 4 B | 5',
    ]);
  });
});

describe('tabs', () => {
  const source = (id: number, changes: Partial<SourceView>): SourceView =>
    ({ id, file: `file${id}`, devices: [], summaries: [], error: null, ...changes }) as SourceView;
  const tabs = tabsOf([
    source(1, { devices: [device({ key: '1:0' }), device({ key: '1:1', device: 1 })] }),
    source(2, { summaries: [{ device: 3 }, { device: 3 }] as unknown as SourceView['summaries'] }),
    source(3, {}),
  ]);

  it('stand together by file; readings have one of their own where there is no device', () => {
    const told = { gauges: [], tables: [], budgets: [], events: [{}], clock: 'none' };
    const log = {
      file: 'server.log',
      formatTitle: 'vLLM log',
      readings: told,
    } as unknown as Partial<SourceView>;
    const both = [
      source(4, log),
      source(5, {
        file: 'server.log',
        summaries: [{ device: 0 }] as unknown as SourceView['summaries'],
      }),
      source(6, { ...log, file: 'b.json', devices: [device({ key: '6:0' })] }),
    ];
    expect(
      tabGroups(tabsOf(both)).map(({ file, tabs: own }) => [file, ...own.map((tab) => tabLabel(tab).part)]),
    ).toEqual([
      ['server.log', 'vLLM log', 'GPU 0, 1 summary'],
      ['b.json', 'GPU 0'],
    ]);
  });

  it('are one for each device, log of a device, and file with nothing in it', () => {
    expect(tabs.map((tab) => `${tab.id} ${tabLabel(tab).part}`)).toEqual([
      '1:0 GPU 0',
      '1:1 GPU 1',
      '2:log:3 GPU 3, 2 summaries',
      '3:empty nothing in it',
    ]);
  });

  it('answer arrow keys, round the ends', () => {
    const ids = ['a', 'b', 'c'];
    expect(['ArrowRight', 'ArrowLeft', 'Home', 'End', 'x'].map((key) => tabByKey(ids, 'c', key))).toEqual([
      'a',
      'b',
      'a',
      'c',
      null,
    ]);
  });
});

it('keys with modifiers stay the browser’s, but for opening files', () => {
  const press = (key: string, more: Partial<KeyboardEvent> = {}): string | null =>
    actionOf({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });
  expect([press('w'), press('W'), press('?'), press('Escape'), press('x')]).toEqual([
    'zoom-in',
    'zoom-in',
    'help',
    'clear',
    null,
  ]);
  expect(press('w', { ctrlKey: true })).toBeNull();
  expect(press('o', { ctrlKey: true })).toBe('open');
  expect(press('O', { metaKey: true })).toBe('open');
  expect(press('o', { altKey: true })).toBeNull();
});
