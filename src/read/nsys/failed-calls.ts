/**
 * Calls of the CUDA API that asked for memory and were refused: CUPTI_ACTIVITY_KIND_RUNTIME.returnValue 2, which is
 * cudaErrorMemoryAllocation and CUDA_ERROR_OUT_OF_MEMORY alike. What was asked for is in no table; what the process
 * held at that moment follows from its memory events.
 *
 *   RUNTIME | start 353.12 ms, nameId cudaMalloc, returnValue 2      no memory event: nothing was allocated
 *
 * Codes of calls that allocate nothing (600, not ready) are no errors of memory. Which device a call was about is not
 * recorded: it is named where the process used one only.
 */
import { i64At, u64At } from '../../base/u64.ts';
import { formatInteger } from '../../base/units.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import type { LogEvent } from '../../trace/readings.ts';
import { ACTION, HOST_KINDS } from '../../trace/schema.ts';
import { apiName } from './api-name.ts';
import type { Rows } from './tables.ts';

const OUT_OF_MEMORY = 2;
/** Kept one by one; a program that asks in a loop fails more often. */
const MOST_KEPT = 1000;

const ON_DEVICE =
  /^(cudaMalloc(?!Host)|cuMemAlloc(?!Host)|cuMemCreate$|cuMemMap$|cuMemPoolCreate$|cudaMemPoolCreate$)/;
const ON_HOST = /^(cudaMallocHost|cudaHostAlloc|cuMemAllocHost|cuMemHostAlloc)/;

/** One refused call, before its name is known. Times in ns of the session. */
interface RefusedCall {
  readonly start: bigint;
  readonly end: bigint;
  readonly tid: number;
  readonly nameId: number;
}

export interface FailedCall {
  /** "cudaMalloc", without its version. */
  readonly name: string;
  readonly start: bigint;
  readonly where: 'device' | 'host';
}

/** Columns that `noteReturn` reads, in this order. */
export const RETURN_COLUMNS = ['returnValue', 'start', 'end'] as const;

/** Notes the call of the row that `rows` stands at; its RETURN_COLUMNS begin at `column`. */
export function noteReturn(
  rows: Rows,
  column: number,
  tid: number,
  nameId: number,
  refused: RefusedCalls,
): void {
  if (rows.int(column) === OUT_OF_MEMORY)
    refused.note({ start: rows.bigint(column + 1), end: rows.bigint(column + 2), tid, nameId });
}

/** Collects refused calls while the table of calls is read. */
export class RefusedCalls {
  private readonly calls: RefusedCall[] = [];
  /** Refused calls beyond those that are kept. */
  left = 0;

  /** Adds the ids of the names that `allocations` asks for. */
  strings(wanted: Set<number>): void {
    for (const { nameId } of this.calls) wanted.add(nameId);
  }

  note(call: RefusedCall): void {
    if (this.calls.length === MOST_KEPT) this.left++;
    else this.calls.push(call);
  }

  /** Those that ask for memory, in time order. A call inside of another on its thread is the same refusal. */
  allocations(names: ReadonlyMap<number, string>): FailedCall[] {
    const endOf = new Map<number, bigint>();
    return [...this.calls]
      .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.end > b.end ? -1 : 1))
      .flatMap(({ start, end, tid, nameId }): FailedCall[] => {
        const name = apiName(names.get(nameId) ?? '');
        const where = ON_HOST.test(name) ? 'host' : ON_DEVICE.test(name) ? 'device' : null;
        if (where === null) return [];
        const outer = endOf.get(tid);
        if (outer !== undefined && start < outer) return [];
        endOf.set(tid, end);
        return [{ name, start, where }];
      });
  }
}

/** What a process held on a device when a call was refused, and what its last calls had asked for. Bytes. */
interface Held {
  readonly bytes: number;
  /** The allocations just before it: the size of the last one, and how many in a row had it. */
  readonly last: { readonly size: number; readonly times: number } | null;
  /** Allocated after it: the program went on. */
  readonly after: number;
}

function heldAt(trace: DeviceTrace, time: number, host: boolean): Held {
  const { events, unmatched_frees: unmatched } = trace;
  const before = new Set(unmatched ?? []);
  let bytes = 0;
  let lastSize = 0;
  let times = 0;
  let after = 0;
  for (let row = 0; row < events.length; row++) {
    if (HOST_KINDS.includes(events.group[row]) !== host) continue;
    const size = u64At(events.size, row);
    const isAlloc = events.action[row] === ACTION.alloc;
    if (i64At(events.time_ns, row) > time) {
      if (isAlloc) after += size;
      // In use since before recording began.
      else if (before.has(row)) bytes += size;
    } else if (isAlloc) {
      bytes += size;
      times = size === lastSize ? times + 1 : 1;
      lastSize = size;
    } else if (!before.has(row)) bytes -= size;
  }
  return { bytes, last: times === 0 ? null : { size: lastSize, times }, after };
}

function textOf({ name, start, where }: FailedCall, held: Held | null): string {
  const failed = `${name} failed at ${(Number(start) / 1e6).toFixed(2)} ms: out of memory${where === 'host' ? ' of the host' : ''}. The size asked for is not in the export`;
  const last = held?.last ?? null;
  if (last === null) return `${failed}.`;
  return last.times === 1
    ? `${failed}; the call before asked for ${formatInteger(last.size)} bytes.`
    : `${failed}; the ${last.times} calls before asked for ${formatInteger(last.size)} bytes each.`;
}

/**
 * The refused calls as events. Figures in bytes: `process`, held by the process on the device (or pinned on the host);
 * `total` of the device; `left_at_most`, the difference; `allocated_after`, what it still got afterwards. None
 * is given where several devices were used: which one was asked is not recorded.
 */
export const failedEvents = (failed: readonly FailedCall[], devices: readonly DeviceTrace[]): LogEvent[] =>
  failed.map((call) => {
    const trace = devices.length === 1 ? devices[0] : null;
    const held = trace === null ? null : heldAt(trace, Number(call.start), call.where === 'host');
    const total = call.where === 'device' ? (trace?.total_bytes ?? null) : null;
    return {
      kind: 'oom',
      time_ns: call.start,
      device: call.where === 'device' ? (trace?.device ?? null) : null,
      text: textOf(call, held),
      figures: {
        ...(held === null ? {} : { process: held.bytes, allocated_after: held.after }),
        ...(total === null ? {} : { total }),
        ...(total === null || held === null ? {} : { left_at_most: Math.max(0, total - held.bytes) }),
      },
      offset: 0,
    };
  });
