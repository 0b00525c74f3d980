/**
 * What servers beside vLLM, SGLang and llama.cpp print of the memory that they take at their start: which part it is,
 * in which unit. Units are those of the programs' sources, which each row names.
 *
 *   bytes     the group `size`, in `unit` where the line prints one
 *   tokens    the group `tokens`, or `blocks` of `each` tokens
 */
import type { BudgetPart } from '../../trace/readings.ts';

export interface EngineShape {
  readonly engine: 'TensorRT-LLM' | 'TGI' | 'LMDeploy';
  readonly pattern: RegExp;
  readonly id: BudgetPart['id'];
  readonly label: string;
}

export const ENGINE_SHAPES: readonly EngineShape[] = [
  {
    // cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp: "%0.2f GiB", / (1 << 30), with the tokens behind
    engine: 'TensorRT-LLM',
    pattern:
      /\[MemUsageChange\] Allocated (?<size>[\d.]{1,12}) (?<unit>GiB) for max tokens in paged KV cache \((?<tokens>\d{1,12})\)/,
    id: 'kv_cache',
    label: 'KV cache',
  },
  {
    // cpp/tensorrt_llm/runtime/tllmRuntime.cpp
    engine: 'TensorRT-LLM',
    pattern:
      /\[MemUsageChange\] Allocated (?<size>[\d.]{1,12}) (?<unit>[KMG]i?B) for execution context memory/,
    id: 'activation_peak',
    label: 'Execution context (activations)',
  },
  {
    // cpp/tensorrt_llm/batch_manager/trtGptModelInflightBatching.cpp; bytesToString(): / 1024.0 a step, "MB", "GB"
    engine: 'TensorRT-LLM',
    pattern:
      /\[MemUsageChange\] Allocated (?<size>[\d.]{1,12}) (?<unit>[KMG]?B) GPU memory for runtime buffers/,
    id: 'other',
    label: 'Runtime buffers',
  },
  {
    engine: 'TensorRT-LLM',
    pattern: /\[MemUsageChange\] Allocated (?<size>[\d.]{1,12}) (?<unit>[KMG]?B) GPU memory for decoder/,
    id: 'other',
    label: 'Decoder',
  },
  {
    engine: 'TensorRT-LLM',
    pattern: /\bNumber of blocks in KV cache primary pool: (?<blocks>\d{1,12})\b/,
    id: 'kv_cache_blocks',
    label: 'KV cache, blocks',
  },
  {
    // cpp/tensorrt_llm/runtime/tllmRuntime.cpp: size of the engine, which holds the weights; MiB
    engine: 'TensorRT-LLM',
    pattern: /\bLoaded engine size: (?<size>\d{1,9}) (?<unit>MiB)/,
    id: 'weights',
    label: 'Engine (weights)',
  },
  {
    // cpp/tensorrt_llm/batch_manager/kvCacheManager.cpp: cudaMemGetInfo(), / 2^30
    engine: 'TensorRT-LLM',
    pattern:
      /\bMemory usage when calculating max tokens in paged kv cache: total: (?<size>[\d.]{1,12}) (?<unit>GiB), available: (?<free>[\d.]{1,12}) GiB/i,
    id: 'total',
    label: 'Total',
  },
  {
    // server/text_generation_server/models/flash_causal_lm.py warmup(): blocks of `size` tokens
    engine: 'TGI',
    pattern: /\bKV-cache blocks: (?<blocks>\d{1,12}), size: (?<each>\d{1,6})\b/,
    id: 'kv_cache_tokens',
    label: 'KV cache, tokens',
  },
  {
    // src/turbomind/models/llama/BlockManager.cc: block_size >> 20, rounded down
    engine: 'LMDeploy',
    pattern: /\[BlockManager\] block_size = (?<size>[\d.]{1,12}) (?<unit>MB)/,
    id: 'other',
    label: 'One block of the KV cache',
  },
  {
    engine: 'LMDeploy',
    pattern: /\[BlockManager\] max_block_count = (?<blocks>\d{1,12})\b/,
    id: 'kv_cache_blocks',
    label: 'KV cache, blocks',
  },
];

/** Refusals of a start: what was asked for was too much. */
export const ENGINE_REFUSALS: readonly {
  readonly engine: EngineShape['engine'];
  readonly pattern: RegExp;
}[] = [
  {
    // server/text_generation_server/models/flash_causal_lm.py
    engine: 'TGI',
    pattern: /\bNot enough memory to handle \d{1,12} prefill tokens\. You need to decrease/,
  },
];
