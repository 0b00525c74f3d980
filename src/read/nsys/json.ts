/**
 * JSON exports of Nsight Systems (`nsys export --type=json`): an object a line, 64-bit integers
 * as texts, enums as numbers here and names there. The form is documented nowhere; it is the JSON of NVIDIA's own
 * protobuf messages as nsys 2023.4 writes them.
 *
 * What is read out of it, and what never: nsys-source.ts. The line of strings holds the captured environment:
 * it is passed over, and of it only the strings with the ids of calls, kernels and ranges are decoded. Not in this
 * form at all: names and sizes of GPUs, the start of the session, versions, call chains.
 */
import { TraceError } from '../../base/trace-error.ts';
import type { Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { indexJson, type JsonIndex } from './json-index.ts';
import { type BadLines, firstEventKeys, jsonColumns, jsonRows, stringRows } from './json-rows.ts';
import { EVENTS_TABLE, STRINGS_TABLE } from './schema.ts';
import { readNsysTables } from './source.ts';
import type { NsysTables, Rows } from './tables.ts';
import { bytesOfInput, type PositionedBytes, withLineEnds } from './positioned-bytes.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';

const FORMAT = 'nsys-json';
const BREATH_BYTES = 8 << 20;
/** About how often the bytes are gone through: once for the index, once for events, once for calls. */
const PASSES = 3;
const LACKS =
  'The JSON form of an export carries no names and sizes of GPUs, no start of the session and no call chains: nsys export --type=sqlite has them.';

class JsonTables implements NsysTables {
  readonly names: ReadonlySet<string>;

  constructor(
    private readonly bytes: PositionedBytes,
    private readonly index: JsonIndex,
    private readonly eventColumns: ReadonlySet<string>,
    private readonly bad: BadLines,
    private readonly storedBytes: number,
  ) {
    const names = new Set(index.tables.keys());
    if (index.strings !== null) names.add(STRINGS_TABLE);
    this.names = names;
  }

  columns(table: string): ReadonlySet<string> {
    if (table === EVENTS_TABLE) return this.eventColumns;
    return new Set(jsonColumns(table));
  }

  async *rows(table: string, columns: readonly string[]): AsyncGenerator<Rows> {
    if (table === STRINGS_TABLE && this.index.strings !== null) {
      yield* stringRows(this.bytes, this.index.strings, columns);
      return;
    }
    yield* jsonRows(this.bytes, this.index, table, columns, this.bad);
    // Lines are in the order of time: what the cut took was of all tables.
    if (this.index.error !== null && table === EVENTS_TABLE) throw this.index.error;
  }

  rowBound(table: string, otherwise: number): number {
    return this.index.tables.get(table)?.lines ?? otherwise;
  }

  bytesRead(): number {
    return Math.min(this.storedBytes, Math.round(this.bytes.bytesRead / PASSES));
  }
}

function sniff(head: Head): Sniff {
  if (head.bytes[0] !== 0x7b) return { score: 0, reason: 'does not begin with a JSON object' };
  const text = new TextDecoder('latin1').decode(head.bytes);
  if (
    /(^|\n)\{\s*"Type"\s*:\s*\d+\s*,\s*"(Cuda\w+|TraceProcessEvent|CommEvent|DiagnosticEvent|NvtxEvent|\w+Event)"\s*:\s*\{/.test(
      text,
    )
  )
    return { score: 0.95, reason: 'JSON lines with events of Nsight Systems' };
  if (/^\{\s*"type"\s*:\s*"String"\s*,\s*"id"\s*:/.test(text))
    return { score: 0.9, reason: 'JSON lines with strings as Nsight Systems writes them' };
  if (/^\{\s*"data"\s*:\s*\[\s*"/.test(text)) {
    const isKnown = text.includes('"GpuMetrics"') || text.includes('"QnxKernelTrace"');
    return isKnown
      ? { score: 0.9, reason: 'the string table of an Nsight Systems JSON export' }
      : { score: 0.3, reason: 'a line of strings, as an Nsight Systems JSON export begins' };
  }
  return { score: 0, reason: 'JSON, but not as Nsight Systems writes it' };
}

/** Columns of memory events: those that every line has, and those of the first one. */
async function eventColumnsOf(bytes: PositionedBytes, index: JsonIndex): Promise<ReadonlySet<string>> {
  const keys = await firstEventKeys(bytes, index, EVENTS_TABLE);
  return new Set([...jsonColumns(EVENTS_TABLE), 'name', ...keys]);
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const { name, storedBytes } = input;
  const bytes = await withLineEnds(bytesOfInput(input));
  let breath = 0;
  const index = await indexJson(bytes, async (done) => {
    if (done - breath < BREATH_BYTES) return;
    breath = done;
    context.progress('looking for events', Math.min(storedBytes, Math.round(done / PASSES)));
    await context.breathe();
  });
  const at = { file: name, format: FORMAT };
  if (index.tables.size === 0 && index.strings === null) {
    const message = 'There is no line of an Nsight Systems JSON export in this file.';
    const error = index.error ?? new TraceError('unsupported', message, at);
    return { data: sourceData({ producer: 'Nsight Systems' }), error };
  }
  const warnings: Warning[] = [];
  if (index.odd > 0) {
    const message = `${index.odd} lines are no JSON objects and were left out; the first begins at byte ${index.firstOdd}.`;
    warnings.push({ message, offset: index.firstOdd });
  }
  const bad: BadLines = { count: 0, first: 0 };
  const columns = await eventColumnsOf(bytes, index);
  const tables = new JsonTables(bytes, index, columns, bad, storedBytes);
  const file = { name, format: FORMAT, storedBytes, warnings, notRecorded: [LACKS] } as const;
  const outcome = await readNsysTables(tables, file, context);
  const error = outcome.error ?? index.error;
  if (bad.count === 0 && index.odd === 0) return { ...outcome, error };
  if (bad.count === 0) {
    const data = { ...outcome.data, skipped: outcome.data.skipped + index.odd };
    return { data, error };
  }
  const message = `${bad.count} lines of events could not be parsed and were left out; the first begins at byte ${bad.first}.`;
  const data = {
    ...outcome.data,
    skipped: outcome.data.skipped + bad.count + index.odd,
    warnings: [...outcome.data.warnings, { message, offset: bad.first }],
  };
  return { data, error };
}

export const nsysJsonReader: Reader = { format: FORMAT, title: 'Nsight Systems JSON export', sniff, read };
