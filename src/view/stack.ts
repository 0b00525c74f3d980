/** Stacks for reading: the user's own frames stand out, libraries step back. */
import type { DeviceView, MomentAnswer } from '../engine/protocol.ts';

type Frame = MomentAnswer['frames'][number];

export interface StackFrame {
  readonly name: string;
  /** "model.py:103"; "" where the frame has no place (C++ without symbols). */
  readonly place: string;
  readonly library: boolean;
}

/** Why a panel has no stack, and what to do about it. */
export const noStackWords = (producer: DeviceView['producer']): string =>
  producer === 'torch'
    ? 'No stack was recorded for it, or it was allocated before the recording. To record stacks, leave stacks="all" and context="all" as they are in _record_memory_history().'
    : 'Nsight Systems exports hold no stacks for memory events.';

const LIBRARY =
  /(^|[\\/])(site-packages|dist-packages|lib[\\/]python3[^\\/]*)[\\/]|^<frozen|^\?\?|^(?![\s\S])/;

export function stackFrames(frames: readonly Frame[]): StackFrame[] {
  return frames.map(({ name, filename, line }) => ({
    name,
    place: filename === '' || filename === '??' ? '' : line > 0 ? `${filename}:${line}` : filename,
    library: LIBRARY.test(filename),
  }));
}

/** As a traceback is quoted in an issue: one frame a line. */
export const stackText = (frames: readonly StackFrame[]): string =>
  frames.map(({ name, place }) => (place === '' ? name : `${name} (${place})`)).join('\n');
