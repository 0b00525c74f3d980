/**
 * What the containers of a PyTorch snapshot mean. A dict is told by its keys the moment its items arrive and
 * goes straight into typed columns: an event has "action", a block "state", a segment "blocks", a frame
 * "filename". A list holds either a run of such rows or packed values in a shared pool; a list of frames
 * becomes one node of the stack tree the first time it is used.
 *
 * Not read, and named as such in the warnings: fx_* of frames, and every key that is not known.
 *
 * Long because it is one state machine over shared arenas; cut in two it would export all its fields.
 */
import { TraceError } from '../../base/trace-error.ts';
import { IndexColumn, ByteColumn, NumberColumn } from '../../trace/column-builder.ts';
import { HOST_DEVICE } from '../../trace/capture.ts';
import { ACTION, BLOCK_STATES, NONE } from '../../trace/schema.ts';
import { StackTable } from '../../trace/stack-table.ts';
import {
  BIG,
  DICT,
  FALSE,
  INT,
  LIST,
  NIL,
  PickleMachine,
  type PickleShape,
  STR,
  TRUE,
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
import { DetailColumns, printedFrame } from './details.ts';
import { EventFastPath } from './fast.ts';
import { K, KEYS } from './keys.ts';
import { SnapshotNames } from './names.ts';
import { EventRows } from './rows.ts';
import { SnapshotValues } from './values.ts';

/** An event of protocol 4 without stacks takes about as many bytes. */
const BYTES_AN_EVENT = 72;
/** Generic dicts kept (settings and the like); more than this many are not a snapshot's. */
const MOST_OTHERS = 100_000;
/** Dicts inside dicts whose items come one at a time; a snapshot has three levels. */
const MOST_NESTED = 64;
/** A snapshot names devices by small numbers. */
const MOST_DEVICES = 1024;
const NO_DEVICE = -2;

/** Parts of a snapshot that are lists. */
const LISTS: readonly number[] = [K.segments, K.device_traces, K.host_segments, K.host_traces];
/** -1 as C++ writes it. Stands in the size column for what is no size: check-device.ts leaves the row out and counts it. */
const NO_SIZE = 2n ** 64n - 1n;

const TOP_KEYS: readonly number[] = [
  K.segments,
  K.device_traces,
  K.allocator_settings,
  K.external_annotations,
  K.host_segments,
  K.host_traces,
];

export class SnapshotShape implements PickleShape {
  readonly machine = new PickleMachine(this);
  readonly stacks = new StackTable();
  readonly arena = new SnapshotArena(this.stacks);
  readonly events: EventRows;
  readonly names = new SnapshotNames(this.machine);
  readonly details = new DetailColumns(this.machine.strings);
  readonly values = new SnapshotValues(this.machine, this.arena, this.details);
  readonly segments: SegmentRow[] = [];
  readonly block = {
    low: new IndexColumn(),
    high: new IndexColumn(),
    size: new NumberColumn(),
    requested: new NumberColumn(),
    state: new ByteColumn(),
    stack: new IndexColumn(),
    /** Stack node of the forward pass plus 1; shorter than the others where the rest have none. */
    forward: new IndexColumn(),
  };
  readonly annotations: { stage: string; name: string; device: number; timeUs: number }[] = [];
  readonly deviceFree: [row: number, bytes: number][] = [];
  /** Keys met in events, segments and blocks that mean nothing here, and how often. */
  readonly unknownKeys = new Map<string, number>();
  topSegments = -1;
  topTraces = -1;
  topHostSegments = -1;
  topHostTraces = -1;
  topFound = false;

  private readonly pending = new Map<number, number[]>();
  private nested = 0;
  private readonly printedFrames = new Map<number, number>();
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
    return this.values.tuple(from, to);
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
        case K.host_segments:
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
    this.details.begin();
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      const key = tags[i] === STR ? nums[i] : -1;
      if (key >= 0 && key < 32) seen |= 1 << key;
      switch (key) {
        case K.action:
          events.action[row] = tag === STR ? this.names.actionOf(num) : ACTION.unknown;
          if (tag === STR && events.action[row] === ACTION.unknown) this.details.unknownAction(num);
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
          if (tag !== INT && tag !== BIG) this.arena.malformed++;
          stream = tag === INT ? this.names.streamOf(num) : this.names.streamIndex(tag, num);
          break;
        case K.time_us:
          if (tag === INT && num >= 0) events.setTimeUs(row, num);
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
          this.setText(key, tag, num);
          break;
        case K.forward_frames:
          if (tag === LIST) this.details.forward(this.arena.printedStackOf(num, this.printedFrame));
          break;
        case K.pool_id:
          this.details.setPool(this.values.pool(tag, num));
          break;
        default:
          this.unknownKey('event', tags[i], nums[i]);
      }
    }
    this.details.keep(row, events.capacity);
    events.size[2 * row] = sizeLow;
    events.size[2 * row + 1] = sizeHigh;
    events.stream_index[row] = stream;
    events.stack_index[row] = stack;
    this.names.noteSeen(seen);
    events.length = row + 1;
    this.arena.setRole(dict, ROLE_EVENT, row);
  }

  /** Metadata is a text; where a writer gives something else, its JSON is. */
  private setText(key: number, tag: number, num: number): void {
    if (tag === STR) this.details.text(key, num);
    else if (tag !== NIL)
      this.details.text(key, this.machine.strings.internText(this.values.metadata(tag, num)));
  }

  /** A list of printed frames as a stack. */
  private readonly printedFrame = (packed: number): number => {
    const { machine, printedFrames } = this;
    if (machine.tagOf(packed) !== STR) return -1;
    const string = machine.numOf(packed);
    let frame = printedFrames.get(string);
    if (frame === undefined) {
      const { name, filename, line } = printedFrame(machine.strings.text(string));
      printedFrames.set(string, (frame = this.stacks.internFrame(name, filename, line)));
    }
    return frame;
  };

  private setBig(words: Uint32Array, row: number, tag: number, num: number): void {
    if (tag !== BIG && tag !== INT) {
      if (words !== this.events.size) this.arena.malformed++;
      words[2 * row] = words[2 * row + 1] = words === this.events.size ? NONE : 0;
      return;
    }
    const value = tag === BIG ? this.machine.bigs[num] : BigInt(num);
    // Nothing is taken modulo 2^64: 2^100 is no 0.
    const isSize = words === this.events.size;
    // PyTorch's own writer has signed integers: an address with its highest bit set is written below 0.
    const isNone = value > NO_SIZE || value < (isSize ? 0n : -(2n ** 63n));
    if (isNone && !isSize) this.arena.malformed++;
    const bits = isNone ? NO_SIZE : BigInt.asUintN(64, value);
    words[2 * row] = Number(bits & 0xffffffffn);
    words[2 * row + 1] = Number(bits >> 32n);
  }

  private setFrame(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    let name = '';
    let filename = '';
    let line = 0;
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const key = tags[i] === STR ? nums[i] : -1;
      if (key === K.name && tag === STR) name = this.machine.strings.text(nums[i + 1]);
      else if (key === K.filename && tag === STR) filename = this.machine.strings.text(nums[i + 1]);
      else if (key === K.line && tag === INT) {
        line = nums[i + 1];
        if (line < 0) this.arena.malformed++;
      }
      // Where Python knows no line, PyTorch writes -1 as 2^64 - 1.
      else if (key === K.line && tag === BIG && this.machine.bigs[nums[i + 1]] === NO_SIZE) line = 0;
      else if (key === K.name || key === K.filename || key === K.line) this.arena.malformed++;
      else this.unknownKey('frame', tags[i], nums[i]);
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
    let forward = NONE;
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      switch (tags[i] === STR ? nums[i] : -1) {
        case K.address:
          this.setBig(words, 0, tag, num);
          hasAddress = true;
          break;
        case K.size:
          size = tag === INT ? num : NaN;
          break;
        case K.requested_size:
          if (tag === INT) requested = num;
          else this.arena.malformed++;
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
        case K.forward_frames:
          if (tag === LIST) forward = this.arena.printedStackOf(num, this.printedFrame);
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
    if (forward !== NONE) {
      while (block.forward.length < block.size.length - 1) block.forward.push(0);
      block.forward.push(forward + 1);
    }
    this.arena.setRole(dict, ROLE_BLOCK, block.size.length - 1);
  }

  private readonly histories: { realSize: number; stack: number }[] = [];

  private setHistory(dict: number, from: number, to: number): void {
    const { tags, nums } = this.machine;
    const entry = { realSize: NaN, stack: NONE };
    for (let i = from; i < to; i += 2) {
      // A number for a key can be equal to the number of a text.
      const key = tags[i] === STR ? nums[i] : -1;
      if (key === K.real_size && tags[i + 1] === INT) entry.realSize = nums[i + 1];
      else if (key === K.frames && tags[i + 1] === LIST) entry.stack = this.arena.stackOf(nums[i + 1]);
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
      else if (key === K.stream) {
        if (tag !== INT && tag !== BIG) this.arena.malformed++;
        segment.stream = this.names.streamIndex(tag, num);
      } else if (key === K.segment_type) {
        if (tag !== STR) this.arena.malformed++;
        segment.small = tag === STR && strings.text(num) === 'small';
      } else if (key === K.is_expandable) {
        if (tag !== TRUE && tag !== FALSE) this.arena.malformed++;
        segment.expandable = tag === TRUE;
      } else if (key === K.device && tag !== INT) {
        this.arena.malformed++;
        segment.device = NO_DEVICE;
      } else if (key === K.frames && tag === LIST) segment.stack = this.arena.stackOf(num);
      else if (key === K.segment_pool_id) {
        const text = this.values.poolId(tag, num);
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
      } else if (key === K.total_size || key === K.allocated_size || key === K.active_size) {
        // A number of more than 53 bits, or none.
        if (key === K.total_size) segment.total = NaN;
        else if (key === K.allocated_size) segment.allocated = Infinity;
        else segment.active = Infinity;
      } else if (key === K.blocks) {
        if (tag !== NIL) this.arena.malformed++;
      } else if (key !== K.frames && key !== K.forward_frames) this.unknownKey('segment', tags[i], nums[i]);
    }
    segment.low = words[0];
    segment.high = words[1];
    this.arena.setRole(dict, ROLE_SEGMENT, this.segments.push(segment) - 1);
  }

  /** A device's number, the host's included; NO_DEVICE of what cannot be one. */
  private deviceOf(num: number): number {
    if (num >= HOST_DEVICE && num < MOST_DEVICES) return num;
    this.arena.malformed++;
    return NO_DEVICE;
  }

  private setAnnotation(dict: number, from: number, to: number): void {
    const { tags, nums, strings } = this.machine;
    const entry = { stage: '', name: '', device: 0, timeUs: 0 };
    for (let i = from; i < to; i += 2) {
      const tag = tags[i + 1];
      const num = nums[i + 1];
      const key = tags[i] === STR ? nums[i] : -1;
      if (key === K.stage && tag === STR) entry.stage = strings.text(num);
      else if (key === K.name && tag === STR) entry.name = strings.text(num);
      else if (key === K.device && tag === INT) entry.device = num;
      else if (key === K.time_us && tag === INT) entry.timeUs = num;
      else this.unknownKey('annotation', tags[i], nums[i]);
    }
    this.arena.setRole(dict, ROLE_ANNOTATION, this.annotations.push(entry) - 1);
  }

  private setTop(dict: number, from: number, to: number): void {
    const { tags, nums, strings } = this.machine;
    this.topFound = true;
    for (let i = from; i < to; i += 2) {
      const key = tags[i] === STR ? nums[i] : -1;
      if (!TOP_KEYS.includes(key)) {
        // Of the ring: told among the settings or beside them.
        if (key < 0 || !strings.text(key).startsWith('trace_alloc_'))
          this.unknownKey('snapshot', tags[i], nums[i]);
      } else if (tags[i + 1] !== LIST) {
        // A part that is something else than a list is not there, and that is counted.
        if (tags[i + 1] !== NIL && LISTS.includes(key)) this.arena.malformed++;
      } else {
        const list = nums[i + 1];
        if (key === K.segments) this.topSegments = list;
        else if (key === K.device_traces) this.topTraces = list;
        else if (key === K.host_segments) this.topHostSegments = list;
        else if (key === K.host_traces) this.topHostTraces = list;
      }
    }
    this.setOther(dict, from, to);
  }

  private setOther(dict: number, from: number, to: number): void {
    const { values } = this;
    if (values.others.length >= MOST_OTHERS)
      throw new TraceError('unrecognised', 'a pickle of other things than a memory snapshot', {
        offset: this.machine.offset,
      });
    const map = new Map<string, unknown>();
    for (let i = from; i < to; i += 2) {
      const { tags, nums } = this.machine;
      const key =
        tags[i] === STR ? this.machine.strings.text(nums[i]) : String(values.plain(tags[i], nums[i]));
      if (tags[i + 1] === DICT) this.settle(nums[i + 1], to);
      map.set(key, values.plain(this.machine.tags[i + 1], this.machine.nums[i + 1]));
    }
    this.arena.setRole(dict, ROLE_OTHER, values.others.push(map) - 1);
  }

  private unknownKey(where: string, tag: number, num: number): void {
    // New versions bring new keys, and all of them are texts.
    if (tag !== STR) this.arena.malformed++;
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
