/** Non-torch memory as ranges: never narrower than its sources allow, and unknown where they do not tell. */
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { torchSeries } from '../../../src/aggregate/torch-series.ts';
import {
  nonTorchAt,
  nonTorchOverTime,
  ownProcess,
  processesAround,
} from '../../../src/analyze/ledger/non-torch.ts';
import { nonTorchOfOom, oomFigureBounds } from '../../../src/analyze/ledger/non-torch-oom.ts';
import { boundsIn, curveOfSeries } from '../../../src/analyze/step-curve.ts';
import { asBigInt64 } from '../../../src/base/u64.ts';
import { fixtureBytes, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { eventCurve, madeUpRun, MIB, monitored, sampleCurve, SECOND } from '../step-curve-for-test.ts';

const mib = (least: number, most = least) => ({ least: least * MIB, most: most * MIB });
const common = { momentNs: 0, device: 0, from: 'device_used' as const, pid: null };

describe('at one moment', () => {
  it('without a list of processes only the sum is known', () => {
    const answer = nonTorchAt({
      ...common,
      reserved: mib(1000),
      deviceUsed: mib(1600, 1602),
      processes: null,
    });
    expect(answer).toMatchObject({ besidesReserved: mib(600, 602), nonTorch: null, otherProcesses: null });
    expect(answer.unknown[0]).toContain('--query-compute-apps');
  });

  it('the process itself and the others', () => {
    const processes = [
      { pid: '1', name: 'python', bytes: mib(1499, 1501) },
      { pid: '2', name: 'other', bytes: mib(99, 101) },
    ];
    const answer = nonTorchAt({ ...common, reserved: mib(1000), deviceUsed: mib(1599, 1601), processes });
    expect(answer).toMatchObject({ nonTorch: mib(499, 501), otherProcesses: mib(99, 101), unknown: [] });
  });

  it('what is left for it bounds a figure from above', () => {
    const processes = [
      { pid: '1', name: 'python', bytes: mib(1480, 1520) },
      { pid: '2', name: 'other', bytes: mib(100) },
    ];
    const answer = nonTorchAt({ ...common, reserved: mib(1000), deviceUsed: mib(1599, 1601), processes });
    expect(answer.nonTorch).toEqual(mib(480, 501));
  });

  it('which process it is must be clear', () => {
    const listed = [
      { pid: '1', name: 'a', bytes: mib(1499, 1501) },
      { pid: '2', name: 'b', bytes: mib(1300, 1302) },
    ];
    expect(ownProcess(listed, mib(1000), null)).toBeNull();
    expect(ownProcess(listed, mib(1303), null)?.pid).toBe('1');
    expect(ownProcess(listed, mib(1000), '2')?.pid).toBe('2');
    expect(ownProcess(listed, mib(9000), null)).toBeNull();
    expect(ownProcess([{ pid: '3', name: 'c', bytes: null }], mib(1), null)).toBeNull();
    // One without a figure may be it as well.
    expect(ownProcess([...listed, { pid: '3', name: 'c', bytes: null }], mib(1303), null)).toBeNull();
    const answer = nonTorchAt({ ...common, reserved: mib(1000), deviceUsed: mib(9000), processes: listed });
    expect(answer).toMatchObject({ nonTorch: null, otherProcesses: null });
    expect(answer.unknown.join()).toContain('os.getpid()');
  });

  it('a process that may not be listed (in a container) is not taken to be another', () => {
    const processes = [{ pid: '9', name: 'other', bytes: mib(3000) }];
    const ask = (used: ReturnType<typeof mib> | null) =>
      nonTorchAt({ ...common, reserved: mib(1000), deviceUsed: used, processes });
    expect(ask(mib(4600))).toMatchObject({ nonTorch: null, otherProcesses: null });
    expect(ask(null).unknown.join()).toContain('os.getpid()');
    // What is left besides the listed one could not hold the reserved bytes: it must be that one.
    expect(ask(mib(3500))).toMatchObject({ nonTorch: mib(2000), otherProcesses: mib(0) });
  });

  it('others that are listed without a figure follow from the device, where that is known', () => {
    const processes = [
      { pid: '1', name: 'python', bytes: mib(1500) },
      { pid: '2', name: 'other', bytes: null },
    ];
    const ask = (used: ReturnType<typeof mib> | null) =>
      nonTorchAt({ ...common, reserved: mib(1000), deviceUsed: used, processes, pid: '1' });
    expect(ask(mib(1600))).toMatchObject({ nonTorch: mib(500), otherProcesses: mib(100) });
    expect(ask(null)).toMatchObject({ nonTorch: mib(500), otherProcesses: null, besidesReserved: null });
  });
});

describe('over time', () => {
  const run = madeUpRun(1, 40, 120);
  it('every range holds what was planted', () => {
    const answers = nonTorchOverTime(
      monitored(run, 1, () => 612.5),
      run,
      () => null,
      null,
    );
    expect(answers.length).toBeGreaterThan(100);
    for (const { besidesReserved } of answers) {
      expect(besidesReserved!.least).toBeLessThanOrEqual(612.5 * MIB);
      expect(besidesReserved!.most).toBeGreaterThanOrEqual(612.5 * MIB);
    }
    const sharp = answers.filter(({ besidesReserved: band }) => band!.most - band!.least === 2 * MIB);
    expect(sharp.length).toBeGreaterThan(60);
  });
  it('nothing is said where what was reserved is a lower bound, or outside of the recording', () => {
    const used = monitored(run, 1, () => 612);
    expect(nonTorchOverTime(used, { ...run, bound: 'lower' }, () => null, null)).toEqual([]);
    expect(nonTorchOverTime(used, eventCurve([[500, 1]]), () => null, null)).toEqual([]);
  });
  it('processes are those listed around a sample', () => {
    const listed = (rows: [number, number][]) => sampleCurve(rows, { measures: 'process_used' });
    const around = processesAround([
      {
        pid: '1',
        name: 'python',
        curve: listed([
          [0, 100],
          [10, 200],
        ]),
      },
      {
        pid: '2',
        name: 'gone',
        curve: listed([
          [0, 7],
          [2, 7],
        ]),
      },
      { pid: '3', name: 'hidden', curve: null },
    ]);
    expect(around(5 * SECOND, 5 * SECOND)).toEqual([
      { pid: '1', name: 'python', bytes: mib(99, 201) },
      { pid: '3', name: 'hidden', bytes: null },
    ]);
    expect(around(50 * SECOND, 50 * SECOND)).toBeNull();
  });
});

describe('at an out-of-memory error', () => {
  /** The message that the committed recording `oom` ended with, as LogEvent has it. */
  const FIGURES = {
    requested: 314572800,
    total: 85018877624,
    free: 80219251671,
    process: 4788888535,
    allowed: 4252017623,
    allocated: 4155380859,
    reserved_unallocated: 89128960,
  };
  /** cudaMemGetInfo's total of the GPU that it ran on (as Nsight and Kineto recorded it). */
  const TOTAL = 85_017_493_504;

  it('figures are right to half of their last digit', () => {
    expect(oomFigureBounds(85018877624)).toEqual({
      least: 85018877624 - 5368710,
      most: 85018877624 + 5368710,
    });
    expect(oomFigureBounds(89128960)).toEqual({ least: 89128960 - 5243, most: 89128960 + 5243 });
    expect(oomFigureBounds(512)).toEqual({ least: 512, most: 512 });
    const { least, most } = oomFigureBounds(FIGURES.total);
    expect(least <= TOTAL && TOTAL <= most).toBe(true);
  });

  it('the recording and the message agree, and each narrows the other', async () => {
    const [trace] = (await snapshotOf(fixtureBytes('oom.pickle'))).devices;
    const times = asBigInt64(trace.events.time_ns);
    const spec = torchSeries(trace, baselineOf(trace)).find(({ id }) => id === 'reserved')!;
    const curve = curveOfSeries(trace, spec, 'reserved', times[0]);
    const [[row, free]] = trace.device_free;
    const momentNs = Number(times[row] - times[0]);
    const exact = nonTorchAt({
      momentNs,
      device: trace.device,
      reserved: boundsIn(curve, momentNs, momentNs)!,
      deviceUsed: { least: TOTAL - free, most: TOTAL - free },
      from: 'device_free',
      processes: null,
      pid: null,
    });
    expect(exact.besidesReserved).toEqual({ least: 552_402_944, most: 552_402_944 });
    expect(exact.nonTorch).toBeNull();

    const alone = nonTorchOfOom(FIGURES, 0, 0)!;
    const together = nonTorchOfOom(FIGURES, 0, 0, exact.reserved)!;
    for (const { besidesReserved: band, reserved } of [alone, together]) {
      expect(band!.least).toBeLessThanOrEqual(552_402_944);
      expect(band!.most).toBeGreaterThanOrEqual(552_402_944);
      expect(reserved.least).toBeLessThanOrEqual(exact.reserved.least);
      expect(reserved.most).toBeGreaterThanOrEqual(exact.reserved.most);
    }
    expect(together.nonTorch!.most - together.nonTorch!.least).toBeLessThan(11e6);
    expect(together.otherProcesses!.least).toBe(0);
  });

  it('without the total of the device nothing is made up', () => {
    const answer = nonTorchAt({ ...common, reserved: mib(1), deviceUsed: null, processes: null });
    expect(answer).toMatchObject({ deviceUsed: null, besidesReserved: null, nonTorch: null });
    expect(answer.unknown.join()).toContain('total_memory');
  });

  it('other processes that the message names', () => {
    const answer = nonTorchOfOom({ ...FIGURES, 'process 77': 10 * MIB * 1024 }, 0, 0)!;
    expect(answer.otherProcesses).toEqual(oomFigureBounds(10 * MIB * 1024));
  });

  it('messages without a figure of the process, or of what was reserved', () => {
    const old = { total: 85018877624, free: 80219251671, reserved: 4242538496, allocated: 4155380859 };
    expect(nonTorchOfOom(old, 0, 0)).toMatchObject({ nonTorch: null, otherProcesses: null });
    expect(nonTorchOfOom({ requested: 5 }, 0, null)).toBeNull();
    const noTotal = nonTorchOfOom({ process: 2 ** 31, reserved: 2 ** 30 }, 0, null)!;
    expect(noTotal).toMatchObject({ deviceUsed: null, otherProcesses: null });
    expect(noTotal.nonTorch!.least).toBeGreaterThan(2 ** 30 - 11e6);
  });
});
