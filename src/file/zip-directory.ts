/** zip's central directory: where each entry lies, from the end of the file (APPNOTE 4.3.12 to 4.3.16). */
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from './byte-source.ts';
import { checkCount } from './archive-entry.ts';
import type { Limits } from './limits.ts';

export interface ZipRecord {
  readonly path: string;
  readonly method: number;
  readonly encrypted: boolean;
  readonly storedBytes: number;
  /** Decompressed; null where only its end would tell. */
  readonly size: number | null;
  /** null: stated only behind the data, where it is not looked for. */
  readonly crc: number | null;
  /** Of its local header. */
  readonly offset: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const RECORD = 0x02014b50;
const END_BYTES = 22;
const RECORD_BYTES = 46;
const FULL_16 = 0xffff;
const FULL_32 = 0xffffffff;

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const fail = (
  code: 'truncated' | 'corrupt' | 'unsupported',
  file: string,
  offset: number,
  message: string,
): TraceError =>
  new TraceError(code, message, {
    file,
    format: 'zip',
    offset,
    advice:
      code === 'unsupported'
        ? 'Join the parts into one archive (zip -s 0), or unpack it and open the files themselves.'
        : 'Copy the archive again, or repair it: zip -FF FILE --out repaired.zip.',
  });

/** Exact as a number or not at all: no file is 2^53 bytes. */
function integer64(view: DataView, at: number, file: string): number {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  if (!Number.isSafeInteger(value))
    throw fail('corrupt', file, at, 'the zip archive states an impossible size');
  return value;
}

/** Names are UTF-8 where the flag says so and where they can be; else the code page of DOS, close enough to Latin-1. */
export function zipName(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('latin1').decode(bytes);
  }
}

interface Directory {
  readonly start: number;
  readonly bytes: number;
  readonly count: number;
  /** How much everything lies behind its stated place: something was put in front of the archive. */
  readonly shift: number;
}

async function locate(source: ByteSource): Promise<Directory> {
  const { name, size } = source;
  const tailStart = Math.max(0, size - END_BYTES - FULL_16);
  const tail = await source.read(tailStart, size - tailStart);
  const view = viewOf(tail);
  let end = tail.length - END_BYTES;
  // The comment behind the end may hold anything, so its length must lead to the end of the file.
  while (
    end >= 0 &&
    (view.getUint32(end, true) !== END || end + END_BYTES + view.getUint16(end + 20, true) > tail.length)
  )
    end--;
  if (end < 0)
    throw fail('truncated', name, size, 'the zip archive has no directory at its end: it is cut off');
  let count = view.getUint16(end + 10, true);
  let bytes = view.getUint32(end + 12, true);
  let start = view.getUint32(end + 16, true);
  const disk = view.getUint16(end + 4, true);
  let endOfDirectory = tailStart + end;
  const locator = end - 20;
  if (locator >= 0 && view.getUint32(locator, true) === LOCATOR64) {
    const at64 = integer64(view, locator + 8, name);
    const record = await source.read(at64, 56);
    const record64 = viewOf(record);
    if (record.length < 56 || record64.getUint32(0, true) !== END64)
      throw fail('corrupt', name, at64, 'the zip archive’s zip64 end record is not where it should be');
    count = integer64(record64, 32, name);
    bytes = integer64(record64, 40, name);
    start = integer64(record64, 48, name);
    endOfDirectory = at64;
  } else if (count === FULL_16 || bytes === FULL_32 || start === FULL_32) {
    throw fail('corrupt', name, endOfDirectory, 'the zip archive names a zip64 end record and has none');
  }
  if (disk !== 0 && disk !== FULL_16)
    throw fail('unsupported', name, endOfDirectory, 'this is one part of a zip archive in several parts');
  const shift = endOfDirectory - (start + bytes);
  if (shift < 0)
    throw fail('corrupt', name, endOfDirectory, 'the zip archive’s directory lies behind its end');
  return { start: start + shift, bytes, count, shift };
}

/** Records of the directory. Throws TraceError 'truncated', 'corrupt', 'unsupported' or 'refused'. */
export async function readDirectory(source: ByteSource, limits: Limits): Promise<ZipRecord[]> {
  const { name } = source;
  const { start, bytes, count, shift } = await locate(source);
  checkCount(count, name, limits);
  if (bytes > limits.listBytes)
    throw new TraceError('refused', `the zip archive’s directory takes ${bytes} bytes.`, {
      file: name,
      format: 'zip',
      offset: start,
      advice: 'Unpack it and open the recordings that are in it.',
    });
  const directory = await source.read(start, bytes);
  const view = viewOf(directory);
  const records: ZipRecord[] = [];
  for (let at = 0; records.length < count;) {
    if (at + RECORD_BYTES > directory.length || view.getUint32(at, true) !== RECORD)
      throw fail(
        'corrupt',
        name,
        start + at,
        `the zip archive’s directory breaks off after ${records.length} of ${count} entries`,
      );
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + RECORD_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > directory.length)
      throw fail('corrupt', name, start + at, 'an entry of the zip archive’s directory runs over its end');
    const wide = wideFields(directory.subarray(at, next), name);
    records.push({
      path: zipName(directory.subarray(at + RECORD_BYTES, at + RECORD_BYTES + nameBytes)),
      method: view.getUint16(at + 10, true),
      // Bit 0: the data; bit 13: the directory itself, sizes included.
      encrypted: (view.getUint16(at + 8, true) & 0x2001) !== 0,
      crc: view.getUint32(at + 16, true),
      ...wide,
      offset: wide.offset + shift,
    });
    at = next;
  }
  return records;
}

/** Sizes and place of one record: where 32 bits are full, from its zip64 field (extra field 1), in this order. */
function wideFields(record: Uint8Array, file: string): { size: number; storedBytes: number; offset: number } {
  const view = viewOf(record);
  const told = [view.getUint32(24, true), view.getUint32(20, true), view.getUint32(42, true)];
  const extraStart = RECORD_BYTES + view.getUint16(28, true);
  const extraEnd = extraStart + view.getUint16(30, true);
  for (let at = extraStart; at + 4 <= extraEnd;) {
    const fieldEnd = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1) {
      let value = at + 4;
      for (let i = 0; i < told.length; i++) {
        if (told[i] !== FULL_32 || value + 8 > Math.min(fieldEnd, extraEnd)) continue;
        told[i] = integer64(view, value, file);
        value += 8;
      }
    }
    at = fieldEnd;
  }
  return { size: told[0], storedBytes: told[1], offset: told[2] };
}
