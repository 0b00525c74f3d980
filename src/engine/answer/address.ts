/**
 * Which allocation had an address: that of an error message, or a tensor's `data_ptr()`. Knows events alone: what was
 * allocated before the recording has none, and bytes by which a block is larger than what was asked for are in no event.
 */
import { TraceError } from '../../base/trace-error.ts';
import { u64At } from '../../base/u64.ts';
import { ACTION } from '../../trace/schema.ts';
import type { DeviceSession } from '../device-session.ts';

const HIGH = 2 ** 32;

/** Row of the newest allocation up to `last` that had the address. Throws `refused` where none had, or it is none. */
export function allocationAt({ trace, rows }: DeviceSession, address: string, last: number): number {
  const text = address.trim();
  const asked = /^(0x[0-9a-f]{1,16}|[0-9]{1,20})$/i.test(text) ? BigInt(text) : null;
  if (asked === null || asked >= 1n << 64n)
    throw new TraceError('refused', `"${text}" is no address.`, {
      advice: 'Write it as 0x7fe134000000, or as the number that data_ptr() gives.',
    });
  const [high, low] = [Number(asked >> 32n), Number(asked & 0xffff_ffffn)];
  const { events } = trace;
  for (let row = Math.min(last, rows - 1); row >= 0; row--) {
    if (events.action[row] !== ACTION.alloc) continue;
    // Exact where it could be within an allocation, and far too large elsewhere.
    const apart = (high - events.address[2 * row + 1]) * HIGH + (low - events.address[2 * row]);
    if (apart === 0 || (apart > 0 && apart < u64At(events.size, row))) return row;
  }
  throw new TraceError(
    'refused',
    `No ${last < rows - 1 ? 'earlier ' : ''}event of this recording allocated 0x${asked.toString(16)}.`,
    {
      advice: 'What was allocated before the recording began has no event here.',
    },
  );
}
