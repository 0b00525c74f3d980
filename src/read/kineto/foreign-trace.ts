/**
 * Whose a Chrome trace is. Many programs write the same envelope; only what PyTorch's profiler alone writes makes it
 * PyTorch's: keys around the events, its categories, its names.
 *
 *   {"schemaVersion": 1, "deviceProperties": [...], "traceEvents": [{"cat": "cpu_op", "name": "aten::add", ...
 *
 * Categories: libkineto/src/ActivityType.cpp, torch/csrc/profiler (Kineto); PyTorch before 1.9: "Operator", "Kernel".
 */
import { TraceError } from '../../base/trace-error.ts';
import { asciiBytes, isAt } from '../../file/json-bytes.ts';

/** Keys of the object around the events that no other program writes. */
export const TORCH_KEYS: ReadonlySet<string> = new Set([
  'schemaVersion',
  'deviceProperties',
  'distributedInfo',
  'baseTimeNanoseconds',
  'profile_memory',
  'record_shapes',
  'with_stack',
]);

const CATEGORIES = [
  'cpu_op',
  'kernel',
  'user_annotation',
  'gpu_user_annotation',
  'gpu_memcpy',
  'gpu_memset',
  'cuda_runtime',
  'cuda_driver',
  'xpu_runtime',
  'privateuse1_runtime',
  'mtia_ccp_events',
  'overhead',
  'cpu_instant_event',
  'python_function',
  'ac2g',
  'fwdbwd',
  'fwd_bwd',
  'Operator',
  'Kernel',
  'Memcpy',
  'Memset',
].map((word) => asciiBytes(`${word}"`));
const NAMES = ['aten::', 'ProfilerStep#', 'torch::', 'autograd::', 'c10d::', 'nccl:'].map(asciiBytes);

/** Positions are those behind the opening quote. */
export const isTorchCategory = (bytes: Uint8Array, at: number): boolean =>
  CATEGORIES.some((word) => isAt(bytes, at, word));
export const isTorchName = (bytes: Uint8Array, at: number): boolean =>
  NAMES.some((word) => isAt(bytes, at, word));

interface Writer {
  readonly pattern: RegExp;
  readonly name: string;
  readonly advice: string | null;
}

const JAX = "What JAX holds is in jax.profiler.save_device_memory_profile('memory.prof'), which is read.";

const WRITERS: readonly Writer[] = [
  {
    pattern: /\/device:(?:TPU|GPU):\d|"XLA (?:Ops|Modules)"|\bTfrt|\bPjRt|"jit_\w/,
    name: 'XLA (the trace viewer of XProf: JAX, TensorFlow)',
    advice: JAX,
  },
  {
    pattern: /\/job:\w{1,40}\/|"cat": ?"(?:Op|DataFlow|Tensor)"/,
    name: 'TensorFlow',
    advice:
      'TensorFlow tells what it holds with tf.config.experimental.get_memory_info("GPU:0"); printed with a unit it is read.',
  },
  { pattern: /"viztracer_metadata"|"cat": ?"FEE"/, name: 'VizTracer', advice: null },
  { pattern: /"cat": ?"(?:node|v8|node\.[\w,.]+)[",]/, name: 'Node.js', advice: null },
  {
    pattern: /"cat": ?"(?:devtools\.timeline|blink|toplevel|disabled-by-default-|__metadata,)/,
    name: 'Chrome',
    advice: null,
  },
  { pattern: /"cat": ?"(?:task::|ray::|raylet)|"ray:/, name: 'Ray', advice: null },
  {
    pattern: /"Total (?:ExecuteCompiler|Frontend)"|"ExecuteCompiler"/,
    name: 'clang (-ftime-trace)',
    advice: null,
  },
  { pattern: /"build_id":|"cat": ?"(?:build phase marker|action processing)/, name: 'Bazel', advice: null },
  { pattern: /"systemTraceEvents"|"trace_processor|"perfetto/i, name: 'Perfetto', advice: null },
];

/** A trace in which nothing is PyTorch's, named by what its beginning says. */
export function foreignTrace(head: string, file: string, format: string): TraceError {
  const writer = WRITERS.find(({ pattern }) => pattern.test(head));
  return new TraceError(
    'refused',
    `This is a Chrome trace${writer === undefined ? '' : `, by its words of ${writer.name}`}; nothing in it is from PyTorch, and it tells of no memory.`,
    {
      file,
      format,
      offset: 0,
      advice:
        writer?.advice ??
        'Of a program with PyTorch: torch.profiler.profile(profile_memory=True) and prof.export_chrome_trace("trace.json"), or a snapshot (torch.cuda.memory._record_memory_history(), torch.cuda.memory._dump_snapshot("snapshot.pickle")); of the whole GPU: nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total --format=csv -l 1.',
    },
  );
}
