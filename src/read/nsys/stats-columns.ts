/**
 * Columns of the reports of `nsys stats`: what their headers say of units, and which report a header is of.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#report-scripts
 */
import { lookup } from '../../base/lookup.ts';
import type { TableColumn } from '../../trace/readings.ts';

export interface StatsColumn extends TableColumn {
  /** Printed figure times this is in `unit`; text: 1. */
  readonly scale: number;
}

const BYTES: Readonly<Record<string, number>> = lookup({
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1048576,
  GiB: 1073741824,
});
const TIMES: Readonly<Record<string, number>> = lookup({
  ns: 1,
  nsec: 1,
  us: 1e3,
  usec: 1e3,
  ms: 1e6,
  msec: 1e6,
  s: 1e9,
  sec: 1e9,
});

const TEXTS =
  /^(?:Name|Operation|Category|Device|Range|Style|SrcMemKd|DstMemKd|Result|Thread Name|API Name|Kernel Name|Trace Type|Event Type|type|API Function|PID|Pid|TID|Tid|Ctx|GreenCtx|Strm|CorrId|CorrID|streamId)$/;
const COUNTS = /^(?:Count|Num Calls|Instances|Operations|Calls)$/;

export function columnOf(header: string): StatsColumn {
  const text = header.trim();
  const match = /^(.*?) ?\(([^()]{1,8})\)$/.exec(text);
  const name = match === null ? text : match[1];
  const unit = match?.[2] ?? '';
  if (unit === '%') return { name, unit: 'percent', scale: 1 };
  if (Object.hasOwn(BYTES, unit)) return { name, unit: 'bytes', scale: BYTES[unit] };
  if (Object.hasOwn(TIMES, unit)) return { name, unit: 'nanoseconds', scale: TIMES[unit] };
  if (COUNTS.test(text)) return { name, unit: 'count', scale: 1 };
  if (TEXTS.test(text)) return { name, unit: 'text', scale: 1 };
  // "Throughput (MB/s)" keeps its unit in its name.
  return { name: text, unit: 'number', scale: 1 };
}

/** Columns of 2021 and before have a unit in one of them only; the others are in the same. */
export function columnsOf(header: readonly string[]): StatsColumn[] {
  const columns = header.map(columnOf);
  const total = columns.find(({ name, unit }) => /^Total(?: Time)?$/.test(name) && unit !== 'number');
  if (total === undefined) return columns;
  return columns.map((column) =>
    column.unit === 'number' &&
    /^(?:Average|Minimum|Maximum|Median|StdDev|Avg|Med|Min|Max)$/.test(column.name)
      ? { ...column, unit: total.unit, scale: total.scale }
      : column,
  );
}

/** Decimals are exact in thousands of bytes ("4.194" MB), not in binary fractions: whole bytes and ns are rounded to. */
export function cellOf({ unit, scale }: StatsColumn, text: string): string | number | null {
  if (text === '') return null;
  if (unit === 'text') return text.trim() || null;
  let value = Number(text);
  if (Number.isNaN(value) || text.trim() === '') {
    const trimmed = text.trim();
    if (trimmed === '') return null;
    value = Number(trimmed.replace(/(\d),(?=\d{3}\b)/g, '$1').replace(/%$/, ''));
    if (!Number.isFinite(value)) return trimmed.slice(0, 200);
  } else if (!Number.isFinite(value)) return text.trim();
  // Averages of nanoseconds have decimals of their own.
  return scale === 1 ? value : Math.round(value * scale * 1e3) / 1e3;
}

export interface ReportKind {
  readonly id: string;
  readonly title: string;
  readonly note: string;
}

const NOT_IN_USE = 'Not memory in use: nsys stats counts what was copied and filled, not what was allocated.';
const ROUNDED =
  'Sizes are printed in MB of 1,000,000 bytes with three decimals, so each is right to 500 bytes and a copy of less reads 0.';
const TIMES_ONLY = 'Times, not memory.';

const KINDS: Readonly<Record<string, ReportKind>> = lookup({
  cuda_gpu_mem_size_sum: {
    id: 'cuda_gpu_mem_size_sum',
    title: 'Transfers and fills by size',
    note: `${NOT_IN_USE} ${ROUNDED}`,
  },
  cuda_gpu_mem_time_sum: {
    id: 'cuda_gpu_mem_time_sum',
    title: 'Transfers and fills by time',
    note: `Time that copies and fills took. ${NOT_IN_USE}`,
  },
  cuda_gpu_trace: {
    id: 'cuda_gpu_trace',
    title: 'Kernels, copies and fills in order',
    note: `${NOT_IN_USE} ${ROUNDED} Throughput is as printed, also where no hardware has it (a fill counted in the time of its launch).`,
  },
  cuda_api_sum: {
    id: 'cuda_api_sum',
    title: 'CUDA API calls',
    note: 'Times of calls on the host. How often cudaMalloc was called is in here; how many bytes, and whether they were freed, is not.',
  },
  cuda_gpu_kern_sum: { id: 'cuda_gpu_kern_sum', title: 'Kernels', note: TIMES_ONLY },
  cuda_gpu_sum: {
    id: 'cuda_gpu_sum',
    title: 'Kernels, copies and fills by time',
    note: `Times. ${NOT_IN_USE}`,
  },
  cuda_api_gpu_sum: {
    id: 'cuda_api_gpu_sum',
    title: 'API calls, kernels, copies and fills by time',
    note: `Times. ${NOT_IN_USE}`,
  },
  osrt_sum: { id: 'osrt_sum', title: 'Calls of the operating system', note: TIMES_ONLY },
  nvtx_sum: { id: 'nvtx_sum', title: 'NVTX ranges', note: TIMES_ONLY },
});

/** Names until 2022 -> now. */
const OLD_NAMES: Readonly<Record<string, string>> = lookup({
  gpumemsizesum: 'cuda_gpu_mem_size_sum',
  gpumemtimesum: 'cuda_gpu_mem_time_sum',
  gputrace: 'cuda_gpu_trace',
  cudaapisum: 'cuda_api_sum',
  gpukernsum: 'cuda_gpu_kern_sum',
  gpusum: 'cuda_gpu_sum',
  apigpusum: 'cuda_api_gpu_sum',
  osrtsum: 'osrt_sum',
  nvtxsum: 'nvtx_sum',
  pushpopsum: 'nvtx_sum',
});

/** The report by its name ("cuda_gpu_mem_size_sum", "gpumemsizesum", "cuda_gpu_trace:base"). */
export function kindNamed(name: string): ReportKind {
  const bare = name.replace(/:.*$/, '').toLowerCase();
  const id = Object.hasOwn(OLD_NAMES, bare) ? OLD_NAMES[bare] : bare;
  if (Object.hasOwn(KINDS, id)) return KINDS[id];
  return { id, title: `nsys stats ${id}`, note: `As nsys stats prints it. ${NOT_IN_USE}` };
}

/** The report by its columns, for files without a title; null: no report of nsys stats. */
export function kindOfHeader(header: readonly string[]): ReportKind | null {
  const names = new Set(header.map((text) => text.trim()));
  const bare = new Set(header.map((text) => text.trim().replace(/ ?\([^()]*\)$/, '')));
  const isSum = bare.has('Total Time') || bare.has('Total');
  if (bare.has('Start') && bare.has('Duration') && (names.has('CorrId') || names.has('CorrID'))) {
    return names.has('Strm') ? KINDS['cuda_gpu_trace'] : kindNamed('cuda_api_trace');
  }
  if (!isSum || !(bare.has('Avg') || bare.has('Average'))) return null;
  if (names.has('Category') && names.has('Operation')) return KINDS['cuda_gpu_sum'];
  if (names.has('Operation'))
    return KINDS[bare.has('Total Time') ? 'cuda_gpu_mem_time_sum' : 'cuda_gpu_mem_size_sum'];
  if (names.has('Range')) return KINDS['nvtx_sum'];
  if (names.has('Name') && names.has('Num Calls')) return KINDS['cuda_api_sum'];
  if (names.has('Name') && names.has('Instances')) return KINDS['cuda_gpu_kern_sum'];
  return bare.has('Total Time') && names.has('Name') ? kindNamed('summary') : null;
}
