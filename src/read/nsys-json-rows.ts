/** Rows out of the lines of a JSON export: one parsed line at a time, strings only where they are asked for. */
import { TraceError } from '../base/trace-error.ts';
import { ValueCells } from './cells.ts';
import { CHUNK, joined, type JsonIndex, tableOfLine } from './nsys-json-index.ts';
import {
  EVENTS_TABLE,
  KERNELS_TABLE,
  NVTX_TABLE,
  POOLS_TABLE,
  RUNTIME_TABLE,
  STRINGS_TABLE,
} from './nsys-schema.ts';
import type { Rows } from './nsys-tables.ts';
import type { PositionedBytes } from './positioned-bytes.ts';

const LF = 10;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Longest line, and longest string of the string table, that is parsed. */
const MOST_BYTES = 8 << 20;

type Event = Readonly<Record<string, unknown>>;
type Cell = (event: Event) => unknown;

const inner =
  (object: string, key: string): Cell =>
  (event) =>
    (event[object] as Event | null | undefined)?.[key];

/** The number that stands for one of these texts; a number as it is. */
const numbered =
  (key: string, texts: readonly string[], prefix = ''): Cell =>
  (event) => {
    const value = event[key];
    if (typeof value !== 'string' || !value.startsWith(prefix)) return value;
    const index = texts.indexOf(value.slice(prefix.length));
    return index < 0 ? undefined : index;
  };

interface JsonTable {
  /** Key of the line under which the event lies; null: the line itself is the event. */
  readonly root: string | null;
  readonly cells: Readonly<Record<string, Cell>>;
}

/** The columns of the other forms, by what stands for them in JSON. */
const TABLES: Readonly<Record<string, JsonTable>> = {
  [EVENTS_TABLE]: {
    root: 'CudaMemoryUsageEvent',
    cells: {
      start: (event) => event['startNs'],
      memoryOperationType: numbered('type', ['allocation', 'deallocation']),
      localMemoryPoolAddress: inner('localPoolConfig', 'address'),
      localMemoryPoolReleaseThreshold: inner('localPoolConfig', 'releaseThreshold'),
      localMemoryPoolSize: inner('localPoolConfig', 'localPoolSize'),
      localMemoryPoolUtilizedSize: inner('localPoolConfig', 'localPoolUtilizedSize'),
    },
  },
  [POOLS_TABLE]: {
    root: 'CudaMemoryPoolInfo',
    cells: {
      start: (event) => event['startNs'],
      operationType: numbered(
        'operationType',
        ['INVALID', 'CREATED', 'DESTROYED', 'TRIMMED'],
        'MEMORY_POOL_OPERATION_',
      ),
      poolType: numbered('poolType', ['INVALID', 'LOCAL', 'IMPORTED'], 'MEMORY_POOL_TYPE_'),
      localMemoryPoolReleaseThreshold: inner('localPoolAttributes', 'releaseThreshold'),
      localMemoryPoolSize: inner('localPoolAttributes', 'size'),
      localMemoryPoolUtilizedSize: inner('localPoolAttributes', 'utilizedSize'),
    },
  },
  [RUNTIME_TABLE]: {
    root: 'TraceProcessEvent',
    cells: { start: (event) => event['startNs'], nameId: (event) => event['name'] },
  },
  [NVTX_TABLE]: {
    root: 'NvtxEvent',
    cells: {
      start: (event) => event['Timestamp'],
      end: (event) => event['EndTimestamp'],
      eventType: (event) => event['Type'],
      text: (event) => event['Text'],
      textId: (event) => event['TextId'],
      globalTid: (event) => event['GlobalTid'],
    },
  },
  [KERNELS_TABLE]: {
    root: 'CudaEvent',
    cells: {
      start: (event) => event['startNs'],
      end: (event) => event['endNs'],
      demangledName: inner('kernel', 'demangledName'),
      shortName: inner('kernel', 'shortName'),
    },
  },
  [STRINGS_TABLE]: { root: null, cells: {} },
};

/** Lines that could not be parsed. */
export interface BadLines {
  count: number;
  first: number;
}

/** Lines of one chunk, parsed as they are stepped to. */
class LineRows implements Rows {
  private next = 0;
  private readonly values: unknown[] = [];
  private readonly cells = new ValueCells(this.values);
  private readonly decoder = new TextDecoder();

  /** `lines`: start and end in `bytes`, in turns. */
  constructor(
    private readonly bytes: Uint8Array,
    private readonly lines: readonly number[],
    private readonly root: string | null,
    private readonly columns: readonly Cell[],
    private readonly onBad: (at: number) => void,
  ) {}

  step(): boolean {
    for (; this.next < this.lines.length;) {
      const from = this.lines[this.next];
      const to = this.lines[this.next + 1];
      this.next += 2;
      const event = this.parse(from, to);
      if (event === null) {
        this.onBad(from);
        continue;
      }
      for (let i = 0; i < this.columns.length; i++) this.values[i] = this.columns[i](event);
      return true;
    }
    return false;
  }

  private parse(from: number, to: number): Event | null {
    try {
      const line = JSON.parse(this.decoder.decode(this.bytes.subarray(from, to))) as Event | null;
      const event = this.root === null ? line : line?.[this.root];
      return typeof event === 'object' && event !== null ? (event as Event) : null;
    } catch {
      return null;
    }
  }

  isNull(column: number): boolean {
    return this.cells.isNull(column);
  }

  int(column: number): number {
    return this.cells.int(column);
  }

  number(column: number): number {
    return this.cells.number(column);
  }

  bigint(column: number): bigint {
    return this.cells.bigint(column);
  }

  text(column: number): string {
    return this.cells.text(column);
  }
}

export const jsonColumns = (table: string): readonly string[] => Object.keys(TABLES[table]?.cells ?? {});

/** The first event of a table, to see which keys it has; null where there is none. */
export async function firstEvent(
  bytes: PositionedBytes,
  index: JsonIndex,
  table: string,
): Promise<Event | null> {
  const from = index.tables.get(table)?.ranges[0];
  if (from === undefined) return null;
  const chunk = await bytes.read(from, CHUNK);
  const end = chunk.indexOf(LF);
  let found: Event | null = null;
  const root = TABLES[table]?.root ?? null;
  const rows = new LineRows(
    chunk,
    [0, end < 0 ? chunk.length : end],
    root,
    [(event) => (found = event)],
    () => undefined,
  );
  rows.step();
  return found;
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
  const { root, cells } = TABLES[table] ?? { root: null, cells: {} };
  const ask = columns.map((column): Cell => cells[column] ?? ((event) => event[column]));
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
      const chunk = rest.length === 0 ? read : joined(rest, read);
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
      if (lines.length > 0) yield new LineRows(chunk, lines, root, ask, (place) => onBadAt(start + place));
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
    const chunk: Uint8Array = rest.length === 0 ? read : joined(rest, read);
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
