/**
 * Every free is requested before it completes. Where nothing comes between the two rows, the block only passed through
 * waiting: it did not wait for another stream.
 */
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION } from '../trace/schema.ts';

/** `row`: a free_requested whose block is free after the very next row. */
export const passesThrough = ({ events: { action, address, length } }: DeviceTrace, row: number): boolean =>
  row + 1 < length &&
  action[row] === ACTION.free_requested &&
  action[row + 1] === ACTION.free_completed &&
  address[2 * row] === address[2 * row + 2] &&
  address[2 * row + 1] === address[2 * row + 3];
