/**
 * Reads system metrics that experiment trackers export as CSV: one column a GPU.
 *
 *   Weights & Biases, a panel or run.history(stream="events"):  system.gpu.0.memoryAllocatedBytes, bytes in use of the
 *     device as NVML counts them; gpu.process.0.*, the same of the GPUs that the run uses; __MIN and __MAX are left out
 *   MLflow:  system/gpu_0_memory_usage_megabytes, memory.used / 1e6
 *
 * https://github.com/wandb/wandb core/internal/monitor (gpu), https://github.com/mlflow/mlflow
 * mlflow/system_metrics/metrics/gpu_monitor.py. Not read: shares (memoryAllocated), the bus (gpu.0.memory), the host.
 */
import type { SourceData } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { splitCsv } from '../../file/csv.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';

interface TrackerColumn {
  readonly tracker: string;
  readonly pattern: RegExp;
  readonly scale: number;
}

const COLUMNS: readonly TrackerColumn[] = [
  {
    tracker: 'Weights & Biases',
    pattern: /^(?:(.{1,200}) - )?(?:system[./])?gpu\.(?:process\.)?(\d{1,3})\.memoryAllocatedBytes$/,
    scale: 1,
  },
  {
    tracker: 'MLflow',
    pattern: /^(?:(.{1,200}) - )?(?:system[./])?gpu_(\d{1,3})_memory_usage_megabytes$/,
    scale: 1e6,
  },
];
const TIME = /^(?:_timestamp|timestamp|Wall time|time|Time)$/;
const LONGEST = 65536;

interface Column {
  readonly at: number;
  readonly kind: GaugeKind;
  readonly scale: number;
}

class TrackerScan implements LineScan {
  private readonly gauges: GaugeSet;
  private columns: readonly Column[] = [];
  private timeAt = -1;
  private width = 0;
  private rows = 0;
  private skipped = 0;
  private readonly trackers = new Set<string>();
  private readonly kinds = new Map<string, GaugeKind>();

  constructor(private readonly times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  wants(): boolean {
    return this.columns.length > 0;
  }

  take(line: LogLine, isTaken = false): boolean {
    const { text } = line;
    if (isTaken || text.length > LONGEST || !text.includes(',')) return false;
    if (/memoryAllocatedBytes|_memory_usage_megabytes/.test(text) && this.header(text)) return true;
    return this.columns.length > 0 && this.row(line);
  }

  private header(text: string): boolean {
    const cells = splitCsv(text).cells;
    const columns = cells.flatMap((cell, at): Column[] => {
      for (const { tracker, pattern, scale } of COLUMNS) {
        const found = pattern.exec(cell.trim());
        if (found === null) continue;
        this.trackers.add(tracker);
        const run = found[1] as string | undefined;
        const key = `${found[2]}\n${run ?? ''}`;
        const kind = this.kinds.get(key) ?? {
          id: 'memory.used',
          label: 'Memory used',
          unit: 'bytes' as const,
          device: Number(found[2]),
          ...(run === undefined ? {} : { labels: { run: run.slice(0, 200) } }),
        };
        this.kinds.set(key, kind);
        return [{ at, kind, scale }];
      }
      return [];
    });
    if (columns.length === 0) return false;
    this.columns = columns;
    this.width = cells.length;
    this.timeAt = cells.findIndex((cell) => TIME.test(cell.trim()));
    return true;
  }

  private row(line: LogLine): boolean {
    const cells = splitCsv(line.text).cells;
    if (cells.length !== this.width) return false;
    const figures = this.columns.map(({ at }) => cells[at].trim());
    if (
      figures.some(
        (cell) => cell !== '' && !/^(?:\d{1,16}(?:\.\d{1,9})?(?:e\+?\d{1,2})?|NaN|nan|null)$/.test(cell),
      )
    )
      return false;
    this.prime(line, this.timeAt < 0 ? '' : cells[this.timeAt].trim());
    this.gauges.at(line);
    this.rows++;
    figures.forEach((cell, i) => {
      const { kind, scale } = this.columns[i];
      const value = Math.round(Number(cell) * scale);
      // An empty cell: this sample is another column's.
      if (cell === '' || Number.isNaN(value)) return;
      if (Number.isSafeInteger(value)) this.gauges.add(kind, value, scale === 1 ? 0 : scale / 10);
      else this.skipped++;
    });
    return true;
  }

  /** Seconds since 1970, or a date. */
  private prime(line: LogLine, time: string): void {
    const seconds = /^\d{10}(?:\.\d{1,9})?(?:e\+?9)?$/.test(time) ? Number(time) : NaN;
    this.times.prime(line, Number.isNaN(seconds) ? time : new Date(seconds * 1000).toISOString());
  }

  end(): SourceData | null {
    if (this.rows === 0) return null;
    const { gauges, clock, notRecorded } = this.gauges.build();
    return sourceData({
      producer: `${[...this.trackers].join(', ')} (system metrics as CSV)`,
      rows: this.rows,
      warnings:
        this.skipped === 0
          ? []
          : [
              {
                message: `${this.skipped} figures are larger than any device's memory and were left out.`,
                offset: null,
              },
            ],
      notRecorded: [
        ...notRecorded,
        'This is how much of each GPU the driver has given out, cached or in use, every few seconds; which allocations make it up is in a snapshot: torch.cuda.memory._record_memory_history(), torch.cuda.memory._dump_snapshot("snapshot.pickle").',
      ],
      readings: { clock, gauges },
    });
  }

  title(): string {
    return `System metrics of ${[...this.trackers].join(', ')}`;
  }
}

export const trackerCsvScanner: LineScanner = {
  format: 'nvidia-smi',
  title: 'System metrics of Weights & Biases or MLflow',
  needles: ['memoryallocatedbytes', '_memory_usage_megabytes'],
  sniff(lines) {
    const scan = new TrackerScan(new LogTimes());
    const count = lines.filter((text, offset) => scan.take({ text, offset })).length;
    return count < 2
      ? { score: 0, reason: "no table of an experiment tracker's system metrics" }
      : { score: 0.9, reason: `${count} rows of system metrics` };
  },
  start: (_fileName, times = new LogTimes()) => new TrackerScan(times),
};
