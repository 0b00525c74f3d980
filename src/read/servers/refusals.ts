/**
 * What vLLM and SGLang print when memory keeps them from starting or going on, with the figures of each line. Figures are
 * bytes; a pattern's groups ending in "_bytes" are bytes as printed, the others GiB (SGLang's "GB" is 2^30, too).
 *
 * vllm/v1/worker/gpu_worker.py, v1/core/kv_cache_utils.py, v1/worker/gpu_model_runner.py, config/compilation.py;
 * sglang/srt/model_executor/model_runner.py, model_executor/pool_configurator.py, mem_cache/common.py
 *
 * Not here: PyTorch's own out-of-memory messages, which stand in any log (torch-text/oom-message.ts).
 */
import type { LogEvent } from '../../trace/readings.ts';
import { figureOf, GIB } from '../lines/printed-figure.ts';

export interface ToldEvent {
  readonly kind: LogEvent['kind'];
  readonly pattern: RegExp;
}

export const VLLM_EVENTS: readonly ToldEvent[] = [
  {
    kind: 'start_refused',
    pattern:
      /Free memory on device (?:\S+ )?\((?<free>[\d.]+)\/(?<total>[\d.]+) GiB\) on startup is less than desired GPU memory utilization \([\d.]+, (?<requested>[\d.]+) GiB\)/,
  },
  {
    kind: 'start_refused',
    pattern:
      /To serve at least one request with .{0,40}?max seq len \(\d+\),? \(?(?<requested>[\d.]+) GiB KV cache is needed, which is larger than the available KV cache memory \((?<free>-?[\d.]+) GiB\)/,
  },
  {
    kind: 'start_refused',
    pattern:
      /Error in memory profiling\. Initial free memory (?<free_before>[\d.]+) ?GiB, current free memory (?<free_after>[\d.]+) ?GiB/,
  },
  {
    kind: 'start_refused',
    pattern:
      /Error in memory profiling\. Initial free memory (?<free_before_bytes>\d+), current free memory (?<free_after_bytes>\d+)/,
  },
  {
    kind: 'start_refused',
    pattern:
      /No available memory for the cache blocks|max seq len \(\d+\) is larger than the maximum number of tokens that can be stored in KV cache|Error in memory profiling|max_num_seqs \(\d+\) exceeds available Mamba cache blocks/,
  },
  {
    kind: 'oom',
    pattern: /out of memory occurred when warming up \w+|CUDA Error: out of memory at \S*cumem_allocator/,
  },
  {
    kind: 'sleep',
    pattern:
      /Sleep mode freed (?<freed>[\d.]+) (?:GiB|GB) memory, (?<in_use>[\d.]+) (?:GiB|GB) memory is still in use/,
  },
];

export const SGLANG_EVENTS: readonly ToldEvent[] = [
  { kind: 'preemption', pattern: /#retracted_reqs: \d+|Decode out of memory happened/ },
  {
    kind: 'start_refused',
    pattern:
      /The memory capacity is unbalanced\b.{0,120}?(?:pre_model_load_memory|min_per_gpu_memory|min_available_device_memory)=(?<least>[\d.]+), (?:local_gpu_memory|local_device_memory)=(?<own>[\d.]+)/,
  },
  {
    kind: 'start_refused',
    pattern:
      /The memory capacity is unbalanced|Not enough memory\. Please try|Not enough GPU memory|Loaded weights leave no GPU memory for the KV cache|state cache is too small to serve any requests|Capture .{0,60}?graph failed/i,
  },
  { kind: 'other', pattern: /(?:Prefill|Decode) out of memory\. Try to lower your batch size/ },
];

/** The event of a line and its figures; null: the table has none. */
export function toldEvent(
  text: string,
  table: readonly ToldEvent[],
): { readonly kind: LogEvent['kind']; readonly figures: Record<string, number> } | null {
  for (const { kind, pattern } of table) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const figures: Record<string, number> = {};
    for (const [name, printed] of Object.entries(match.groups ?? {})) {
      const isBytes = name.endsWith('_bytes');
      const figure = figureOf(printed, isBytes ? 1 : GIB);
      if (figure !== null) figures[name.replace(/_bytes$/, '')] = figure.value;
    }
    return { kind, figures };
  }
  return null;
}
