/** Every table that comes from the files that are open, and what a file of one says about itself. */
import { asBigInt64 } from '../../base/u64.ts';
import type { Table } from './column.ts';
import { SCHEMA_VERSION } from './declarations.ts';
import {
  annotationsTable,
  blocksTable,
  eventsTable,
  kernelsTable,
  poolsTable,
  segmentsTable,
} from './of-devices.ts';
import {
  budgetsTable,
  gaugesTable,
  logEventsTable,
  requestsTable,
  stacksTable,
  summariesTable,
} from './of-sources.ts';
import type { TableSource } from './source.ts';

/** In the order of the declarations; without the findings, which the diagnosis makes. Rows are made when walked. */
export const tablesOf = (sources: readonly TableSource[]): readonly Table[] => [
  eventsTable(sources),
  segmentsTable(sources),
  blocksTable(sources),
  stacksTable(sources),
  annotationsTable(sources),
  kernelsTable(sources),
  poolsTable(sources),
  summariesTable(sources),
  gaugesTable(sources),
  requestsTable(sources),
  budgetsTable(sources),
  logEventsTable(sources),
];

/**
 * Metadata of a table's file: which schema, which table, and of each source its file, format, producer and devices
 * with their clocks and the moment that the page calls 0.
 */
export function metadataOf(table: string, sources: readonly TableSource[]): ReadonlyMap<string, string> {
  const told = sources.map(({ number, file, format, data, devices }) => ({
    source: number,
    file,
    format,
    producer: data.producer,
    ...(data.readings === undefined ? {} : { clock: data.readings.clock }),
    devices: devices.map(({ device, name, clock, events }) => ({
      device,
      name,
      clock,
      // A string: it has 19 digits.
      base_ns: events.length === 0 ? null : asBigInt64(events.time_ns.subarray(0, 2))[0].toString(),
    })),
  }));
  return new Map([
    ['vramscope.schema', String(SCHEMA_VERSION)],
    ['vramscope.table', table],
    ['vramscope.sources', JSON.stringify(told)],
  ]);
}
