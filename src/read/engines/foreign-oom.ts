/**
 * Out of memory in the words of everything but PyTorch's allocator: XLA, TensorFlow, PaddlePaddle, CuPy, ONNX
 * Runtime, TensorRT, the libraries of a process, the driver; and of the machine's own memory, which is told apart.
 * A table: what the message looks like, whose it is, what its figures are.
 *
 *   RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4770354232 bytes.                    XLA
 *   Cannot allocate 98.000244MB memory on GPU 0, 14.580000GB memory has been allocated and ...      PaddlePaddle
 *   cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 8,000,000,000 bytes (allocated so far: ...
 *   Out of memory: Killed process 4101 (python) total-vm:..., anon-rss:...                          the machine
 *
 * XLA prints the buffers of the program after its message: they are the figures of the same event. PyTorch's own
 * messages are those of torch-text/oom-text.ts.
 */
import { lookup } from '../../base/lookup.ts';
import type { SourceData } from '../../trace/capture.ts';
import type { LogEvent } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes, type Stamp } from '../lines/log-time.ts';
import { figureOf, unitBytes } from '../lines/printed-figure.ts';

type Allocator = NonNullable<LogEvent['allocator']>;

interface Form {
  readonly allocator: Allocator;
  /** Groups named after figures, each with its unit in NAME_unit; `device`. */
  readonly pattern: RegExp;
  /** "MB" is 2^20 in it. */
  readonly binary?: true;
}

const size = (name: string): string =>
  String.raw`(?<${name}>[\d,]{1,20}(?:\.\d{1,9})?) ?(?<${name}_unit>[KMGT]i?B?|bytes|B)\b`;

const FORMS: readonly Form[] = [
  {
    allocator: 'xla',
    pattern: new RegExp(
      String.raw`\bOut of memory (?:while trying to allocate|allocating) ${size('requested')}(?! \(allocated so far)`,
      'i',
    ),
  },
  {
    allocator: 'xla',
    pattern: new RegExp(
      String.raw`\bRan out of memory in memory space \w{1,20}\. Used ${size('needed')} of ${size('total')} hbm`,
    ),
    binary: true,
  },
  {
    allocator: 'xla',
    pattern: new RegExp(
      String.raw`\bFailed to allocate request for [\d.]{1,12}[KMGT]?i?B \((?<requested>\d{1,20})(?<requested_unit>B)\) on device ordinal (?<device>\d{1,3})`,
    ),
  },
  { allocator: 'xla', pattern: /\bRESOURCE_EXHAUSTED: (?!.{0,40}(?:[Qq]uota|rate limit|message larger))/ },
  {
    allocator: 'tensorflow',
    pattern: new RegExp(
      String.raw`\bAllocator \((?<pool>GPU_(?<device>\d{1,3})\w{0,20})\) ran out of memory trying to allocate ${size('requested')}`,
    ),
  },
  {
    allocator: 'tensorflow',
    pattern: /\bOOM when allocating tensor with shape\b.{0,200}?(?:device:GPU:|GPU_)(?<device>\d{1,3})/,
  },
  {
    allocator: 'paddle',
    pattern: new RegExp(
      String.raw`\bCannot allocate ${size('requested')} memory on (?:GPU|NPU|XPU|DCU) (?<device>\d{1,3}), (?:${size('allocated')} memory has been allocated and )?available memory is only ${size('free')}`,
    ),
    binary: true,
  },
  {
    allocator: 'other',
    pattern: new RegExp(
      String.raw`\bOut of memory allocating ${size('requested')} \(allocated so far: ${size('allocated')}(?:, limit set to: ${size('allowed')})?`,
    ),
  },
  {
    allocator: 'other',
    pattern: /\bFailed to allocate memory for requested buffer of size (?<requested>\d{1,20})\b/,
  },
  {
    allocator: 'other',
    pattern: /\bRequested amount of GPU memory \((?<requested>\d{1,20}) bytes\) could not be allocated/,
  },
  {
    allocator: 'driver',
    pattern:
      /\b(?:CUDA|HIP|CU)_ERROR_OUT_OF_MEMORY\b|\b(?:cuda|hip)ErrorMemoryAllocation\b|\bhipErrorOutOfMemory\b/,
  },
  {
    allocator: 'driver',
    pattern:
      /\b(?:CUDA|HIP|ROCm|Cuda|MUSA|NPU|ACL) (?:driver )?(?:[Ee]rror|failure)\b.{0,40}?[:' ]out of memory/,
  },
  {
    allocator: 'driver',
    pattern:
      /\b(?:Triton Error \[(?:CUDA|HIP)\]:|cudaMalloc(?:Async|Managed|Host)? failed|cuMem(?:Create|Alloc\w{0,10}) failed).{0,20}out of memory/,
  },
  {
    allocator: 'driver',
    pattern:
      /\bErrorOutOfDeviceMemory\b|\bVK_ERROR_OUT_OF_DEVICE_MEMORY\b|\bkIOGPUCommandBufferCallbackErrorOutOfMemory\b/,
  },
  {
    // CUDA_CHECK_RETURN of bitsandbytes and of code like it: cudaGetErrorString() of the driver's error
    allocator: 'driver',
    pattern: /^\s{0,8}(?:\S{1,40}: )?Error out of memory at line \d{1,6} in file \S/,
  },
  {
    allocator: 'library',
    pattern:
      /\bCU(?:BLAS|DNN|SPARSE|FFT|SOLVER)_(?:STATUS_)?ALLOC_FAILED\b|\b(?:hipblas|rocblas|MIOPEN)_?(?:STATUS_)?\w{0,4}ALLOC_FAILED\b/i,
  },
  {
    // src/include/alloc.h of NCCL: ncclCudaCalloc and its like
    allocator: 'library',
    pattern:
      /\bFailed to CUDA (?:host )?(?:calloc|alloc|malloc)\w{0,8}(?: async)? (?<requested>\d{1,18}) bytes/,
  },
  {
    allocator: 'host',
    pattern: new RegExp(
      String.raw`\bDefaultCPUAllocator: (?:not enough|can't allocate) memory: you tried to allocate ${size('requested')}`,
    ),
  },
  {
    allocator: 'host',
    pattern: new RegExp(String.raw`\bUnable to allocate ${size('requested')} for an array with shape`),
  },
  {
    allocator: 'host',
    pattern:
      /\b[Oo]ut of memory: Kill(?:ed)? process (?<pid>\d{1,9}) \(.{1,40}?\)(?:.{0,120}?\banon-rss:(?<process>\d{1,15})(?<process_unit>kB))?/,
  },
  {
    allocator: 'host',
    pattern:
      /\boom-kill:constraint=|\bDetected \d{1,6} oom[_-]kill events?\b|\bMemory cgroup out of memory\b|\bOOMKilled\b/,
  },
  { allocator: 'host', pattern: /\bTask was killed due to the node running low on memory\b/ },
];

/** A line without any of these is none of them; the needles of the scanner are these words. */
const QUICK =
  /out of memory|OutOfMemory|OUT_OF_|RESOURCE_EXHAUSTED|Cannot allocate|Failed to allocate|ALLOC_FAILED|ErrorMemoryAllocation|OutOfDeviceMemory|Failed to CUDA|oom|Unable to allocate|tried to allocate|low on memory|could not be allocated/i;

const SEARCHED = 2000;
const TEXT_LENGTH = 1000;
const MOST_EVENTS = 1000;

/** Bytes of "4.44GiB", "18.00G", "98.000244MB" (binary: 2^20), "8,000,000,000 bytes". */
function bytesOf(digits: string, unit: string | undefined, binary: boolean): number | null {
  const letter = unit?.[0]?.toUpperCase() ?? 'B';
  const name =
    unit === undefined || letter === 'B'
      ? 'B'
      : unit.length === 1 || (binary && unit.length === 2)
        ? `${letter}iB`
        : unit;
  // The kernel's kB is 1024 bytes.
  const bytes = unit === 'kB' ? 1024 : unitBytes(name === 'bytes' ? 'B' : name);
  return figureOf(digits.replaceAll(',', ''), bytes ?? 1)?.value ?? null;
}

/** "             parameter allocation:  372.76MiB" and its like, after XLA's message. */
const BUFFERS =
  /^\s{0,30}(parameter|constant|maybe_live_out|preallocated temp|total) (allocation|fragmentation):\s{0,12}([\d.]{1,12})([KMGT]?i?B)/;
/** "InUse:   18712345600": TensorFlow's statistics of its pool, after its message. */
const BFC_STATS = /^(?:.{0,160}\] )?\s{0,8}(Limit|InUse|MaxInUse):\s{1,40}(\d{1,18})\s*$/;
const BFC_NAMES: Readonly<Record<string, string>> = lookup({
  Limit: 'allowed',
  InUse: 'allocated',
  MaxInUse: 'allocated_peak',
});
const PEAK_BUFFER = /^\s{0,12}Buffer (\d{1,3}):/;
const BUFFER_FIELD = /^\s{0,12}(Size|Shape|Operator|XLA Label): (.{1,200})/;
const BUFFER_NAMES: Readonly<Record<string, string>> = lookup({
  parameter: 'parameters',
  constant: 'constants',
  maybe_live_out: 'live_out',
  'preallocated temp': 'temporaries',
});
/** One error is printed by several layers within so many bytes. */
const NEAR_BYTES = 4000;
/** XLA's report of a program has fewer lines. */
const REPORT_LINES = 400;

interface Pending {
  readonly stamp: Stamp | null;
  readonly allocator: Allocator;
  readonly device: number | null;
  text: string;
  readonly figures: Record<string, number>;
  readonly offset: number;
}

class ForeignOomScan implements LineScan {
  private readonly events: Pending[] = [];
  private left = 0;
  private buffer = 0;

  constructor(private readonly times: LogTimes) {}

  /** XLA's report goes on in lines without words of memory. */
  wants(): boolean {
    return this.left > 0;
  }

  take(line: LogLine, isTaken = false): boolean {
    if (this.left > 0 && this.onReport(line.text)) return true;
    if (isTaken) return false;
    const text = line.text.length > SEARCHED ? line.text.slice(0, SEARCHED) : line.text;
    if (!QUICK.test(text)) return false;
    for (const { allocator, pattern, binary = false } of FORMS) {
      const found = pattern.exec(text);
      if (found === null) continue;
      this.add(line, allocator, found, binary);
      return true;
    }
    return false;
  }

  private add(line: LogLine, allocator: Allocator, found: RegExpExecArray, binary: boolean): void {
    const figures: Record<string, number> = {};
    const groups = found.groups ?? {};
    for (const [name, digits] of Object.entries(groups)) {
      if (name.endsWith('_unit') || ['device', 'pid', 'pool'].includes(name) || digits === undefined)
        continue;
      const bytes = bytesOf(digits, groups[`${name}_unit`], binary);
      if (bytes !== null) figures[name] = bytes;
    }
    // One error is printed by several layers: the same figures within a few lines are one.
    const last = this.events.at(-1);
    const isNear =
      last !== undefined && last.allocator === allocator && line.offset - last.offset < NEAR_BYTES;
    const isSame =
      isNear && (figures['requested'] === undefined || last.figures['requested'] === figures['requested']);
    // The kernel says that it ends a process, and then which.
    if (isNear && allocator === 'host' && Object.keys(last.figures).length === 0)
      Object.assign(last.figures, figures);
    this.left = allocator === 'xla' || allocator === 'tensorflow' ? REPORT_LINES : 0;
    this.buffer = 0;
    if (isSame || this.events.length >= MOST_EVENTS) return;
    const device = groups['device'];
    this.events.push({
      stamp: this.times.of(line),
      allocator,
      device: device === undefined ? null : Number(device),
      text: line.text.slice(found.index < 200 ? 0 : found.index, found.index + TEXT_LENGTH).trim(),
      figures,
      offset: line.offset,
    });
  }

  /** A line of XLA's report on the program's buffers. */
  private onReport(text: string): boolean {
    this.left--;
    const event = this.events.at(-1);
    if (event === undefined) return false;
    const buffers = BUFFERS.exec(text);
    if (buffers !== null) {
      const [, name, what, digits, unit] = buffers;
      const isLost = what === 'fragmentation';
      // What temporaries lose is in the total's loss.
      if (isLost && name !== 'total') return true;
      const key = name !== 'total' ? BUFFER_NAMES[name] : isLost ? 'fragmentation' : 'program';
      const bytes = bytesOf(digits, unit, false);
      if (bytes !== null) event.figures[key] = bytes;
      return true;
    }
    const pool = event.allocator === 'tensorflow' ? BFC_STATS.exec(text) : null;
    if (pool !== null) {
      const bytes = bytesOf(pool[2], 'B', false);
      if (bytes !== null) event.figures[BFC_NAMES[pool[1]]] ??= bytes;
      return true;
    }
    const peak = PEAK_BUFFER.exec(text);
    if (peak !== null) {
      this.buffer = Number(peak[1]);
      return true;
    }
    const field = this.buffer > 0 ? BUFFER_FIELD.exec(text) : null;
    if (field !== null) {
      const [, name, value] = field;
      const bytes = /^([\d.]{1,12})([KMGT]?i?B)$/.exec(value.trim());
      if (name === 'Size' && bytes !== null) {
        const found = bytesOf(bytes[1], bytes[2], false);
        if (found !== null) event.figures[`buffer ${this.buffer}`] = found;
      } else if (this.buffer === 1 && event.text.length < TEXT_LENGTH)
        event.text += ` ${name} of buffer 1: ${value.trim()}.`;
      return true;
    }
    return /BufferAssignment|^\s{0,8}(?:Peak buffers:|Largest program allocations)|^\s{0,12}=+\s*$|\bhbm usage\b|^\s{2,12}(?:reserved|program|arguments|HLO temp|overlays?|global|fragmentation|Size|Operator|Shape|Unpadded size|XLA label|Allocation type|Extra memory)\b/.test(
      text,
    );
  }

  end(): SourceData | null {
    const { events } = this;
    if (events.length === 0) return null;
    const dated = events.some(({ stamp }) => stamp !== null);
    const whose = [...new Set(events.map(({ allocator }) => NAMES[allocator]))];
    return sourceData({
      producer: `Out of memory (${whose.join(', ')})`,
      rows: events.length,
      notRecorded: [
        'A message tells the moment of the failure; who held the memory then is in a recording (a snapshot of PyTorch, jax.profiler.save_device_memory_profile of JAX), how it came there in a monitor (nvidia-smi --query-gpu=timestamp,index,memory.used --format=csv -l 1).',
      ],
      readings: {
        clock: dated ? this.times.clock : 'none',
        events: events.map(({ stamp, ...event }) => ({
          ...event,
          kind: 'oom' as const,
          time_ns: stamp === null ? null : this.times.resolve(stamp),
        })),
      },
    });
  }
}

const NAMES: Readonly<Record<Allocator, string>> = {
  xla: 'XLA',
  tensorflow: 'TensorFlow',
  paddle: 'PaddlePaddle',
  ggml: 'ggml',
  driver: 'the driver',
  library: 'a library of the process',
  host: "the machine's own memory",
  other: 'another allocator',
};

export const foreignOomScanner: LineScanner = {
  format: 'oom-text',
  title: 'Out-of-memory message',
  needles: [
    'out of memory',
    'outofmemory',
    'out_of_',
    'resource_exhausted',
    'cannot allocate',
    'failed to allocate',
    'failed to cuda',
    'alloc_failed',
    'errormemoryallocation',
    'outofdevicememory',
    'oom',
    'unable to allocate',
    'tried to allocate',
    'low on memory',
    'could not be allocated',
  ],
  sniff(lines) {
    const at = lines.findIndex((line) => {
      const text = line.slice(0, SEARCHED);
      return QUICK.test(text) && FORMS.some(({ pattern }) => pattern.test(text));
    });
    if (at < 0) return { score: 0, reason: 'no out-of-memory message of another program' };
    return { score: 0.6, reason: `an out-of-memory message in line ${at + 1}` };
  },
  start: (_fileName, times = new LogTimes()) => new ForeignOomScan(times),
};
