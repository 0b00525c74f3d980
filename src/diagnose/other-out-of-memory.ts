/**
 * Out of memory of everything but PyTorch's allocator, by the figures of its own message: XLA, TensorFlow,
 * PaddlePaddle, ggml, a library of the process, the driver, the machine. PyTorch's settings help none of them.
 */
import { count } from '../base/words.ts';
import type { ReadSource } from '../analyze/read-source.ts';
import type { LoggedOom, ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { code, size } from './words.ts';

interface Told {
  readonly title: string;
  readonly verdict: string;
  readonly remedy: string;
  readonly proofs: readonly Evidence[];
  readonly confidence: Finding['confidence'];
  readonly confidenceWhy: string;
}

const FIGURE_NAMES: Readonly<Record<string, string>> = {
  requested: 'requested',
  needed: 'needed by the program',
  held: 'held by its buffers before',
  allocated: 'allocated',
  allocated_peak: 'allocated at most',
  allowed: 'allowed',
  free: 'free',
  total: 'total',
  process: 'of the process that was ended',
  program: 'needed by the compiled program',
  parameters: 'parameters',
  constants: 'constants',
  live_out: 'results',
  temporaries: 'temporaries',
  fragmentation: 'lost between buffers',
};

const figuresText = (figures: Readonly<Record<string, number>>): string =>
  Object.entries(figures)
    .map(([name, bytes]) => `${FIGURE_NAMES[name] ?? name} ${size(bytes)}`)
    .join(', ');

const asked = (figures: Readonly<Record<string, number>>): string =>
  figures['requested'] === undefined ? '' : `: ${size(figures['requested'])} requested`;

function xla({ event }: LoggedOom): Pick<Told, 'verdict' | 'remedy'> {
  const { requested, program, live_out: results, temporaries, parameters, needed, total } = event.figures;
  const largest = event.figures['buffer 1'];
  const shape = /Shape of buffer 1: ([^.]{1,200}(?:\.\d[^.]{0,200}){0,10})\./.exec(event.text)?.[1];
  const operator = /Operator of buffer 1: ([^.]{1,300})\./.exec(event.text)?.[1];
  const parts = [
    ...(parameters === undefined ? [] : [`${size(parameters)} are its parameters`]),
    ...(results === undefined ? [] : [`${size(results)} its results`]),
    ...(temporaries === undefined ? [] : [`${size(temporaries)} temporaries`]),
  ];
  const whole =
    program === undefined
      ? needed !== undefined && total !== undefined
        ? `The compiled program needs ${size(needed)} and the device has ${size(total)}.`
        : `XLA requested ${requested === undefined ? 'memory' : size(requested)} and did not get it.`
      : `One compiled program needs ${size(program)}${parts.length === 0 ? '' : `, of which ${parts.join(', ')}`}.`;
  const buffer =
    largest === undefined
      ? ''
      : ` Its largest buffer has ${size(largest)}${shape === undefined ? '' : ` (${shape})`}${operator === undefined ? '' : `, made by ${operator}`}.`;
  return {
    verdict: `${whole}${buffer}`,
    remedy: `A smaller batch, or rematerialisation (${code('jax.checkpoint')}) where temporaries are most of it; results that are not needed are not returned, buffers that are not used again are donated (donate_argnums). JAX takes 75 % of the GPU at its start: where other processes are on it, ${code('XLA_PYTHON_CLIENT_PREALLOCATE=false')} or ${code('XLA_PYTHON_CLIENT_MEM_FRACTION=.5')}.`,
  };
}

const sizeOfBudget = (source: ReadSource, name: string): number =>
  (source.readings?.budgets ?? [])
    .filter((budget) => budget.rank.name === name)
    .flatMap(({ parts }) => parts)
    .filter(({ id }) => id !== 'free_at_start')
    .reduce((sum, { value }) => sum + value, 0);

function ggml({ event, source }: LoggedOom): Pick<Told, 'verdict' | 'remedy'> {
  const { requested, held } = event.figures;
  const devices = (source.readings?.budgets ?? []).flatMap(({ rank: { name } }) =>
    name.endsWith('(host)') ? [] : [name],
  );
  const isOwn = (name: string): boolean =>
    event.device !== null && new RegExp(`[A-Za-z]${event.device}$`).test(name);
  const others = devices.filter((name) => !isOwn(name));
  const own = devices.find(isOwn) ?? (event.device === null ? 'the device' : `device ${event.device}`);
  const otherText = others.map((name) => `${name} holds ${size(sizeOfBudget(source, name))}`).join(', ');
  const least = Math.min(...others.map((name) => sizeOfBudget(source, name)));
  const isUneven = held !== undefined && others.length > 0 && held > 1.5 * least;
  const what = /compute/.test(event.text) || /allocating/.test(event.text) ? 'A buffer' : 'A buffer';
  const copies = source.settings.find(([name]) => name === 'n_copies')?.[1];
  const more =
    copies === undefined || Number(copies) < 2
      ? ''
      : ` Pipeline parallelism keeps ${copies} copies of the compute buffers: a build with ${code('-DGGML_SCHED_MAX_COPIES=1')} keeps one.`;
  return {
    verdict: `${what} of ${requested === undefined ? 'unknown size' : size(requested)} did not fit on ${own}${
      held === undefined ? '' : `, beside ${size(held)} of its buffers`
    }.${otherText === '' ? '' : ` ${otherText}${isUneven ? ': the split is uneven' : ''}.`}`,
    remedy: `${isUneven ? `A more even split (${code('--tensor-split')}), or fewer` : 'Fewer'} layers on ${own} (${code('-ngl')}); a smaller ${code('-ub')} makes the compute buffer smaller, a smaller ${code('-c')} the KV cache, ${code('--cache-type-k q8_0 --cache-type-v q8_0')} halves it.${more}`,
  };
}

const OTHERS: Readonly<Record<string, { readonly who: string; readonly remedy: string }>> = {
  tensorflow: {
    who: "TensorFlow's allocator (BFC)",
    remedy: `A smaller batch. TensorFlow takes the whole GPU at its start: where others are on it, ${code('TF_FORCE_GPU_ALLOW_GROWTH=true')}; where free memory is in pieces, ${code('TF_GPU_ALLOCATOR=cuda_malloc_async')}.`,
  },
  paddle: {
    who: "PaddlePaddle's allocator",
    remedy: `A smaller batch; nvidia-smi tells whether another process is on the GPU. ${code('FLAGS_fraction_of_gpu_memory_to_use')} limits what Paddle takes, ${code('FLAGS_allocator_strategy=auto_growth')} takes it step by step.`,
  },
  other: {
    who: "An allocator that is not PyTorch's",
    remedy:
      'Its own limit (memory pool, arena) and what else is on the GPU (nvidia-smi) tell which of the two it is; a smaller batch needs less.',
  },
  driver: {
    who: 'The driver',
    remedy:
      'What is on the GPU nvidia-smi tells, process by process. Memory of a library or extension lies outside of PyTorch: leave it room (a lower --gpu-memory-utilization or --mem-fraction-static of a server, torch.cuda.set_per_process_memory_fraction), or call torch.cuda.empty_cache() before it.',
  },
  library: {
    who: 'A library of the process (cuBLAS, cuDNN)',
    remedy: `It takes its workspace outside of PyTorch, which had taken the rest: leave room (smaller batch, a lower limit of a server), or ${code('CUBLAS_WORKSPACE_CONFIG=:4096:2:16:8')} for less of it. A first call of cuBLAS with a full GPU says this, too.`,
  },
  host: {
    who: 'The machine',
    remedy:
      "This is memory of the machine (RAM), not of a GPU: fewer workers of the data loader and less prefetching, loading of weights one file at a time, a higher limit of the container or job (--memory, --shm-size, Slurm's --mem).",
  },
};

/** A pool with a limit of its own, by its figures: whether the limit alone refused it. null: it has none, or does not say. */
function byItsLimit(
  { event }: LoggedOom,
  who: string,
): Pick<Told, 'verdict' | 'remedy' | 'confidence' | 'confidenceWhy'> | null {
  const { requested, allocated, allowed } = event.figures;
  if (requested === undefined || allocated === undefined || allowed === undefined) return null;
  const figures = `${size(allocated)} were allocated, ${size(requested)} requested, ${size(allowed)} allowed`;
  const setting =
    event.allocator === 'tensorflow'
      ? `what TensorFlow was given (${code('tf.config.LogicalDeviceConfiguration(memory_limit=...)')}, else the whole GPU)`
      : `the pool's limit (CuPy: ${code('cupy.get_default_memory_pool().set_limit()')}, CUPY_GPU_MEMORY_LIMIT; ONNX Runtime: gpu_mem_limit)`;
  if (allocated + requested > allowed)
    return {
      verdict: `${who} refused it by its own limit: ${figures}.`,
      remedy: `Allocate less at once, or raise ${setting}, as far as the GPU has room.`,
      confidence: 'high',
      confidenceWhy:
        'What was allocated and what was requested are together more than is allowed; whether the device had room it does not tell.',
    };
  return {
    verdict: `${who} ran out of memory within its own limit: ${figures}. So what is free in it is in pieces, or the device had no more to give.`,
    remedy: `${event.allocator === 'tensorflow' ? `${code('TF_GPU_ALLOCATOR=cuda_malloc_async')} where it is in pieces` : `Free the pool's cached blocks before the large request (CuPy: ${code('cupy.get_default_memory_pool().free_all_blocks()')})`}; nvidia-smi tells what else is on the GPU.`,
    confidence: 'medium',
    confidenceWhy: 'The limit is excluded by the figures; which of the two it was they do not tell.',
  };
}

const isNccl = (text: string): boolean => /\bnccl|\bFailed to CUDA (?:host )?(?:c|m|)alloc/i.test(text);

function toldOf(oom: LoggedOom): Told {
  const { event, source, times } = oom;
  const { figures } = event;
  const isHost = event.allocator === 'host';
  const named = OTHERS[event.allocator ?? 'other'] ?? OTHERS['other'];
  const own =
    event.allocator === 'library' && isNccl(event.text)
      ? {
          who: 'NCCL',
          remedy: `It takes its buffers outside of PyTorch, which had taken the rest: leave room before the first collective (smaller batch, torch.cuda.empty_cache(), a lower limit of a server), or ${code('NCCL_BUFFSIZE')} and ${code('NCCL_MAX_NCHANNELS')} for smaller and fewer buffers.`,
        }
      : named;
  const limited = byItsLimit(oom, own.who);
  const { verdict, remedy } =
    event.allocator === 'xla'
      ? xla(oom)
      : event.allocator === 'ggml'
        ? ggml(oom)
        : {
            verdict: `${own.who} ran out of memory${isHost ? ' (RAM, no GPU)' : ''}${figures['requested'] === undefined ? '' : `: ${size(figures['requested'])} were requested`}${figures['free'] === undefined ? '' : `, ${size(figures['free'])} were free`}${figures['allocated'] === undefined ? '' : `, ${size(figures['allocated'])} allocated`}.`,
            remedy: own.remedy,
          };
  const hasFigures = Object.keys(figures).length > 0;
  return {
    title: isHost
      ? `Out of memory of the machine, not of a GPU${asked(figures)}`
      : `Out of memory${asked(figures)}`,
    verdict,
    remedy,
    confidence: hasFigures ? 'medium' : 'low',
    confidenceWhy: hasFigures
      ? 'The figures are those of the message; what else was on the device it does not tell.'
      : 'The message has no figures.',
    ...limited,
    proofs: [
      evidence(
        `${source.file}: ${hasFigures ? figuresText(figures) : event.text.slice(0, 200).replace(/[.\s]{1,4}$/, '')}.`,
      ),
      ...(times > 1
        ? [evidence(`The message stands ${count(times, 'time')} in the log, word for word.`)]
        : []),
    ],
  };
}

const MOST = 5;

/** true: the event is not of PyTorch's allocator. */
export const isOtherOom = ({ event }: LoggedOom): boolean => event.allocator !== undefined;

export const otherOutOfMemory: ServerRule = ({ ooms }: ServerFacts): Finding[] =>
  ooms
    .filter(isOtherOom)
    .slice(0, MOST)
    .map((oom) => {
      const { title, verdict, remedy, proofs, confidence, confidenceWhy } = toldOf(oom);
      return aboutServer({
        id: 'log-out-of-memory',
        device: oom.event.device,
        severity: 'problem',
        title,
        verdict,
        confidence,
        confidenceWhy,
        evidence: proofs,
        remedy,
        gainBytes: null,
        gainHow: null,
        wouldChange: 'A recording of the same moment.',
      });
    });
