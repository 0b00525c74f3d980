/**
 * What newer versions write with events and few events have a value of: private pool, compiled region, metadata,
 * forward pass. A column is made when the first event has such a value, so that a file without them pays nothing.
 * Texts stay numbers of interned strings until the end; what means "nothing" there ("N/A", "") is 0 here.
 */
import { type EventDetails, NONE } from '../../trace/schema.ts';
import { K } from './keys.ts';
import type { PickleStrings } from './pickle-strings.ts';

/** More private pools than this are no process's. */
const MOST_POOLS = 65_534;

/** Columns of texts: string id plus 1, 0 for nothing. */
const TEXTS = ['compile_context', 'user_metadata', 'internal_metadata', 'action_name'] as const;
type TextColumn = (typeof TEXTS)[number];

/** Values of one event, filled while its keys are met. */
export interface EventDetail {
  pool: number;
  compile_context: number;
  user_metadata: number;
  internal_metadata: number;
  action_name: number;
  /** Stack node plus 1. */
  forward: number;
  /** true: one of the others is not 0. */
  any: boolean;
}

export class DetailColumns {
  readonly now: EventDetail = {
    pool: 0,
    compile_context: 0,
    user_metadata: 0,
    internal_metadata: 0,
    action_name: 0,
    forward: 0,
    any: false,
  };
  private readonly poolIds: string[] = [];
  private readonly poolOfText = new Map<string, number>();
  private readonly columns = new Map<TextColumn | 'forward', Uint32Array>();
  private pool: Uint16Array | null = null;
  private readonly empty: number;
  private readonly notAvailable: number;

  constructor(private readonly strings: PickleStrings) {
    this.empty = strings.internText('');
    this.notAvailable = strings.internText('N/A');
  }

  /** Before the keys of the next event. */
  begin(): void {
    const { now } = this;
    if (!now.any) return;
    now.pool = now.compile_context = now.user_metadata = now.internal_metadata = now.action_name = 0;
    now.forward = 0;
    now.any = false;
  }

  /** The value of `key`, an interned string. */
  text(key: number, string: number): void {
    if (string === this.empty || (string === this.notAvailable && key === K.compile_context)) return;
    const { now } = this;
    now.any = true;
    if (key === K.compile_context) now.compile_context = string + 1;
    else if (key === K.user_metadata) now.user_metadata = string + 1;
    else now.internal_metadata = string + 1;
  }

  /** An action that is none of those known. */
  unknownAction(string: number): void {
    this.now.action_name = string + 1;
    this.now.any = true;
  }

  forward(node: number): void {
    if (node === NONE) return;
    this.now.forward = node + 1;
    this.now.any = true;
  }

  /** Number of the pool with that id as text; 0 where there are more than any process has. */
  poolOf(text: string): number {
    const id = text === '(0, 0)' ? '' : text;
    let pool = this.poolOfText.get(id);
    if (pool === undefined) {
      if (this.poolIds.length >= MOST_POOLS) return 0;
      this.poolOfText.set(id, (pool = this.poolIds.push(id)));
    }
    return pool;
  }

  setPool(pool: number): void {
    this.now.pool = pool;
    if (pool !== 0) this.now.any = true;
  }

  /** Keeps what was met of the event in `row`; `capacity`: rows that there is room for. */
  keep(row: number, capacity: number): void {
    const { now } = this;
    if (!now.any) return;
    if (now.pool !== 0) {
      if (this.pool === null || this.pool.length < capacity) {
        const bigger = new Uint16Array(capacity);
        if (this.pool !== null) bigger.set(this.pool);
        this.pool = bigger;
      }
      this.pool[row] = now.pool;
    }
    for (const name of TEXTS) if (now[name] !== 0) this.column(name, capacity)[row] = now[name];
    if (now.forward !== 0) this.column('forward', capacity)[row] = now.forward;
  }

  private column(name: TextColumn | 'forward', capacity: number): Uint32Array {
    let column = this.columns.get(name);
    if (column === undefined || column.length < capacity) {
      const bigger = new Uint32Array(capacity);
      if (column !== undefined) bigger.set(column);
      this.columns.set(name, (column = bigger));
    }
    return column;
  }

  /** Of rows [from, to); undefined where none of them has anything. */
  of(from: number, to: number): EventDetails | undefined {
    if (this.pool === null && this.columns.size === 0) return undefined;
    const texts = [''];
    const numberOf = new Map<number, number>();
    const cut = (name: TextColumn | 'forward'): Uint32Array | null => {
      const column = this.columns.get(name)?.subarray(from, to);
      return column === undefined || column.every((value) => value === 0) ? null : padded(column, to - from);
    };
    const told = (name: TextColumn): Uint32Array | null => {
      const column = cut(name);
      if (column === null) return null;
      return column.map((string) => {
        if (string === 0) return 0;
        let number = numberOf.get(string);
        if (number === undefined)
          numberOf.set(string, (number = texts.push(this.strings.text(string - 1)) - 1));
        return number;
      });
    };
    const pool = this.pool?.subarray(from, to) ?? null;
    const hasPool = pool !== null && pool.some((value) => value !== 0);
    const details: EventDetails = {
      pool_ids: this.poolIds,
      pool: hasPool ? padded(pool, to - from) : null,
      texts,
      compile_context: told('compile_context'),
      user_metadata: told('user_metadata'),
      internal_metadata: told('internal_metadata'),
      action_name: told('action_name'),
      // The node plus 1 becomes the node, and 0 becomes NONE.
      forward_stack: cut('forward')?.map((node) => node - 1) ?? null,
    };
    const { compile_context, user_metadata, internal_metadata, action_name, forward_stack } = details;
    const any = [details.pool, compile_context, user_metadata, internal_metadata, action_name, forward_stack];
    return any.some((column) => column !== null) ? details : undefined;
  }
}

/** A column that was made for fewer rows, with nothing in the others. */
function padded<T extends Uint16Array | Uint32Array>(column: T, length: number): T {
  if (column.length === length) return column;
  const whole = (column instanceof Uint16Array ? new Uint16Array(length) : new Uint32Array(length)) as T;
  whole.set(column);
  return whole;
}

/** `File "model.py", line 12, in forward`, as traceback.format_stack() prints a frame. */
const FRAME = /^\s{0,64}File "([^"\n]*)", line (\d{1,9})(?:, in ([^\n]*))?/;
const LONGEST_FRAME = 200;

/** A line of a printed traceback as a frame. */
export function printedFrame(text: string): { name: string; filename: string; line: number } {
  const match = FRAME.exec(text);
  if (match !== null) return { name: match[3] ?? '', filename: match[1], line: Number(match[2]) };
  return { name: text.trim().split('\n', 1)[0].slice(0, LONGEST_FRAME), filename: '', line: 0 };
}
