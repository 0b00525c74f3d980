/**
 * Rows of `nvidia-smi dmon` and `nvidia-smi pmon`: two lines with # name the columns and their units, again and
 * again, in an order that follows the options. "MB" there means MiB; "-" is a missing figure.
 *   # gpu     fb   bar1   ccpm     sm    mem    enc    dec    jpg    ofa
 *   # Idx     MB     MB     MB      %      %      %      %      %      %
 *       0   4199   4200      0      7      2      0      0      0      0
 */
import { lookup } from '../../base/lookup.ts';
import {
  BAR1_USED,
  CLOCK_GPU,
  CLOCK_MEMORY,
  engineBusy,
  GPU_TEMPERATURE,
  MEMORY_TEMPERATURE,
  MEMORY_USED,
  POWER_DRAW,
  PROTECTED_USED,
  UTILIZATION_GPU,
  UTILIZATION_MEMORY,
} from './columns.ts';
import type { SmiProcesses } from './processes.ts';
import type { Quantity, Series, SmiSamples } from './samples.ts';
import { monitorTime } from '../lines/printed-time.ts';

const HEADER = /^\s*#\s*(?:(?:Date|Time)\s+){0,2}gpu\s+/;
const UNITS = /^\s*#\s*(?:(?:YYYYMMDD|HH:MM:SS)\s+){0,2}Idx\s+/;
const MONITOR_LENGTH = 500;
const DAY_MS = 86_400_000;

const FIGURES: Readonly<Record<string, Quantity>> = lookup({
  fb: { ...MEMORY_USED, label: 'Memory used (fb)' },
  bar1: BAR1_USED,
  ccpm: PROTECTED_USED,
  sm: UTILIZATION_GPU,
  mem: UTILIZATION_MEMORY,
  enc: engineBusy('encoder'),
  dec: engineBusy('decoder'),
  jpg: engineBusy('jpeg'),
  ofa: engineBusy('ofa'),
  pwr: POWER_DRAW,
  gtemp: GPU_TEMPERATURE,
  mtemp: MEMORY_TEMPERATURE,
  mclk: CLOCK_MEMORY,
  pclk: CLOCK_GPU,
});
const DMON_LABELS = { tool: 'dmon' };
const PMON_LABELS = { tool: 'pmon' };

export class SmiMonitorRows {
  readonly unshown = new Set<string>();
  /** Samples without date and time. */
  untimed = 0;
  private columns: readonly string[] | null = null;
  /** What each column is; null: none of ours. */
  private figures: readonly (Quantity | null)[] = [];
  private gpuAt = -1;
  /** Series by column, of each GPU under the header in force. */
  private readonly series = new Map<number, (Series | null)[]>();
  private isProcesses = false;
  private dateAt = -1;
  private timeAt = -1;
  private intervalMs = 1000;
  /** Start of the day that rows with a time alone belong to. */
  private day: number | null = null;
  private lastOfDay = -1;

  constructor(
    private readonly samples: SmiSamples,
    private readonly processes: SmiProcesses,
  ) {}

  /** "nvidia-smi dmon -s mu -d 5": the command line, where a log has it, tells the interval. */
  command(text: string): void {
    const match = /nvidia-smi\s+[dp]mon\b.{0,200}?\s-d\s*(\d{1,4})\b/.exec(text.slice(0, 400));
    this.intervalMs = match === null ? 1000 : Math.max(1, Number(match[1])) * 1000;
  }

  /** A header has said what rows are. */
  get isOpen(): boolean {
    return this.columns !== null;
  }

  header(text: string): boolean {
    if (text.length > MONITOR_LENGTH) return false;
    if (UNITS.test(text)) return this.columns !== null;
    if (!HEADER.test(text)) return false;
    const columns = text.replace('#', ' ').trim().split(/\s+/);
    this.columns = columns;
    this.figures = columns.map((name) => (Object.hasOwn(FIGURES, name) ? FIGURES[name] : null));
    this.gpuAt = columns.indexOf('gpu');
    this.series.clear();
    this.isProcesses = columns.includes('pid');
    this.dateAt = columns.indexOf('Date');
    this.timeAt = columns.indexOf('Time');
    for (const name of columns) {
      const isKnown = Object.hasOwn(FIGURES, name) && !(this.isProcesses && name !== 'fb');
      if (!isKnown && !/^(?:Date|Time|gpu|pid|type|command)$/.test(name))
        this.unshown.add(`${this.isProcesses ? 'pmon' : 'dmon'} ${name}`);
    }
    return true;
  }

  row(text: string, offset: number): boolean {
    const { columns } = this;
    if (columns === null || text.length > MONITOR_LENGTH) return false;
    const cells = text.trim().split(/\s+/);
    if (cells.length < 2 || !this.isRow(cells, columns)) return false;
    if (cells.length < columns.length || (!this.isProcesses && cells.length > columns.length)) {
      this.samples.skip(
        'A row of nvidia-smi dmon or pmon with too few or too many figures was left out.',
        offset,
      );
      return true;
    }
    this.samples.rows++;
    const ms = this.timeOf(cells, offset);
    const gpu = { index: Number(cells[this.gpuAt]), uuid: null, bus: null };
    if (this.isProcesses) {
      this.keepProcess(cells, columns, { gpu, ms, labels: PMON_LABELS, offset });
      return true;
    }
    if (ms === null) this.untimed++;
    const place = { gpu, ms, labels: DMON_LABELS, offset };
    let ofGpu = this.series.get(gpu.index);
    if (ofGpu === undefined) this.series.set(gpu.index, (ofGpu = columns.map(() => null)));
    for (let i = 0; i < columns.length; i++) {
      const quantity = this.figures[i];
      if (quantity === null) continue;
      const isMissing = cells[i] === '-';
      if (isMissing) this.samples.isMissing('-');
      ofGpu[i] ??= this.samples.seriesOf(quantity, place, this.intervalMs);
      const series = ofGpu[i];
      if (series !== null) this.samples.addTo(series, ms, isMissing ? NaN : Number(cells[i]), 1);
    }
    return true;
  }

  /** Date, time and GPU where they should be, and nothing but figures after them. */
  private isRow(cells: readonly string[], columns: readonly string[]): boolean {
    for (let i = 0; i < cells.length && i < columns.length; i++) {
      const cell = cells[i];
      if (i === this.dateAt) {
        if (!/^\d{8}$/.test(cell)) return false;
      } else if (i === this.timeAt) {
        if (!/^\d\d:\d\d:\d\d$/.test(cell)) return false;
      } else if (columns[i] === 'gpu') {
        if (!/^\d{1,3}$/.test(cell)) return false;
      } else if (columns[i] === 'command') return true;
      else if (columns[i] !== 'type' && !/^(?:-|\d{1,12}(?:\.\d{1,6})?)$/.test(cell)) return false;
    }
    return true;
  }

  private keepProcess(
    cells: readonly string[],
    columns: readonly string[],
    place: Parameters<SmiProcesses['add']>[0],
  ): void {
    const cell = (name: string): string | null => {
      const at = columns.indexOf(name);
      return at < 0 ? null : cells[at];
    };
    const pid = cell('pid');
    // A GPU without processes has a row of dashes.
    if (pid === null || pid === '-') return;
    const commandAt = columns.indexOf('command');
    const name = commandAt < 0 ? '' : cells.slice(commandAt).join(' ');
    const fb = cell('fb');
    const mebibytes = fb === null ? null : fb === '-' ? NaN : Number(fb);
    if (fb === '-') this.samples.isMissing('-');
    this.processes.add(place, pid, name, cell('type'), mebibytes, this.intervalMs);
  }

  private timeOf(cells: readonly string[], offset: number): number | null {
    if (this.timeAt < 0) return null;
    const time = cells[this.timeAt];
    let ms: number | null;
    if (this.dateAt >= 0) ms = monitorTime(`${cells[this.dateAt]} ${time}`);
    else {
      // `-o T` prints no date: that of the last time printed, else 1970, and a new day when time falls back.
      const [hours, minutes, seconds] = time.split(':').map(Number);
      const ofDay = ((hours * 60 + minutes) * 60 + seconds) * 1000;
      if (this.day === null) {
        this.day = Math.floor((this.samples.lastMs ?? 0) / DAY_MS) * DAY_MS;
        this.samples.warnings.add(
          'nvidia-smi dmon -o T prints times without a date: the day is not known. -o DT prints both.',
          offset,
        );
      } else if (ofDay < this.lastOfDay - DAY_MS / 2) this.day += DAY_MS;
      this.lastOfDay = ofDay;
      ms = this.day + ofDay;
    }
    if (ms === null) this.samples.warnings.add('A date that no calendar has.', offset);
    else this.samples.saw(ms);
    return ms;
  }
}
