/**
 * gzip and raw DEFLATE: through the platform's DecompressionStream (browsers and Node), which is fast, and where
 * that gives up, once more through our own framing, which goes on behind what was handed over already. The
 * standard wants DecompressionStream to refuse a second gzip member, and an error makes it drop its last output.
 */
import { TraceError } from '../base/trace-error.ts';
import { gunzipMembers } from './gzip-members.ts';
import { RawInflate } from './inflate.ts';

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b && head[2] === 8;

/** A browser keeps all that one write expands to, up to 1,032 times as much, before anybody can stop it. */
const PIECE = 64 * 1024;

/** Compressed chunks from the start; called again where a second attempt is needed. */
type Open = () => AsyncIterable<Uint8Array>;

/**
 * Decompressed chunks of all members. Throws TraceError 'truncated' or 'corrupt' after what could be
 * decompressed; `offset` counts decompressed bytes. Errors of the chunks themselves pass through.
 */
export const gunzip = (open: Open): AsyncGenerator<Uint8Array> => decompress(open, 'gzip', gunzipMembers);

/** The same for the raw DEFLATE of a zip's entry. What follows the end of the stream is left alone. */
export const inflateRaw = (open: Open): AsyncGenerator<Uint8Array> =>
  decompress(open, 'deflate-raw', inflateOnce);

async function* decompress(
  open: Open,
  format: CompressionFormat,
  ours: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let passed = 0;
  try {
    for await (const part of platform(open(), format)) {
      passed += part.length;
      yield part;
    }
    return;
  } catch (thrown) {
    if (thrown instanceof SourceError) throw thrown.cause;
  }
  let skip = passed;
  for await (const part of ours(open())) {
    if (skip >= part.length) {
      skip -= part.length;
      continue;
    }
    yield part.subarray(skip);
    skip = 0;
  }
}

/** Carries an error of the compressed chunks past the platform's own errors. */
class SourceError extends Error {}

async function* platform(
  chunks: AsyncIterable<Uint8Array>,
  format: CompressionFormat,
): AsyncGenerator<Uint8Array> {
  const stream = new DecompressionStream(format);
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let failed: SourceError | null = null;
  const source = chunks[Symbol.asyncIterator]();
  const pump = (async () => {
    try {
      for (;;) {
        const next = await source.next().catch((thrown: unknown) => {
          failed = new SourceError('', { cause: thrown });
          throw failed;
        });
        if (next.done === true) break;
        for (let at = 0; at < next.value.length; at += PIECE)
          await writer.write(next.value.subarray(at, at + PIECE) as Uint8Array<ArrayBuffer>);
      }
      await writer.close();
    } catch (thrown) {
      await writer.abort(thrown).catch(() => undefined);
    } finally {
      await source.return?.().catch(() => undefined);
    }
  })();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      yield value;
    }
  } catch (thrown) {
    throw failed ?? thrown;
  } finally {
    await reader.cancel().catch(() => undefined);
    await pump;
  }
}

async function* inflateOnce(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const inflate = new RawInflate();
  let passed = 0;
  try {
    for await (const chunk of chunks) {
      for (const part of inflate.push(chunk)) {
        passed += part.length;
        yield part;
      }
      if (inflate.rest !== null) return;
    }
  } catch (thrown) {
    if (thrown instanceof TraceError) throw thrown;
    throw new TraceError('corrupt', 'the compressed data are damaged', {
      offset: passed,
      advice: 'Copy the archive again; what came before this byte was read.',
    });
  }
  throw new TraceError('truncated', 'the compressed data end early', {
    offset: passed,
    advice: 'Copy the archive again; what came before this byte was read.',
  });
}
