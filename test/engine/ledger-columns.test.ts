/** The ledger over time by pixel columns: each column one event to the byte, and no peak of what is reserved lost. */
import { describe, expect, it } from 'vitest';
import { NO_DEVICE_SIDE } from '../../src/analyze/ledger/non-torch-near.ts';
import { passesThrough } from '../../src/analyze/passing-free.ts';
import { LEDGER_COLUMNS } from '../../src/analyze/ledger/over-time.ts';
import { chosenAlike } from '../../src/engine/kernel-choice.ts';
import { DeviceSession } from '../../src/engine/device-session.ts';
import { ledgerColumns } from '../../src/engine/answer/ledger-columns.ts';
import type { LedgerColumns, LedgerColumnsQuery } from '../../src/engine/protocol.ts';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import type { SourceData } from '../../src/trace/capture.ts';
import { ACTION } from '../../src/trace/schema.ts';
import { fixtureBytes, recordingBytes, snapshotOf } from '../read/snapshot/fixtures.ts';
import { sharedTraces } from '../shared-traces.ts';

const session = (data: SourceData, trace = data.devices[0]): DeviceSession =>
  new DeviceSession(1, data, trace, chosenAlike({ kernels: createCpuKernels(), reason: 'a test' }));

const ask = (of: DeviceSession, query: Partial<LedgerColumnsQuery> = {}): LedgerColumns =>
  ledgerColumns(
    of,
    { device: of.key, range: null, axis: 'event', columns: 100, ...query },
    () => NO_DEVICE_SIDE,
  );

function told(answer: LedgerColumns): NonNullable<LedgerColumns['parts']> {
  if (answer.parts === null) throw new Error(answer.why ?? '');
  return answer.parts;
}

/** Every column against the rows it holds, found by looking at all of them. */
function checkColumns(of: DeviceSession, query: Partial<LedgerColumnsQuery>): void {
  const answer = ask(of, query);
  const { row, reserved, parts, end } = told(answer);
  const whole = of.ledgerColumns!;
  const columnOf = (id: string): Float64Array =>
    whole.columns[
      LEDGER_COLUMNS.find((name) => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`) === id)!
    ];
  const place = (at: number): number => (answer.range.axis === 'event' ? at : of.timeOf(at));
  // A free that nothing waits for is one step of two rows.
  const settled = (at: number): number => (passesThrough(of.trace, at) ? at + 1 : at);
  const apart: string[] = [];
  const say = (column: number, what: string): unknown => apart.push(`column ${column}: ${what}`);
  let next = 0;
  while (next < of.rows && place(next) < answer.x[0]) next++;
  answer.x.forEach((_, i) => {
    const until = i + 1 < answer.x.length ? answer.x[i + 1] : answer.range.to;
    const rows: number[] = [];
    for (; next < of.rows && place(next) < until; next++) rows.push(settled(next));
    if (parts.reduce((sum, { values }) => sum + values[i], 0) !== reserved[i])
      say(i, 'parts are not reserved');
    if (rows.length === 0) {
      if (row[i] !== settled(next - 1)) say(i, `shows ${row[i]} instead of what was carried in`);
      return;
    }
    const shown = rows
      .slice()
      .sort(
        (a, b) =>
          whole.reserved[b] - whole.reserved[a] ||
          whole.columns.requested[b] - whole.columns.requested[a] ||
          a - b,
      )[0];
    if (row[i] !== shown) say(i, `shows ${row[i]}, not ${shown}`);
    for (const { id, values, most } of parts) {
      const column = columnOf(id);
      if (values[i] !== column[shown]) say(i, `${id} is not that of its row`);
      const highest = Math.max(...rows.map((at) => column[at]));
      if (most[i] !== highest) say(i, `${id} reaches ${highest}, not ${most[i]}`);
    }
  });
  expect(apart).toEqual([]);
  expect(end.row).toBe(settled(next - 1));
  expect(end.values.reduce((sum, bytes) => sum + bytes, 0)).toBe(end.reserved);
}

describe('every column', () => {
  it.each([
    ['graphs.pickle', { columns: 100 }],
    ['graphs.pickle', { columns: 1100, axis: 'time' }],
    ['graphs.pickle', { columns: 7, range: { axis: 'event', from: 200, to: 900 } }],
    ['pending.pickle', { columns: 31, axis: 'time' }],
    ['pending.pickle', { columns: 5000 }],
    ['oom.pickle', { columns: 1 }],
  ] as const)('of %s %o is one of its events', async (name, query) => {
    checkColumns(session(await snapshotOf(fixtureBytes(name))), query);
  });

  it('keeps the peak of what is reserved at any width', async () => {
    const of = session(await snapshotOf(fixtureBytes('graphs.pickle')));
    const peak = of.ledgerColumns!.reserved.reduce((a, b) => Math.max(a, b), 0);
    for (const columns of [1, 3, 10, 333, 4000])
      expect(Math.max(...told(ask(of, { columns })).reserved)).toBe(peak);
  });

  it('leaves out parts that nothing was ever in', async () => {
    const ids = async (name: string): Promise<string[]> =>
      told(ask(session(await snapshotOf(fixtureBytes(name))))).parts.map(({ id }) => id);
    // Every free completes at once.
    expect(await ids('oom.pickle')).toEqual(['requested', 'inactive_split', 'releasable']);
    expect(await ids('graphs.pickle')).toContain('private_idle');
    expect(await ids('pending.pickle')).toEqual(['requested', 'pending', 'releasable']);
  });

  it('begins with what was there before the first event', async () => {
    const of = session(await snapshotOf(fixtureBytes('oom.pickle')));
    const { row, reserved } = told(ask(of, { columns: 10, range: { axis: 'event', from: -10, to: 0 } }));
    expect([...new Set(row)]).toEqual([-1]);
    expect([...new Set(reserved)]).toEqual([0]);
  });
});

describe('where there is none', () => {
  it('says that the replay did not follow the recording, and how far off it was', async () => {
    const data = await snapshotOf(fixtureBytes('pending.pickle'));
    const [trace] = data.devices;
    // An allocation of more than its segment has.
    const events = { ...trace.events, size: trace.events.size.slice() };
    events.size[2 * events.action.indexOf(ACTION.alloc, 300)] *= 3;
    const { parts, why } = ask(session(data, { ...trace, events }));
    expect(parts).toBeNull();
    expect(why).toMatch(
      /^The allocator could not be led along this recording to the byte: [\d,]+ rows fit no state of it/,
    );
  });

  it('says that there are no events', async () => {
    const data = await snapshotOf(fixtureBytes('oom.pickle'));
    const [trace] = data.devices;
    const events = { ...trace.events, length: 0, action: new Uint8Array(0) };
    expect(ask(session(data, { ...trace, events, partner: new Uint32Array(0) })).why).toBe(
      'The file holds no events.',
    );
  });
});

describe.skipIf(sharedTraces() === null)('the recordings in ../shared/traces', () => {
  it.each(['train_expandable/train_expandable.pickle', 'churn/churn_1.pickle', 'ring/ring.pickle'])(
    '%s: every column is one of its events',
    async (name) => {
      const of = session(await snapshotOf(recordingBytes(name)));
      checkColumns(of, { columns: 900, axis: 'time' });
      checkColumns(of, { columns: 900 });
    },
  );
});
