/**
 * First difference of what two readings told, in words; null where they told the same. Numbers of streams and
 * stacks may differ between two readings, so they are compared by what they name. Tests trust it: it is itself
 * tested with a difference planted in every column.
 */
import type { DeviceTrace, SourceData } from '../../src/trace/capture.ts';
import { NONE } from '../../src/trace/schema.ts';

type Name = (index: number) => string;

interface Side {
  readonly data: SourceData;
  readonly stack: Name;
}

/** The stack of a node as text, made once a node. */
function sideOf(data: SourceData): Side {
  const known = new Map<number, string>();
  const stack = (node: number): string => {
    let text = known.get(node);
    if (text === undefined) {
      text = data.stacks
        .stack(node)
        .map(({ name, filename, line }) => `${name} ${filename}:${line}`)
        .join('\n');
      known.set(node, text);
    }
    return node === NONE ? '(none)' : text;
  };
  return { data, stack };
}

export interface CompareOptions {
  /** Compare only the first so many events of each device. */
  readonly rows?: number;
  /** Leave out the state at the end. */
  readonly eventsOnly?: boolean;
  /** Fields (as differences name them: "events.time_ns", "producer") that may differ. */
  readonly except?: readonly string[];
}

const DETAILS = [
  'pool',
  'compile_context',
  'user_metadata',
  'internal_metadata',
  'action_name',
  'forward_stack',
] as const;

/** What a row has of a detail, in words. */
function detailOf({ stack }: Side, { details }: DeviceTrace, name: (typeof DETAILS)[number]): Name {
  const column = details?.[name] ?? null;
  if (details === undefined || column === null) return () => '';
  if (name === 'forward_stack') return (row) => (column[row] === NONE ? '' : stack(column[row]));
  if (name === 'pool')
    return (row) => (column[row] === 0 ? '' : `pool "${details.pool_ids[column[row] - 1]}"`);
  return (row) => details.texts[column[row]];
}

class Difference extends Error {}

export function differenceOf(
  left: SourceData,
  right: SourceData,
  options: CompareOptions = {},
): string | null {
  const except = new Set(options.except);
  const same = (field: string, a: unknown, b: unknown, where = ''): void => {
    if (Object.is(a, b) || except.has(field)) return;
    const show = (value: unknown): string =>
      typeof value === 'string' ? JSON.stringify(value) : String(value);
    throw new Difference(`${field}${where}: ${show(a)} is not ${show(b)}`);
  };
  const json = (field: string, a: unknown, b: unknown): void => same(field, asText(a), asText(b));
  const column = (field: string, a: ArrayLike<number>, b: ArrayLike<number>, count = a.length): void => {
    if (options.rows === undefined) same(`${field}.length`, a.length, b.length);
    for (let i = 0; i < count; i++) same(field, a[i], b[i], `[${i}]`);
  };
  const named = (field: string, count: number, a: Name, b: Name): void => {
    for (let i = 0; i < count; i++) same(field, a(i), b(i), `[${i}]`);
  };

  function devices(one: Side, other: Side, a: DeviceTrace, b: DeviceTrace): void {
    for (const field of ['device', 'producer', 'name', 'total_bytes', 'clock'] as const)
      same(`device.${field}`, a[field], b[field]);
    const rows = options.rows ?? a.events.length;
    same(
      'events.length',
      rows,
      options.rows === undefined ? b.events.length : Math.min(rows, b.events.length),
    );
    column('events.action', a.events.action, b.events.action, rows);
    column('events.address', a.events.address, b.events.address, 2 * rows);
    column('events.size', a.events.size, b.events.size, 2 * rows);
    column('events.time_ns', a.events.time_ns, b.events.time_ns, 2 * rows);
    column('events.group', a.events.group, b.events.group, rows);
    named(
      'events.stream_index',
      rows,
      (row) => a.streams[a.events.stream_index[row]],
      (row) => b.streams[b.events.stream_index[row]],
    );
    named(
      'events.stack_index',
      rows,
      (row) => one.stack(a.events.stack_index[row]),
      (row) => other.stack(b.events.stack_index[row]),
    );
    for (const name of DETAILS)
      named(`details.${name}`, rows, detailOf(one, a, name), detailOf(other, b, name));
    if (options.eventsOnly === true) return;
    same('cut', a.cut, b.cut);
    json('ring', a.ring, b.ring);
    json('annotations', a.annotations, b.annotations);
    json('device_free', a.device_free, b.device_free);
    segments(one, other, a, b);
    blocks(one, other, a, b);
  }

  function segments(one: Side, other: Side, a: DeviceTrace, b: DeviceTrace): void {
    same('segments', a.segments === null, b.segments === null);
    if (a.segments === null || b.segments === null) return;
    const [left, right] = [a.segments, b.segments];
    same('segments.length', left.length, right.length);
    for (const field of [
      'address',
      'total_size',
      'allocated_size',
      'active_size',
      'requested_size',
      'pool',
      'is_expandable',
      'block_start',
    ] as const)
      column(`segments.${field}`, left[field], right[field]);
    named(
      'segments.stream_index',
      left.length,
      (i) => a.streams[left.stream_index[i]],
      (i) => b.streams[right.stream_index[i]],
    );
    named(
      'segments.pool_id',
      left.length,
      (i) => left.pool_id[i],
      (i) => right.pool_id[i],
    );
    named(
      'segments.stack_index',
      left.length,
      (i) => one.stack(left.stack_index[i]),
      (i) => other.stack(right.stack_index[i]),
    );
  }

  function blocks(one: Side, other: Side, a: DeviceTrace, b: DeviceTrace): void {
    same('blocks', a.blocks === null, b.blocks === null);
    if (a.blocks === null || b.blocks === null) return;
    const [left, right] = [a.blocks, b.blocks];
    same('blocks.length', left.length, right.length);
    for (const field of ['address', 'size', 'requested_size', 'state'] as const)
      column(`blocks.${field}`, left[field], right[field]);
    named(
      'blocks.stack_index',
      left.length,
      (i) => one.stack(left.stack_index[i]),
      (i) => other.stack(right.stack_index[i]),
    );
    named(
      'blocks.forward_stack',
      left.length,
      (i) => one.stack(left.forward_stack?.[i] ?? NONE),
      (i) => other.stack(right.forward_stack?.[i] ?? NONE),
    );
  }

  try {
    if (options.eventsOnly !== true) {
      for (const field of ['producer', 'rows', 'skipped'] as const) same(field, left[field], right[field]);
      json('warnings', left.warnings, right.warnings);
      json('notRecorded', left.notRecorded, right.notRecorded);
      json('settings', left.settings, right.settings);
    }
    same('devices.length', left.devices.length, right.devices.length);
    const [one, other] = [sideOf(left), sideOf(right)];
    left.devices.forEach((device, i) => devices(one, other, device, right.devices[i]));
    return null;
  } catch (thrown) {
    if (thrown instanceof Difference) return thrown.message;
    throw thrown;
  }
}

const asText = (value: unknown): string =>
  JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item));
