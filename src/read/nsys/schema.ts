/**
 * What an Nsight Systems export tells beside its events, found out by looking: the schema changes between releases without
 * notice, users trim tables and columns, and the oldest exports carry no version. Tables and columns are
 * asked for by name; enums are hard-coded and corrected by the file's own ENUM_ tables where it has them.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#exporter-sqlite-schema
 *
 * Environment, user, host and process names are never read.
 */
import { MOST_BYTES, MOST_DEVICE } from '../../base/bounds.ts';
import { MEM_KINDS } from '../../trace/schema.ts';
import { apiName } from './api-name.ts';
import { noteReturn, type RefusedCalls, RETURN_COLUMNS } from './failed-calls.ts';
import type { NsysTables } from './tables.ts';

export const EVENTS_TABLE = 'CUDA_GPU_MEMORY_USAGE_EVENTS';
export const POOLS_TABLE = 'CUDA_GPU_MEMORY_POOL_EVENTS';
export const RUNTIME_TABLE = 'CUPTI_ACTIVITY_KIND_RUNTIME';
export const STRINGS_TABLE = 'StringIds';
export const CHAINS_TABLE = 'CUDA_CALLCHAINS';
export const NVTX_TABLE = 'NVTX_EVENTS';
export const KERNELS_TABLE = 'CUPTI_ACTIVITY_KIND_KERNEL';

/** All that is ever read. What is not in it (environment, processes, threads) is not opened. */
export const READ_TABLES: ReadonlySet<string> = new Set([
  EVENTS_TABLE,
  POOLS_TABLE,
  RUNTIME_TABLE,
  STRINGS_TABLE,
  CHAINS_TABLE,
  NVTX_TABLE,
  KERNELS_TABLE,
  'META_DATA_EXPORT',
  'EXPORT_META_DATA',
  'META_DATA_CAPTURE',
  'DIAGNOSTIC_EVENT',
  'ENUM_CUDA_MEM_KIND',
  'TARGET_INFO_GPU',
  'TARGET_INFO_CUDA_DEVICE',
  'TARGET_INFO_SESSION_START_TIME',
]);

/** A table that only Nsight Systems writes. */
export const isNsysTable = (name: string): boolean =>
  name === STRINGS_TABLE ||
  /^(CUPTI_ACTIVITY_KIND_|CUDA_GPU_MEMORY_|CUDA_UM_|CUDA_CALLCHAINS$|NVTX_EVENTS$|TARGET_INFO_|META_DATA_(EXPORT|CAPTURE)$|ANALYSIS_DETAILS$|ENUM_(CUDA|CUPTI|NSYS|WDDM|OPENACC|OPENGL|OPENMP|D3D12|DXGI|NET|PMU|VULKAN|GPU|ETW|SLI|STACK|SAMPLING|NVDRIVER)_|PROFILER_OVERHEAD$|PROCESSES$|ProcessStreams$|ThreadNames$)/.test(
    name,
  );
const UNKNOWN_KIND = MEM_KINDS.indexOf('unknown');
const BREATH_ROWS = 1 << 17;

export interface Gpu {
  readonly id: number;
  /** CUDA's number of it; null where the table was trimmed. */
  readonly cuDevice: number | null;
  readonly name: string | null;
  readonly totalBytes: number | null;
}

const ALLOCATES = /^(cudaMalloc|cudaFree|cudaHostAlloc|cuMemAlloc|cuMemHostAlloc|cuMemCreate|cuMemFree)/;

export const isNsys = (tables: NsysTables): boolean =>
  [...tables.names].some(
    (name) => name === STRINGS_TABLE || /^(CUPTI_ACTIVITY_KIND_|CUDA_GPU_MEMORY_)/.test(name),
  );

/** "Nsight Systems 2023.4.4, schema 3.7.2". */
export async function readProducer(tables: NsysTables): Promise<string> {
  const table = ['META_DATA_EXPORT', 'EXPORT_META_DATA'].find((name) => tables.names.has(name));
  const values = new Map<string, string>();
  if (table !== undefined) {
    for await (const rows of tables.rows(table, ['name', 'value'])) {
      while (rows.step()) {
        const name = rows.text(0);
        if (/^EXPORT_(PRODUCT|SCHEMA)_VERSION$/.test(name)) values.set(name, rows.text(1));
      }
    }
  }
  const product = values.get('EXPORT_PRODUCT_VERSION')?.split('.').slice(0, 3).join('.');
  const schema = values.get('EXPORT_SCHEMA_VERSION');
  if (product === undefined && schema === undefined) return 'Nsight Systems, export without a version';
  return `Nsight Systems ${product ?? 'of an unknown version'}, schema ${schema ?? 'without a version'}`;
}

/** Options of the recording; null: the export does not say. */
export interface CaptureOptions {
  readonly gpuMemory: boolean | null;
  readonly cuda: boolean | null;
  /** Nsight's own words where it saw no CUDA. */
  readonly diagnostic: string | null;
}

/** Two keys, for all processes or one ("PROCESS_0:..."), are read by name: the same table holds environments. */
export async function readCaptureOptions(tables: NsysTables): Promise<CaptureOptions> {
  const found = new Map<string, boolean>();
  if (tables.names.has('META_DATA_CAPTURE')) {
    for await (const rows of tables.rows('META_DATA_CAPTURE', ['name', 'value'])) {
      while (rows.step()) {
        const key = /^(?:PROCESS_\d+:)?(COLLECT_GPU_MEMORY_USAGE|COLLECT_CUDA_TRACE)$/.exec(
          rows.text(0),
        )?.[1];
        // On for one process is on: the processes may have been started with options of their own.
        if (key !== undefined) found.set(key, found.get(key) === true || /^(true|1)$/i.test(rows.text(1)));
      }
    }
  }
  let diagnostic: string | null = null;
  if (tables.names.has('DIAGNOSTIC_EVENT')) {
    for await (const rows of tables.rows('DIAGNOSTIC_EVENT', ['text'])) {
      while (rows.step()) {
        const text = rows.text(0);
        if (/^No CUDA events collected\b/.test(text)) diagnostic = text.slice(0, 200);
      }
    }
  }
  return {
    gpuMemory: found.get('COLLECT_GPU_MEMORY_USAGE') ?? null,
    cuda: found.get('COLLECT_CUDA_TRACE') ?? null,
    diagnostic,
  };
}

/** Whether it can be what a GPU has; NULL reads as 0. */
const isTotal = (bytes: number): boolean => Number.isInteger(bytes) && bytes > 0 && bytes <= MOST_BYTES;
/** Whether it can be the number of a GPU. */
const isNumber = (gpu: number): boolean => Number.isInteger(gpu) && gpu >= 0 && gpu <= MOST_DEVICE;

export async function readGpus(tables: NsysTables): Promise<Gpu[]> {
  const gpus: Gpu[] = [];
  if (!tables.names.has('TARGET_INFO_GPU')) return gpus;
  for await (const rows of tables.rows('TARGET_INFO_GPU', ['id', 'cuDevice', 'name', 'totalMemory'])) {
    while (rows.step()) {
      gpus.push({
        id: rows.number(0),
        cuDevice: rows.isNull(1) ? null : rows.number(1),
        name: rows.isNull(2) ? null : rows.text(2),
        totalBytes: isTotal(rows.number(3)) ? rows.number(3) : null,
      });
    }
  }
  return gpus;
}

/** "pid:device number in that process" -> id of the GPU (CUDA_VISIBLE_DEVICES makes them differ). */
export async function readGpuOfProcessDevice(tables: NsysTables): Promise<Map<string, number>> {
  const map = new Map<string, number>();
  if (!tables.names.has('TARGET_INFO_CUDA_DEVICE')) return map;
  for await (const rows of tables.rows('TARGET_INFO_CUDA_DEVICE', ['pid', 'cudaId', 'gpuId'])) {
    while (rows.step()) {
      const gpu = rows.isNull(2) ? NaN : rows.number(2);
      if (isNumber(gpu)) map.set(`${rows.number(0)}:${rows.number(1)}`, gpu);
    }
  }
  return map;
}

/** Number in the file -> index into MEM_KINDS. Nsight's numbers, not CUPTI's, which are one higher. */
export const knownKinds = (): Map<number, number> => new Map(MEM_KINDS.map((_kind, index) => [index, index]));

/** The same, corrected by the file's own table. */
export async function readMemKinds(tables: NsysTables): Promise<Map<number, number>> {
  const map = knownKinds();
  if (!tables.names.has('ENUM_CUDA_MEM_KIND')) return map;
  for await (const rows of tables.rows('ENUM_CUDA_MEM_KIND', ['id', 'label'])) {
    while (rows.step()) {
      const label = rows.text(1).toLowerCase().replaceAll(' ', '_');
      const index = MEM_KINDS.findIndex((kind) => kind === label);
      if (index >= 0 || !map.has(rows.number(0))) map.set(rows.number(0), index >= 0 ? index : UNKNOWN_KIND);
    }
  }
  return map;
}

/** Unix time of x = 0 in nanoseconds, as text; null where the file does not tell. */
export async function readSessionStart(tables: NsysTables): Promise<string | null> {
  if (!tables.names.has('TARGET_INFO_SESSION_START_TIME')) return null;
  for await (const rows of tables.rows('TARGET_INFO_SESSION_START_TIME', ['utcEpochNs'])) {
    if (rows.step()) return rows.isNull(0) ? null : rows.bigint(0).toString();
  }
  return null;
}

/** CUDA calls in all, and those of cudaMalloc*, cudaFree*, cuMemAlloc*, ... by name, without their version suffix. */
export interface AllocationCalls {
  all: number;
  readonly byName: Map<string, number>;
}

/** `refused` is told what each of these calls returned. */
export async function countAllocationCalls(
  tables: NsysTables,
  refused: RefusedCalls,
  breathe: () => Promise<void>,
): Promise<AllocationCalls> {
  const counts: AllocationCalls = { all: 0, byName: new Map() };
  if (!tables.names.has(RUNTIME_TABLE)) return counts;
  const names = new Map<number, string>();
  for await (const rows of tables.names.has(STRINGS_TABLE)
    ? tables.rows(STRINGS_TABLE, ['id', 'value'])
    : []) {
    while (rows.step()) {
      const name = rows.text(1);
      if (ALLOCATES.test(name)) names.set(rows.number(0), apiName(name));
    }
  }
  for await (const rows of tables.rows(RUNTIME_TABLE, ['nameId', 'globalTid', ...RETURN_COLUMNS])) {
    while (rows.step()) {
      if (++counts.all % BREATH_ROWS === 0) await breathe();
      const id = rows.number(0);
      const name = names.get(id);
      if (name === undefined) continue;
      counts.byName.set(name, (counts.byName.get(name) ?? 0) + 1);
      noteReturn(rows, 2, rows.number(1), id, refused);
    }
  }
  return counts;
}
