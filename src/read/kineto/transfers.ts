/** Copies and sets on the device that a Kineto trace recorded, added up by kind: traffic, not memory in use. */
import type { DataTable } from '../../trace/readings.ts';

interface Transfers {
  readonly name: string;
  readonly device: number | null;
  count: number;
  bytes: number;
  withBytes: number;
  nanoseconds: number;
}

/** Kinds beyond this are added up as one: names come from the file. */
const MAX_KINDS = 500;

export class TransferSums {
  private readonly kinds = new Map<string, Transfers>();

  /** NaN: the event does not say. */
  add(name: string, device: number | null, bytes: number, nanoseconds: number): void {
    let key = `${device ?? ''} ${name}`;
    if (!this.kinds.has(key) && this.kinds.size >= MAX_KINDS) {
      name = 'Others';
      key = `${device ?? ''} ${name}`;
    }
    let sums = this.kinds.get(key);
    if (sums === undefined) {
      sums = { name, device, count: 0, bytes: 0, withBytes: 0, nanoseconds: 0 };
      this.kinds.set(key, sums);
    }
    sums.count++;
    if (!Number.isNaN(bytes)) {
      sums.bytes += bytes;
      sums.withBytes++;
    }
    if (!Number.isNaN(nanoseconds)) sums.nanoseconds += nanoseconds;
  }

  get count(): number {
    let count = 0;
    for (const kind of this.kinds.values()) count += kind.count;
    return count;
  }

  table(): DataTable | null {
    if (this.kinds.size === 0) return null;
    const kinds = [...this.kinds.values()].sort(
      (a, b) => (a.device ?? -1) - (b.device ?? -1) || b.bytes - a.bytes || b.count - a.count,
    );
    const silent = kinds.reduce((sum, kind) => sum + kind.count - kind.withBytes, 0);
    return {
      id: 'kineto-transfers',
      title: 'Memory copies and sets',
      note: `Transfers, not memory in use.${silent > 0 ? ` ${silent} of them were recorded without their bytes (ROCm leaves them out).` : ''}`,
      columns: [
        { name: 'Kind', unit: 'text' },
        { name: 'Device', unit: 'number' },
        { name: 'Count', unit: 'count' },
        { name: 'Bytes', unit: 'bytes' },
        { name: 'Time', unit: 'nanoseconds' },
      ],
      rows: kinds.map((kind) => [
        kind.name,
        kind.device,
        kind.count,
        kind.withBytes === 0 ? null : kind.bytes,
        kind.nanoseconds,
      ]),
    };
  }
}
