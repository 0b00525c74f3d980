/**
 * Reads what ggml's programs (llama.cpp, Ollama, LM Studio) print of memory: the buffers that each device holds as a
 * budget, and the allocation that failed.
 *
 *   load_tensors:        CUDA0 model buffer size = 17524.42 MiB
 *   llama_kv_cache:      CUDA0 KV buffer size =  4096.00 MiB
 *   llama_context:       CUDA0 compute buffer size =  258.50 MiB
 *   msg="model weights" device=CUDA0 size="4.3 GiB"                                        (Ollama)
 *   msg=offload library=cuda layers.model=33 layers.offload=20 ... memory.available="[5.6 GiB]" memory.required.full="8.1 GiB"
 *   ggml_backend_cuda_buffer_type_alloc_buffer: allocating 8900.01 MiB on device 0: cudaMalloc failed: out of memory
 *
 * https://github.com/ggml-org/llama.cpp src/llama-model.cpp, llama-kv-cache.cpp, llama-context.cpp, ggml-cuda.cu
 * Buffers of the host (CPU, CPU_Mapped, CUDA_Host) are a budget of their own and of no GPU.
 */
import { lookup } from '../../base/lookup.ts';
import type { SourceData } from '../../trace/capture.ts';
import type { BudgetPart, LogEvent } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes, type Stamp } from '../lines/log-time.ts';
import { figureOf, unitBytes } from '../lines/printed-figure.ts';

const BUFFER =
  /\b(\w{3,60}):\s{1,20}([A-Za-z][\w-]{0,40}?)\s{1,12}(?:(model|KV|RS|compute|output|host output|SWA KV|lora|CLIP|draft)\s{1,4})?buffer size\s{0,4}=\s{0,12}([\d.]{1,15})\s?([KMGT]i?B)/;
const OLLAMA =
  /\bmsg="?(model weights|kv cache|compute graph|output layer)"? (?:.{0,80} )?device=([\w-]{1,40}) size="([\d.]{1,12}) ([KMGT]i?B)"/;
/** What Ollama plans before it loads (llm/memory.go): for all GPUs together, a list where it names each. */
const OLLAMA_PLAN =
  /\bmsg="?offload(?: to \w{1,12})?"? .{0,200}?\blayers\.model=(\d{1,5}) layers\.offload=(\d{1,5})\b/;
const OLLAMA_PLANNED =
  /\bmemory\.(available|required\.full|required\.partial|required\.kv|weights\.total|graph\.full|graph\.partial)="(\[?)([\d.]{1,12}) ([KMGT]?i?B)(?:\s([\d.]{1,12}) ([KMGT]?i?B)){0,15}\]?"/g;
const FREE = /\b(?:using device|device) ([A-Za-z]+\d{1,3}) \((.{1,80}?)\) .{0,60}?- ([\d.]{1,12}) (MiB) free/;
const FAILED =
  /\b(?:\w{3,80}): allocating ([\d.]{1,15}) (MiB) on device (\d{1,3}): (\w{1,30}) failed: out of memory|\b(?:Device memory allocation of size|failed to allocate (\w{1,30}) buffer of size|failed to allocate buffer of size|unable to allocate (\w{1,30}) buffer)\s{0,2}(\d{1,20})?/;
const COPIES = /\bpipeline parallelism enabled \(n_copies=(\d{1,3})\)/;
const OFFLOADED = /\boffloaded (\d{1,5})\/(\d{1,5}) layers to GPU/;
const KNOWN = /\b(?:llama_|llm_load|load_tensors|ggml_|whisper_|clip_)/;

const PART: Readonly<Record<string, BudgetPart['id']>> = lookup({
  model: 'weights',
  'model weights': 'weights',
  KV: 'kv_cache',
  'SWA KV': 'kv_cache',
  RS: 'kv_cache',
  'kv cache': 'kv_cache',
});
const LABEL: Readonly<Record<string, string>> = lookup({
  model: 'Weights',
  'model weights': 'Weights',
  KV: 'KV cache',
  'SWA KV': 'KV cache of the sliding window',
  'kv cache': 'KV cache',
  RS: 'Recurrent state',
  compute: 'Compute buffer',
  'compute graph': 'Compute buffer',
  output: 'Output buffer',
  'output layer': 'Output layer',
});

const PLANNED: Readonly<Record<string, Pick<BudgetPart, 'id' | 'label'>>> = lookup({
  available: { id: 'free_at_start', label: 'Free at the start' },
  'required.full': { id: 'requested', label: 'Needed for all layers' },
  'required.partial': { id: 'other', label: 'Needed for the layers on GPUs' },
  'required.kv': { id: 'kv_cache', label: 'KV cache' },
  'weights.total': { id: 'weights', label: 'Weights of all layers' },
  'graph.full': { id: 'other', label: 'Compute buffer' },
  'graph.partial': { id: 'other', label: 'Compute buffer' },
});

/** The machine's memory, not a GPU's: CPU, CPU_Mapped, CPU_REPACK, CUDA_Host, BLAS. */
const isHost = (device: string): boolean =>
  /^(?:CPU|BLAS|AMX)|_Host$|_Mapped$|^host$/i.test(device) && !/^Metal_Mapped$/.test(device);

interface Pending {
  readonly stamp: Stamp | null;
  readonly device: number | null;
  readonly name: string | null;
  text: string;
  figures: Record<string, number>;
  readonly offset: number;
}

class LlamaScan implements LineScan {
  private readonly budgets = new Map<string, BudgetPart[]>();
  private readonly events: Pending[] = [];
  private readonly settings = new Map<string, string>();
  private isOllama = false;
  private rows = 0;

  constructor(private readonly times: LogTimes) {}

  take(line: LogLine): boolean {
    const text = line.text.length > 2000 ? line.text.slice(0, 2000) : line.text;
    if (this.failure(line, text)) return true;
    const buffer = BUFFER.exec(text);
    if (buffer !== null && KNOWN.test(text)) {
      const [, , device, kind = 'model', digits, unit] = buffer;
      return this.add(device, kind, digits, unit, line.offset);
    }
    const ollama = OLLAMA.exec(text);
    if (ollama !== null) {
      this.isOllama = true;
      return this.add(ollama[2], ollama[1], ollama[3], ollama[4], line.offset);
    }
    const plan = OLLAMA_PLAN.exec(text);
    if (plan !== null) return this.plan(text, plan, line.offset);
    const free = FREE.exec(text);
    if (free !== null && KNOWN.test(text)) {
      const figure = figureOf(free[3], unitBytes(free[4]) ?? 1);
      if (figure === null) return false;
      this.settings.set(`Device ${free[1]}`, free[2]);
      return this.push(free[1], {
        id: 'free_at_start',
        label: 'Free at the start',
        ...figure,
        offset: line.offset,
      });
    }
    const copies = COPIES.exec(text);
    if (copies !== null) this.settings.set('n_copies', copies[1]);
    const layers = OFFLOADED.exec(text);
    if (layers !== null) this.settings.set('Layers on GPUs', `${layers[1]} of ${layers[2]}`);
    if (copies !== null || layers !== null) return true;
    if (/\bmsg="?total memory"? size=/.test(text)) return true;
    // Sums and repeats of the above, and what follows a failure.
    return (
      (KNOWN.test(text) &&
        /\bsize {1,2}=.{0,80}\d ?[KMGT]i?B\b|\bbuffer\b.{0,80}\d ?[KMGT]i?B\b/.test(text)) ||
      (this.events.length > 0 &&
        /\bfailed to (?:initialize the context|allocate compute|load model|create context)/.test(text))
    );
  }

  /** Layers that fit, and what was planned for them; what is loaded then is said in lines of its own. */
  private plan(text: string, [, layers, offloaded]: RegExpExecArray, offset: number): boolean {
    this.isOllama = true;
    this.settings.set('Layers on GPUs', `${offloaded} of ${layers}`);
    const isPartial = Number(offloaded) < Number(layers);
    for (const [, name, list, digits, unit, another] of text.matchAll(OLLAMA_PLANNED)) {
      // A list of several GPUs has a figure for each, which are no sum.
      if (list !== '' && another !== undefined) continue;
      const said = PLANNED[name];
      const figure = figureOf(digits, unitBytes(unit) ?? 1);
      if (figure === null || (name === 'graph.full' && isPartial) || (name === 'graph.partial' && !isPartial))
        continue;
      this.push('GPU, as planned', { ...said, ...figure, offset });
    }
    return true;
  }

  private add(device: string, kind: string, digits: string, unit: string, offset: number): boolean {
    const figure = figureOf(digits, unitBytes(unit) ?? 1);
    if (figure === null) return false;
    return this.push(device.replace(/_Split$/, ''), {
      id: PART[kind] ?? 'other',
      label: LABEL[kind] ?? `${kind} buffer`,
      ...figure,
      offset,
    });
  }

  private push(device: string, part: BudgetPart): true {
    const parts = this.budgets.get(device);
    this.rows++;
    if (parts === undefined) this.budgets.set(device, [part]);
    // Context is made anew at each load: the same buffer of the same size is the same.
    else if (!parts.some(({ label, value }) => label === part.label && value === part.value))
      parts.push(part);
    return true;
  }

  private failure(line: LogLine, text: string): boolean {
    const found = FAILED.exec(text);
    if (found === null) return false;
    const [, digits, unit, device, call, name, other, exact] = found;
    const last = this.events.at(-1);
    if (digits === undefined) {
      // The line after gives the very bytes of the same buffer.
      const bytes = exact === undefined ? null : Number(exact);
      const requested = last?.figures['requested'];
      if (
        last !== undefined &&
        bytes !== null &&
        requested !== undefined &&
        Math.abs(requested - bytes) < 2 ** 20
      ) {
        last.figures['requested'] = bytes;
        return true;
      }
      if (last !== undefined && bytes === null) return true;
      this.event(
        line,
        text,
        Number(/\d{1,3}$/.exec(name ?? other ?? '')?.[0] ?? NaN),
        name ?? other ?? null,
        bytes,
      );
      return true;
    }
    this.event(
      line,
      text,
      Number(device),
      call.startsWith('cuda') ? `CUDA${device}` : null,
      figureOf(digits, unitBytes(unit) ?? 1)?.value ?? null,
    );
    return true;
  }

  private event(
    line: LogLine,
    text: string,
    device: number,
    name: string | null,
    requested: number | null,
  ): void {
    const index = Number.isNaN(device) ? null : device;
    const held = this.heldBy(name, index);
    this.events.push({
      stamp: this.times.of(line),
      device: index,
      name,
      text: text.trim().slice(0, 1000),
      figures: {
        ...(requested === null ? {} : { requested }),
        ...(held === null ? {} : { held }),
      },
      offset: line.offset,
    });
  }

  /** What the failing device's buffers held by then. */
  private heldBy(name: string | null, device: number | null): number | null {
    const own = [...this.budgets].find(
      ([key]) => key === name || (device !== null && !isHost(key) && key.endsWith(String(device))),
    );
    if (own === undefined) return null;
    return own[1].filter(({ id }) => id !== 'free_at_start').reduce((sum, { value }) => sum + value, 0);
  }

  end(): SourceData | null {
    if (this.rows === 0 && this.events.length === 0) return null;
    const dated = this.events.some(({ stamp }) => stamp !== null);
    const producer = this.isOllama ? 'Ollama (ggml)' : 'llama.cpp (ggml)';
    return sourceData({
      producer,
      rows: this.rows + this.events.length,
      notRecorded: [
        'ggml takes its buffers at the start and keeps them: what a request needs beyond is in the compute buffer already. What else is on the GPU a monitor tells (nvidia-smi).',
      ],
      settings: [...this.settings],
      readings: {
        clock: dated ? this.times.clock : 'none',
        budgets: [...this.budgets].map(([device, parts]) => ({
          rank: { name: isHost(device) ? `${device} (host)` : device, start: 1, pod: '' },
          producer,
          parts,
        })),
        events: this.events.map(({ stamp, device, text, figures, offset }): LogEvent => ({
          kind: 'oom',
          allocator: 'ggml',
          device,
          text,
          figures,
          offset,
          time_ns: stamp === null ? null : this.times.resolve(stamp),
        })),
      },
    });
  }
}

export const llamaLogScanner: LineScanner = {
  format: 'llama-log',
  title: 'llama.cpp or Ollama log',
  needles: [
    'buffer',
    'size  =',
    'size =',
    'total memory',
    'msg=offload',
    'msg="offload',
    'device=',
    ' free',
    'n_copies',
    'offloaded',
    'failed to',
    'allocating',
    'memory allocation',
  ],
  sniff(lines) {
    const count = lines.filter((line) => {
      const text = line.slice(0, 2000);
      return (
        (KNOWN.test(text) && (BUFFER.test(text) || FAILED.test(text))) ||
        OLLAMA.test(text) ||
        OLLAMA_PLAN.test(text)
      );
    }).length;
    if (count === 0) return { score: 0, reason: 'no line of llama.cpp' };
    return { score: 0.9, reason: `${count} lines of llama.cpp's buffers` };
  },
  start: (_fileName, times = new LogTimes()) => new LlamaScan(times),
};
