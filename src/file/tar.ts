/**
 * tar: ustar, pax (path, size) and GNU (long names, base-256 sizes); POSIX.1-2017 pax, "Basic Tar Format" of GNU tar.
 * A plain tar's entries are read by position. Within gzip or zstd the entries are found by reading it through
 * once; what fits into memory is kept, otherwise each entry is reached by reading up to it again.
 * Not read: sparse files, links, devices, multi-volume archives; each is counted in a note.
 */
import { TraceError } from '../base/trace-error.ts';
import { type ArchiveEntry, type ArchiveNote, checkCount, type Listed } from './archive-entry.ts';
import type { ByteSource } from './byte-source.ts';
import { ForwardBytes, HeldSource, SliceSource } from './held-source.ts';
import type { Limits } from './limits.ts';
import { type OpenInput, openStored, storedChunks } from './open-input.ts';

const BLOCK = 512;
const ADVICE = 'Copy the archive again; the files before this place are listed.';
/** Among what is left out: the blocks of zeros behind the last file. */
const NO_END = 'end';

const text = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
};

/** A number field: octal text, or base-256 where its first bit is set; NaN where it is neither. */
function number(bytes: Uint8Array): number {
  if ((bytes[0] & 0x80) !== 0) {
    let value = bytes[0] & 0x7f;
    for (const byte of bytes.subarray(1)) value = value * 256 + byte;
    return value;
  }
  const digits = text(bytes).trim();
  return digits === '' ? 0 : /^[0-7]+$/.test(digits) ? parseInt(digits, 8) : NaN;
}

/** Does the header's check sum fit? Old tars counted signed bytes. */
function fits(header: Uint8Array): boolean {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const byte = i >= 148 && i < 156 ? 32 : header[i];
    unsigned += byte;
    signed += (byte << 24) >> 24;
  }
  const told = number(header.subarray(148, 156));
  return told === unsigned || told === signed;
}

export const isTar = (head: Uint8Array): boolean =>
  head.length >= BLOCK && head[0] !== 0 && head[148] !== 0 && fits(head.subarray(0, BLOCK));

/** Records of a pax header, "LENGTH KEY=VALUE\n"; what is damaged is left out. */
function paxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at);
    const length = space < 0 ? NaN : Number(new TextDecoder().decode(bytes.subarray(at, space)));
    if (!(length > space - at + 1) || at + length > bytes.length) break;
    const record = new TextDecoder().decode(bytes.subarray(space + 1, at + length - 1));
    const equals = record.indexOf('=');
    if (equals > 0) records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

interface Found {
  readonly path: string;
  readonly start: number;
  readonly size: number;
}

interface Walked {
  readonly found: Found[];
  readonly notes: ArchiveNote[];
  readonly error: TraceError | null;
}

/** Files in order up to the end, or to what is damaged; errors of reading pass through after what was `found`. */
async function walk(
  bytes: ForwardBytes,
  file: string,
  limits: Limits,
  found: Found[],
  left: Map<string, number>,
): Promise<TraceError | null> {
  let error: TraceError | null = null;
  let longName: string | null = null;
  let local = new Map<string, string>();
  let global = new Map<string, string>();
  let at = 0;
  const fail = (code: 'truncated' | 'corrupt', message: string): void => {
    error = new TraceError(code, message, { file, format: 'tar', offset: at, advice: ADVICE });
  };
  for (;;) {
    const header = await bytes.read(at, BLOCK);
    // The end is two blocks of zeros; an archive that just stops is whole for most programs, and may have been cut.
    if (header.length === 0) {
      left.set(NO_END, 1);
      break;
    }
    if (header.every((byte) => byte === 0)) break;
    if (header.length < BLOCK) {
      fail('truncated', 'the tar archive ends in the middle of a header');
      break;
    }
    if (!fits(header)) {
      fail('corrupt', 'a header’s check sum does not fit: the tar archive is damaged here');
      break;
    }
    const type = String.fromCharCode(header[156] === 0 ? 0x30 : header[156]);
    const records = new Map([...global, ...local]);
    const paxSize = records.get('size');
    const isFile = type === '0' || type === '7';
    const size = isFile && paxSize !== undefined ? Number(paxSize) : number(header.subarray(124, 136));
    if (!Number.isSafeInteger(size) || size < 0) {
      fail('corrupt', 'a size is no number: the tar archive is damaged here');
      break;
    }
    const start = at + BLOCK;
    const next = start + Math.ceil(size / BLOCK) * BLOCK;
    if ('LxgK'.includes(type)) {
      if (size > 1 << 20) {
        fail('corrupt', `a name record of ${size} bytes: the tar archive is damaged here`);
        break;
      }
      let record = new Uint8Array(0) as Uint8Array;
      if (type !== 'K') {
        record = await bytes.read(start, size);
        if (record.length < size) {
          fail('truncated', 'the tar archive ends in the middle of a name');
          break;
        }
      }
      if (type === 'L') longName = text(record);
      else if (type === 'x') local = paxRecords(record);
      else if (type === 'g') global = new Map([...global, ...paxRecords(record)]);
      at = next;
      continue;
    }
    const ustar = text(header.subarray(257, 262)) === 'ustar';
    // GNU's own magic is "ustar  ": its prefix field holds times.
    const prefix = ustar && header[262] === 0 ? text(header.subarray(345, 500)) : '';
    const name = text(header.subarray(0, 100));
    const path = longName ?? records.get('path') ?? (prefix === '' ? name : `${prefix}/${name}`);
    const sparse = type === 'S' || [...records.keys()].some((key) => key.startsWith('GNU.sparse.'));
    longName = null;
    local = new Map();
    if (sparse) left.set('sparse files', (left.get('sparse files') ?? 0) + 1);
    else if (isFile) {
      // Before there were folders in tar, a slash at the end made one.
      if (!path.endsWith('/')) found.push({ path, start, size });
      checkCount(found.length, file, limits);
    } else if (type !== '5') {
      const kind = type === '1' || type === '2' ? 'links' : 'entries that are no files';
      left.set(kind, (left.get(kind) ?? 0) + 1);
    }
    at = next;
  }
  return error;
}

async function find(bytes: ForwardBytes, file: string, limits: Limits): Promise<Walked> {
  const found: Found[] = [];
  const left = new Map<string, number>();
  let error: TraceError | null;
  try {
    error = await walk(bytes, file, limits, found, left);
  } catch (thrown) {
    const kept = thrown instanceof TraceError && thrown.code !== 'cancelled' && thrown.code !== 'refused';
    if (!kept) throw thrown;
    error = thrown;
  }
  const notes = [...left].map(([kind, count]) => ({
    message:
      kind === NO_END
        ? 'the archive just stops, without the blocks of zeros that end one: files after the last one may be missing'
        : `${count} ${kind} in the archive were left out`,
    offset: null,
  }));
  return { found, notes, error };
}

/** `size` bytes from `start` on. Throws TraceError 'truncated' after what is there. */
async function* window(
  chunks: AsyncIterable<Uint8Array>,
  start: number,
  size: number,
  onBytes: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let at = 0;
  let passed = 0;
  for await (const chunk of chunks) {
    // Called while the entries before are passed over, too: that is where a job is cancelled.
    const part = chunk.subarray(Math.max(0, start - at), Math.max(0, start + size - at));
    at += chunk.length;
    passed += part.length;
    onBytes(passed);
    if (part.length > 0) yield part;
    if (at >= start + size) return;
  }
  if (passed < size) throw endsEarly(passed);
}

const endsEarly = (offset: number): TraceError =>
  new TraceError('truncated', 'the archive ends in the middle of this file', { offset, advice: ADVICE });

async function* wholeSlice(
  source: ByteSource,
  size: number,
  onBytes: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  yield* storedChunks(source, onBytes);
  if (source.size < size) throw endsEarly(source.size);
}

export async function tarEntries(input: OpenInput, limits: Limits): Promise<Listed> {
  const forward =
    input.source === null
      ? new ForwardBytes(input.chunks(), limits.heldBytes / 2)
      : new ForwardBytes(input.source);
  const { found, notes, error } = await find(forward, input.name, limits);
  await forward.close();
  const kept = forward.kept();
  const whole = input.source ?? (kept === null ? null : new HeldSource(input.name, kept));
  if (found.length === 0 && error !== null) throw error;
  const entries = found.map(({ path, start, size }): ArchiveEntry => {
    const source =
      whole === null
        ? null
        : new SliceSource(whole, path, start, Math.max(0, Math.min(size, whole.size - start)));
    return {
      path,
      size,
      storedBytes: size,
      open: (onBytes) =>
        openStored(
          {
            name: path,
            storedBytes: size,
            // Of a cut file what is there is read in order, so that its end is noticed.
            source: source?.size === size ? source : null,
            chunks: (told) =>
              source === null ? window(input.chunks(), start, size, told) : wholeSlice(source, size, told),
          },
          onBytes,
          limits,
        ),
    };
  });
  return { entries, notes, error, advice: null };
}
