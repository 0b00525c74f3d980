/**
 * SQLite's WebAssembly, driven through its C interface (https://sqlite.org/c3ref/intro.html): its memory, texts in it,
 * and a VFS that is made of JavaScript functions (https://sqlite.org/vfs.html), whose layout is what the module itself
 * says it is. Of the JavaScript that comes with the WebAssembly nothing is used: it would bring a file system, workers
 * and requests along.
 */
import { TraceError } from '../../base/trace-error.ts';
import { installThunks, type Thunk, type ThunkFunction } from './thunks.ts';

// Result codes of sqlite3.h.
export const OK = 0;
export const NOMEM = 7;
export const INTERRUPT = 9;
export const ROW = 100;
export const DONE = 101;
const READONLY = 8;
const CANTOPEN = 14;
export const TYPE_NULL = 5;

const PAGE = 65536;
/** Memory as the module declares it: at least, at most (pages of 64 KiB). */
const MEMORY = { initial: 128, maximum: 32768 };

/** What is called of the module's exports. Pointers are numbers. */
export interface SqliteExports {
  readonly __indirect_function_table: WebAssembly.Table;
  __wasm_call_ctors(): void;
  sqlite3_initialize(): number;
  sqlite3__wasm_enum_json(): number;
  sqlite3_malloc(bytes: number): number;
  sqlite3_free(pointer: number): void;
  sqlite3_vfs_register(vfs: number, makeDefault: number): number;
  sqlite3_open_v2(name: number, db: number, flags: number, vfs: number): number;
  sqlite3_close_v2(db: number): number;
  sqlite3_errmsg(db: number): number;
  sqlite3_prepare_v2(db: number, sql: number, bytes: number, statement: number, tail: number): number;
  sqlite3_step(statement: number): number;
  sqlite3_reset(statement: number): number;
  sqlite3_finalize(statement: number): number;
  sqlite3_limit(db: number, id: number, value: number): number;
  sqlite3_progress_handler(db: number, steps: number, handler: number, argument: number): void;
  sqlite3_set_authorizer(db: number, authorizer: number, argument: number): number;
  sqlite3_bind_null(statement: number, at: number): number;
  sqlite3_bind_int64(statement: number, at: number, value: bigint): number;
  sqlite3_bind_double(statement: number, at: number, value: number): number;
  sqlite3_bind_text(statement: number, at: number, text: number, bytes: number, free: number): number;
  sqlite3_column_count(statement: number): number;
  sqlite3_column_name(statement: number, column: number): number;
  sqlite3_column_type(statement: number, column: number): number;
  sqlite3_column_int64(statement: number, column: number): bigint;
  sqlite3_column_double(statement: number, column: number): number;
  sqlite3_column_int(statement: number, column: number): number;
  sqlite3_column_text(statement: number, column: number): number;
  sqlite3_column_bytes(statement: number, column: number): number;
}

interface StructLayout {
  readonly name: string;
  readonly sizeof: number;
  readonly members: Readonly<Record<string, { readonly offset: number; readonly signature: string }>>;
}

/** A VFS without a file: databases in memory want one all the same, and temporary files are refused. */
export const NO_FILES: Readonly<Record<string, ThunkFunction>> = {
  xOpen: () => CANTOPEN,
  xAccess: () => CANTOPEN,
  xFullPathname: () => CANTOPEN,
  xDelete: () => READONLY,
  xRandomness: (_vfs: number, length: number) => length,
  xSleep: () => OK,
  xCurrentTime: () => OK,
  xGetLastError: () => OK,
};

export class SqliteModule {
  readonly memory = new WebAssembly.Memory(MEMORY);
  readonly exports: SqliteExports;

  /** `mostBytes`: its memory grows no further, and what needs more fails with NOMEM. */
  private constructor(
    instantiate: (imports: WebAssembly.Imports) => WebAssembly.Instance,
    private readonly mostBytes: number,
  ) {
    this.exports = instantiate(this.imports()).exports as unknown as SqliteExports;
    this.exports.__wasm_call_ctors();
    this.exports.sqlite3_initialize();
  }

  static async load(wasm: Uint8Array<ArrayBuffer>, mostBytes = MEMORY.maximum * PAGE): Promise<SqliteModule> {
    const module = await WebAssembly.compile(wasm);
    return new SqliteModule((imports) => new WebAssembly.Instance(module, imports), mostBytes);
  }

  /** What the module imports: memory, and calls to an operating system, of which there is none. */
  private imports(): WebAssembly.Imports {
    const noSystem = (): number => -1;
    const calls = {
      emscripten_resize_heap: (bytes: number): number => {
        if (bytes >>> 0 > this.mostBytes) return 0;
        const missing = (bytes >>> 0) - this.memory.buffer.byteLength;
        try {
          if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
          return 1;
        } catch {
          return 0;
        }
      },
      emscripten_get_heap_max: () => MEMORY.maximum * PAGE,
      emscripten_date_now: () => 0,
      emscripten_get_now: () => 0,
      environ_sizes_get: (count: number, bytes: number): number => {
        this.view().setInt32(count, 0, true);
        this.view().setInt32(bytes, 0, true);
        return 0;
      },
      environ_get: () => 0,
      memory: this.memory,
    };
    const anything = new Proxy(calls, {
      get: (known, name) => (name in known ? known[name as keyof typeof calls] : noSystem),
    }) as unknown as WebAssembly.ModuleImports;
    return { env: anything, wasi_snapshot_preview1: anything };
  }

  view(): DataView {
    return new DataView(this.memory.buffer);
  }

  /** Throws TraceError 'memory' where there is none left. */
  alloc(bytes: number): number {
    const pointer = this.exports.sqlite3_malloc(bytes);
    if (pointer === 0) throw new TraceError('memory', 'There was not enough memory for the database.');
    return pointer;
  }

  allocZero(bytes: number): number {
    const pointer = this.alloc(bytes);
    new Uint8Array(this.memory.buffer, pointer, bytes).fill(0);
    return pointer;
  }

  allocText(text: string): number {
    const bytes = new TextEncoder().encode(`${text}\0`);
    const pointer = this.alloc(bytes.length);
    new Uint8Array(this.memory.buffer).set(bytes, pointer);
    return pointer;
  }

  textAt(pointer: number, length: number): string {
    return new TextDecoder().decode(new Uint8Array(this.memory.buffer, pointer, length));
  }

  /** Text that ends with 0; "" at 0. */
  stringAt(pointer: number): string {
    if (pointer === 0) return '';
    const bytes = new Uint8Array(this.memory.buffer);
    return this.textAt(pointer, bytes.indexOf(0, pointer) - pointer);
  }

  pointerTo(call: ThunkFunction, signature: string): number {
    return installThunks(this.exports.__indirect_function_table, [{ signature, call }])[0];
  }

  /**
   * Writes sqlite3_vfs and sqlite3_io_methods, where the module says their members are, and makes it the default one.
   * `functions`: by the names in sqlite3.h; they get a pointer to the methods of a file.
   */
  registerVfs(
    vfsName: string,
    maxPath: number,
    functions: (methods: () => number) => Readonly<Record<string, ThunkFunction>>,
  ): void {
    const { structs } = JSON.parse(this.stringAt(this.exports.sqlite3__wasm_enum_json())) as {
      structs: StructLayout[];
    };
    const layoutOf = (name: string): StructLayout => {
      const layout = structs.find((struct) => struct.name === name);
      if (!layout) throw new TraceError('internal', `SQLite's WebAssembly does not describe ${name}.`);
      return layout;
    };
    const vfsLayout = layoutOf('sqlite3_vfs');
    const methodsLayout = layoutOf('sqlite3_io_methods');
    const vfs = this.allocZero(vfsLayout.sizeof);
    const methods = this.allocZero(methodsLayout.sizeof);
    const places: number[] = [];
    const thunks: Thunk[] = [];
    for (const [name, call] of Object.entries(functions(() => methods))) {
      for (const [base, layout] of [
        [vfs, vfsLayout],
        [methods, methodsLayout],
      ] as const) {
        const member = layout.members[name] as StructLayout['members'][string] | undefined;
        if (!member) continue;
        places.push(base + member.offset);
        thunks.push({ signature: member.signature, call });
      }
    }
    const pointers = installThunks(this.exports.__indirect_function_table, thunks);
    const view = this.view();
    pointers.forEach((pointer, index) => view.setInt32(places[index], pointer, true));
    const set = (name: string, value: number): void =>
      view.setInt32(vfs + vfsLayout.members[name].offset, value, true);
    set('iVersion', 1);
    set('szOsFile', layoutOf('sqlite3_file').sizeof);
    set('mxPathname', maxPath);
    set('zName', this.allocText(vfsName));
    view.setInt32(methods + methodsLayout.members['iVersion'].offset, 1, true);
    this.exports.sqlite3_vfs_register(vfs, 1);
  }
}
