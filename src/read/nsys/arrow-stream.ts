/**
 * Rows out of Arrow record batches: the columns that are asked for, a window of rows at a time, each read from
 * its own place in the file. Of a compressed file the wanted columns of one batch are held at once, as it can
 * only be read forwards.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { ArrowBatch, ArrowField, ArrowStream } from './arrow-ipc.ts';
import { bit, NO_CELLS, NumberCells, WordCells } from './cells.ts';
import { type Cells, ColumnRows, type Rows } from './tables.ts';
import type { PositionedBytes } from './positioned-bytes.ts';

/** A multiple of 8: bitmaps of windows begin at whole bytes. */
const WINDOW_ROWS = 65536;
/** Texts of one window. */
const WINDOW_TEXT = 16 << 20;
/** Wanted columns of one batch of a compressed file, at most. */
const MOST_HELD = 1 << 30;

class TextCells extends NumberCells {
  private readonly decoder = new TextDecoder();

  /** `offsets` count from the start of `bytes`. */
  constructor(
    private readonly offsets: Float64Array,
    private readonly bytes: Uint8Array,
    valid: Uint8Array | null,
  ) {
    super(offsets, valid);
  }

  override number(): number {
    return 0;
  }

  override text(row: number): string {
    if (this.isNull(row)) return '';
    return this.decoder.decode(this.bytes.subarray(this.offsets[row], this.offsets[row + 1]));
  }
}

/** The bytes [from, from + length) of a buffer of the batch. */
type Slice = (buffer: number, from: number, length: number) => Promise<Uint8Array>;

const corrupt = (batch: ArrowBatch, field: string): TraceError =>
  new TraceError('corrupt', `The column ${field} is shorter than its table.`, { offset: batch.body });

/** At a multiple of 8 in memory, as typed arrays want it. */
const aligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 8 === 0 ? bytes : bytes.slice());

function numbersIn(bytes: Uint8Array, { kind, bits, isSigned }: ArrowField): ArrayLike<number> {
  const { buffer, byteOffset, byteLength } = bytes;
  const length = Math.floor((8 * byteLength) / bits);
  if (kind === 'float')
    return bits === 64
      ? new Float64Array(buffer, byteOffset, length)
      : new Float32Array(buffer, byteOffset, length);
  if (bits === 32)
    return isSigned
      ? new Int32Array(buffer, byteOffset, length)
      : new Uint32Array(buffer, byteOffset, length);
  if (bits === 16)
    return isSigned
      ? new Int16Array(buffer, byteOffset, length)
      : new Uint16Array(buffer, byteOffset, length);
  return isSigned ? new Int8Array(buffer, byteOffset, length) : bytes;
}

async function cellsOf(
  batch: ArrowBatch,
  field: ArrowField,
  from: number,
  length: number,
  slice: Slice,
): Promise<Cells> {
  const { kind, bits, buffer } = field;
  if (kind === 'nothing' || kind === 'unread' || batch.buffers.length < 2 * buffer + 4) return NO_CELLS;
  // An absent bitmap: every value is there.
  const hasNulls = batch.buffers[2 * buffer + 1] > 0;
  const valid = hasNulls ? await slice(buffer, from / 8, Math.ceil(length / 8)) : null;
  if (kind === 'bool') {
    const bitmap = await slice(buffer + 1, from / 8, Math.ceil(length / 8));
    return new NumberCells(
      Uint8Array.from({ length }, (_unused, row) => (bit(bitmap, row) ? 1 : 0)),
      valid,
    );
  }
  const width = bits / 8;
  if (kind !== 'text') {
    const bytes = aligned(await slice(buffer + 1, from * width, length * width));
    return bits === 64 && kind === 'int'
      ? new WordCells(bytes, valid)
      : new NumberCells(numbersIn(bytes, field), valid);
  }
  if (batch.buffers[2 * buffer + 3] === 0) return NO_CELLS;
  const raw = aligned(await slice(buffer + 1, from * width, (length + 1) * width));
  const offsets =
    bits === 32
      ? Float64Array.from(new Int32Array(raw.buffer, raw.byteOffset, length + 1))
      : Float64Array.from(new BigInt64Array(raw.buffer, raw.byteOffset, length + 1), Number);
  const first = offsets[0];
  for (let row = 0; row < length; row++)
    if (offsets[row + 1] < offsets[row]) throw corrupt(batch, field.name);
  if (first < 0) throw corrupt(batch, field.name);
  const bytes = await slice(buffer + 2, first, offsets[length] - first);
  return new TextCells(
    offsets.map((offset) => offset - first),
    bytes,
    valid,
  );
}

/** A slice maker for the columns `fields` of a batch. */
async function slicer(
  bytes: PositionedBytes,
  batch: ArrowBatch,
  fields: readonly ArrowField[],
): Promise<Slice> {
  const { buffers, body, bodyLength } = batch;
  const nameOf = (buffer: number): string =>
    fields.findLast((field) => field.buffer <= buffer)?.name ?? 'of a table';
  const check = (buffer: number, from: number, length: number): void => {
    const offset = buffers[2 * buffer];
    const end = buffers[2 * buffer + 1];
    if (2 * buffer + 1 >= buffers.length || offset + end > bodyLength || from + length > end)
      throw corrupt(batch, nameOf(buffer));
  };
  const load = async (buffer: number, from: number, length: number): Promise<Uint8Array> => {
    check(buffer, from, length);
    const at = body + buffers[2 * buffer] + from;
    const got = await bytes.read(at, length);
    if (got.length < length) {
      const message = `The file ends inside the column ${nameOf(buffer)}.`;
      throw new TraceError('truncated', message, { offset: at + got.length });
    }
    return got;
  };
  if (bytes.isRandom) return load;
  const held = new Map<number, Uint8Array>();
  let sum = 0;
  for (const field of fields) {
    if (field.kind === 'nothing' || field.kind === 'unread') continue;
    const end = Math.min(field.buffer + (field.kind === 'text' ? 3 : 2), buffers.length / 2);
    for (let buffer = field.buffer; buffer < end; buffer++) {
      const length = buffers[2 * buffer + 1];
      sum += length;
      if (sum > MOST_HELD) {
        const message = `A table of ${batch.length} rows in a compressed file takes too much memory.`;
        throw new TraceError('unsupported', message, { advice: 'Unpack the file first.' });
      }
      held.set(buffer, await load(buffer, 0, length));
    }
  }
  return (buffer, from, length) => {
    check(buffer, from, length);
    return Promise.resolve((held.get(buffer) ?? new Uint8Array(0)).subarray(from, from + length));
  };
}

/** Rows of a window whose texts are not too long together: of `length`, or half, or a quarter. */
async function fittingRows(
  batch: ArrowBatch,
  { buffer, bits }: ArrowField,
  from: number,
  length: number,
  slice: Slice,
): Promise<number> {
  if (!(batch.buffers[2 * buffer + 3] > 0)) return length;
  const offsetAt = async (row: number): Promise<number> => {
    const bytes = await slice(buffer + 1, (row * bits) / 8, bits / 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return bits === 32 ? view.getInt32(0, true) : Number(view.getBigInt64(0, true));
  };
  const first = await offsetAt(from);
  let rows = length;
  while (rows > 8 && (await offsetAt(from + rows)) - first > WINDOW_TEXT) rows = 8 * Math.ceil(rows / 16);
  return rows;
}

/** Rows of a stream with exactly these columns; ones it lacks are null. */
export async function* arrowRows(
  bytes: PositionedBytes,
  { fields, batches }: ArrowStream,
  columns: readonly string[],
): AsyncGenerator<Rows> {
  const wanted = columns.map((column) => fields.find(({ name }) => name === column));
  const present = [...new Set(wanted)].filter((field) => field !== undefined);
  // In the order of the file: the compressed one is read forwards.
  present.sort((a, b) => a.buffer - b.buffer);
  for (const batch of batches) {
    const slice = await slicer(bytes, batch, present);
    for (let from = 0, length; from < batch.length; from += length) {
      length = Math.min(WINDOW_ROWS, batch.length - from);
      for (const field of present) {
        if (field.kind === 'text') length = await fittingRows(batch, field, from, length, slice);
      }
      const cells = new Map<ArrowField, Cells>();
      for (const field of present) cells.set(field, await cellsOf(batch, field, from, length, slice));
      yield new ColumnRows(
        length,
        wanted.map((field) => (field === undefined ? NO_CELLS : cells.get(field)!)),
      );
    }
  }
}
