/** Opens SQLite files with the WebAssembly that is inlined into the build: nothing is fetched. */
import wasmUrl from '@sqlite.org/sqlite-wasm/sqlite3.wasm?url&inline';
import type { ByteSource } from '../file/byte-source.ts';
import { SqliteFile } from './sqlite-host.ts';

/** Bytes of a base64 data: URL. Not by fetch: a page's policy forbids it even for data. */
function bytesOf(dataUrl: string): Uint8Array<ArrayBuffer> {
  const text = atob(dataUrl.slice(dataUrl.indexOf(',') + 1));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The database in `source`, read-only. The WebAssembly is decoded and compiled here, when one is opened. */
export const openSqlite = (source: ByteSource): Promise<SqliteFile> =>
  SqliteFile.open(source, bytesOf(wasmUrl));
