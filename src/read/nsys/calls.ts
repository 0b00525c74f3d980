/**
 * The API call behind each memory event, and the call chain behind each call, where they were recorded:
 *
 *   memory event | correlationId 124, process 17 ─┐
 *   RUNTIME      | correlationId 124, globalTid of process 17, nameId 26, callchainId 5
 *   CALLCHAINS   | id 5, stackDepth 0, symbol 90, module 91      innermost first
 *
 * correlationId counts within its process only. Calls that no memory event names are not kept.
 */
import { NONE } from '../../trace/schema.ts';
import type { RawEvents } from './events.ts';
import { noteReturn, type RefusedCalls, RETURN_COLUMNS } from './failed-calls.ts';
import { CHAINS_TABLE, RUNTIME_TABLE } from './schema.ts';
import type { NsysTables } from './tables.ts';
import type { ReaderContext } from '../reader.ts';

const BREATH_ROWS = 1 << 16;
/** Frames of call chains that are kept: 24 bytes each. */
const MOST_FRAMES = 4_000_000;
const MOST_DEPTH = 0xffff;

/** The part of globalPid and globalTid that both share. */
export const processPart = (id: number): number => Math.floor(id / 0x1000000);

/** Numbers for pairs (a, b) of u32, counted from 0 in order of first sight; no objects. */
export class PairNumbers {
  count = 0;
  private mask = 4095;
  private slots = new Uint32Array(0);
  private readonly most: number;
  /** Where the numbers are dense, which is the rule, a plain table: number of (a, b) at b * (most + 1) + a. */
  private readonly dense: Uint32Array | null;

  /** `most`: the largest a; `others`: how many b there are; `pairs`: about how many pairs there will be. */
  constructor(most: number, others: number, pairs: number) {
    this.most = most;
    const size = (most + 1) * others;
    this.dense = size <= 8 * pairs + 4096 ? new Uint32Array(size).fill(NONE) : null;
    if (this.dense === null) this.slots = new Uint32Array(3 * 4096).fill(NONE);
  }

  /** Its number, or NONE. */
  get(a: number, b: number): number {
    if (this.dense !== null) return a > this.most ? NONE : this.dense[b * (this.most + 1) + a];
    return this.slots[3 * this.find(a, b) + 2];
  }

  /** Its number; a pair not seen before gets the next one. */
  of(a: number, b: number): number {
    const known = this.get(a, b);
    if (known !== NONE) return known;
    if (this.dense !== null) this.dense[b * (this.most + 1) + a] = this.count;
    else {
      this.slots.set([a, b, this.count], 3 * this.find(a, b));
      if ((this.count + 1) * 2 > this.mask) this.grow();
    }
    return this.count++;
  }

  private find(a: number, b: number): number {
    const { slots, mask } = this;
    let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    let slot = (hash ^ (hash >>> 13)) & mask;
    while (slots[3 * slot + 2] !== NONE && (slots[3 * slot] !== a || slots[3 * slot + 1] !== b))
      slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const old = this.slots;
    this.mask = 2 * this.mask + 1;
    this.slots = new Uint32Array(3 * (this.mask + 1)).fill(NONE);
    for (let i = 0; i < old.length; i += 3) {
      if (old[i + 2] !== NONE) this.slots.set(old.subarray(i, i + 3), 3 * this.find(old[i], old[i + 1]));
    }
  }
}

export interface Calls {
  /** Call of each raw row; NONE: it belongs to none (static symbols). */
  readonly ofRow: Uint32Array;
  readonly count: number;
  /** Id of the call's name; NaN: the call was not recorded. */
  readonly nameId: Float64Array;
  /** Id of its call chain; NaN: none was recorded. */
  readonly chainId: Float64Array;
}

/** Frames of the call chains that are asked for, in no order. Columns of one length. */
export interface ChainFrames {
  length: number;
  /** Number of the chain, see `numbers`. */
  chain: Uint32Array;
  depth: Uint16Array;
  symbolId: Float64Array;
  moduleId: Float64Array;
  /** Id of a chain -> its number. */
  readonly numbers: ReadonlyMap<number, number>;
  /** Frames beyond the limit, left out. */
  left: number;
}

/** `refused` is told what each call returned. */
export async function readCalls(
  tables: NsysTables,
  raw: RawEvents,
  refused: RefusedCalls,
  context: ReaderContext,
): Promise<Calls> {
  let most = 0;
  for (let row = 0; row < raw.length; row++) if (raw.correlation[row] > most) most = raw.correlation[row];
  const pairs = new PairNumbers(most, Math.max(1, raw.processes.length), raw.length);
  const ofRow = new Uint32Array(raw.length).fill(NONE);
  for (let row = 0; row < raw.length; row++) {
    const id = raw.correlation[row];
    if (id !== 0) ofRow[row] = pairs.of(id, raw.places[raw.place[row]].process);
  }
  const { count } = pairs;
  const nameId = new Float64Array(count).fill(NaN);
  const chainId = new Float64Array(count).fill(NaN);
  if (!tables.names.has(RUNTIME_TABLE)) return { ofRow, count, nameId, chainId };
  const processOf = new Map(raw.processes.map((globalPid, process) => [processPart(globalPid), process]));
  let n = 0;
  let lastTid = NaN;
  let process: number | undefined;
  const columns = ['correlationId', 'globalTid', 'nameId', 'callchainId', ...RETURN_COLUMNS];
  for await (const rows of tables.rows(RUNTIME_TABLE, columns)) {
    while (rows.step()) {
      if (++n % BREATH_ROWS === 0) {
        context.progress('reading API calls', tables.bytesRead());
        await context.breathe();
      }
      const correlation = rows.number(0);
      const tid = rows.number(1);
      noteReturn(rows, 4, tid, rows.number(2), refused);
      if (correlation === 0) continue;
      if (tid !== lastTid) {
        lastTid = tid;
        // Without thread numbers (a trimmed table) one process can still be told: the only one.
        process = processOf.get(processPart(tid)) ?? (tid === 0 && processOf.size === 1 ? 0 : undefined);
      }
      if (process === undefined) continue;
      const call = pairs.get(correlation, process);
      if (call === NONE || !Number.isNaN(nameId[call])) continue;
      nameId[call] = rows.number(2);
      if (!rows.isNull(3)) chainId[call] = rows.number(3);
    }
  }
  return { ofRow, count, nameId, chainId };
}

export async function readChains(
  tables: NsysTables,
  { chainId }: Calls,
  context: ReaderContext,
): Promise<ChainFrames> {
  const numbers = new Map<number, number>();
  for (const id of chainId) if (!Number.isNaN(id) && !numbers.has(id)) numbers.set(id, numbers.size);
  const frames: ChainFrames = {
    length: 0,
    chain: new Uint32Array(1024),
    depth: new Uint16Array(1024),
    symbolId: new Float64Array(1024),
    moduleId: new Float64Array(1024),
    numbers,
    left: 0,
  };
  if (numbers.size === 0 || !tables.names.has(CHAINS_TABLE)) return frames;
  let n = 0;
  for await (const rows of tables.rows(CHAINS_TABLE, ['id', 'symbol', 'module', 'stackDepth'])) {
    while (rows.step()) {
      if (++n % BREATH_ROWS === 0) {
        context.progress('reading call chains', tables.bytesRead());
        await context.breathe();
      }
      const chain = numbers.get(rows.number(0));
      if (chain === undefined) continue;
      if (frames.length === MOST_FRAMES) {
        frames.left++;
        continue;
      }
      if (frames.length === frames.chain.length) growFrames(frames);
      const at = frames.length++;
      frames.chain[at] = chain;
      frames.depth[at] = Math.min(rows.number(3), MOST_DEPTH);
      frames.symbolId[at] = rows.isNull(1) ? NaN : rows.number(1);
      frames.moduleId[at] = rows.isNull(2) ? NaN : rows.number(2);
    }
  }
  return frames;
}

function growFrames(frames: ChainFrames): void {
  const wider = <T extends Uint32Array | Uint16Array | Float64Array>(old: T): T => {
    const bigger = new (old.constructor as new (length: number) => T)(2 * old.length);
    bigger.set(old);
    return bigger;
  };
  frames.chain = wider(frames.chain);
  frames.depth = wider(frames.depth);
  frames.symbolId = wider(frames.symbolId);
  frames.moduleId = wider(frames.moduleId);
}

/** Rows of `frames` by chain, innermost first: rows [start[c], start[c + 1]) of `order` are chain c's. */
export function byChain(frames: ChainFrames): { readonly order: Uint32Array; readonly start: Uint32Array } {
  const { length, chain, depth, numbers } = frames;
  const order = Uint32Array.from({ length }, (_unused, i) => i).sort(
    (a, b) => chain[a] - chain[b] || depth[a] - depth[b] || a - b,
  );
  const start = new Uint32Array(numbers.size + 1);
  for (let i = 0; i < length; i++) start[chain[i] + 1]++;
  for (let c = 0; c < numbers.size; c++) start[c + 1] += start[c];
  return { order, start };
}
