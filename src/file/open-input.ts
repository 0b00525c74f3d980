/** From stored bytes to what readers see: a decompressed head, decompressed chunks, random access where there is. */
import { TraceError } from '../base/trace-error.ts';
import type { ByteSource } from './byte-source.ts';
import { gunzip, isGzip } from './gunzip.ts';
import { hold } from './held-source.ts';
import { guarded, type Limits, LIMITS } from './limits.ts';
import { type Utf16, utf16Of, utf16ToUtf8 } from './utf-16.ts';
import { type Quoting, quotingOf, withoutQuoting } from './quoted-text.ts';
import { isZstd, unzstd } from './zstd.ts';

export const HEAD_BYTES = 64 * 1024;
const CHUNK = 1 << 20;
/** gzip of gzip happens (an archive's entry compressed by its writer and by the archiver); deeper does not. */
const MOST_LAYERS = 2;

export interface OpenInput {
  readonly name: string;
  /** Bytes as stored: of the file, or compressed of an archive's entry. */
  readonly storedBytes: number;
  readonly compressed: boolean;
  /** The first 64 KiB, decompressed; fewer where a compressed file is damaged early. */
  readonly head: Uint8Array;
  /** Why nothing at all could be decompressed; null: something was, or the file is empty. */
  readonly headError: TraceError | null;
  /** Decompressed chunks from the start, each time it is called. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Random access without further ado; null where the input is compressed. */
  readonly source: ByteSource | null;
  /** Random access in any case: decompressed into memory where there is none. Throws TraceError 'refused' beyond `limit`. */
  randomAccess(limit?: number): Promise<ByteSource>;
}

/** Bytes as they are stored: a file, or an entry of an archive. */
export interface Stored {
  readonly name: string;
  readonly storedBytes: number;
  readonly source: ByteSource | null;
  /** Bytes in order. `onBytes`: how many of `storedBytes` were read so far; may throw to cancel. */
  chunks(onBytes: (done: number) => void): AsyncIterable<Uint8Array>;
}

/** Stored bytes in order, the next chunk requested while the last is worked on. `onBytes` gets the bytes so far. */
export async function* storedChunks(
  source: ByteSource,
  onBytes: (done: number) => void,
): AsyncGenerator<Uint8Array> {
  let next = source.size > 0 ? source.read(0, CHUNK) : null;
  let position = 0;
  try {
    while (next !== null) {
      const chunk = await next;
      position += chunk.length;
      next = chunk.length > 0 && position < source.size ? source.read(position, CHUNK) : null;
      onBytes(position);
      yield chunk;
    }
  } finally {
    // A consumer that stops early leaves one read behind; its failure is nobody's business any more.
    next?.catch(() => undefined);
  }
}

type Decoder = (open: () => AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

function decoderOf(head: Uint8Array): Decoder | null {
  if (isGzip(head)) return gunzip;
  if (isZstd(head)) return (open) => unzstd(open());
  return null;
}

interface Begun {
  readonly bytes: Uint8Array;
  readonly failed: TraceError | null;
}

/** The first 64 KiB of `chunks`; fewer where they fail, which the reader meets again and reports with its offset. */
async function headOf(chunks: AsyncIterable<Uint8Array>): Promise<Begun> {
  const parts = new Uint8Array(HEAD_BYTES);
  let filled = 0;
  let failed: TraceError | null = null;
  try {
    for await (const chunk of chunks) {
      const part = chunk.subarray(0, HEAD_BYTES - filled);
      parts.set(part, filled);
      filled += part.length;
      if (filled === HEAD_BYTES) break;
    }
  } catch (thrown) {
    if (thrown instanceof TraceError) failed = thrown;
  }
  return { bytes: parts.slice(0, filled), failed };
}

/** `onBytes`: stored bytes read so far, called with every chunk; may throw to cancel. */
export async function openInput(
  source: ByteSource,
  onBytes: (done: number) => void,
  limits: Limits = LIMITS,
): Promise<OpenInput> {
  const stored: Stored = {
    name: source.name,
    storedBytes: source.size,
    source,
    chunks: (told) => storedChunks(source, told),
  };
  return openStored(stored, onBytes, limits);
}

/** The same for an entry of an archive. */
export async function openStored(
  stored: Stored,
  onBytes: (done: number) => void,
  limits: Limits = LIMITS,
): Promise<OpenInput> {
  const { name, source } = stored;
  let { bytes: head, failed }: Begun =
    source === null
      ? await headOf(stored.chunks(() => undefined))
      : { bytes: await source.read(0, HEAD_BYTES), failed: null };
  let wide: Utf16 | null = null;
  let quoting: Quoting | null = null;
  const decoders: Decoder[] = [];
  const decoded = (told: (done: number) => void): AsyncIterable<Uint8Array> => {
    let bytesIn = 0;
    let open = (): AsyncIterable<Uint8Array> =>
      stored.chunks((done) => {
        bytesIn = Math.max(bytesIn, done);
        told(done);
      });
    for (const decoder of decoders) {
      const below = open;
      open = () => decoder(below);
    }
    const plain = decoders.length === 0 ? open() : guarded(open(), () => bytesIn, name, limits);
    const text = wide === null ? plain : utf16ToUtf8(plain, wide);
    return quoting === null ? text : withoutQuoting(text, quoting);
  };
  while (decoders.length < MOST_LAYERS) {
    const decoder = decoderOf(head);
    if (decoder === null) break;
    decoders.push(decoder);
    ({ bytes: head, failed } = await headOf(decoded(() => undefined)));
  }
  wide = utf16Of(head);
  if (wide !== null) ({ bytes: head, failed } = await headOf(decoded(() => undefined)));
  quoting = quotingOf(head, stored.storedBytes);
  if (quoting !== null) ({ bytes: head, failed } = await headOf(decoded(() => undefined)));
  // A second attempt at the same bytes starts over; what was told to the user does not.
  let furthest = 0;
  const chunks = (): AsyncIterable<Uint8Array> =>
    decoded((done) => {
      furthest = Math.max(furthest, done);
      onBytes(furthest);
    });
  const byPosition = decoders.length === 0 && wide === null && quoting === null ? source : null;
  return {
    name,
    storedBytes: stored.storedBytes,
    compressed: decoders.length > 0 || source === null,
    head,
    // Where something came, the reader meets the damage at its place.
    headError: head.length === 0 ? failed : null,
    chunks,
    source: byPosition,
    randomAccess: async (limit = limits.heldBytes) => byPosition ?? (await hold(name, chunks(), limit)),
  };
}
