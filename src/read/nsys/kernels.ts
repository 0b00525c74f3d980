/**
 * Kernels that ran, as columns of the whole file and then of one device: when, what, on which stream.
 *
 * Not read: grid, registers, shared memory, graph nodes.
 */
import type { KernelTable, Warning } from '../../trace/capture.ts';
import { Numbering } from './events.ts';
import { KERNELS_TABLE } from './schema.ts';
import type { NsysTables } from './tables.ts';
import type { ReaderContext } from '../reader.ts';

/** 30 bytes each. */
const MOST_KERNELS = 4_000_000;
const MOST_STREAMS = 65536;
const BREATH_ROWS = 1 << 16;

export interface RawKernels {
  length: number;
  start: BigInt64Array;
  end: BigInt64Array;
  /** Index into `nameIds`. */
  name: Uint32Array;
  /** Index into `streams`. */
  stream: Uint16Array;
  /** Index into `places`. */
  place: Uint16Array;
  /** Ids of the names: the long one, the short one where that is missing. */
  readonly nameIds: number[];
  readonly streams: number[];
  readonly places: { readonly globalPid: number; readonly device: number }[];
  readonly warnings: Warning[];
}

export async function readKernels(tables: NsysTables, context: ReaderContext): Promise<RawKernels> {
  let room = Math.max(16, Math.min(MOST_KERNELS, tables.rowBound(KERNELS_TABLE, 1024)));
  const kernels: RawKernels = {
    length: 0,
    start: new BigInt64Array(room),
    end: new BigInt64Array(room),
    name: new Uint32Array(room),
    stream: new Uint16Array(room),
    place: new Uint16Array(room),
    nameIds: [],
    streams: [],
    places: [],
    warnings: [],
  };
  if (!tables.names.has(KERNELS_TABLE)) return kernels;
  const nameOf = new Numbering<number>();
  const streamOf = new Numbering<number>();
  const processOf = new Numbering<number>();
  const placeOf = new Numbering<number>();
  let n = 0;
  let left = 0;
  const columns = ['start', 'end', 'globalPid', 'deviceId', 'streamId', 'demangledName', 'shortName'];
  for await (const rows of tables.rows(KERNELS_TABLE, columns)) {
    while (rows.step()) {
      if (++n % BREATH_ROWS === 0) {
        context.progress('reading kernels', tables.bytesRead());
        await context.breathe();
      }
      const globalPid = rows.number(2);
      const device = rows.int(3);
      const streamId = rows.number(4);
      const nameId = rows.isNull(5) ? (rows.isNull(6) ? -1 : rows.number(6)) : rows.number(5);
      const name = nameOf.of(nameId);
      if (name === kernels.nameIds.length) kernels.nameIds.push(nameId);
      const stream = streamOf.of(streamId);
      if (stream === kernels.streams.length) kernels.streams.push(streamId);
      const place = placeOf.of(processOf.of(globalPid) * 2 ** 32 + (device >>> 0));
      if (place === kernels.places.length) kernels.places.push({ globalPid, device });
      if (kernels.length === MOST_KERNELS || rows.isNull(0) || place >= MOST_STREAMS) {
        left++;
        continue;
      }
      if (kernels.length === room) {
        room *= 2;
        kernels.start = widen(kernels.start, room);
        kernels.end = widen(kernels.end, room);
        kernels.name = widen(kernels.name, room);
        kernels.stream = widen(kernels.stream, room);
        kernels.place = widen(kernels.place, room);
      }
      const at = kernels.length++;
      kernels.start[at] = rows.bigint(0);
      kernels.end[at] = rows.isNull(1) ? kernels.start[at] : rows.bigint(1);
      kernels.name[at] = name;
      kernels.stream[at] = Math.min(stream, MOST_STREAMS - 1);
      kernels.place[at] = place;
    }
  }
  if (left > 0) {
    const message = `${left} kernels are not shown: they have no time, or lie beyond the first ${MOST_KERNELS} of the table.`;
    kernels.warnings.push({ message, offset: null });
  }
  return kernels;
}

type Column = BigInt64Array | Uint32Array | Uint16Array;

function widen<T extends Column>(old: T, length: number): T {
  const bigger = new (old.constructor as new (length: number) => T)(length);
  bigger.set(old as never);
  return bigger;
}

export function stringsOfKernels({ nameIds }: RawKernels, wanted: Set<number>): void {
  for (const id of nameIds) if (id >= 0) wanted.add(id);
}

/** Kernels of the places that are this device, in time order; null where there are none. */
export function kernelsOf(
  raw: RawKernels,
  strings: ReadonlyMap<number, string>,
  isHere: (globalPid: number, device: number) => boolean,
): KernelTable | null {
  const here = raw.places.map(({ globalPid, device }) => isHere(globalPid, device));
  let count = 0;
  for (let i = 0; i < raw.length; i++) if (here[raw.place[i]]) count++;
  if (count === 0) return null;
  const order = new Uint32Array(count);
  let at = 0;
  let isOrdered = true;
  for (let i = 0; i < raw.length; i++) {
    if (!here[raw.place[i]]) continue;
    if (at > 0 && raw.start[order[at - 1]] > raw.start[i]) isOrdered = false;
    order[at++] = i;
  }
  if (!isOrdered) {
    const { start } = raw;
    order.sort((a, b) => (start[a] < start[b] ? -1 : start[a] > start[b] ? 1 : a - b));
  }
  const start_ns = new BigInt64Array(count);
  const end_ns = new BigInt64Array(count);
  const name_index = new Uint32Array(count);
  const stream_index = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    start_ns[i] = raw.start[order[i]];
    end_ns[i] = raw.end[order[i]];
    name_index[i] = raw.name[order[i]];
    stream_index[i] = raw.stream[order[i]];
  }
  const streams = raw.streams.slice(0, MOST_STREAMS).map(String);
  if (raw.streams.length > MOST_STREAMS) streams[MOST_STREAMS - 1] = 'others';
  return {
    length: count,
    start_ns: new Uint32Array(start_ns.buffer),
    end_ns: new Uint32Array(end_ns.buffer),
    name_index,
    stream_index,
    names: raw.nameIds.map((id) => strings.get(id) ?? '(unknown)'),
    streams,
  };
}
