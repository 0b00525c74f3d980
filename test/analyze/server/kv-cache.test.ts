import { describe, expect, it } from 'vitest';
import {
  capacityOfBlocks,
  kvBytesPerTokenPerLayer,
  kvCapacity,
  kvHeadsPerRank,
  layersOfStages,
  longestModelLen,
  planKvCache,
  tokensInBytes,
  type KvPlan,
  type KvSetup,
} from '../../../src/analyze/server/kv-cache.ts';
import type { KvModel } from '../../../src/analyze/server/kv-config.ts';

const GIB = 2 ** 30;
const llama: KvModel = {
  attention: { kind: 'heads', kvHeads: 8, headSize: 128, valueHeadSize: 128 },
  fullLayers: 32,
  slidingLayers: 0,
  slidingWindow: null,
  otherLayers: 0,
  dtype: 'bfloat16',
  checkpointKvDtype: null,
  weightQuantization: null,
  maxPositions: 131072,
  notes: [],
};
const setup = (changes: Partial<KvSetup> = {}, model: Partial<KvModel> = {}): KvSetup => ({
  model: { ...llama, ...model },
  kvDtype: 'auto',
  blockSize: 16,
  tensorParallel: 1,
  pipelineParallel: 1,
  maxBatchedTokens: null,
  hybrid: true,
  draftLayers: 0,
  ...changes,
});
const plan = (changes: Partial<KvSetup> = {}, model: Partial<KvModel> = {}): KvPlan => {
  const result = planKvCache(setup(changes, model));
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const refused = (changes: Partial<KvSetup>, model: Partial<KvModel> = {}): string => {
  const result = planKvCache(setup(changes, model));
  return result.ok ? 'planned' : result.error;
};

describe('bytes of a token', () => {
  it('are 131,072 in all layers of Llama 3.1 8B, divided over tensor-parallel ranks', () => {
    expect(plan()).toMatchObject({ bytesPerTokenPerRank: 131072, bytesPerTokenAllRanks: 131072, copies: 1 });
    expect(plan({ tensorParallel: 2 })).toMatchObject({
      headsPerRank: 4,
      bytesPerTokenPerRank: 65536,
      bytesPerTokenAllRanks: 131072,
      copies: 1,
    });
  });

  it('stop falling where there are more ranks than KV heads: heads are kept twice', () => {
    expect(plan({ tensorParallel: 8 })).toMatchObject({ copies: 1, bytesPerTokenPerRank: 16384 });
    expect(plan({ tensorParallel: 16 })).toMatchObject({
      headsPerRank: 1,
      copies: 2,
      bytesPerTokenPerRank: 16384,
      bytesPerTokenAllRanks: 262144,
    });
    expect([1, 2, 8, 9, 16].map((ranks) => kvHeadsPerRank(8, ranks))).toEqual([8, 4, 1, 1, 1]);
  });

  it('under MLA are one latent vector on every rank, whatever the number of ranks', () => {
    const mla = { attention: { kind: 'mla', latentRank: 512, ropeSize: 64 }, fullLayers: 61 } as const;
    for (const tensorParallel of [1, 8, 16]) {
      const each = plan({ tensorParallel }, mla);
      expect(each.bytesPerTokenPerRank).toBe(61 * 576 * 2);
      expect(each.bytesPerTokenAllRanks).toBe(61 * 576 * 2 * tensorParallel);
      expect(each.copies).toBe(tensorParallel);
    }
    expect(plan({ kvDtype: 'fp8' }, mla).bytesPerTokenPerRank).toBe(61 * 576);
    expect(plan({ kvDtype: 'fp8_ds_mla' }, mla).bytesPerTokenPerRank).toBe(61 * 656);
  });

  it('by dtype, scales included', () => {
    const heads = { kind: 'heads', kvHeads: 8, headSize: 128, valueHeadSize: 128 } as const;
    const of = (dtype: string): number | null => kvBytesPerTokenPerLayer(heads, dtype, 1);
    expect(['float32', 'bfloat16', 'half', 'fp8', 'fp8_e4m3', 'fp8_e5m2'].map(of)).toEqual([
      8192, 4096, 4096, 2048, 2048, 2048,
    ]);
    expect(of('int8_per_token_head')).toBe(8 * (256 + 8));
    expect(of('nvfp4')).toBe(8 * (128 + 16));
    expect(of('fp4_of_tomorrow')).toBeNull();
    expect(of('toString')).toBeNull();
    expect(kvBytesPerTokenPerLayer({ ...heads, valueHeadSize: 64 }, 'bfloat16', 1)).toBe(8 * 192 * 2);
    expect(kvBytesPerTokenPerLayer({ kind: 'mla', latentRank: 512, ropeSize: 64 }, 'nvfp4', 1)).toBeNull();
  });

  it('"auto" is the dtype of the checkpoint for K and V, else that of the model', () => {
    expect(plan({}, { checkpointKvDtype: 'fp8' })).toMatchObject({
      dtype: 'fp8',
      bytesPerTokenPerRank: 65536,
    });
    expect(plan({ kvDtype: 'bfloat16' }, { checkpointKvDtype: 'fp8' }).bytesPerTokenPerRank).toBe(131072);
    expect(refused({}, { dtype: null })).toContain('"auto" cannot be resolved');
    expect(refused({ kvDtype: 'int3' })).toContain('"int3"');
  });
});

describe('layers of pipeline stages', () => {
  it("are vLLM's: what is left goes to the stages before the last", () => {
    expect(layersOfStages(32, 2)).toEqual([16, 16]);
    expect(layersOfStages(61, 2)).toEqual([31, 30]);
    expect(layersOfStages(61, 4)).toEqual([15, 15, 16, 15]);
    expect(layersOfStages(62, 4)).toEqual([15, 16, 16, 15]);
    expect(layersOfStages(63, 4)).toEqual([16, 16, 16, 15]);
    expect(layersOfStages(5, 1)).toEqual([5]);
  });

  it('make the fullest stage hold the fewest blocks', () => {
    const two = plan({ pipelineParallel: 2 }, { fullLayers: 61 });
    expect(two.stages.map(({ layers }) => layers)).toEqual([31, 30]);
    expect(two.bytesPerTokenPerRank).toBe(31 * 4096);
    expect(two.bytesPerTokenAllRanks).toBe(61 * 4096);
    const block = 16 * 4096;
    expect(kvCapacity(two, 31 * 30 * block, 4096)).toMatchObject({
      blocks: 30,
      usedBytes: [31 * 30 * block, 30 * 30 * block],
    });
    expect(kvCapacity(two, [31 * 40 * block, 30 * 20 * block], 4096).blocks).toBe(20);
  });
});

describe('blocks, tokens, requests', () => {
  it('round down to whole blocks, and a request up', () => {
    const one = plan();
    const block = 16 * 131072;
    expect(kvCapacity(one, 100 * block - 1, 16)).toMatchObject({ blocks: 99, tokensByBlocks: 1584 });
    expect(kvCapacity(one, 100 * block, 16)).toMatchObject({ blocks: 100, concurrency: 100 });
    // 17 tokens are two blocks.
    expect(kvCapacity(one, 100 * block, 17)).toMatchObject({ concurrency: 50, tokensByLength: 850 });
    expect(kvCapacity(one, -5, 17).blocks).toBe(0);
    expect(longestModelLen(one, 100, 131072)).toBe(1600);
    expect(longestModelLen(one, 100, 1000)).toBe(1000);
    expect(longestModelLen(one, 0, 1000)).toBe(0);
    expect(tokensInBytes(one, 100 * block - 1)).toBe(1584);
    expect(tokensInBytes(one, -5)).toBe(0);
  });

  it('a model whose layers all slide holds a window and a batch', () => {
    const sliding = plan(
      { maxBatchedTokens: 2048 },
      { fullLayers: 0, slidingLayers: 32, slidingWindow: 4096 },
    );
    expect(sliding.groups).toBe(1);
    expect(sliding.blocksOfRequest(131072)).toBe(384 + 1);
    // Short requests are not bounded by the window: 100 tokens are 7 blocks, and one for where it begins.
    expect(sliding.blocksOfRequest(100)).toBe(8);
    expect(refused({}, { slidingLayers: 1, slidingWindow: 512 })).toContain('--max-num-batched-tokens');
  });

  it('full and sliding layers share a pool in groups of like size', () => {
    const gemma = { fullLayers: 4, slidingLayers: 20, slidingWindow: 512 };
    const hybrid = plan({ maxBatchedTokens: 2048 }, gemma);
    expect(hybrid.groups).toBe(6);
    expect(tokensInBytes(hybrid, 2 ** 30)).toBeNull();
    expect(hybrid.stages[0].bytesPerBlock).toBe(16 * 4096 * 4);
    expect(hybrid.blocksOfRequest(8192)).toBe(512 + 5 * 161);
    // 13 full beside 12 sliding are padded to 13 and 13, not to 12 and 24.
    const padded = plan(
      { maxBatchedTokens: 2048 },
      { fullLayers: 13, slidingLayers: 12, slidingWindow: 128 },
    );
    expect(padded.groups).toBe(2);
    expect(padded.stages[0].bytesPerBlock).toBe(16 * 4096 * 13);
    const off = plan({ maxBatchedTokens: 2048, hybrid: false }, gemma);
    expect(off.groups).toBe(1);
    expect(off.blocksOfRequest(8192)).toBe(512);
    expect(off.stages[0].bytesPerBlock).toBe(16 * 4096 * 24);
    expect(refused({ maxBatchedTokens: 2048, pipelineParallel: 2 }, gemma)).toContain('pipeline');
    expect(refused({}, { otherLayers: 3 })).toContain('fixed size');
  });

  it('agree between the two ways in which versions count tokens, at a length of whole blocks', () => {
    const capacity = capacityOfBlocks(plan(), 64302, 131072);
    expect(capacity.tokensByBlocks).toBe(1028832);
    expect(capacity.tokensByLength).toBe(1028832);
    expect(capacity.concurrency).toBeCloseTo(7.849, 3);
    expect(capacity.usedBytes[0]).toBe(64302 * 2 * 2 ** 20);
    expect(capacity.usedBytes[0] / GIB).toBeCloseTo(125.59, 2);
  });
});
