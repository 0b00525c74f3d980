/** SQLite's WebAssembly, which is packed into the build: nothing is fetched. */
import { sqliteBase64 } from 'virtual:sqlite-wasm';

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

/** Unpacked here, when a database is opened. */
export const sqliteWasm = (): Promise<Uint8Array<ArrayBuffer>> => unpack(sqliteBase64);
