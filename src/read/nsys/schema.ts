/**
 * What an Nsight Systems export tells beside its events, found out by looking: the schema changes between releases without
 * notice, users trim tables and columns, and the oldest exports carry no version. Tables and columns are
 * asked for by name; enums are hard-coded and corrected by the file's own ENUM_ tables where it has them.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#exporter-sqlite-schema
 *
 * Environment, user, host and process names are never read.
 */
import { MEM_KINDS } from '../../trace/schema.ts';
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

/** An API call without its version: "cudaMalloc_v3020" -> "cudaMalloc". */
export const apiName = (name: string): string => name.replace(/_v\d+(_ptsz|_ptds)?$/, '');

const ALLOCATES = /^(cudaMalloc|cudaFree|cudaHostAlloc|cuMemAlloc|cuMemFree)/;

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

export async function readGpus(tables: NsysTables): Promise<Gpu[]> {
  const gpus: Gpu[] = [];
  if (!tables.names.has('TARGET_INFO_GPU')) return gpus;
  for await (const rows of tables.rows('TARGET_INFO_GPU', ['id', 'cuDevice', 'name', 'totalMemory'])) {
    while (rows.step()) {
      gpus.push({
        id: rows.number(0),
        cuDevice: rows.isNull(1) ? null : rows.number(1),
        name: rows.isNull(2) ? null : rows.text(2),
        totalBytes: rows.isNull(3) || rows.number(3) <= 0 ? null : rows.number(3),
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
      if (!rows.isNull(2)) map.set(`${rows.number(0)}:${rows.number(1)}`, rows.number(2));
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

/** Calls of cudaMalloc*, cudaFree*, cuMemAlloc*, ... by name, without their version suffix. */
export async function countAllocationCalls(
  tables: NsysTables,
  breathe: () => Promise<void>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (!tables.names.has(RUNTIME_TABLE) || !tables.names.has(STRINGS_TABLE)) return counts;
  const names = new Map<number, string>();
  for await (const rows of tables.rows(STRINGS_TABLE, ['id', 'value'])) {
    while (rows.step()) {
      const name = rows.text(1);
      if (ALLOCATES.test(name)) names.set(rows.number(0), apiName(name));
    }
  }
  if (names.size === 0) return counts;
  let n = 0;
  for await (const rows of tables.rows(RUNTIME_TABLE, ['nameId'])) {
    while (rows.step()) {
      if (++n % BREATH_ROWS === 0) await breathe();
      const name = names.get(rows.number(0));
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return counts;
}
