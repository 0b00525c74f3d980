/**
 * How the servers call their settings: vLLM (vllm/engine/arg_utils.py) and SGLang (sglang/srt/server_args.py). What a
 * setting does is the same only where it is listed here: SGLang's --mem-fraction-static holds weights and KV cache, and
 * nothing of the activations that --gpu-memory-utilization holds as well.
 */
import type { ReadSource } from '../analyze/read-source.ts';

export interface ServerFlags {
  readonly modelLength: string;
  readonly requests: string;
  readonly kvDtype: string;
  readonly tensorParallel: string;
}

const VLLM: ServerFlags = {
  modelLength: '--max-model-len',
  requests: '--max-num-seqs',
  kvDtype: '--kv-cache-dtype fp8',
  tensorParallel: '--tensor-parallel-size',
};

const SGLANG: ServerFlags = {
  modelLength: '--context-length',
  requests: '--max-running-requests',
  kvDtype: '--kv-cache-dtype fp8_e4m3',
  tensorParallel: '--tp-size',
};

/** By its log, or by the names of its metrics. */
export const isSglang = ({ format, producer, readings }: ReadSource): boolean =>
  format === 'sglang-log' ||
  producer.startsWith('SGLang') ||
  (readings?.gauges.some(({ id }) => id.startsWith('sglang:')) ?? false);

export const flagsOf = (source: ReadSource): ServerFlags => (isSglang(source) ? SGLANG : VLLM);

/** A setting in vLLM's words ("--max-model-len 4096") as the server of a log takes it; null: it has none that does the same. */
export function settingFor(source: ReadSource, setting: string): string | null {
  if (!isSglang(source)) return setting;
  const known = (Object.keys(VLLM) as (keyof ServerFlags)[]).find(
    (name) => setting === VLLM[name] || setting.startsWith(`${VLLM[name]} `),
  );
  return known === undefined ? null : setting.replace(VLLM[known], SGLANG[known]);
}
