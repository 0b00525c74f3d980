/**
 * Reads listings of live tensors, one a line, as programs print them over gc.get_objects():
 *
 *   for obj in gc.get_objects():
 *       if torch.is_tensor(obj) and obj.is_cuda:
 *           print(f"{type(obj).__name__}: {obj.shape} {obj.dtype} {obj.device}")
 *
 *   Tensor: torch.Size([8192, 256]) torch.float32 cuda:0
 *   <class 'torch.nn.parameter.Parameter'> torch.Size([256])           (print(type(obj), obj.size()))
 *
 * Several listings in one log are kept apart: any other line between ends one. Bytes are elements times the size of
 * the type; tensors that share their memory (views) are counted each. Not read: what else such a line may hold.
 */
import { lookup } from '../../base/lookup.ts';
import type { SourceData, Warning } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { GaugeSet } from '../lines/gauge-set.ts';
import { isPlain } from '../lines/byte-lines.ts';
import type { LogLine, RawLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';

const SHAPE = /torch\.Size\(\[([\d, ]{0,400})\]\)/;
const DTYPE =
  /\btorch\.((?:u?int|float|bfloat|complex|bool|half|double|long|short|quint|qint|chalf|cfloat|cdouble|bits)\w*)/;
const DEVICE = /\b((?:cuda|xpu|hip|mps|cpu|meta|npu|hpu)(?::\d+)?)\b(?!\.)/;
const KIND = /^(?:.{0,200}?[\]|>] ?)?(?:<class '([\w.]+)'>|([A-Za-z_][\w.]{0,80}))[:,\s(]{1,4}torch\.Size/;
const LABEL_LENGTH = 120;
const MOST_ROWS = 100_000;
const SAME_WARNING = 20;

const ELEMENT_BYTES: Readonly<Record<string, number>> = lookup({
  bool: 1,
  uint8: 1,
  int8: 1,
  quint8: 1,
  qint8: 1,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
  float8_e4m3fnuz: 1,
  float8_e5m2fnuz: 1,
  float8_e8m0fnu: 1,
  float4_e2m1fn_x2: 1,
  int16: 2,
  uint16: 2,
  short: 2,
  float16: 2,
  half: 2,
  bfloat16: 2,
  int32: 4,
  uint32: 4,
  int: 4,
  qint32: 4,
  float32: 4,
  float: 4,
  complex32: 4,
  chalf: 4,
  int64: 8,
  uint64: 8,
  long: 8,
  float64: 8,
  double: 8,
  complex64: 8,
  cfloat: 8,
  complex128: 16,
  cdouble: 16,
});

interface Group {
  readonly kind: string;
  readonly shape: string;
  readonly dtype: string | null;
  readonly device: string | null;
  /** Bytes of one; null: the line names no type, or one that is not known. */
  readonly bytes: number | null;
  count: number;
}

interface Listing {
  readonly label: string | null;
  readonly moment: number;
  readonly groups: Map<string, Group>;
}

function groupOf(text: string): Group | null {
  const shape = SHAPE.exec(text);
  if (shape === null) return null;
  const kind = KIND.exec(text);
  const after = text.slice(shape.index + shape[0].length);
  const around = `${after} ${text.slice(0, shape.index)}`;
  const dtype = DTYPE.exec(around)?.[1] ?? null;
  const device = DEVICE.exec(around)?.[1] ?? null;
  // A shape in a sentence ("size mismatch: copying torch.Size([3]) ...") is no entry of a listing.
  if (kind === null && (dtype === null || device === null)) return null;
  if (kind !== null && dtype === null && device === null && after.trim() !== '') return null;
  const sizes = shape[1].split(',').filter((size) => size.trim() !== '');
  const element = dtype === null ? undefined : ELEMENT_BYTES[dtype];
  const elements = sizes.reduce((product, size) => product * Number(size), 1);
  return {
    kind: kind?.[1]?.split('.').at(-1) ?? kind?.[2] ?? 'Tensor',
    shape: `[${sizes.map((size) => size.trim()).join(', ')}]`,
    dtype,
    device,
    bytes: element === undefined ? null : elements * element,
    count: 1,
  };
}

class TensorListingScan implements LineScan {
  private readonly gauges: GaugeSet;
  private readonly listings: Listing[] = [];
  private open: Listing | null = null;
  /** The last line that is no entry, which may say what the next listing is of. */
  private before: LogLine | null = null;
  private tensors = 0;
  private groups = 0;
  private readonly warnings: Warning[] = [];
  private readonly unknown = new Set<string>();

  constructor(times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  take(line: LogLine): boolean {
    const { text } = line;
    const group = text.includes('torch.Size(') ? groupOf(text) : null;
    if (group === null) {
      if (text.trim() !== '') this.close(line);
      return false;
    }
    if (this.open === null) {
      this.gauges.at(line);
      const label = this.before?.text.slice(0, LABEL_LENGTH).trim() ?? null;
      this.open = { label, moment: this.listings.length, groups: new Map() };
      this.listings.push(this.open);
      this.before = null;
    }
    this.tensors++;
    if (group.bytes === null && group.dtype !== null) this.unknownType(group.dtype, line.offset);
    const key = `${group.kind}\n${group.shape}\n${group.dtype}\n${group.device}`;
    const same = this.open.groups.get(key);
    if (same !== undefined) same.count++;
    else {
      this.open.groups.set(key, group);
      this.groups++;
    }
    return true;
  }

  pass(line: RawLine): void {
    if (isPlain(line.firstByte) || line.text.trim() !== '') this.close(line);
  }

  private close(line: LogLine): void {
    this.open = null;
    this.before = line;
  }

  end(): SourceData | null {
    if (this.listings.length === 0) return null;
    for (const listing of this.listings) this.measure(listing);
    const { gauges, clock, notRecorded } = this.gauges.build();
    const noType = this.listings.some(({ groups }) =>
      [...groups.values()].some((group) => group.dtype === null),
    );
    if (this.groups > MOST_ROWS) {
      const message = `The table shows the first ${MOST_ROWS} of ${this.groups} rows; the curves count all.`;
      this.warnings.push({ message, offset: null });
    }
    return sourceData({
      producer: 'Listing of live tensors, printed by the program',
      rows: this.tensors,
      warnings: this.warnings,
      notRecorded: [
        ...notRecorded,
        ...(noType ? ['Lines without a dtype tell no bytes: print obj.dtype and obj.device too.'] : []),
        'Only tensors that Python knows are listed; what C++ holds (saved for the backward pass, caches) is in a snapshot: torch.cuda.memory._dump_snapshot("snapshot.pickle").',
      ],
      readings: { clock, gauges, tables: [this.tensorTable(), this.listingTable()] },
    });
  }

  /** Curves over the listings: how many tensors, how many bytes, by device. */
  private measure({ groups, moment }: Listing): void {
    const byDevice = new Map<string, { count: number; bytes: number }>();
    for (const { device, count, bytes } of groups.values()) {
      const sum = byDevice.get(device ?? '') ?? { count: 0, bytes: 0 };
      sum.count += count;
      sum.bytes += (bytes ?? 0) * count;
      byDevice.set(device ?? '', sum);
    }
    for (const [name, sum] of byDevice) {
      const index = /:(\d+)$/.exec(name)?.[1];
      const device = index === undefined ? null : Number(index);
      const labels: Readonly<Record<string, string>> = name === '' ? {} : { device: name };
      const note = 'of the tensors listed; views are counted each';
      this.gauges.addAt(
        moment,
        { id: 'tensors', label: 'Tensors listed', unit: 'count', device, labels, note },
        sum.count,
      );
      this.gauges.addAt(
        moment,
        { id: 'tensor_bytes', label: 'Bytes of tensors listed', unit: 'bytes', device, labels, note },
        sum.bytes,
      );
    }
  }

  private tensorTable() {
    const rows: (string | number | null)[][] = [];
    for (const { groups, moment } of this.listings) {
      const sorted = [...groups.values()].sort((a, b) => (b.bytes ?? 0) * b.count - (a.bytes ?? 0) * a.count);
      for (const { kind, shape, dtype, device, count, bytes } of sorted) {
        if (rows.length === MOST_ROWS) break;
        const all = bytes === null ? null : bytes * count;
        rows.push([moment + 1, kind, shape, dtype, device, count, bytes, all]);
      }
    }
    return {
      id: 'tensors',
      title: 'Live tensors by shape and type',
      note: 'bytes are elements times the size of the type; tensors that share memory (views) are counted each',
      columns: [
        { name: 'listing', unit: 'count' },
        { name: 'kind', unit: 'text' },
        { name: 'shape', unit: 'text' },
        { name: 'dtype', unit: 'text' },
        { name: 'device', unit: 'text' },
        { name: 'tensors', unit: 'count' },
        { name: 'bytes of one', unit: 'bytes' },
        { name: 'bytes', unit: 'bytes' },
      ],
      rows,
    } as const;
  }

  private listingTable() {
    const rows = this.listings.slice(0, MOST_ROWS).map(({ label, groups, moment }) => {
      const all = [...groups.values()];
      const tensors = all.reduce((sum, group) => sum + group.count, 0);
      const bytes = all.reduce((sum, group) => sum + (group.bytes ?? 0) * group.count, 0);
      return [moment + 1, label, tensors, all.every((group) => group.bytes === null) ? null : bytes];
    });
    return {
      id: 'listings',
      title: 'Listings',
      note: 'a listing that grows from one to the next is what leaks',
      columns: [
        { name: 'listing', unit: 'count' },
        { name: 'line before', unit: 'text' },
        { name: 'tensors', unit: 'count' },
        { name: 'bytes', unit: 'bytes' },
      ],
      rows,
    } as const;
  }

  private unknownType(dtype: string, offset: number): void {
    if (this.unknown.has(dtype) || this.unknown.size >= SAME_WARNING) return;
    this.unknown.add(dtype);
    const name = dtype.slice(0, 40);
    this.warnings.push({
      message: `The size of torch.${name} is not known: its tensors count no bytes.`,
      offset,
    });
  }
}

export const tensorListingScanner: LineScanner = {
  format: 'tensor-listing',
  title: 'Listing of live tensors',
  needles: ['torch.Size('],
  sniff(lines) {
    const count = lines.filter((line) => line.includes('torch.Size(') && groupOf(line) !== null).length;
    if (count === 0) return { score: 0, reason: 'no listing of tensors' };
    return { score: count > 1 ? 0.8 : 0.5, reason: `${count} lines that list tensors` };
  },
  start: (_fileName, times = new LogTimes()) => new TensorListingScan(times),
};
