/** gzip through the platform's DecompressionStream (browsers and Node). */
import { TraceError } from '../base/trace-error.ts';

export const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;

/**
 * Decompressed chunks. Throws TraceError 'truncated' or 'corrupt' after every chunk that could be decompressed;
 * `offset` counts decompressed bytes. Errors of `chunks` pass through.
 */
export async function* gunzip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = new DecompressionStream('gzip');
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  let sourceError: unknown = null;
  const pump = (async () => {
    try {
      for await (const chunk of chunks) await writer.write(chunk as Uint8Array<ArrayBuffer>);
      await writer.close();
    } catch (thrown) {
      if (thrown instanceof TraceError) sourceError = thrown;
      await writer.abort(thrown).catch(() => undefined);
    }
  })();
  let passed = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      passed += value.length;
      yield value;
    }
  } catch (thrown) {
    if (sourceError !== null) throw sourceError as TraceError;
    if (thrown instanceof TraceError) throw thrown;
    const code = (thrown as { code?: unknown } | null)?.code;
    const why = `${thrown instanceof Error ? thrown.message : String(thrown)}${typeof code === 'string' ? ` ${code}` : ''}`;
    const truncated = /trunc|unexpected end|Z_BUF_ERROR/i.test(why);
    throw new TraceError(
      truncated ? 'truncated' : 'corrupt',
      truncated ? 'the gzip stream ends early' : `the gzip stream is damaged: ${why.trim()}`,
      {
        offset: passed,
        advice: 'Copy the file again; what came before this byte was read.',
      },
    );
  } finally {
    await reader.cancel().catch(() => undefined);
    await pump;
  }
}
