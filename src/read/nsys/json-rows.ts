/** Rows out of the lines of a JSON export: one parsed line at a time, strings only where they are asked for. */
import { lookup } from '../../base/lookup.ts';
import { joined } from '../../base/joined.ts';
import { TraceError } from '../../base/trace-error.ts';
import { JsonFields } from './json-fields.ts';
import { CHUNK, type JsonIndex, tableOfLine } from './json-index.ts';
import {
  EVENTS_TABLE,
  KERNELS_TABLE,
  NVTX_TABLE,
  POOLS_TABLE,
  RUNTIME_TABLE,
  STRINGS_TABLE,
} from './schema.ts';
import type { Rows } from './tables.ts';
import type { PositionedBytes } from './positioned-bytes.ts';

const LF = 10;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Longest line, and longest string of the string table, that is parsed. */
const MOST_BYTES = 8 << 20;
const FIRST_LINE = 65536;

/** Where a column of the other forms is found in a line. */
interface JsonColumn {
  readonly path: readonly string[];
  /** Texts that stand for the numbers 0, 1, ... */
  readonly names?: readonly Uint8Array[];
}

interface JsonTable {
  /** Key of the line under which the event lies; null: the line itself is the event. */
  readonly root: string | null;
  /** Columns that do not lie under their own name. */
  readonly columns: Readonly<Record<string, JsonColumn>>;
}

const at = (...path: string[]): JsonColumn => ({ path });
const named = (key: string, prefix: string, names: readonly string[]): JsonColumn => ({
  path: [key],
  names: names.map((name) => new TextEncoder().encode(prefix + name)),
});

const TABLES: Readonly<Record<string, JsonTable>> = lookup({
  [EVENTS_TABLE]: {
    root: 'CudaMemoryUsageEvent',
    columns: {
      start: at('startNs'),
      memoryOperationType: named('type', '', ['allocation', 'deallocation']),
      localMemoryPoolAddress: at('localPoolConfig', 'address'),
      localMemoryPoolReleaseThreshold: at('localPoolConfig', 'releaseThreshold'),
      localMemoryPoolSize: at('localPoolConfig', 'localPoolSize'),
      localMemoryPoolUtilizedSize: at('localPoolConfig', 'localPoolUtilizedSize'),
    },
  },
  [POOLS_TABLE]: {
    root: 'CudaMemoryPoolInfo',
    columns: {
      start: at('startNs'),
      operationType: named('operationType', 'MEMORY_POOL_OPERATION_', [
        'INVALID',
        'CREATED',
        'DESTROYED',
        'TRIMMED',
      ]),
      poolType: named('poolType', 'MEMORY_POOL_TYPE_', ['INVALID', 'LOCAL', 'IMPORTED']),
      localMemoryPoolReleaseThreshold: at('localPoolAttributes', 'releaseThreshold'),
      localMemoryPoolSize: at('localPoolAttributes', 'size'),
      localMemoryPoolUtilizedSize: at('localPoolAttributes', 'utilizedSize'),
    },
  },
  [RUNTIME_TABLE]: {
    root: 'TraceProcessEvent',
    columns: {
      start: at('startNs'),
      end: at('endNs'),
      nameId: at('name'),
      returnValue: at('returnValue'),
      globalTid: at('globalTid'),
      correlationId: at('correlationId'),
    },
  },
  [NVTX_TABLE]: {
    root: 'NvtxEvent',
    columns: {
      start: at('Timestamp'),
      end: at('EndTimestamp'),
      eventType: at('Type'),
      text: at('Text'),
      textId: at('TextId'),
      globalTid: at('GlobalTid'),
    },
  },
  [KERNELS_TABLE]: {
    root: 'CudaEvent',
    columns: {
      start: at('startNs'),
      end: at('endNs'),
      demangledName: at('kernel', 'demangledName'),
      shortName: at('kernel', 'shortName'),
    },
  },
  [STRINGS_TABLE]: { root: null, columns: {} },
});

const NO_TABLE: JsonTable = { root: null, columns: {} };

/** Lines that could not be parsed. */
export interface BadLines {
  count: number;
  first: number;
}

/** Fields of the columns of a table, made once for all its lines. */
interface Asked {
  readonly fields: JsonFields;
  readonly names: readonly (readonly Uint8Array[] | undefined)[];
}

function ask(table: string, columns: readonly string[]): Asked {
  const { root, columns: known } = TABLES[table] ?? NO_TABLE;
  const found = columns.map((column) => known[column] ?? at(column));
  return {
    fields: new JsonFields(found.map(({ path }) => (root === null ? path : [root, ...path]))),
    names: found.map(({ names }) => names),
  };
}

/** Lines of one chunk, looked into as they are stepped to. */
class LineRows implements Rows {
  private next = 0;
  private readonly fields: JsonFields;

  /** `lines`: start and end in `bytes`, in turns. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly lines: readonly number[],
    private readonly asked: Asked,
    private readonly onBad: (at: number) => void,
  ) {
    this.fields = asked.fields;
  }

  step(): boolean {
    while (this.next < this.lines.length) {
      const from = this.lines[this.next];
      const to = this.lines[this.next + 1];
      this.next += 2;
      if (this.fields.scan(this.bytes, from, to)) return true;
      this.onBad(from);
    }
    return false;
  }

  isNull(column: number): boolean {
    return !this.fields.has(column) || (this.isName(column) && this.nameIndex(column) < 0);
  }

  int(column: number): number {
    return this.number(column) | 0;
  }

  number(column: number): number {
    if (!this.isName(column)) return this.fields.number(column);
    return Math.max(0, this.nameIndex(column));
  }

  bigint(column: number): bigint {
    return this.isName(column) ? BigInt(this.number(column)) : this.fields.bigint(column);
  }

  text(column: number): string {
    return this.fields.text(column);
  }

  private isName(column: number): boolean {
    return this.asked.names[column] !== undefined && this.fields.isText(column);
  }

  private nameIndex(column: number): number {
    return this.asked.names[column]?.findIndex((name) => this.fields.equals(column, name)) ?? -1;
  }
}

export const jsonColumns = (table: string): readonly string[] => Object.keys(TABLES[table]?.columns ?? {});

/** Keys of the first event of a table: they tell which columns this version writes. */
export async function firstEventKeys(
  bytes: PositionedBytes,
  index: JsonIndex,
  table: string,
): Promise<readonly string[]> {
  const from = index.tables.get(table)?.ranges[0];
  const root = TABLES[table]?.root ?? null;
  if (from === undefined || root === null) return [];
  const chunk = await bytes.read(from, FIRST_LINE);
  const end = chunk.indexOf(LF);
  try {
    const line = JSON.parse(new TextDecoder().decode(end < 0 ? chunk : chunk.subarray(0, end))) as unknown;
    return Object.keys((line as Record<string, object | undefined>)[root] ?? {});
  } catch {
    return [];
  }
}

/** Rows of a table, chunk by chunk of the ranges where its lines lie. */
export async function* jsonRows(
  bytes: PositionedBytes,
  index: JsonIndex,
  table: string,
  columns: readonly string[],
  bad: BadLines,
): AsyncGenerator<Rows> {
  const { ranges } = index.tables.get(table) ?? { ranges: [] };
  const asked = ask(table, columns);
  const onBadAt = (at: number): void => {
    if (bad.count++ === 0) bad.first = at;
  };
  for (let r = 0; r < ranges.length; r += 2) {
    let rest = new Uint8Array(0);
    let isTooLong = false;
    for (let at = ranges[r]; at < ranges[r + 1];) {
      const read = await bytes.read(at, Math.min(CHUNK, ranges[r + 1] - at));
      if (read.length === 0) break;
      const start = at - rest.length;
      const chunk = rest.length === 0 ? read : joined([rest, read]);
      at += read.length;
      const lines: number[] = [];
      let from = 0;
      let end = chunk.indexOf(LF, rest.length);
      if (isTooLong && end >= 0) {
        // The end of a line that was given up.
        from = end + 1;
        end = chunk.indexOf(LF, from);
        isTooLong = false;
      }
      for (; end >= 0; end = chunk.indexOf(LF, from)) {
        if (tableOfLine(chunk, from, end) === table) lines.push(from, end);
        from = end + 1;
      }
      rest = isTooLong ? new Uint8Array(0) : chunk.slice(from);
      const isLast = at >= ranges[r + 1];
      if (isLast && rest.length > 0 && tableOfLine(chunk, from, chunk.length) === table)
        lines.push(from, chunk.length);
      else if (rest.length > MOST_BYTES) {
        if (tableOfLine(rest, 0, rest.length) === table) onBadAt(start + from);
        rest = new Uint8Array(0);
        isTooLong = true;
      }
      if (lines.length > 0) yield new LineRows(chunk, lines, asked, (place) => onBadAt(start + place));
    }
  }
}

/** Strings of one chunk of the string table. Ids count from 0 over the whole table. */
class StringRows implements Rows {
  private next = -1;

  constructor(
    private readonly bytes: Uint8Array,
    /** Start and end of each, quotes included. */
    private readonly places: readonly number[],
    private readonly firstId: number,
    private readonly columns: readonly string[],
  ) {}

  step(): boolean {
    return 2 * ++this.next < this.places.length;
  }

  isNull(column: number): boolean {
    return this.columns[column] !== 'id' && this.columns[column] !== 'value';
  }

  int(column: number): number {
    return this.number(column) | 0;
  }

  number(column: number): number {
    return this.columns[column] === 'id' ? this.firstId + this.next : 0;
  }

  bigint(column: number): bigint {
    return BigInt(this.number(column));
  }

  text(column: number): string {
    if (this.columns[column] !== 'value') return '';
    const [from, to] = [this.places[2 * this.next], this.places[2 * this.next + 1]];
    try {
      return JSON.parse(new TextDecoder().decode(this.bytes.subarray(from, to))) as string;
    } catch {
      return '';
    }
  }
}

/** Index behind the closing quote of the string that opens at `from`; -1: it is not in these bytes. */
function endOfString(bytes: Uint8Array, from: number): number {
  for (let quote = bytes.indexOf(QUOTE, from + 1); quote >= 0; quote = bytes.indexOf(QUOTE, quote + 1)) {
    let slashes = 0;
    while (bytes[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
  }
  return -1;
}

/** Rows (id, value) of the string table, which is one line: found string by string, decoded where asked for. */
export async function* stringRows(
  bytes: PositionedBytes,
  { from, to }: { readonly from: number; readonly to: number },
  columns: readonly string[],
): AsyncGenerator<Rows> {
  let rest = new Uint8Array(0);
  let id = 0;
  let isOpen = false;
  for (let at = from; at < to;) {
    const read = await bytes.read(at, Math.min(CHUNK, to - at));
    if (read.length === 0) break;
    at += read.length;
    const chunk: Uint8Array = rest.length === 0 ? read : joined([rest, read]);
    let place = 0;
    if (!isOpen) {
      place = chunk.indexOf(0x5b) + 1;
      isOpen = true;
    }
    const places: number[] = [];
    let isEnd = false;
    while (place < chunk.length) {
      const byte = chunk[place];
      if (byte === QUOTE) {
        const end = endOfString(chunk, place);
        if (end < 0) break;
        places.push(place, end);
        place = end;
      } else if (byte === 0x2c || byte <= 0x20) place++;
      else {
        isEnd = true;
        break;
      }
    }
    if (places.length > 0) {
      yield new StringRows(chunk, places, id, columns);
      id += places.length / 2;
    }
    if (isEnd) return;
    rest = chunk.slice(place);
    if (rest.length > MOST_BYTES) {
      const message = `A string of the string table is longer than ${MOST_BYTES} bytes: those behind it are unknown.`;
      throw new TraceError('unsupported', message, { offset: at - rest.length });
    }
  }
}
