/**
 * Which frame of a stack is the user's own line, and what an allocation is called.
 *
 *   matmul      torch/functional.py:373          PyTorch's                              passed over
 *   rearrange   einops/einops.py:591             a package that only carries out        passed over
 *   call        torchinductor_me/ab/cab...py:40  written by the compiler                passed over
 *   forward     models/attention.py:54           <- the user's
 *   _worker     torch/nn/parallel/...py:83       PyTorch's
 *
 * A stack without such a line is named after the autograd node or the operator in its C++ frames (operator-frames.ts).
 * Never named: who recorded the stack (torch::unwind), the allocator, the interpreter's C files, thread entry points.
 */
import { NONE } from '../trace/schema.ts';
import type { Frame, StackTable } from '../trace/stack-table.ts';
import { workOfFrames } from './operator-frames.ts';

/** Stands where an allocation has no stack. */
export const NO_STACK = NONE;

/**
 * Directories and files that nobody edits to use less memory, by whose they are. Paths have "/" here, whatever they were
 * recorded with.
 */
const INTERNAL_FILES = {
  // PyTorch and what it is built of, installed or in a checkout.
  pytorch: [
    /(^|\/)(site|dist)-packages\/(torch|torchvision|torchaudio|triton|torchgen|functorch|torch_xla|torch_npu)\//,
    /(^|\/)torch\/(nn|_ops|autograd|utils|optim|_dynamo|_inductor|_functorch|_higher_order_ops|_prims|_refs|_decomp|_library|_tensor|_jit_internal|jit|fx|amp|cuda|functional|distributed|library|profiler|serialization|storage|multiprocessing)(\/|\.py|$)/,
  ],
  // Packages that carry out what a line of the program asks for: the line is what can be changed.
  carriers: [
    /(^|\/)(site|dist)-packages\/(einops|opt_einsum|opt_einsum_fx|xformers|flash_attn|flash_attn_2_cuda|flashinfer|apex|bitsandbytes|transformer_engine|fla|causal_conv1d|numpy|cupy|numba|jaxtyping|beartype|typeguard|pytorch_memlab|memory_profiler)\//,
  ],
  // Written by compilers: Inductor's cache (also another program's, by its file names), FX, dataclasses.
  compiled: [
    /(^|\/)torchinductor_[^/]+\//,
    /(^|\/)[a-z2-7]{2}\/c[a-z2-7]{51}\.py$/,
    /^<(frozen|eval_with_key|string>|attrs |__array_function__|decorator-gen|torch_package|template>)/,
  ],
  // Python's own library: python3.11/threading.py, python3.11/concurrent/futures/thread.py, python311.zip.
  python: [/(^|\/)python\d(\.\d+)?t?\/(?!(site|dist)-packages\/)/, /(^|\/)python\d+\.zip\//],
  // Python itself, in C; the C and C++ libraries; how a process and a thread begin.
  native: [
    /(^|\/)(Objects|Python|Modules|Include|Parser|Programs)\/([^/]+\/)*[^/]+\.[ch]$/,
    /(^|\/)(c\+\+\d*|libstdc\+\+-v3|pybind11|nptl|sysdeps|csu|glibc[^/]*)\//,
    /(^|\/)lib(cuda|cudart|c10|c10_cuda|torch[a-z_]*|c|pthread|python\d[.\d]*|stdc\+\+|cublas(Lt)?|cudnn[a-z_]*|nccl)[-.\d]*\.(so|dll)/,
    /^CUDA API$/,
  ],
} as const satisfies Readonly<Record<string, readonly RegExp[]>>;

/** Whose a frame is that is not the user's. */
export type InternalOwner = keyof typeof INTERNAL_FILES;

const anyOf = (all: readonly RegExp[]): RegExp => new RegExp(all.map(({ source }) => source).join('|'));

const INTERNAL_FILE = anyOf(Object.values(INTERNAL_FILES).flat());

/** Modules of Python's library. On Windows they lie in "Lib", which says nothing of whose it is. */
const LIBRARY_ON_WINDOWS =
  /^[A-Za-z]:\/.*\/lib\/(?:(?:asyncio|concurrent|multiprocessing|importlib|unittest|logging|collections|ctypes|encodings|http|json|email|idlelib|tkinter|wsgiref|xml|urllib)\/.*|(?:abc|ast|bdb|cProfile|cmd|code|codeop|contextlib|contextvars|copy|copyreg|dataclasses|enum|functools|heapq|inspect|operator|pdb|pickle|pkgutil|profile|queue|random|re|runpy|sched|selectors|site|socketserver|ssl|subprocess|tempfile|threading|timeit|trace|traceback|types|typing|warnings|weakref)\.py)$/i;

/** PyTorch records C++ frames unless told otherwise (stacks="all"): its own have names in these namespaces. */
const INTERNAL_NAME =
  /^(?:[^(]*\s)?(?:torch|c10|at|caffe2|pybind11|std|__gnu_cxx|cublas\w*|cudnn\w*|nccl\w*)::/;
/** The interpreter's and the C library's functions, whatever file they are said to be in. */
const RUNTIME_NAME =
  /^_?(?:Py[A-Z]\w*?_\w+|PyEval\w*|PyObject\w*|PyRun\w*|Py_\w+)$|^(?:execute_native_thread_routine|start_thread|_?_?clone3?|_start|__libc_start_\w+|pthread_\w+|pythread_wrapper|thread_run|BaseThreadInitThunk|RtlUserThreadStart)\b/;
/** A bare file of the symbol table ("RegisterCUDA_0.cpp") without a line. */
const SYMBOL_FILE = /^[^/]+\.(?:c|cc|cpp|cu|cuh|h|hpp|o|obj)$/;
const OBJECT_FILE = /\.(?:o|obj|a)$/;

/** Both separators: recordings come from Windows, too. */
const slashed = (filename: string): string =>
  filename.includes('\\') ? filename.replaceAll('\\', '/') : filename;

/**
 * true: PyTorch's, Python's, CUDA's, a compiler's or a carrying-out package's; the user's line lies above it. Frames are
 * asked for by the hundred thousand, so what is cheap and common is tried first.
 */
export function isInternalFrame({ name, filename, line }: Frame): boolean {
  if (filename === '' || filename === '??' || INTERNAL_NAME.test(name)) return true;
  const path = slashed(filename);
  if (INTERNAL_FILE.test(path)) return true;
  if (path.endsWith('.py')) return LIBRARY_ON_WINDOWS.test(path);
  return RUNTIME_NAME.test(name) || OBJECT_FILE.test(path) || (line <= 0 && SYMBOL_FILE.test(path));
}

const OWNERS = Object.entries(INTERNAL_FILES).map(
  ([owner, all]) => [owner as InternalOwner, anyOf(all)] as const,
);

/** Whose an internal frame is; null: it is the user's, or an installed package's that somebody may want to see. */
export function internalOwner(frame: Frame): InternalOwner | null {
  if (!isInternalFrame(frame)) return null;
  const path = slashed(frame.filename);
  const owner = OWNERS.find(([, files]) => files.test(path))?.[0];
  if (owner !== undefined) return owner;
  if (/^(?:[^(]*\s)?(?:torch|c10|at|caffe2)::/.test(frame.name)) return 'pytorch';
  return path.endsWith('.py') ? 'python' : 'native';
}

const NATIVE_FILE =
  /\.(?:c|cc|cpp|cxx|cu|cuh|h|hh|hpp|inl|S|s|o|obj|a|dll|dylib|pyd)$|\.so(?:\.\d+)*$|^CUDA API$/;

/** Compiled code: C, C++, CUDA, the driver, what has no file. PyTorch records it with stacks="all". */
export const isNativeFrame = ({ name, filename }: Frame): boolean =>
  filename === '' || filename === '??' || NATIVE_FILE.test(filename) || /::[~\w]+/.test(name);

/** "torch", "transformers"; of native code "C++", of Python's own "python"; null: nobody's but the user's. */
export function packageOf(frame: Frame): string | null {
  const path = slashed(frame.filename);
  const installed = /(?:^|\/)(?:site|dist)-packages\/([^/]+?)(?:\.py)?(?:\/|$)/.exec(path)?.[1];
  if (installed !== undefined) return installed;
  const owner = internalOwner(frame);
  if (owner === null) return isNativeFrame(frame) ? 'C++' : null;
  if (isNativeFrame(frame)) return 'C++';
  return { pytorch: 'torch', carriers: 'C++', compiled: 'compiled', python: 'python', native: 'C++' }[owner];
}

/** "file.py:12" with the folder it is in; without the line where there is none, "" where there is no file either. */
function placeOf({ filename, line }: Frame): string {
  if (filename === '' || filename === '??') return '';
  const parts = slashed(filename)
    .split('/')
    .filter((part) => part !== '' && !/^[A-Za-z]:$/.test(part));
  const file = parts.slice(-2).join('/');
  return line > 0 ? `${file}:${line}` : file;
}

/** The file's own name: "train.py". */
export const fileNameOf = ({ filename }: Frame): string => slashed(filename).split('/').pop() ?? '';

/** Neither PyTorch's, nor Python's, nor an installed package's: what the user can edit. */
export const isOwnFrame = (frame: Frame): boolean =>
  !isInternalFrame(frame) && !/(^|\/)(site|dist)-packages\//.test(slashed(frame.filename));

/** "name  file.py:12". */
export function frameLabel(frame: Frame): string {
  const place = placeOf(frame);
  return place === '' ? frame.name : `${frame.name}  ${place}`;
}

const isPython = ({ filename }: Frame): boolean => filename.endsWith('.py');

/** Stands for a stack of which no frame says what was done. */
const NOTHING_TOLD = 'a stack without a line of the program';

/**
 * What names a stack that holds no line outside of PyTorch and Python: the autograd node, else the innermost Python
 * frame, else the operator.
 */
function nameOfInternal(frames: readonly Frame[]): Frame | string {
  const work = workOfFrames(frames);
  if (work !== null && work.backward) return work.label;
  const python = frames.find(isPython);
  if (python !== undefined) return python;
  if (work !== null) return work.label;
  // A call of CUDA, as Nsight Systems writes it, or a symbol: it is all there is.
  const [first] = frames;
  return INTERNAL_NAME.test(first.name) || RUNTIME_NAME.test(first.name) ? NOTHING_TOLD : first;
}

/** What names a stack: the innermost frame that is no internal one; else what was done. `frames`: innermost first. */
export function holderName(frames: readonly Frame[]): Frame | string {
  if (frames.length === 0) return 'no stack recorded (or allocated before the recording)';
  return frames.find((one) => !isInternalFrame(one)) ?? nameOfInternal(frames);
}

/** "name  file.py:12" of the innermost frame that is no internal one; what was done where there is none. */
export function holderLabel(stacks: StackTable, stack: number): string {
  const name = holderName(stack === NONE ? [] : stacks.stack(stack));
  return typeof name === 'string' ? name : frameLabel(name);
}

/** true: `holderLabel` names a line (of the user's or a package), and not an operation or an internal frame. */
export const namesLine = (stacks: StackTable, stack: number): boolean =>
  stack !== NONE && stacks.stack(stack).some((frame) => !isInternalFrame(frame));
