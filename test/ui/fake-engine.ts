/**
 * An EngineApi made of code, for tests of the page alone: a training loop of 20,000 events whose memory grows
 * a little at every step, a log of summaries, a file that cannot be read. What a file holds follows from its
 * name: "*.log" has summaries, "*.bad" fails, "slow*" takes a second; "vllm*", "smi*", "dcgm*", "scrape*" and
 * "requests*" tell readings, "mixed*" is a log of several sources, "kineto*" has a device and readings, "nsys*" a
 * device that ran kernels.
 */
import { lowerBound, upperBound } from '../../src/base/binary-search.ts';
import { KernelTrack } from '../../src/aggregate/kernel-track.ts';
import { fail, ok } from '../../src/base/result.ts';
import { TraceError } from '../../src/base/trace-error.ts';
import { kernelsIn } from '../../src/engine/answer/kernels.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import type {
  Axis,
  DeviceView,
  Progress,
  RangeAnswer,
  SeriesView,
  SourceView,
  StreamRow,
} from '../../src/engine/protocol.ts';

import {
  dcgmReadings,
  oom,
  requestReadings,
  scrapeReadings,
  smiReadings,
  vllmReadings,
} from './fake-readings.ts';

const EVENTS = 20_000;
const STEPS = 12;
const MIB = 2 ** 20;

interface Recording {
  readonly time: Float64Array;
  readonly values: ReadonlyMap<string, Float64Array>;
}

const SERIES: readonly SeriesView[] = [
  { id: 'reserved', label: 'Reserved', unit: 'bytes', chart: 'usage', exact: true, bound: null, note: null },
  {
    id: 'requested',
    label: 'Requested',
    unit: 'bytes',
    chart: 'usage',
    exact: true,
    bound: null,
    note: null,
  },
  {
    id: 'allocated_floor',
    label: 'Allocated (at least)',
    unit: 'bytes',
    chart: 'usage',
    exact: false,
    bound: 'lower',
    note: 'Block sizes are not in the trace: the requested size is a lower bound.',
  },
  {
    id: 'unused',
    label: 'Reserved, not requested',
    unit: 'bytes',
    chart: 'fragmentation',
    exact: true,
    bound: null,
    note: null,
  },
  {
    id: 'gaps',
    label: 'Free gaps',
    unit: 'count',
    chart: 'fragmentation',
    exact: true,
    bound: null,
    note: null,
  },
];

/** Always the same numbers: a linear congruential generator. */
function record(): Recording {
  const time = new Float64Array(EVENTS);
  const values = new Map(SERIES.map(({ id }) => [id, new Float64Array(EVENTS)]));
  const set = (id: string, row: number, value: number): void => {
    const column = values.get(id);
    if (column !== undefined) column[row] = value;
  };
  let seed = 7;
  let now = 0;
  let reserved = 0;
  for (let row = 0; row < EVENTS; row++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    now += 20_000 + (seed % 400_000);
    time[row] = now;
    const phase = ((row * STEPS) / EVENTS) % 1;
    const step = Math.floor((row * STEPS) / EVENTS);
    const wave = phase < 0.45 ? phase / 0.45 : (1 - phase) / 0.55;
    const requested = Math.round(MIB * (1200 + 40 * step + 1800 * wave)) + (seed % 4096) * 512;
    reserved = Math.max(reserved, Math.ceil((requested * 1.07) / (20 * MIB)) * 20 * MIB);
    set('requested', row, requested);
    set('allocated_floor', row, requested + 512 * 300);
    set('reserved', row, reserved);
    set('unused', row, reserved - requested);
    set('gaps', row, 20 + Math.floor(80 * wave) + (seed % 9));
  }
  return { time, values };
}

function deviceView(key: string, sourceId: number, recording: Recording, device: number): DeviceView {
  const peak = (id: string): { value: number; row: number } => {
    const column = recording.values.get(id) ?? recording.values.get(`${id}_floor`) ?? new Float64Array(1);
    const value = column.reduce((a, b) => Math.max(a, b), 0);
    return { value, row: column.indexOf(value) };
  };
  const last = (id: string): number => recording.values.get(id)?.[EVENTS - 1] ?? 0;
  const headline = (id: string, label: string, exact: boolean, note: string | null) => {
    const { value, row } = peak(id);
    return {
      id,
      label,
      now: exact ? last(id) : null,
      peak: value,
      peakAtNs: recording.time[row],
      peakRow: row,
      peakExact: exact,
      note,
    };
  };
  const span = recording.time[EVENTS - 1];
  return {
    key,
    sourceId,
    device,
    producer: 'torch',
    name: 'NVIDIA H100 80GB HBM3',
    totalBytes: 85_017_755_648,
    clock: 'wall',
    base: 1_795_252_313_536_412_000n,
    spanNs: span,
    rows: EVENTS,
    events: { alloc: 9800, free_requested: 9700, free_completed: 440, segment_alloc: 60, oom: 1 },
    streams: ['0', '7'],
    fromEmpty: true,
    sentences: [
      '20,000 events over 4.37 s on 2 streams.',
      'Recording began before the first allocation, so totals and peaks are complete.',
    ],
    series: SERIES,
    headline: [
      headline('allocated', 'Allocated', false, null),
      headline('active', 'Active', false, null),
      headline('reserved', 'Reserved', true, null),
      headline('requested', 'Requested', true, null),
    ].map((figure) =>
      figure.id === 'active' ? { ...figure, peak: null, note: 'Not in this file.' } : figure,
    ),
    annotations: Array.from({ length: STEPS }, (_, step) => ({
      name: `step ${step}`,
      device,
      start_ns: 1_795_252_313_536_412_000n + BigInt(Math.round((span * step) / STEPS)),
      end_ns: 1_795_252_313_536_412_000n + BigInt(Math.round((span * (step + 0.9)) / STEPS)),
    })),
    ooms: [{ xNs: recording.time[18_000], row: 18_000, size: 512 * MIB, deviceFree: 40 * MIB }],
    kinds: [],
    hasStacks: true,
    kernels: null,
  };
}

const KERNELS = 4000;

/** Kernels that fill the recording's first half, every tenth of them on a second stream over its neighbours. */
function kernelTrack(base: bigint, span: number): KernelTrack {
  const start_ns = new BigInt64Array(KERNELS);
  const end_ns = new BigInt64Array(KERNELS);
  const each = Math.floor(span / 2 / KERNELS);
  for (let i = 0; i < KERNELS; i++) {
    start_ns[i] = base + BigInt(i * each);
    end_ns[i] = start_ns[i] + BigInt(i % 10 === 0 ? 3 * each : each - 1000);
  }
  const table = {
    length: KERNELS,
    start_ns: new Uint32Array(start_ns.buffer),
    end_ns: new Uint32Array(end_ns.buffer),
    name_index: Uint32Array.from(start_ns, (_, i) => (i % 10 === 0 ? 0 : 1 + (i % 2))),
    stream_index: Uint16Array.from(start_ns, (_, i) => (i % 10 === 0 ? 1 : 0)),
    names: ['ampere_sgemm_128x64_tn', 'void vectorized_elementwise_kernel<4>(int)', 'softmax_warp_forward'],
    streams: ['7', '20'],
  };
  return new KernelTrack(table, base);
}

/** What no test of these asks is not there, so that a new question need not come here. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface FakeEngine extends EngineApi {}

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging
export class FakeEngine implements EngineApi {
  /** Questions asked, for tests. */
  readonly asked: string[] = [];
  private readonly recording = record();
  private readonly ran = kernelTrack(1_795_252_313_536_412_000n, this.recording.time[EVENTS - 1]);
  private readonly cancelled = new Set<number>();
  private nextSource = 0;

  start(): ReturnType<EngineApi['start']> {
    return this.status();
  }

  diagnosis(): ReturnType<EngineApi['diagnosis']> {
    this.asked.push('diagnosis');
    return Promise.resolve(
      ok({
        findings: [],
        devices: [],
        servers: [],
        requests: [],
        gaugeGrowth: [],
        clocks: [],
        contradictions: [],
        observations: [],
        compared: 0,
        faults: [],
        milliseconds: 1,
      }),
    );
  }

  ledger(): ReturnType<EngineApi['ledger']> {
    return Promise.resolve(ok(null));
  }

  pins(_device: string, row: number): ReturnType<EngineApi['pins']> {
    this.asked.push(`pins ${row}`);
    return Promise.resolve(ok(null));
  }

  /** Half of what is reserved is asked for. */
  ledgerColumns(query: Parameters<EngineApi['ledgerColumns']>[0]): ReturnType<EngineApi['ledgerColumns']> {
    this.asked.push(`ledger ${query.axis} ${query.range?.from} ${query.range?.to} ${query.columns}`);
    const { device, axis, columns } = query;
    const whole = { axis, from: 0, to: axis === 'time' ? this.recording.time[EVENTS - 1] + 1 : EVENTS };
    const range = query.range ?? whole;
    const x = Float64Array.from(
      { length: columns },
      (_, i) => range.from + ((range.to - range.from) * i) / columns,
    );
    const row = Int32Array.from(x, (at) =>
      axis === 'time' ? upperBound(this.recording.time, at) - 1 : Math.floor(at),
    );
    const reserved = Float64Array.from(row, (at) => this.recording.values.get('reserved')?.[at] ?? 0);
    const half = reserved.map((bytes) => bytes / 2);
    const none = reserved.map(() => 0);
    return Promise.resolve(
      ok({
        device,
        range,
        x,
        why: null,
        parts: {
          row,
          reserved,
          parts: [
            { id: 'requested', label: 'Asked for and held', values: half, most: half },
            { id: 'pending', label: 'Freed, waiting for other streams', values: none, most: none },
            { id: 'releasable', label: 'Free, empty_cache gives it back', values: half, most: half },
          ],
          end: {
            row: row[columns - 1],
            reserved: reserved[columns - 1],
            values: [half[columns - 1], 0, half[columns - 1]],
          },
          unknownSizes: 0,
          outside: null,
        },
      }),
    );
  }

  setClockOffset(): ReturnType<EngineApi['setClockOffset']> {
    return Promise.resolve(ok({ clocks: [], contradictions: [], observations: [], compared: 0 }));
  }

  setServer: EngineApi['setServer'] = () => Promise.resolve();

  status(): ReturnType<EngineApi['status']> {
    return Promise.resolve({ gpu: 'software', adapter: 'SwiftShader', mode: 'auto' });
  }

  async open(job: number, file: File, onProgress: (progress: Progress) => void): Promise<SourceView[]> {
    const id = this.nextSource++;
    const steps = file.name.startsWith('slow') ? 40 : 2;
    for (let i = 0; i <= steps && !this.cancelled.has(job); i++) {
      const [doneBytes, totalBytes] = [(file.size * i) / steps, file.size];
      onProgress({ job, file: file.name, stage: 'reading', doneBytes, totalBytes });
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    const source: SourceView = {
      id,
      file: file.name,
      format: 'torch-snapshot',
      formatTitle: 'PyTorch allocator snapshot',
      producer: 'PyTorch 2.10 or newer',
      bytes: file.size,
      rows: EVENTS,
      skipped: 0,
      warnings: [{ message: 'Two frees without an allocation.', offset: 1234 }],
      notRecorded: ['Stacks of C++ code were not recorded.'],
      settings: [['expandable_segments', 'False']],
      error: null,
      milliseconds: 213,
      devices: [],
      summaries: [],
    };
    const where = { file: file.name, offset: null, advice: null };
    if (this.cancelled.has(job)) {
      return [{ ...source, error: { ...where, code: 'cancelled', message: 'Cancelled.', format: null } }];
    }
    if (file.name.endsWith('.bad')) {
      const message =
        'Tried torch-snapshot: starts with 0x7f, not a pickle. Tried nsys-sqlite: no SQLite header.';
      return [
        {
          ...source,
          format: null,
          error: { ...where, code: 'unrecognised', message, format: null, offset: 0 },
        },
      ];
    }
    const told = this.readings(file.name, source);
    if (told !== null) return told;
    if (file.name.startsWith('nsys')) {
      const kernels = { count: KERNELS, outside: 0 };
      const view = deviceView(`${id}:0`, id, this.recording, 0);
      return [
        {
          ...source,
          format: 'nsys-sqlite',
          formatTitle: 'Nsight Systems SQLite export',
          devices: [{ ...view, producer: 'nsys', clock: 'session', kernels }],
        },
      ];
    }
    if (file.name.endsWith('.log')) return [{ ...source, format: 'memory-summary', summaries: summaries() }];
    return [{ ...source, devices: [deviceView(`${id}:0`, id, this.recording, 0)] }];
  }

  private readings(name: string, source: SourceView): SourceView[] | null {
    const bare = { ...source, settings: [], warnings: [], notRecorded: [], producer: '', rows: 5000 };
    const log = { ...bare, format: 'vllm-log', formatTitle: 'vLLM log', producer: 'vLLM 0.10.2' } as const;
    const smi = { ...bare, format: 'nvidia-smi', formatTitle: 'nvidia-smi' } as const;
    const dcgm = { ...bare, format: 'prometheus-json', formatTitle: 'Prometheus' } as const;
    const wait = ['The log names no year: 2026 is assumed.'];
    if (name.startsWith('vllm'))
      return [{ ...log, notRecorded: wait, readings: vllmReadings(name.includes('one') ? 1 : 8) }];
    if (name.startsWith('smi')) return [{ ...smi, readings: smiReadings() }];
    if (name.startsWith('dcgm')) return [{ ...dcgm, readings: dcgmReadings() }];
    if (name.startsWith('scrape')) return [{ ...dcgm, readings: scrapeReadings() }];
    if (name.startsWith('requests'))
      return [{ ...bare, format: 'request-log', formatTitle: 'Request log', readings: requestReadings() }];
    if (name.startsWith('kineto')) {
      const { gauges } = smiReadings();
      const readings = {
        ...requestReadings(),
        clock: 'wall' as const,
        gauges: gauges.slice(16, 18),
        events: [oom(0)],
      };
      const devices = [deviceView(`${source.id}:0`, source.id, this.recording, 0)];
      return [{ ...source, format: 'kineto-trace', formatTitle: 'Kineto trace', devices, readings }];
    }
    if (!name.startsWith('mixed')) return null;
    const next = (): number => this.nextSource++;
    return [
      { ...log, readings: vllmReadings(2) },
      { ...smi, id: next(), readings: smiReadings() },
      {
        ...bare,
        id: next(),
        format: 'memory-summary',
        formatTitle: 'Memory summaries',
        summaries: summaries(),
      },
    ];
  }

  async openFolder(
    job: number,
    name: string,
    files: readonly { readonly path: string; readonly file: File }[],
    onProgress: (progress: Progress) => void,
  ): Promise<SourceView[]> {
    this.asked.push(`folder ${name}: ${files.map(({ path }) => path).join(' ')}`);
    const opened = files.map(async ({ path, file }) => {
      const sources = await this.open(job, file, onProgress);
      return sources.map((source) => ({ ...source, file: path }));
    });
    return (await Promise.all(opened)).flat();
  }

  cancel(job: number): Promise<void> {
    this.cancelled.add(job);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  kernels(query: Parameters<EngineApi['kernels']>[0]): ReturnType<EngineApi['kernels']> {
    this.asked.push(`kernels ${query.from} ${query.to} ${query.columns}`);
    return Promise.resolve(ok(kernelsIn(this.ran, query)));
  }

  timeline({
    device,
    series,
    range,
    axis,
    columns,
  }: Parameters<EngineApi['timeline']>[0]): ReturnType<EngineApi['timeline']> {
    this.asked.push(`timeline ${axis} ${range?.from} ${range?.to} ${columns}`);
    const { time, values } = this.recording;
    const whole = { axis, from: 0, to: axis === 'time' ? time[EVENTS - 1] + 1 : EVENTS };
    const shown = range ?? whole;
    const x = Float64Array.from(
      { length: columns },
      (_, i) => shown.from + ((shown.to - shown.from) * i) / columns,
    );
    const rowAt = (at: number): number =>
      axis === 'time' ? lowerBound(time, at) : Math.min(EVENTS, Math.ceil(at));
    const rows = Array.from({ length: columns + 1 }, (_, i) => rowAt(i < columns ? x[i] : shown.to));
    return Promise.resolve(
      ok({
        device,
        range: shown,
        x,
        count: Uint32Array.from(x, (_, i) => rows[i + 1] - rows[i]),
        series: series.map((id) => {
          const column = values.get(id) ?? new Float64Array(EVENTS);
          const cut = (i: number): Float64Array => column.subarray(rows[i], rows[i + 1]);
          const carried = (i: number): number => (rows[i] > 0 ? column[rows[i] - 1] : 0);
          const of = (pick: (cells: Float64Array) => number): Float64Array =>
            Float64Array.from(x, (_, i) => (cut(i).length > 0 ? pick(cut(i)) : carried(i)));
          return {
            id,
            first: of((cells) => cells[0]),
            min: of((cells) => Math.min(...cells)),
            max: of((cells) => Math.max(...cells)),
            last: of((cells) => cells[cells.length - 1]),
          };
        }),
        ranOn: { where: 'cpu', reason: 'fewer than 65,536 rows', milliseconds: 1.5 },
      }),
    );
  }

  range({ device, range }: Parameters<EngineApi['range']>[0]): ReturnType<EngineApi['range']> {
    this.asked.push(`range ${range?.from} ${range?.to}`);
    const rowAt = (at: number): number =>
      range?.axis === 'time' ? lowerBound(this.recording.time, at) : Math.floor(at);
    const rows: [number, number] = range === null ? [0, EVENTS] : [rowAt(range.from), rowAt(range.to)];
    const share = (rows[1] - rows[0]) / EVENTS;
    const stream = (name: string, weight: number, first: number): StreamRow => {
      const histogram = Array.from({ length: 14 }, (_, i) => {
        const count = Math.round(share * weight * 900 * Math.exp(-((i - first) ** 2) / 8));
        return { from: 512 * 2 ** i, to: 1024 * 2 ** i, count, bytes: count * 700 * 2 ** i };
      });
      const total = (key: 'count' | 'bytes'): number => histogram.reduce((sum, row) => sum + row[key], 0);
      const live = { liveAllocations: Math.round(40 * weight), liveBytes: Math.round(900 * MIB * weight) };
      return {
        stream: name,
        allocations: total('count'),
        bytes: total('bytes'),
        frees: 4000,
        ...live,
        histogram,
      };
    };
    const holders = ['forward model.py:103', 'append_output serve.py:41', 'allocated before recording'].map(
      (label, i) => ({
        stack: i === 2 ? null : i,
        label,
        bytes: Math.round(((3 - i) * 512 * MIB) / 1.7),
        allocations: 60 * (i + 1),
        largest: 64 * MIB,
      }),
    );
    const segments = Array.from({ length: 40 }, (_, i) => ({
      address: `0x7fe1${(0x34000000 + i * 0x1400000).toString(16)}`,
      size: 20 * MIB,
      stream: i % 5 === 0 ? '7' : '0',
      pool: i % 7 === 0 ? 'small_pool' : 'large_pool',
      expandable: false,
      allocatedAtNs: i < 3 ? null : i * 5e7,
      liveBytes: Math.round(((i % 10) / 10) * 20 * MIB),
      liveAllocations: i % 10,
    }));
    const answer: RangeAnswer = {
      device,
      range,
      rows,
      streams: [stream('0', 1, 3), stream('7', 0.2, 9), stream('9', 0, 0)],
      segments,
      segmentsTotal: 61,
      holders,
      holdersTotal: holders.length,
      liveBytes: holders.reduce((sum, holder) => sum + holder.bytes, 0),
      ranOn: { where: 'cpu', reason: 'fewer than 65,536 rows', milliseconds: 0.8 },
    };
    return Promise.resolve(ok(answer));
  }

  moment(device: string, axis: Axis, x: number): ReturnType<EngineApi['moment']> {
    this.asked.push(`moment ${axis} ${x}`);
    const { time, values } = this.recording;
    const row = axis === 'event' ? Math.floor(x) : Math.max(0, upperBound(time, x) - 1);
    return Promise.resolve(
      ok({
        device,
        row,
        xNs: time[row],
        timeNs: 1_795_252_313_536_412_000n + BigInt(time[row]),
        action: row % 2 === 0 ? 'alloc' : 'free_completed',
        address: `0x7fe134${row.toString(16).padStart(6, '0')}`,
        size: 512 * (row + 1),
        stream: '0',
        group: 'large_pool',
        frames: FRAMES,
        values: SERIES.map(({ id, label, unit, exact }) => ({
          id,
          label,
          value: values.get(id)?.[row] ?? 0,
          unit,
          exact,
        })),
        partnerRow: row + 1 < EVENTS ? row + 1 : null,
        partnerNs: row + 1 < EVENTS ? time[row + 1] : null,
      }),
    );
  }

  frames(): ReturnType<EngineApi['frames']> {
    return Promise.resolve(ok(FRAMES));
  }

  analysis(): ReturnType<EngineApi['analysis']> {
    return Promise.resolve({
      schema: 1,
      sources: [],
      devices: [],
      summaries: [],
      series: [],
      tables: [],
      budgets: [],
      log_events: [],
      vllm_memory: [],
      findings: [],
      growth: [],
      ledger: [],
      pins: [],
      budget: [],
      budget_sums: [],
      clocks: [],
      contradictions: [],
    });
  }

  tables: EngineApi['tables'] = () =>
    Promise.resolve(
      ok([
        { table: 'events', rows: 3 },
        { table: 'findings', rows: null },
      ]),
    );
  saveTable: EngineApi['saveTable'] = ({ table, format }) =>
    Promise.resolve(ok([new TextEncoder().encode(`${table} as ${format}`)]));

  get replays(): EngineApi['replays'] {
    return this;
  }

  replay: EngineApi['replays']['replay'] = () => Promise.resolve(NO_REPLAY);
  whatIf: EngineApi['replays']['whatIf'] = () => Promise.resolve(NO_REPLAY);
  sites: EngineApi['replays']['sites'] = () => Promise.resolve(NO_REPLAY);
  sweep: EngineApi['replays']['sweep'] = () => Promise.resolve(NO_REPLAY);
  conf: EngineApi['replays']['conf'] = () =>
    Promise.resolve({ ok: false, message: 'not replayed', problem: '', offset: 0, advice: null });
}

/** Code made no requests. */
const NO_REPLAY = fail(new TraceError('refused', 'there is nothing to replay').toData());

const FRAMES = [
  { name: 'torch::autograd::make_variable', filename: '??', line: 0 },
  { name: 'silu', filename: '/usr/lib/python3.12/site-packages/torch/nn/functional.py', line: 2397 },
  { name: 'forward', filename: '/home/user/app/model.py', line: 103 },
  { name: 'main', filename: '/home/user/app/train.py', line: 41 },
];

function summaries(): SourceView['summaries'] {
  const cells = (current: number, peak: number) => ({
    current,
    peak,
    allocated: 9 * current,
    freed: 8 * current,
  });
  return Array.from({ length: 11 }, (_, step) => ({
    label: `step ${step}`,
    step,
    device: 0,
    ooms: 0,
    retries: step > 8 ? 1 : 0,
    offset: step * 3600,
    rows: {
      'Allocated memory': {
        all: cells(2978 * MIB, 3523 * MIB),
        large_pool: cells(2935 * MIB, 3480 * MIB),
        small_pool: cells(43 * MIB, 44 * MIB),
      },
      'GPU reserved memory': { all: cells((3790 + 110 * step) * MIB, (3790 + 110 * step) * MIB) },
      'GPU reserved segments': { all: cells(131 + step, 131 + step) },
    },
    granularity: {
      'Allocated memory': cells(MIB, MIB),
      'GPU reserved memory': cells(MIB, MIB),
      'GPU reserved segments': cells(1, 1),
    },
  }));
}
