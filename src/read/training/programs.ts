/**
 * What known programs print of memory: by which words, in which unit, since when a peak counts. A row is known by
 * `sign`; the figures themselves are read by their labels (printed-figures.ts).
 *
 *   sign        what only this program's line holds
 *   units       binary: "MB", "GB" and their like are 2^20, 2^30 there; decimal: 10^6, 10^9
 *   bare        the unit of figures that are printed without one
 *   since       what its peaks are since
 *
 * Units are those of the programs' sources, which each row names.
 */
import type { Aliases } from './printed-figures.ts';

export interface Program {
  readonly name: string;
  readonly sign: RegExp;
  readonly units: 'binary' | 'decimal';
  readonly bare?: string;
  readonly since?: 'line' | 'start';
  readonly aliases?: Aliases;
  /** The line before it names what was going on. */
  readonly tagBefore?: true;
  /** What was going on, in its group, where the line says so. */
  readonly tag?: RegExp;
  /** What else its unit may be. */
  readonly unitsNote?: string;
}

const ALLOCATED = { quantity: 'allocated', peak: false } as const;
const PEAK_ALLOCATED = { quantity: 'allocated', peak: true } as const;
const RESERVED = { quantity: 'reserved', peak: false } as const;
const PEAK_RESERVED = { quantity: 'reserved', peak: true } as const;
const TOTAL = { quantity: 'total', scope: 'device' } as const;
const FREE = { quantity: 'free', scope: 'device' } as const;

/** The first whose sign is in the line is meant. */
export const PROGRAMS: readonly Program[] = [
  {
    // megatron/training/utils.py report_memory(): / (1024.0 * 1024.0)
    name: 'Megatron-LM',
    sign: /memory \(MB\) \| allocated: /,
    units: 'binary',
    bare: 'MB',
    since: 'start',
    tag: /\b(after .{1,60}?)\)? memory \(MB\)/,
    aliases: { 'total device memory used': { quantity: 'used', scope: 'device' } },
  },
  {
    // deepspeed/runtime/utils.py see_memory_usage(): / (1024 * 1024 * 1024); resets the peaks at its end
    name: 'DeepSpeed',
    sign: /\bMA -?[\d.]+ [KMGT]?B\s{1,20}Max_MA /,
    units: 'binary',
    since: 'line',
    tagBefore: true,
    aliases: { ma: ALLOCATED, 'max ma': PEAK_ALLOCATED, ca: RESERVED, 'max ca': PEAK_RESERVED },
  },
  {
    // deepspeed/runtime/pipe/engine.py mem_status(): / 1024**3
    name: 'DeepSpeed',
    sign: /\bMEMSTATS\b.{1,300}\bcurrent alloc=/,
    units: 'binary',
    since: 'start',
    tag: /\bMEMSTATS (.{1,200}?) device=/,
    aliases: { 'current alloc': ALLOCATED, 'current cache': RESERVED, delta: null },
  },
  {
    // deepspeed/runtime/utils.py see_memory_usage(): psutil
    name: 'DeepSpeed',
    sign: /\bCPU Virtual Memory:\s{1,10}used = /,
    units: 'binary',
    aliases: { 'cpu virtual memory used': { quantity: 'used', scope: 'host' } },
  },
  {
    // torchtitan/components/metrics.py: max_reserved, the peaks are reset at each line; GiB
    name: 'torchtitan',
    sign: /\bstep:\s{1,9}\d+ .{1,200}\bmemory:\s{1,9}[\d.]+GiB\(/,
    units: 'binary',
    since: 'line',
    aliases: { memory: PEAK_RESERVED },
  },
  {
    name: 'torchtitan',
    sign: /\b(?:CUDA|XPU|HIP|NPU) memory usage for model: [\d.]+GiB/,
    units: 'binary',
    since: 'start',
    aliases: { '* model': { quantity: 'reserved', peak: true, part: 'the model' } },
  },
  {
    name: 'torchtitan',
    sign: /\b(?:CUDA|XPU|HIP|NPU) capacity: .{1,80} with [\d.]+GiB memory/,
    units: 'binary',
    aliases: { '* with': TOTAL },
  },
  {
    // mmengine/hooks/runtime_info, logging/log_processor.py: max_memory_allocated() // 1024 // 1024, then reset
    name: 'mmengine',
    sign: /\b(?:mmengine\b|Epoch\((?:train|val|test)\)|Iter\((?:train|val|test)\)).{0,400}\bmemory: \d+/,
    units: 'binary',
    bare: 'MiB',
    since: 'line',
    aliases: { memory: PEAK_ALLOCATED },
  },
  {
    // mmengine/visualization, scalars.json, and the .log.json of mmcv
    name: 'mmengine',
    sign: /^\{.{0,600}"(?:data_time|mode)".{0,600}"memory": \d+/,
    units: 'binary',
    bare: 'MiB',
    since: 'line',
    aliases: { memory: PEAK_ALLOCATED },
  },
  {
    // mmcv/runner/hooks/logger/text.py: max_memory_allocated() / 1024 / 1024, never reset
    name: 'mmcv',
    sign: /\b(?:Epoch|Iter) \[\d+\]?.{0,400}\bmemory: \d+/,
    units: 'binary',
    bare: 'MiB',
    since: 'start',
    aliases: { memory: PEAK_ALLOCATED },
  },
  {
    // detectron2/utils/events.py: max_memory_allocated() / 1024.0 / 1024.0
    name: 'detectron2',
    sign: /\bmax_mem: \d+M\b/,
    units: 'binary',
    since: 'start',
    aliases: { 'max mem': PEAK_ALLOCATED },
  },
  {
    // DETR, DeiT, MAE, DINO and torchvision's references, MetricLogger: max_memory_allocated() / 1024**2
    name: 'MetricLogger',
    sign: /\bmax mem: [\d.]+/,
    units: 'binary',
    bare: 'MiB',
    since: 'start',
    aliases: { 'max mem': PEAK_ALLOCATED },
  },
  {
    // Swin-Transformer main.py: max_memory_allocated() / (1024.0 * 1024.0)
    name: 'Swin',
    sign: /\bmem \d+MB\b/,
    units: 'binary',
    since: 'start',
    aliases: { mem: PEAK_ALLOCATED },
  },
  {
    // verl/utils/debug/performance.py: / 1024**3; trainers' perf/max_memory_*_gb likewise
    name: 'verl',
    sign: /\bmemory allocated \(GB\): [\d.]+, memory reserved \(GB\)|\bperf\/max_memory_(?:allocated|reserved)_gb\b/,
    units: 'binary',
    since: 'start',
    aliases: {},
  },
  {
    // torchtune/training/memory.py: / 1024**3, then reset
    name: 'torchtune',
    sign: /\bpeak_memory_(?:active|alloc|reserved):|\bGPU peak memory (?:allocation|active|reserved|alloc): /,
    units: 'binary',
    bare: 'GiB',
    since: 'line',
  },
  {
    // nanotron/logging/base.py log_memory(): / 1024**2, then reset
    name: 'nanotron',
    sign: /\bMemory usage: [\d.]+MiB\. Peak allocated/,
    units: 'binary',
    since: 'line',
    aliases: { 'memory usage': ALLOCATED },
  },
  {
    // colossalai/utils/memory.py report_memory_usage(): / (1024 * 1024), then reset
    name: 'ColossalAI',
    sign: /\bGPU: allocated [\d.]+ MB, max allocated/,
    units: 'binary',
    since: 'line',
    aliases: { 'cpu virtual memory used': { quantity: 'used', scope: 'host' } },
  },
  {
    // composer/callbacks/memory_monitor.py: / 1.0e9
    name: 'Composer',
    sign: /\bmemory\/(?:current|peak)_(?:allocated|active|inactive|reserved)_mem\b/,
    units: 'decimal',
    bare: 'GB',
    since: 'start',
  },
  {
    // axolotl/utils/callbacks: memory/max_mem_*(gib), of torch.cuda.memory_stats() / 2**30
    name: 'axolotl',
    sign: /\bmemory\/(?:max_mem_|max_|device_mem_|device_)\w+ ?\(gib\)/i,
    units: 'binary',
    since: 'start',
  },
  {
    // LLaMA-Factory, RECORD_VRAM=1: torch.cuda.max_memory_allocated() / 1024**3
    name: 'LLaMA-Factory',
    sign: /["']vram_(?:allocated|reserved)["']: ?[\d.]/,
    units: 'binary',
    bare: 'GiB',
    since: 'start',
    aliases: { 'vram allocated': PEAK_ALLOCATED, 'vram reserved': PEAK_RESERVED },
  },
  {
    // transformers TrainerMemoryTracker: bytes in dictionaries, v >> 20 with "MB" where log_metrics() prints them
    name: 'Trainer of transformers',
    sign: /\b\w+_mem_(?:gpu|cpu)(?:_\w+)?["']?\s{0,40}[:=]/,
    units: 'binary',
    since: 'start',
    aliases: {
      'before init mem gpu': ALLOCATED,
      'before init mem cpu': { quantity: 'used', scope: 'host' },
    },
  },
  {
    // NeMo: torch.cuda.max_memory_allocated(), memory_allocated(), in bytes
    name: 'NeMo',
    sign: /\bpeak_memory_usage: \d+ \| memory_allocated: \d+/,
    units: 'binary',
    bare: 'B',
    since: 'start',
    aliases: { 'peak memory usage': PEAK_ALLOCATED },
  },
  {
    // unsloth and its notebooks: / 1024 / 1024 / 1024; "Max memory" is the card's
    name: 'Unsloth',
    sign: /\bMax memory(?: =|:) [\d.]+ GB\b/,
    units: 'binary',
    aliases: { 'max memory': TOTAL },
  },
  {
    name: 'Unsloth',
    sign: /^\W{0,20}[\d.]+ GB of memory reserved\b|\bPeak reserved memory(?: for training)?(?: % of max memory)? = /,
    units: 'binary',
    since: 'start',
    aliases: {
      'peak reserved memory': PEAK_RESERVED,
      'peak reserved memory for training': null,
      'peak reserved memory of max memory': null,
      'peak reserved memory for training of max memory': null,
    },
  },
  {
    // gpt-fast, litgpt: max_memory_reserved(), max_memory_allocated() / 1e9
    name: 'gpt-fast, litgpt',
    sign: /^\W{0,4}Memory used: [\d.]+ GB\b/,
    units: 'decimal',
    since: 'start',
    aliases: { 'memory used': { quantity: 'used', peak: true } },
  },
  {
    // accelerate and PEFT examples, TorchTracemalloc: b2mb() / 2**20
    name: 'TorchTracemalloc',
    sign: /\b(?:Memory before entering the \w+|Memory consumed at the end of the|Peak Memory consumed during the) ?/,
    units: 'binary',
    bare: 'MiB',
    since: 'start',
    aliases: {
      'gpu memory before entering the train': ALLOCATED,
      'gpu memory before entering the eval': ALLOCATED,
      'memory before entering the train': ALLOCATED,
      'memory before entering the eval': ALLOCATED,
      'gpu total peak memory consumed during the train max': PEAK_ALLOCATED,
      'gpu total peak memory consumed during the eval max': PEAK_ALLOCATED,
      'total peak memory consumed during the train max': PEAK_ALLOCATED,
      'total peak memory consumed during the eval max': PEAK_ALLOCATED,
      'cpu memory before entering the train': { quantity: 'used', scope: 'host' },
      'cpu memory before entering the eval': { quantity: 'used', scope: 'host' },
    },
  },
  {
    // fairseq/trainer.py: (total - max_memory_allocated()) / 1024**3
    name: 'fairseq',
    sign: /\bgb_free["']?[=:] ?["']?[\d.]/,
    units: 'binary',
    bare: 'GiB',
    aliases: { 'gb free': FREE, free: FREE },
  },
];
