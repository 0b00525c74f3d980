/**
 * A stack for each memory event: the API call innermost, then the call chain behind it. Static symbols have
 * no call; their name stands for it.
 *
 *   cudaMalloc              CUDA API                 RUNTIME's nameId
 *   c10::cuda::...::malloc  .../libc10_cuda.so       CUDA_CALLCHAINS, where call chains were recorded
 *   main                    ~/train
 */
import { NONE } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import { byChain, type Calls, type ChainFrames } from './calls.ts';
import type { RawEvents } from './events.ts';
import { apiName } from './api-name.ts';
import { STRINGS_TABLE } from './schema.ts';
import type { NsysTables } from './tables.ts';
import { withoutHome } from '../lines/text-pass.ts';

const API = 'CUDA API';
const STATIC = 'static symbol';
const UNKNOWN_CALL = '(a call that is not recorded)';
const UNKNOWN_SYMBOL = '(unknown)';
/** Longest name that is kept whole: templates make long ones. */
const MOST_CHARACTERS = 2048;

export const shorten = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;

/**
 * The strings of these ids, and no others: the same table holds captured environments and what programs
 * printed, which are never kept.
 */
export async function readStrings(
  tables: NsysTables,
  wanted: ReadonlySet<number>,
): Promise<Map<number, string>> {
  const strings = new Map<number, string>();
  if (wanted.size === 0 || !tables.names.has(STRINGS_TABLE)) return strings;
  for await (const rows of tables.rows(STRINGS_TABLE, ['id', 'value'])) {
    while (rows.step()) {
      const id = rows.number(0);
      if (wanted.has(id)) strings.set(id, shorten(rows.text(1)));
    }
  }
  return strings;
}

/** Adds the ids of every string that stacks need. */
export function stringsOfStacks(calls: Calls, frames: ChainFrames, wanted: Set<number>): void {
  const { length } = frames;
  for (const ids of [
    calls.nameId,
    frames.symbolId.subarray(0, length),
    frames.moduleId.subarray(0, length),
  ]) {
    for (const id of ids) if (!Number.isNaN(id)) wanted.add(id);
  }
}

/** Stack of each raw row, made in `stacks`; NONE where nothing is known. */
export function buildStacks(
  raw: RawEvents,
  calls: Calls,
  frames: ChainFrames,
  strings: ReadonlyMap<number, string>,
  stacks: StackTable,
): Uint32Array {
  const frameOfId = new Map<number, number>();
  const apiFrame = (nameId: number): number => {
    let frame = frameOfId.get(nameId);
    if (frame === undefined) {
      frame = stacks.internFrame(apiName(strings.get(nameId) ?? UNKNOWN_CALL), API, 0);
      frameOfId.set(nameId, frame);
    }
    return frame;
  };
  const { order, start } = byChain(frames);
  const stackOf = new Uint32Array(calls.count).fill(NONE);
  let buffer = new Uint32Array(64);
  for (let call = 0; call < calls.count; call++) {
    if (Number.isNaN(calls.nameId[call])) continue;
    const chain = frames.numbers.get(calls.chainId[call]);
    const from = chain === undefined ? 0 : start[chain];
    const to = chain === undefined ? 0 : start[chain + 1];
    const length = 1 + to - from;
    if (buffer.length < length) buffer = new Uint32Array(2 * length);
    buffer[0] = apiFrame(calls.nameId[call]);
    for (let i = from; i < to; i++) {
      const symbol = strings.get(frames.symbolId[order[i]]) ?? UNKNOWN_SYMBOL;
      const module = strings.get(frames.moduleId[order[i]]) ?? '';
      buffer[1 + i - from] = stacks.internFrame(symbol, withoutHome(module), 0);
    }
    stackOf[call] = stacks.internStack(buffer, length);
  }
  const nodes = new Uint32Array(raw.length);
  for (let row = 0; row < raw.length; row++)
    nodes[row] = calls.ofRow[row] === NONE ? NONE : stackOf[calls.ofRow[row]];
  for (const [row, name] of raw.symbols) {
    if (nodes[row] === NONE) nodes[row] = stacks.child(NONE, stacks.internFrame(shorten(name), STATIC, 0));
  }
  return nodes;
}
