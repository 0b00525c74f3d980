/**
 * What the containers of a PyTorch snapshot mean. A dict is told by its keys the moment its items arrive and
 * goes straight into typed columns: an event has "action", a block "state", a segment "blocks", a frame
 * "filename". A list holds either a run of such rows or packed values in a shared pool; a list of frames
 * becomes one node of the stack tree the first time it is used.
 *
 * Not read (known keys): compile_context, user_metadata, internal_metadata, forward_frames, pool_id, fx_*.
 *
 * Long because it is one state machine over shared arenas; cut in two it would export all its fields.
 */
import { TraceError } from '../../base/trace-error.ts';
import { IndexColumn, ByteColumn, NumberColumn } from '../../trace/column-builder.ts';
import { ACTION, BLOCK_STATES, NONE } from '../../trace/schema.ts';
import { StackTable } from '../../trace/stack-table.ts';
import {
  BIG,
  DICT,
  FALSE,
  FLOAT,
  INT,
  LIST,
  NIL,
  PickleMachine,
  type PickleShape,
  STR,
  TRUE,
  TUPLE,
} from './pickle-machine.ts';
import {
  ROLE_ANNOTATION,
  ROLE_BLOCK,
  ROLE_EVENT,
  ROLE_FRAME,
  ROLE_FRESH,
  ROLE_HISTORY,
  ROLE_OTHER,
  ROLE_SEGMENT,
  ROW_MASK,
  SnapshotArena,
} from './arena.ts';
import { EventFastPath } from './fast.ts';
import { K, KEYS } from './keys.ts';
import { SnapshotNames } from './names.ts';
import { EventRows } from './rows.ts';

/** An event of protocol 4 without stacks takes about as many bytes. */
const BYTES_AN_EVENT = 72;
/** Generic dicts kept (settings and the like); more than this many are not a snapshot's. */
const MOST_OTHERS = 100_000;
/** Dicts inside dicts whose items come one at a time; a snapshot has three levels. */
const MOST_NESTED = 64;
/** A snapshot names devices by small numbers; tuples hold small ones. */
const MOST_DEVICES = 1024;
const LONGEST_TUPLE_PART = 64;

const isByte = (num: number): boolean => num >= 0 && num < 256;

export class SnapshotShape implements PickleShape {
  readonly machine = new PickleMachine(this);
  readonly stacks = new StackTable();
  readonly arena = new SnapshotArena(this.stacks);
  readonly events: EventRows;
  readonly names = new SnapshotNames(this.machine);
  readonly segments: SegmentRow[] = [];
  readonly block = {
    low: new IndexColumn(),
    high: new IndexColumn(),
    size: new NumberColumn(),
    requested: new NumberColumn(),
    state: new ByteColumn(),
    stack: new IndexColumn(),
  };
  readonly annotations: { stage: string; name: string; device: number; timeUs: number }[] = [];
  readonly deviceFree: [row: number, bytes: number][] = [];
  readonly others: Map<string, unknown>[] = [];
  /** Keys met in events, segments and blocks that mean nothing here, and how often. */
  readonly unknownKeys = new Map<string, number>();
  topSegments = -1;
  topTraces = -1;
  topFound = false;

  private readonly pending = new Map<number, number[]>();
  private nested = 0;
  private readonly tupleText: string[] = [];
  private readonly smallTuples = new Map<number, number>();
  private readonly fast = new EventFastPath(this);

  /** `bytes`: size of the pickle where it is known, to make room for its events at once. */
  constructor(bytes: number) {
    const rows = Math.max(4096, Math.min(1 << 24, Math.ceil(bytes / BYTES_AN_EVENT)));
    this.events = new EventRows(rows);
    this.arena.reserveDicts(rows);
    this.machine.growMemo(2 * rows);
  }

  newList(): number {
    return this.arena.newList();
  }

  newDict(): number {
    return this.arena.newDict();
  }

  newTuple(from: number, to: number): number {
    const { tags, nums } = this.machine;
    const small =
      to - from === 2 &&
      tags[from] === INT &&
      tags[from + 1] === INT &&
      isByte(nums[from]) &&
      isByte(nums[from + 1]);
    if (small) return this.pairTuple(nums[from], nums[from + 1]);
    const parts: string[] = [];
    // Bounded: a tuple of tuples of tuples would double its text at every level.
    for (let i = from; i < to && i < from + 16; i++)
      parts.push(String(this.plain(tags[i], nums[i])).slice(0, LONGEST_TUPLE_PART));
    return this.tupleText.push(`(${parts.join(', ')})`) - 1;
  }

  /** The tuple (a, b) of two bytes: the pool id that newer versions write with every event. */
  pairTuple(a: number, b: number): number {
    let id = this.smallTuples.get(a * 256 + b);
    if (id === undefined) this.smallTuples.set(a * 256 + b, (id = this.tupleText.push(`(${a}, ${b})`) - 1));
    return id;
  }

  decodeRun(buffer: Uint8Array, pos: number, end: number): number {
    return this.fast.decode(buffer, pos, end);
  }

  append(list: number, from: number, to: number): void {
    const { machine, arena } = this;
    for (let at = from; at < to; at++) {
      if (machine.tags[at] === DICT) {
        const dict = machine.nums[at];
        this.settle(dict, to);
        const ref = arena.dictRef[dict];
        const role = ref >>> 28;
        if (role >= ROLE_EVENT && role <= ROLE_ANNOTATION) arena.appendRow(list, role, ref & ROW_MASK);
        else arena.appendPooled(list, ((DICT << 28) | dict) >>> 0);
      } else arena.appendPooled(list, machine.pack(at));
    }
  }

  setItems(dict: number, from: number, to: number, whole: boolean): void {
    if (!whole || this.arena.dictRef[dict] !== ROLE_FRESH || this.pending.has(dict)) {
      this.later(dict, from, to);
      return;
    }
    const { tags, nums } = this.machine;
    for (let i = from; i < to; i += 2) {
      if (tags[i] !== STR) continue;
      switch (nums[i]) {
        case K.action:
          this.setEvent(dict, from, to);
          return;
        case K.filename:
          this.setFrame(dict, from, to);
          return;
        case K.state:
          this.setBlock(dict, from, to);
          return;
        case K.blocks:
          this.setSegment(dict, from, to);
          return;
        case K.stage:
          this.setAnnotation(dict, from, to);
          return;
        case K.real_size:
          this.setHistory(dict, from, to);
          return;
        case K.segments:
        case K.device_traces:
          this.setTop(dict, from, to);
          return;
      }
    }
    this.setOther(dict, from, to);
  }

  /** Items that come one at a time (protocol 0, one-item dicts): kept until the dict is used. */
  private later(dict: number, from: number, to: number): void {
    if (this.arena.dictRef[dict] !== ROLE_FRESH) {
      this.arena.malformed++;
      return;
    }
    let items = this.pending.get(dict);
    if (items === undefined) this.pending.set(dict, (items = []));
    for (let i = from; i < to; i++) items.push(this.machine.pack(i));
  }

  /** Gives a dict with pending items its role. Stack slots from `scratch` on are overwritten. */
  private settle(dict: number, scratch: number): void {
    if (this.pending.size === 0) return;
    const items = this.pending.get(dict);
    if (items === undefined) return;
    this.pending.delete(dict);
    const { machine } = this;
    if (++this.nested > MOST_NESTED) machine.throwAt('unsupported', machine.offset, 'dicts nested too deep');
    machine.reserve(scratch + items.length + 1);
    items.forEach((packed, i) => {
      machine.tags[scratch + i] = machine.tagOf(packed);
      machine.nums[scratch + i] = machine.numOf(packed);
    });
    // Dicts among the values settle first, above this one's items.
    for (let i = 1; i < items.length; i += 2) {
      if (machine.tags[scratch + i] === DICT) this.settle(machine.nums[scratch + i], scratch + items.length);
    }
    this.setItems(dict, scratch, scratch + items.length, true);
    this.nested--;
  }

  private setEvent(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    const { events } = this;
    const row = events.length;
    if (row === events.capacity) events.grow();
    let sizeLow = 0;
    let sizeHigh = 0;
    let stream = 0;
    let stack = NONE;
    let seen = 0;
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      const key = tags[i] === STR ? nums[i] : -1;
      if (key >= 0 && key < 32) seen |= 1 << key;
      switch (key) {
        case K.action:
          events.action[row] = tag === STR ? this.names.actionOf(num) : ACTION.unknown;
          break;
        case K.addr:
          if (tag === INT && num >= 0) {
            events.address[2 * row] = num;
            events.address[2 * row + 1] = num / 4294967296;
          } else this.setBig(events.address, row, tag, num);
          break;
        case K.size:
          if (tag === INT && num >= 0) {
            sizeLow = num >>> 0;
            sizeHigh = (num / 4294967296) >>> 0;
          } else {
            this.setBig(events.size, row, tag, num);
            sizeLow = events.size[2 * row];
            sizeHigh = events.size[2 * row + 1];
          }
          break;
        case K.stream:
          stream = tag === INT ? this.names.streamOf(num) : this.names.streamIndex(tag, num);
          break;
        case K.time_us:
          if (tag === INT) events.setTimeUs(row, num);
          else this.arena.malformed++;
          break;
        case K.frames:
          if (tag === LIST) stack = this.arena.stackOf(num);
          break;
        case K.device_free:
          if (tag === INT) this.deviceFree.push([row, num]);
          break;
        case K.compile_context:
        case K.user_metadata:
        case K.internal_metadata:
        case K.forward_frames:
        case K.pool_id:
          break;
        default:
          this.unknownKey('event', tags[i], nums[i]);
      }
    }
    events.size[2 * row] = sizeLow;
    events.size[2 * row + 1] = sizeHigh;
    events.stream_index[row] = stream;
    events.stack_index[row] = stack;
    this.names.noteSeen(seen);
    events.length = row + 1;
    this.arena.setRole(dict, ROLE_EVENT, row);
  }

  private setBig(words: Uint32Array, row: number, tag: number, num: number): void {
    if (tag !== BIG && tag !== INT) {
      this.arena.malformed++;
      return;
    }
    const bits = BigInt.asUintN(64, tag === BIG ? this.machine.bigs[num] : BigInt(num));
    words[2 * row] = Number(bits & 0xffffffffn);
    words[2 * row + 1] = Number(bits >> 32n);
  }

  private setFrame(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    let name = '';
    let filename = '';
    let line = 0;
    for (let i = from; i < to; i += 2) {
      if (nums[i] === K.name && tags[i + 1] === STR) name = this.machine.strings.text(nums[i + 1]);
      else if (nums[i] === K.filename && tags[i + 1] === STR)
        filename = this.machine.strings.text(nums[i + 1]);
      else if (nums[i] === K.line && tags[i + 1] === INT) line = nums[i + 1];
    }
    this.arena.setRole(dict, ROLE_FRAME, this.stacks.internFrame(name, filename, line));
  }

  private setBlock(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    const words = new Uint32Array(2);
    let hasAddress = false;
    let size = 0;
    let requested = NaN;
    let state = 2;
    let stack = NONE;
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      switch (tags[i] === STR ? nums[i] : -1) {
        case K.address:
          this.setBig(words, 0, tag, num);
          hasAddress = true;
          break;
        case K.size:
          if (tag === INT) size = num;
          break;
        case K.requested_size:
          if (tag === INT) requested = num;
          this.names.seenKeys.add('requested_size');
          break;
        case K.state: {
          const text = tag === STR ? this.machine.strings.text(num) : '';
          state = BLOCK_STATES.indexOf(
            (text === 'active_awaiting_free' ? 'active_pending_free' : text) as (typeof BLOCK_STATES)[number],
          );
          if (state < 0) {
            this.arena.malformed++;
            state = 2;
          }
          break;
        }
        case K.frames:
          if (tag === LIST) stack = this.arena.stackOf(num);
          break;
        case K.history: {
          // torch <= 2.0: [{addr, real_size, frames}], the newest first.
          const first = tag === LIST ? (this.arena.valuesOf(num, 1)[0] ?? 0) : 0;
          const ref = first >>> 28 === DICT ? this.arena.dictRef[first & ROW_MASK] : 0;
          if (ref >>> 28 === ROLE_HISTORY) {
            const entry = this.histories[ref & ROW_MASK];
            stack = entry.stack;
            if (Number.isNaN(requested) && state !== 2) requested = entry.realSize;
          }
          break;
        }
        default:
          this.unknownKey('block', tags[i], nums[i]);
      }
    }
    const { block } = this;
    block.low.push(hasAddress ? words[0] : NONE);
    block.high.push(hasAddress ? words[1] : NONE);
    block.size.push(size);
    block.requested.push(requested);
    block.state.push(state);
    block.stack.push(stack);
    this.arena.setRole(dict, ROLE_BLOCK, block.size.length - 1);
  }

  private readonly histories: { realSize: number; stack: number }[] = [];

  private setHistory(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    const entry = { realSize: NaN, stack: NONE };
    for (let i = from; i < to; i += 2) {
      if (nums[i] === K.real_size && tags[i + 1] === INT) entry.realSize = nums[i + 1];
      else if (nums[i] === K.frames && tags[i + 1] === LIST) entry.stack = this.arena.stackOf(nums[i + 1]);
    }
    this.arena.setRole(dict, ROLE_HISTORY, this.histories.push(entry) - 1);
  }

  private setSegment(dict: number, from: number, to: number): void {
    const { tags, nums, strings } = this.machine;
    const words = new Uint32Array(2);
    const segment: SegmentRow = {
      device: 0,
      low: 0,
      high: 0,
      total: 0,
      allocated: 0,
      active: 0,
      requested: NaN,
      stream: 0,
      small: false,
      expandable: false,
      poolId: '',
      stack: NONE,
      blockFrom: 0,
      blockTo: 0,
    };
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      const key = tags[i] === STR ? nums[i] : -1;
      if (key >= 0 && key < KEYS.length) this.names.seenKeys.add(KEYS[key]);
      if (key === K.address) this.setBig(words, 0, tag, num);
      else if (key === K.stream) segment.stream = this.names.streamIndex(tag, num);
      else if (key === K.segment_type) segment.small = tag === STR && strings.text(num) === 'small';
      else if (key === K.is_expandable) segment.expandable = tag === TRUE;
      else if (key === K.frames && tag === LIST) segment.stack = this.arena.stackOf(num);
      else if (key === K.segment_pool_id) {
        const text = tag === TUPLE ? this.tupleText[num] : tag === LIST ? this.listText(num) : '';
        segment.poolId = text === '(0, 0)' ? '' : text;
      } else if (key === K.blocks && tag === LIST) {
        [segment.blockFrom, segment.blockTo] = this.arena.rowsOf(num, ROLE_BLOCK) ?? [0, 0];
      } else if (tag === INT) {
        if (key === K.device) segment.device = this.deviceOf(num);
        else if (key === K.total_size) segment.total = num;
        else if (key === K.allocated_size) segment.allocated = num;
        else if (key === K.active_size) segment.active = num;
        else if (key === K.requested_size) segment.requested = num;
        else this.unknownKey('segment', tags[i], nums[i]);
      } else if (key !== K.blocks && key !== K.frames) this.unknownKey('segment', tags[i], nums[i]);
    }
    segment.low = words[0];
    segment.high = words[1];
    this.arena.setRole(dict, ROLE_SEGMENT, this.segments.push(segment) - 1);
  }

  /** A device's number; -1 for what cannot be one. */
  private deviceOf(num: number): number {
    if (num >= 0 && num < MOST_DEVICES) return num;
    this.arena.malformed++;
    return -1;
  }

  private setAnnotation(dict: number, from: number, to: number): void {
    const { tags, nums, strings } = this.machine;
    const entry = { stage: '', name: '', device: 0, timeUs: 0 };
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      if (nums[i] === K.stage && tag === STR) entry.stage = strings.text(num);
      else if (nums[i] === K.name && tag === STR) entry.name = strings.text(num);
      else if (nums[i] === K.device && tag === INT) entry.device = num;
      else if (nums[i] === K.time_us && tag === INT) entry.timeUs = num;
    }
    this.arena.setRole(dict, ROLE_ANNOTATION, this.annotations.push(entry) - 1);
  }

  private setTop(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    this.topFound = true;
    for (let i = from; i < to; i += 2) {
      if (nums[i] === K.segments && tags[i + 1] === LIST) this.topSegments = nums[i + 1];
      else if (nums[i] === K.device_traces && tags[i + 1] === LIST) this.topTraces = nums[i + 1];
    }
    this.setOther(dict, from, to);
  }

  private setOther(dict: number, from: number, to: number): void {
    if (this.others.length >= MOST_OTHERS)
      throw new TraceError('unrecognised', 'a pickle of other things than a memory snapshot', {
        offset: this.machine.offset,
      });
    const map = new Map<string, unknown>();
    for (let i = from; i < to; i += 2) {
      const { tags, nums } = this.machine;
      const key = tags[i] === STR ? this.machine.strings.text(nums[i]) : String(this.plain(tags[i], nums[i]));
      if (tags[i + 1] === DICT) this.settle(nums[i + 1], to);
      map.set(key, this.plain(this.machine.tags[i + 1], this.machine.nums[i + 1]));
    }
    this.arena.setRole(dict, ROLE_OTHER, this.others.push(map) - 1);
  }

  /** A value as plain JavaScript; lists and dicts of rows as their length. For settings, never for events. */
  private plain(tag: number, num: number): unknown {
    switch (tag) {
      case NIL:
        return null;
      case TRUE:
      case FALSE:
        return tag === TRUE;
      case INT:
      case FLOAT:
        return num;
      case BIG:
        return this.machine.bigs[num];
      case STR:
        return this.machine.strings.text(num);
      case TUPLE:
        return this.tupleText[num];
      case DICT: {
        const ref = this.arena.dictRef[num];
        return ref >>> 28 === ROLE_OTHER ? this.others[ref & ROW_MASK] : null;
      }
      default:
        return null;
    }
  }

  private listText(list: number): string {
    const { machine } = this;
    const parts = [...this.arena.valuesOf(list, 16)].map((packed) =>
      String(this.plain(machine.tagOf(packed), machine.numOf(packed))),
    );
    return `(${parts.join(', ')})`;
  }

  private unknownKey(where: string, tag: number, num: number): void {
    const key = `${where}.${tag === STR ? this.machine.strings.text(num) : '?'}`;
    this.unknownKeys.set(key, (this.unknownKeys.get(key) ?? 0) + 1);
  }

  /** After STOP or a cut: settles the top-level dict where its items came one at a time. */
  settleTop(): void {
    const { machine } = this;
    this.nested = 0;
    if (machine.top > 0 && machine.tags[0] === DICT) this.settle(machine.nums[0], machine.top);
  }
}

export interface SegmentRow {
  device: number;
  low: number;
  high: number;
  total: number;
  allocated: number;
  active: number;
  requested: number;
  stream: number;
  small: boolean;
  expandable: boolean;
  poolId: string;
  stack: number;
  blockFrom: number;
  blockTo: number;
}
