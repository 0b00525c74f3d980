/** Event tables and devices written by hand. */
import { asBigUint64 } from '../../src/base/u64.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import { ACTION, type Action, type EventTable, NONE } from '../../src/trace/schema.ts';

export interface EventSpec {
  readonly action: Action;
  readonly address?: number | bigint;
  readonly size?: number | bigint;
  readonly stream?: number;
  readonly stack?: number;
  /** Row number where it is left out. */
  readonly time?: number | bigint;
  readonly group?: number;
}

export function eventsOf(specs: readonly EventSpec[]): EventTable {
  const words = (value: (spec: EventSpec, row: number) => number | bigint | undefined): Uint32Array => {
    const column = new Uint32Array(2 * specs.length);
    specs.forEach((spec, row) => (asBigUint64(column)[row] = BigInt(value(spec, row) ?? 0)));
    return column;
  };
  return {
    length: specs.length,
    action: Uint8Array.from(specs, ({ action }) => ACTION[action]),
    address: words(({ address }) => address),
    size: words(({ size }) => size),
    stream_index: Uint16Array.from(specs, ({ stream }) => stream ?? 0),
    stack_index: Uint32Array.from(specs, ({ stack }) => stack ?? NONE),
    time_ns: words(({ time }, row) => time ?? row),
    group: Uint8Array.from(specs, ({ group }) => group ?? 0),
  };
}

/** A PyTorch device of these events, without a state at the end. */
export const traceOf = (specs: readonly EventSpec[], more: Partial<DeviceTrace> = {}): DeviceTrace => ({
  device: 0,
  producer: 'torch',
  name: null,
  total_bytes: null,
  clock: 'wall',
  streams: ['0', '7'],
  events: eventsOf(specs),
  cut: false,
  segments: null,
  blocks: null,
  annotations: [],
  pools: null,
  device_free: [],
  symbols: [],
  ...more,
});
