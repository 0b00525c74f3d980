/**
 * The `[memory]` events of one device of a Kineto trace, as columns, and what follows from them: curves, the
 * allocations left at the end.
 *
 *   time_ns | bytes      | Total Allocated | Total Reserved | address
 *   ...592  |  134217728 | 2194462720      | 2256535552     | 0x7f3f1c000000
 *   ...891  |     -32768 | 2194429952      | 2256535552     | 0x7f3fb9a98000
 */
import { asBigInt64, asBigUint64, u64At } from '../../base/u64.ts';
import { formatInteger } from '../../base/units.ts';
import { NumberColumn, WordColumn } from '../../trace/column-builder.ts';
import type { DataTable, Gauge } from '../../trace/readings.ts';
import { timeOrder } from '../lines/time-order.ts';

/** c10::DeviceType. HIP builds write CUDA's number. https://github.com/pytorch/pytorch/blob/main/torch/headeronly/core/DeviceType.h */
const DEVICE_TYPES: Readonly<Record<number, string>> = {
  0: 'CPU',
  1: 'CUDA',
  6: 'HIP',
  12: 'XPU',
  20: 'PrivateUse1',
};
export const HOST = 0;

/** Rows of the table of live allocations; the rest is counted. */
const LISTED = 1000;

export const deviceTypeName = (type: number): string => DEVICE_TYPES[type] ?? `device type ${type}`;

export interface MemoryEvent {
  readonly time_ns: bigint;
  readonly bytes: number;
  /** NaN: not written (PyTorch 1.9 to 1.12). */
  readonly allocated: number;
  readonly reserved: number;
  /** null: not written. */
  readonly address: bigint | null;
}

export interface DeviceMemory {
  readonly gauges: readonly Gauge[];
  readonly tables: readonly DataTable[];
  /** Sentences about what does not add up. */
  readonly doubts: readonly string[];
  /** true: the totals had to be summed from the events. */
  readonly isSummed: boolean;
}

export class DeviceEvents {
  private readonly time = new WordColumn();
  private readonly bytes = new NumberColumn();
  private readonly allocated = new NumberColumn();
  private readonly reserved = new NumberColumn();
  private readonly address = new WordColumn();
  private withAddress = 0;
  private withTotals = 0;

  constructor(
    readonly type: number,
    readonly index: number,
  ) {}

  get count(): number {
    return this.bytes.length;
  }

  add(event: MemoryEvent): void {
    this.time.pushBigInt(event.time_ns);
    this.bytes.push(event.bytes);
    this.allocated.push(event.allocated);
    this.reserved.push(event.reserved);
    this.address.pushBigInt(event.address ?? 0n);
    if (event.address !== null) this.withAddress++;
    if (!Number.isNaN(event.allocated)) this.withTotals++;
  }

  /** `base_ns`: added to every time. `labels`: what else is known of the device. */
  finish(base_ns: bigint, labels: Readonly<Record<string, string>>): DeviceMemory {
    const times = asBigInt64(this.time.finish());
    const order = timeOrder(times);
    const time_ns = new BigInt64Array(times.length);
    for (let i = 0; i < time_ns.length; i++) time_ns[i] = times[order[i]] + base_ns;
    const column = (source: NumberColumn): Float64Array =>
      Float64Array.from(order, (row) => source.data[row]);
    const bytes = column(this.bytes);

    const isHost = this.type === HOST;
    const common = {
      unit: 'bytes' as const,
      // -1: the event names none.
      device: isHost || this.index < 0 ? null : this.index,
      labels: { device_type: deviceTypeName(this.type), ...labels },
      time_ns,
      granularity: 0,
    };
    const named = (label: string): string => (isHost ? `${label} (host)` : label);
    const hostNote = isHost ? 'Memory of the host, not of a GPU.' : null;
    const gauges: Gauge[] = [];
    const doubts: string[] = [];
    const isSummed = this.withTotals === 0;
    if (isSummed) {
      const { sums, lowest } = runningSum(bytes);
      gauges.push({
        ...common,
        id: 'Bytes, summed',
        label: named('Allocated since the recording began'),
        value: sums,
        is_difference: true,
        note: summedNote(lowest, hostNote),
      });
    } else {
      const allocated = column(this.allocated);
      gauges.push({
        ...common,
        id: 'Total Allocated',
        label: named('Total Allocated'),
        value: allocated,
        note: hostNote,
      });
      const reserved = column(this.reserved);
      // The host has no caching allocator: its events say 0 throughout.
      if (!isHost || reserved.some((value) => value > 0)) {
        gauges.push({
          ...common,
          id: 'Total Reserved',
          label: named('Total Reserved'),
          value: reserved,
          note: hostNote,
        });
      }
      const { steps, breaks } = continuity(allocated, bytes);
      if (breaks > 0) {
        doubts.push(
          `${this.name()}: ${formatInteger(breaks)} of ${formatInteger(steps)} changes of Total Allocated differ from the bytes of their event. Events in between are missing; the totals are the allocator's own.`,
        );
      }
    }
    const tables: DataTable[] = [];
    if (this.withAddress === this.count && this.count > 0) {
      const live = this.liveTable(order, time_ns, bytes);
      if (live !== null) tables.push(live);
    }
    return { gauges, tables, doubts, isSummed };
  }

  name(): string {
    return this.type === HOST ? 'Host' : `${deviceTypeName(this.type)} ${this.index}`;
  }

  /** What the events allocate and never free. null: nothing. */
  private liveTable(order: Uint32Array, time_ns: BigInt64Array, bytes: Float64Array): DataTable | null {
    const words = this.address.finish();
    const whole = asBigUint64(words);
    const live = new Map<number | bigint, number>();
    let freedBefore = 0;
    let replaced = 0;
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      // Most addresses are exact as numbers, which are cheaper keys.
      const key = words[2 * row + 1] < 0x200000 ? u64At(words, row) : whole[row];
      if (bytes[i] > 0) {
        if (live.has(key)) replaced++;
        live.set(key, i);
      } else if (!live.delete(key) && bytes[i] < 0) freedBefore++;
    }
    if (live.size === 0) return null;
    const rows = [...live].sort(([, a], [, b]) => bytes[b] - bytes[a] || a - b);
    const total = rows.reduce((sum, [, i]) => sum + bytes[i], 0);
    const notes = [
      `${formatInteger(rows.length)} allocations, ${formatInteger(total)} bytes, made while recording and not freed by its end; not what was allocated before. Kineto records no stacks.`,
    ];
    if (rows.length > LISTED) notes.push(`The largest ${formatInteger(LISTED)} are listed.`);
    if (freedBefore > 0)
      notes.push(`${formatInteger(freedBefore)} frees of what was allocated before the recording began.`);
    if (replaced > 0)
      notes.push(
        `${formatInteger(replaced)} addresses were allocated again without a recorded free; the later counts.`,
      );
    return {
      id: `kineto-live-${deviceTypeName(this.type)}-${this.index}`,
      title: `Live at the end of the recording, ${this.name()}`,
      note: notes.join(' '),
      columns: [
        { name: 'Address', unit: 'text' },
        { name: 'Size', unit: 'bytes' },
        { name: 'Allocated after', unit: 'nanoseconds' },
      ],
      rows: rows
        .slice(0, LISTED)
        .map(([key, i]) => [`0x${key.toString(16)}`, bytes[i], Number(time_ns[i] - time_ns[0])]),
    };
  }
}

function runningSum(bytes: Float64Array): { sums: Float64Array; lowest: number } {
  const sums = new Float64Array(bytes.length);
  let sum = 0;
  let lowest = 0;
  for (let i = 0; i < bytes.length; i++) {
    sum += bytes[i];
    sums[i] = sum;
    if (sum < lowest) lowest = sum;
  }
  return { sums, lowest };
}

function summedNote(lowest: number, hostNote: string | null): string {
  const before =
    lowest < 0
      ? ` It falls to ${formatInteger(lowest)}: at least ${formatInteger(-lowest)} bytes were allocated before.`
      : '';
  const note = `Summed from the events, from zero at the start of the recording: what was allocated before is not in it.${before} This version of PyTorch writes no totals.`;
  return hostNote === null ? note : `${hostNote} ${note}`;
}

function continuity(allocated: Float64Array, bytes: Float64Array): { steps: number; breaks: number } {
  let steps = 0;
  let breaks = 0;
  for (let i = 1; i < bytes.length; i++) {
    const change = allocated[i] - allocated[i - 1];
    if (Number.isNaN(change)) continue;
    steps++;
    if (change !== bytes[i]) breaks++;
  }
  return { steps, breaks };
}
