/** Which frame of a stack is the user's own line. */
import { NONE } from '../trace/schema.ts';
import type { Frame, StackTable } from '../trace/stack-table.ts';

/** Stands where an allocation has no stack. */
export const NO_STACK = NONE;

/** Frames that are PyTorch's, Python's or CUDA's own: the user's line lies above them. */
const INTERNAL =
  /(^|\/)(site-packages|dist-packages)\/(torch|torchvision|triton|torchgen)\/|(^|\/)python3?[^/]*\/(?!site-packages|dist-packages)[^/]+\.py$|^<frozen|^\?\?$|(^|\/)torch\/(nn|_ops|autograd|utils|optim|_dynamo|_inductor|cuda|_tensor|functional|distributed)|^CUDA API$|(^|\/)(Objects|Python|Modules)\/[^/]+\.[ch]$|(^|\/)c\+\+\d*\/|(^|\/)lib(cuda|cudart|c10|c10_cuda|torch[a-z_]*|c|pthread)[-.\d]*\.so/;

/**
 * PyTorch records C++ frames unless told otherwise (stacks="all"): its own have names in these namespaces, and a bare
 * file of the symbol table ("RegisterCUDA_0.cpp") without a line.
 */
const INTERNAL_NAME = /^(?:[^(]*\s)?(?:torch|c10|at|caffe2|pybind11|std)::/;
const SYMBOL_FILE = /^[^/\\]+\.(?:c|cc|cpp|cu|cuh|h|hpp)$/;

export const isInternalFrame = ({ name, filename, line }: Frame): boolean =>
  filename === '' ||
  INTERNAL.test(filename) ||
  INTERNAL_NAME.test(name) ||
  (line <= 0 && SYMBOL_FILE.test(filename));

/** "file.py:12"; without the line where there is none, "" where there is no file either. */
function placeOf({ filename, line }: Frame): string {
  if (filename === '' || filename === '??') return '';
  const file = filename.split('/').slice(-2).join('/');
  return line > 0 ? `${file}:${line}` : file;
}

/** Neither PyTorch's, nor Python's, nor an installed package's: what the user can edit. */
export const isOwnFrame = (frame: Frame): boolean =>
  !isInternalFrame(frame) && !/(^|[\\/])(site|dist)-packages[\\/]/.test(frame.filename);

/** "name  file.py:12". */
export function frameLabel(frame: Frame): string {
  const place = placeOf(frame);
  return place === '' ? frame.name : `${frame.name}  ${place}`;
}

/** "name  file.py:12" of the innermost frame of the user's own code; the innermost of all where there is none. */
export function holderLabel(stacks: StackTable, stack: number): string {
  if (stack === NONE) return 'no stack recorded (or allocated before the recording)';
  const frames = stacks.stack(stack);
  return frameLabel(frames.find((one) => !isInternalFrame(one)) ?? frames[0]);
}
