/**
 * zip by its central directory, over random access: a large archive is not read whole. Stored, deflate and zstd;
 * zip64. PKWARE APPNOTE 6.3.10. Not read: encrypted entries, other methods, archives in several parts; each
 * entry that cannot be read says so when it is opened. Where the directory is missing (the file is cut off),
 * entries are found by their local headers.
 */
import { TraceError } from '../base/trace-error.ts';
import { type ArchiveEntry, type ArchiveNote, checkCount, type Listed } from './archive-entry.ts';
import type { ByteSource } from './byte-source.ts';
import { crc32 } from './crc32.ts';
import { inflateRaw } from './gunzip.ts';
import { SliceSource } from './held-source.ts';
import { guarded, type Limits } from './limits.ts';
import { type OpenInput, openStored, storedChunks } from './open-input.ts';
import { findByHeaders } from './zip-headers.ts';
import { readDirectory, type ZipRecord } from './zip-directory.ts';
import { unzstd } from './zstd.ts';

const STORED = 0;
const DEFLATE = 8;
const ZSTD = [20, 93];
const METHODS: Readonly<Record<number, string>> = {
  1: 'shrink',
  6: 'implode',
  9: 'deflate64',
  12: 'bzip2',
  14: 'LZMA',
  95: 'xz',
  96: 'JPEG',
  98: 'PPMd',
  99: 'AES encryption',
};
const UNPACK = 'Unpack the archive and open the file itself.';

/** An entry's header, an empty archive's end, or the mark of an archive in parts. */
export const isZip = (head: Uint8Array): boolean =>
  head[0] === 0x50 && head[1] === 0x4b && [0x0403, 0x0605, 0x0807].includes(head[2] | (head[3] << 8));

export async function zipEntries(input: OpenInput, limits: Limits): Promise<Listed> {
  const source = await input.randomAccess(limits.heldBytes);
  const notes: ArchiveNote[] = [];
  let error: TraceError | null = null;
  let records: ZipRecord[];
  try {
    records = await readDirectory(source, limits);
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || (thrown.code !== 'truncated' && thrown.code !== 'corrupt'))
      throw thrown;
    error = thrown;
    records = await findByHeaders(source, limits);
    if (records.length === 0) throw thrown;
  }
  const files = records.filter(({ path }) => !path.endsWith('/'));
  checkCount(files.length, source.name, limits);
  checkOverlap(files, source.name);
  const checkpoint = files.find(({ path }) => /(^|\/)data\.pkl$/.test(path));
  const isCheckpoint = checkpoint !== undefined && files.some(({ path }) => /(^|\/)version$/.test(path));
  if (isCheckpoint && files.length > 1)
    notes.push({
      message: `a file of torch.save: ${files.length - 1} files of tensors and marks were left out`,
      offset: null,
    });
  const listed = isCheckpoint ? [checkpoint] : files;
  return {
    entries: listed.map((record) => entryOf(source, record, limits)),
    notes,
    error,
    advice: isCheckpoint
      ? 'A checkpoint holds weights, not allocations: record a snapshot with torch.cuda.memory._dump_snapshot("snapshot.pickle").'
      : null,
  };
}

/** Entries that share their bytes make a bomb of a small file; no archiver writes that. */
function checkOverlap(records: readonly ZipRecord[], file: string): void {
  const sorted = [...records].sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1];
    if (before.offset + 30 + before.storedBytes <= sorted[i].offset) continue;
    throw new TraceError(
      'refused',
      'entries of this zip archive lie on top of each other: it is made to expand without end.',
      {
        file,
        format: 'zip',
        offset: sorted[i].offset,
        advice: 'Make the archive again from the files themselves.',
      },
    );
  }
}

function entryOf(source: ByteSource, record: ZipRecord, limits: Limits): ArchiveEntry {
  const { path, method } = record;
  const refuse = (code: 'refused' | 'unsupported', message: string, advice: string): TraceError =>
    new TraceError(code, message, { file: path, format: 'zip', offset: record.offset, advice });
  return {
    path,
    size: record.size,
    storedBytes: record.storedBytes,
    async open(onBytes) {
      if (record.encrypted)
        throw refuse(
          'refused',
          'this entry of the zip archive is encrypted.',
          `${UNPACK} It needs the password.`,
        );
      if (method !== STORED && method !== DEFLATE && !ZSTD.includes(method))
        throw refuse(
          'unsupported',
          `this entry is compressed with ${METHODS[method] ?? `method ${method}`}, which is not read here.`,
          UNPACK,
        );
      const stored = await storedSlice(source, record);
      const isWhole = stored.size === record.storedBytes;
      const byPosition = method === STORED && isWhole && record.size === record.storedBytes ? stored : null;
      let bytesIn = 0;
      const chunks = (told: (done: number) => void): AsyncIterable<Uint8Array> => {
        const open = (): AsyncIterable<Uint8Array> =>
          storedChunks(stored, (done) => {
            bytesIn = Math.max(bytesIn, done);
            told(bytesIn);
          });
        const decoded = method === STORED ? open() : method === DEFLATE ? inflateRaw(open) : unzstd(open());
        return checked(
          guarded(decoded, () => bytesIn, path, limits),
          record,
          isWhole,
        );
      };
      return openStored(
        { name: path, storedBytes: record.storedBytes, source: byPosition, chunks },
        onBytes,
        limits,
      );
    },
  };
}

/** An entry's bytes as stored: behind its local header, whose name may be longer than the directory's. */
async function storedSlice(source: ByteSource, record: ZipRecord): Promise<SliceSource> {
  const header = await source.read(record.offset, 30);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (header.length < 30 || view.getUint32(0, true) !== 0x04034b50)
    throw new TraceError(
      header.length < 30 ? 'truncated' : 'corrupt',
      'the zip archive has no header where its directory names this entry',
      {
        file: record.path,
        format: 'zip',
        offset: record.offset,
        advice: 'Copy the archive again.',
      },
    );
  const start = record.offset + 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const there = Math.max(0, Math.min(record.storedBytes, source.size - start));
  return new SliceSource(source, record.path, start, there);
}

/** Passes an entry on and holds it against the size and check sum that the archive states. */
async function* checked(
  chunks: AsyncIterable<Uint8Array>,
  record: ZipRecord,
  isWhole: boolean,
): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let passed = 0;
  for await (const chunk of chunks) {
    if (record.crc !== null) crc = crc32(chunk, crc);
    passed += chunk.length;
    yield chunk;
  }
  const fail = (code: 'truncated' | 'corrupt', message: string): TraceError =>
    new TraceError(code, message, {
      offset: passed,
      advice: 'Copy the archive again; what came before this byte was read.',
    });
  if (!isWhole) throw fail('truncated', 'the zip archive ends in the middle of this entry');
  if (record.size !== null && record.size !== passed)
    throw fail(
      'corrupt',
      `the zip archive states ${record.size} bytes for this entry, and it holds ${passed}`,
    );
  if (record.crc !== null && record.crc !== crc)
    throw fail('corrupt', 'the check sum (CRC-32) of this entry does not fit its content');
}
