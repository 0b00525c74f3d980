/** The ledger's part of the device from monitors and out-of-memory texts beside a recording, held against the truth. */
import { boundsOf } from '../../src/base/measured.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LedgerView } from '../../src/engine/protocol.ts';
import { diagnosisOf, type Files, openFiles } from '../diagnose/logs-for-test.ts';
import { sharedTraces } from '../shared-traces.ts';

const MIB = 2 ** 20;
const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'device-side');
const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(join(FOLDER, name)));
const words = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

interface Moment {
  readonly name: string;
  readonly time_ns: string;
  readonly free: number;
  readonly total: number;
  readonly reserved: number;
}
const truth = JSON.parse(words('moments.json')) as { readonly moments: readonly Moment[] };
/** Moments just after an event of the recording: what the neighbour did since is not of their row. */
const moments = truth.moments.filter(({ name, reserved }) => reserved > 0 && !name.startsWith('neighbour'));

const all: Files = {
  'process.pickle': fixture('process.pickle'),
  'query-gpu.csv': fixture('query-gpu.csv'),
  'compute-apps.csv': fixture('compute-apps.csv'),
};

const partOf = (ledger: LedgerView, id: string) => ledger.parts.find((part) => part.id === id)!;

/** The parts that are known sum exactly, and every one may be read with its error. */
function expectSums(ledger: LedgerView): void {
  const sum = (parts: LedgerView['parts']): number =>
    parts.reduce((bytes, part) => bytes + (part.bytes?.value ?? 0), 0);
  expect(sum(ledger.parts.slice(0, 6))).toBe(ledger.reserved);
  if (ledger.used !== null) expect(sum(ledger.parts)).toBe(ledger.used.value);
}

/** Ledgers of the last event before each moment. */
async function ledgersAt(files: Files): Promise<{ moment: Moment; ledger: LedgerView }[]> {
  const { engine } = await openFiles(files);
  const analysis = await diagnosisOf(engine);
  const device = analysis.devices[0].deviceKey;
  const found: { moment: Moment; ledger: LedgerView }[] = [];
  const first = await engine.moment(device, 'event', 0);
  if (!first.ok) throw new Error(first.error.message);
  const base = first.value.timeNs - BigInt(first.value.xNs);
  for (const moment of moments) {
    const at = await engine.moment(device, 'time', Number(BigInt(moment.time_ns) - base));
    if (!at.ok) throw new Error(at.error.message);
    const answer = await engine.ledger(device, at.value.row);
    if (!answer.ok || answer.value === null) throw new Error('no ledger');
    found.push({ moment, ledger: answer.value });
  }
  return found;
}

describe('a device with a second process that comes and goes', () => {
  it('is used as cudaMemGetInfo says, at every known moment', async () => {
    const ledgers = await ledgersAt(all);
    expect(ledgers.length).toBeGreaterThan(12);
    let narrow = 0;
    for (const { moment, ledger } of ledgers) {
      expect(ledger.reserved, moment.name).toBe(moment.reserved);
      expectSums(ledger);
      const { value, error } = ledger.used!;
      expect(Math.abs(value - (moment.total - moment.free)), moment.name).toBeLessThanOrEqual(error);
      if (error <= 2 * MIB) narrow++;
    }
    // While the neighbour starts or libraries are loaded the range is as wide as the change.
    expect(narrow).toBeGreaterThanOrEqual(ledgers.length - 3);
  });

  it('has the process and its neighbour told apart', async () => {
    const ledgers = await ledgersAt(all);
    const of = (name: string): LedgerView => ledgers.find(({ moment }) => moment.name === name)!.ledger;
    expect(partOf(of('block 3'), 'other_processes').bytes?.value).toBe(0);
    // nvidia-smi lists the neighbour with 2,148 MiB while it holds 1,538 MiB and its context.
    expect(partOf(of('more 1'), 'other_processes').bytes?.value).toBe(2148 * MIB);
    for (const name of ['block 3', 'more 1', '640 MiB']) {
      const own = boundsOf(partOf(of(name), 'non_torch').bytes!);
      expect(own.most).toBeGreaterThan(500 * MIB);
      expect(own.least).toBeLessThan(710 * MIB);
    }
    expect(of('640 MiB').deviceFrom).toContain('query-gpu.csv');
  });

  it('without a list of processes has one part for both', async () => {
    const { 'process.pickle': pickle, 'query-gpu.csv': smi } = all;
    const ledgers = await ledgersAt({ 'process.pickle': pickle, 'query-gpu.csv': smi });
    for (const { ledger } of ledgers) {
      expectSums(ledger);
      expect(partOf(ledger, 'non_torch').bytes).toBeNull();
      expect(partOf(ledger, 'other_processes').bytes).toBeNull();
      expect(partOf(ledger, 'unexplained').bytes?.value).toBeGreaterThan(500 * MIB);
      expect(ledger.unknown.join(' ')).toContain('--query-compute-apps');
    }
  });
});

describe('the device over time', () => {
  it('sums to what is in use at every event that a column shows', async () => {
    const { engine } = await openFiles(all);
    const device = (await diagnosisOf(engine)).devices[0].deviceKey;
    const answer = await engine.ledgerColumns({ device, range: null, axis: 'time', columns: 300 });
    if (!answer.ok || answer.value.parts === null) throw new Error('no ledger over time');
    const { row, reserved, end, outside } = answer.value.parts;
    expect(outside?.file).toBe('query-gpu.csv');
    const { used, parts } = outside!;
    expect(used.values).toHaveLength(row.length + 1);
    const held = [...reserved, end.reserved];
    let told = 0;
    used.values.forEach((bytes, i) => {
      if (Number.isNaN(bytes)) return;
      told++;
      const rest = parts.reduce((sum, { values }) => sum + (Number.isNaN(values[i]) ? 0 : values[i]), 0);
      expect(held[i] + rest).toBe(bytes);
    });
    // Before the first event nothing is told.
    expect(told).toBe([...row].filter((at) => at >= 0).length + 1);
    const last = await engine.ledger(device, end.row);
    expect(last.ok && last.value?.used?.value).toBe(used.values[row.length]);
  });

  it('is not told where no monitor is open', async () => {
    const { engine } = await openFiles({ 'process.pickle': all['process.pickle'] });
    const device = (await diagnosisOf(engine)).devices[0].deviceKey;
    const answer = await engine.ledgerColumns({ device, range: null, axis: 'time', columns: 300 });
    expect(answer.ok && answer.value.parts?.outside).toBeNull();
  });
});

describe('a monitor that prints free memory, too', () => {
  // What nvidia-smi prints with memory.free beside memory.used: the driver keeps 480 MiB of the 81,559 for itself.
  const smi = words('query-gpu.csv')
    .replace('memory.used [MiB],', 'memory.used [MiB], memory.free [MiB],')
    .replace(/, 0, (\d+) MiB,/g, (_, used: string) => `, 0, ${used} MiB, ${81559 - 480 - Number(used)} MiB,`);

  it('bounds the largest request by what cudaMemGetInfo has free', async () => {
    const ledgers = await ledgersAt({ ...all, 'query-gpu.csv': smi });
    const { moment, ledger } = ledgers.find((one) => one.moment.name === '640 MiB')!;
    for (const { fromCache, withNewSegment } of ledger.largest) {
      const { least, most } = withNewSegment!;
      // No limit of the process was met: that it may take all that is free is not certain.
      expect(least).toBe(fromCache);
      expect(most).toBeGreaterThanOrEqual(moment.free - 2 * MIB);
      expect(most).toBeLessThanOrEqual(moment.free + 8 * MIB);
    }
  });

  it('bounds nothing where free and used were never printed at one moment', async () => {
    let row = 0;
    const apart = smi.replace(
      /(\d+ MiB), (\d+ MiB), (\d+ MiB)$/gm,
      (_, used: string, free: string, total: string) =>
        row++ === 0 ? `[N/A], ${free}, ${total}` : `${used}, [N/A], ${total}`,
    );
    expect(row).toBeGreaterThan(100);
    const [{ ledger }] = await ledgersAt({ ...all, 'query-gpu.csv': apart });
    expect(ledger.used).not.toBeNull();
    for (const { withNewSegment } of ledger.largest) expect(withNewSegment).toBeNull();
  });
});

describe('what is not of the device of the recording', () => {
  const ledgersOf = async (smi: string): Promise<readonly LedgerView[]> => {
    const { engine } = await openFiles({ 'process.pickle': all['process.pickle'], 'smi.csv': smi });
    return (await diagnosisOf(engine)).devices[0].ledgers.map(({ ledger }) => ledger);
  };

  it('tells nothing: another index', async () => {
    const other = words('query-gpu.csv').replace(/, 0, \d+ MiB/g, ', 3, 5000 MiB');
    for (const ledger of await ledgersOf(other))
      expect(ledger).toMatchObject({ used: null, deviceFrom: null });
  });

  it('tells nothing: less is used than was reserved', async () => {
    const smi = words('query-gpu.csv').replace(/, 0, \d+ MiB/g, ', 0, 11 MiB');
    const { engine, ids } = await openFiles({ 'process.pickle': all['process.pickle'], 'smi.csv': smi });
    const peak = async (): Promise<LedgerView> =>
      (await diagnosisOf(engine)).devices[0].ledgers.find(({ when }) => when === 'peak')!.ledger;
    // A flat line has no steps to find its clock by.
    expect((await peak()).unknown[0]).toContain('the clock of smi.csv against this recording was not found');
    expect((await engine.setClockOffset(ids.get('smi.csv')!, 0n)).ok).toBe(true);
    const { used, unknown } = await peak();
    expect(used).toBeNull();
    expect(unknown[0]).toContain('less in use than the recording had reserved');
  });

  it('tells nothing: no log at all', async () => {
    const { engine } = await openFiles({ 'process.pickle': all['process.pickle'] });
    const [{ ledger }] = (await diagnosisOf(engine)).devices[0].ledgers;
    expect(ledger.used).toBeNull();
    expect(ledger.unknown[0]).toContain('open a log of nvidia-smi or DCGM');
  });
});

const traces = sharedTraces();

describe.skipIf(traces === null)('recordings of shared/traces', () => {
  const bytes = (path: string): Uint8Array => new Uint8Array(readFileSync(join(traces!, path)));

  it("an out-of-memory text tells of the device at the recording's own event", async () => {
    const files = { 'oom.pickle': bytes('oom/oom.pickle'), 'oom.txt': bytes('oom/oom.txt') };
    const { engine } = await openFiles(files);
    const [{ ledger }] = (await diagnosisOf(engine)).devices[0].ledgers;
    expectSums(ledger);
    expect(ledger.deviceFrom).toBe('oom.txt: the sample at this moment');
    // 79.2 GiB in all, 74.7 GiB free, this process 4.46 GiB.
    expect(Math.abs(ledger.used!.value - 4.47 * 2 ** 30)).toBeLessThan(ledger.used!.error + MIB);
    const own = partOf(ledger, 'non_torch').bytes!;
    expect(Math.abs(own.value + ledger.reserved - 4.46 * 2 ** 30)).toBeLessThan(own.error + MIB);
  });
});
