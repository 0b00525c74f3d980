/**
 * Devices' traces as the pickle that torch.cuda.memory._dump_snapshot() writes, from what was read and nothing else: keys
 * that are not named here are not in it. Stacks and frames are memoized, as pickle does it with what is the same object.
 */
import { asBigUint64, u64At } from '../base/u64.ts';
import type { DeviceTrace, Setting } from './capture.ts';
import { ACTION, ACTIONS, BLOCK_STATES, NONE } from './schema.ts';
import type { Frame, StackTable } from './stack-table.ts';

class Writer {
  private bytes = new Uint8Array(1 << 20);
  private view = new DataView(this.bytes.buffer);
  private length = 0;
  private readonly memo = new Map<string | number, number>();

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(2 * (this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  op(code: string | number): void {
    this.room(1);
    this.bytes[this.length++] = typeof code === 'number' ? code : code.charCodeAt(0);
  }

  private u32(value: number): void {
    this.room(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  /** Once written it is fetched from the memo. */
  once(key: string | number, write: () => void): void {
    const known = this.memo.get(key);
    if (known !== undefined) {
      this.op('j');
      this.u32(known);
      return;
    }
    write();
    this.op(0x94);
    this.memo.set(key, this.memo.size);
  }

  text(value: string): void {
    this.once(`t${value}`, () => {
      const bytes = new TextEncoder().encode(value);
      this.op('X');
      this.u32(bytes.length);
      this.room(bytes.length);
      this.bytes.set(bytes, this.length);
      this.length += bytes.length;
    });
  }

  int(value: number | bigint): void {
    if (value >= 0 && value < 256) {
      this.op('K');
      this.op(Number(value));
    } else {
      this.op(0x8a);
      this.op(8);
      this.room(8);
      this.view.setBigInt64(this.length, BigInt.asIntN(64, BigInt(value)), true);
      this.length += 8;
    }
  }

  bool(value: boolean): void {
    this.op(value ? 0x88 : 0x89);
  }

  dict(items: Readonly<Record<string, () => void>>): void {
    this.op('}');
    this.op('(');
    for (const [key, write] of Object.entries(items)) {
      this.text(key);
      write();
    }
    this.op('u');
  }

  list<T>(items: Iterable<T>, write: (item: T) => void): void {
    this.op(']');
    this.op('(');
    for (const item of items) write(item);
    this.op('e');
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.op('.');
    return this.bytes.slice(0, this.length);
  }
}

export interface SnapshotParts {
  /** Of PyTorch's device allocator. */
  readonly devices: readonly DeviceTrace[];
  readonly stacks: StackTable;
  readonly settings: readonly Setting[];
  /** A frame as it is written. */
  readonly frame: (frame: Frame) => Frame;
}

const ASIS = (frame: Frame): Frame => frame;
const POOL_ID = /^\((\d+), (\d+)\)$/;

/** How PyTorch writes a setting whose text is this. */
function setting(out: Writer, value: string): void {
  if (/^(?:true|false)$/i.test(value)) out.bool(value.toLowerCase() === 'true');
  else if (/^-?\d{1,18}$/.test(value)) out.int(BigInt(value));
  else out.text(value);
}

export function snapshotPickle({ devices, stacks, settings, frame }: SnapshotParts): Uint8Array<ArrayBuffer> {
  const out = new Writer();
  out.op(0x80);
  out.op(4);
  const frames = (stack: number): void =>
    out.once(stack === NONE ? 'none' : stack, () =>
      out.list(stack === NONE ? [] : stacks.stack(stack), (one) => {
        const { name, filename, line } = frame(one);
        out.once(`f${name}\0${filename}\0${line}`, () =>
          out.dict({
            filename: () => out.text(filename),
            line: () => out.int(line),
            name: () => out.text(name),
          }),
        );
      }),
    );
  const poolId = (text: string): void => {
    out.op('(');
    for (const part of POOL_ID.exec(text)?.slice(1) ?? ['0', '0']) out.int(BigInt(part));
    out.op('t');
  };
  out.dict({
    segments: () =>
      out.list(
        devices.flatMap((device) => segmentsOf(device)),
        (write) => write(out, frames, poolId),
      ),
    device_traces: () => {
      const most = Math.max(-1, ...devices.map(({ device }) => device));
      out.list(
        Array.from({ length: most + 1 }, (_, at) => devices.find(({ device }) => device === at) ?? null),
        (device) => {
          if (device === null) out.list([], () => undefined);
          else eventsOf(out, device, frames, poolId);
        },
      );
    },
    allocator_settings: () =>
      out.dict(Object.fromEntries(settings.map(([name, value]) => [name, () => setting(out, value)]))),
  });
  return out.finish();
}

type WriteStack = (stack: number) => void;
type WritePool = (text: string) => void;
type WriteSegment = (out: Writer, frames: WriteStack, poolId: WritePool) => void;

const rows = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at);
/** What a version of PyTorch did not record is not written. */
const known = (value: number, write: () => void): (() => void) | null => (Number.isNaN(value) ? null : write);
const present = (items: Readonly<Record<string, (() => void) | null>>): Record<string, () => void> =>
  Object.fromEntries(Object.entries(items).flatMap(([key, write]) => (write === null ? [] : [[key, write]])));

function segmentsOf({ device, segments, blocks, streams }: DeviceTrace): WriteSegment[] {
  if (segments === null || blocks === null) return [];
  return rows(0, segments.length).map(
    (at) => (out, frames, poolId) =>
      out.dict(
        present({
          device: () => out.int(device),
          address: () => out.int(asBigUint64(segments.address)[at]),
          total_size: () => out.int(segments.total_size[at]),
          allocated_size: () => out.int(segments.allocated_size[at]),
          active_size: () => out.int(segments.active_size[at]),
          requested_size: known(segments.requested_size[at], () => out.int(segments.requested_size[at])),
          stream: () => out.int(BigInt(streams[segments.stream_index[at]])),
          segment_type: () => out.text(segments.pool[at] === 0 ? 'large' : 'small'),
          segment_pool_id: () => poolId(segments.pool_id[at]),
          is_expandable: () => out.bool(segments.is_expandable[at] === 1),
          frames: () => frames(segments.stack_index[at]),
          blocks: () =>
            out.list(rows(segments.block_start[at], segments.block_start[at + 1]), (block) =>
              out.dict(
                present({
                  address: () => out.int(asBigUint64(blocks.address)[block]),
                  size: () => out.int(blocks.size[block]),
                  requested_size: known(blocks.requested_size[block], () =>
                    out.int(blocks.requested_size[block]),
                  ),
                  state: () => out.text(BLOCK_STATES[blocks.state[block]]),
                  frames: () => frames(blocks.stack_index[block]),
                }),
              ),
            ),
        }),
      ),
  );
}

function eventsOf(
  out: Writer,
  { events, streams, clock, device_free: free, details }: DeviceTrace,
  frames: WriteStack,
  poolId: WritePool,
): void {
  const times = asBigUint64(events.time_ns);
  const [addresses, freeAt] = [asBigUint64(events.address), new Map(free)];
  const pools = details?.pool ?? null;
  out.list(rows(0, events.length), (row) => {
    const isOom = events.action[row] === ACTION.oom;
    const device = freeAt.get(row);
    out.dict(
      present({
        action: () => out.text(ACTIONS[events.action[row]]),
        // An event of memory that ran out has what the device had free in place of an address.
        addr: isOom ? null : () => out.int(addresses[row]),
        device_free: device === undefined ? null : () => out.int(device),
        size: () => out.int(u64At(events.size, row)),
        stream: () => out.int(BigInt(streams[events.stream_index[row]])),
        time_us: clock === 'none' ? null : () => out.int(times[row] / 1000n),
        pool_id: pools === null || pools[row] === 0 ? null : () => poolId(details!.pool_ids[pools[row] - 1]),
        frames: () => frames(events.stack_index[row]),
      }),
    );
  });
}

/** One device as it is, for programs that are made up. */
export const pickleOfTrace = (
  trace: DeviceTrace,
  stacks: StackTable,
  settings: readonly Setting[] = [],
): Uint8Array<ArrayBuffer> => snapshotPickle({ devices: [trace], stacks, settings, frame: ASIS });
