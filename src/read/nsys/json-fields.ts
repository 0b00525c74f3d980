/**
 * Fields out of a line of JSON by their paths, without making objects or texts of the rest: millions of lines
 * have a dozen fields each, of which a few are asked for. Values stay bytes until they are asked for.
 *
 *   {"Type":117,"CudaMemoryUsageEvent":{"startNs":"410036243","bytes":"2097152","memKind":2, ...}}
 *                                        paths: CudaMemoryUsageEvent/startNs, CudaMemoryUsageEvent/bytes
 *
 * Checked is what must be walked over: strings, brackets, commas. It is no validator of JSON.
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LIST = 0x5b;
const LIST_END = 0x5d;
const COLON = 0x3a;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const MOST_DEPTH = 64;
/** Digits that a number holds exactly whatever they are. */
const EXACT_DIGITS = 15;

const ABSENT = 0;
const TEXT = 1;
const LITERAL = 2;

interface Key {
  readonly bytes: Uint8Array;
  /** Index of the field; -1: only what is in it is asked for. */
  field: number;
  readonly inside: Map<number, Key>;
}

const hashOf = (bytes: Uint8Array, from: number, to: number): number => {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return hash;
};

/** Behind the closing quote of the string whose opening quote is at `from`; -1: it does not end before `to`. */
function behindString(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from + 1; i < to; i++) {
    if (bytes[i] === QUOTE) return i + 1;
    if (bytes[i] === BACKSLASH) i++;
  }
  return -1;
}

export class JsonFields {
  private bytes = new Uint8Array(0);
  private readonly kinds: Uint8Array;
  private readonly from: Int32Array;
  private readonly to: Int32Array;
  private readonly keys = new Map<number, Key>();
  private readonly decoder = new TextDecoder();
  private at = 0;
  private end = 0;

  constructor(paths: readonly (readonly string[])[]) {
    this.kinds = new Uint8Array(paths.length);
    this.from = new Int32Array(paths.length);
    this.to = new Int32Array(paths.length);
    paths.forEach((path, field) => {
      let keys = this.keys;
      path.forEach((name, i) => {
        const bytes = new TextEncoder().encode(name);
        const hash = hashOf(bytes, 0, bytes.length);
        let key = keys.get(hash);
        if (key === undefined) keys.set(hash, (key = { bytes, field: -1, inside: new Map() }));
        if (i === path.length - 1) key.field = field;
        keys = key.inside;
      });
    });
  }

  /** Looks at the line [from, to) of `bytes`; false where it is not one object. */
  scan(bytes: Uint8Array, from: number, to: number): boolean {
    this.bytes = bytes as Uint8Array<ArrayBuffer>;
    this.kinds.fill(ABSENT);
    this.at = from;
    this.end = to;
    this.space();
    if (!this.object(this.keys, 0)) return false;
    this.space();
    return this.at === to;
  }

  has(field: number): boolean {
    return this.kinds[field] !== ABSENT;
  }

  isText(field: number): boolean {
    return this.kinds[field] === TEXT;
  }

  /** true: the field is this text, which has nothing to escape. */
  equals(field: number, text: Uint8Array): boolean {
    const from = this.from[field];
    if (this.to[field] - from !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.bytes[from + i] !== text[i]) return false;
    return true;
  }

  /** 0 where it is no number, as text or not. */
  number(field: number): number {
    if (this.kinds[field] === ABSENT) return 0;
    const { bytes } = this;
    let i = this.from[field];
    const to = this.to[field];
    const isNegative = bytes[i] === MINUS;
    if (isNegative) i++;
    if (to === i || to - i > EXACT_DIGITS) return this.odd(field);
    let value = 0;
    for (; i < to; i++) {
      const digit = bytes[i] - ZERO;
      if (digit < 0 || digit > 9) return this.odd(field);
      value = 10 * value + digit;
    }
    return isNegative ? -value : value;
  }

  /** 64 bits, signed; 0n where it is no integer. */
  bigint(field: number): bigint {
    if (this.to[field] - this.from[field] <= EXACT_DIGITS) {
      const value = this.number(field);
      return Number.isInteger(value) ? BigInt(value) : BigInt(Math.trunc(value));
    }
    const text = this.raw(field);
    return this.kinds[field] !== ABSENT && /^[+-]?\d{1,20}$/.test(text)
      ? BigInt.asIntN(64, BigInt(text))
      : 0n;
  }

  text(field: number): string {
    if (this.kinds[field] === ABSENT) return '';
    const raw = this.raw(field);
    if (this.kinds[field] === LITERAL || !raw.includes('\\')) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      return raw;
    }
  }

  private raw(field: number): string {
    return this.decoder.decode(this.bytes.subarray(this.from[field], this.to[field]));
  }

  /** A number of more digits, a fraction, true, or none at all. */
  private odd(field: number): number {
    const text = this.raw(field);
    if (/^[+-]?\d{1,20}$/.test(text)) return Number(BigInt.asIntN(64, BigInt(text)));
    const value = text === 'true' ? 1 : Number(text);
    return text !== '' && Number.isFinite(value) ? value : 0;
  }

  private space(): void {
    while (this.at < this.end && this.bytes[this.at] <= 0x20) this.at++;
  }

  private object(keys: ReadonlyMap<number, Key> | null, depth: number): boolean {
    const { bytes, end } = this;
    if (depth > MOST_DEPTH || this.at >= end || bytes[this.at] !== OPEN) return false;
    this.at++;
    this.space();
    if (bytes[this.at] === CLOSE && this.at < end) {
      this.at++;
      return true;
    }
    for (;;) {
      if (this.at >= end || bytes[this.at] !== QUOTE) return false;
      const open = this.at;
      const behind = behindString(bytes, open, end);
      if (behind < 0) return false;
      this.at = behind;
      this.space();
      if (this.at >= end || bytes[this.at] !== COLON) return false;
      this.at++;
      this.space();
      const key = keys === null ? undefined : this.keyOf(keys, open + 1, behind - 1);
      if (!this.value(key, depth)) return false;
      this.space();
      if (this.at >= end) return false;
      const byte = bytes[this.at++];
      if (byte === CLOSE) return true;
      if (byte !== COMMA) return false;
      this.space();
    }
  }

  private keyOf(keys: ReadonlyMap<number, Key>, from: number, to: number): Key | undefined {
    const key = keys.get(hashOf(this.bytes, from, to));
    if (key === undefined || key.bytes.length !== to - from) return undefined;
    for (let i = 0; i < key.bytes.length; i++) if (key.bytes[i] !== this.bytes[from + i]) return undefined;
    return key;
  }

  private value(key: Key | undefined, depth: number): boolean {
    const { bytes, end } = this;
    if (this.at >= end) return false;
    const byte = bytes[this.at];
    if (byte === QUOTE) {
      const from = this.at;
      this.at = behindString(bytes, from, end);
      if (this.at < 0) return false;
      if (key !== undefined) this.keep(key, TEXT, from + 1, this.at - 1);
      return true;
    }
    if (byte === OPEN)
      return this.object(key === undefined || key.inside.size === 0 ? null : key.inside, depth + 1);
    if (byte === LIST) return this.list(depth + 1);
    const from = this.at;
    while (this.at < end) {
      const next = bytes[this.at];
      if (next === COMMA || next === CLOSE || next === LIST_END || next <= 0x20) break;
      this.at++;
    }
    if (this.at === from) return false;
    // null is as good as absent.
    if (key !== undefined && byte !== 0x6e) this.keep(key, LITERAL, from, this.at);
    return true;
  }

  private list(depth: number): boolean {
    if (depth > MOST_DEPTH) return false;
    this.at++;
    this.space();
    if (this.at < this.end && this.bytes[this.at] === LIST_END) {
      this.at++;
      return true;
    }
    for (;;) {
      if (!this.value(undefined, depth)) return false;
      this.space();
      if (this.at >= this.end) return false;
      const byte = this.bytes[this.at++];
      if (byte === LIST_END) return true;
      if (byte !== COMMA) return false;
      this.space();
    }
  }

  private keep(key: Key, kind: number, from: number, to: number): void {
    if (key.field < 0) return;
    this.kinds[key.field] = kind;
    this.from[key.field] = from;
    this.to[key.field] = to;
  }
}
