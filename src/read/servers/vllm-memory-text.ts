/**
 * Finds vLLM's `MemorySnapshot` and `MemoryProfilingResult` in a piece of text, in every form that they are met in:
 *
 *   torch_peak=1.2GiB, free_memory=78.5GiB, total_memory=79.1GiB, ...          repr() of newer versions, in DEBUG logs
 *   MemorySnapshot(torch_peak=0, cuda_memory=524288000, ...)                   a plain dataclass, whole bytes
 *   MemoryProfilingResult(non_kv_cache_memory=1, ..., before_create=MemorySnapshot(...), ...)
 *   Memory profiling takes 3.50 seconds. Total non KV cache memory: 9.8GiB; torch peak memory increase: 1.2GiB; ...
 *   {"torch_peak": 0, "free_memory": 84125155328, ...}                         vars() or asdict() of one
 *
 * A number without a unit is bytes, as the fields hold it. format_gib() rounds to two digits and drops zeros at the
 * end: "1.2GiB" is known to 0.01 GiB. GB and MB are refused: nothing tells whether they are 10^9 or 2^30.
 */
import { SNAPSHOT_FIELDS } from '../../base/vllm-fields.ts';
import {
  RESULT_FIELDS,
  type PrintedBytes,
  type PrintedProfiling,
  type PrintedSnapshot,
} from '../../trace/vllm-memory.ts';
import { unitBytes } from '../lines/printed-figure.ts';

/** Where it stands is known to the one who has the lines. */
type Placeless<T> = Omit<T, 'rank' | 'line' | 'offset'> & {
  /** Index of its first character in the text. */
  readonly index: number;
};
export type FoundMemory = Placeless<PrintedSnapshot> | Placeless<PrintedProfiling>;

export interface MemoryFound {
  readonly prints: readonly FoundMemory[];
  /** Figures that could not be read, in words. */
  readonly problems: readonly { readonly message: string; readonly index: number }[];
}

/** Where one of them begins. The bare fields are the first ones of their class. */
const BEGINS =
  /\b(?:(MemorySnapshot\()|(MemoryProfilingResult\()|(torch_peak)(?:_in_bytes)?['"]?\s{0,2}[=:]|(Total non KV cache memory:)|(?:non_kv_cache_memory|weights_memory)(?:_in_bytes)?['"]?\s{0,2}[=:])/g;
/** One "name=value" of a run; the value of a device may be a call, device(type='cuda', index=0). */
const PAIR =
  /[\s,;]{0,200}['"]?\b([A-Za-z]\w{2,39})['"]?\s{0,2}[=:]\s{0,2}(\w{1,20}\([^()]{0,80}\)|[^\s,;(){}]{1,40}(?: (?:[KMGT]i?B|[Bb]ytes|B)\b)?)/y;
const VALUE = /^(-?\d[\d_]{0,24})(?:\.(\d{1,15}))? ?([A-Za-z]{1,5})?$/;
/** The device's memory in use is named after the platform. */
const DEVICE = /^(?:cuda|rocm|xpu|hip|musa|npu|cpu)_memory$/;
/** Fewer fields may be another program's. */
const LEAST_FIELDS = 2;
const LONGEST_PRINT = 600;
/** So far before it, at most, is looked at for its name. */
const LONGEST_LABELLED = 300;

const PHRASES = [
  ['non_kv_cache_memory', /Total non KV cache memory: {0,2}([^\s;]{1,40}(?: GiB)?)/],
  ['torch_peak_increase', /torch peak memory increase: {0,2}([^\s;]{1,40}(?: GiB)?)/],
  ['non_torch_increase', /non-torch forward increase memory: {0,2}([^\s;]{1,40}(?: GiB)?)/],
  ['total_consumed', /total consumed \(from mem_get_info\): {0,2}([^\s;]{1,40}(?: GiB)?)/],
  ['weights_memory', /weights memory: {0,2}([^\s;]{1,40}(?: GiB)?)/],
] as const;
const SECONDS = /Memory profiling takes (\d{1,9}(?:\.\d{1,9})?) seconds\.?\s{0,9}$/;

/** Bytes, or why it is none. */
function bytesOf(printed: string): PrintedBytes | string {
  const match = VALUE.exec(printed);
  if (match === null) return 'is no number';
  const [, digits, decimals = '', unit] = match;
  const number = Number(`${digits.replaceAll('_', '')}.${decimals}`);
  if (unit === undefined) {
    if (Number(decimals) !== 0) return 'has no unit and is no whole number of bytes';
    return { value: number, granularity: 0 };
  }
  if (/^[KMGT]B$/i.test(unit)) return `is in ${unit}, which may be powers of 1000 or of 1024`;
  const size = unitBytes(unit);
  if (size === undefined) return 'has a unit that is none of memory';
  if (size === 1) return Number(decimals) === 0 ? { value: number, granularity: 0 } : 'is no whole number';
  const shown = Math.max(decimals.length, unit.toLowerCase() === 'gib' ? 2 : 0);
  return { value: Math.round(number * size), granularity: size * 10 ** -shown };
}

const isSource = (printed: string): boolean => !/\d/.test(printed) || /^[A-Za-z_]/.test(printed);

class Finder {
  readonly prints: FoundMemory[] = [];
  readonly problems: { message: string; index: number }[] = [];
  /** Behind the last thing found: what is before it names nothing that follows. */
  private done = 0;
  private readonly begins = new RegExp(BEGINS);
  private readonly pair = new RegExp(PAIR);

  constructor(private readonly text: string) {}

  find(from: number, to: number): void {
    const { begins, text } = this;
    begins.lastIndex = from;
    for (let match = begins.exec(text); match !== null && match.index < to; match = begins.exec(text)) {
      const { index } = match;
      const inside = index + match[0].length;
      let end: number;
      if (match[1] !== undefined) {
        end = Math.min(this.closing(inside), to);
        this.fieldsAt(index, inside, end, false);
      } else if (match[2] !== undefined) {
        end = Math.min(this.closing(inside), to);
        this.result(index, inside, end);
      } else if (match[4] !== undefined) {
        end = this.printed(index, Math.min(to, index + LONGEST_PRINT));
      } else {
        end = this.fieldsAt(index, index, to, match[3] === undefined);
      }
      this.done = end;
      begins.lastIndex = Math.max(end, inside);
    }
  }

  /** Index of the parenthesis that closes what is open at `from`; the text's end where none does. */
  private closing(from: number): number {
    let depth = 1;
    for (let i = from; i < this.text.length; i++) {
      if (this.text[i] === '(') depth++;
      else if (this.text[i] === ')' && --depth === 0) return i;
    }
    return this.text.length;
  }

  /** The run of pairs at `from`, each name once: the second of the same name begins another one. */
  private pairs(from: number, to: number): { readonly values: Map<string, string>; readonly end: number } {
    const values = new Map<string, string>();
    let end = from;
    for (;;) {
      this.pair.lastIndex = end;
      const match = this.pair.exec(this.text);
      if (match === null || this.pair.lastIndex > to) break;
      const name = match[1].replace(/_in_bytes$/, '');
      const key = DEVICE.test(name) ? 'cuda_memory' : name;
      if (values.has(key)) break;
      values.set(key, match[2].replace(/(?<![.'"\]])[.'"\]]+$/, ''));
      end = this.pair.lastIndex;
    }
    return { values, end };
  }

  /** A snapshot or, where `isResult`, a result in the form of pairs; index behind it. */
  private fieldsAt(index: number, from: number, to: number, isResult: boolean): number {
    const { values, end } = this.pairs(from, to);
    if (isResult) this.pushResult(index, values);
    else this.pushSnapshot(index, values);
    return Math.max(end, from);
  }

  private figures<F extends string>(
    names: readonly F[],
    values: ReadonlyMap<string, string>,
  ): { readonly fields: Partial<Record<F, PrintedBytes>>; readonly problems: readonly string[] } {
    const fields: Partial<Record<F, PrintedBytes>> = {};
    const problems: string[] = [];
    for (const name of names) {
      const printed = values.get(name);
      if (printed === undefined) continue;
      const bytes = bytesOf(printed);
      if (typeof bytes !== 'string') fields[name] = bytes;
      // Source code that prints one holds names where figures would be.
      else if (!isSource(printed))
        problems.push(`${name}=${printed.slice(0, 40)} ${bytes}: it was left out.`);
    }
    return { fields, problems };
  }

  private pushSnapshot(index: number, values: ReadonlyMap<string, string>): void {
    const { fields, problems } = this.figures(SNAPSHOT_FIELDS, values);
    if (Object.keys(fields).length < LEAST_FIELDS) return;
    const seconds = values.get('timestamp');
    const all = Object.values(fields);
    const most = Math.max(...all.map(({ value }) => Math.abs(value)));
    const small =
      all.every(({ granularity }) => granularity === 0) && most > 0 && most < 2 ** 20
        ? [
            `Numbers without a unit are bytes: the largest of this snapshot is ${most} bytes. Write GiB behind them if they are GiB.`,
          ]
        : [];
    this.prints.push({
      kind: 'snapshot',
      label: this.labelAt(index),
      index,
      fields,
      timestamp_s:
        seconds !== undefined && /^-?\d{1,12}(\.\d{1,20})?$/.test(seconds) ? Number(seconds) : null,
    });
    this.problems.push(...[...problems, ...small].map((message) => ({ message, index })));
  }

  private pushResult(index: number, values: ReadonlyMap<string, string>, seconds?: string): void {
    const { fields, problems } = this.figures(RESULT_FIELDS, values);
    if (Object.keys(fields).length === 0) return;
    const time = seconds ?? values.get('profile_time');
    this.prints.push({
      kind: 'result',
      label: this.labelAt(index),
      index,
      fields,
      profile_time_s: time !== undefined && /^\d{1,9}(\.\d{1,20})?$/.test(time) ? Number(time) : null,
    });
    this.problems.push(...problems.map((message) => ({ message, index })));
  }

  /** A plain dataclass: its own fields stand before and behind the snapshots that it holds. */
  private result(index: number, from: number, to: number): void {
    const nested = /\b(\w{1,40})=MemorySnapshot\(/g;
    const values = new Map<string, string>();
    const own = (start: number, end: number): void => {
      for (const [name, value] of this.pairs(start, end).values)
        if (!values.has(name)) values.set(name, value);
    };
    const inside: (readonly [number, number])[] = [];
    let at = from;
    nested.lastIndex = from;
    for (
      let match = nested.exec(this.text);
      match !== null && match.index < to;
      match = nested.exec(this.text)
    ) {
      own(at, match.index);
      at = Math.min(this.closing(nested.lastIndex) + 1, to);
      inside.push([match.index, at]);
      nested.lastIndex = at;
    }
    own(at, to);
    this.pushResult(index, values);
    for (const [start, end] of inside) {
      this.done = start;
      this.find(start, end);
    }
  }

  /** "Total non KV cache memory: 9.8GiB; ...": index behind it. */
  private printed(index: number, to: number): number {
    const piece = this.text.slice(index, to);
    const next = piece.search(/\btorch_peak\s?=|\bMemory profiling takes/);
    const own = next < 0 ? piece : piece.slice(0, next);
    const values = new Map<string, string>();
    let end = index;
    for (const [name, phrase] of PHRASES) {
      const match = phrase.exec(own);
      if (match === null) continue;
      values.set(name, match[1].replace(/\.$/, ''));
      end = Math.max(end, index + match.index + match[0].length);
    }
    this.pushResult(index, values, SECONDS.exec(this.text.slice(Math.max(0, index - 80), index))?.[1]);
    return end;
  }

  /** What stands before it on its line: "before" of `before = MemorySnapshot(`. */
  private labelAt(index: number): string {
    const before = this.text.slice(Math.max(0, this.done, index - LONGEST_LABELLED), index);
    return before
      .slice(before.lastIndexOf('\n') + 1)
      .replace(/^[\s\S]{0,200}?(?:DEBUG|INFO|WARNING|ERROR) \d\d-\d\d [\d:.]{5,15} \[?[^\]\s]{1,200}\] ?/, '')
      .replace(/Memory profiling takes .{0,40}$/, '')
      .replace(/MemorySnapshot\(?$/, '')
      .replace(/^[\s,;)}\]]+/, '')
      .replace(/^(?:\(Pdb\+*\)|ipdb>|>>>|(?:In|Out) ?\[\d{1,5}\]:)\s*/, '')
      .replace(/^(?:pp?|print)\s+/, '')
      .replace(/:\s?MemorySnapshot\s?=\s?$/, '')
      .replace(/(?<![\s:=({['"])[\s:=({['"]+$/, '')
      .trim()
      .slice(-80);
  }
}

/** All that the text holds, in its order. */
export function findVllmMemory(text: string): MemoryFound {
  const finder = new Finder(text);
  finder.find(0, text.length);
  return { prints: finder.prints, problems: finder.problems };
}
