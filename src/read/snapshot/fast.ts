/**
 * The usual form of an event, decoded without the value stack: what CPython's C pickler writes for the dicts
 * of a trace (protocol 4 and 5: every container memoized, keys by memo number). Anything else is left to the
 * machine from the same byte on; nothing is kept of an event that turned out to be of another form.
 *
 *   }  \x94  (  h 0  h 7  h 1  \x8a\x06......  h 2  J....  ...  ]  \x94  (  h 40 h 41 e  u
 *   dict memo mark key action key address        key size        list memo mark frames   appends  setitems
 */
import { ACTION, NONE } from '../../trace/schema.ts';
import type { StackTable } from '../../trace/stack-table.ts';
import { DICT, INT, LIST, type PickleMachine, STR, TUPLE } from './pickle-machine.ts';
import { ROLE_EVENT, ROLE_FRAME, ROW_MASK, type SnapshotArena } from './arena.ts';
import { K } from './keys.ts';
import type { DetailColumns } from './details.ts';
import type { SnapshotNames } from './names.ts';
import type { EventRows } from './rows.ts';
import type { SnapshotValues } from './values.ts';

const K_ACTION = K.action;
const K_ADDR = K.addr;
const K_SIZE = K.size;
const K_STREAM = K.stream;
const K_TIME_US = K.time_us;
const K_FRAMES = K.frames;
const K_POOL_ID = K.pool_id;
/** First and last of the keys whose values are texts. */
const K_TEXT_FROM = K.compile_context;
const K_TEXT_TO = K.internal_metadata;

const MEMO_TAG = 28;
/** A pair of key and value takes at most this many bytes, strings and frames apart. */
const MARGIN = 32;
const TWO_32 = 4294967296;

/** What the events are written into: the machine that takes over where the form is another, and the tables. */
export interface EventTarget {
  readonly machine: PickleMachine;
  readonly arena: SnapshotArena;
  readonly events: EventRows;
  readonly stacks: StackTable;
  readonly names: SnapshotNames;
  readonly details: DetailColumns;
  readonly values: SnapshotValues;
}

export class EventFastPath {
  constructor(private readonly shape: EventTarget) {}

  /** Where the value ended; set by `readFrames` and `readPair`. */
  private after = 0;

  decode(buffer: Uint8Array, from: number, end: number): number {
    const { shape } = this;
    const { machine, arena, events, names, details, values } = shape;
    const { strings } = machine;
    let memo = machine.memo;
    let done = from;
    for (;;) {
      const memoBefore = machine.memoCount;
      const listsBefore = arena.lists;
      let memoCount = memoBefore;
      let p = done;
      if (p + MARGIN > end || buffer[p] !== 0x7d || buffer[p + 1] !== 0x94 || buffer[p + 2] !== 0x28)
        return done;
      p += 3;
      // An event has at most 16 keys and each of their values memoizes at most once; stacks are counted apart.
      if (memoCount + 64 > memo.length) memo = machine.growMemo(memoCount + 64);
      const dict = arena.dicts;
      memo[memoCount++] = ((DICT << MEMO_TAG) | dict) >>> 0;
      const row = events.length;
      if (row === events.capacity) events.grow();
      details.begin();
      let seen = 0;
      let action = -1;
      let stream = 0;
      let stack = NONE;
      let low = 0;
      let high = 0;
      let whole = false;
      let pairs = 0;
      while (p + MARGIN <= end && pairs++ < 32) {
        let op = buffer[p];
        if (op === 0x75) {
          whole = true;
          p++;
          break;
        }
        let index: number;
        if (op === 0x68) {
          index = buffer[p + 1];
          p += 2;
        } else if (op === 0x6a) {
          index =
            (buffer[p + 1] | (buffer[p + 2] << 8) | (buffer[p + 3] << 16) | (buffer[p + 4] << 24)) >>> 0;
          p += 5;
        } else break;
        if (index >= memoCount || memo[index] >>> MEMO_TAG !== STR) break;
        const key = memo[index] & ROW_MASK;
        let tag: number;
        let num: number;
        op = buffer[p];
        if (op === 0x68 || op === 0x6a) {
          if (op === 0x68) {
            index = buffer[p + 1];
            p += 2;
          } else {
            index =
              (buffer[p + 1] | (buffer[p + 2] << 8) | (buffer[p + 3] << 16) | (buffer[p + 4] << 24)) >>> 0;
            p += 5;
          }
          if (index >= memoCount) break;
          tag = memo[index] >>> MEMO_TAG;
          num = memo[index] & ROW_MASK;
        } else if (op === 0x4a) {
          tag = INT;
          num = buffer[p + 1] | (buffer[p + 2] << 8) | (buffer[p + 3] << 16) | (buffer[p + 4] << 24);
          p += 5;
        } else if (op === 0x8a) {
          const size = buffer[p + 1];
          num = (buffer[p + 2] | (buffer[p + 3] << 8) | (buffer[p + 4] << 16) | (buffer[p + 5] << 24)) >>> 0;
          if (size === 6) num += (((buffer[p + 6] << 16) | (buffer[p + 7] << 24)) >> 16) * TWO_32;
          else if (size === 7 && buffer[p + 8] < 0x1f)
            num += ((buffer[p + 6] << 8) | (buffer[p + 7] << 16) | (buffer[p + 8] << 24)) * (TWO_32 / 256);
          else if (size === 5) num += ((buffer[p + 6] << 24) >> 24) * TWO_32;
          else break;
          tag = INT;
          p += 2 + size;
        } else if (key === K_POOL_ID) {
          tag = TUPLE;
          num = this.readPair(buffer, p);
          if (num < 0) break;
          p = this.after;
        } else if (op === 0x4b) {
          tag = INT;
          num = buffer[p + 1];
          p += 2;
        } else if (op === 0x4d) {
          tag = INT;
          num = buffer[p + 1] | (buffer[p + 2] << 8);
          p += 3;
        } else if (op === 0x8c) {
          const size = buffer[p + 1];
          if (p + size + MARGIN > end) break;
          tag = STR;
          num = strings.intern(buffer, p + 2, p + 2 + size);
          p += 2 + size;
        } else if (op === 0x5d && key === K_FRAMES && buffer[p + 1] === 0x94) {
          const listMemo = memoCount++;
          stack = this.readFrames(buffer, p + 2, end, memo, memoCount);
          if (this.after === 0) break;
          p = this.after;
          memo[listMemo] = ((LIST << MEMO_TAG) | arena.newStackList(stack)) >>> 0;
          seen |= 1 << K_FRAMES;
          continue;
        } else break;
        if (buffer[p] === 0x94) {
          if (tag === INT) break;
          memo[memoCount++] = ((tag << MEMO_TAG) | num) >>> 0;
          p++;
        }
        if (key === K_ACTION && tag === STR) action = num;
        else if (key === K_ADDR && tag === INT && num >= 0) {
          events.address[2 * row] = num >>> 0;
          events.address[2 * row + 1] = (num / TWO_32) >>> 0;
        } else if (key === K_SIZE && tag === INT && num >= 0) {
          low = num >>> 0;
          high = (num / TWO_32) >>> 0;
        } else if (key === K_STREAM && tag === INT) stream = names.streamOf(num);
        else if (key === K_TIME_US && tag === INT) {
          const upper = Math.floor(num / TWO_32);
          const lower = (num - upper * TWO_32) * 1000;
          const carry = Math.floor(lower / TWO_32);
          events.time_ns[2 * row] = lower - carry * TWO_32;
          events.time_ns[2 * row + 1] = upper * 1000 + carry;
        } else if (key === K_FRAMES && tag === LIST) stack = arena.stackOf(num);
        else if (key === K_POOL_ID && tag === TUPLE) details.setPool(values.pool(tag, num));
        else if (key >= K_TEXT_FROM && key <= K_TEXT_TO && tag === STR) details.text(key, num);
        else break;
        if (key < 32) seen |= 1 << key;
      }
      if (!whole || action < 0) {
        // Not an event of the usual form, or not all of its bytes are there: the machine takes it from its start.
        arena.lists = listsBefore;
        events.address[2 * row] = events.address[2 * row + 1] = 0;
        events.time_ns[2 * row] = events.time_ns[2 * row + 1] = 0;
        return done;
      }
      events.action[row] = names.actionOf(action);
      if (events.action[row] === ACTION.unknown) details.unknownAction(action);
      details.keep(row, events.capacity);
      events.size[2 * row] = low;
      events.size[2 * row + 1] = high;
      events.stream_index[row] = stream;
      events.stack_index[row] = stack;
      events.length = row + 1;
      if (seen & (1 << K_TIME_US)) events.timed++;
      names.noteSeen(seen);
      arena.newDict();
      arena.setRole(dict, ROLE_EVENT, row);
      machine.memoCount = memoCount;
      if (machine.top + 1 >= machine.tags.length) machine.reserve(machine.top + 2);
      machine.tags[machine.top] = DICT;
      machine.nums[machine.top++] = dict;
      done = p;
    }
  }

  /** Id of a tuple of two small numbers; -1 where it is another form. Sets `after`. */
  private readPair(buffer: Uint8Array, from: number): number {
    let p = from;
    let first = 0;
    for (let part = 0; part < 2; part++) {
      const op = buffer[p];
      let value: number;
      if (op === 0x4b) {
        value = buffer[p + 1];
        p += 2;
      } else if (op === 0x4d) {
        value = buffer[p + 1] | (buffer[p + 2] << 8);
        p += 3;
      } else return -1;
      if (part === 1 && buffer[p] === 0x86) {
        this.after = p + 1;
        return this.shape.values.pair(first, value);
      }
      first = value;
    }
    return -1;
  }

  /** References to frames up to APPENDS, APPEND, or none (an empty list). Sets `after`, 0 where it is another form. */
  private readFrames(
    buffer: Uint8Array,
    from: number,
    end: number,
    memo: Uint32Array,
    memoCount: number,
  ): number {
    const { arena, stacks } = this.shape;
    const { dictRef } = arena;
    let frames = arena.frameBuffer;
    let p = from;
    let length = 0;
    this.after = 0;
    const many = buffer[p] === 0x28;
    if (many) p++;
    else if (buffer[p + (buffer[p] === 0x68 ? 2 : 5)] !== 0x61) {
      this.after = from;
      return NONE;
    }
    while (p + MARGIN <= end) {
      const op = buffer[p];
      let index: number;
      if (op === 0x6a) {
        index = (buffer[p + 1] | (buffer[p + 2] << 8) | (buffer[p + 3] << 16) | (buffer[p + 4] << 24)) >>> 0;
        p += 5;
      } else if (op === 0x68) {
        index = buffer[p + 1];
        p += 2;
      } else if (op === (many ? 0x65 : 0x61)) {
        this.after = p + 1;
        return stacks.internStack(frames, length);
      } else return NONE;
      if (index >= memoCount || memo[index] >>> MEMO_TAG !== DICT) return NONE;
      const ref = dictRef[memo[index] & ROW_MASK];
      if (ref >>> MEMO_TAG !== ROLE_FRAME) return NONE;
      if (length === frames.length) {
        const bigger = new Uint32Array(length * 2);
        bigger.set(frames);
        frames = arena.frameBuffer = bigger;
      }
      frames[length++] = ref & ROW_MASK;
    }
    return NONE;
  }
}
