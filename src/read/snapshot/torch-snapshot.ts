/**
 * PyTorch allocator snapshots: the pickle of `torch.cuda.memory._dump_snapshot()` (protocols 0 to 5) and of
 * C++ `_memory_snapshot_pickled()`; layouts of torch 1.13 to 2.14, ROCm and XPU included.
 *
 * Format: torch/cuda/memory.py `_snapshot`, torch/csrc/cuda/memory_snapshot.cpp; docs/formats.md.
 * Not read: see shape.ts. `size` of alloc and free events is the size ASKED FOR.
 */
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger } from '../../base/units.ts';
import { ACTION, NONE } from '../../trace/schema.ts';
import type { DeviceTrace, SourceData, Warning } from '../../trace/capture.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';
import { ROLE_EVENT } from './arena.ts';
import { extentOf } from './cut.ts';
import { hostPart } from './host.ts';
import { type SegmentRow, SnapshotShape } from './shape.ts';
import { ringOf, settingsOf } from './settings.ts';
import { blocksOf, classifyPools, eventsOf, pairAnnotations, segmentsOf } from './tables.ts';

const TITLE = 'PyTorch allocator snapshot';
/** More lists of events than this are no machine's. */
const MOST_DEVICES = 1024;
const MOST_NAMED = 20;
const LONGEST_NAME = 64;

function indexOfText(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  outer: for (let i = bytes.indexOf(wanted[0]); i >= 0; i = bytes.indexOf(wanted[0], i + 1)) {
    for (let j = 1; j < wanted.length; j++) if (bytes[i + j] !== wanted[j]) continue outer;
    return i;
  }
  return -1;
}

function sniff(head: Head): Sniff {
  const { bytes } = head;
  const binary = bytes[0] === 0x80 && bytes[1] <= 5;
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 4));
  const early = /^(\(dp?|\(lp?|\}q|\]q|\}\()/.test(text);
  if (!binary && !early) return { score: 0, reason: 'does not begin like a pickle' };
  const what = binary ? `a pickle of protocol ${bytes[1]}` : 'a pickle of protocol 0 or 1';
  if (indexOfText(bytes, 'device_traces') >= 0 || indexOfText(bytes, 'segments') >= 0) {
    return { score: 0.95, reason: `${what} with the key "segments"` };
  }
  if (indexOfText(bytes, 'total_size') >= 0)
    return { score: 0.8, reason: `${what} with the key "total_size"` };
  return binary
    ? { score: 0.3, reason: `${what}, but no snapshot key in the first 64 KiB` }
    : { score: 0, reason: 'no snapshot key' };
}

/** Oldest PyTorch that writes what was seen; the file itself names no version. */
function producerOf(shape: SnapshotShape): string {
  const has = (key: string): boolean =>
    shape.names.seenKeys.has(key) || shape.values.others.some((map) => map.has(key));
  if (shape.events.length === 0 && shape.segments.length === 0) return 'unknown';
  const since = has('host_traces')
    ? '2.14'
    : has('pool_id')
      ? '2.12'
      : has('user_metadata')
        ? '2.10'
        : has('compile_context')
          ? '2.8'
          : has('external_annotations')
            ? '2.5'
            : has('allocator_settings')
              ? '2.3'
              : has('time_us')
                ? '2.2'
                : has('is_expandable')
                  ? '2.1'
                  : has('requested_size')
                    ? '2.0'
                    : null;
  return since === null ? 'PyTorch before 2.0 (by its layout)' : `PyTorch ${since} or newer (by its layout)`;
}

/** One warning a name, the first names only: a file of nothing but unknown names must not drown what else is said. */
function countedWarnings(
  counts: ReadonlyMap<string, number>,
  kind: string,
  words: (name: string, count: string) => string,
): Warning[] {
  const warnings: Warning[] = [...counts].slice(0, MOST_NAMED).map(([name, count]) => ({
    message: words(name.slice(0, LONGEST_NAME), formatInteger(count)),
    offset: null,
  }));
  const more = counts.size - warnings.length;
  if (more > 0)
    warnings.push({ message: `${formatInteger(more)} more ${kind} are not understood either`, offset: null });
  return warnings;
}

function warningsOf(shape: SnapshotShape): Warning[] {
  const { unknownKeys, arena } = shape;
  const { unknownActions } = shape.names;
  const warnings = [
    ...countedWarnings(
      unknownKeys,
      'keys',
      (key, count) => `key "${key}" is not understood and was left out (${count} times)`,
    ),
    ...countedWarnings(
      unknownActions,
      'actions',
      (action, count) => `event action "${action}" is not understood; its ${count} events count as "unknown"`,
    ),
  ];
  if (arena.malformed > 0)
    warnings.push({
      message: `${formatInteger(arena.malformed)} values are not what their key promises and were left out`,
      offset: null,
    });
  return warnings;
}

/** Events with a stack, and those that could have one: of pinned memory PyTorch records none but for allocations. */
function stacksOf(devices: readonly DeviceTrace[]): { readonly framed: number; readonly all: number } {
  let framed = 0;
  let all = 0;
  for (const { events, producer } of devices)
    for (let row = 0; row < events.length; row++) {
      const action = events.action[row];
      if (producer === 'torch_host' && action !== ACTION.alloc) continue;
      // The allocator notes that a snapshot was taken, and never with a stack.
      if (action === ACTION.snapshot) continue;
      all++;
      if (events.stack_index[row] !== NONE) framed++;
    }
  return { framed, all };
}

/** Entries of traces that have no "action" are none that are known: said with the keys that they have. */
function foreignWarnings({ values: { others } }: SnapshotShape, count: number): Warning[] {
  if (count === 0) return [];
  const keys = [...(others.find((one) => !one.has('device_traces'))?.keys() ?? [])].slice(0, MOST_NAMED);
  const named =
    keys.length === 0 ? '' : `: their keys are ${keys.map((key) => key.slice(0, LONGEST_NAME)).join(', ')}`;
  return [
    { message: `${formatInteger(count)} entries of device_traces are not understood${named}.`, offset: null },
  ];
}

/** `passedOver`: bytes and entries that were not understood; what they hold may well have been recorded. */
function notRecordedOf(shape: SnapshotShape, devices: readonly DeviceTrace[], passedOver: number): string[] {
  const sentences: string[] = [];
  const { events } = shape;
  if (events.length === 0) {
    if (!shape.machine.stopped || passedOver > 0 || !shape.topFound) return sentences;
    sentences.push(
      'No history was recorded, only the state at the end: call torch.cuda.memory._record_memory_history(max_entries=1000000) before the work, then _dump_snapshot().',
    );
    return sentences;
  }
  const { framed, all } = stacksOf(devices);
  const inState = devices.some(({ blocks }) => blocks?.stack_index.some((stack) => stack !== NONE) === true);
  const isOne = devices.some(
    ({ events: own, blocks }) => own.length === 1 && blocks !== null && blocks.length > 1,
  );
  if (isOne && shape.machine.stopped)
    sentences.push(
      'One event of history is there beside more blocks that live: the ring held one entry (max_entries=1), or recording began just before the dump. Leave max_entries out, and begin before the work.',
    );
  if (framed === 0 && inState)
    sentences.push(
      'The events carry no stacks; the blocks that live at the end do, so they are told by line.',
    );
  else if (framed === 0)
    sentences.push(
      'No stacks were recorded: pass stacks="python" (or "all") to _record_memory_history to see which line allocates.',
    );
  else if (framed < all)
    sentences.push(`${formatInteger(all - framed)} of ${formatInteger(all)} events carry no stack.`);
  if (events.timed === 0)
    sentences.push('No times were recorded (PyTorch before 2.2): the axis counts events.');
  if (devices.some((device) => device.segments === null))
    sentences.push('The state at the end (segments) is missing.');
  return sentences;
}

/** `items` by device. */
function byDevice<T extends { readonly device: number }>(items: readonly T[]): ReadonlyMap<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(item.device);
    if (group === undefined) groups.set(item.device, [item]);
    else group.push(item);
  }
  return groups;
}

function build(shape: SnapshotShape, behind: number): { data: SourceData; skipped: number } {
  const { events, arena } = shape;
  const extent = extentOf(shape);
  const { traces, tracesWhole, segmentsWhole } = extent;
  const group = new Uint8Array(events.length);
  const host = hostPart(shape, extent, group);
  // A cut inside the list of segments leaves a part of the state: no state at all is honest.
  const segmentsOfDevice = byDevice<SegmentRow>(
    segmentsWhole ? shape.segments.filter((segment) => !host.owns(segment)) : [],
  );
  const annotationsOfDevice = byDevice(shape.annotations);
  const count = Math.min(
    Math.max(traces.length, ...[...segmentsOfDevice.keys()].map((device) => device + 1)),
    MOST_DEVICES,
  );
  const rowsOf = (device: number): readonly [number, number] =>
    (device < traces.length ? arena.rowsOf(traces[device], ROLE_EVENT) : null) ?? [0, 0];
  const recorded = traces.filter((_, device) => rowsOf(device)[1] > rowsOf(device)[0]).length;
  // Lists of a device's entries that are no events, or not only: what a newer PyTorch may write.
  let foreign = 0;
  for (const list of traces)
    if (arena.rowsOf(list, ROLE_EVENT) === null) foreign += arena.valuesOf(list, Infinity).length;
  const devices: DeviceTrace[] = [];
  let placed = host.trace?.events.length ?? 0;
  for (let device = 0; device < count; device++) {
    const [from, to] = rowsOf(device);
    placed += to - from;
    const own = segmentsOfDevice.get(device) ?? [];
    if (to === from && own.length === 0) continue;
    const table = eventsOf(shape, from, to, group);
    const segments = segmentsWhole ? segmentsOf(own) : null;
    classifyPools(table, segments);
    const details = shape.details.of(from, to);
    const ring = ringOf(shape, device, to - from, recorded);
    devices.push({
      device,
      producer: 'torch',
      name: null,
      total_bytes: null,
      clock: events.timed === 0 ? 'none' : 'wall',
      streams: shape.names.streams,
      events: table,
      ...(details === undefined ? {} : { details }),
      ...(ring === undefined ? {} : { ring }),
      cut: !tracesWhole && device >= traces.length - 1,
      segments,
      blocks: segmentsWhole ? blocksOf(shape, own) : null,
      annotations: pairAnnotations(annotationsOfDevice.get(device) ?? [], device),
      pools: null,
      device_free: shape.deviceFree
        .filter(([row]) => row >= from && row < to)
        .map(([row, bytes]) => [row - from, bytes] as const),
      symbols: [],
    });
  }
  if (host.trace !== null) devices.push(host.trace);
  const data: SourceData = {
    producer: producerOf(shape),
    rows: placed,
    skipped: Math.max(0, events.length - placed) + arena.malformed + foreign,
    warnings: [...warningsOf(shape), ...foreignWarnings(shape, foreign)],
    notRecorded: notRecordedOf(shape, devices, behind + foreign),
    devices,
    summaries: [],
    stacks: shape.stacks,
    settings: settingsOf(shape),
  };
  return { data, skipped: events.length - placed };
}

/** What follows the end of a pickle. Line ends and padding are no content. */
class Rest {
  private bytes = 0;
  private last = new Uint8Array(0) as Uint8Array;
  private hasContent = false;

  add(chunk: Uint8Array, isBehind: boolean): void {
    this.bytes += chunk.length;
    if (isBehind) this.hasContent ||= chunk.some((byte) => byte > 0x20);
    else this.last = chunk;
  }

  /** Bytes behind the pickle's end at `offset`, in the last chunk that it took or later; 0 where they hold nothing. */
  after(offset: number): number {
    const behind = this.bytes - offset;
    const own = this.last.subarray(Math.max(0, this.last.length - behind));
    return behind > 0 && (this.hasContent || own.some((byte) => byte > 0x20)) ? behind : 0;
  }
}

/** The TraceError that `work` throws, or null. */
function attempt(work: () => void): TraceError | null {
  try {
    work();
    return null;
  } catch (thrown) {
    if (thrown instanceof TraceError) return thrown;
    throw thrown;
  }
}

/** Hands pieces of a pickle to the decoder; gives what kept it from the end. */
export type Feed = (push: (bytes: Uint8Array) => void) => Promise<TraceError | null>;

async function pickled(
  input: ReaderInput,
  context: ReaderContext,
  push: (bytes: Uint8Array) => void,
): Promise<null> {
  let since = 0;
  for await (const chunk of input.chunks()) {
    push(chunk);
    since += chunk.length;
    context.progress('decoding pickle', 0);
    if (since >= 4 << 20) {
      since = 0;
      await context.breathe();
    }
  }
  return null;
}

const read = (input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> =>
  readSnapshot(input.storedBytes, (push) => pickled(input, context, push));

/** A snapshot of whatever gives its pickle. `bytes`: about as many as that has. */
export async function readSnapshot(bytes: number, feed: Feed): Promise<ReadOutcome> {
  const shape = new SnapshotShape(bytes);
  const { machine } = shape;
  let error: TraceError | null;
  let decoding = false;
  const rest = new Rest();
  try {
    error = await feed((piece) => {
      decoding = true;
      rest.add(piece, machine.stopped);
      machine.push(piece);
      decoding = false;
    });
    decoding = error === null;
    if (decoding) machine.finish();
  } catch (thrown) {
    if (!(thrown instanceof TraceError) || thrown.code === 'cancelled') throw thrown;
    error = thrown;
  }
  // Where the input failed (a damaged .gz), what it gave before is decoded to its last byte.
  if (!decoding) attempt(() => machine.finish());
  error = attempt(() => shape.settleTop()) ?? error;
  const behind = machine.stopped ? rest.after(machine.offset) : 0;
  if (error === null && behind > 0)
    error = new TraceError(
      'corrupt',
      `the pickle ends at byte ${formatInteger(machine.offset)}, and ${formatInteger(behind)} bytes follow that were not read`,
      {
        offset: machine.offset,
        advice:
          'Copy the file again. Two snapshots written into one file are read one by one: write each to its own.',
      },
    );
  const { data, skipped } = build(shape, behind);
  if (error === null && !shape.topFound && shape.segments.length === 0 && shape.events.length === 0) {
    error = new TraceError(
      'unrecognised',
      'a pickle, but not a memory snapshot: it has neither "segments" nor "device_traces"',
      {
        offset: 0,
        advice: 'Save one with torch.cuda.memory._dump_snapshot("snapshot.pickle").',
      },
    );
  }
  const warnings = [...data.warnings];
  if (error !== null && error.code !== 'unrecognised' && data.rows > 0) {
    warnings.push({
      message: `reading ended at byte ${error.offset ?? machine.offset}: ${error.message}. The ${formatInteger(data.rows)} events before it are kept.`,
      offset: error.offset ?? machine.offset,
    });
  }
  if (skipped > 0)
    warnings.push({
      message: `${formatInteger(skipped)} events belong to no device's trace and were left out`,
      offset: null,
    });
  return { data: { ...data, warnings, ...(error === null ? {} : { unread: true as const }) }, error };
}

export const torchSnapshotReader: Reader = { format: 'torch-snapshot', title: TITLE, sniff, read };
