/** What `element.tables()` gives: every table that has a row, as the bytes of an Arrow IPC file. */
import type { EngineApi } from '../../engine/engine-api.ts';
import type { TableView } from '../../engine/protocol.ts';

/** Of all open files, by name. Rejects with an Error where a table cannot be made. */
export async function arrowTables(
  api: EngineApi,
): Promise<Partial<Record<TableView['table'], Uint8Array<ArrayBuffer>>>> {
  const all = { source: null, device: null };
  const listed = await api.tables(all);
  if (!listed.ok) throw new Error(listed.error.message);
  const tables: Partial<Record<TableView['table'], Uint8Array<ArrayBuffer>>> = {};
  for (const { table } of listed.value) {
    const saved = await api.saveTable({ ...all, table, format: 'arrow' });
    if (!saved.ok) throw new Error(saved.error.message);
    tables[table] = joined(saved.value);
  }
  return tables;
}

function joined(pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (pieces.length === 1) return pieces[0];
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
