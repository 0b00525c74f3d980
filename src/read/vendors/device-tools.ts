/**
 * Reads what people paste in place of nvidia-smi: gpustat, rocm-smi, amd-smi, npu-smi, tegrastats. Used, total and
 * processes by device, as a table of shapes: what a line looks like and what its groups are.
 *
 *   [0] NVIDIA A100-SXM4-80GB | 41'C,  97 % | 78912 / 81920 MB | user1:python/30412(61320M)             gpustat
 *   0       2     0x66a1,   24391  34.0'C  19.0W  ...  225.0W  92%    0%                                rocm-smi
 *   GPU[0]  : VRAM Total Used Memory (B): 16592142080                                                    rocm-smi
 *   card0,0x0000000000000000,17163091968,16592142080,Navi 21                                             rocm-smi --csv
 *   |   0       0       7        SPX/NPS1 | 0 %        N/A        181204/196592 MB |                     amd-smi
 *   | 0                         | 0000:C1:00.0  | 0           0    / 0          3389 / 65536         |   npu-smi
 *   RAM 3456/15827MB (lfb 1x4MB) SWAP 0/7913MB ...                                                       tegrastats
 *   WARNING: VRAM at 92% - possible leak                                                                 vram_monitor.sh
 *
 * "MB" is 2^20 bytes in all of them: gpustat and npu-smi divide by 1024 * 1024, amd-smi and tegrastats likewise.
 * Not read: temperatures, clocks and power; JSON and XML forms.
 */
import { lookup } from '../../base/lookup.ts';
import type { SourceData } from '../../trace/capture.ts';
import type { DataTable, Gauge } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';
import { withoutHome } from '../lines/text-pass.ts';
import { type Shape, SHAPES } from './device-tool-shapes.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/**
 * Lines that are of these tools and hold no figure of the GPU's own memory: frames, what the processor sees of it, memory of
 * the host that the GPU may use.
 */
const FRAME =
  /^\s*(?:=+ .{0,80}(?:ROCm System Management|Concise Info|End of ROCm SMI)|\| AMD-SMI |\| npu-smi |(?:TOTAL|USED|FREE)_(?:VISIBLE_VRAM|GTT): \d{1,9} MB\s*$)/;
const NPU_HEAD =
  /^\|\s{1,4}(\d{1,3})\s{1,8}(\S{1,30})\s{1,30}\|\s{1,4}(?:OK|Warning|Alarm|Critical|UNKNOWN)\s/;
const AMD_HEAD = /^\|\s{1,4}[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d\s{1,30}(\S[^|]{1,40}?)\s{0,20}\|/;
const AMD_GPU = /^GPU: (\d{1,3})\s{0,8}$/;
const GPUSTAT_PROCESS =
  /([\w.+-]{1,40}):([^\s()/]{1,80})(?:\/(\d{1,9}))?\((\d{1,9}|\?)M\)|(?:^|\s)([\w.+-]{1,40})\((\d{1,9})M\)/g;
const CSV_HEAD = /^device,.*VRAM Total (?:Used )?Memory \(B\)/i;

const UNIT: Readonly<Record<string, number>> = lookup({
  ...{ B: 1, KB: 1024, MB: MIB, GB: GIB },
  ...{ Ki: 1024, Mi: MIB, Gi: GIB, Ti: 1024 * GIB },
  ...{ KiB: 1024, MiB: MIB, GiB: GIB, TiB: 1024 * GIB },
});

interface Holder {
  readonly gpu: string;
  readonly pid: string;
  readonly process: string;
  bytes: number | null;
}

/** Width of the last printed digit, in bytes. */
const widthOf = (digits: string, scale: number): number =>
  scale === 1 ? 0 : scale / 10 ** (digits.split('.')[1]?.length ?? 0);

class DeviceToolScan implements LineScan {
  private readonly gauges: GaugeSet;
  private readonly tools = new Set<string>();
  private readonly names = new Map<number, string>();
  private readonly kinds = new Map<string, GaugeKind>();
  private readonly holders = new Map<string, Holder>();
  private under: RegExp | null = null;
  private current: number | null = null;
  private csv: readonly string[] | null = null;
  private hasBytes = false;
  private hasShares = false;
  rows = 0;
  /** Shares above 100 %. */
  private impossible = 0;

  constructor(times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  /** Rows of a CSV and of tables whose header was met hold no word. */
  wants(): boolean {
    return this.csv !== null || this.under !== null;
  }

  take(line: LogLine, isTaken = false): boolean {
    const { text } = line;
    if (isTaken || text.length > 600 || text.trim() === '') return false;
    if (this.csvRow(line)) return true;
    if (this.header(text)) return true;
    for (const shape of SHAPES) {
      if (shape.under !== undefined && this.under !== shape.under) continue;
      const groups = shape.pattern.exec(text)?.groups;
      if (groups === undefined) continue;
      this.row(line, shape, groups);
      return true;
    }
    return false;
  }

  private header(text: string): boolean {
    const under = SHAPES.find(({ under: head }) => head?.test(text) ?? false)?.under;
    if (under !== undefined) {
      this.under = under;
      return true;
    }
    if (CSV_HEAD.test(text)) {
      this.csv = text.split(',').map((name) => name.trim());
      this.tools.add('rocm-smi');
      return true;
    }
    const npu = NPU_HEAD.exec(text);
    if (npu !== null) {
      this.current = Number(npu[1]);
      this.names.set(this.current, npu[2]);
      return true;
    }
    const gpu = AMD_GPU.exec(text);
    if (gpu !== null) this.current = Number(gpu[1]);
    const amd = AMD_HEAD.exec(text);
    if (amd !== null && this.tools.has('amd-smi')) this.names.set(this.names.size, amd[1]);
    if (/^\| AMD-SMI /.test(text)) this.tools.add('amd-smi');
    if (/^\| npu-smi /.test(text)) this.tools.add('npu-smi');
    return gpu !== null || amd !== null || FRAME.test(text);
  }

  private row(line: LogLine, shape: Shape, groups: Partial<Record<string, string>>): void {
    this.tools.add(shape.tool);
    // nvtop -s numbers no device: they come in order.
    if (groups['next'] !== undefined) this.current = (this.current ?? -1) + 1;
    const gpu = groups['gpu'] === undefined ? this.current : Number(groups['gpu']);
    this.current = gpu;
    const name = groups['name'] ?? groups['next'];
    if (name !== undefined && gpu !== null) this.names.set(gpu, name);
    const holdsNone = ['used', 'total', 'share', 'pid'].every((figure) => groups[figure] === undefined);
    if (holdsNone) return;
    if (groups['pid'] !== undefined) {
      this.process(
        line,
        gpu,
        groups['pid'],
        groups['process'] ?? '',
        Number(groups['memory']) * (UNIT[groups['unit'] ?? ''] ?? shape.scale),
      );
      return;
    }
    this.figures(line, gpu, groups, UNIT[groups['unit'] ?? ''] ?? shape.scale, shape.tool);
    if (shape.tool === 'gpustat') this.gpustatProcesses(line, gpu);
  }

  private figures(
    line: LogLine,
    gpu: number | null,
    groups: Partial<Record<string, string>>,
    scale: number,
    tool: string,
  ): void {
    this.rows++;
    this.gauges.at(line);
    const note = tool === 'tegrastats' ? 'memory of the whole board, which CPU and GPU share' : null;
    if (groups['used'] !== undefined) {
      this.hasBytes = true;
      this.gauges.add(
        this.kind('memory.used', 'Memory used', 'bytes', gpu, note),
        Math.round(Number(groups['used']) * scale),
        widthOf(groups['used'], scale),
      );
    }
    if (groups['total'] !== undefined)
      this.gauges.add(
        this.kind('memory.total', 'Memory total', 'bytes', gpu, note),
        Math.round(Number(groups['total']) * scale),
        widthOf(groups['total'], scale),
      );
    if (Number(groups['share'] ?? 0) > 100) this.impossible++;
    else if (groups['share'] !== undefined) {
      this.hasShares = true;
      this.gauges.add(
        this.kind(
          'memory.used_share',
          'Memory used, share of the total',
          'ratio',
          gpu,
          'bytes are not printed',
        ),
        Number(groups['share']) / 100,
        0.01,
      );
    }
  }

  private kind(
    id: string,
    label: string,
    unit: Gauge['unit'],
    device: number | null,
    note: string | null,
  ): GaugeKind {
    const key = `${id} ${device}`;
    const kind = this.kinds.get(key) ?? { id, label, unit, device, note };
    this.kinds.set(key, kind);
    return kind;
  }

  private gpustatProcesses(line: LogLine, gpu: number | null): void {
    const list = line.text.slice(line.text.lastIndexOf('|') + 1);
    for (const [, user, command, pid, mebibytes, alone, own] of list.matchAll(GPUSTAT_PROCESS)) {
      const name = command ?? alone ?? user;
      const bytes = Number(mebibytes ?? own);
      this.process(line, gpu, pid ?? '', name, Number.isNaN(bytes) ? NaN : bytes * MIB, true);
    }
  }

  private process(
    line: LogLine,
    gpu: number | null,
    pid: string,
    fullName: string,
    bytes: number,
    sameLine = false,
  ): void {
    if (!sameLine) this.gauges.at(line);
    const process = withoutHome(fullName).slice(0, 200);
    const key = `process ${gpu} ${pid} ${process}`;
    const kind = this.kinds.get(key) ?? {
      id: 'process.memory.used',
      label: 'Memory used by a process',
      unit: 'bytes' as const,
      device: gpu,
      labels: { pid, process },
    };
    this.kinds.set(key, kind);
    if (!Number.isNaN(bytes)) this.gauges.add(kind, Math.round(bytes), MIB);
    this.holders.set(key, {
      gpu: gpu === null ? '' : String(gpu),
      pid,
      process,
      bytes: Number.isNaN(bytes) ? null : Math.round(bytes),
    });
    this.rows++;
  }

  /** "card0,0x0,17163091968,16592142080,Navi 21", by the header's names, whatever their order. */
  private csvRow(line: LogLine): boolean {
    const cells = this.csv === null ? [] : line.text.split(',').map((cell) => cell.trim());
    const gpu = /^card(\d{1,3})$/.exec(cells[0] ?? '');
    if (this.csv === null || gpu === null) return false;
    const of = (name: RegExp): string | undefined => {
      const cell = cells[this.csv?.findIndex((one) => name.test(one)) ?? -1];
      return cell !== undefined && /^\d{1,16}$/.test(cell) ? cell : undefined;
    };
    const used = of(/^VRAM Total Used Memory \(B\)$/i);
    const total = of(/^VRAM Total Memory \(B\)$/i);
    const name = cells[this.csv.findIndex((one) => /^Card Series$/i.test(one))];
    if (name !== undefined) this.names.set(Number(gpu[1]), name);
    this.figures(
      line,
      Number(gpu[1]),
      { ...(used === undefined ? {} : { used }), ...(total === undefined ? {} : { total }) },
      1,
      'rocm-smi',
    );
    return true;
  }

  end(): SourceData | null {
    if (this.rows === 0) return null;
    const { gauges, clock, notRecorded } = this.gauges.build();
    const holders = [...this.holders.values()];
    const tools = [...this.tools];
    return sourceData({
      producer: tools.join(', '),
      rows: this.rows,
      notRecorded: [
        ...(tools.some((tool) => tool !== 'rocm-smi')
          ? ['"MB" is 2^20 bytes in what these tools print, "GB" 2^30.']
          : []),
        ...(this.tools.has('vram_monitor.sh')
          ? [
              'Each line says that more than a threshold of the memory was in use at that moment, not that it leaks: full and growing are two things. Which it is bytes over time tell: nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total --format=csv -l 30.',
            ]
          : []),
        ...(this.impossible > 0
          ? [
              `${this.impossible} shares above 100 % were left out: the figures of several GPUs, printed without a space between them.`,
            ]
          : []),
        ...(this.hasShares && !this.hasBytes && this.tools.has('rocm-smi')
          ? [
              'Only shares of the memory are printed here; bytes: rocm-smi --showmeminfo vram --csv, processes: rocm-smi --showpids.',
            ]
          : []),
        ...notRecorded,
        'The tool tells how much memory the driver has given out, cached or in use; which allocations make it up is in a snapshot of PyTorch (torch.cuda.memory._record_memory_history, _dump_snapshot).',
      ],
      settings: [...this.names].map(([gpu, name]) => [`GPU ${gpu}`, name] as const),
      readings: {
        clock,
        gauges,
        tables: holders.length === 0 ? [] : [tableOf(holders)],
      },
    });
  }

  title(): string {
    return [...this.tools].join(', ');
  }
}

const tableOf = (holders: readonly Holder[]): DataTable => ({
  id: 'device-tools.processes',
  title: 'Processes on the GPUs',
  note: 'memory as the driver accounts it to each process, in use or cached',
  columns: [
    { name: 'GPU', unit: 'text' },
    { name: 'Process ID', unit: 'text' },
    { name: 'Process', unit: 'text' },
    { name: 'Memory, last', unit: 'bytes' },
  ],
  rows: holders.map(({ gpu, pid, process, bytes }) => [gpu, pid, process, bytes]),
});

export const deviceToolsScanner: LineScanner = {
  format: 'device-tools',
  title: 'gpustat, rocm-smi, amd-smi, npu-smi, hl-smi, xpu-smi, nvtop, nvitop, tegrastats, vram_monitor.sh',
  needles: [
    ' mb',
    'mb (lfb',
    'vram',
    'aip',
    'hl-',
    'mib /',
    'device id',
    'device name',
    'device_name',
    'mem_',
    'memory used',
    'physical size',
    'device 0',
    'device 00',
    'mem[',
    'ib /',
    'npu',
    'smi',
    'process',
    'gpu: ',
    'rocm',
    'amd',
    'concise',
    '| ok',
    '| warning',
    '| alarm',
    '| critical',
    '| unknown',
    ':00.0',
  ],
  sniff(lines) {
    const scan = new DeviceToolScan(new LogTimes());
    let taken = 0;
    let all = 0;
    lines.forEach((text, offset) => {
      if (!/[A-Za-z\d]/.test(text)) return;
      all++;
      if (scan.take({ text, offset })) taken++;
    });
    if (scan.rows === 0) return { score: 0, reason: 'no table of gpustat, rocm-smi, amd-smi or npu-smi' };
    return {
      score: taken >= 0.5 * all ? 0.9 : 0.6,
      reason: `${taken} of ${all} lines are those of ${scan.title()}`,
    };
  },
  start: (_fileName, times = new LogTimes()) => new DeviceToolScan(times),
};
