/**
 * Protocol Buffers wire format (protobuf.dev/programming-guides/encoding): fields of one message, and the fields of
 * a long message as its bytes arrive. 64-bit values are exact (bigint); groups, which nothing here uses, are refused.
 */
import { joined } from '../base/joined.ts';
import { TraceError } from '../base/trace-error.ts';

export type FieldValue =
  | { readonly kind: 'varint'; readonly value: bigint }
  | { readonly kind: 'fixed'; readonly value: bigint }
  | { readonly kind: 'bytes'; readonly value: Uint8Array };

export type Field = { readonly number: number } & FieldValue;

const corrupt = (offset: number, message: string): TraceError =>
  new TraceError('corrupt', message, { offset, advice: 'Copy the file again.' });

export class WireReader {
  at = 0;

  /** `base`: offset of `bytes` in the file, for errors. */
  constructor(
    private readonly bytes: Uint8Array,
    readonly base = 0,
  ) {}

  get ended(): boolean {
    return this.at >= this.bytes.length;
  }

  /** An unsigned varint of up to 64 bits; null: the bytes end in the middle of it. */
  varint(): bigint | null {
    let low = 0;
    let shift = 0;
    let high = 0n;
    for (let i = this.at; i < this.bytes.length; i++) {
      const byte = this.bytes[i];
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else high |= BigInt(part) << BigInt(shift);
      if (byte < 0x80) {
        this.at = i + 1;
        return high === 0n ? BigInt(low) : BigInt.asUintN(64, high | BigInt(low));
      }
      shift += 7;
      if (shift >= 70) throw corrupt(this.base + this.at, 'a number of more than 64 bits');
    }
    return null;
  }

  /** The next field; null: the bytes end in the middle of it, and `at` has not moved. `needs` then says how far it goes. */
  field(): Field | null {
    const start = this.at;
    const field = this.take(start);
    if (field === null) this.at = start;
    return field;
  }

  /** Bytes from the start of the field that was cut to its end, where that is known. */
  needs = 0;

  private take(start: number): Field | null {
    this.needs = 0;
    const key = this.varint();
    if (key === null) return null;
    const number = Number(key >> 3n);
    if (number < 1 || number > 536_870_911)
      throw corrupt(this.base + start, `field ${number}, which cannot be`);
    switch (Number(key & 7n)) {
      case 0: {
        const value = this.varint();
        return value === null ? null : { number, kind: 'varint', value };
      }
      case 1:
        return this.fixed(number, 8);
      case 2: {
        const length = this.varint();
        if (length === null) return null;
        if (length > 0x7fffffffn) throw corrupt(this.base + start, `a field of ${length} bytes`);
        const end = this.at + Number(length);
        if (end > this.bytes.length) {
          this.needs = end - start;
          return null;
        }
        const value = this.bytes.subarray(this.at, end);
        this.at = end;
        return { number, kind: 'bytes', value };
      }
      case 5:
        return this.fixed(number, 4);
      default:
        throw corrupt(this.base + start, `a field of wire type ${key & 7n}, which is not used any more`);
    }
  }

  private fixed(number: number, bytes: 4 | 8): Field | null {
    if (this.at + bytes > this.bytes.length) return null;
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, bytes);
    this.at += bytes;
    const value = bytes === 8 ? view.getBigUint64(0, true) : BigInt(view.getUint32(0, true));
    return { number, kind: 'fixed', value };
  }
}

/** Fields of a whole message. Throws TraceError 'corrupt' where it is none. */
export function* fieldsOf(bytes: Uint8Array, base = 0): Generator<Field> {
  const reader = new WireReader(bytes, base);
  while (!reader.ended) {
    const field = reader.field();
    if (field === null) throw corrupt(base + reader.at, 'a field runs over the end of its message');
    yield field;
  }
}

/** Numbers of a repeated integer field, packed (one field of bytes) or one by one. */
export function* repeated(field: Field, base = 0): Generator<bigint> {
  if (field.kind !== 'bytes') {
    yield field.value;
    return;
  }
  const reader = new WireReader(field.value, base);
  while (!reader.ended) {
    const value = reader.varint();
    if (value === null) throw corrupt(base + reader.at, 'a list of numbers ends in the middle of one');
    yield value;
  }
}

/**
 * Top-level fields of a message of any length, as its chunks arrive, with the offset of each. Throws TraceError
 * 'truncated' after the last whole field, 'corrupt' on what is no message or on a field over `maxField` bytes.
 */
export async function* streamFields(
  chunks: AsyncIterable<Uint8Array>,
  maxField = 64 * 2 ** 20,
): AsyncGenerator<{ readonly field: Field; readonly offset: number }> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let needed = 1;
  let passed = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    // A long field is put together once, when its last byte is there.
    if (waitingBytes < needed) continue;
    const bytes = joined(waiting);
    const reader = new WireReader(bytes, passed);
    for (;;) {
      const offset = passed + reader.at;
      const field = reader.ended ? null : reader.field();
      if (field === null) break;
      yield { field, offset };
    }
    if (reader.needs > maxField)
      throw corrupt(passed + reader.at, `a field of ${reader.needs} bytes, more than one can have here`);
    needed = Math.max(1, reader.needs);
    passed += reader.at;
    const rest = bytes.subarray(reader.at);
    waiting = [rest];
    waitingBytes = rest.length;
  }
  if (waitingBytes > 0)
    throw new TraceError('truncated', 'the file ends in the middle of a field', {
      offset: passed,
      advice: 'Copy the file again; what came before this byte was read.',
    });
}
