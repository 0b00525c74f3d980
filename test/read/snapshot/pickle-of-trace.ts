/**
 * A device's trace as the pickle that torch.cuda.memory._dump_snapshot() writes: for programs that are made up, so that
 * they are read as files. Stacks and frames are memoized, as pickle does it with what is the same object.
 */
import { asBigUint64, u64At } from '../../../src/base/u64.ts';
import type { DeviceTrace, Setting } from '../../../src/trace/capture.ts';
import { ACTIONS, BLOCK_STATES, NONE } from '../../../src/trace/schema.ts';
import type { StackTable } from '../../../src/trace/stack-table.ts';

class Writer {
  private bytes = Buffer.alloc(1 << 20);
  private length = 0;
  private readonly memo = new Map<string | number, number>();

  private room(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = Buffer.alloc(2 * (this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  op(code: string | number): void {
    this.room(1);
    this.bytes[this.length++] = typeof code === 'number' ? code : code.charCodeAt(0);
  }

  private u32(value: number): void {
    this.room(4);
    this.length = this.bytes.writeUInt32LE(value, this.length);
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
      const bytes = Buffer.from(value);
      this.op('X');
      this.u32(bytes.length);
      this.room(bytes.length);
      bytes.copy(this.bytes, this.length);
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
      this.length = this.bytes.writeBigInt64LE(BigInt(value), this.length);
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

  finish(): Buffer {
    this.op('.');
    return Buffer.from(this.bytes.subarray(0, this.length));
  }
}

export function pickleOfTrace(
  { events, segments, blocks, streams, total_bytes }: DeviceTrace,
  stacks: StackTable,
  settings: readonly Setting[] = [],
): Buffer {
  const out = new Writer();
  out.op(0x80);
  out.op(4);
  const frames = (stack: number): void =>
    out.once(stack === NONE ? 'none' : stack, () =>
      out.list(stack === NONE ? [] : stacks.stack(stack), ({ name, filename, line }) =>
        out.once(`f${name}\0${filename}\0${line}`, () =>
          out.dict({
            filename: () => out.text(filename),
            line: () => out.int(line),
            name: () => out.text(name),
          }),
        ),
      ),
    );
  const rows = (length: number): number[] => Array.from({ length }, (_, row) => row);
  const times = asBigUint64(events.time_ns);
  out.dict({
    segments: () =>
      out.list(segments === null ? [] : rows(segments.length), (at) =>
        out.dict({
          device: () => out.int(0),
          address: () => out.int(u64At(segments!.address, at)),
          total_size: () => out.int(segments!.total_size[at]),
          allocated_size: () => out.int(segments!.allocated_size[at]),
          active_size: () => out.int(segments!.active_size[at]),
          requested_size: () => out.int(segments!.requested_size[at]),
          stream: () => out.int(BigInt(streams[segments!.stream_index[at]])),
          segment_type: () => out.text(segments!.pool[at] === 0 ? 'large' : 'small'),
          segment_pool_id: () => {
            out.op('(');
            for (const part of /\((\d+), (\d+)\)/.exec(segments!.pool_id[at])?.slice(1) ?? ['0', '0'])
              out.int(BigInt(part));
            out.op('t');
          },
          is_expandable: () => out.bool(segments!.is_expandable[at] === 1),
          frames: () => frames(NONE),
          blocks: () =>
            out.list(
              rows(segments!.block_start[at + 1] - segments!.block_start[at]).map(
                (nth) => segments!.block_start[at] + nth,
              ),
              (block) =>
                out.dict({
                  address: () => out.int(u64At(blocks!.address, block)),
                  size: () => out.int(blocks!.size[block]),
                  requested_size: () => out.int(blocks!.requested_size[block]),
                  state: () => out.text(BLOCK_STATES[blocks!.state[block]]),
                  frames: () => frames(blocks!.stack_index[block]),
                }),
            ),
        }),
      ),
    device_traces: () =>
      out.list([0], () =>
        out.list(rows(events.length), (row) =>
          out.dict({
            action: () => out.text(ACTIONS[events.action[row]]),
            addr: () => out.int(u64At(events.address, row)),
            size: () => out.int(u64At(events.size, row)),
            stream: () => out.int(BigInt(streams[events.stream_index[row]])),
            time_us: () => out.int(times[row] / 1000n),
            frames: () => frames(events.stack_index[row]),
          }),
        ),
      ),
    allocator_settings: () =>
      out.dict(
        Object.fromEntries(
          settings.map(([name, value]) => [
            name,
            () =>
              value === 'True' || value === 'False'
                ? out.bool(value === 'True')
                : /^-?\d{1,15}$/.test(value)
                  ? out.int(Number(value))
                  : out.text(value),
          ]),
        ),
      ),
    ...(total_bytes === null
      ? {}
      : { device_info: () => out.list([0], () => out.dict({ total_memory: () => out.int(total_bytes) })) }),
  });
  return out.finish();
}
