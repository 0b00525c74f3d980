/**
 * Which free belongs to which allocation: by process, context and address, in time order. The same address may
 * be live in several processes at once, so the address alone would pair strangers.
 *
 *   raw row | process | context | address | operation | partner
 *   0       | 17      | 1       | 0x7f..0 | alloc     | 2
 *   1       | 18      | 1       | 0x7f..0 | alloc     | NONE      another process's 0x7f..0, live to the end
 *   2       | 17      | 1       | 0x7f..0 | free      | 0
 */
import type { Warning } from '../../trace/capture.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { RawEvents } from './events.ts';
import { LiveAllocations } from './live.ts';

const words = (column: BigUint64Array, length: number): Uint32Array =>
  new Uint32Array(column.buffer, column.byteOffset, 2 * length);

/** What pairing frees with allocations brought to light. */
export interface Pairing {
  /** Raw row of the free of each alloc and of the alloc of each free; NONE: there is none. */
  readonly partner: Uint32Array;
  /** Raw rows of frees whose allocation was not recorded. */
  readonly unmatched: Set<number>;
  unmatchedBytes: number;
  /** Allocations at an address where one was live: the free between them is missing. */
  overwritten: number;
  overwrittenBytes: number;
  /** Frees that gave no bytes, filled in. */
  filled: number;
  /** Frees of another size than their allocation's. */
  mismatched: number;
}

/** Pairs frees with allocations in time order; frees without bytes get those of their allocation. */
export function pair(raw: RawEvents, order: Uint32Array | null): Pairing {
  const live = new LiveAllocations();
  const address = words(raw.address, raw.length);
  const size = words(raw.size, raw.length);
  const found: Pairing = {
    partner: new Uint32Array(raw.length).fill(NONE),
    unmatched: new Set(),
    unmatchedBytes: 0,
    overwritten: 0,
    overwrittenBytes: 0,
    filled: 0,
    mismatched: 0,
  };
  for (let i = 0; i < raw.length; i++) {
    const row = order === null ? i : order[i];
    const low = address[2 * row];
    const high = address[2 * row + 1];
    // No address, nothing to pair: the table was trimmed.
    if (low === 0 && high === 0) continue;
    if (raw.action[row] === ACTION.alloc) {
      const before = live.add(low, high, raw.context[row], row);
      if (before < 0) continue;
      found.overwritten++;
      found.overwrittenBytes += Number(raw.size[before]);
      continue;
    }
    const allocated = live.remove(low, high, raw.context[row]);
    if (allocated < 0) {
      found.unmatched.add(row);
      found.unmatchedBytes += Number(raw.size[row]);
      continue;
    }
    found.partner[row] = allocated;
    found.partner[allocated] = row;
    if (size[2 * row] === 0 && size[2 * row + 1] === 0) {
      if (raw.size[allocated] !== 0n) found.filled++;
      raw.size[row] = raw.size[allocated];
    } else if (size[2 * row] !== size[2 * allocated] || size[2 * row + 1] !== size[2 * allocated + 1]) {
      found.mismatched++;
    }
  }
  return found;
}

export function pairingWarnings(found: Pairing): Warning[] {
  const warnings: Warning[] = [];
  const say = (message: string): void => void warnings.push({ message, offset: null });
  if (found.unmatched.size > 0) {
    say(
      `${found.unmatched.size} frees (${found.unmatchedBytes} bytes) are of memory whose allocation was not recorded, ` +
        'most likely made before recording began: it is counted as in use from the start.',
    );
  }
  if (found.overwritten > 0) {
    say(
      `${found.overwritten} allocations lie where another one was still in use: the frees between them were not recorded. ` +
        `Figures count ${found.overwrittenBytes} bytes too many as in use.`,
    );
  }
  if (found.filled > 0)
    say(`${found.filled} frees came without bytes and were given those of their allocation.`);
  if (found.mismatched > 0)
    say(`${found.mismatched} frees are of another size than their allocation; both were kept as recorded.`);
  return warnings;
}
