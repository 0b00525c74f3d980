/**
 * The plain table of `nvidia-smi`, with its blocks of MIG devices and of processes:
 *   Tue Jul 14 09:00:43 2026
 *   | NVIDIA-SMI 590.48.01              Driver Version: 590.48.01      CUDA Version: 13.1     |
 *   |   0  NVIDIA H100 80GB HBM3          On  |   00000000:00:09.0 Off |                   On |
 *   | N/A   52C    P0            432W /  700W |   11125MiB /  81559MiB |     N/A      Default |
 *   |  0    2   0   0  |           11091MiB / 40448MiB    | 60      0 |  3   0    3    0    3 |
 *   |    0    2    0            21180      C   python                                2296MiB |
 */
import {
  BAR1_TOTAL,
  BAR1_USED,
  GPU_TEMPERATURE,
  MEMORY_TOTAL,
  MEMORY_USED,
  POWER_DRAW,
  POWER_LIMIT,
  UTILIZATION_GPU,
} from './columns.ts';
import type { SmiProcesses } from './processes.ts';
import type { Quantity, RowPlace, SmiSamples } from './samples.ts';
import { weekdayTime } from '../lines/printed-time.ts';

const ROW_LENGTH = 300;
const TITLE = /^\| NVIDIA-SMI ([\w.]+) +(?:(?:KMD|Driver) Version: ([\w.]+))?/;
const GPU = /^\| {1,4}(\d{1,3}) {1,4}(\S[^|]*?) *\| *([0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.\d)/;
const USAGE =
  /^\|([^|]*)\| *(?:(\d{1,20})MiB *\/ *(\d{1,20})MiB|(N\/A|Not Supported|ERR!)) *\| *(?:(\d{1,3})%|(\S+))/;
const MIG = /^\| *(\d{1,3}) +(\d{1,4}|N\/A) +(\d{1,4}|N\/A) +(\d{1,4}) *\| *(\d{1,9})MiB *\/ *(\d{1,9})MiB/;
const MIG_BAR1 = /^\| *\| *(\d{1,9})MiB *\/ *(\d{1,9})MiB/;
const PROCESS =
  /^\| *(\d{1,3}) +(?:(\d{1,4}|N\/A) +(\d{1,4}|N\/A) +)?(\d{1,10}) +([CGM](?:\+[CGM])*) +(\S.*?) +(?:(\d{1,20})MiB|(N\/A)) *\|$/;
const TABLE = { tool: 'table' };

export class SmiTableRows {
  driver: string | null = null;
  tables = 0;
  /** Lists of processes that say of themselves that they are empty. */
  emptyLists = 0;
  private section: 'none' | 'gpus' | 'mig' | 'processes' = 'none';
  private gpu: number | null = null;
  private migPlace: RowPlace | null = null;

  constructor(
    private readonly samples: SmiSamples,
    private readonly processes: SmiProcesses,
  ) {}

  /** Within a table. */
  get isOpen(): boolean {
    return this.section !== 'none';
  }

  /** The line with the time above a table. */
  time(text: string): boolean {
    const time = text.length > 60 ? null : weekdayTime(text.trim());
    if (time === null) return false;
    this.samples.saw(time.ms, { headsBlock: true });
    return true;
  }

  row(text: string, offset: number): boolean {
    if (text.length > ROW_LENGTH) return false;
    const line = text.trimEnd();
    const title = TITLE.exec(line);
    if (title) {
      this.section = 'gpus';
      this.gpu = null;
      this.driver ??= title[2] ?? title[1];
      this.tables++;
      return true;
    }
    if (this.section === 'none') return false;
    if (line.startsWith('+') || line.startsWith('|=') || line.startsWith('|-'))
      return /^[+|][-=+|]+$/.test(line);
    if (/^\| (?:MIG devices|Processes):/.test(line)) {
      this.section = line.startsWith('| MIG') ? 'mig' : 'processes';
      this.gpu = null;
      this.migPlace = null;
      return true;
    }
    if (!line.startsWith('|') || !line.endsWith('|')) {
      if (!line.startsWith('|')) return false;
      this.samples.skip('A row of the table of nvidia-smi is cut and was left out.', offset);
      return true;
    }
    if (this.section === 'gpus') this.gpuRow(line, offset);
    else if (this.section === 'mig') this.migRow(line, offset);
    else this.processRow(line, offset);
    return true;
  }

  /** A line of something else ends the table. */
  other(): void {
    this.section = 'none';
  }

  private place(index: number, labels: RowPlace['labels'], offset: number): RowPlace {
    return { gpu: { index, uuid: null, bus: null }, ms: null, labels, offset };
  }

  private add(quantity: Quantity, place: RowPlace, text: string | undefined, digit = 1): void {
    if (text !== undefined) this.samples.add(quantity, place, Number(text), digit);
  }

  private gpuRow(line: string, offset: number): void {
    const gpu = GPU.exec(line);
    if (gpu) {
      this.gpu = Number(gpu[1]);
      this.samples.identify(this.gpu, gpu[3]);
      this.samples.names.set(gpu[1], gpu[2].replace(/(?<! ) +(?:On|Off|N\/A|WDDM|TCC|MCDM)$/, '').trimEnd());
      return;
    }
    if (this.gpu === null) return;
    const usage = USAGE.exec(line);
    if (!usage) return;
    this.samples.rows++;
    const place = this.place(this.gpu, TABLE, offset);
    this.gpu = null;
    if (usage[4] !== undefined) {
      this.samples.isMissing(usage[4]);
      this.samples.add(MEMORY_USED, place, NaN, 1);
    }
    this.add(MEMORY_USED, place, usage[2]);
    this.add(MEMORY_TOTAL, place, usage[3]);
    if (usage[5] !== undefined) this.add(UTILIZATION_GPU, place, usage[5]);
    else if (usage[6] === 'N/A') {
      this.samples.isMissing('N/A');
      this.samples.add(UTILIZATION_GPU, place, NaN, 1);
    }
    this.add(GPU_TEMPERATURE, place, / (\d{1,3})C /.exec(usage[1])?.[1]);
    this.add(POWER_DRAW, place, / (\d{1,5})W \//.exec(usage[1])?.[1]);
    this.add(POWER_LIMIT, place, / \/ {0,4}(\d{1,5})W /.exec(usage[1])?.[1]);
  }

  private migRow(line: string, offset: number): void {
    const mig = MIG.exec(line);
    if (mig) {
      this.samples.rows++;
      const labels = { tool: 'table', 'mig.gi': mig[2], 'mig.ci': mig[3], 'mig.device': mig[4] };
      this.migPlace = this.place(Number(mig[1]), labels, offset);
      this.add(MEMORY_USED, this.migPlace, mig[5]);
      this.add(MEMORY_TOTAL, this.migPlace, mig[6]);
      return;
    }
    const bar1 = this.migPlace === null ? null : MIG_BAR1.exec(line);
    if (!bar1 || this.migPlace === null) return;
    this.add(BAR1_USED, this.migPlace, bar1[1]);
    this.add(BAR1_TOTAL, this.migPlace, bar1[2]);
    this.migPlace = null;
  }

  private processRow(line: string, offset: number): void {
    const row = PROCESS.exec(line);
    if (!row) {
      if (/\bNo running processes found\b/.test(line)) this.emptyLists++;
      if (/\dMiB *\|$/.test(line))
        this.samples.skip('A process in the table of nvidia-smi cannot be read and was left out.', offset);
      return;
    }
    this.samples.rows++;
    const isMig = row[2] !== undefined && row[2] !== 'N/A';
    const labels = isMig ? { tool: 'table', 'mig.gi': row[2], 'mig.ci': row[3] } : TABLE;
    if (row[7] === undefined) this.samples.isMissing('N/A');
    const place = this.place(Number(row[1]), labels, offset);
    this.processes.add(place, row[4], row[6], row[5], row[7] === undefined ? NaN : Number(row[7]));
  }
}
