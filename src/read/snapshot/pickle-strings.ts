/**
 * Strings of a pickle, interned by their bytes: a string met a million times is stored once and decoded at
 * most once. Ids count up from 0 in order of first sight.
 */
const EMPTY = 0xffffffff;

export class PickleStrings {
  private bytes = new Uint8Array(1 << 16);
  private used = 0;
  private offsets = new Uint32Array(1 << 10);
  private count = 0;
  private slots = new Uint32Array(1 << 11).fill(EMPTY);
  private readonly decoded: (string | undefined)[] = [];
  private readonly decoder = new TextDecoder('utf-8');
  private readonly encoder = new TextEncoder();

  get length(): number {
    return this.count;
  }

  /** Id of the UTF-8 text buffer[from, to). */
  intern(buffer: Uint8Array, from: number, to: number): number {
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ buffer[i], 0x01000193);
    hash ^= hash >>> 15;
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (;;) {
      const id = this.slots[slot];
      if (id === EMPTY) return this.add(slot, buffer, from, to);
      if (this.equals(id, buffer, from, to)) return id;
      slot = (slot + 1) & mask;
    }
  }

  internText(text: string): number {
    const bytes = this.encoder.encode(text);
    return this.intern(bytes, 0, bytes.length);
  }

  text(id: number): string {
    return (this.decoded[id] ??= this.decoder.decode(
      this.bytes.subarray(this.offsets[id], this.offsets[id + 1]),
    ));
  }

  private equals(id: number, buffer: Uint8Array, from: number, to: number): boolean {
    const start = this.offsets[id];
    if (this.offsets[id + 1] - start !== to - from) return false;
    for (let i = from; i < to; i++) if (this.bytes[start + i - from] !== buffer[i]) return false;
    return true;
  }

  private add(slot: number, buffer: Uint8Array, from: number, to: number): number {
    const size = to - from;
    if (this.used + size > this.bytes.length) {
      const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + size));
      bigger.set(this.bytes);
      this.bytes = bigger;
    }
    this.bytes.set(buffer.subarray(from, to), this.used);
    this.used += size;
    const id = this.count++;
    if (id + 2 > this.offsets.length) {
      const bigger = new Uint32Array(this.offsets.length * 2);
      bigger.set(this.offsets);
      this.offsets = bigger;
    }
    this.offsets[id + 1] = this.used;
    this.slots[slot] = id;
    if (this.count * 2 > this.slots.length) this.rehash();
    return id;
  }

  private rehash(): void {
    const slots = new Uint32Array(this.slots.length * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (let id = 0; id < this.count; id++) {
      let hash = 0x811c9dc5;
      for (let i = this.offsets[id]; i < this.offsets[id + 1]; i++)
        hash = Math.imul(hash ^ this.bytes[i], 0x01000193);
      hash ^= hash >>> 15;
      let slot = hash & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = id;
    }
    this.slots = slots;
  }
}

/** STRING: Python 2's repr, quotes and the escapes that paths and names need. */
export const unquote = (line: string): string =>
  line.replace(/^(['"])(.*)\1$/s, '$2').replace(/\\(['"\\])/g, '$1');

/** UNICODE: raw-unicode-escape. A code that is no character becomes U+FFFD. */
export const unescapeUnicode = (line: string): string =>
  line.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (_, short?: string, long?: string) => {
    const code = parseInt(short ?? long ?? '', 16);
    return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
  });

/** Bytes of a damaged file are quoted so far. */
const MOST_QUOTED = 16;

/** What stands where digits should: as it is where it is plain text, else as bytes in hexadecimal. */
export function shown(line: string): string {
  const head = line.slice(0, MOST_QUOTED);
  const more = line.length > MOST_QUOTED ? '...' : '';
  if (/^[\x20-\x7e]*$/.test(head)) return `"${head}${more}"`;
  const bytes = Array.from(head, (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0'));
  return `bytes ${bytes.join(' ')}${more}`;
}
