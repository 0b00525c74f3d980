/**
 * Arrow's IPC streams (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format): where the
 * columns of each record batch lie, without reading them. Ours, because Nsight writes a table as one batch:
 * libraries want the whole batch in memory, and here a column is read a window of rows at a time.
 *
 *   FFFFFFFF | bytes of metadata | metadata (flatbuffer: Schema or RecordBatch) | body: buffers of the columns
 *   FFFFFFFF | 0                                                                  the end of one stream
 *
 * Flat columns only. Dictionaries and compressed bodies are known by their names and refused.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { PositionedBytes } from './positioned-bytes.ts';

export type ArrowKind = 'int' | 'float' | 'bool' | 'text' | 'nothing' | 'unread';

export interface ArrowField {
  readonly name: string;
  readonly kind: ArrowKind;
  /** Width of a value; of an offset for texts. */
  readonly bits: number;
  readonly isSigned: boolean;
  /** Index of its first buffer in each batch. */
  readonly buffer: number;
}

export interface ArrowBatch {
  readonly length: number;
  /** Position of the body in the file. */
  readonly body: number;
  readonly bodyLength: number;
  /** Offset and length of each buffer within the body, in turns. */
  readonly buffers: Float64Array;
}

export interface ArrowStream {
  /** The schema's key-value metadata. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly fields: readonly ArrowField[];
  readonly batches: ArrowBatch[];
}

export interface ArrowIndex {
  readonly streams: ArrowStream[];
  /** Why the file was not gone through to its end. */
  readonly error: TraceError | null;
}

const MARKER = 0xffffffff;
const SCHEMA = 1;
const DICTIONARY = 2;
const BATCH = 3;
const MOST_METADATA = 64 << 20;
/** Read at once where a message is expected: metadata is rarely longer. */
const MESSAGE_WINDOW = 16384;

/** Buffers of a column, by the number of its type in Schema.fbs; types that are not here have children. */
const BUFFERS = new Map([
  [1, 0],
  ...[2, 3, 6, 7, 8, 9, 10, 11, 15, 18].map((type) => [type, 2] as const),
  ...[4, 5, 19, 20].map((type) => [type, 3] as const),
]);

/** A table of a flatbuffer (https://flatbuffers.dev/internals/). Reads beyond the end throw RangeError. */
class FlatTable {
  constructor(
    private readonly view: DataView,
    private readonly at: number,
  ) {}

  static root(view: DataView): FlatTable {
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Position of a field's value; 0: absent. */
  private place(field: number): number {
    const vtable = this.at - this.view.getInt32(this.at, true);
    if (4 + 2 * field >= this.view.getUint16(vtable, true)) return 0;
    const offset = this.view.getUint16(vtable + 4 + 2 * field, true);
    return offset === 0 ? 0 : this.at + offset;
  }

  byte(field: number): number {
    const place = this.place(field);
    return place === 0 ? 0 : this.view.getUint8(place);
  }

  short(field: number): number {
    const place = this.place(field);
    return place === 0 ? 0 : this.view.getInt16(place, true);
  }

  int(field: number): number {
    const place = this.place(field);
    return place === 0 ? 0 : this.view.getInt32(place, true);
  }

  /** Throws RangeError where it is negative or not exact: these count bytes and rows. */
  long(field: number): number {
    const place = this.place(field);
    return place === 0 ? 0 : longAt(this.view, place);
  }

  table(field: number): FlatTable | null {
    const place = this.place(field);
    return place === 0 ? null : new FlatTable(this.view, place + this.view.getUint32(place, true));
  }

  text(field: number): string {
    const place = this.place(field);
    if (place === 0) return '';
    const at = place + this.view.getUint32(place, true);
    const length = this.view.getUint32(at, true);
    const { buffer, byteOffset, byteLength } = this.view;
    if (at + 4 + length > byteLength) throw new RangeError('a text beyond the end');
    return new TextDecoder().decode(new Uint8Array(buffer, byteOffset + at + 4, length));
  }

  /** Position of the first element and their number; every one of `bytes` bytes lies inside. */
  private vector(field: number, bytes: number): readonly [number, number] {
    const place = this.place(field);
    if (place === 0) return [0, 0];
    const at = place + this.view.getUint32(place, true);
    const length = this.view.getUint32(at, true);
    if (at + 4 + length * bytes > this.view.byteLength) throw new RangeError('a vector beyond the end');
    return [at + 4, length];
  }

  tables(field: number): FlatTable[] {
    const [from, length] = this.vector(field, 4);
    return Array.from({ length }, (_unused, i) => {
      const at = from + 4 * i;
      return new FlatTable(this.view, at + this.view.getUint32(at, true));
    });
  }

  /** Structs of two 64-bit integers. */
  pairs(field: number): Float64Array {
    const [from, length] = this.vector(field, 16);
    return Float64Array.from({ length: 2 * length }, (_unused, i) => longAt(this.view, from + 8 * i));
  }
}

function longAt(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true));
  if (value < 0 || !Number.isSafeInteger(value)) throw new RangeError('a length that cannot be');
  return value;
}

/** Columns of a Schema, or null where a nested type keeps buffers from being counted. */
function fieldsOf(schema: FlatTable): ArrowField[] | null {
  let buffer = 0;
  const fields: ArrowField[] = [];
  for (const field of schema.tables(1)) {
    const typeNumber = field.byte(2);
    const type = field.table(3);
    const isDictionary = field.table(4) !== null;
    const buffers = isDictionary ? 2 : BUFFERS.get(typeNumber);
    if (buffers === undefined) return null;
    let kind: ArrowKind = 'unread';
    let bits = 0;
    if (isDictionary) kind = 'unread';
    else if (typeNumber === 1) kind = 'nothing';
    else if (typeNumber === 2) [kind, bits] = ['int', type?.int(0) ?? 0];
    else if (typeNumber === 3) [kind, bits] = ['float', 16 << (type?.short(0) ?? 0)];
    else if (typeNumber === 5) [kind, bits] = ['text', 32];
    else if (typeNumber === 6) [kind, bits] = ['bool', 1];
    else if (typeNumber === 20) [kind, bits] = ['text', 64];
    const isKnown = kind === 'int' ? [8, 16, 32, 64].includes(bits) : kind !== 'float' || bits > 16;
    const isSigned = kind === 'int' && type?.byte(1) === 1;
    fields.push({ name: field.text(0), kind: isKnown ? kind : 'unread', bits, isSigned, buffer });
    buffer += buffers;
  }
  return fields;
}

const metadataOf = (schema: FlatTable): Map<string, string> =>
  new Map(schema.tables(2).map((pair) => [pair.text(0), pair.text(1)]));

/** Schema of the first stream in a head; null where it begins otherwise. */
export function arrowHead(head: Uint8Array): Pick<ArrowStream, 'metadata' | 'fields'> | null {
  try {
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    if (view.getUint32(0, true) !== MARKER) return null;
    const length = view.getUint32(4, true);
    const root = FlatTable.root(
      new DataView(head.buffer, head.byteOffset + 8, Math.min(length, head.byteLength - 8)),
    );
    const schema = root.byte(1) === SCHEMA ? root.table(2) : null;
    if (schema === null) return null;
    return { metadata: metadataOf(schema), fields: fieldsOf(schema) ?? [] };
  } catch (thrown) {
    if (thrown instanceof RangeError) return null;
    throw thrown;
  }
}

/**
 * Goes through a file of one or many streams by the lengths of its messages. `isWanted`: false leaves a stream's
 * batches out. What was found before damage is kept.
 */
export async function indexArrow(
  bytes: PositionedBytes,
  isWanted: (stream: ArrowStream) => boolean,
  breathe: () => Promise<void>,
): Promise<ArrowIndex> {
  const streams: ArrowStream[] = [];
  let stream: ArrowStream | null = null;
  let isWantedNow = false;
  let at = 0;
  const stop = (code: 'truncated' | 'corrupt' | 'unsupported', message: string): ArrowIndex => ({
    streams,
    error: new TraceError(code, message, { offset: at }),
  });
  for (let n = 1; ; n++) {
    if (n % 64 === 0) await breathe();
    let window: Uint8Array;
    try {
      window = await bytes.read(at, MESSAGE_WINDOW);
    } catch (thrown) {
      if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
      return { streams, error: thrown };
    }
    if (window.length === 0) break;
    if (window.length < 8) return stop('truncated', 'The file ends inside an Arrow message.');
    let view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    if (view.getUint32(0, true) !== MARKER) return stop('corrupt', 'Here no Arrow message begins.');
    const length = view.getUint32(4, true);
    if (length === 0) {
      stream = null;
      at += 8;
      continue;
    }
    if (length > MOST_METADATA)
      return stop('corrupt', `An Arrow message claims ${length} bytes of metadata.`);
    if (8 + length > window.length) {
      window = await bytes.read(at, 8 + length);
      view = new DataView(window.buffer, window.byteOffset, window.byteLength);
    }
    if (8 + length > window.length) return stop('truncated', 'The file ends inside an Arrow message.');
    let bodyLength: number;
    try {
      const root = FlatTable.root(new DataView(view.buffer, view.byteOffset + 8, length));
      bodyLength = root.long(3);
      const type = root.byte(1);
      const header = root.table(2);
      if (type === SCHEMA && header !== null) {
        const fields = fieldsOf(header);
        stream = { metadata: metadataOf(header), fields: fields ?? [], batches: [] };
        isWantedNow = isWanted(stream);
        if (fields === null && isWantedNow) return stop('unsupported', 'A table with nested columns.');
        streams.push(stream);
      } else if (type === BATCH && header !== null && stream !== null && isWantedNow) {
        if (header.table(3) !== null) return stop('unsupported', 'Compressed Arrow columns are not read.');
        const batch = { length: header.long(0), body: at + 8 + length, bodyLength, buffers: header.pairs(2) };
        // A row takes a bit at least: a length beyond that would be walked in vain.
        if (batch.length > 8 * bodyLength)
          return stop('corrupt', 'A batch of more rows than it has bytes for.');
        const isCut = bytes.size !== null && batch.body + bodyLength > bytes.size;
        stream.batches.push(batch);
        if (isCut) return stop('truncated', `The file ends inside a table of ${batch.length} rows.`);
      } else if (type !== DICTIONARY && type !== BATCH) {
        return stop('corrupt', `An Arrow message of an unknown kind (${type}).`);
      }
    } catch (thrown) {
      if (thrown instanceof RangeError)
        return stop('corrupt', "An Arrow message's metadata points outside of it.");
      throw thrown;
    }
    at += 8 + length + bodyLength;
    if (bytes.size !== null && at > bytes.size)
      return stop('truncated', 'The file ends inside an Arrow table.');
  }
  return { streams, error: null };
}
