/**
 * From the rows of the whole file to one trace per device: put into time order, frees paired with their
 * allocations, host memory kept apart from devices, pools made continuous.
 *
 *   raw row | process | context | address | operation | bytes     device 0
 *   0       | 17      | 1       | 0x7f..0 | alloc     | 4096      row 0: alloc 4096
 *   1       | 18      | 1       | 0x7f..0 | alloc     | 512       row 1: alloc 512   (another process's 0x7f..0)
 *   2       | 17      | 1       | 0x7f..0 | free      | 0         row 2: free  4096  (bytes from its allocation)
 */
import { MEM_KINDS, NONE, type EventTable } from '../../trace/schema.ts';
import type { DeviceTrace, PoolTable, Warning } from '../../trace/capture.ts';
import type { Place, RawEvents } from './events.ts';
import { processPart } from './calls.ts';
import { type RawKernels, kernelsOf } from './kernels.ts';
import { pair, pairingWarnings } from './pairing.ts';
import type { PoolEvent } from './pools.ts';
import { buildPools } from './pools.ts';
import { annotationsOf, type RawRanges } from './ranges.ts';
import type { Gpu } from './schema.ts';

/** By number of the kind. */
const IS_HOST = MEM_KINDS.map((kind) => kind === 'pageable' || kind === 'pinned');
const MOST_STREAMS = 65536;

/** What the file tells of GPUs. */
export interface GpuFacts {
  readonly gpus: readonly Gpu[];
  /** "pid:device" -> id of the GPU. */
  readonly gpuOf: ReadonlyMap<string, number>;
}

/** What is known beside the memory events. */
export interface Surroundings {
  readonly pools: readonly PoolEvent[];
  /** Stack of each raw row. */
  readonly stacks: Uint32Array;
  readonly ranges: RawRanges;
  readonly kernels: RawKernels;
  /** By their ids. */
  readonly strings: ReadonlyMap<number, string>;
}

export interface Devices {
  readonly devices: DeviceTrace[];
  readonly warnings: Warning[];
  /** What must be known to read the figures rightly. */
  readonly sentences: string[];
}

/** Process id inside Nsight's globalPid. */
const pidOf = (globalPid: number): number => Math.floor(globalPid / 0x1000000) % 0x1000000;

const words = (column: BigInt64Array | BigUint64Array, length: number): Uint32Array =>
  new Uint32Array(column.buffer, column.byteOffset, 2 * length);

/** Raw rows in time order; null where they are in order already. Rows of one time keep their order. */
function timeOrder({ time, length }: RawEvents): Uint32Array | null {
  const low = words(time, length);
  const high = new Int32Array(low.buffer, low.byteOffset, 2 * length);
  let i = 1;
  for (; i < length; i++) {
    const difference = high[2 * i + 1] - high[2 * i - 1];
    if (difference < 0 || (difference === 0 && low[2 * i] < low[2 * i - 2])) break;
  }
  if (i >= length) return null;
  // Times from the first: exact in doubles for recordings of up to 104 days.
  const first = time.subarray(0, length).reduce((least, value) => (value < least ? value : least));
  const since = Float64Array.from({ length }, (_unused, i) => Number(time[i] - first));
  const order = Uint32Array.from({ length }, (_unused, i) => i);
  return order.sort((a, b) => since[a] - since[b] || a - b);
}

/** Number of the device that each place stands for, in the numbering that is free of contradictions. */
function numberPlaces(raw: RawEvents, facts: GpuFacts, sentences: string[]): number[] {
  const gpuOf = (place: Place): number | undefined =>
    facts.gpuOf.get(`${pidOf(raw.processes[place.process])}:${place.device}`);
  const gpusOfNumber = new Map<number, Set<number>>();
  for (const place of raw.places) {
    const gpu = gpuOf(place);
    if (gpu === undefined) continue;
    const gpus = gpusOfNumber.get(place.device) ?? new Set();
    gpusOfNumber.set(place.device, gpus.add(gpu));
  }
  const isAmbiguous = [...gpusOfNumber.values()].some((gpus) => gpus.size > 1);
  if (!isAmbiguous) return raw.places.map((place) => place.device);
  sentences.push(
    'Processes number the devices differently (CUDA_VISIBLE_DEVICES): devices are numbered here as Nsight numbers the GPUs.',
  );
  return raw.places.map((place) => gpuOf(place) ?? place.device);
}

/** Which device rows of a place belong to: those of device memory, and those of host memory. */
interface PlaceDevices {
  readonly own: readonly number[];
  /** Host memory has no device: it goes with the first one that its process uses. */
  readonly host: readonly number[];
  /** Devices that have rows, ascending. */
  readonly used: readonly number[];
}

function assignPlaces(raw: RawEvents, own: readonly number[], sentences: string[]): PlaceDevices {
  const hasOwn = new Uint8Array(raw.places.length);
  const hasHost = new Uint8Array(raw.places.length);
  for (let row = 0; row < raw.length; row++) (IS_HOST[raw.kind[row]] ? hasHost : hasOwn)[raw.place[row]] = 1;
  const firstOf = (process: number | null): number =>
    Math.min(
      ...own.filter((_device, i) => hasOwn[i] && (process === null || raw.places[i].process === process)),
    );
  const host = raw.places.map(({ process }, i) => {
    const first = [firstOf(process), firstOf(null), own[i]].find(Number.isFinite);
    return first ?? own[i];
  });
  const used = new Set([
    ...own.filter((_device, i) => hasOwn[i]),
    ...host.filter((_device, i) => hasHost[i]),
  ]);
  if (used.size > 1 && hasHost.includes(1)) {
    sentences.push(
      'Host memory (pinned, pageable) belongs to no device; it is listed with the first device of its process.',
    );
  }
  return { own, host, used: [...used].sort((a, b) => a - b) };
}

/** Raw rows of one device, in time order. */
function rowsOf(
  raw: RawEvents,
  order: Uint32Array | null,
  places: PlaceDevices,
  device: number,
): Uint32Array {
  const rows = new Uint32Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const row = order === null ? i : order[i];
    if ((IS_HOST[raw.kind[row]] ? places.host : places.own)[raw.place[row]] === device) rows[length++] = row;
  }
  return rows.slice(0, length);
}

/** The raw rows `rows` as an event table; null: all of them as they are, without a copy. */
function eventTable(raw: RawEvents, rows: Uint32Array | null, stacks: Uint32Array): EventTable {
  const length = rows === null ? raw.length : rows.length;
  if (rows === null) {
    return {
      length,
      action: raw.action.subarray(0, length),
      address: words(raw.address, length),
      size: words(raw.size, length),
      stream_index: raw.stream.subarray(0, length),
      stack_index: stacks,
      time_ns: words(raw.time, length),
      group: raw.kind.subarray(0, length),
    };
  }
  const take64 = (column: BigInt64Array | BigUint64Array): Uint32Array => {
    const from = words(column, raw.length);
    const to = new Uint32Array(2 * length);
    for (let i = 0; i < length; i++) {
      to[2 * i] = from[2 * rows[i]];
      to[2 * i + 1] = from[2 * rows[i] + 1];
    }
    return to;
  };
  return {
    length,
    action: Uint8Array.from(rows, (row) => raw.action[row]),
    address: take64(raw.address),
    size: take64(raw.size),
    stream_index: Uint16Array.from(rows, (row) => raw.stream[row]),
    stack_index: Uint32Array.from(rows, (row) => stacks[row]),
    time_ns: take64(raw.time),
    group: Uint8Array.from(rows, (row) => raw.kind[row]),
  };
}

function gpuOfDevice(device: number, places: readonly Place[], raw: RawEvents, facts: GpuFacts): Gpu | null {
  for (const place of places) {
    const id = facts.gpuOf.get(`${pidOf(raw.processes[place.process])}:${place.device}`);
    const gpu = facts.gpus.find((candidate) => candidate.id === id);
    if (gpu) return gpu;
  }
  return (
    facts.gpus.find((gpu) => gpu.cuDevice === device) ??
    facts.gpus.find((gpu) => gpu.cuDevice === null && gpu.id === device) ??
    null
  );
}

/** Place of every raw row in `rows`; NONE for those that are not in it. */
function invert(rows: Uint32Array, length: number): Uint32Array {
  const inverse = new Uint32Array(length).fill(NONE);
  rows.forEach((row, i) => (inverse[row] = i));
  return inverse;
}

export function buildDevices(
  raw: RawEvents,
  { pools: poolEvents, stacks, ranges, kernels, strings }: Surroundings,
  facts: GpuFacts,
  cut: boolean,
): Devices {
  const sentences: string[] = [];
  const warnings: Warning[] = [];
  const order = timeOrder(raw);
  const pairing = pair(raw, order);
  const placeDevice = numberPlaces(raw, facts, sentences);
  const assigned = assignPlaces(raw, placeDevice, sentences);
  const streams = raw.streams.slice(0, MOST_STREAMS);
  if (raw.streams.length > MOST_STREAMS) streams[MOST_STREAMS - 1] = 'others';
  let drawn = 0;

  const devices = assigned.used.map((device): DeviceTrace => {
    // null: all raw rows as they are, without a copy. That is the rule.
    const rows = assigned.used.length === 1 ? order : rowsOf(raw, order, assigned, device);
    const rowOfRaw = rows === null ? null : invert(rows, raw.length);
    const toRow = (rawRow: number): number => (rowOfRaw === null ? rawRow : rowOfRaw[rawRow]);
    const isHere = (rawRow: number): boolean => toRow(rawRow) !== NONE;
    const places = raw.places.filter((_place, index) => placeDevice[index] === device);
    const gpu = gpuOfDevice(device, places, raw, facts);
    const processes = new Set(places.map((place) => place.process));
    if (processes.size > 1) {
      sentences.push(
        `${processes.size} processes share device ${device}; its figures are of all of them together.`,
      );
    }
    const pools: PoolTable | null = buildPools(
      raw,
      toRow,
      poolEvents.filter((event) => deviceOf(event.globalPid, event.device, raw, placeDevice) === device),
    );
    const unmatched = Uint32Array.from([...pairing.unmatched].filter(isHere).map(toRow)).sort();
    const parts = new Set([...processes].map((process) => processPart(raw.processes[process])));
    const isOfDevice = (globalPid: number, number: number): boolean =>
      deviceOf(globalPid, number, raw, placeDevice) === device;
    const table = kernelsOf(kernels, strings, isOfDevice);
    drawn += table?.length ?? 0;
    return {
      device,
      producer: 'nsys',
      name: gpu?.name ?? null,
      total_bytes: gpu?.totalBytes ?? null,
      clock: raw.hasTime ? 'session' : 'none',
      streams,
      events: eventTable(raw, rows, stacks),
      cut,
      segments: null,
      blocks: null,
      annotations: raw.hasTime ? annotationsOf(ranges, strings, device, (part) => parts.has(part)) : [],
      pools,
      device_free: [],
      symbols: raw.symbols.filter(([row]) => isHere(row)).map(([row, name]) => [toRow(row), name] as const),
      partner: partnersOf(pairing.partner, rows, toRow),
      ...(unmatched.length > 0 ? { unmatched_frees: unmatched } : {}),
      ...(table === null || !raw.hasTime ? {} : { kernels: table }),
    };
  });
  if (drawn < kernels.length) {
    const message = `${kernels.length - drawn} kernels ran on devices without memory events and are not shown.`;
    warnings.push({ message, offset: null });
  }
  return { devices, warnings: [...pairingWarnings(pairing), ...warnings], sentences };
}

/** Partners as rows of a device: `rows` are its raw rows, null: all as they are. */
function partnersOf(
  partner: Uint32Array,
  rows: Uint32Array | null,
  toRow: (rawRow: number) => number,
): Uint32Array {
  if (rows === null) return partner;
  return Uint32Array.from(rows, (row) => (partner[row] === NONE ? NONE : toRow(partner[row])));
}

/** Device that a process knows by this number. */
function deviceOf(globalPid: number, number: number, raw: RawEvents, placeDevice: readonly number[]): number {
  const place = raw.places.findIndex(
    ({ process, device }) => raw.processes[process] === globalPid && device === number,
  );
  return place < 0 ? number : placeDevice[place];
}
