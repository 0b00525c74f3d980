/**
 * What a server's log says about its KV cache. vLLM rounds down to whole blocks on the rank with the least room:
 *
 *   blocks = floor(KV bytes / bytes of a block)   so   KV bytes / (blocks + 1) < bytes of a block <= KV bytes / blocks
 *   30.55 GiB and 31,284 blocks of 16 tokens: between 65,521 and 65,545 bytes a token and rank (65,536 it is).
 */
import { type Bounds, type Measured, boundsOf, measuredOf, sumOf } from '../../base/measured.ts';
import type { Rank } from '../../base/rank.ts';
import type { Setting } from '../../trace/capture.ts';
import type { BudgetPart, MemoryBudget } from '../../trace/readings.ts';

export type Settings = readonly Setting[];

export const settingOf = (settings: Settings, name: string): string | null =>
  settings.find(([key]) => key === name)?.[1] ?? null;

/** The settings of one start of a server: the first one's, and what this one has otherwise. */
export function settingsOfStart(settings: Settings, start: number): Settings {
  const own = new Map<string, string>();
  for (const [name, value, of = 1] of settings) if (of === 1 || of === start) own.set(name, value);
  return [...own].filter(([, value]) => value !== 'None');
}

const countOf = (settings: Settings, name: string): number | null => {
  const text = settingOf(settings, name);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
};

/** A pool of SGLang: tokens that it has room for and what it takes; a model with sliding windows has several. */
export interface KvPool {
  readonly tokens: number;
  /** Bytes of K and V together. */
  readonly bytes: Measured;
  readonly bytesPerToken: Bounds;
}

export interface KvFacts {
  /** Bytes of KV cache on the rank that has least, which bounds all; null: not printed. */
  readonly bytes: Measured | null;
  readonly leastRank: Rank | null;
  readonly ranks: number;
  readonly tokens: number | null;
  /** Blocks as printed, else as they follow from the tokens of a uniform cache. */
  readonly blocks: number | null;
  readonly blocksPrinted: boolean;
  /** Tokens of a block: from the settings, else tokens / blocks where that is whole. */
  readonly blockSize: number | null;
  /** --max-model-len. */
  readonly maxModelLen: number | null;
  /** As printed. */
  readonly concurrency: Measured | null;
  /** Bytes of one token on one rank. Null where a figure is missing or `shape` is 'mixed'. */
  readonly bytesPerToken: Bounds | null;
  /** Bytes of one block on one rank. */
  readonly bytesPerBlock: Bounds | null;
  readonly pools: readonly KvPool[];
  /**
   * 'mixed': the printed figures show that layers keep unlike numbers of tokens (sliding windows, Mamba), so that
   * there is no one number of bytes a token. 'uniform': they show nothing of the kind.
   */
  readonly shape: 'uniform' | 'mixed' | 'unknown';
  readonly total: Measured | null;
  readonly utilization: number | null;
  /** Half of its last printed digit; 0: as it was set. */
  readonly utilizationError: number;
  /** Total x utilization as printed; null: not printed. */
  readonly requested: Measured | null;
  readonly freeAtStart: Measured | null;
  readonly weights: Measured | null;
  /** dtype of K and V where the settings name it; null: "auto" or not printed. */
  readonly kvDtype: string | null;
  readonly tensorParallel: number;
  readonly pipelineParallel: number;
  readonly maxNumSeqs: number | null;
  readonly missing: readonly string[];
}

const lastOf = (budget: MemoryBudget | undefined, id: BudgetPart['id']): BudgetPart | undefined =>
  budget?.parts.findLast((part) => part.id === id);

/** Larger blocks than this are not met; where the log does not tell the size, so many tokens are left open. */
export const MOST_BLOCK = 1024;

/** SGLang prints K and V of each pool apart: "K of 148717 tokens". */
function poolsOf(budget: MemoryBudget, pageSize: number | null): KvPool[] {
  const pools: { tokens: number; parts: Measured[]; seen: Set<string> }[] = [];
  for (const part of budget.parts) {
    if (part.id !== 'kv_cache') continue;
    const match = /^(\w+) of (\d+) tokens$/.exec(part.label);
    if (match === null) continue;
    const [, name, digits] = match;
    const last = pools.at(-1);
    // Another K after a K is another pool (a draft model), if of as many tokens too.
    if (last !== undefined && last.tokens === Number(digits) && !last.seen.has(name)) {
      last.parts.push(measuredOf(part));
      last.seen.add(name);
    } else pools.push({ tokens: Number(digits), parts: [measuredOf(part)], seen: new Set([name]) });
  }
  return pools.map(({ tokens, parts }) => {
    const bytes = sumOf(parts);
    const { least: low, most: high } = boundsOf(bytes);
    // A page of slots more than it admits: writes of padding go there.
    const padding = Math.max(1, pageSize ?? MOST_BLOCK);
    return { tokens, bytes, bytesPerToken: { least: low / (tokens + padding), most: high / tokens } };
  });
}

function leastOf(
  budgets: readonly MemoryBudget[],
  pageSize: number | null,
): { rank: Rank; bytes: Measured } | null {
  const printed = budgets.flatMap((budget) => {
    const pools = poolsOf(budget, pageSize);
    const part = lastOf(budget, 'kv_cache');
    if (part === undefined) return [];
    const bytes = pools.length > 0 ? sumOf(pools.map((pool) => pool.bytes)) : measuredOf(part);
    return [{ rank: budget.rank, bytes }];
  });
  return printed.reduce<(typeof printed)[number] | null>(
    (least, each) => (least === null || each.bytes.value < least.bytes.value ? each : least),
    null,
  );
}

function firstOf(budgets: readonly MemoryBudget[], id: BudgetPart['id']): BudgetPart | undefined {
  return budgets.flatMap((budget) => lastOf(budget, id) ?? []).at(0);
}

function blockSizeOf(settings: Settings, tokens: number | null, blocks: number | null): number | null {
  const told = countOf(settings, 'block_size') ?? countOf(settings, 'page_size');
  if (told !== null) return told;
  if (tokens === null || blocks === null || blocks === 0) return null;
  return tokens % blocks === 0 ? tokens / blocks : null;
}

/** SGLang prints each model that it loads; vLLM prints one figure, again with more digits. */
function weightsOf(budget: MemoryBudget | undefined, isSglang: boolean): Measured | null {
  const parts = budget?.parts.filter(({ id }) => id === 'weights') ?? [];
  if (parts.length === 0) return null;
  return isSglang ? sumOf(parts.map(measuredOf)) : measuredOf(parts[parts.length - 1]);
}

/**
 * Blocks of a cache whose layers are all alike and that has this many tokens: tokens / block size, or in versions
 * that print floor(concurrency x max-model-len) the blocks which that comes from. null: no number of blocks does.
 */
function blocksOfTokens(tokens: number, size: number, maxModelLen: number | null): number | null {
  if (tokens % size === 0) return tokens / size;
  if (maxModelLen === null) return null;
  const each = Math.ceil(maxModelLen / size);
  const blocks = Math.ceil((tokens * each) / maxModelLen);
  return Math.floor((blocks * maxModelLen) / each) === tokens ? blocks : null;
}

interface Printed {
  readonly tokens: number | null;
  readonly blocks: number | null;
  readonly blockSize: number | null;
  readonly maxModelLen: number | null;
  readonly concurrency: Measured | null;
  readonly pools: readonly KvPool[];
  readonly isSglang: boolean;
}

function shapeOf(printed: Printed): KvFacts['shape'] {
  const { tokens, blocks, blockSize, maxModelLen, concurrency, pools } = printed;
  if (pools.length > 0) {
    return pools.every((pool) => pool.tokens === pools[0].tokens) ? 'uniform' : 'mixed';
  }
  // SGLang counts in tokens; vLLM's blocks are of 16 tokens or a multiple.
  const size = blockSize ?? (printed.isSglang ? 1 : 16);
  const derived = tokens === null ? null : blocksOfTokens(tokens, size, maxModelLen);
  if (tokens !== null && derived === null) return 'mixed';
  if (blocks !== null && derived !== null && blockSize !== null && blocks !== derived) return 'mixed';
  const held = derived ?? (blockSize === null ? null : blocks);
  if (held === null) return 'unknown';
  if (maxModelLen === null || concurrency === null) return 'uniform';
  // Older versions divide tokens, newer ones whole blocks of a request.
  const ratios = [(held * size) / maxModelLen, held / Math.ceil(maxModelLen / size)];
  const fits = ratios.some((ratio) => Math.abs(ratio - concurrency.value) <= concurrency.error + 1e-9);
  return fits ? 'uniform' : 'mixed';
}

/** Bytes of one token where all layers are alike, and of a block where its size is known. */
function bytesOf(
  least: Measured,
  printed: Printed,
  blocks: number | null,
): { readonly token: Bounds | null; readonly block: Bounds | null } {
  const { least: low, most: high } = boundsOf(least);
  const { tokens, blockSize, pools } = printed;
  if (pools.length > 0) {
    const sum = (end: keyof Bounds): number => pools.reduce((all, pool) => all + pool.bytesPerToken[end], 0);
    return { token: { least: sum('least'), most: sum('most') }, block: null };
  }
  if (blocks !== null && blocks > 0 && blockSize !== null) {
    const block = { least: low / (blocks + 1), most: high / blocks };
    return { token: { least: block.least / blockSize, most: block.most / blockSize }, block };
  }
  if (tokens === null || tokens <= MOST_BLOCK) return { token: null, block: null };
  // Rounded down to a block of unknown size, and by versions that multiply by max-model-len to a token.
  return { token: { least: low / (tokens + MOST_BLOCK), most: high / tokens }, block: null };
}

/**
 * The dtype in force. "auto" is the model's own, unless a quantised checkpoint brings another: the line of the engine
 * (it alone has max_seq_len) names the quantization, and a setting that is None is not kept.
 */
function kvDtypeOf(settings: Settings): string | null {
  const told = settingOf(settings, 'kv_cache_dtype');
  if (told !== null && told !== 'auto') return told;
  const dtype = settingOf(settings, 'dtype')?.replace(/^torch\./, '') ?? null;
  const isEngine = settingOf(settings, 'max_seq_len') !== null;
  if (told === null || !isEngine || dtype === null || dtype === 'auto') return null;
  return settingOf(settings, 'quantization') === null ? dtype : null;
}

/** Budgets whose ranks share one KV cache: of one start, and under data parallelism of one engine. */
export interface EngineBudgets {
  readonly start: number;
  /** "DP1"; '' where there is one engine. */
  readonly engine: string;
  readonly budgets: readonly MemoryBudget[];
}

/** Splits the budgets of a log into those of each start and engine, in their order. */
export function engineBudgets(budgets: readonly MemoryBudget[]): EngineBudgets[] {
  const engines = new Map<string, { start: number; engine: string; budgets: MemoryBudget[] }>();
  for (const budget of budgets) {
    const { start, name } = budget.rank;
    const engine = /\bDP\d+\b/.exec(name)?.[0] ?? '';
    const key = `${start}\n${engine}`;
    const group = engines.get(key) ?? { start, engine, budgets: [] };
    group.budgets.push(budget);
    engines.set(key, group);
  }
  return [...engines.values()];
}

/**
 * What the budgets of ONE engine and start say (engineBudgets): those of another must not be mixed in.
 */
export function kvFactsOf(budgets: readonly MemoryBudget[], settings: Settings = []): KvFacts {
  const pageSize = countOf(settings, 'page_size');
  const least = leastOf(budgets, pageSize);
  const tokens = firstOf(budgets, 'kv_cache_tokens')?.value ?? null;
  const blocks = firstOf(budgets, 'kv_cache_blocks')?.value ?? null;
  const blockSize = blockSizeOf(settings, tokens, blocks);
  // The line of vLLM's engine calls --max-model-len "max_seq_len".
  const maxModelLen =
    firstOf(budgets, 'tokens_per_request')?.value ??
    countOf(settings, 'max_seq_len') ??
    countOf(settings, 'max_model_len');
  const ratio = firstOf(budgets, 'max_concurrency');
  const concurrency = ratio === undefined ? null : { value: ratio.value, error: ratio.granularity / 2 };
  const printed: Printed = {
    tokens,
    blocks,
    blockSize,
    maxModelLen,
    concurrency,
    pools: budgets.length === 0 ? [] : poolsOf(budgets[0], pageSize),
    isSglang: budgets.some(({ producer }) => producer.startsWith('SGLang')),
  };
  const shape = shapeOf(printed);
  const measured = (id: BudgetPart['id']): Measured | null => {
    const part = firstOf(budgets, id);
    return part === undefined ? null : measuredOf(part);
  };
  const pipelineParallel = countOf(settings, 'pipeline_parallel_size') ?? countOf(settings, 'pp_size') ?? 1;
  // Tokens are printed times the ranks that share a context, of which each holds a part.
  const context =
    (countOf(settings, 'decode_context_parallel_size') ?? 1) *
    (countOf(settings, 'prefill_context_parallel_size') ?? 1);
  const held =
    blocks ??
    (context === 1 && shape === 'uniform' && tokens !== null && blockSize !== null
      ? blocksOfTokens(tokens, blockSize, maxModelLen)
      : null);
  // Stages hold unlike numbers of layers, and the least block count need not be that of the least bytes.
  const oneNumber = shape === 'uniform' && pipelineParallel === 1 && context === 1 && least !== null;
  const per = oneNumber ? bytesOf(least.bytes, printed, held) : { token: null, block: null };
  const missing = [
    ...(least === null ? ['bytes of the KV cache'] : []),
    ...(tokens === null && blocks === null ? ['tokens or blocks of the KV cache'] : []),
    ...(blockSize === null && printed.pools.length === 0 ? ['tokens of a block'] : []),
    ...(maxModelLen === null ? ['max-model-len'] : []),
    ...(context === 1 ? [] : [`how tokens are split over ${context} context-parallel ranks`]),
  ];
  return {
    bytes: least?.bytes ?? null,
    leastRank: least?.rank ?? null,
    ranks: budgets.length,
    tokens: tokens ?? (blocks === null || blockSize === null ? null : blocks * blockSize),
    blocks: held,
    blocksPrinted: blocks !== null,
    blockSize,
    maxModelLen,
    concurrency,
    bytesPerToken: per.token,
    bytesPerBlock: per.block,
    pools: printed.pools,
    shape,
    total: measured('total'),
    utilization: firstOf(budgets, 'utilization')?.value ?? null,
    utilizationError: (firstOf(budgets, 'utilization')?.granularity ?? 0) / 2,
    requested:
      firstOf(budgets, 'requested')?.label.includes('computed') === true ? null : measured('requested'),
    freeAtStart: measured('free_at_start'),
    weights: weightsOf(budgets[0], printed.isSglang),
    kvDtype: kvDtypeOf(settings),
    tensorParallel: countOf(settings, 'tensor_parallel_size') ?? countOf(settings, 'tp_size') ?? 1,
    pipelineParallel,
    maxNumSeqs: countOf(settings, 'max_num_seqs') ?? countOf(settings, 'max_running_requests'),
    missing,
  };
}
