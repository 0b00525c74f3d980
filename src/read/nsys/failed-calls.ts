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
import type { DeviceTrace, Warning } from '../../trace/capture.ts';
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
  private left = 0;

  /** What was left out; nothing where all are kept. */
  get warnings(): Warning[] {
    const message = `${formatInteger(this.left)} more calls returned 2 (out of memory): only the first ${formatInteger(MOST_KEPT)} are told.`;
    return this.left === 0 ? [] : [{ message, offset: null }];
  }

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

/** Of memory of one kind, device or host, while the events are gone through. */
interface Running {
  held: number;
  allocated: number;
  lastSize: number;
  times: number;
}

/** What was held at each of `calls`, which are in time order, as the events are: one pass for all of them. */
function heldAtEach(
  { events, unmatched_frees: unmatched }: DeviceTrace,
  calls: readonly FailedCall[],
): Held[] {
  const running = (): Running => ({ held: 0, allocated: 0, lastSize: 0, times: 0 });
  const of = { device: running(), host: running() };
  const kindOf = (row: number): Running => (HOST_KINDS.includes(events.group[row]) ? of.host : of.device);
  // What is freed without an allocation was in use before recording began.
  for (const row of unmatched ?? []) kindOf(row).held += u64At(events.size, row);
  const states: Running[] = [];
  let row = 0;
  const goTo = (time: number): void => {
    for (; row < events.length && i64At(events.time_ns, row) <= time; row++) {
      const kind = kindOf(row);
      const size = u64At(events.size, row);
      if (events.action[row] !== ACTION.alloc) kind.held -= size;
      else {
        kind.held += size;
        kind.allocated += size;
        kind.times = size === kind.lastSize ? kind.times + 1 : 1;
        kind.lastSize = size;
      }
    }
  };
  for (const { start, where } of calls) {
    goTo(Number(start));
    states.push({ ...of[where] });
  }
  goTo(Infinity);
  return states.map(({ held, allocated, lastSize, times }, at) => ({
    bytes: held,
    last: times === 0 ? null : { size: lastSize, times },
    after: of[calls[at].where].allocated - allocated,
  }));
}

function textOf({ name, start, where }: FailedCall, held: Held | null): string {
  const failed = `${name} failed at ${(Number(start) / 1e6).toFixed(2)} ms: out of memory${where === 'host' ? ' of the host' : ''}. The size requested is not in the export`;
  const last = held?.last ?? null;
  if (last === null) return `${failed}.`;
  return last.times === 1
    ? `${failed}; the call before requested ${formatInteger(last.size)} bytes.`
    : `${failed}; the ${last.times} calls before requested ${formatInteger(last.size)} bytes each.`;
}

/**
 * The refused calls as events. Figures in bytes: `process`, held by the process on the device (or pinned on the host);
 * `total` of the device; `left_at_most`, the difference; `allocated_after`, what it still got afterwards. None
 * is given where several devices were used: which one was asked is not recorded.
 */
export function failedEvents(failed: readonly FailedCall[], devices: readonly DeviceTrace[]): LogEvent[] {
  const trace = devices.length === 1 ? devices[0] : null;
  const all = trace === null ? [] : heldAtEach(trace, failed);
  return failed.map((call, at) => {
    const held = trace === null ? null : all[at];
    const onHost = call.where === 'host';
    const total = onHost ? null : (trace?.total_bytes ?? null);
    return {
      kind: 'oom',
      time_ns: call.start,
      device: onHost ? null : (trace?.device ?? null),
      allocator: onHost ? 'host' : 'driver',
      text: textOf(call, held),
      figures: {
        ...(held === null ? {} : { process: held.bytes, allocated_after: held.after }),
        ...(total === null ? {} : { total }),
        ...(total === null || held === null ? {} : { left_at_most: Math.max(0, total - held.bytes) }),
      },
      offset: 0,
    };
  });
}
