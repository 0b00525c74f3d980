/** Stacks for reading: the user's own frames stand out, libraries step back. */
import type { DeviceView, MomentAnswer } from '../../engine/protocol.ts';

type Frame = MomentAnswer['frames'][number];

export interface StackFrame {
  readonly name: string;
  /** "/opt/.../transformers/models/qwen2.py:41"; "" where the frame has no place (C++ without symbols). */
  readonly place: string;
  /** The same from the package on: "transformers/models/qwen2.py:41". */
  readonly short: string;
  readonly library: boolean;
}

/** Why a panel has no stack, and what to do about it. */
export const noStackWords = (producer: DeviceView['producer']): string =>
  producer !== 'nsys'
    ? 'No stack was recorded for it, or it was allocated before the recording. To record stacks, leave stacks="all" and context="all" as they are in _record_memory_history().'
    : 'The export names no API call for it: nsys records them with --trace=cuda, and the call chain behind them with --cudabacktrace=memory.';

/** PyTorch's, Python's and CUDA's own files, and frames without a file. */
const LIBRARY =
  /[\\/](site|dist)-packages[\\/](torch|torchgen|torchvision|triton)[\\/]|[\\/]lib[\\/]python3[^\\/]*[\\/](?!(site|dist)-packages)|^<frozen|^\?\?$|^CUDA API$|[\\/]lib(cuda|cudart|c10|c10_cuda|torch[a-z_]*|c|pthread)[-.\d]*\.so|^$/;
const PACKAGES = /^.*[\\/](site|dist)-packages[\\/]/;

export function stackFrames(frames: readonly Frame[]): StackFrame[] {
  return frames.map(({ name, filename, line }) => {
    const place = filename === '' || filename === '??' ? '' : line > 0 ? `${filename}:${line}` : filename;
    return { name, place, short: place.replace(PACKAGES, ''), library: LIBRARY.test(filename) };
  });
}

/** As a traceback is quoted in an issue: one frame a line. */
export const stackText = (frames: readonly StackFrame[]): string =>
  frames.map(({ name, place }) => (place === '' ? name : `${name} (${place})`)).join('\n');
