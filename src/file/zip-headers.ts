/**
 * Entries of a zip archive that has lost its directory, by their local headers one after the other (APPNOTE
 * 4.3.7). An archive written as a stream states sizes only behind the data: such an entry is the last one found.
 */
import type { ByteSource } from './byte-source.ts';
import type { Limits } from './limits.ts';
import { type ZipRecord, zipName } from './zip-directory.ts';

const HEADER = 0x04034b50;
const HEADER_BYTES = 30;
const FULL_32 = 0xffffffff;

export async function findByHeaders(source: ByteSource, limits: Limits): Promise<ZipRecord[]> {
  const records: ZipRecord[] = [];
  for (let at = 0; at + HEADER_BYTES <= source.size && records.length < limits.entries;) {
    const header = await source.read(at, HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, header.length);
    if (header.length < HEADER_BYTES || view.getUint32(0, true) !== HEADER) break;
    const nameBytes = view.getUint16(26, true);
    const extraBytes = view.getUint16(28, true);
    const rest = await source.read(at + HEADER_BYTES, nameBytes + extraBytes);
    if (rest.length < nameBytes) break;
    const flags = view.getUint16(6, true);
    const start = at + HEADER_BYTES + nameBytes + extraBytes;
    let storedBytes = view.getUint32(18, true);
    let size: number | null = view.getUint32(22, true);
    // Behind the data: bit 3, and nothing stated here. A wide size here is zip64's.
    const behind = (flags & 8) !== 0 && storedBytes === 0;
    if (storedBytes === FULL_32 || size === FULL_32) {
      const field = zip64Field(rest.subarray(nameBytes));
      if (field === null) break;
      ({ size, storedBytes } = field);
    }
    if (behind) {
      storedBytes = Math.max(0, source.size - start);
      size = null;
    }
    // Stored and without a size: nothing tells where it ends.
    if (behind && view.getUint16(8, true) === 0) break;
    records.push({
      path: zipName(rest.subarray(0, nameBytes)),
      method: view.getUint16(8, true),
      encrypted: (flags & 0x2001) !== 0,
      storedBytes,
      size,
      crc: behind ? null : view.getUint32(14, true),
      offset: at,
    });
    if (behind) break;
    at = start + storedBytes;
  }
  return records;
}

function zip64Field(extra: Uint8Array): { size: number; storedBytes: number } | null {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.length);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1 || at + 20 > extra.length) continue;
    const size = Number(view.getBigUint64(at + 4, true));
    const storedBytes = Number(view.getBigUint64(at + 12, true));
    return Number.isSafeInteger(size) && Number.isSafeInteger(storedBytes) ? { size, storedBytes } : null;
  }
  return null;
}
