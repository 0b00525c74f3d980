/** Whether a stack says nothing of the program: there is none, or it is the call of the driver alone, as in Nsight. */
import type { StackTable } from '../trace/stack-table.ts';
import { NONE } from '../trace/schema.ts';
import { isInternalFrame } from './user-frames.ts';

/** A call of the driver, or a symbol of a library: what was called, and not by whom. */
export const isCallAlone = (stacks: StackTable, stack: number): boolean =>
  stacks.stack(stack).every((frame) => isInternalFrame(frame) || frame.filename === 'static symbol');

/** Of PyTorch every recorded stack says something: what it holds no line of Python for has its operation. */
export const isStackless = (stacks: StackTable, stack: number, producer: string): boolean =>
  stack === NONE || (producer === 'nsys' && isCallAlone(stacks, stack));
