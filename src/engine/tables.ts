/**
 * The tables of what is open, as files: for the page's Save, for `element.tables()` and for `vramscope export`. The
 * same tables in all of them (src/trace/table/declarations.ts).
 */
import { notHeld } from './faults.ts';
import { breathe } from '../base/breathe.ts';
import { fail, ok, type Result } from '../base/result.ts';
import { TraceError, type TraceErrorData, toErrorData } from '../base/trace-error.ts';
import { metadataOf, tablesOf } from '../trace/table/all.ts';
import { type Row, type Table, tableOfRows } from '../trace/table/column.ts';
import { FINDINGS } from '../trace/table/declarations.ts';
import type { TableSource } from '../trace/table/source.ts';
import { csvWriter, jsonLinesWriter } from '../trace/table/text.ts';
import type { OpenWriter, WriteBytes } from '../trace/table/writer.ts';
import { findingsOf } from './document/diagnosis.ts';
import type { OpenSource } from './open-source.ts';
import type { Diagnosis } from './diagnosis.ts';
import type { TableFormat, TableName, TableQuery, TablesQuery, TableView } from './table-query.ts';

/** Throws TraceError 'internal' where what is asked about is not open. */
export function sourcesOf(open: readonly OpenSource[], { source, device }: TablesQuery): TableSource[] {
  if (source !== null && !open.some(({ id }) => id === source))
    throw new TraceError('internal', `no open file has the number ${source}`);
  if (device !== null && !open.some(({ sessions }) => sessions.some(({ key }) => key === device)))
    throw notHeld(device);
  return open.flatMap(({ id, loaded: { file, format, data }, sessions }, number) =>
    source !== null && source !== id
      ? []
      : [
          {
            ...{ number, file, format, data },
            devices: sessions
              .filter(({ key }) => device === null || device === key)
              .map(({ trace }) => trace),
          },
        ],
  );
}

export function findingsTable(
  open: readonly OpenSource[],
  query: TablesQuery,
  diagnosis: Diagnosis,
): Table<typeof FINDINGS.fields> {
  const indexOf = (key: string): number | null => {
    const at = open.findIndex(({ sessions }) => sessions.some((session) => session.key === key));
    return at < 0 ? null : at;
  };
  const rows = findingsOf(diagnosis, indexOf).map((finding): Row<typeof FINDINGS.fields> => ({
    source: finding.source,
    file: finding.source === null ? null : open[finding.source].loaded.file,
    device: finding.device,
    finding: finding.id,
    severity: finding.severity,
    title: finding.title,
    verdict: finding.verdict,
    confidence: finding.confidence,
    confidence_why: finding.confidence_why,
    remedy: finding.remedy,
    gain_bytes: finding.gain_bytes,
    gain_how: finding.gain_how,
    would_change: finding.would_change,
    evidence: JSON.stringify(finding.evidence),
  }));
  const isAsked = ({ source }: Row<typeof FINDINGS.fields>): boolean =>
    query.source === null || source === null || open[source].id === query.source;
  return tableOfRows(FINDINGS, rows.filter(isAsked));
}

/** Tables with a row or more, in the order of the declarations, and the findings. */
export function tableViews(
  open: readonly OpenSource[],
  query: TablesQuery,
): Result<readonly TableView[], TraceErrorData> {
  try {
    const views = tablesOf(sourcesOf(open, query)).map(({ declaration: { name }, rows }) => ({
      table: name as TableName,
      rows,
    }));
    const findings = open.length === 0 ? [] : [{ table: FINDINGS.name, rows: null }];
    return ok([...views.filter(({ rows }) => rows > 0), ...findings]);
  } catch (thrown) {
    return fail(toErrorData(thrown, null));
  }
}

/** Loaded when asked for: reading a file needs none of them. */
async function writerOf(format: TableFormat): Promise<OpenWriter> {
  switch (format) {
    case 'arrow':
      return (await import('../trace/arrow.ts')).arrowWriter;
    case 'parquet':
      return (await import('../trace/parquet.ts')).parquetWriter;
    case 'csv':
      return csvWriter;
    case 'jsonl':
      return jsonLinesWriter;
  }
}

/**
 * Writes one table batch by batch, and lets other questions through between them; gives the number of rows. A table
 * without rows is a file with its columns alone. What `write` throws is an error value too.
 */
export async function writeTable(
  open: readonly OpenSource[],
  query: TableQuery,
  diagnosed: () => Promise<Diagnosis>,
  write: WriteBytes,
): Promise<Result<number, TraceErrorData>> {
  try {
    const sources = sourcesOf(open, query);
    const table =
      query.table === 'findings'
        ? findingsTable(open, query, await diagnosed())
        : tablesOf(sources).find(({ declaration }) => declaration.name === query.table);
    if (table === undefined) throw new TraceError('internal', `there is no table "${String(query.table)}"`);
    const writer = (await writerOf(query.format))(table, metadataOf(query.table, sources), write);
    for (const batch of table.batches()) {
      writer.batch(batch);
      await breathe();
    }
    writer.finish();
    return ok(table.rows);
  } catch (thrown) {
    return fail(toErrorData(thrown, null));
  }
}

/** What is written, in few buffers of its own, which can be handed over. */
export async function gathered(
  writes: (write: WriteBytes) => Promise<Result<number, TraceErrorData>>,
): Promise<Result<readonly Uint8Array<ArrayBuffer>[], TraceErrorData>> {
  const pieces = new Pieces();
  const written = await writes(pieces.add);
  return written.ok ? ok(pieces.finish()) : written;
}

class Pieces {
  private readonly parts: Uint8Array<ArrayBuffer>[] = [];
  private current = new Uint8Array(1 << 16);
  private filled = 0;

  readonly add = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length;) {
      if (this.filled === this.current.length) this.next();
      const piece = bytes.subarray(at, at + this.current.length - this.filled);
      this.current.set(piece, this.filled);
      this.filled += piece.length;
      at += piece.length;
    }
  };

  private next(): void {
    this.parts.push(this.current);
    this.current = new Uint8Array(Math.min(1 << 24, this.current.length * 2));
    this.filled = 0;
  }

  finish(): Uint8Array<ArrayBuffer>[] {
    return [...this.parts, this.current.slice(0, this.filled)];
  }
}
