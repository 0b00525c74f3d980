/**
 * Columns of `nvidia-smi --query-* --format=csv`: which name means what, and how a cell is read.
 * Names and units: nvidia-smi --help-query-gpu, --help-query-compute-apps.
 */
import { lookup } from '../../base/lookup.ts';
import { MIB, type Quantity } from './samples.ts';

export const BUS_NOTE =
  'Time in which the memory bus was busy, not how full the memory is: see memory.used for that.';
const KERNEL_NOTE = 'Time in which at least one kernel ran, not how much of the GPU it used.';

const bytes = (id: string, label: string, note: string | null = null): Quantity => ({
  id,
  label,
  unit: 'bytes',
  scale: MIB,
  note,
});
const share = (id: string, label: string, note: string | null = null): Quantity => ({
  id,
  label,
  unit: 'ratio',
  scale: 0.01,
  note,
});
const figure = (id: string, label: string, unit: Quantity['unit']): Quantity => ({
  id,
  label,
  unit,
  scale: 1,
  note: null,
});

export const MEMORY_USED = bytes('memory.used', 'Memory used');
export const MEMORY_TOTAL = bytes('memory.total', 'Memory total');
export const MEMORY_FREE = bytes('memory.free', 'Memory free');
export const MEMORY_RESERVED = bytes('memory.reserved', 'Memory reserved by the driver');
export const PROCESS_MEMORY = bytes('process.memory.used', 'Memory used by a process');
export const UTILIZATION_GPU = share('utilization.gpu', 'GPU busy', KERNEL_NOTE);
export const UTILIZATION_MEMORY = share('utilization.memory', 'Memory bus busy', BUS_NOTE);
export const POWER_DRAW = figure('power.draw', 'Power', 'watts');
export const POWER_LIMIT = figure('power.limit', 'Power limit', 'watts');
export const GPU_TEMPERATURE = figure('temperature.gpu', 'GPU temperature', 'celsius');
export const MEMORY_TEMPERATURE = figure('temperature.memory', 'Memory temperature', 'celsius');
export const BAR1_USED = bytes(
  'bar1.used',
  'BAR1 used',
  'Address window of the PCIe bus, not device memory.',
);
export const BAR1_TOTAL = bytes(
  'bar1.total',
  'BAR1 total',
  'Address window of the PCIe bus, not device memory.',
);
export const PROTECTED_USED = bytes('protected_memory.used', 'Protected memory used');
export const CLOCK_MEMORY = figure('clocks.memory', 'Memory clock', 'megahertz');
export const CLOCK_GPU = figure('clocks.graphics', 'GPU clock', 'megahertz');
export const engineBusy = (engine: string): Quantity => share(`utilization.${engine}`, `${engine} busy`);

const QUANTITIES: readonly Quantity[] = [
  MEMORY_USED,
  MEMORY_TOTAL,
  MEMORY_FREE,
  MEMORY_RESERVED,
  PROTECTED_USED,
  bytes('protected_memory.total', 'Protected memory total'),
  bytes('protected_memory.free', 'Protected memory free'),
  UTILIZATION_GPU,
  UTILIZATION_MEMORY,
  ...['encoder', 'decoder', 'jpeg', 'ofa'].map(engineBusy),
  POWER_DRAW,
  POWER_LIMIT,
  figure('power.draw.average', 'Power, average', 'watts'),
  figure('power.draw.instant', 'Power, instant', 'watts'),
  GPU_TEMPERATURE,
  MEMORY_TEMPERATURE,
  CLOCK_MEMORY,
  CLOCK_GPU,
  figure('clocks.sm', 'SM clock', 'megahertz'),
  figure('clocks.video', 'Video clock', 'megahertz'),
  share('fan.speed', 'Fan'),
];
const BY_NAME: ReadonlyMap<string, Quantity> = new Map(QUANTITIES.map((quantity) => [quantity.id, quantity]));

/** Other names of the same fields, as nvidia-smi takes and prints them. */
const SAME = [
  [/^clocks\.(?:current\.)?(?:gr|graphics)$/, 'clocks.graphics'],
  [/^clocks\.(?:current\.)?(?:mem|memory)$/, 'clocks.memory'],
  [/^clocks\.current\.(sm|video)$/, 'clocks.$1'],
] as const;

function quantityOf(name: string): Quantity | null {
  for (const [pattern, same] of SAME) name = name.replace(pattern, same);
  return BY_NAME.get(name) ?? null;
}

export type Role =
  'time' | 'index' | 'uuid' | 'bus' | 'name' | 'pid' | 'process' | 'process-memory' | 'private' | null;

const ROLES: Readonly<Record<string, Role>> = lookup({
  timestamp: 'time',
  index: 'index',
  uuid: 'uuid',
  gpu_uuid: 'uuid',
  'pci.bus_id': 'bus',
  gpu_bus_id: 'bus',
  name: 'name',
  gpu_name: 'name',
  pid: 'pid',
  process_name: 'process',
  used_gpu_memory: 'process-memory',
  used_memory: 'process-memory',
  // Names of machines and boards are nobody's business and tell nothing about memory.
  hostname: 'private',
  serial: 'private',
  gpu_serial: 'private',
  'platform.chassis_serial_number': 'private',
  'platform.host_id': 'private',
});

export interface Column {
  readonly name: string;
  /** What the header has in brackets: "MiB", "%". */
  readonly unit: string | null;
  readonly role: Role;
  readonly quantity: Quantity | null;
}

const CELL = /^([A-Za-z][\w.]*)(?: \[([^\]]{1,12})\])?$/;
/** Columns of anybody's monitor: any words, a unit in brackets or at the end. */
const OWN_CELL = /^[A-Za-z#][\w .%()[\]/-]{0,90}$/;

const SCALES: Readonly<Record<string, number>> = lookup({
  bytes: 1,
  kb: 1024,
  kib: 1024,
  mb: MIB,
  mib: MIB,
  gb: 1024 * MIB,
  gib: 1024 * MIB,
});
const OF_MEMORY = ['mem', 'memory', 'vram', 'fb', 'hbm', 'framebuffer'];

/**
 * What a column of a monitor of one's own is, by its words: "memory_used_mb", "GPU Memory Used (MiB)", "gpu_util".
 * MB is 2^20 there: such monitors read NVML or nvidia-smi and divide by 1024 * 1024.
 */
export function ownColumn(cell: string): Column | null {
  if (!OWN_CELL.test(cell)) return null;
  const words = cell
    // "MiB" is one word, though it looks like two.
    .replace(/([KMG])iB\b/g, ' $1ib ')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9%]+/)
    .filter((word) => word !== '');
  const has = (...some: readonly string[]): boolean => words.some((word) => some.includes(word));
  const column = (role: Role, quantity: Quantity | null, unit: string | null = null): Column => ({
    name: cell,
    unit,
    role,
    quantity,
  });
  if (has('timestamp', 'time', 'datetime', 'date', 'ts')) return column('time', null);
  if (
    words.length <= 2 &&
    has('index', 'gpu', 'device', 'deviceid') &&
    !has('util', 'temp', '%', 'name', 'uuid')
  )
    return column('index', null);
  if (has('uuid')) return column('uuid', null);
  if (has('pid')) return column('pid', null);
  const torch = /(?:^|[/.])(allocated|reserved)_bytes\.all\.(current|peak)$/.exec(cell);
  if (torch !== null) {
    const [, what, level] = torch;
    const label = `${level === 'peak' ? 'Peak ' : ''}${what}`;
    return column(
      null,
      {
        ...bytes(
          `${level === 'peak' ? 'max_' : ''}memory_${what}`,
          label.slice(0, 1).toUpperCase() + label.slice(1),
        ),
        scale: 1,
      },
      'bytes',
    );
  }
  const unit =
    words.find((word) => Object.hasOwn(SCALES, word)) ?? (/\(B\)$|\[B\]$/.test(cell) ? 'bytes' : null);
  const isShare = has('percent', 'pct', '%', 'ratio', 'share');
  if (
    has(...OF_MEMORY) &&
    !has(
      'host',
      'cpu',
      'ram',
      'system',
      'clock',
      'bandwidth',
      'util',
      'utilization',
      'temp',
      'temperature',
      'bus',
    )
  ) {
    if (isShare) return column(null, null);
    const base = has('total', 'capacity')
      ? MEMORY_TOTAL
      : has('free', 'available', 'avail')
        ? MEMORY_FREE
        : has('used', 'usage', 'use') || words.length <= 3
          ? MEMORY_USED
          : null;
    if (base === null || unit === null) return column(null, null);
    return column(null, { ...base, scale: SCALES[unit] }, unit);
  }
  if (has('util', 'utilization') && !has('mem', 'memory', 'cpu', 'enc', 'dec'))
    return column(null, UTILIZATION_GPU);
  if (has('temp', 'temperature') && !has('mem', 'memory', 'cpu')) return column(null, GPU_TEMPERATURE);
  if (has('power') && !has('limit', 'cap')) return column(null, POWER_DRAW);
  return column(null, null);
}

/** The columns of a monitor of one's own: at least memory in use, with its unit, beside something else. */
function ownColumns(line: string): Column[] | null {
  if (line.length > 16384 || !/mem|vram|fb_|_bytes/i.test(line) || !line.includes(',')) return null;
  const columns = line.split(',').map((cell) => ownColumn(cell.trim()));
  if (columns.some((column) => column === null)) return null;
  const isTwice = columns.filter((column) => column?.quantity?.id === 'memory_allocated').length > 1;
  // Lightning's DeviceStatsMonitor prints both ends of a batch: what is left at its end is the level.
  const known = columns.flatMap((column) =>
    column === null
      ? []
      : isTwice && /batch_start\//.test(column.name)
        ? { ...column, quantity: null }
        : column,
  );
  const of = (id: string): number => known.filter(({ quantity }) => quantity?.id === id).length;
  const isOne = of(MEMORY_USED.id) === 1 || (of(MEMORY_USED.id) === 0 && of('memory_allocated') === 1);
  return isOne && known.length > 1 ? known : null;
}
/** Names that no other program's CSV has. */
const TELLING =
  /(?:^|, ?)(?:memory\.(?:used|free|total|reserved)|utilization\.(?:gpu|memory)|used_gpu_memory|used_memory \[|max_memory_usage|gpu_utilization \[|power\.draw|temperature\.gpu|clocks\.\w+|retired_pages\.\w+)/;

/** true: the header has names that no other program's CSV has. */
export const isOfSmi = (line: string): boolean => TELLING.test(line);

/** The columns where the line is a header of nvidia-smi's CSV, else null. */
export function headerColumns(line: string): Column[] | null {
  if (line.length > 32768) return null;
  if (!TELLING.test(line)) return ownColumns(line);
  const columns: Column[] = [];
  for (const cell of line.split(',')) {
    const match = CELL.exec(cell.trim());
    if (!match) return ownColumns(line);
    const name = match[1];
    columns.push({
      name,
      unit: match[2] ?? null,
      role: Object.hasOwn(ROLES, name) ? ROLES[name] : null,
      quantity: quantityOf(name),
    });
  }
  // The name of a field alone on a line is documentation as often as a header; with a unit it is a header.
  if (columns.length === 1 && columns[0].unit === null) return null;
  // In a list of processes `name` is the process's (an older spelling of process_name).
  if (columns.some(({ role }) => role === 'pid') && !columns.some(({ role }) => role === 'process')) {
    return columns.map((column) => (column.name === 'name' ? { ...column, role: 'process' } : column));
  }
  return columns;
}

/** Texts in place of a figure: "[N/A]", "[Not Supported]", "[Unknown Error]", "-", "ERR!". */
const MISSING =
  /^(?:\[[^\]]*\]|N\/A|Not Supported|Not Found|Unknown Error|Insufficient Permissions|Requested functionality has been deprecated|ERR!|-|)$/;
const FIGURE = /^(-?\d{1,15}(?:\.\d{1,9})?) ?(MiB|GiB|KiB|MB|%|W|MHz|C|us|ms)?$/;

export interface CellFigure {
  /** NaN: the text says that there is none. */
  readonly value: number;
  /** Width of its last digit. */
  readonly digit: number;
  readonly unit: string | null;
}

export const isMissingText = (text: string): boolean => MISSING.test(text);

/** Parsed once and shared: most cells are whole numbers, and a log has millions of them. */
const NO_FIGURE: CellFigure = { value: NaN, digit: 0, unit: null };

/** A cell as a figure in MiB, %, W, MHz; null: neither a figure nor a word for a missing one. */
export function cellFigure(text: string): CellFigure | null {
  let value = 0;
  let at = 0;
  for (; at < text.length && at < 15; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) break;
    value = value * 10 + code - 0x30;
  }
  if (at > 0) {
    if (at === text.length) return { value, digit: 1, unit: null };
    if (at === text.length - 4 && text.endsWith(' MiB')) return { value, digit: 1, unit: 'MiB' };
    if (at === text.length - 2 && text.endsWith(' %')) return { value, digit: 1, unit: '%' };
  }
  const match = FIGURE.exec(text);
  if (!match) return MISSING.test(text) ? NO_FIGURE : null;
  const scale = match[2] === 'GiB' ? 1024 : match[2] === 'KiB' ? 1 / 1024 : 1;
  const point = match[1].indexOf('.');
  const digit = point < 0 ? 1 : 10 ** -(match[1].length - point - 1);
  return { value: Number(match[1]) * scale, digit: digit * scale, unit: match[2] ?? null };
}
