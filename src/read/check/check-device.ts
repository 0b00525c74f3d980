/**
 * One device's columns: events of sizes that cannot be are left out; a segment whose blocks do not fill it, or say
 * something else than it does, is left out with them. Addresses are not judged: some drivers hand out any 64 bits.
 */
import { u64At } from '../../base/u64.ts';
import { formatInteger } from '../../base/units.ts';
import { deviceLabel } from '../../base/words.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import {
  ACTION,
  type BlockTable,
  type EventDetails,
  type EventTable,
  type SegmentTable,
} from '../../trace/schema.ts';
import { MOST_BYTES, spelled, whyNot } from '../../base/bounds.ts';
import type { LeftOut } from './left-out.ts';

const HIGH = MOST_BYTES / 2 ** 32;
/** Upper word of 2^63, from which on a request is none. */
const HIGH_ASKED = 0x80000000;

const hex = (words: Uint32Array, row: number): string =>
  `0x${((BigInt(words[2 * row + 1]) << 32n) | BigInt(words[2 * row])).toString(16)}`;

/** Rows whose size can be, in order; null: all of them. */
function goodRows({ length, size, action }: EventTable): Uint32Array | null {
  let good: Uint32Array | null = null;
  let kept = 0;
  for (let row = 0; row < length; row++) {
    const high = size[2 * row + 1];
    const isBad =
      high >= HIGH && (action[row] === ACTION.oom ? high >= HIGH_ASKED : high > HIGH || size[2 * row] > 0);
    if (isBad && good === null) {
      good = new Uint32Array(length - 1);
      for (kept = 0; kept < row; kept++) good[kept] = kept;
    }
    if (!isBad && good !== null) good[kept++] = row;
  }
  return good?.subarray(0, kept) ?? null;
}

function pick<T extends Uint8Array | Uint16Array | Uint32Array>(
  column: T,
  rows: Uint32Array,
  words: 1 | 2,
): T {
  const picked = new (column.constructor as new (length: number) => T)(rows.length * words);
  for (let to = 0; to < rows.length; to++)
    for (let word = 0; word < words; word++) picked[to * words + word] = column[rows[to] * words + word];
  return picked;
}

const pickEvents = (events: EventTable, rows: Uint32Array): EventTable => ({
  length: rows.length,
  action: pick(events.action, rows, 1),
  address: pick(events.address, rows, 2),
  size: pick(events.size, rows, 2),
  stream_index: pick(events.stream_index, rows, 1),
  stack_index: pick(events.stack_index, rows, 1),
  time_ns: pick(events.time_ns, rows, 2),
  group: pick(events.group, rows, 1),
});

function pickDetails(details: EventDetails, rows: Uint32Array): EventDetails {
  const column = <T extends Uint16Array | Uint32Array>(of: T | null): T | null =>
    of === null ? null : pick(of, rows, 1);
  return {
    ...details,
    pool: column(details.pool),
    compile_context: column(details.compile_context),
    user_metadata: column(details.user_metadata),
    internal_metadata: column(details.internal_metadata),
    action_name: column(details.action_name),
    forward_stack: column(details.forward_stack),
  };
}

function checkEvents(trace: DeviceTrace, left: LeftOut): Partial<DeviceTrace> {
  const { events } = trace;
  const good = goodRows(events);
  if (good === null) return {};
  const at = new Map<number, number>();
  for (let to = 0; to < good.length; to++) at.set(good[to], to);
  for (let row = 0; row < events.length; row++)
    if (!at.has(row))
      left.add('sizes of events', () => {
        const size = (BigInt(events.size[2 * row + 1]) << 32n) | BigInt(events.size[2 * row]);
        // What is no size at all is told by the reader as 64 bits of 1; a number below 0 looks large here.
        const signed = BigInt.asIntN(64, size);
        const what = signed === -1n ? 'no number of bytes' : `${formatInteger(signed)} bytes`;
        return `event ${formatInteger(row)} of ${deviceLabel(trace.device)} (address ${hex(events.address, row)}): ${what}`;
      });
  const move = <T>(rows: readonly (readonly [number, T])[]): (readonly [number, T])[] =>
    rows.flatMap(([row, value]) => {
      const to = at.get(row);
      return to === undefined ? [] : [[to, value] as const];
    });
  return {
    events: pickEvents(events, good),
    ...(trace.details === undefined ? {} : { details: pickDetails(trace.details, good) }),
    device_free: move(trace.device_free),
    symbols: move(trace.symbols),
  };
}

/** Why a segment cannot be as it is written; null: it can. */
function segmentFault(
  { producer }: DeviceTrace,
  segments: SegmentTable,
  blocks: BlockTable,
  i: number,
): string | null {
  const total = segments.total_size[i];
  const why = whyNot(total, MOST_BYTES);
  if (why !== null) return `its size${Number.isNaN(total) ? '' : `, ${spelled(total)} bytes,`} is ${why}`;
  const sums = { size: 0, allocated: 0, active: 0, requested: 0 };
  const [from, to] = [segments.block_start[i], segments.block_start[i + 1]];
  for (let b = from; b < to; b++) {
    const size = blocks.size[b];
    const requested = blocks.requested_size[b];
    const wrong = whyNot(size, MOST_BYTES);
    if (wrong !== null)
      return `its blocks do not fill it: the size of block ${b - from}${Number.isNaN(size) ? '' : `, ${spelled(size)} bytes,`} is ${wrong}`;
    sums.size += size;
    if (blocks.state[b] === 2) continue;
    if (requested < 0 || requested > size)
      return `block ${b - from} of ${spelled(size)} bytes holds a request of ${spelled(requested)} bytes`;
    sums.active += size;
    sums.requested += requested;
    if (blocks.state[b] === 0) sums.allocated += size;
  }
  if (to > from && sums.size !== total)
    return `its blocks do not fill it: they are ${spelled(sums.size)} bytes, and it is ${spelled(total)}`;
  for (const [name, said, sum] of [
    ['allocated', segments.allocated_size[i], sums.allocated],
    ['active', segments.active_size[i], sums.active],
    // The host allocator does not keep what was asked for.
    ['requested', producer === 'torch_host' ? NaN : segments.requested_size[i], sums.requested],
  ] as const)
    if (to > from && said !== sum && !Number.isNaN(said) && !Number.isNaN(sum))
      return `it says that ${spelled(said)} bytes in it are ${name}, and its blocks say ${spelled(sum)}`;
  return null;
}

function pickState(
  segments: SegmentTable,
  blocks: BlockTable,
  good: readonly number[],
): Partial<DeviceTrace> {
  const rows = Uint32Array.from(good);
  const blockRows = Uint32Array.from(
    good.flatMap((i) =>
      Array.from(
        { length: segments.block_start[i + 1] - segments.block_start[i] },
        (_, b) => segments.block_start[i] + b,
      ),
    ),
  );
  const block_start = new Uint32Array(good.length + 1);
  good.forEach((i, to) => {
    block_start[to + 1] = block_start[to] + segments.block_start[i + 1] - segments.block_start[i];
  });
  const floats = (column: Float64Array, from: Uint32Array): Float64Array =>
    Float64Array.from(from, (row) => column[row]);
  return {
    segments: {
      length: good.length,
      address: pick(segments.address, rows, 2),
      total_size: floats(segments.total_size, rows),
      allocated_size: floats(segments.allocated_size, rows),
      active_size: floats(segments.active_size, rows),
      requested_size: floats(segments.requested_size, rows),
      stream_index: pick(segments.stream_index, rows, 1),
      pool: pick(segments.pool, rows, 1),
      is_expandable: pick(segments.is_expandable, rows, 1),
      pool_id: good.map((i) => segments.pool_id[i]),
      stack_index: pick(segments.stack_index, rows, 1),
      block_start,
    },
    blocks: {
      length: blockRows.length,
      address: pick(blocks.address, blockRows, 2),
      size: floats(blocks.size, blockRows),
      requested_size: floats(blocks.requested_size, blockRows),
      state: pick(blocks.state, blockRows, 1),
      stack_index: pick(blocks.stack_index, blockRows, 1),
    },
  };
}

function checkState(trace: DeviceTrace, left: LeftOut): Partial<DeviceTrace> {
  const { segments, blocks } = trace;
  if (segments === null || blocks === null) return {};
  const good: number[] = [];
  for (let i = 0; i < segments.length; i++) {
    const fault = segmentFault(trace, segments, blocks, i);
    if (fault === null) good.push(i);
    else
      left.add(
        'segments',
        () => `the one at ${hex(segments.address, i)} of ${deviceLabel(trace.device)}: ${fault}`,
      );
  }
  return good.length === segments.length ? {} : pickState(segments, blocks, good);
}

/** Free bytes of the device as the allocator printed them. */
function checkFree(trace: DeviceTrace, left: LeftOut): Partial<DeviceTrace> {
  const good = trace.device_free.filter(([row, bytes]) => {
    const why = whyNot(bytes, MOST_BYTES);
    if (why !== null)
      left.add(
        'figures "device_free"',
        () => `event ${formatInteger(row)}: ${spelled(bytes)} bytes is ${why}`,
      );
    return why === null;
  });
  return good.length === trace.device_free.length ? {} : { device_free: good };
}

/** Overlapping segments of a state, in words; null: none. No allocator has them. */
export function overlapOf({ segments, device }: DeviceTrace): string | null {
  if (segments === null) return null;
  const order = Array.from({ length: segments.length }, (_, i) => i).sort(
    (a, b) => u64At(segments.address, a) - u64At(segments.address, b),
  );
  const overlaps = order.filter(
    (i, at) =>
      at > 0 &&
      u64At(segments.address, order[at - 1]) + segments.total_size[order[at - 1]] >
        u64At(segments.address, i),
  );
  if (overlaps.length === 0) return null;
  return `${formatInteger(overlaps.length)} segments of the last state of ${deviceLabel(device)} overlap the one before (the first at ${hex(segments.address, overlaps[0])})`;
}

/** The trace without what cannot be; the same object where there is nothing of the kind. */
export function checkDevice(given: DeviceTrace, left: LeftOut): DeviceTrace {
  const free = checkFree(given, left);
  const trace = { ...given, ...free };
  // Nsight's rows are judged where they are read: pairs, pools and symbols refer to them by number.
  if (given.producer === 'nsys') return given;
  const changed = {
    ...free,
    ...checkEvents(trace, left),
    ...checkState(trace, left),
  };
  return Object.keys(changed).length === 0 ? given : { ...given, ...changed };
}
