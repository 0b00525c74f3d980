/**
 * Events as an Arrow table and IPC file; alone imports apache-arrow, and only when asked. The 64-bit columns are
 * handed over as they lie in memory; action and stream are dictionaries.
 */
import { asBigInt64, asBigUint64 } from '../base/u64.ts';
import type { DeviceTrace } from './capture.ts';
import { ACTIONS, MEM_KINDS, NONE, POOLS } from './schema.ts';
import type { StackTable } from './stack-table.ts';

/**
 * An Arrow IPC file of the device's events: time_ns Int64, address and size UInt64; action, stream, pool (Nsight:
 * memory_kind) and frame (the innermost one, "name file:line") are dictionaries of Utf8.
 */
export async function traceToArrow(trace: DeviceTrace, stacks: StackTable): Promise<Uint8Array> {
  const arrow = await import('apache-arrow');
  const { events } = trace;
  const dictionary = (
    codes: Uint8Array | Uint16Array,
    names: readonly string[],
  ): InstanceType<typeof arrow.Vector> => {
    const values = arrow.vectorFromArray(names.length === 0 ? [''] : names, new arrow.Utf8());
    const type = new arrow.Dictionary(
      values.type,
      codes instanceof Uint8Array ? new arrow.Uint8() : new arrow.Uint16(),
    );
    return arrow.makeVector(arrow.makeData({ type, data: codes, dictionary: values, length: codes.length }));
  };
  const int64 = arrow.makeVector(
    arrow.makeData({ type: new arrow.Int64(), data: asBigInt64(events.time_ns) }),
  );
  const uint64 = (words: Uint32Array): InstanceType<typeof arrow.Vector> =>
    arrow.makeVector(arrow.makeData({ type: new arrow.Uint64(), data: asBigUint64(words) }));
  const used = new Map<number, number>();
  const names: string[] = ['(no stack)'];
  const frame = new Uint32Array(events.length);
  for (let row = 0; row < events.length; row++) {
    const node = events.stack_index[row];
    if (node === NONE) continue;
    let code = used.get(node);
    if (code === undefined) {
      const { name, filename, line } = stacks.stack(node)[0];
      used.set(node, (code = names.push(`${name} ${filename}:${line}`) - 1));
    }
    frame[row] = code;
  }
  const frames = arrow.vectorFromArray(names, new arrow.Utf8());
  const frameType = new arrow.Dictionary(frames.type, new arrow.Uint32());
  const table = new arrow.Table({
    time_ns: int64,
    action: dictionary(events.action, ACTIONS),
    address: uint64(events.address),
    size: uint64(events.size),
    stream: dictionary(events.stream_index, trace.streams),
    [trace.producer === 'torch' ? 'pool' : 'memory_kind']: dictionary(
      events.group,
      trace.producer === 'torch' ? POOLS : MEM_KINDS,
    ),
    frame: arrow.makeVector(
      arrow.makeData({ type: frameType, data: frame, dictionary: frames, length: frame.length }),
    ),
  });
  return arrow.tableToIPC(table, 'file');
}
