/**
 * Pickle opcodes (protocols 0 to 5) executed over a stream of chunks: a decoder of data, never of code.
 * Any opcode that would import, call or build an object ends with TraceError 'unsafe-pickle'.
 *
 * Values live on a stack of two typed arrays (tag and number); nothing is allocated per value. What lists,
 * dicts and tuples mean is the business of a PickleShape, which gets them as ranges of the stack.
 *
 * Opcodes: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 * Not read: sets, out-of-band buffers (protocol 5), persistent ids, extension codes.
 *
 * Long because the opcode loop has to be one function for the JIT to keep its state in registers.
 */
import { TraceError, type TraceErrorCode } from '../../base/trace-error.ts';
import { PickleStrings, shown, unescapeUnicode, unquote } from './pickle-strings.ts';
import { argumentBytes, unsafeOpcode } from './pickle-opcodes.ts';

export const NIL = 0;
export const FALSE = 1;
export const TRUE = 2;
/** `nums` holds an integer, |n| <= 2^53. */
export const INT = 3;
/** `nums` holds an index into `bigs`. */
export const BIG = 4;
export const FLOAT = 5;
/** `nums` holds an id of `strings`. */
export const STR = 6;
/** `nums` holds the id that the shape gave. */
export const LIST = 7;
export const DICT = 8;
export const TUPLE = 9;
/** Bytes objects: skipped, only their length is kept. */
export const BYTES = 10;
/** In packed form only: an index into the machine's boxed numbers. */
const BOX = 11;

const ID_BITS = 28;
const ID_MASK = (1 << ID_BITS) - 1;
const TWO_32 = 4294967296;
/** More bytes than any fixed-size opcode takes with its argument. */
const MARGIN = 16;
const LONGEST_STRING = 256 * 1024 * 1024;
const TRUNCATED = 'Copy the file again, or record it again: it ends before its data does.';

/** INT LONG FLOAT STRING UNICODE GET PUT: their argument is a line of text. */
const TEXTUAL: ReadonlySet<number> = new Set([0x49, 0x4c, 0x46, 0x53, 0x56, 0x67, 0x70]);

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export interface PickleShape {
  newList(): number;
  newDict(): number;
  /** Values [from, to) of the stack as a tuple. */
  newTuple(from: number, to: number): number;
  /** Values [from, to) go to the end of the list. Slots from `to` on are free for scratch. */
  append(list: number, from: number, to: number): void;
  /** Keys and values alternate in [from, to). `whole`: a run of items, most likely all of the dict. */
  setItems(dict: number, from: number, to: number, whole: boolean): void;
  /**
   * May decode whole dicts from buffer[pos] (an EMPTY_DICT) on by itself, pushing each on the stack, and returns
   * the position after the last; `pos` itself where the bytes are not in a form it knows. `end`: bytes there are.
   */
  decodeRun(buffer: Uint8Array, pos: number, end: number): number;
}

export class PickleMachine {
  readonly strings = new PickleStrings();
  readonly bigs: bigint[] = [];
  tags = new Uint8Array(1 << 12);
  nums = new Float64Array(1 << 12);
  /** Stack height. */
  top = 0;
  /** Bytes before `buffer`. */
  private passed = 0;
  private marks: number[] = [];
  /** Packed values. */
  memo = new Uint32Array(1 << 12);
  memoCount = 0;
  private boxes: { tag: number; num: number }[] = [];
  private buffer = new Uint8Array(0);
  private filled = 0;
  private readonly latin1 = new TextDecoder('latin1');
  protocol = 0;
  /** True after STOP; the result lies at stack slot 0. */
  stopped = false;

  constructor(private readonly shape: PickleShape) {}

  /** Bytes decoded so far: where the next opcode begins. */
  offset = 0;

  /** Decodes as much as the bytes so far allow. Bytes after STOP are left alone. */
  push(chunk: Uint8Array): void {
    if (this.stopped) return;
    const need = this.filled + chunk.length;
    if (need > this.buffer.length) {
      const bigger = new Uint8Array(Math.max(need + 4096, Math.min(this.buffer.length * 2, need * 2)));
      bigger.set(this.buffer.subarray(0, this.filled));
      this.buffer = bigger;
    }
    this.buffer.set(chunk, this.filled);
    this.filled = need;
    const used = this.run(this.buffer, need, false);
    this.buffer.copyWithin(0, used, need);
    this.filled = need - used;
    this.passed += used;
    this.offset = this.passed;
  }

  /** Decodes the rest. Throws TraceError 'truncated' where STOP does not come. */
  finish(): void {
    if (this.stopped) return;
    this.offset = this.passed + this.run(this.buffer, this.filled, true);
    if (!this.stopped)
      this.throwAt('truncated', this.passed + this.filled, 'the file ends before the pickle does (no STOP)');
  }

  throwAt(code: TraceErrorCode, offset: number, message: string): never {
    this.offset = offset;
    throw new TraceError(code, message, { offset, advice: code === 'truncated' ? TRUNCATED : null });
  }

  /** From inside `run`: what was decoded before the opcode at `start` is kept, and the stack says where it belongs. */
  private failAt(top: number, start: number, code: TraceErrorCode, message: string): never {
    this.top = top;
    this.throwAt(code, this.passed + start, message);
  }

  /** Room for `count` more values. Afterwards `tags` and `nums` may be other arrays. */
  reserve(count: number): void {
    if (count <= this.tags.length) return;
    const size = Math.max(this.tags.length * 2, count);
    const tags = new Uint8Array(size);
    tags.set(this.tags);
    const nums = new Float64Array(size);
    nums.set(this.nums);
    this.tags = tags;
    this.nums = nums;
  }

  /** Room for memo entries [0, count). */
  growMemo(count: number): Uint32Array<ArrayBuffer> {
    const bigger = new Uint32Array(Math.max(this.memo.length * 2, count));
    bigger.set(this.memo);
    this.memo = bigger;
    return bigger;
  }

  /** The value of a stack slot in one u32: 4 bits of tag, 28 of id. Numbers are boxed. */
  pack(slot: number): number {
    const tag = this.tags[slot];
    const num = this.nums[slot];
    if (tag === INT || tag === BIG || tag === FLOAT) {
      return ((BOX << ID_BITS) | (this.boxes.push({ tag, num }) - 1)) >>> 0;
    }
    if (num > ID_MASK)
      this.throwAt('unsupported', this.passed, 'more than 268 million containers or strings');
    return ((tag << ID_BITS) | num) >>> 0;
  }

  tagOf(packed: number): number {
    const tag = packed >>> ID_BITS;
    return tag === BOX ? this.boxes[packed & ID_MASK].tag : tag;
  }

  numOf(packed: number): number {
    return packed >>> ID_BITS === BOX ? this.boxes[packed & ID_MASK].num : packed & ID_MASK;
  }

  /** Executes opcodes of buffer[0, end) and returns how many bytes are done with. */
  private run(buffer: Uint8Array, end: number, final: boolean): number {
    const strings = this.strings;
    const shape = this.shape;
    let marks = this.marks;
    let tags = this.tags;
    let nums = this.nums;
    let memo = this.memo;
    let memoCount = this.memoCount;
    let top = this.top;
    let pos = 0;
    const tail = end - MARGIN;
    const limit = final ? end : tail;
    loop: while (pos < limit) {
      if (top + 1 >= tags.length) {
        this.reserve(top + 2);
        tags = this.tags;
        nums = this.nums;
      }
      const start = pos;
      const op = buffer[pos++];
      if (start >= tail && pos + argumentBytes(op) > end)
        this.failAt(top, start, 'truncated', 'the file ends inside a value');
      switch (op) {
        case 0x68: // BINGET
        case 0x6a: {
          // LONG_BINGET
          let index = buffer[pos++];
          if (op === 0x6a) {
            index = (index | (buffer[pos] << 8) | (buffer[pos + 1] << 16) | (buffer[pos + 2] << 24)) >>> 0;
            pos += 3;
          }
          if (index >= memoCount) this.failAt(top, start, 'corrupt', `memo entry ${index} was never stored`);
          const packed = memo[index];
          const tag = packed >>> ID_BITS;
          if (tag === BOX) {
            tags[top] = this.tagOf(packed);
            nums[top++] = this.numOf(packed);
          } else {
            tags[top] = tag;
            nums[top++] = packed & ID_MASK;
          }
          break;
        }
        case 0x94: // MEMOIZE
        case 0x71: // BINPUT
        case 0x72: {
          // LONG_BINPUT
          let index = memoCount;
          if (op === 0x71) index = buffer[pos++];
          else if (op === 0x72) {
            index =
              (buffer[pos] | (buffer[pos + 1] << 8) | (buffer[pos + 2] << 16) | (buffer[pos + 3] << 24)) >>>
              0;
            pos += 4;
          }
          if (top === 0) this.failAt(top, start, 'corrupt', 'memoize on an empty stack');
          // Every entry takes a byte or more: a file cannot make the memo larger than itself.
          if (index > this.passed + start)
            this.failAt(top, start, 'corrupt', `memo index ${index} at byte ${this.passed + start}`);
          if (index >= memo.length) memo = this.growMemo(index + 1);
          const tag = tags[top - 1];
          memo[index] = tag >= STR ? ((tag << ID_BITS) | nums[top - 1]) >>> 0 : this.pack(top - 1);
          if (index >= memoCount) memoCount = index + 1;
          break;
        }
        case 0x8a: {
          // LONG1
          const size = buffer[pos++];
          if (pos + size > end) {
            if (!final) {
              pos = start;
              break loop;
            }
            this.failAt(top, start, 'truncated', 'the file ends inside an integer');
          }
          if (size === 6 || (size === 7 && (buffer[pos + 6] < 0x1f || buffer[pos + 6] > 0xe0))) {
            // Addresses (47 bits) take six bytes in two's complement, times in microseconds seven; both exact in a double.
            const low =
              (buffer[pos] | (buffer[pos + 1] << 8) | (buffer[pos + 2] << 16) | (buffer[pos + 3] << 24)) >>>
              0;
            const high =
              size === 6
                ? ((buffer[pos + 4] << 16) | (buffer[pos + 5] << 24)) >> 16
                : ((buffer[pos + 4] << 8) | (buffer[pos + 5] << 16) | (buffer[pos + 6] << 24)) >> 8;
            tags[top] = INT;
            nums[top++] = high * TWO_32 + low;
          } else {
            this.top = top;
            this.pushLong(buffer, pos, size);
            top = this.top;
          }
          pos += size;
          break;
        }
        case 0x4b: // BININT1
          tags[top] = INT;
          nums[top++] = buffer[pos++];
          break;
        case 0x4d: // BININT2
          tags[top] = INT;
          nums[top++] = buffer[pos] | (buffer[pos + 1] << 8);
          pos += 2;
          break;
        case 0x4a: // BININT
          tags[top] = INT;
          nums[top++] =
            buffer[pos] | (buffer[pos + 1] << 8) | (buffer[pos + 2] << 16) | (buffer[pos + 3] << 24);
          pos += 4;
          break;
        case 0x8c: // SHORT_BINUNICODE
        case 0x58: // BINUNICODE
        case 0x55: // SHORT_BINSTRING
        case 0x54: {
          // BINSTRING
          let size = buffer[pos++];
          if (op === 0x58 || op === 0x54) {
            size = (size | (buffer[pos] << 8) | (buffer[pos + 1] << 16) | (buffer[pos + 2] << 24)) >>> 0;
            pos += 3;
          }
          if (pos + size > end) {
            if (size > LONGEST_STRING) this.failAt(top, start, 'corrupt', `a string of ${size} bytes`);
            if (final) this.failAt(top, start, 'truncated', 'the file ends inside a string');
            pos = start;
            break loop;
          }
          tags[top] = STR;
          nums[top++] = strings.intern(buffer, pos, pos + size);
          pos += size;
          break;
        }
        case 0x7d: // EMPTY_DICT
          this.top = top;
          this.memoCount = memoCount;
          pos = shape.decodeRun(buffer, start, end);
          if (pos > start) {
            top = this.top;
            memoCount = this.memoCount;
            memo = this.memo;
            tags = this.tags;
            nums = this.nums;
            break;
          }
          pos = start + 1;
          tags[top] = DICT;
          nums[top++] = shape.newDict();
          break;
        case 0x5d: // EMPTY_LIST
          tags[top] = LIST;
          nums[top++] = shape.newList();
          break;
        case 0x28: // MARK
          marks.push(top);
          break;
        case 0x75: // SETITEMS
        case 0x65: {
          // APPENDS
          const mark = marks.length === 0 ? -1 : marks.pop()!;
          const wanted = op === 0x75 ? DICT : LIST;
          if (mark < 1 || tags[mark - 1] !== wanted) {
            this.failAt(
              top,
              start,
              'corrupt',
              op === 0x75 ? 'SETITEMS without a dict' : 'APPENDS without a list',
            );
          }
          this.offset = this.passed + start;
          this.top = top;
          if (op === 0x65) shape.append(nums[mark - 1], mark, top);
          else {
            if ((top - mark) & 1) this.failAt(top, start, 'corrupt', 'SETITEMS with a key that has no value');
            shape.setItems(nums[mark - 1], mark, top, true);
          }
          tags = this.tags;
          nums = this.nums;
          top = mark;
          break;
        }
        case 0x61: {
          // APPEND
          if (top < 2 || tags[top - 2] !== LIST) this.failAt(top, start, 'corrupt', 'APPEND without a list');
          this.offset = this.passed + start;
          this.top = top;
          shape.append(nums[top - 2], top - 1, top);
          tags = this.tags;
          nums = this.nums;
          top--;
          break;
        }
        case 0x73: // SETITEM
          if (top < 3 || tags[top - 3] !== DICT) this.failAt(top, start, 'corrupt', 'SETITEM without a dict');
          this.offset = this.passed + start;
          this.top = top;
          shape.setItems(nums[top - 3], top - 2, top, false);
          tags = this.tags;
          nums = this.nums;
          top -= 2;
          break;
        case 0x95: // FRAME: its length is of no use to a streaming reader
          pos += 8;
          break;
        default: {
          this.top = top;
          this.memoCount = memoCount;
          const next = this.runRare(op, buffer, pos, end);
          if (next < 0) {
            // Not enough bytes for a text or long argument.
            if (final) this.failAt(top, start, 'truncated', 'the file ends inside a value');
            pos = start;
            break loop;
          }
          pos = next;
          top = this.top;
          memo = this.memo;
          memoCount = this.memoCount;
          tags = this.tags;
          nums = this.nums;
          marks = this.marks;
          if (this.stopped) break loop;
        }
      }
    }
    this.top = top;
    this.memoCount = memoCount;
    return pos;
  }

  private value(tag: number, num: number): void {
    this.reserve(this.top + 1);
    this.tags[this.top] = tag;
    this.nums[this.top++] = num;
  }

  private integer(value: bigint): void {
    const small = Number(value);
    if (Number.isSafeInteger(small)) this.value(INT, small);
    else this.value(BIG, this.bigs.push(value) - 1);
  }

  /** Two's complement little-endian integer of `size` bytes. */
  private pushLong(buffer: Uint8Array, pos: number, size: number): void {
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(buffer[pos + i]);
    this.integer(BigInt.asIntN(size * 8, value));
  }

  private popMark(at: number): number {
    const mark = this.marks.pop();
    if (mark === undefined || mark > this.top)
      this.throwAt('corrupt', at, 'an opcode that needs a MARK finds none');
    return mark;
  }

  private makeTuple(from: number): void {
    if (from < 0) this.throwAt('corrupt', this.passed, 'a tuple of more values than the stack holds');
    const id = this.shape.newTuple(from, this.top);
    this.top = from;
    this.value(TUPLE, id);
  }

  private memoText(text: string, put: boolean, at: number): void {
    const index = /^\d{1,10}$/.test(text) ? Number(text) : -1;
    if (put) {
      if (index < 0 || index > at || this.top === 0) this.throwAt('corrupt', at, `PUT ${shown(text)}`);
      if (index >= this.memo.length) this.growMemo(index + 1);
      this.memo[index] = this.pack(this.top - 1);
      this.memoCount = Math.max(this.memoCount, index + 1);
    } else {
      if (index < 0 || index >= this.memoCount)
        this.throwAt('corrupt', at, `memo entry ${shown(text)} was never stored`);
      this.value(this.tagOf(this.memo[index]), this.numOf(this.memo[index]));
    }
  }

  /** Opcodes outside the hot loop. Returns the position after the argument, -1 where bytes are missing. */
  private runRare(op: number, buffer: Uint8Array, pos: number, end: number): number {
    const at = this.passed + pos - 1;
    const unsafe = unsafeOpcode(op);
    if (unsafe !== null) {
      throw new TraceError(
        'unsafe-pickle',
        `opcode ${unsafe} would ${unsafe === 'GLOBAL' || unsafe === 'STACK_GLOBAL' || unsafe === 'INST' ? 'import a name' : 'call or build an object'}; a memory snapshot never needs it and vramscope never does it`,
        {
          offset: at,
          advice:
            'Only plain data is read. Save the snapshot with torch.cuda.memory._dump_snapshot("file.pickle"); a model or tensor file is not a memory snapshot.',
        },
      );
    }
    switch (op) {
      case 0x80: // PROTO
        this.protocol = buffer[pos];
        if (this.protocol > 5) this.throwAt('unsupported', at, `pickle protocol ${this.protocol}`);
        return pos + 1;
      case 0x2e: // STOP
        if (this.top === 0) this.throwAt('corrupt', at, 'STOP with nothing on the stack');
        this.stopped = true;
        return pos;
      case 0x4e: // NONE
        this.value(NIL, 0);
        return pos;
      case 0x88: // NEWTRUE
        this.value(TRUE, 1);
        return pos;
      case 0x89: // NEWFALSE
        this.value(FALSE, 0);
        return pos;
      case 0x47: // BINFLOAT
        if (pos + 8 > end) return -1;
        this.value(FLOAT, viewOf(buffer).getFloat64(pos, false));
        return pos + 8;
      case 0x8b: {
        // LONG4
        if (pos + 4 > end) return -1;
        const size = viewOf(buffer).getUint32(pos, true);
        if (size > 1024) this.throwAt('corrupt', at, `an integer of ${size} bytes`);
        if (pos + 4 + size > end) return -1;
        this.pushLong(buffer, pos + 4, size);
        return pos + 4 + size;
      }
      case 0x8d: // BINUNICODE8
      case 0x42: // BINBYTES
      case 0x43: // SHORT_BINBYTES
      case 0x8e: // BINBYTES8
      case 0x96: {
        // BYTEARRAY8
        const width = op === 0x43 ? 1 : op === 0x42 ? 4 : 8;
        if (pos + width > end) return -1;
        const size =
          width === 1
            ? buffer[pos]
            : width === 4
              ? viewOf(buffer).getUint32(pos, true)
              : Number(viewOf(buffer).getBigUint64(pos, true));
        if (size > LONGEST_STRING) this.throwAt('corrupt', at, `a string of ${size} bytes`);
        if (pos + width + size > end) return -1;
        if (op === 0x8d) this.value(STR, this.strings.intern(buffer, pos + width, pos + width + size));
        else this.value(BYTES, size);
        return pos + width + size;
      }
      case 0x6c: {
        // LIST
        const from = this.popMark(at);
        const list = this.shape.newList();
        this.shape.append(list, from, this.top);
        this.top = from;
        this.value(LIST, list);
        return pos;
      }
      case 0x64: {
        // DICT
        const from = this.popMark(at);
        if ((this.top - from) & 1) this.throwAt('corrupt', at, 'DICT with a key that has no value');
        const dict = this.shape.newDict();
        if (this.top > from) this.shape.setItems(dict, from, this.top, true);
        this.top = from;
        this.value(DICT, dict);
        return pos;
      }
      case 0x29: // EMPTY_TUPLE
        this.makeTuple(this.top);
        return pos;
      case 0x74: // TUPLE
        this.makeTuple(this.popMark(at));
        return pos;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        this.makeTuple(this.top - (op - 0x84));
        return pos;
      case 0x30: // POP
        if (this.top === 0) this.throwAt('corrupt', at, 'POP on an empty stack');
        this.top--;
        return pos;
      case 0x31: // POP_MARK
        this.top = this.popMark(at);
        return pos;
      case 0x32: // DUP
        if (this.top === 0) this.throwAt('corrupt', at, 'DUP on an empty stack');
        this.value(this.tags[this.top - 1], this.nums[this.top - 1]);
        return pos;
    }
    const newline = buffer.subarray(0, end).indexOf(10, pos);
    if (!TEXTUAL.has(op))
      this.throwAt(
        'corrupt',
        at,
        `0x${op.toString(16).padStart(2, '0')} is no opcode that a snapshot can hold`,
      );
    if (newline < 0) {
      if (end - pos > LONGEST_STRING) this.throwAt('corrupt', at, 'a line of more than 256 MiB');
      return -1;
    }
    this.runText(op, this.latin1.decode(buffer.subarray(pos, newline)), at);
    return newline + 1;
  }

  /** Protocol 0: arguments as lines of text. */
  private runText(op: number, line: string, at: number): void {
    switch (String.fromCharCode(op)) {
      case 'I':
      case 'L':
        if (line === '00' || line === '01') {
          this.value(line === '01' ? TRUE : FALSE, Number(line));
          return;
        }
        if (!/^-?\d{1,400}L?$/.test(line)) this.throwAt('corrupt', at, `${shown(line)} is no integer`);
        this.integer(BigInt(line.replace('L', '')));
        return;
      case 'F':
        this.value(FLOAT, Number(line));
        return;
      case 'S':
        this.value(STR, this.strings.internText(unquote(line)));
        return;
      case 'V':
        this.value(STR, this.strings.internText(unescapeUnicode(line)));
        return;
      default:
        this.memoText(line, String.fromCharCode(op) === 'p', at);
    }
  }
}
