/**
 * The rows of CUDA_GPU_MEMORY_USAGE_EVENTS as columns of the whole file, in the order of the table: one row
 * per allocation or free. Rows are kept as they are; what belongs to which device, and in which order, is
 * found out afterwards (nsys-devices.ts).
 */
import { ACTION, HOST_KINDS, MEM_KINDS } from '../../trace/schema.ts';
import { MOST_BYTES, MOST_DEVICE, whyNotBytes } from '../../base/bounds.ts';
import type { ReaderContext } from '../reader.ts';
import { EVENTS_TABLE } from './schema.ts';
import type { NsysTables, Rows } from './tables.ts';

/** A process and the number by which it knows a device. */
export interface Place {
  readonly process: number;
  readonly device: number;
}

/** Pool figures beside event rows. Utilized bytes as printed: after an allocation, before a free. */
export interface RawPools {
  length: number;
  row: Uint32Array;
  address: BigUint64Array;
  size: Float64Array;
  releaseThreshold: Float64Array;
  utilized: Float64Array;
}

export interface RawEvents {
  length: number;
  action: Uint8Array;
  kind: Uint8Array;
  stream: Uint16Array;
  /** Index into `places`. */
  place: Uint16Array;
  /** A number for each context of each process: the owner of addresses. */
  context: Uint32Array;
  time: BigInt64Array;
  address: BigUint64Array;
  size: BigUint64Array;
  /** Number of the API call within its process; 0: none. */
  correlation: Uint32Array;
  readonly pools: RawPools;
  readonly places: Place[];
  /** globalPid by process index. */
  readonly processes: number[];
  readonly streams: string[];
  readonly symbols: [number, string][];
  /** Rows met and not kept. */
  skipped: number;
  /** What was met and is not as the schema says: in words -> how often. */
  readonly oddities: Map<string, number>;
  hasTime: boolean;
}

const COLUMNS = [
  'start',
  'globalPid',
  'deviceId',
  'contextId',
  'address',
  'bytes',
  'memKind',
  'memoryOperationType',
  'streamId',
  'localMemoryPoolAddress',
  'localMemoryPoolReleaseThreshold',
  'localMemoryPoolSize',
  'localMemoryPoolUtilizedSize',
  'name',
  'correlationId',
] as const;
const COLUMN = Object.fromEntries(COLUMNS.map((name, index) => [name, index])) as Record<
  (typeof COLUMNS)[number],
  number
>;

const MOST_SIZE = BigInt(MOST_BYTES);

/** Without these a row says nothing. */
export const NEEDED = ['bytes', 'memoryOperationType'] as const;

const BREATH_ROWS = 1 << 16;
const MOST_STREAMS = 65535;
const UNKNOWN_STREAM = 'unknown';
/** Least of the kinds of static symbols, which have names. */
const FIRST_STATIC = MEM_KINDS.indexOf('device_static');
const NO_KIND = 255;
const UNKNOWN_KIND = MEM_KINDS.indexOf('unknown');
/** A row takes at least about this many bytes of the file: no room is made for more rows than fit into it. */
const LEAST_ROW_BYTES = 16;

/** Index of a key, in order of first sight. Most rows have the key of the row before. */
export class Numbering<K> {
  private readonly known = new Map<K, number>();
  private lastKey: K | undefined;
  private lastIndex = 0;

  /** A new key gets the number of keys known before. */
  of(key: K): number {
    if (key === this.lastKey) return this.lastIndex;
    let index = this.known.get(key);
    if (index === undefined) {
      index = this.known.size;
      this.known.set(key, index);
    }
    this.lastKey = key;
    return (this.lastIndex = index);
  }
}

function makeColumns(capacity: number): RawEvents {
  return {
    length: 0,
    action: new Uint8Array(capacity),
    kind: new Uint8Array(capacity),
    stream: new Uint16Array(capacity),
    place: new Uint16Array(capacity),
    context: new Uint32Array(capacity),
    time: new BigInt64Array(capacity),
    address: new BigUint64Array(capacity),
    size: new BigUint64Array(capacity),
    correlation: new Uint32Array(capacity),
    pools: {
      length: 0,
      row: new Uint32Array(256),
      address: new BigUint64Array(256),
      size: new Float64Array(256),
      releaseThreshold: new Float64Array(256),
      utilized: new Float64Array(256),
    },
    places: [],
    processes: [],
    streams: [],
    symbols: [],
    skipped: 0,
    oddities: new Map(),
    hasTime: true,
  };
}

/** Twice the room in every column whose length is the capacity. */
export function grow(columns: object, capacity: number): void {
  const table = columns as Record<string, unknown>;
  for (const [name, column] of Object.entries(table)) {
    if (!ArrayBuffer.isView(column) || (column as Uint8Array).length !== capacity) continue;
    const old = column as Uint8Array;
    const bigger = new (old.constructor as Uint8ArrayConstructor)(2 * capacity);
    bigger.set(old);
    table[name] = bigger;
  }
}

/** A figure that may be 2^64 - 1 ("keep everything"), which SQLite holds as -1. */
function unsigned(rows: Rows, column: number): number {
  const value = rows.number(column);
  return value < 0 ? Number(BigInt.asUintN(64, rows.bigint(column))) : value;
}

export class EventRows {
  readonly events: RawEvents;
  private readonly tables: NsysTables;
  private readonly has: (name: (typeof COLUMNS)[number]) => boolean;
  /** Number in the file -> index into MEM_KINDS, or NO_KIND. */
  private readonly kinds = new Uint8Array(256).fill(NO_KIND);
  private readonly processOf = new Numbering<number>();
  private readonly placeOf = new Numbering<number>();
  private readonly contextOf = new Numbering<number>();
  private readonly streamOf = new Numbering<number>();
  private capacity: number;

  constructor(tables: NsysTables, memKinds: ReadonlyMap<number, number>, fileBytes: number) {
    this.tables = tables;
    const columns = tables.columns(EVENTS_TABLE);
    this.has = (name) => columns.has(name);
    for (const [printed, kind] of memKinds) this.kinds[printed] = kind;
    const most = Math.ceil(fileBytes / LEAST_ROW_BYTES);
    this.capacity = Math.max(16, Math.min(most, tables.rowBound(EVENTS_TABLE, 1024)));
    this.events = makeColumns(this.capacity);
    this.events.hasTime = this.has('start');
  }

  /** Reads to the end of the table. Where it throws, `events` holds what was read. */
  async read(context: ReaderContext): Promise<void> {
    const hasStream = this.has('streamId');
    const hasPools = this.has('localMemoryPoolAddress');
    const hasName = this.has('name');
    if (!hasStream) this.events.streams.push(UNKNOWN_STREAM);
    let n = 0;
    for await (const rows of this.tables.rows(EVENTS_TABLE, COLUMNS)) {
      while (rows.step()) {
        this.addRow(rows, hasStream, hasPools, hasName);
        if (++n % BREATH_ROWS !== 0) continue;
        context.progress('reading memory events', this.tables.bytesRead());
        await context.breathe();
      }
    }
  }

  private addRow(rows: Rows, hasStream: boolean, hasPools: boolean, hasName: boolean): void {
    const { events } = this;
    if (events.length === this.capacity) {
      grow(events, this.capacity);
      this.capacity *= 2;
    }
    const row = events.length;
    const size = rows.bigint(COLUMN.bytes);
    const time = rows.bigint(COLUMN.start);
    // NULL reads as 0: only then is it asked for.
    if (time === 0n && events.hasTime && rows.isNull(COLUMN.start)) {
      this.skip('without a time');
      return;
    }
    if (size < 0n || size > MOST_SIZE) {
      this.skip(size < 0n ? 'with a negative size' : 'with more bytes than a device can have');
      return;
    }
    const operation = rows.int(COLUMN.memoryOperationType);
    if (operation > 1 || operation < 0 || (operation === 0 && rows.isNull(COLUMN.memoryOperationType))) {
      this.skip('that neither allocate nor free');
      return;
    }
    const kind = this.kindOf(rows);
    const globalPid = rows.number(COLUMN.globalPid);
    const process = this.processOf.of(globalPid);
    if (process === events.processes.length) events.processes.push(globalPid);
    let device = rows.int(COLUMN.deviceId);
    if (device < 0 || device > MOST_DEVICE) {
      if (!HOST_KINDS.includes(kind)) {
        this.skip('of a device whose number cannot be');
        return;
      }
      // With memory of the host the number means nothing; where nothing else is in the file it is shown with this one.
      device = 0;
    }
    events.time[row] = events.hasTime ? time : BigInt(row);
    events.address[row] = rows.bigint(COLUMN.address);
    events.size[row] = size;
    events.action[row] = operation === 0 ? ACTION.alloc : ACTION.free;
    events.kind[row] = kind;
    events.correlation[row] = rows.number(COLUMN.correlationId);
    // Device and context numbers are 32 bits; processes are few: the product is an exact key.
    const place = this.placeOf.of(process * 2 ** 32 + (device >>> 0));
    if (place === events.places.length) events.places.push({ process, device });
    events.place[row] = place;
    events.context[row] = this.contextOf.of(process * 2 ** 32 + (rows.int(COLUMN.contextId) >>> 0));
    if (hasStream) events.stream[row] = this.streamIndex(rows);
    if (hasPools) this.addPool(rows, row);
    if (hasName && kind >= FIRST_STATIC && !rows.isNull(COLUMN.name)) {
      events.symbols.push([row, rows.text(COLUMN.name)]);
    }
    events.length++;
  }

  private kindOf(rows: Rows): number {
    const printed = rows.int(COLUMN.memKind);
    // Out of the list: undefined, as what is not known is NO_KIND in it.
    const kind = this.kinds[printed] ?? NO_KIND;
    if (kind === NO_KIND) {
      this.note(`rows have a memory kind that is not known (${printed}); they are counted as kind "unknown"`);
      return UNKNOWN_KIND;
    }
    return printed === 0 && rows.isNull(COLUMN.memKind) ? UNKNOWN_KIND : kind;
  }

  private streamIndex(rows: Rows): number {
    const { streams } = this.events;
    // Stream numbers are unsigned 32 bits; -1 stands for none.
    const id = rows.isNull(COLUMN.streamId) ? -1 : rows.number(COLUMN.streamId);
    const index = this.streamOf.of(id);
    if (index === streams.length) streams.push(id < 0 ? UNKNOWN_STREAM : String(id));
    if (index < MOST_STREAMS) return index;
    this.note(`rows are on streams beyond the ${MOST_STREAMS}th; they are shown together`);
    return MOST_STREAMS;
  }

  private addPool(rows: Rows, row: number): void {
    const { pools } = this.events;
    const address = rows.bigint(COLUMN.localMemoryPoolAddress);
    if (address === 0n) return;
    const size = rows.number(COLUMN.localMemoryPoolSize);
    const utilized = rows.number(COLUMN.localMemoryPoolUtilizedSize);
    if (whyNotBytes(size) !== null || whyNotBytes(utilized) !== null) {
      this.skip('with figures of a pool that cannot be', 'lost them');
      return;
    }
    // Nsight prints a free's value before it.
    if (this.events.action[row] === ACTION.free && utilized < Number(this.events.size[row])) {
      this.skip('that free more than their pool holds', 'lost the figures of the pool');
      return;
    }
    if (pools.length === pools.row.length) grow(pools, pools.row.length);
    const at = pools.length++;
    pools.row[at] = row;
    pools.address[at] = address;
    pools.releaseThreshold[at] = unsigned(rows, COLUMN.localMemoryPoolReleaseThreshold);
    pools.size[at] = size;
    pools.utilized[at] = utilized;
  }

  private skip(why: string, fate = 'were left out'): void {
    this.events.skipped++;
    this.note(`rows ${why} ${fate}`);
  }

  private note(what: string): void {
    this.events.oddities.set(what, (this.events.oddities.get(what) ?? 0) + 1);
  }
}
