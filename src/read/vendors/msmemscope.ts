/**
 * Reads the dump of msMemScope and its forerunner msLeaks (Ascend), memscope_dump_*.csv: every allocation and release of
 * the driver (HAL) and of the frameworks' pools (PTA: PyTorch's on the NPU, MindSpore, ATB), in bytes, at its ns.
 *
 *   ID,Event,Event Type,Name,Timestamp(ns),Process Id,Thread Id,Device Id,Ptr,Attr,Call Stack(Python),Call Stack(C)
 *   3,MALLOC,PTA,N/A,1746006014162353000,2523,2523,0,206..,"{addr:206..,size:65536,owner:,total:20971520,used:65536}",,
 *
 * `total` is what the pool has taken (reserved), `used` what is given out of it (allocated). The driver prints no sums:
 * what lives is added up by address. https://gitcode.com/Ascend/msmemscope docs/en/user_guide/output_file_spec.md
 * Not read: ACCESS, OP_LAUNCH, KERNEL_LAUNCH, C stacks; the same as a database (.db).
 */
import { MOST_BYTES, whyNot } from '../../base/bounds.ts';
import type { SourceData, Warning } from '../../trace/capture.ts';
import type { DataTable } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { splitCsv } from '../../file/csv.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';

const HEADER = /^\ufeff?ID,Event,Event Type,Name,Timestamp\(ns\),Process Id,Thread Id,Device Id,Ptr,Attr\b/;
const ROW = /^"?\d{1,15}"?,"?(?:MALLOC|FREE|SNAPSHOT)"?,/;
const POOLS: Readonly<Record<string, string>> = { PTA: 'PyTorch', MindSpore: 'MindSpore', ATB: 'ATB' };
const LONGEST = 1 << 18;
const LONGEST_PLACE = 300;
const MOST_PLACES = 50;
const LISTED = 5;

interface Live {
  readonly device: string;
  readonly type: string;
  readonly bytes: number;
  readonly place: string;
}

const FIELDS = {
  size: /[{,]\s?size:\s?(-?\d{1,20})\b/,
  used: /[{,]\s?used:\s?(-?\d{1,20})\b/,
  total: /[{,]\s?total:\s?(-?\d{1,20})\b/,
  total_mem: /[{,]\s?total_mem:\s?(-?\d{1,20})\b/,
  free_mem: /[{,]\s?free_mem:\s?(-?\d{1,20})\b/,
  reserved: /[{,]\s?reserved:\s?(-?\d{1,20})\b/,
  allocated: /[{,]\s?allocated:\s?(-?\d{1,20})\b/,
  peak_reserved: /[{,]\s?peak_reserved:\s?(-?\d{1,20})\b/,
  peak_allocated: /[{,]\s?peak_allocated:\s?(-?\d{1,20})\b/,
} as const;

const fieldOf = (attr: string, name: keyof typeof FIELDS): number | null => {
  const found = FIELDS[name].exec(attr);
  return found === null ? null : Number(found[1]);
};
const isSize = (value: number | null): value is number =>
  value !== null && whyNot(value, MOST_BYTES) === null;

class MemScopeScan implements LineScan {
  private readonly gauges: GaugeSet;
  private readonly live = new Map<string, Live>();
  /** Bytes that live of the driver's, by device. */
  private readonly driver = new Map<string, number>();
  private readonly kinds = new Map<string, GaugeKind>();
  private readonly warnings: Warning[] = [];
  private isOpen = false;
  private rows = 0;
  private skipped = 0;
  private foreignFrees = 0;

  constructor(private readonly times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  wants(): boolean {
    return this.isOpen;
  }

  take(line: LogLine): boolean {
    const { text } = line;
    if (HEADER.test(text)) {
      this.isOpen = true;
      return true;
    }
    if (!this.isOpen || text.length > LONGEST) return false;
    if (!ROW.test(text))
      return /^"?\d{1,15}"?,"?(?:SYSTEM|ACCESS|OP_LAUNCH|KERNEL_LAUNCH|MSTX|OOM_DETAIL)"?,/.test(text);
    const { cells } = splitCsv(text);
    if (cells.length < 10 || !/^\d{10,20}$/.test(cells[4])) {
      this.skip('A row with too few columns, or without a time, was left out.', line.offset);
      return true;
    }
    this.prime(line, cells[4]);
    if (cells[1] === 'SNAPSHOT') this.snapshot(line, cells);
    else this.event(line, cells);
    return true;
  }

  /** Nanoseconds since 1970 as a time that lines have. */
  private prime(line: LogLine, digits: string): void {
    const whole = BigInt(digits);
    const date = new Date(Number(whole / 1_000_000n));
    if (Number.isNaN(date.getTime())) return;
    const fraction = String(whole % 1_000_000_000n).padStart(9, '0');
    this.times.prime(line, `${date.toISOString().slice(0, 19)}.${fraction}Z`);
  }

  private event(line: LogLine, cells: readonly string[]): void {
    const [, event, type, , , , , device, ptr, attr] = cells;
    const size = fieldOf(attr, 'size');
    const key = `${device}\n${type}\n${ptr}`;
    if (event === 'MALLOC' && !isSize(size)) {
      this.skip('A size below 0, above 2^50 or missing was left out.', line.offset);
      return;
    }
    this.rows++;
    this.gauges.at(line);
    if (event === 'MALLOC' && isSize(size)) {
      this.live.set(key, { device, type, bytes: size, place: placeOf(cells[10] ?? '', attr) });
      if (type === 'HAL') this.driver.set(device, (this.driver.get(device) ?? 0) + size);
    } else {
      const held = this.live.get(key);
      if (held === undefined) this.foreignFrees++;
      else if (type === 'HAL') this.driver.set(device, (this.driver.get(device) ?? 0) - held.bytes);
      this.live.delete(key);
    }
    if (type === 'HAL')
      this.add('driver.live', 'Taken from the driver', device, this.driver.get(device) ?? 0, type);
    if (!Object.hasOwn(POOLS, type)) return;
    this.add('memory_allocated', 'Allocated', device, fieldOf(attr, 'used'), type);
    this.add('memory_reserved', 'Reserved', device, fieldOf(attr, 'total'), type);
  }

  /** What torch_npu and the driver said at a moment of the program's choice. */
  private snapshot(line: LogLine, cells: readonly string[]): void {
    const device = cells[7];
    const attr = cells[9];
    this.rows++;
    this.gauges.at(line);
    const total = fieldOf(attr, 'total_mem');
    const free = fieldOf(attr, 'free_mem');
    this.add('memory.total', 'Memory total', device, total, '');
    if (total !== null && free !== null)
      this.add('memory.used', 'Memory used', device, total - free, '', 'computed: total - free');
    this.add('memory_reserved', 'Reserved', device, fieldOf(attr, 'reserved'), 'SNAPSHOT');
    this.add('memory_allocated', 'Allocated', device, fieldOf(attr, 'allocated'), 'SNAPSHOT');
    this.add('max_memory_reserved', 'Peak reserved', device, fieldOf(attr, 'peak_reserved'), 'SNAPSHOT');
    this.add('max_memory_allocated', 'Peak allocated', device, fieldOf(attr, 'peak_allocated'), 'SNAPSHOT');
  }

  private add(
    id: string,
    label: string,
    device: string,
    value: number | null,
    pool: string,
    note: string | null = null,
  ): void {
    if (value === null) return;
    if (!isSize(value)) {
      this.skipped++;
      return;
    }
    const key = `${id} ${device} ${pool}`;
    const isHost = !/^\d{1,3}$/.test(device);
    const kind = this.kinds.get(key) ?? {
      id,
      label: Object.hasOwn(POOLS, pool) ? `${label} (${POOLS[pool]})` : label,
      unit: 'bytes' as const,
      device: isHost ? null : Number(device),
      labels: { ...(pool === '' ? {} : { pool }), ...(isHost ? { device_type: 'CPU' } : {}) },
      note,
    };
    this.kinds.set(key, kind);
    this.gauges.add(kind, value, 0);
  }

  private skip(message: string, offset: number): void {
    if (++this.skipped <= LISTED) this.warnings.push({ message, offset });
  }

  end(): SourceData | null {
    if (this.rows === 0) return null;
    const { gauges, clock, notRecorded } = this.gauges.build();
    const table = this.table();
    return sourceData({
      producer: 'msMemScope (Ascend)',
      rows: this.rows,
      skipped: this.skipped,
      warnings: this.warnings,
      notRecorded: [
        ...notRecorded,
        ...(this.foreignFrees > 0
          ? [
              `${this.foreignFrees} releases are of what was allocated before the recording began: what lived then is not in the sums of the driver.`,
            ]
          : []),
        "On an NPU, too, PyTorch writes snapshots, which hold every allocation with its stack: torch_npu.npu.memory._record_memory_history(), torch_npu.npu.memory._dump_snapshot('snapshot.pickle').",
      ],
      readings: { clock, gauges, tables: table === null ? [] : [table] },
    });
  }

  /** What lives at the end, by pool and place. */
  private table(): DataTable | null {
    const places = new Map<string, { readonly one: Live; count: number; bytes: number }>();
    for (const one of this.live.values()) {
      const key = `${one.device}\n${one.type}\n${one.place}`;
      const sum = places.get(key);
      if (sum === undefined) places.set(key, { one, count: 1, bytes: one.bytes });
      else {
        sum.count++;
        sum.bytes += one.bytes;
      }
    }
    if (places.size === 0) return null;
    const rows = [...places.values()].sort((a, b) => b.bytes - a.bytes).slice(0, MOST_PLACES);
    return {
      id: 'msmemscope.live',
      title: 'What lives at the end, by pool and place',
      note: `allocated in the recording and not released in it; pools take their memory from HAL, so the two are not added${places.size > MOST_PLACES ? `; the largest ${MOST_PLACES} of ${places.size}` : ''}`,
      columns: [
        { name: 'Device', unit: 'text' },
        { name: 'Pool', unit: 'text' },
        { name: 'Allocations', unit: 'count' },
        { name: 'Bytes', unit: 'bytes' },
        { name: 'Place', unit: 'text' },
      ],
      rows: rows.map(({ one, count, bytes }) => [one.device, one.type, count, bytes, one.place]),
    };
  }

  title(): string {
    return 'msMemScope dump';
  }
}

/** The innermost line of the Python stack, else the owner that was named. */
function placeOf(stack: string, attr: string): string {
  const line = stack.split(/\\n|\n|;/).find((part) => part.trim() !== '');
  const owner = /[{,]\s?owner:\s?([^,}]{1,200})/.exec(attr)?.[1] ?? '';
  return (line ?? owner).trim().slice(0, LONGEST_PLACE);
}

export const msMemScopeScanner: LineScanner = {
  format: 'memory-lines',
  title: 'msMemScope dump (Ascend)',
  needles: ['timestamp(ns)'],
  sniff(lines) {
    return lines.some((line) => HEADER.test(line))
      ? { score: 0.95, reason: 'the header of an msMemScope dump' }
      : { score: 0, reason: 'no header of msMemScope' };
  },
  start: (_fileName, times = new LogTimes()) => new MemScopeScan(times),
};
