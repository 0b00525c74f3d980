/**
 * The arguments of a server that bear on memory, for each of its starts in one log. Keys, hosts and paths are left
 * alone.
 *
 * What vLLM was asked for ("args:", "non-default args:") stands before what came of it ("Initializing a V1 LLM engine ...
 * with config:"), and the latter counts: dtype='auto' is asked for, dtype=torch.bfloat16 is in force. A model that
 * only drafts is named later in the same line and loads a checkpoint of its own.
 */

import type { Setting } from '../../trace/capture.ts';

export const VLLM_ARGUMENTS =
  /['"]?\b(gpu_memory_utilization|max_model_len|max_seq_len|max_num_seqs|max_num_batched_tokens|tensor_parallel_size|pipeline_parallel_size|data_parallel_size|decode_context_parallel_size|prefill_context_parallel_size|kv_cache_dtype|kv_cache_memory_bytes|block_size|swap_space|cpu_offload_gb|enforce_eager|enable_prefix_caching|quantization|dtype|model)['"]?[=:] ?('[^']{0,200}'|[^\s,)}]{1,200})/g;
/** What an attention backend found to be the type of K and V: "auto" is resolved there. */
const KV_DTYPE = /resolved .{0,160}\bkv_cache_dtype=(?:torch\.)?(\w{1,40})/;
/** "Chunked prefill is enabled with max_num_batched_tokens=2048." stands on a line of its own. */
const BATCHED = /Chunked prefill is enabled with max_num_batched_tokens=(\d{1,9})\b/;

interface Start {
  readonly values: Map<string, string>;
  /** Checkpoints that each rank loads, GiB as printed: the model's, then a draft model's. */
  readonly checkpoints: Map<string, string[]>;
  /** The type of K and V came from a line that tells it; a draft model's comes later. */
  hasKvDtype: boolean;
}

export class ServerSettings {
  private readonly starts: Start[] = [];

  /** `pattern`: global, with groups for a setting's name and its value, quoted or not. */
  constructor(private readonly pattern: RegExp) {}

  private of(start: number): Start {
    while (this.starts.length <= start) {
      this.starts.push({ values: new Map(), checkpoints: new Map(), hasKvDtype: false });
    }
    return this.starts[start];
  }

  /**
   * Reads a line of arguments.
   *
   * @param start Which start of the server, from 0.
   * @param inForce The line of the engine: what it says counts before what was asked for.
   * @returns The memory utilization that the line gives; null: none.
   */
  read(text: string, start: number, inForce: boolean): string | null {
    const { values } = this.of(start);
    const seen = new Set<string>();
    let utilization: string | null = null;
    for (const [, name, quoted] of text.matchAll(this.pattern)) {
      const value = quoted.replace(/^'|'$/g, '');
      // The first model named in a line is the one served; a draft model follows.
      if (seen.has(name)) continue;
      seen.add(name);
      if (name === 'gpu_memory_utilization') utilization = value;
      if (inForce || !values.has(name)) values.set(name, value);
    }
    return utilization;
  }

  /** A line that tells what came of a setting; false: it is none. */
  resolved(text: string, start: number): boolean {
    const dtype = text.includes('kv_cache_dtype=') ? KV_DTYPE.exec(text)?.[1] : undefined;
    const batched = dtype === undefined ? BATCHED.exec(text)?.[1] : undefined;
    if (dtype !== undefined) this.kvDtype(dtype, start);
    if (batched !== undefined) this.of(start).values.set('max_num_batched_tokens', batched);
    return dtype !== undefined || batched !== undefined;
  }

  /** The type that K and V are stored in, as torch names it. */
  kvDtype(name: string, start: number): void {
    const of = this.of(start);
    if (!of.hasKvDtype) of.values.set('kv_cache_dtype', shortDtype(name));
    of.hasKvDtype = true;
  }

  checkpoint(rank: string, gib: string, start: number): void {
    const { checkpoints } = this.of(start);
    const known = checkpoints.get(rank);
    if (known === undefined) checkpoints.set(rank, [gib]);
    else known.push(gib);
  }

  /**
   * Those of the first start, then what another has otherwise. A setting that is None is not told, except where it was
   * another in the first start.
   */
  build(): Setting[] {
    const first = new Map<string, string>();
    const later: Setting[] = [];
    this.starts.forEach(({ values, checkpoints }, start) => {
      // Every rank reads the same files.
      const sizes = [...checkpoints.values()].at(0);
      const told = new Map(values);
      if (sizes !== undefined) {
        const sum = sizes.reduce((all, gib) => all + Number(gib), 0);
        told.set('Checkpoint size', `${sizes.length === 1 ? sizes[0] : sum.toFixed(2)} GiB`);
        if (sizes.length > 1) told.set('Checkpoint sizes', sizes.map((gib) => `${gib} GiB`).join(' + '));
      }
      for (const [name, value] of told) {
        const before = start === 0 ? undefined : first.get(name);
        if (before === value || (before === undefined && value === 'None')) continue;
        if (start === 0) first.set(name, value);
        else later.push([name, value, start + 1]);
      }
      if (start === 0) return;
      for (const name of this.starts[0].values.keys())
        if (first.has(name) && !told.has(name)) later.push([name, 'None', start + 1]);
    });
    return [...first, ...later];
  }
}

/** torch.float8_e4m3fn is what --kv-cache-dtype calls fp8_e4m3. */
const shortDtype = (name: string): string => name.replace(/^float8_(e\dm\d).*$/, 'fp8_$1');
