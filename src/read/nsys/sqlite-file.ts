/** Opens SQLite files with the WebAssembly that is packed into the build: nothing is fetched. */
import { sqliteBase64 } from 'virtual:sqlite-wasm';
import type { ByteSource } from '../../file/byte-source.ts';
import { SqliteFile } from './sqlite-host.ts';

async function unpack(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const parts: BlobPart[] = [];
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) parts.push(part.value);
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The database in `source`, read-only. The WebAssembly is unpacked and compiled here, when one is opened. */
export const openSqlite = async (source: ByteSource): Promise<SqliteFile> =>
  SqliteFile.open(source, await unpack(sqliteBase64));
