/**
 * A filter as people type it: terms with blanks between them, all of which must hold.
 *
 *   size>1MiB stream:7 frame:attention lifetime<5ms        -frame:optimizer: what has no such frame
 *   0x7fe592000000   b7fe592000000_2   =24576   >64MiB     live@peak   5.2s..5.4s   never-freed   "two words"
 *
 * What is no term is an error with its place in the text: nothing is left out of a filter in silence.
 */
import { sizeOf } from '../../base/size.ts';
import { typedPattern } from '../../base/typed-pattern.ts';
import { NONE } from '../../trace/schema.ts';
import type { Frame, StackTable } from '../../trace/stack-table.ts';
import type { Bound, LifeFilter } from './life-filter.ts';

/** What the words of a filter refer to. */
export interface ExpressionScope {
  readonly streams: readonly string[];
  /** Names by number of the `group` column. */
  readonly groups: readonly string[];
  readonly stacks: StackTable;
  readonly rows: number;
  /** Row after which most was requested. */
  readonly peakRow: number;
  /** High word that addresses of the lives count from. */
  readonly origin: number;
  /** The line that made what has this stack. */
  labelOf(stack: number): string;
  /** First row at or after a moment, nanoseconds from the start. */
  rowAt(ns: number): number;
}

export interface ExpressionFault {
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export type Parsed =
  | { readonly ok: true; readonly filter: LifeFilter }
  | { readonly ok: false; readonly fault: ExpressionFault };

/** Every kind of term with an example, for the sheet of help and for errors. */
export const TERMS: readonly (readonly [string, string])[] = [
  ['size>1MiB  size=24576  >64MiB', 'requested bytes'],
  ['lifetime<5ms', 'from its allocation to its end'],
  ['stream:7', 'the stream that it was allocated on'],
  ['pool:small  pool:large', 'the pool that served it'],
  ['frame:attention  frame:/attn|mlp/', 'a frame of its stack, by name, file or file:line'],
  ['made-by:"forward model.py:97"', 'made by this line, as views name it'],
  ['0x7fe592000000', 'holds this address; b7fe592000000_2 is its third life there'],
  ['live@peak  live@end  live@5.2s  live@139440', 'alive at a moment, a time or an event'],
  ['5.2s..5.4s  made:100..200  ended:5.2s..5.4s', 'alive, made or ended in a range of time or events'],
  ['never-freed  freed', 'whether the recording ends it'],
  ['made-before', 'made before the recording'],
  ['-frame:optimizer', 'not this'],
];

interface Word {
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

/** Words of the text. Blanks between quotes do not part, nor do those of a /regular expression/. */
function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/(?:(?<=^|[\s:-])\/(?:[^/\\]|\\.)+\/(?=\s|$)|"[^"]*"?|[^\s"])+/g))
    words.push({ text: match[0], from: match.index, to: match.index + match[0].length });
  return words;
}

class Fault extends Error {}

const ALL: Bound = { least: -Infinity, most: Infinity };

function narrowed(before: Bound | undefined, { least, most }: Bound): Bound {
  const { least: from, most: to } = before ?? ALL;
  return { least: Math.max(from, least), most: Math.min(to, most) };
}

/** Bounds of integers by a comparison. */
function boundOf(sign: string, value: number): Bound {
  switch (sign) {
    case '>':
      return { least: Math.floor(value) + 1, most: Infinity };
    case '>=':
      return { least: Math.ceil(value), most: Infinity };
    case '<':
      return { least: -Infinity, most: Math.ceil(value) - 1 };
    case '<=':
      return { least: -Infinity, most: Math.floor(value) };
    default:
      return { least: value, most: value };
  }
}

const NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  min: 60e9,
};

/** Nanoseconds of "5ms", "5.2s"; null: no duration. */
export function durationOf(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|μs|ms|s|min)$/i.exec(text);
  return match === null ? null : Number(match[1]) * NS[match[2].toLowerCase()];
}

const unquoted = (text: string): string => text.replaceAll('"', '');

/** Frames that a text or /expression/ is in: name, file, or "file:line". Throws where it is no regular expression. */
export function framesThat(stacks: { readonly frames: readonly Frame[] }, wanted: string): Uint8Array {
  const isExpression = wanted.length > 1 && wanted.startsWith('/') && wanted.endsWith('/');
  const passes = new Uint8Array(stacks.frames.length);
  let test: (text: string) => boolean;
  if (isExpression) {
    const typed = typedPattern(wanted.slice(1, -1));
    if (typeof typed === 'string') throw new Fault(`${wanted} ${typed}`);
    test = typed;
  } else {
    const text = wanted.toLowerCase();
    test = (of) => of.toLowerCase().includes(text);
  }
  stacks.frames.forEach((frame, i) => {
    passes[i] = test(frame.name) || test(`${frame.filename}:${frame.line}`) ? 1 : 0;
  });
  return passes;
}

/** Nodes whose stack has such a frame: a caller's node comes before that of what it calls. */
export function stacksThat(stacks: StackTable, wanted: string): Uint8Array {
  const frames = framesThat(stacks, wanted);
  const { parent, frame } = stacks.columns(0, stacks.length);
  const passes = new Uint8Array(stacks.length);
  for (let node = 0; node < passes.length; node++)
    passes[node] = frames[frame[node]] === 1 || (parent[node] < node && passes[parent[node]] === 1) ? 1 : 0;
  return passes;
}

class Builder {
  private readonly filter: { -readonly [Key in keyof LifeFilter]: LifeFilter[Key] } = {};
  /** Whether what has no stack passes what was asked of frames so far. */
  private stackless = true;

  constructor(private readonly scope: ExpressionScope) {}

  finish(): LifeFilter {
    if (this.filter.stacks !== undefined) this.filter.passesStackless = this.stackless;
    return this.filter;
  }

  add(word: string): void {
    const isNot = word.length > 1 && word.startsWith('-');
    const term = isNot ? word.slice(1) : word;
    if (isNot && !/^(frame|file|line|made-by|stream|pool|kind):/i.test(term) && !/^["/a-z_]/i.test(term))
      throw new Fault('only frames, streams and pools can be left out with "-"');
    const compared = /^(size|requested|bytes|lifetime|life)?(>=|<=|>|<|=)(.+)$/i.exec(term);
    if (compared !== null && !isNot) return this.compare(compared[1] ?? 'size', compared[2], compared[3]);
    const named = /^([a-z-]+):(.+)$/i.exec(term);
    if (named !== null && this.named(named[1].toLowerCase(), unquoted(named[2]), isNot)) return;
    if (!isNot && (this.address(term) || this.moment(term) || this.range('alive', term))) return;
    if (!isNot && /^never-?freed$/i.test(term)) this.filter.neverFreed = true;
    else if (!isNot && /^freed$/i.test(term)) this.filter.neverFreed = false;
    else if (!isNot && /^made-before$/i.test(term)) this.filter.madeIn = [-1, 0];
    else this.frame(unquoted(term), isNot);
  }

  private compare(what: string, sign: string, value: string): void {
    if (what.toLowerCase().startsWith('life')) {
      const ns = durationOf(value);
      if (ns === null) throw new Fault(`"${value}" is no time: write 5ms, 1.5s, 20us`);
      this.filter.lifetimeNs = narrowed(this.filter.lifetimeNs, boundOf(sign, ns));
    } else {
      const bytes = sizeOf(value);
      if (bytes === null) throw new Fault(`"${value}" is no size: write 512, 1MiB, 2.5GiB`);
      this.filter.requested = narrowed(this.filter.requested, boundOf(sign, bytes));
    }
  }

  /** false: no such name, so that the word is a text with a colon in it ("model.py:41"). */
  private named(name: string, value: string, isNot: boolean): boolean {
    switch (name) {
      case 'stream':
        this.filter.streams = this.chosen(this.scope.streams, value, isNot, this.filter.streams, 'stream');
        return true;
      case 'pool':
      case 'kind':
        this.filter.groups = this.chosen(this.scope.groups, value, isNot, this.filter.groups, name);
        return true;
      case 'frame':
      case 'file':
      case 'line':
        this.frame(value, isNot);
        return true;
      case 'made-by':
        this.madeBy(value, isNot);
        return true;
      case 'size':
      case 'lifetime':
        this.compare(name, '=', value);
        return true;
      case 'made':
      case 'ended':
      case 'alive':
        if (!this.range(name, value)) throw new Fault(`"${value}" is no range: write 5.2s..5.4s or 100..200`);
        return true;
      default:
        return false;
    }
  }

  private chosen(
    names: readonly string[],
    value: string,
    isNot: boolean,
    before: ReadonlySet<number> | undefined,
    what: string,
  ): ReadonlySet<number> {
    const wanted = value.toLowerCase();
    const isIt = (name: string): boolean =>
      what === 'stream' ? name.toLowerCase() === wanted : name.toLowerCase().startsWith(wanted);
    if (!names.some(isIt))
      throw new Fault(`there is no ${what} "${value}"; there are ${names.slice(0, 6).join(', ')}`);
    const all = names.map((_, i) => i).filter((i) => isIt(names[i]) !== isNot);
    return new Set(before === undefined ? all : all.filter((i) => before.has(i)));
  }

  private frame(wanted: string, isNot: boolean): void {
    const nodes = stacksThat(this.scope.stacks, wanted);
    if (isNot) nodes.forEach((passes, i) => (nodes[i] = 1 - passes));
    this.narrow(nodes, isNot);
  }

  /** `wanted`: as views name it; what has no stack is named by why. */
  private madeBy(wanted: string, isNot: boolean): void {
    const { stacks } = this.scope;
    const passes = (stack: number): boolean => (unquoted(this.scope.labelOf(stack)) === wanted) !== isNot;
    this.narrow(
      Uint8Array.from({ length: stacks.length }, (_, stack) => (passes(stack) ? 1 : 0)),
      passes(NONE),
    );
  }

  private narrow(nodes: Uint8Array, passesStackless: boolean): void {
    const { filter } = this;
    if (!passesStackless) this.stackless = false;
    const { stacks } = filter;
    filter.stacks = stacks === undefined ? nodes : nodes.map((passes, i) => passes & stacks[i]);
  }

  private address(term: string): boolean {
    const found = /^(?:0x([0-9a-f]{1,16})|b'?([0-9a-f]{6,16})(?:_(\d+))?)$/i.exec(term);
    if (found === null) return false;
    const at = Number(BigInt(`0x${found[1] ?? found[2]}`) - (BigInt(this.scope.origin) << 32n));
    this.filter.addresses = [at, at + 1];
    if (found[3] !== undefined) this.filter.reuse = Number(found[3]);
    return true;
  }

  private moment(term: string): boolean {
    const found = /^live@(.+)$/i.exec(term);
    if (found === null) return false;
    const { rows, peakRow } = this.scope;
    const at = found[1].toLowerCase();
    if (at === 'peak') this.filter.aliveAfter = peakRow;
    else if (at === 'end') this.filter.aliveAfter = rows - 1;
    else {
      const ns = durationOf(at);
      const row = ns === null ? (/^\d+$/.test(at) ? Number(at) : NaN) : this.scope.rowAt(ns + 1) - 1;
      if (!(row < rows))
        throw new Fault(`"${found[1]}" is no moment: write peak, end, 5.2s, or an event below ${rows}`);
      this.filter.aliveAfter = row;
    }
    return true;
  }

  private range(what: string, term: string): boolean {
    const [from, to, ...more] = term.split('..');
    if (to === undefined || more.length > 0) return false;
    const row = (text: string): number => {
      const ns = durationOf(text);
      return ns !== null ? this.scope.rowAt(ns) : /^\d+$/.test(text) ? Number(text) : NaN;
    };
    const rows = [row(from), row(to)] as const;
    if (rows.some(Number.isNaN)) return false;
    if (rows[1] < rows[0]) throw new Fault(`${term} ends before it begins`);
    const key = what === 'made' ? 'madeIn' : what === 'ended' ? 'endedIn' : 'aliveIn';
    this.filter[key] = rows;
    return true;
  }
}

/** Fails with the place of the first word that is no term. */
export function parseFilter(text: string, scope: ExpressionScope): Parsed {
  const builder = new Builder(scope);
  for (const { text: word, from, to } of wordsOf(text)) {
    try {
      builder.add(word);
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      return { ok: false, fault: { from, to, why: thrown.message } };
    }
  }
  return { ok: true, filter: builder.finish() };
}
