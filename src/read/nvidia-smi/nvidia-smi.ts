/**
 * What nvidia-smi prints, alone or between the lines of any log: https://docs.nvidia.com/deploy/nvidia-smi/
 *   --query-gpu, --query-compute-apps, --query-accounted-apps, --query-retired-pages with --format=csv, with and
 *   without header, units and timestamps (nvidia-smi-query.ts, nvidia-smi-headerless.ts); dmon and pmon
 *   (nvidia-smi-monitor.ts); the plain table (nvidia-smi-table.ts); of -q the memory (nvidia-smi-detail.ts); -L.
 * Lines like `=== 2026-11-21 09:12:29 ===` between samples are their times. Times have no zone (clock
 * 'local'), but for seconds since 1970 (clock 'wall').
 *
 * Not read: --format=xml (-x), topo, nvlink, daemon and accounting replays. Columns that are neither memory nor
 * load, power, temperature or clock are named in the settings. Names of hosts and serial numbers are left out.
 */
import { formatInteger } from '../../base/units.ts';
import type { SourceData } from '../../trace/capture.ts';
import type { Gauge, LogEvent } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { LogLine, RawLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { isPlain } from '../lines/byte-lines.ts';
import { SmiDetailRows } from './detail.ts';
import { SmiHeaderlessRows } from './headerless.ts';
import { SmiMonitorRows } from './monitor.ts';
import { SmiProcesses } from './processes.ts';
import { SmiQueryRows } from './query.ts';
import { SmiSamples } from './samples.ts';
import { SmiTableRows } from './table.ts';
import { howMuchText } from './untold.ts';
import { LONGEST_TIME, nanoseconds, separatorTime } from '../lines/printed-time.ts';
import type { Sniff } from '../reader.ts';

const LINE_LENGTH = 65536;
const LISTED_COLUMNS = 40;
const MOST_FAILURES = 100;

const LISTED_GPU = /^GPU (\d{1,3}): (\S.{0,79}?) \(UUID: (GPU-[\w/-]{1,80})\)$/;
const LISTED_MIG = /^ +MIG \S+ +Device +\d+: \(UUID: MIG-[\w/-]{1,80}\)$/;
const FAILURE =
  /^(?:Failed to initialize NVML: |NVIDIA-SMI has failed because |Unable to determine the device handle for GPU|No devices were found$)/;

/** What lines hold that are taken among those of others (see wants()). */
const NEEDLES = [
  ' MiB',
  'NVSMI LOG',
  'mem_',
  'memory_',
  'memory used',
  'vram_',
  'fb_used',
  '_bytes.',
  'NVIDIA-SMI',
  'memory.',
  'utilization.',
  'used_gpu_memory',
  'used_memory [',
  'max_memory_usage',
  'gpu_utilization [',
  'power.draw',
  'temperature.gpu',
  'clocks.',
  'retired_pages.',
  '(UUID: GPU-',
  '(UUID: MIG-',
  'NVIDIA System Management Interface',
  'Failed to initialize NVML',
  'Unable to determine the device handle',
  'No devices were found',
];

const WHO =
  'nvidia-smi --query-compute-apps=timestamp,gpu_uuid,pid,process_name,used_gpu_memory --format=csv -l 1';
const HOW_MUCH =
  'nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total,utilization.gpu --format=csv -l 1';

class SmiScan implements LineScan {
  /** What of nvidia-smi was recognised, for the reason of a sniff. */
  readonly seen = new Set<string>();
  private readonly samples = new SmiSamples();
  private readonly processes = new SmiProcesses(this.samples);
  private readonly query = new SmiQueryRows(this.samples, this.processes);
  private readonly headerless = new SmiHeaderlessRows(this.samples, this.processes);
  private readonly monitor = new SmiMonitorRows(this.samples, this.processes);
  private readonly table = new SmiTableRows(this.samples, this.processes);
  private readonly detail = new SmiDetailRows(this.samples, this.processes);
  private readonly failures: LogEvent[] = [];
  /** Nothing but lines of nvidia-smi so far. */
  private pure = true;
  /** A line of something else came since the last line of nvidia-smi. */
  private loose = false;
  private inBlock = false;
  /** Ordinal of the row since the last separator or header. */
  private blockRow = 0;
  private lastRow: 'csv' | 'other' = 'other';

  /** Besides lines with needles: what begins as rows, headers and times do, as far as any could be one where it stands. */
  wants(line: RawLine): boolean {
    const { bytes, from, to, firstByte: first } = line;
    const length = to - from;
    if (this.pure || (this.inBlock && !this.loose) || this.detail.isOpen) return true;
    if (length > LINE_LENGTH || !isPlain(first)) return true;
    if (first === 0x7c || first === 0x2b) return this.table.isOpen;
    if (first === 0x23 || first === 0x3d || first === 0x2d) return true;
    // "2026/", or what cannot be judged by its bytes.
    for (let i = from; i < from + 5 && i < to; i++) if (bytes[i] >= 128) return true;
    if (bytes[from + 4] === 0x2f || (!this.loose && this.query.isOpen)) return true;
    if (first >= 0x30 && first <= 0x39) return this.monitor.isOpen || mayBeTime(line);
    return length <= 180 && isWeekday(line);
  }

  pass(): void {
    this.loose = true;
    this.pure = false;
    this.inBlock = false;
    this.table.other();
  }

  take({ text, offset }: LogLine): boolean {
    if (text.length > LINE_LENGTH) {
      this.pure = false;
      return false;
    }
    const first = firstCode(text);
    if (first < 0) return false;
    const taken = this.dispatch(text, offset, first);
    if (taken) this.loose = false;
    else this.pass();
    return taken;
  }

  end(_offset: number, cut: boolean): SourceData | null {
    this.headerless.end();
    if (this.seen.size === 0 && this.samples.rows === 0 && this.samples.skipped === 0) return null;
    const { samples } = this;
    if (cut && this.lastRow === 'csv') {
      samples.warnings.add(
        'The text ends in the middle of a line: the last figure of the last row may have lost digits.',
        null,
      );
    }
    const gauges = samples.gauges();
    const processes = this.processes.table();
    if (samples.rows === 0)
      samples.warnings.add('There is a header of nvidia-smi and no row of figures.', null);
    const driver = this.table.driver ?? this.query.driver;
    return sourceData({
      producer: this.isOwn
        ? 'A monitor (CSV, columns known by their words)'
        : driver === null
          ? 'nvidia-smi'
          : `nvidia-smi, driver ${driver}`,
      rows: samples.rows,
      skipped: samples.skipped,
      notRecorded: this.notRecorded(gauges, processes !== null),
      settings: this.settings(driver, processes === null),
      readings: {
        clock: samples.clock,
        gauges,
        tables: [...(processes === null ? [] : [processes]), ...this.query.tables()],
        events: this.failures,
      },
      // Last, since the figures above add to them.
      warnings: samples.warnings.list(),
    });
  }

  title(): string | null {
    return this.isOwn ? 'Table of a monitor' : null;
  }

  private get isOwn(): boolean {
    return this.query.isOwn && this.seen.size === 1 && this.seen.has('csv');
  }

  /** `first`: code of the first character that is no space. */
  private dispatch(text: string, offset: number, first: number): boolean {
    if (this.detail.row(text, offset)) return this.see('-q');
    if (first === 0x7c || first === 0x2b) return this.table.row(text, offset) && this.see('table');
    if (first === 0x23) {
      if (this.monitor.header(text)) return this.see('dmon or pmon');
      if (text.includes('nvidia-smi')) this.monitor.command(text);
      return this.separator(text);
    }
    if (first === 0x3d || first === 0x2d) return this.separator(text) || this.row(text, offset);
    if (first >= 0x30 && first <= 0x39) {
      return this.row(text, offset) || (!text.includes(',') && this.separator(text));
    }
    if (this.query.header(text)) {
      this.blockRow = 0;
      return this.see('csv');
    }
    return this.row(text, offset) || this.words(text, offset);
  }

  private see(what: string): true {
    this.seen.add(what);
    this.lastRow = what === 'csv' ? 'csv' : 'other';
    return true;
  }

  private separator(text: string): boolean {
    const time = separatorTime(text);
    // Ten digits alone are Unix time in few logs and a number in many.
    if (time === null || /^\s*\d{10}/.test(text)) return false;
    this.samples.saw(time.ms, { headsBlock: true });
    this.inBlock = true;
    this.blockRow = 0;
    return true;
  }

  private row(text: string, offset: number): boolean {
    if (this.monitor.row(text, offset)) return this.see('dmon or pmon');
    // Outside a block rows follow each other in time; in one they are GPUs beside each other.
    const row = this.inBlock ? this.blockRow : 0;
    if (this.query.row(text, offset, this.loose, row)) {
      this.blockRow++;
      return this.see('csv');
    }
    if (!this.headerless.row(text, offset, this.pure || (this.inBlock && !this.loose), row)) return false;
    this.blockRow++;
    this.lastRow = 'csv';
    if (text.includes(' MiB')) this.seen.add('csv without header');
    return true;
  }

  private words(text: string, offset: number): boolean {
    if (text.length > 300) return false;
    if (this.table.time(text)) {
      this.inBlock = true;
      this.blockRow = 0;
      return true;
    }
    const gpu = LISTED_GPU.exec(text);
    if (gpu) {
      this.samples.names.set(gpu[1], gpu[2]);
      this.samples.identify(Number(gpu[1]), gpu[3]);
      return this.see('-L');
    }
    if (LISTED_MIG.test(text)) return true;
    const isTitle =
      text.startsWith('NVIDIA-SMI version ') || text.startsWith('NVIDIA System Management Interface ');
    if (isTitle) return this.see('version');
    if (!FAILURE.test(text)) return false;
    if (this.failures.length < MOST_FAILURES) {
      const { lastMs } = this.samples;
      this.failures.push({
        kind: 'other',
        time_ns: lastMs === null ? null : nanoseconds(lastMs),
        device: null,
        text: text.slice(0, 200),
        figures: {},
        offset,
      });
    }
    this.samples.warnings.add(`nvidia-smi failed: ${text.slice(0, 200)}`, offset);
    return this.see('failure');
  }

  private settings(driver: string | null, hasNoProcess: boolean): [string, string][] {
    const { samples } = this;
    const settings: [string, string][] = [];
    if (this.table.emptyLists > 0 && hasNoProcess) settings.push(['Processes listed', 'none']);
    if (driver !== null) settings.push(['Driver', driver]);
    for (const [which, name] of [...samples.names].slice(0, 64)) {
      const index = /^\d{1,3}$/.test(which) ? which : samples.indexOf(which);
      // The same GPU under its bus id, where its index is known, is one line.
      if (index === null || String(index) === which || !samples.names.has(String(index))) {
        settings.push([which === '' ? 'GPU' : `GPU ${index ?? which}`, name]);
      }
    }
    for (const [text, count] of samples.missing) {
      settings.push([`Figures that read ${text === '' ? 'nothing' : text}`, formatInteger(count)]);
    }
    const unshown = [...this.query.unshown, ...this.monitor.unshown];
    if (unshown.length > 0) {
      const more = unshown.length > LISTED_COLUMNS ? ` and ${unshown.length - LISTED_COLUMNS} more` : '';
      settings.push(['Columns read and not shown', unshown.slice(0, LISTED_COLUMNS).join(', ') + more]);
    }
    if (this.detail.unshown > 0) {
      settings.push(['Lines of nvidia-smi -q not shown', formatInteger(this.detail.unshown)]);
    }
    return settings;
  }

  private notRecorded(gauges: readonly Gauge[], hasProcesses: boolean): string[] {
    const told = [
      'nvidia-smi tells how much memory the driver has given out, which includes what PyTorch caches and does not use. ' +
        "Which allocations make it up is in a snapshot: torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot('snapshot.pickle') after.",
    ];
    if (!gauges.some(({ id }) => id === 'memory.used')) {
      const { names, silent } = this.samples;
      told.push(...howMuchText(gauges, names.values(), silent.has('memory.used'), HOW_MUCH));
    }
    if (!hasProcesses && this.table.emptyLists === 0)
      told.push(`Which process holds the memory is not in here. To record it: ${WHO}`);
    if (this.samples.clock === 'none') {
      told.push(
        'The samples carry no times, so they are numbered. To have them: --query-gpu=timestamp,..., or dmon -o DT.',
      );
    }
    if (this.query.anonymous + this.headerless.anonymous > 0) {
      told.push(
        'Rows do not say which GPU they are about; several GPUs would share one series. To have it: --query-gpu=index,...',
      );
    }
    return told;
  }
}

/** Whether a line that begins with a digit may be a time and nothing else, framed or not. */
function mayBeTime({ bytes, from, to }: RawLine): boolean {
  let at = from;
  while (bytes[at] === 32 || bytes[at] === 9) at++;
  if (to - at <= LONGEST_TIME) return true;
  // So far behind its beginning there is only its frame, of `=`, `-`, `#` and white space.
  const byte = bytes[at + LONGEST_TIME];
  return !isPlain(byte) || byte === 0x3d || byte === 0x2d || byte === 0x23;
}

/** "Tue ", of the time above a table. */
function isWeekday({ bytes, from, to }: RawLine): boolean {
  let at = from;
  while (at < to && (bytes[at] === 32 || bytes[at] === 9)) at++;
  return bytes[at + 3] === 32 && 'MTWFS'.includes(String.fromCharCode(bytes[at]));
}

function firstCode(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== 32 && code !== 9 && code !== 0xfeff) return code;
  }
  return -1;
}

function sniff(lines: readonly string[]): Sniff {
  const scan = new SmiScan();
  let offset = 0;
  let taken = 0;
  let all = 0;
  for (const text of lines) {
    if (text.trim() !== '') all++;
    if (scan.take({ text, offset })) taken++;
    offset += text.length + 1;
  }
  const data = scan.end(offset, false);
  if (data === null) return { score: 0, reason: 'no line of nvidia-smi' };
  const share = all === 0 ? 0 : taken / all;
  if (scan.seen.size > 0) {
    const reason = `${taken} of ${all} lines are nvidia-smi's (${[...scan.seen].join(', ')})`;
    return { score: share >= 0.5 ? 0.92 : 0.6, reason };
  }
  if (data.rows === 0) return { score: 0, reason: 'numbers that cannot be GPU memory' };
  return {
    score: share > 0.9 ? 0.55 : 0.2,
    reason: 'rows of numbers as nvidia-smi prints them with noheader,nounits',
  };
}

export const nvidiaSmiScanner: LineScanner = {
  format: 'nvidia-smi',
  title: 'nvidia-smi',
  needles: NEEDLES,
  sniff,
  start: () => new SmiScan(),
};
