/**
 * What an Nsight Systems export holds, found out by looking: the schema changes between releases without
 * notice, users trim tables and columns, and the oldest exports carry no version. Tables and columns are
 * asked for by name; enums are hard-coded and corrected by the file's own ENUM_ tables where it has them.
 * https://docs.nvidia.com/nsight-systems/UserGuide/index.html#exporter-sqlite-schema
 *
 * Environment, user, host and process names are never read.
 */
import { MEM_KINDS } from '../trace/schema.ts';
import type { SqliteFile } from './sqlite-host.ts';

export const EVENTS_TABLE = 'CUDA_GPU_MEMORY_USAGE_EVENTS';
export const POOLS_TABLE = 'CUDA_GPU_MEMORY_POOL_EVENTS';
const RUNTIME_TABLE = 'CUPTI_ACTIVITY_KIND_RUNTIME';
const UNKNOWN_KIND = MEM_KINDS.indexOf('unknown');
const BREATH_ROWS = 1 << 17;

export interface Gpu {
  readonly id: number;
  /** CUDA's number of it; null where the table was trimmed. */
  readonly cuDevice: number | null;
  readonly name: string | null;
  readonly totalBytes: number | null;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export class NsysSchema {
  readonly tables: ReadonlySet<string>;
  private readonly file: SqliteFile;

  constructor(file: SqliteFile) {
    this.file = file;
    const names: string[] = [];
    const rows = file.query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid");
    while (rows.step()) names.push(rows.text(0));
    rows.close();
    this.tables = new Set(names);
  }

  get isNsys(): boolean {
    return [...this.tables].some(
      (name) => name === 'StringIds' || /^(CUPTI_ACTIVITY_KIND_|CUDA_GPU_MEMORY_)/.test(name),
    );
  }

  columns(table: string): ReadonlySet<string> {
    const names = new Set<string>();
    const rows = this.file.query(`PRAGMA table_info(${quote(table)})`);
    while (rows.step()) names.add(rows.text(1));
    rows.close();
    return names;
  }

  /** Every row of `table` with exactly these columns; one that the table lacks is NULL in every row. */
  select(table: string, columns: readonly string[]): ReturnType<SqliteFile['query']> {
    const known = this.columns(table);
    const list = columns.map((column) => (known.has(column) ? quote(column) : 'NULL'));
    return this.file.query(`SELECT ${list.join(', ')} FROM ${quote(table)}`);
  }

  /** An upper bound of the number of rows, quickly; `otherwise` where the table is a view or has no rowid. */
  rowBound(table: string, otherwise: number): number {
    try {
      const rows = this.file.query(`SELECT max(rowid) FROM ${quote(table)}`);
      const bound = rows.step() && !rows.isNull(0) ? rows.number(0) : otherwise;
      rows.close();
      return bound >= 0 && Number.isSafeInteger(bound) ? bound : otherwise;
    } catch {
      return otherwise;
    }
  }

  /** "Nsight Systems 2023.4.4, schema 3.7.2". */
  producer(): string {
    const table = ['META_DATA_EXPORT', 'EXPORT_META_DATA'].find((name) => this.tables.has(name));
    const values = new Map<string, string>();
    if (table !== undefined) {
      const rows = this.select(table, ['name', 'value']);
      while (rows.step()) values.set(rows.text(0), rows.text(1));
      rows.close();
    }
    const product = values.get('EXPORT_PRODUCT_VERSION')?.split('.').slice(0, 3).join('.');
    const schema = values.get('EXPORT_SCHEMA_VERSION');
    if (product === undefined && schema === undefined) return 'Nsight Systems, export without a version';
    return `Nsight Systems ${product ?? 'of an unknown version'}, schema ${schema ?? 'without a version'}`;
  }

  gpus(): Gpu[] {
    if (!this.tables.has('TARGET_INFO_GPU')) return [];
    const gpus: Gpu[] = [];
    const rows = this.select('TARGET_INFO_GPU', ['id', 'cuDevice', 'name', 'totalMemory']);
    while (rows.step()) {
      gpus.push({
        id: rows.number(0),
        cuDevice: rows.isNull(1) ? null : rows.number(1),
        name: rows.isNull(2) ? null : rows.text(2),
        totalBytes: rows.isNull(3) || rows.number(3) <= 0 ? null : rows.number(3),
      });
    }
    rows.close();
    return gpus;
  }

  /** "pid:device number in that process" -> id of the GPU (CUDA_VISIBLE_DEVICES makes them differ). */
  gpuOfProcessDevice(): Map<string, number> {
    const map = new Map<string, number>();
    if (!this.tables.has('TARGET_INFO_CUDA_DEVICE')) return map;
    const rows = this.select('TARGET_INFO_CUDA_DEVICE', ['pid', 'cudaId', 'gpuId']);
    while (rows.step()) {
      if (!rows.isNull(2)) map.set(`${rows.number(0)}:${rows.number(1)}`, rows.number(2));
    }
    rows.close();
    return map;
  }

  /** Number in the file -> index into MEM_KINDS. Nsight's numbers, not CUPTI's, which are one higher. */
  memKinds(): Map<number, number> {
    const map = new Map<number, number>(MEM_KINDS.map((_kind, index) => [index, index]));
    if (!this.tables.has('ENUM_CUDA_MEM_KIND')) return map;
    const rows = this.select('ENUM_CUDA_MEM_KIND', ['id', 'label']);
    while (rows.step()) {
      const label = rows.text(1).toLowerCase().replaceAll(' ', '_');
      const index = MEM_KINDS.findIndex((kind) => kind === label);
      if (index >= 0 || !map.has(rows.number(0))) map.set(rows.number(0), index >= 0 ? index : UNKNOWN_KIND);
    }
    rows.close();
    return map;
  }

  /** Unix time of x = 0 in nanoseconds, as text; null where the file does not tell. */
  sessionStart(): string | null {
    if (!this.tables.has('TARGET_INFO_SESSION_START_TIME')) return null;
    const rows = this.select('TARGET_INFO_SESSION_START_TIME', ['utcEpochNs']);
    const start = rows.step() && !rows.isNull(0) ? rows.bigint(0).toString() : null;
    rows.close();
    return start;
  }

  /** Calls of cudaMalloc*, cudaFree*, cuMemAlloc*, ... by name, without their version suffix. */
  async countAllocationCalls(breathe: () => Promise<void>): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    if (!this.tables.has(RUNTIME_TABLE) || !this.tables.has('StringIds')) return counts;
    const names = new Map<number, string>();
    const strings = this.file.query(
      `SELECT id, value FROM StringIds WHERE value GLOB 'cudaMalloc*' OR value GLOB 'cudaFree*'
       OR value GLOB 'cudaHostAlloc*' OR value GLOB 'cuMemAlloc*' OR value GLOB 'cuMemFree*'`,
    );
    while (strings.step()) names.set(strings.number(0), strings.text(1).replace(/_v\d+(_ptsz|_ptds)?$/, ''));
    strings.close();
    if (names.size === 0) return counts;
    const rows = this.select(RUNTIME_TABLE, ['nameId']);
    for (let n = 1; rows.step(); n++) {
      if (n % BREATH_ROWS === 0) await breathe();
      const name = names.get(rows.number(0));
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    rows.close();
    return counts;
  }
}
