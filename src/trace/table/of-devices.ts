/**
 * Tables of what recordings hold, over the columns that the readers filled: a batch is a piece of them, not a copy.
 * What is made is small: which file and device, the frame of each stack, bits for what is null.
 */
import { asBigInt64, asBigUint64 } from '../../base/u64.ts';
import type { DeviceTrace } from '../capture.ts';
import { ACTIONS, BLOCK_STATES, MEM_KINDS, NONE, POOLS } from '../schema.ts';
import type { Batch, Column, Columns, Table } from './column.ts';
import {
  arrayOf,
  BATCH_ROWS,
  coded,
  indices,
  measured,
  Names,
  noneOf,
  numbers,
  tableOfRows,
} from './column.ts';
import { ANNOTATIONS, BLOCKS, EVENTS, KERNELS, POOLS_TABLE, SEGMENTS } from './declarations.ts';
import { DetailColumns, forwardStack } from './details.ts';
import type { Declaration, Fields } from './fields.ts';
import { CommonNames, Frames, Origins, rowNumbers, type TableSource } from './source.ts';

/** Rows of a device from one to another, as columns. */
type Cut<F extends Fields> = (
  source: TableSource,
  trace: DeviceTrace,
  from: number,
  to: number,
) => Columns<F>;

/** A table whose rows are those of devices one after the other. `start` is called for each walk through them. */
function tableOfDevices<F extends Fields>(
  declaration: Declaration<F>,
  sources: readonly TableSource[],
  rowsOf: (trace: DeviceTrace) => number,
  start: () => Cut<F>,
): Table<F> {
  const parts = sources.flatMap((source) => source.devices.map((trace) => ({ source, trace })));
  return {
    declaration,
    rows: parts.reduce((sum, { trace }) => sum + rowsOf(trace), 0),
    *batches(): Iterable<Batch<F>> {
      const columns = start();
      for (const { source, trace } of parts) {
        const rows = rowsOf(trace);
        for (let from = 0; from < rows; from += BATCH_ROWS) {
          const to = Math.min(rows, from + BATCH_ROWS);
          yield { length: to - from, columns: columns(source, trace, from, to) };
        }
      }
    },
  };
}

const devicesOf = (sources: readonly TableSource[]): DeviceTrace[] =>
  sources.flatMap(({ devices }) => devices);

const int64 = (words: Uint32Array, from: number, to: number): Column<'int64'> =>
  numbers(asBigInt64(words.subarray(2 * from, 2 * to)));
const uint64 = (words: Uint32Array, from: number, to: number): Column<'uint64'> =>
  numbers(asBigUint64(words.subarray(2 * from, 2 * to)));

export function eventsTable(sources: readonly TableSource[]): Table<typeof EVENTS.fields> {
  return tableOfDevices(
    EVENTS,
    sources,
    ({ events }) => events.length,
    () => {
      const origins = new Origins(sources);
      const frames = new Frames(sources);
      const streams = new CommonNames(
        'streams',
        'dictionary16',
        devicesOf(sources).map((trace) => trace.streams),
      );
      const details = new DetailColumns(devicesOf(sources));
      return (source, trace, from, to) => {
        const { events, producer } = trace;
        const length = to - from;
        const group = events.group.subarray(from, to);
        const none = noneOf(arrayOf('dictionary8', length));
        return {
          ...origins.of(source, length),
          device: origins.device(trace.device, length),
          row: rowNumbers(from, to),
          time_ns: int64(events.time_ns, from, to),
          action: coded(events.action.subarray(from, to), ACTIONS),
          address: uint64(events.address, from, to),
          size: uint64(events.size, from, to),
          stream: streams.column(events.stream_index.subarray(from, to), trace.streams),
          pool: producer === 'torch' ? coded(group, POOLS) : { ...none, names: POOLS },
          memory_kind: producer !== 'torch' ? coded(group, MEM_KINDS) : { ...none, names: MEM_KINDS },
          ...frames.of(source, events.stack_index.subarray(from, to)),
          device_free: sparse(trace.device_free, from, to),
          ...details.of(trace, from, to),
        };
      };
    },
  );
}

/** A column that has a value in few rows. */
function sparse(values: DeviceTrace['device_free'], from: number, to: number): Column<'float64'> {
  const column = new Float64Array(to - from).fill(NaN);
  for (const [row, value] of values) if (row >= from && row < to) column[row - from] = value;
  return measured(column);
}

export function segmentsTable(sources: readonly TableSource[]): Table<typeof SEGMENTS.fields> {
  return tableOfDevices(
    SEGMENTS,
    sources,
    ({ segments }) => segments?.length ?? 0,
    () => {
      const origins = new Origins(sources);
      const frames = new Frames(sources);
      const devices = devicesOf(sources);
      const streams = new CommonNames(
        'streams',
        'dictionary16',
        devices.map((trace) => trace.streams),
      );
      const pools = new Names('pools', 'dictionary32');
      for (const { segments } of devices) if (segments !== null) pools.add(segments.pool_id);
      return (source, trace, from, to) => {
        const segments = trace.segments!;
        const length = to - from;
        return {
          ...origins.of(source, length),
          device: origins.device(trace.device, length),
          segment: rowNumbers(from, to),
          address: uint64(segments.address, from, to),
          total_size: numbers(segments.total_size.subarray(from, to)),
          allocated_size: numbers(segments.allocated_size.subarray(from, to)),
          active_size: numbers(segments.active_size.subarray(from, to)),
          requested_size: measured(segments.requested_size.subarray(from, to)),
          stream: streams.column(segments.stream_index.subarray(from, to), trace.streams),
          pool: coded(segments.pool.subarray(from, to), POOLS),
          is_expandable: numbers(segments.is_expandable.subarray(from, to)),
          pool_id: coded(
            Uint32Array.from(segments.pool_id.slice(from, to), (name) => pools.code(name)),
            pools.list,
          ),
          ...frames.of(source, segments.stack_index.subarray(from, to)),
        };
      };
    },
  );
}

export function blocksTable(sources: readonly TableSource[]): Table<typeof BLOCKS.fields> {
  return tableOfDevices(
    BLOCKS,
    sources,
    ({ blocks }) => blocks?.length ?? 0,
    () => {
      const origins = new Origins(sources);
      const frames = new Frames(sources);
      return (source, trace, from, to) => {
        const blocks = trace.blocks!;
        const length = to - from;
        return {
          ...origins.of(source, length),
          device: origins.device(trace.device, length),
          segment: numbers(segmentOfBlocks(trace, from, to)),
          address: uint64(blocks.address, from, to),
          size: numbers(blocks.size.subarray(from, to)),
          requested_size: measured(blocks.requested_size.subarray(from, to)),
          state: coded(blocks.state.subarray(from, to), BLOCK_STATES),
          ...frames.of(source, blocks.stack_index.subarray(from, to)),
          forward_stack: forwardStack(blocks.forward_stack ?? null, from, to),
        };
      };
    },
  );
}

/** Segment of each block of [from, to). */
function segmentOfBlocks({ segments }: DeviceTrace, from: number, to: number): Uint32Array {
  const column = new Uint32Array(to - from);
  if (segments === null) return column;
  const { block_start } = segments;
  for (let segment = 0; segment < segments.length; segment++) {
    const first = Math.max(from, block_start[segment]);
    const end = Math.min(to, block_start[segment + 1]);
    if (first < end) column.fill(segment, first - from, end - from);
  }
  return column;
}

export function kernelsTable(sources: readonly TableSource[]): Table<typeof KERNELS.fields> {
  return tableOfDevices(
    KERNELS,
    sources,
    ({ kernels }) => kernels?.length ?? 0,
    () => {
      const origins = new Origins(sources);
      const all = devicesOf(sources).flatMap(({ kernels }) => (kernels === undefined ? [] : [kernels]));
      const streams = new CommonNames(
        'streams',
        'dictionary16',
        all.map((kernels) => kernels.streams),
      );
      const names = new CommonNames(
        'kernels',
        'dictionary32',
        all.map((kernels) => kernels.names),
      );
      return (source, trace, from, to) => {
        const kernels = trace.kernels!;
        const length = to - from;
        return {
          ...origins.of(source, length),
          device: origins.device(trace.device, length),
          start_ns: int64(kernels.start_ns, from, to),
          end_ns: int64(kernels.end_ns, from, to),
          name: names.column(kernels.name_index.subarray(from, to), kernels.names),
          stream: streams.column(kernels.stream_index.subarray(from, to), kernels.streams),
        };
      };
    },
  );
}

export function poolsTable(sources: readonly TableSource[]): Table<typeof POOLS_TABLE.fields> {
  return tableOfDevices(
    POOLS_TABLE,
    sources,
    ({ pools }) => pools?.length ?? 0,
    () => {
      const origins = new Origins(sources);
      return (source, trace, from, to) => {
        const pools = trace.pools!;
        const length = to - from;
        return {
          ...origins.of(source, length),
          device: origins.device(trace.device, length),
          pool_address: uint64(pools.pool_address, from, to),
          time_ns: int64(pools.time_ns, from, to),
          utilized: measured(pools.utilized.subarray(from, to)),
          size: measured(pools.size.subarray(from, to)),
          release_threshold: measured(pools.release_threshold.subarray(from, to)),
          event_row:
            pools.event_row === undefined
              ? noneOf(arrayOf('uint32', length))
              : indices(pools.event_row.subarray(from, to), NONE),
          process:
            pools.process_index === undefined
              ? noneOf(arrayOf('uint16', length))
              : numbers(pools.process_index.subarray(from, to)),
        };
      };
    },
  );
}

export const annotationsTable = (sources: readonly TableSource[]): Table<typeof ANNOTATIONS.fields> =>
  tableOfRows(
    ANNOTATIONS,
    sources.flatMap(({ number, file, devices }) =>
      devices.flatMap(({ device, annotations }) =>
        annotations.map(({ name, start_ns, end_ns }) => ({
          source: number,
          file,
          device,
          name,
          start_ns,
          end_ns,
        })),
      ),
    ),
  );
