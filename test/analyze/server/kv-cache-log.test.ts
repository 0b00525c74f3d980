import { exactly } from '../../../src/base/measured.ts';
import { rankNamed } from '../../base/rank-for-test.ts';
import type { Rank } from '../../../src/base/rank.ts';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planKvCache, type KvPlan, type KvSetup } from '../../../src/analyze/server/kv-cache.ts';
import { checkKvFacts, checkKvPlan } from '../../../src/analyze/server/kv-cache-check.ts';
import {
  engineBudgets,
  kvFactsOf,
  type KvFacts,
  type Settings,
} from '../../../src/analyze/server/kv-cache-log.ts';
import { withModel } from '../../../src/analyze/server/kv-cache-what-if-model.ts';
import {
  withKvDtype,
  withMaxModelLen,
  withMaxNumSeqs,
  withUtilization,
  withWeightBits,
  withWeights,
} from '../../../src/analyze/server/kv-cache-what-if.ts';
import { parseKvConfig, type KvModel } from '../../../src/analyze/server/kv-config.ts';
import { logReader } from '../../../src/read/log.ts';
import type { BudgetPart, MemoryBudget } from '../../../src/trace/readings.ts';
import { readPath } from '../../read/open-for-test.ts';

const GIB = 2 ** 30;
const PUBLIC = '../shared/public';
const part = (id: BudgetPart['id'], value: number, granularity = 0, label = id as string): BudgetPart => ({
  id,
  label,
  value,
  granularity,
  offset: 0,
});
const budget = (
  parts: readonly BudgetPart[],
  rank: string | Rank = '',
  producer = 'vLLM 0.10',
): MemoryBudget => ({
  rank: typeof rank === 'string' ? rankNamed(rank) : rank,
  producer,
  parts,
});

/** 1,000 blocks of 16 tokens and 1 MiB, half a block idle; two ranks, the other has more. */
const BYTES = 1000.5 * 2 ** 20;
const parts = [
  part('total', 10 * GIB),
  part('utilization', 0.9),
  part('free_at_start', 9.9 * GIB),
  part('weights', 2 * GIB),
  part('kv_cache', BYTES),
  part('kv_cache_tokens', 16000),
  part('tokens_per_request', 4000),
  part('max_concurrency', 4, 0.01),
];
const SETTINGS: Settings = [
  ['block_size', '16'],
  ['max_seq_len', '4000'],
  ['dtype', 'torch.bfloat16'],
  ['kv_cache_dtype', 'auto'],
  ['max_num_seqs', '256'],
];
const facts = (settings = SETTINGS, more: readonly BudgetPart[] = []): KvFacts =>
  kvFactsOf([budget([...parts, ...more], 'TP0'), budget([part('kv_cache', 2 * BYTES)], 'TP1')], settings);
const llama = (config: object = {}): KvModel => {
  const result = parseKvConfig(
    JSON.stringify({
      num_hidden_layers: 32,
      num_attention_heads: 32,
      num_key_value_heads: 8,
      hidden_size: 4096,
      torch_dtype: 'bfloat16',
      max_position_embeddings: 131072,
      ...config,
    }),
  );
  if (!result.ok) throw new Error(result.error);
  return result.value;
};
const setup = (model: KvModel, changes: Partial<KvSetup> = {}): KvSetup => ({
  model,
  kvDtype: 'auto',
  blockSize: 16,
  tensorParallel: 1,
  pipelineParallel: 1,
  maxBatchedTokens: null,
  hybrid: true,
  draftLayers: 0,
  ...changes,
});
const plan = (of: KvSetup): KvPlan => {
  const result = planKvCache(of);
  if (!result.ok) throw new Error(result.error);
  return result.value;
};

describe('what a log says of its KV cache', () => {
  it('is bounded by the rank with the least, and gives bytes of a block and a token', () => {
    const found = facts();
    expect(found).toMatchObject({
      leastRank: { name: 'TP0' },
      blocks: 1000,
      blockSize: 16,
      shape: 'uniform',
      missing: [],
    });
    expect(found.bytesPerBlock!.least).toBe(BYTES / 1001);
    expect(found.bytesPerBlock!.most).toBe(BYTES / 1000);
    expect(found.bytesPerToken!.least).toBeLessThan(65536);
    expect(found.bytesPerToken!.most).toBeGreaterThan(65536);
    expect(checkKvFacts(found).map(({ agrees }) => agrees)).toEqual([true]);
    const blocks = facts(SETTINGS, [part('kv_cache_blocks', 1000)]);
    expect(checkKvFacts(blocks).map(({ agrees }) => agrees)).toEqual([true, true]);
    const wrong = facts(SETTINGS, [part('kv_cache_blocks', 1001)]);
    expect(wrong.shape).toBe('mixed');
    expect(checkKvFacts(wrong).map(({ agrees }) => agrees)).toEqual([false, true]);
  });

  it('has no one number of bytes a token where the tokens are no whole blocks', () => {
    const cut = parts.map((each) => (each.id === 'kv_cache_tokens' ? part(each.id, 16001) : each));
    const mixed = kvFactsOf([budget(cut)], SETTINGS);
    expect(mixed).toMatchObject({ shape: 'mixed', bytesPerToken: null, bytesPerBlock: null, tokens: 16001 });
    expect(withMaxModelLen(mixed, 1000).refused).toContain('unlike numbers of tokens');
    // The cache stays as it is, whatever its layers; a share of tokens is not said.
    const fewer = withMaxNumSeqs(mixed, 3);
    expect(fewer).toMatchObject({
      refused: null,
      bytesGained: { least: 0, most: 0 },
      concurrency: { least: 3, most: 3 },
    });
    expect(fewer.notes.join(' ')).not.toContain('on average');
  });

  it('is uniform where tokens are concurrency x max-model-len of whole blocks, as newer versions print', () => {
    // 4,001 tokens are 251 blocks: 1,000 blocks are 3.984 requests, or 15,940 tokens.
    const newer = parts.map((each) =>
      each.id === 'tokens_per_request'
        ? part(each.id, 4001)
        : each.id === 'kv_cache_tokens'
          ? part(each.id, 15940)
          : each.id === 'max_concurrency'
            ? part(each.id, 3.98, 0.01)
            : each,
    );
    const found = kvFactsOf([budget(newer)], SETTINGS);
    expect(found).toMatchObject({ shape: 'uniform', blocks: 1000 });
    expect(checkKvFacts(found).every(({ agrees }) => agrees)).toBe(true);
    // The blocks count, not what is printed: 1,000 blocks are 8 requests of 2,000 tokens.
    expect(withMaxModelLen(found, 2000).concurrency).toEqual({ least: 8, most: 8 });
    const off = newer.map((each) => (each.id === 'max_concurrency' ? part(each.id, 4.5, 0.01) : each));
    const apart = kvFactsOf([budget(off)], SETTINGS);
    expect(apart.shape).toBe('mixed');
    expect(checkKvFacts(apart)).toMatchObject([{ printed: 4.5, agrees: false }]);
  });

  it('leaves a block open where its size is not told, and stages of unlike layers without a number', () => {
    const unknown = facts(SETTINGS.slice(1));
    expect(unknown).toMatchObject({ blockSize: null, blocks: null, bytesPerBlock: null });
    expect(unknown.missing).toEqual(['tokens of a block']);
    expect(unknown.bytesPerToken!.least).toBeCloseTo(BYTES / (16000 + 1024), 6);
    expect(unknown.bytesPerToken!.most).toBeCloseTo(BYTES / 16000, 6);
    expect(facts([...SETTINGS, ['pipeline_parallel_size', '2']]).bytesPerToken).toBeNull();
  });

  it('says no bytes of a token where ranks share a context: tokens are printed times those ranks', () => {
    const shared = facts([...SETTINGS, ['decode_context_parallel_size', '2']]);
    expect(shared).toMatchObject({ bytesPerToken: null, blocks: null, tokens: 16000 });
    expect(shared.missing).toEqual(['how tokens are split over 2 context-parallel ranks']);
  });

  it('knows the dtype of K and V only where no quantised checkpoint can bring another', () => {
    expect(facts().kvDtype).toBe('bfloat16');
    expect(facts([...SETTINGS, ['quantization', 'compressed-tensors']]).kvDtype).toBeNull();
    expect(facts(SETTINGS.filter(([name]) => name !== 'max_seq_len')).kvDtype).toBeNull();
    expect(facts([['kv_cache_dtype', 'fp8_e4m3']]).kvDtype).toBe('fp8_e4m3');
  });

  it('counts the pools of SGLang, a draft model of as many tokens too', () => {
    const pool = (tokens: number, bytes: number): BudgetPart[] => [
      part('kv_cache', bytes, 0, `K of ${tokens} tokens`),
      part('kv_cache', bytes, 0, `V of ${tokens} tokens`),
    ];
    const of = (pools: readonly BudgetPart[], pageSize: Settings = [['page_size', '1']]): KvFacts =>
      kvFactsOf([budget([...pools, part('kv_cache_tokens', 1001)], '', 'SGLang 0.5')], pageSize);
    // Pages of 64: as many slots more. Where their size is not told, as many as there may be.
    const paged = of(pool(1001, 1065 * 2048), [['page_size', '64']]);
    expect(paged.bytesPerToken!.least).toBeCloseTo(4096, 9);
    expect(of(pool(1001, 1065 * 2048), []).bytesPerToken!.least).toBeLessThan(4096);
    const even = of([...pool(1001, 1002 * 2048), ...pool(1001, 1002 * 512)]);
    expect(even.pools.map(({ tokens, bytes }) => [tokens, bytes.value])).toEqual([
      [1001, 1002 * 4096],
      [1001, 1002 * 1024],
    ]);
    expect(even.shape).toBe('uniform');
    expect(even.bytesPerToken!.least).toBeCloseTo(5120, 9);
    expect(even.bytes!.value).toBe(1002 * 5120);
    expect(of([...pool(1001, 1002 * 2048), ...pool(800, 801 * 512)])).toMatchObject({
      shape: 'mixed',
      bytesPerToken: null,
    });
  });
});

describe('the engines of a log', () => {
  it('are told apart by start and by data-parallel rank; each has a cache of its own', () => {
    const named = [
      ...['DP0 TP0', 'DP0 TP1', 'DP1 TP0'].map((name) => rankNamed(name)),
      rankNamed('DP0 TP0', 2),
      rankNamed('', 3),
    ];
    const engines = engineBudgets(named.map((rank) => budget([], rank)));
    expect(engines.map(({ start, engine, budgets }) => [start, engine, budgets.length])).toEqual([
      [1, 'DP0', 2],
      [1, 'DP1', 1],
      [2, 'DP0', 1],
      [3, '', 1],
    ]);
    expect(engineBudgets([budget([], 'TP0'), budget([], 'TP1')])).toHaveLength(1);
  });
});

describe('what another setting would change', () => {
  it('--max-model-len: requests, not bytes', () => {
    expect(withMaxModelLen(facts(), 2000)).toMatchObject({
      bytesGained: { least: 0, most: 0 },
      tokens: { least: 16000, most: 16000 },
      concurrency: { least: 8, most: 8 },
      refused: null,
    });
    expect(withMaxModelLen(facts(), 16000).refused).toBeNull();
    expect(withMaxModelLen(facts(), 16001).refused).toContain('does not fit');
    expect(withMaxModelLen(facts(), 4000).refused).toContain('in force already');
  });

  it('--max-num-seqs: the share of each request', () => {
    const eight = withMaxNumSeqs(facts(), 8);
    expect(eight.notes[0]).toContain('2,000 tokens');
    expect(eight.notes.join(' ')).not.toContain('no preemption');
    expect(withMaxNumSeqs(facts(), 3).notes.join(' ')).toContain('no preemption');
    expect(withMaxNumSeqs(facts(), 256).refused).toContain('in force already');
  });

  it('--gpu-memory-utilization: every byte is the KV cache, down as up', () => {
    const more = withUtilization(facts(), 0.95);
    expect(more.bytesGained!.least).toBeCloseTo(0.5 * GIB, 0);
    // 512 MiB and the half block that lay idle: 512 blocks more, whatever the digits leave open.
    expect(more.tokens!.least).toBeLessThanOrEqual(1512 * 16);
    expect(more.tokens!.most).toBeGreaterThanOrEqual(1512 * 16);
    expect(more.tokens!.most - more.tokens!.least).toBeLessThanOrEqual(2 * 16);
    const less = withUtilization(facts(), 0.85);
    expect(less.tokens!.least).toBeLessThanOrEqual(488 * 16);
    expect(less.tokens!.most).toBeGreaterThanOrEqual(488 * 16);
    // Half a block lay idle, or less, or more: 0.6 of one gained may make one.
    const little = withWeights(facts(), exactly(2 * GIB - 0.6 * 2 ** 20));
    expect(little.tokens).toEqual({ least: 16000, most: 16016 });
    expect(withUtilization(facts(), 0.995).refused).toContain('refuses to start');
    expect(withUtilization(facts(), 0.99).refused).toBeNull();
    expect(withUtilization(facts(), 0.7).refused).toBe('Nothing would be left for the KV cache.');
    expect(withUtilization(facts(), 0.9).refused).toContain('in force already');
  });

  it('--gpu-memory-utilization: one of few digits leaves more open, and what it requested less', () => {
    const rounded = (more: readonly BudgetPart[]): KvFacts =>
      kvFactsOf(
        [
          budget([
            ...parts.filter(({ id }) => id !== 'utilization'),
            part('utilization', 0.9, 0.01),
            ...more,
          ]),
        ],
        SETTINGS,
      );
    // 0.90 may be 0.895 to 0.905 of 10 GiB.
    const open = withUtilization(rounded([]), 0.95).bytesGained!;
    expect(open.least / GIB).toBeCloseTo(0.45, 9);
    expect(open.most / GIB).toBeCloseTo(0.55, 9);
    const told = withUtilization(rounded([part('requested', 8.98 * GIB, 0.01 * GIB)]), 0.95).bytesGained!;
    expect(told.least / GIB).toBeCloseTo(9.5 - 8.985, 6);
    expect(told.most / GIB).toBeCloseTo(9.5 - 8.975, 6);
    const without = kvFactsOf([budget(parts.filter(({ id }) => id !== 'total'))], SETTINGS);
    expect(withUtilization(without, 0.95).refused).toBe('The log does not print the total of the device.');
  });

  it('--gpu-memory-utilization: what two starts of one server printed', () => {
    // 96 GiB at 0.90 and at 0.92, of which 70.00 are no KV cache.
    const start = (share: number, kv: number): KvFacts =>
      kvFactsOf([
        budget([
          part('total', 96 * GIB, GIB / 100),
          part('utilization', share),
          part('kv_cache', kv * GIB, GIB / 100),
        ]),
      ]);
    const { bytes } = withUtilization(start(0.9, 16.4), 0.92);
    const printed = start(0.92, 18.32).bytes!;
    expect(bytes!.least).toBeLessThanOrEqual(printed.value);
    expect(bytes!.most).toBeGreaterThanOrEqual(printed.value);
  });

  it('--kv-cache-dtype: twice the tokens in the same bytes, and never what is in force', () => {
    expect(withKvDtype(facts(), 'fp8')).toMatchObject({
      bytesGained: { least: 0, most: 0 },
      // 2,001 blocks fit if more than half a block lay idle.
      tokens: { least: 32000, most: 2001 * 16 },
      refused: null,
    });
    const fp8 = facts([...SETTINGS.slice(0, 3), ['kv_cache_dtype', 'fp8_e4m3']]);
    expect(withKvDtype(fp8, 'fp8').refused).toContain('in force already');
    expect(withKvDtype(fp8, 'bfloat16').tokens).toEqual({ least: 8000, most: 8000 });
    const auto = facts([...SETTINGS, ['quantization', 'fp8']]);
    expect(withKvDtype(auto, 'fp8').refused).toContain('config.json');
    const scheme = { quant_method: 'x', kv_cache_scheme: { num_bits: 8, type: 'float' } };
    expect(withKvDtype(auto, 'fp8', llama({ quantization_config: scheme })).refused).toContain('in force');
    expect(withKvDtype(auto, 'fp8', llama()).tokens!.least).toBe(32000);
    expect(withKvDtype(facts(), 'nvfp4').refused).toContain('head size');
    expect(withKvDtype(facts(), 'nvfp4', llama()).tokens!.least).toBe(Math.floor((1000 * 32) / 9) * 16);
  });

  it('weights: by their bytes, or as an upper bound by their bits', () => {
    const known = withWeights(facts(), exactly(GIB));
    expect(known.bytesGained).toEqual({ least: GIB, most: GIB });
    const bound = withWeightBits(facts(), 16, 4);
    expect(bound.bytesGained).toEqual({ least: 0, most: 1.5 * GIB });
    expect(bound.tokens!.least).toBe(16000);
    expect(bound.notes[0]).toContain('upper bound');
    expect(withWeightBits(facts(), 4, 16).refused).toContain('no fewer bits');
    const { refused } = withWeights(kvFactsOf([budget([part('kv_cache', 5)])]), exactly(1));
    expect(refused).toContain('weights');
  });

  it('by the model: only where its config gives what was printed', () => {
    const one = setup(llama(), { tensorParallel: 2 });
    const shorter = withModel(facts(), one, { maxModelLen: 2000 });
    expect(shorter).toMatchObject({ refused: null, concurrency: { least: 8, most: 8 } });
    expect(shorter.longestRequest).toEqual({ least: 16000, most: 16000 });
    expect(withModel(facts(), one, { kvDtype: 'fp8' }).tokens).toEqual({ least: 32016, most: 32016 });
    expect(withModel(facts(), one, { gained: { least: 2 ** 20, most: 2 ** 20 } }).tokens!.least).toBe(16016);
    expect(withModel(facts(), one, { maxModelLen: 16001 }).refused).toContain('refuses to start');
    const other = withModel(facts(), setup(llama()), { maxModelLen: 2000 });
    expect(other.refused).toContain('does not give what the log printed');
    expect(other.tokens).toBeNull();
  });
});

describe.skipIf(!existsSync(PUBLIC))('logs of real servers', () => {
  const read = async (path: string): Promise<KvFacts> => {
    const { data } = await readPath(logReader, `${PUBLIC}/${path}`);
    return kvFactsOf(data.readings!.budgets, data.settings);
  };

  it('vLLM 0.6.4, Llama 3.1 8B on two ranks: bytes a token, blocks and concurrency as printed', async () => {
    const found = await read('vllm/v0.6.4.post1_V0_llama3_8b.log');
    expect(found).toMatchObject({ tokens: 500544, blocks: 31284, shape: 'uniform', leastRank: { name: '' } });
    // Printed to 0.01 GiB of 30.55: one part in 3,000 either way.
    expect(found.bytesPerToken!.least).toBeGreaterThan(65520);
    expect(found.bytesPerToken!.most).toBeLessThan(65546);
    const checks = checkKvPlan(found, plan(setup(llama(), { tensorParallel: 2 })));
    expect(checks.map(({ what, agrees }) => [what, agrees])).toEqual([
      ['bytes per token and rank', true],
      ['blocks', true],
      ['tokens', true],
      ['concurrency', true],
    ]);
    expect(checkKvFacts(found).every(({ agrees }) => agrees)).toBe(true);
    // The same model on one rank would hold half as many.
    expect(checkKvPlan(found, plan(setup(llama()))).map(({ agrees }) => agrees)).toEqual([
      false,
      false,
      false,
      false,
    ]);
    // Asked for is "auto", and the line of the engine says what that came to.
    expect(found.kvDtype).toBe('bfloat16');
    expect(withKvDtype(found, 'fp8').tokens).toEqual({ least: 1001088, most: 1001104 });
    expect(withKvDtype(found, 'fp8', llama()).tokens).toEqual({ least: 1001088, most: 1001104 });
  });

  it('vLLM 0.9.0.1, Llama 3.2 1B: tokens and concurrency, and the bytes that are not printed', async () => {
    const found = await read('vllm/v0.9.0.1_V1_llama3.2_1b.log');
    expect(found).toMatchObject({ tokens: 1028832, blocks: 64302, blockSize: 16, bytes: null });
    expect(checkKvFacts(found).map(({ agrees }) => agrees)).toEqual([true, true]);
    const small = llama({ num_hidden_layers: 16, head_dim: 64 });
    const layout = plan(setup(small));
    expect(layout.bytesPerTokenPerRank).toBe(32768);
    expect(checkKvPlan(found, layout).every(({ agrees }) => agrees)).toBe(true);
    expect(found.missing).toEqual(['bytes of the KV cache']);
    expect(withUtilization(found, 0.95).refused).not.toBeNull();
  });

  const laguna = (): KvSetup =>
    setup(
      llama({
        num_hidden_layers: 48,
        head_dim: 128,
        sliding_window: 512,
        layer_types: Array.from({ length: 48 }, (_, i) =>
          i % 4 === 0 ? 'full_attention' : 'sliding_attention',
        ),
        quantization_config: {
          quant_method: 'compressed-tensors',
          kv_cache_scheme: { num_bits: 8, type: 'float' },
        },
      }),
      { maxBatchedTokens: 2048, draftLayers: 6 },
    );

  it('vLLM 0.25.1, 12 full and 36 sliding layers, a draft of 6, fp8: 950,420 tokens and 14.50x', async () => {
    const found = await read('vllm/v0.25.1_V1_laguna_int4_gb10.log');
    // No whole number of blocks of 16: the log itself shows that layers are of several kinds.
    expect(found).toMatchObject({ tokens: 950420, shape: 'mixed', bytesPerToken: null });
    const layout = plan(laguna());
    // Groups of 18 layers: one of full attention, two that slide over 512 tokens beside a batch of 2,048.
    expect(layout.groups).toBe(3);
    expect(layout.blocksOfRequest(65536)).toBe(4096 + 2 * 161);
    const checks = checkKvPlan(found, layout);
    expect(checks.map(({ what, agrees }) => [what, agrees])).toEqual([
      ['tokens', true],
      ['concurrency', true],
    ]);
    // To 0.01 GiB, 18 numbers of blocks are possible, and 950,420 tokens come of one of them.
    const { least: low, most: high } = checks[0].computed;
    expect(high - low).toBeLessThan(4000);
    // The same in bfloat16 would be half of it.
    const bf16 = plan({ ...laguna(), kvDtype: 'bfloat16' });
    expect(checkKvPlan(found, bf16).every(({ agrees }) => !agrees)).toBe(true);
    expect(withKvDtype(found, 'fp8', laguna().model).refused).toContain('in force already');
    const shorter = withModel(found, laguna(), { maxModelLen: 32768 });
    expect(shorter.refused).toBeNull();
    // Half the length is not twice the requests: the window stays as long.
    expect(shorter.concurrency!.most).toBeLessThan(2 * 14.5);
    expect(shorter.concurrency!.least).toBeGreaterThan(26);
  });

  it('SGLang: 24,576 and 73,728 bytes a token in its pools of full and sliding layers', async () => {
    const found = await read('sglang/sglang_laguna_int4.log');
    expect(found.shape).toBe('mixed');
    const fits = [
      [148717, 36 * 4096],
      [185897, 12 * 4096],
      [185897, 6 * 4096],
    ];
    expect(found.pools).toHaveLength(3);
    found.pools.forEach(({ tokens, bytesPerToken }, i) => {
      expect(tokens).toBe(fits[i][0]);
      expect(bytesPerToken.least).toBeLessThanOrEqual(fits[i][1]);
      expect(bytesPerToken.most).toBeGreaterThanOrEqual(fits[i][1]);
    });
    expect(found.weights!.value).toBe(Math.round(67.56 * GIB) + Math.round(1.58 * GIB));
  });
});
