/**
 * Real sources of one run on one clock: the recordings in ../shared/traces. `serve` was recorded on a machine whose
 * zone is UTC, as the request log's and the monitors' times beside the snapshot's Unix times show.
 */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Baseline, baselineOf } from '../../../src/aggregate/baseline.ts';
import { nsysSeries } from '../../../src/aggregate/nsys-series.ts';
import { torchSeries } from '../../../src/aggregate/torch-series.ts';
import { alignClocks, type ClockSource, shiftOf } from '../../../src/analyze/clock/alignment.ts';
import {
  lineOfSummary,
  linesOfGauges,
  placeSequence,
  recordedRows,
  type RecordedRows,
  type SequenceLine,
} from '../../../src/analyze/clock/alignment-sequence.ts';
import { nonTorchOverTime } from '../../../src/analyze/ledger/non-torch.ts';
import { compareCurves, compareUsedWithReserved } from '../../../src/analyze/clock/source-contradictions.ts';
import { compareLines } from '../../../src/analyze/clock/source-contradictions-lines.ts';
import {
  curveOfCategories,
  curveOfGauge,
  curveOfSeries,
  shiftCurve,
  type StepCurve,
} from '../../../src/analyze/step-curve.ts';
import { asBigInt64 } from '../../../src/base/u64.ts';
import { kinetoTraceReader } from '../../../src/read/kineto/trace.ts';
import { logReader } from '../../../src/read/log.ts';
import { memoryTimelineReader } from '../../../src/read/kineto/memory-timeline.ts';
import { nsysJsonReader } from '../../../src/read/nsys/json.ts';
import type { Reader } from '../../../src/read/reader.ts';
import { torchSnapshotReader } from '../../../src/read/snapshot/torch-snapshot.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { readPath } from '../../read/open-for-test.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { MIB, SECOND } from '../step-curve-for-test.ts';

const traces = sharedTraces();
const read = async (reader: Reader, path: string): Promise<SourceData> =>
  (await readPath(reader, join(traces!, path))).data;
const seconds = (value: number): bigint => BigInt(Math.round(value * 1e9));

function sourceOfTrace(name: string, trace: DeviceTrace): ClockSource {
  const baseNs = asBigInt64(trace.events.time_ns)[0];
  const [id, measures] =
    trace.producer === 'torch'
      ? (['reserved', 'reserved'] as const)
      : (['device', 'driver_allocated'] as const);
  const series = trace.producer === 'torch' ? torchSeries(trace, baselineOf(trace)) : nsysSeries(trace);
  const curves = [
    curveOfSeries(
      trace,
      series.find((spec) => spec.id === id)!,
      measures,
      baseNs,
    ),
  ];
  return { name, clock: trace.clock, baseNs, curves };
}

function sourceOfReadings(name: string, { readings }: SourceData): ClockSource {
  const { gauges, clock } = readings!;
  const baseNs = gauges[0].time_ns[0];
  const curves = gauges.map((gauge) => curveOfGauge(gauge, baseNs)).filter((curve) => curve !== null);
  return { name, clock, baseNs, curves };
}

const ahead = (source: ClockSource, ns: bigint): ClockSource => ({ ...source, baseNs: source.baseNs + ns });

describe.skipIf(traces === null)('serve: snapshot, nvidia-smi, dmon and logs of one run', () => {
  let trace: DeviceTrace;
  let baseline: Baseline;
  let rows: RecordedRows;
  let serve: ClockSource;
  let smi: ClockSource;
  let dmon: ClockSource;
  let reserved: { name: string; curve: StepCurve };
  const on = (source: ClockSource, moreNs = 0): { name: string; curve: StepCurve } => ({
    name: source.name,
    curve: shiftCurve(source.curves[0], Number(source.baseNs - serve.baseNs) + moreNs),
  });

  beforeAll(async () => {
    trace = (await read(torchSnapshotReader, 'serve/serve.pickle')).devices[0];
    baseline = baselineOf(trace);
    rows = recordedRows(trace, baseline);
    serve = sourceOfTrace('serve.pickle', trace);
    smi = sourceOfReadings('serve.nvidia-smi.log', await read(logReader, 'serve/serve.nvidia-smi.log'));
    dmon = sourceOfReadings('serve.dmon.log', await read(logReader, 'serve/serve.dmon.log'));
    reserved = { name: 'serve.pickle', curve: serve.curves[0] };
  }, 120_000);

  it('454k events are 165 steps', () => {
    expect(trace.events.length).toBe(453_747);
    expect(serve.curves[0].value.length).toBe(165);
    expect(serve.curves[0].value.at(-1)).toBe(4_901_044_224);
  });

  it('the zone of the logs is found: UTC, and any other that is planted', () => {
    const [reference, first, second] = alignClocks([serve, smi, dmon]);
    expect(reference.status).toBe('reference');
    for (const found of [first, second])
      expect(found).toMatchObject({ status: 'found', zoneMinutes: 0, offsetNs: 0n });
    expect([first.matched, first.of, second.matched, second.of]).toEqual([4, 4, 5, 5]);
    for (const minutes of [120, 345, -570, 840]) {
      for (const source of [smi, dmon]) {
        const [, found] = alignClocks([serve, ahead(source, seconds(minutes * 60))]);
        expect(found).toMatchObject({ status: 'found', zoneMinutes: minutes });
      }
    }
  });

  it('the zone is the one that the printed times and the snapshot show', async () => {
    // "[before_request_0]" and the first line of nvidia-smi were printed after the model was made and before the first request.
    const first = smi.baseNs;
    expect(first).toBeGreaterThan(serve.baseNs);
    expect(Number(first - serve.baseNs) / SECOND).toBeLessThan(1);
    const requests = (await read(logReader, 'serve/serve.requests.log')).readings!.gauges[0];
    const last = asBigInt64(trace.events.time_ns).at(-1)!;
    expect(Math.abs(Number(last - requests.time_ns.at(-1)!)) / SECOND).toBeLessThan(2);
  });

  it('a clock that is 3 h 12 min 7.5 s ahead is found out', () => {
    const planted = seconds(3 * 3600 + 12 * 60 + 7.5);
    const [, found] = alignClocks([serve, ahead(smi, planted)]);
    expect(found).toMatchObject({ status: 'found', zoneMinutes: null, matched: 4, of: 4 });
    expect(Math.abs(Number(found.offsetNs! + planted))).toBeLessThanOrEqual(found.uncertaintyNs!);
    expect(found.uncertaintyNs).toBeLessThanOrEqual(0.1 * SECOND);
    // Whole seconds, a sample a second, 12 of them: that many offsets would do as well.
    expect(alignClocks([serve, ahead(dmon, planted)])[1].status).toBe('not found');
  });

  it('logs without figures are not placed, and their likely zone is said', async () => {
    const requests = sourceOfReadings(
      'serve.requests.log',
      await read(logReader, 'serve/serve.requests.log'),
    );
    const report = sourceOfReadings('serve.report.log', await read(logReader, 'serve/serve.report.log'));
    const [, , third, fourth] = alignClocks([serve, smi, requests, report]);
    expect(third).toMatchObject({ status: 'not found', suggestedNs: 0n });
    expect(fourth.sentence).toBe('serve.report.log: not found; it carries no times.');
    expect(shiftOf(requests, third, serve.baseNs)).toBeNull();
  });

  it('what nvidia-smi counts besides reserved: loaded kernels, then pages of the driver', () => {
    for (const source of [smi, dmon]) {
      const { contradictions } = compareUsedWithReserved(on(source), reserved);
      expect(contradictions.map(({ kind }) => kind)).toEqual(['non_torch_drift']);
      expect(contradictions[0].differenceBytes).toBe(4 * MIB);
    }
    const answers = nonTorchOverTime(on(smi).curve, reserved.curve, () => null, null);
    expect(answers).toHaveLength(10);
    // 5,377 MiB used and 4,674 MiB reserved at the last request: 703 MiB, give or take nvidia-smi's one.
    expect(answers.at(-1)!.besidesReserved).toEqual({ least: 702 * MIB, most: 704 * MIB });
    expect(answers.every(({ nonTorch }) => nonTorch === null)).toBe(true);
  });

  it('shifted, they contradict each other', () => {
    for (const shift of [-4, -2, 2, 4]) {
      const { contradictions } = compareUsedWithReserved(on(smi, shift * SECOND), reserved);
      expect(contradictions.some(({ kind }) => kind === 'non_torch_change')).toBe(true);
    }
    const less = {
      ...on(smi),
      curve: { ...on(smi).curve, value: smi.curves[0].value.map((value) => value - 800 * MIB) },
    };
    expect(compareUsedWithReserved(less, reserved).contradictions[0].kind).toBe('used_below_reserved');
  });

  it('dmon and nvidia-smi agree, and do not when one is shifted', () => {
    expect(compareCurves(on(dmon), on(smi)).contradictions).toEqual([]);
    expect(compareCurves(on(dmon, 4 * SECOND), on(smi)).contradictions.length).toBeGreaterThan(0);
  });

  async function reportLines(): Promise<SequenceLine[]> {
    const { gauges, tables } = (await read(logReader, 'serve/serve.report.log')).readings!;
    return linesOfGauges(
      gauges[0],
      gauges[1],
      tables[0].rows.map(([, tag]) => String(tag)),
    );
  }

  it('every [tag] line before the snapshot has its place, the one after it none', async () => {
    const lines = await reportLines();
    const placed = placeSequence(lines, rows);
    expect(placed.map(({ status }) => status)).toEqual([...Array<string>(20).fill('placed'), 'outside']);
    expect(placed[20].name).toBe('after_empty_cache');
    expect(compareLines(lines, placed, ['report', 'snapshot'], 0, serve.baseNs).contradictions).toEqual([]);
    // The line before the first request, printed just before nvidia-smi's first.
    expect(placed[0].fromNs! <= smi.baseNs && smi.baseNs <= placed[0].toNs!).toBe(true);
  });

  it('a line that was changed by a printed digit more than its last contradicts', async () => {
    const lines = await reportLines();
    const changed = lines.map((line, i) => {
      const { least, most } = line.figures.reserved!;
      return i === 5
        ? { ...line, figures: { reserved: { least: least + 200_000, most: most + 200_000 } } }
        : line;
    });
    const { contradictions } = compareLines(
      changed,
      placeSequence(changed, rows),
      ['report', 'snapshot'],
      0,
      serve.baseNs,
    );
    expect(contradictions).toHaveLength(1);
    expect(contradictions[0].kind).toBe('never');
    expect(contradictions[0].sentence).toContain('after_request_2');
    expect(contradictions[0].differenceBytes).toBeGreaterThan(0);
    expect(contradictions[0].differenceBytes).toBeLessThanOrEqual(200_000);
  });

  it('every memory_summary has its place to a few events, between the request log’s lines', async () => {
    const { summaries } = await read(logReader, 'serve/serve.summaries.log');
    const placed = placeSequence(summaries.map(lineOfSummary), rows);
    const requests = (await read(logReader, 'serve/serve.requests.log')).readings!.gauges[0];
    placed.forEach(({ status, rows: at, fromNs }, i) => {
      expect(status).toBe('placed');
      expect(at![1] - at![0]).toBeLessThan(8);
      // The log prints whole seconds, after the request.
      const late = Number(fromNs! - requests.time_ns[i]) / SECOND;
      expect(late).toBeGreaterThan(-0.1);
      expect(late).toBeLessThan(1);
    });
    const first = lineOfSummary(summaries[0]);
    const wrong = { ...first, figures: { ...first.figures, allocations: { least: 15_341, most: 15_341 } } };
    const right = placeSequence([first, ...summaries.slice(1).map(lineOfSummary)], rows)[0].rows!;
    expect(placeSequence([wrong], rows)[0].rows?.[0]).not.toBe(right[0]);
  });
});

describe.skipIf(traces === null)("Kineto's totals and the profiler's memory timeline, of one run", () => {
  it('a timeline whose dates are taken away finds back to them, to the microsecond', async () => {
    const kineto = sourceOfReadings('kineto', await read(kinetoTraceReader, 'kineto/kineto_train.json'));
    const { readings } = await read(memoryTimelineReader, 'kineto/kineto_timeline.json');
    const base = readings!.gauges[0].time_ns[0];
    const curve = curveOfCategories(readings!.gauges, base)!;
    const timeline: ClockSource = { name: 'timeline', clock: 'session', baseNs: 0n, curves: [curve] };
    const [, found] = alignClocks([kineto, timeline]);
    expect(found).toMatchObject({ status: 'found', confidence: 'high' });
    expect(Math.abs(Number(found.offsetNs! - base))).toBeLessThan(2000);
    expect(found.residual!.maxNs).toBeLessThan(100_000);
    // The timeline joins what happened within one microsecond; such steps have no partner of their size.
    expect(found.matched / found.of).toBeGreaterThan(0.8);
  });
});

describe.skipIf(traces === null)('different runs of one program', () => {
  const pairs: readonly (readonly [string, string])[] = [
    ['train/train.pickle', 'ranks/rank0.pickle'],
    ['ranks/rank0.pickle', 'ranks/rank1.pickle'],
    ['train/train.pickle', 'unmap/unmap.pickle'],
    ['leak/leak.pickle', 'graphs/graphs.pickle'],
  ];
  it.each(pairs)('%s and %s have no offset', async (first, second) => {
    const [a] = (await read(torchSnapshotReader, first)).devices;
    const [b] = (await read(torchSnapshotReader, second)).devices;
    const [, found] = alignClocks([
      sourceOfTrace(first, a),
      { ...sourceOfTrace(second, b), clock: 'session' },
    ]);
    expect(found).toMatchObject({ status: 'not found', offsetNs: null });
  });

  it.each(['train/train.pickle', 'ranks/rank0.pickle'])(
    "Nsight's record of another run and %s",
    async (path) => {
      const [trace] = (await read(torchSnapshotReader, path)).devices;
      const [nsys] = (await read(nsysJsonReader, 'nsys/torch.json')).devices;
      const session = sourceOfTrace('torch.json', nsys);
      expect(alignClocks([sourceOfTrace(path, trace), session])[1]).toMatchObject({ status: 'not found' });
    },
  );

  it('a monitor of another run, and a monitor that saw nothing of it', async () => {
    const dmon = sourceOfReadings('dmon', await read(logReader, 'serve/serve.dmon.log'));
    const smi = sourceOfReadings('smi', await read(logReader, 'serve/serve.nvidia-smi.log'));
    for (const path of ['train/train.pickle', 'leak/leak.pickle', 'oom/oom.pickle', 'ranks/rank0.pickle']) {
      const [trace] = (await read(torchSnapshotReader, path)).devices;
      for (const monitor of [dmon, smi])
        expect(alignClocks([sourceOfTrace(path, trace), monitor])[1]).toMatchObject({ status: 'not found' });
    }
  });
});
