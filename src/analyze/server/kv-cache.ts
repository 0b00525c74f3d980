/**
 * KV-cache arithmetic of vLLM: bytes of a token, blocks, tokens, requests of full length.
 * vllm/v1/kv_cache_interface.py (page_size_bytes), vllm/v1/core/kv_cache_utils.py (get_num_blocks, groups),
 * vllm/config/model.py (get_num_kv_heads), vllm/distributed/utils.py (get_pp_indices).
 *
 *   Llama 3.1 8B: 32 layers x 2 (K and V) x 8 heads x 128 x 2 B = 131,072 B a token; of which each of two
 *   tensor-parallel ranks holds 4 heads: 65,536 B, and a block of 16 tokens is 1 MiB.
 *
 * Not covered, and refused: sliding-window models over pipeline stages, context parallelism, layers of unlike heads,
 * Mamba states.
 */
import { fail, ok, type Result } from '../../base/result.ts';
import type { KvAttention, KvModel } from './kv-config.ts';

export interface KvSetup {
  readonly model: KvModel;
  /** "auto", or as `--kv-cache-dtype` has it: "fp8", "fp8_e4m3", "bfloat16", "int8_per_token_head", "nvfp4". */
  readonly kvDtype: string;
  /** Tokens of a block; vLLM's default on CUDA is 16. */
  readonly blockSize: number;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  /** `--max-num-batched-tokens`: what a sliding layer holds beside its window; needed for sliding layers only. */
  readonly maxBatchedTokens: number | null;
  /** false: `--disable-hybrid-kv-cache-manager`, sliding layers keep every token. */
  readonly hybrid: boolean;
  /** Layers of a draft model with the same heads, on the same pages. */
  readonly draftLayers: number;
}

export interface KvStage {
  /** Layers whose K and V a rank of this pipeline stage keeps. */
  readonly layers: number;
  /** Bytes of one block on one rank of this stage. */
  readonly bytesPerBlock: number;
}

export interface KvPlan {
  /** Bytes that one token takes in one layer on one rank. */
  readonly bytesPerTokenPerLayer: number;
  /** KV heads on one rank; 1 under MLA. */
  readonly headsPerRank: number;
  /** On how many tensor-parallel ranks each head is kept: above 1, tensor parallelism saves no more KV memory. */
  readonly copies: number;
  readonly stages: readonly KvStage[];
  /** Bytes of one token, all layers, on a rank of the fullest stage. Sliding layers counted as if they kept all. */
  readonly bytesPerTokenPerRank: number;
  /** The same over all ranks of all stages. */
  readonly bytesPerTokenAllRanks: number;
  readonly blockSize: number;
  /** Groups of layers that draw blocks from one pool: 1 where all layers are of one kind. */
  readonly groups: number;
  /** Name of the dtype that K and V are stored in. */
  readonly dtype: string;
  /** Blocks that a request of this many tokens holds at most. */
  blocksOfRequest(tokens: number): number;
}

const ceilDivide = (value: number, by: number): number => Math.ceil(value / by);

const FLOAT_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  float: 4,
  bfloat16: 2,
  float16: 2,
  half: 2,
  int8: 1,
};

const isFp8 = (dtype: string): boolean =>
  /^(fp8|float8)(_|$|e)/.test(dtype) && !/per_token_head|ds_mla/.test(dtype);

/** The dtype that `--kv-cache-dtype auto` means: the checkpoint's own for K and V, else the model's. */
export const resolveKvDtype = (kvDtype: string, model: KvModel): string | null =>
  kvDtype === 'auto' ? (model.checkpointKvDtype ?? model.dtype) : kvDtype;

/** KV heads of one tensor-parallel rank: divided, and never below one (then each is kept more than once). */
export const kvHeadsPerRank = (kvHeads: number, tensorParallel: number): number =>
  Math.max(1, Math.floor(kvHeads / tensorParallel));

/**
 * Bytes of one token in one layer on one rank; null: a dtype that is not known for this attention.
 * Per-token-head dtypes keep a float32 scale for each K and V head beside the bytes; NVFP4 packs two values in a byte
 * and has one byte of scale for 16 values; fp8_ds_mla is 656 bytes whatever the model.
 */
export function kvBytesPerTokenPerLayer(
  attention: KvAttention,
  dtype: string,
  tensorParallel: number,
): number | null {
  const bytes = isFp8(dtype) ? 1 : Object.hasOwn(FLOAT_BYTES, dtype) ? FLOAT_BYTES[dtype] : null;
  if (attention.kind === 'mla') {
    if (dtype === 'fp8_ds_mla') return 656;
    return bytes === null ? null : (attention.latentRank + attention.ropeSize) * bytes;
  }
  const heads = kvHeadsPerRank(attention.kvHeads, tensorParallel);
  const elements = attention.headSize + attention.valueHeadSize;
  if (bytes !== null) return heads * elements * bytes;
  if (/^(int8|fp8)_per_token_head$/.test(dtype)) return heads * (elements + 2 * 4);
  if (dtype === 'nvfp4' && attention.headSize % 16 === 0 && attention.valueHeadSize % 16 === 0) {
    return heads * (elements / 2 + elements / 16);
  }
  return null;
}

/**
 * Layers of each pipeline stage (get_pp_indices): even, what is left goes one each to the stages before the last.
 * VLLM_PP_LAYER_PARTITION overrides it, and versions before 0.7 gave the rest to the last stage.
 */
export function layersOfStages(layers: number, stages: number): number[] {
  const each = Array.from({ length: stages }, () => Math.floor(layers / stages));
  for (let i = 2; i < (layers % stages) + 2; i++) each[stages - i]++;
  return each;
}

/** Layers of each group: as many as the rarer kind has, or the commoner one's where that is under half more. */
function groupSizeOf(full: number, sliding: number): number {
  const [least, most] = full < sliding ? [full, sliding] : [sliding, full];
  return most < least * 1.5 ? most : least;
}

/**
 * How the KV cache of a model is laid out.
 *
 * @returns The plan, or in a sentence why it cannot be said.
 */
export function planKvCache(setup: KvSetup): Result<KvPlan, string> {
  const { model, blockSize, tensorParallel, pipelineParallel } = setup;
  const dtype = resolveKvDtype(setup.kvDtype, model);
  if (dtype === null) return fail('The config names no dtype, so "auto" cannot be resolved.');
  const perLayer = kvBytesPerTokenPerLayer(model.attention, dtype, tensorParallel);
  if (perLayer === null)
    return fail(`The bytes of a KV cache of dtype "${dtype}" are not known for this model.`);
  const full = model.fullLayers + setup.draftLayers;
  const sliding = setup.hybrid ? model.slidingLayers : 0;
  const all = full + model.slidingLayers;
  if (model.otherLayers > 0) {
    return fail(
      'Layers with a state of fixed size share the pool in pages of another size; that is not covered.',
    );
  }
  const isHybrid = sliding > 0 && full > 0;
  if (sliding > 0 && pipelineParallel > 1) {
    return fail('Sliding-window layers over several pipeline stages are not covered.');
  }
  if (sliding > 0 && setup.maxBatchedTokens === null) {
    return fail(
      'Sliding-window layers hold a batch beside their window: --max-num-batched-tokens is needed.',
    );
  }
  const kvHeads = model.attention.kind === 'mla' ? 1 : model.attention.kvHeads;
  const headsPerRank = kvHeadsPerRank(kvHeads, tensorParallel);
  const groupSize = isHybrid ? groupSizeOf(full, sliding) : all;
  const fullGroups = isHybrid ? ceilDivide(full, groupSize) : sliding > 0 ? 0 : 1;
  const slidingGroups = isHybrid ? ceilDivide(sliding, groupSize) : sliding > 0 ? 1 : 0;
  // Draft layers run on the last stage.
  const stageLayers = layersOfStages(all - setup.draftLayers, pipelineParallel);
  stageLayers[pipelineParallel - 1] += setup.draftLayers;
  const stages = stageLayers.map((layers) => ({
    layers,
    bytesPerBlock: blockSize * perLayer * (isHybrid ? groupSize : layers),
  }));
  const windowTokens = (model.slidingWindow ?? 0) - 1 + (setup.maxBatchedTokens ?? 0);
  return ok({
    bytesPerTokenPerLayer: perLayer,
    headsPerRank,
    copies: (headsPerRank * tensorParallel) / kvHeads,
    stages,
    bytesPerTokenPerRank: perLayer * Math.max(...stageLayers),
    bytesPerTokenAllRanks: perLayer * all * tensorParallel,
    blockSize,
    groups: fullGroups + slidingGroups,
    dtype,
    blocksOfRequest: (tokens) =>
      fullGroups * ceilDivide(tokens, blockSize) +
      // A window need not begin where a block does: one block more.
      slidingGroups * (ceilDivide(Math.min(windowTokens, tokens), blockSize) + 1),
  });
}

export interface KvCapacity {
  /** Blocks that fit on every rank: the least of all stages. */
  readonly blocks: number;
  /** Tokens as versions up to 0.1x print them: blocks / groups x block size. */
  readonly tokensByBlocks: number;
  /** Tokens as later versions print them: concurrency x max-model-len, rounded down. */
  readonly tokensByLength: number;
  /** Requests of max-model-len tokens that fit at once. */
  readonly concurrency: number;
  /** Bytes that are used of what is available on one rank, by stage. */
  readonly usedBytes: readonly number[];
}

/**
 * What fits into `availableBytes` of each rank (one number for all, or one for each pipeline stage).
 *
 * @param availableBytes Bytes of KV cache on one rank.
 * @param maxModelLen Tokens of the longest request.
 */
export function kvCapacity(
  plan: KvPlan,
  availableBytes: number | readonly number[],
  maxModelLen: number,
): KvCapacity {
  const blocks = Math.max(
    0,
    Math.min(
      ...plan.stages.map(({ bytesPerBlock }, stage) =>
        Math.floor(
          (typeof availableBytes === 'number' ? availableBytes : (availableBytes[stage] ?? 0)) /
            bytesPerBlock,
        ),
      ),
    ),
  );
  return capacityOfBlocks(plan, blocks, maxModelLen);
}

/** The same for a number of blocks that is known. */
export function capacityOfBlocks(plan: KvPlan, blocks: number, maxModelLen: number): KvCapacity {
  const concurrency = blocks / plan.blocksOfRequest(maxModelLen);
  return {
    blocks,
    tokensByBlocks: Math.floor(blocks / plan.groups) * plan.blockSize,
    tokensByLength: Math.floor(concurrency * maxModelLen),
    concurrency,
    usedBytes: plan.stages.map(({ bytesPerBlock }) => blocks * bytesPerBlock),
  };
}

/** Tokens in a rank's KV cache of so many bytes, where all layers keep alike; null: they do not. */
export function tokensInBytes(plan: KvPlan, bytes: number): number | null {
  if (plan.groups !== 1) return null;
  const blocks = Math.min(...plan.stages.map(({ bytesPerBlock }) => Math.floor(bytes / bytesPerBlock)));
  return Math.max(0, blocks) * plan.blockSize;
}

/** The longest --max-model-len of which one request fits, at most `limit` tokens; 0: not even one token. */
export function longestModelLen(plan: KvPlan, blocks: number, limit: number): number {
  let low = 0;
  let high = limit;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (plan.blocksOfRequest(middle) <= blocks) low = middle;
    else high = middle - 1;
  }
  return low;
}
