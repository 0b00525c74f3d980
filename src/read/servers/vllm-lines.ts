/**
 * The lines in which vLLM tells of memory, 0.4 to 0.25 and later: pattern in, parts of a budget out. The emitting
 * code moves with every version, so nothing here looks at file names or line numbers.
 * vllm/worker/worker.py, vllm/v1/worker/gpu_worker.py, vllm/v1/core/kv_cache_utils.py, vllm/utils/mem_utils.py
 *
 * "GB" in lines up to 0.8 is 2^30. format_gib() rounds to two digits and drops zeros at the end: "35.2 GiB" is
 * known to 0.01 GiB.
 */
import type { Printed } from '../../base/measured.ts';
import type { BudgetPart } from '../../trace/readings.ts';
import { countOf, figureOf, GIB } from '../lines/printed-figure.ts';
import { CONSUMED, PEAK_TORCH, type RankBudget } from './budget.ts';

export interface BudgetLine {
  readonly text: string;
  readonly offset: number;
  readonly budget: RankBudget;
  /** A figure that is no number, as printed. */
  unreadable(what: string, printed: string): void;
}

type PartId = BudgetPart['id'];
type Unit = 'gib' | 'count' | 'ratio' | 'bytes';

function figure(text: string, unit: Unit): Printed | null {
  switch (unit) {
    case 'gib':
      return figureOf(text, GIB, 2);
    case 'count':
      return countOf(text);
    case 'bytes':
      return figureOf(text, 1);
    case 'ratio':
      return figureOf(text, 1, 2);
  }
}

/** One clause: a pattern whose only group is the figure. */
interface Clause {
  readonly pattern: RegExp;
  readonly id: PartId;
  readonly label: string;
  readonly unit: Unit;
  /** The printed ratio is the user's own number, not a rounded one. */
  readonly exact?: true;
}

/** Clauses are looked for in lines that hold `needle`. */
interface LineKind {
  readonly needle: string;
  readonly clauses: readonly Clause[];
  /** KV cache by order, not by profiling. */
  readonly unprofiled?: true;
}

const clause = (pattern: RegExp, id: PartId, label: string, unit: Unit = 'gib', exact?: true): Clause =>
  exact === undefined ? { pattern, id, label, unit } : { pattern, id, label, unit, exact };

const FREE = 'Free at the start';
const KV = 'KV cache';
const REQUESTED = 'Requested';
const ACTIVATION = 'Activation peak';
const NON_TORCH = 'Non-torch memory';
const GRAPHS = 'CUDA graphs';
const ESTIMATE = 'CUDA graphs, estimated';

const LINE_KINDS: readonly LineKind[] = [
  {
    needle: 'Loading model weights took',
    clauses: [clause(/Loading model weights took (\S{1,40}) GB/, 'weights', 'Weights')],
  },
  {
    needle: 'Model loading took',
    clauses: [clause(/Model loading took (\S{1,40}) (?:GiB|GB)/, 'weights', 'Weights')],
  },
  {
    needle: 'Memory profiling results:',
    clauses: [
      clause(/total_gpu_memory=(\S{1,40}?) ?GiB/, 'total', 'Total'),
      clause(/gpu_memory_utilization=([^\s,]{1,40})/, 'utilization', 'Utilization', 'ratio'),
      clause(/initial_memory_usage=(\S{1,40}?) ?GiB/, 'other', 'In use before profiling'),
      clause(/peak_torch_memory=(\S{1,40}?) ?GiB/, 'other', PEAK_TORCH),
      clause(/memory_usage_post_profile=(\S{1,40}?) ?GiB/, 'other', 'In use after profiling'),
      clause(/non_torch_memory=(\S{1,40}?) ?GiB/, 'non_torch', NON_TORCH),
      clause(/kv_cache_size=(\S{1,40}?) ?GiB/, 'kv_cache', KV),
    ],
  },
  {
    needle: 'the current vLLM instance can use',
    clauses: [
      clause(/total_gpu_memory \((\S{1,40}?) ?GiB\)/, 'total', 'Total'),
      clause(/gpu_memory_utilization \(([^)]{1,40})\)/, 'utilization', 'Utilization', 'ratio'),
      clause(/\) = (\S{1,40}?) ?GiB/, 'requested', REQUESTED),
    ],
  },
  {
    needle: 'model weights take',
    clauses: [
      clause(/model weights take (\S{1,40}?) ?GiB/, 'weights', 'Weights'),
      clause(/non_torch_memory takes (\S{1,40}?) ?GiB/, 'non_torch', NON_TORCH),
      clause(/PyTorch activation peak memory takes (\S{1,40}?) ?GiB/, 'activation_peak', ACTIVATION),
      clause(/reserved for KV Cache is (\S{1,40}?) ?GiB/, 'kv_cache', KV),
    ],
  },
  {
    needle: 'Total non KV cache memory:',
    clauses: [
      clause(/Total non KV cache memory: (\S{1,40}?) ?GiB/, 'other', 'All but the KV cache'),
      clause(/torch peak memory increase: (\S{1,40}?) ?GiB/, 'activation_peak', ACTIVATION),
      clause(/non-torch forward increase memory: (\S{1,40}?) ?GiB/, 'non_torch', NON_TORCH),
      clause(/weights memory: (\S{1,40}?) ?GiB/, 'weights', 'Weights'),
    ],
  },
  {
    needle: 'worker init memory snapshot:',
    clauses: [
      clause(/free_memory=(\S{1,40}?) ?GiB/, 'free_at_start', FREE),
      clause(/total_memory=(\S{1,40}?) ?GiB/, 'total', 'Total'),
    ],
  },
  {
    needle: 'worker requested memory:',
    clauses: [clause(/worker requested memory: (\S{1,40}?) ?GiB/, 'requested', REQUESTED)],
  },
  {
    needle: 'Requested memory:',
    clauses: [
      clause(/Initial free memory: (\S{1,40}?) ?GiB/, 'free_at_start', FREE),
      clause(/Requested memory: (\S{1,40}) \(util\)/, 'utilization', 'Utilization', 'ratio'),
      clause(/\(util\), (\S{1,40}) ?GiB/, 'requested', REQUESTED),
    ],
  },
  {
    needle: 'Free memory after profiling:',
    clauses: [clause(/Free memory after profiling: (\S{1,40}) GiB/, 'available', 'Free after profiling')],
  },
  {
    needle: 'memory for KV Cache as specified by',
    unprofiled: true,
    clauses: [
      clause(/Initial free memory (\S{1,40}) GiB/, 'free_at_start', FREE),
      clause(/reserved (\S{1,40}) GiB memory for KV Cache/, 'kv_cache', `${KV}, as ordered`),
    ],
  },
  {
    needle: 'Available KV cache memory:',
    clauses: [clause(/Available KV cache memory: (\S{1,40}) GiB/, 'kv_cache', KV)],
  },
  {
    needle: 'Desired GPU memory utilization is',
    clauses: [
      clause(/Free memory on device (?:\S{1,40} )?\(([^\s/]{1,40})\//, 'free_at_start', FREE),
      clause(/Free memory on device (?:\S{1,40} )?\([^\s/]{1,40}\/(\S{1,40}) GiB\)/, 'total', 'Total'),
      clause(/utilization is \(([^\s,]{1,40}),/, 'utilization', 'Utilization', 'ratio', true),
      clause(/utilization is \([^\s,]{1,40}, (\S{1,40}) GiB\)/, 'requested', REQUESTED),
      clause(/Actual usage is (\S{1,40}) GiB for weight/, 'weights', 'Weights'),
      clause(/Actual usage is (\S{1,40}) GiB for consumed memory/, 'other', CONSUMED),
      clause(/(?<!\S)(\S{1,40}) GiB for peak activation/, 'activation_peak', ACTIVATION),
      clause(/(?<!\S)(\S{1,40}) GiB for non-torch memory/, 'non_torch', NON_TORCH),
      clause(/(?<!\S)(\S{1,40}) GiB for CUDAGraph memory/, 'cuda_graphs', GRAPHS),
      clause(/Current kv cache memory in use is (\d+) bytes/, 'kv_cache', KV, 'bytes'),
      clause(/Current kv cache memory in use is (\S{1,40}) GiB/, 'kv_cache', KV),
    ],
  },
  {
    needle: 'Estimated CUDA graph memory:',
    clauses: [clause(/Estimated CUDA graph memory: (\S{1,40}) GiB/, 'cuda_graphs_estimated', ESTIMATE)],
  },
  {
    needle: 'CUDA graph pool memory:',
    clauses: [
      clause(/pool memory: (\S{1,40}) GiB \(actual\)/, 'cuda_graphs', GRAPHS),
      clause(/(?<!\S)(\S{1,40}) GiB \(estimated\)/, 'cuda_graphs_estimated', ESTIMATE),
    ],
  },
  {
    needle: 'Graph capturing finished in',
    clauses: [clause(/Graph capturing finished in \d+ secs?, took (\S{1,40}) GiB/, 'cuda_graphs', GRAPHS)],
  },
  {
    needle: '# CPU blocks:',
    clauses: [
      clause(/# (?!CPU)\w+ blocks: (\d+)/, 'kv_cache_blocks', 'KV cache blocks', 'count'),
      clause(/# CPU blocks: (\d+)/, 'cpu_blocks', 'KV cache blocks in host memory', 'count'),
    ],
  },
  {
    needle: 'num_gpu_blocks is:',
    clauses: [clause(/num_gpu_blocks is: (\d+)/, 'kv_cache_blocks', 'KV cache blocks', 'count')],
  },
  {
    needle: 'KV cache size:',
    clauses: [clause(/KV cache size: ([\d,]{1,40}) tokens/, 'kv_cache_tokens', 'KV cache tokens', 'count')],
  },
  {
    needle: 'Maximum concurrency for',
    clauses: [
      clause(
        /Maximum concurrency for ([\d,]{1,40}) tokens/,
        'tokens_per_request',
        'Tokens per request',
        'count',
      ),
      clause(/tokens per request: ([\d.]+?)x/, 'max_concurrency', 'Maximum concurrency', 'ratio'),
    ],
  },
];

/** Adds what the line says; false where it says nothing of a budget. */
export function addBudgetLine(line: BudgetLine): boolean {
  let understood = false;
  for (const kind of LINE_KINDS) {
    if (!line.text.includes(kind.needle)) continue;
    for (const { pattern, id, label, unit, exact } of kind.clauses) {
      const printed = pattern.exec(line.text)?.[1];
      // Source code that prints such a line holds no digit there; a figure made unreadable does ("4x.00").
      if (printed === undefined || !/\d/.test(printed)) continue;
      const found = figure(printed.replace(/,$/, ''), unit);
      understood = true;
      if (found === null) line.unreadable(label, printed);
      else line.budget.add(id, label, exact ? { value: found.value, granularity: 0 } : found, line.offset);
    }
    if (kind.unprofiled) line.budget.profiled = false;
  }
  return understood;
}

/**
 * Whether the estimated CUDA graphs were taken off what the KV cache may have. vLLM says so since 0.17, and since 0.21
 * it does it by default (vllm/v1/worker/gpu_worker.py, VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS).
 */
const SET_ASIDE = /CUDA graph memory profiling is enabled/;
const NOT_SET_ASIDE = /CUDA graph memory profiling (?:is disabled|will be enabled by default)/;
/** The estimate as a share of the device, to four digits: 0.8900 less 0.8829. */
const SHARE =
  /gpu-memory-utilization=(\d\.\d+) is equivalent to --gpu-memory-utilization=(\d\.\d+) without|gpu-memory-utilization from (\d\.\d+) to (\d\.\d+)/;

/** The utilization in force, which the notice prints beside the one it suggests; null: the line is none. */
export function utilizationInNotice(text: string): number | null {
  if (!SET_ASIDE.test(text) && !NOT_SET_ASIDE.test(text)) return null;
  const match = SHARE.exec(text);
  const printed = match?.[1] ?? match?.[3];
  // With two digits, as people set it; more are not told from a rounded one.
  return printed !== undefined && /^\d\.\d\d0*$/.test(printed) ? Number(printed) : null;
}

/** Adds what a notice about CUDA graphs says; false where the line is none. */
export function addGraphsNotice(text: string, budget: RankBudget): boolean {
  const isSetAside = SET_ASIDE.test(text);
  if (!isSetAside && !NOT_SET_ASIDE.test(text)) return false;
  const match = SHARE.exec(text);
  const [more, less] = match === null ? [] : [match[1] ?? match[4], match[2] ?? match[3]];
  const known = more !== undefined && less !== undefined;
  // vLLM raises the suggested utilization to 1 at most: no share follows from that.
  const share = known && !(match?.[4] !== undefined && Number(more) >= 1) ? Number(more) - Number(less) : NaN;
  // The utilization that is in force has mostly two digits and is exact; the other one is rounded.
  const inForce = match?.[1] ?? match?.[3] ?? '';
  const error = /^\d\.\d\d00$/.test(inForce) ? 0.00005 : 0.0001;
  budget.graphs = { isSetAside, share: share > error ? { value: share, granularity: 2 * error } : null };
  return true;
}
