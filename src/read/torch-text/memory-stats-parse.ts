/**
 * `torch.cuda.memory_stats()` as text, found line by line in whatever form it was printed:
 *
 *   {"active.all.current": 342, ...}                          json.dump, flat
 *   {"active": {"all": {"current": 342, ...}}}                 memory_stats_as_nested_dict()
 *   {'active.all.current': 342, ...}                           print() of a dict
 *   OrderedDict([('active.all.current', 342), ...])            print() of what memory_stats() returns
 *   {"rank": 1, "step": 7, "device": 2, "active.all.current": 342, ...}   a line of a log in JSON, which says whose it is
 *
 * Numbers are kept as text: max_split_size may be 2^64 - 1, which no double holds.
 */
import type { LogLine } from '../lines/log-line.ts';

export interface StatsBlock {
  /** The line before, or what stands before the first brace. */
  readonly label: string | null;
  readonly offset: number;
  /** "allocated_bytes.all.current" -> digits. */
  readonly values: Map<string, string>;
  /** Keys that stand twice in one object with unlike figures: the first figure; the later one is in `values`. */
  readonly twice: Map<string, string>;
  /** Braces that were open when it began, counted through the file. */
  readonly brace: number;
}

const GROUPS =
  'allocations|allocation|segment|active_requests|active|inactive_split|allocated_bytes|reserved_bytes|active_bytes|inactive_split_bytes|requested_bytes|oversize_allocations|oversize_segments|reserved_bytes_by_private_pools';
/** Of host_memory_stats(): microseconds spent in calls of CUDA. */
const TIMES = 'host_alloc_time|host_free_time';
/** What newer versions may count in bytes. */
const UNKNOWN = String.raw`[a-z][a-z_]{0,40}_bytes(?:_[a-z_]{1,40})?`;
const SCALARS =
  'num_alloc_retries|num_ooms|num_oom_rejections|num_sync_all_streams|num_device_alloc|num_device_free|num_host_alloc|num_host_free|max_split_size';
/** A key of memory_stats in quotes, with what must follow it. */
export const STATS_KEY = new RegExp(
  String.raw`["'](?:(?:${GROUPS}|${UNKNOWN})\.(?:[\w()\- ]{1,80}\.){0,2}(?:current|peak|allocated|freed)["']\s*[:,]|(?:${GROUPS}|${TIMES})["']\s*:\s*\{|(?:${TIMES})\.(?:total|max|min|count|avg)["']\s*[:,]|(?:${SCALARS})["']\s*[:,]\s*-?\d)`,
);
/** How every STATS_KEY begins. */
export const STATS_NEEDLES: readonly string[] = [
  ...`${GROUPS}|${TIMES}|${SCALARS}`.split('|').flatMap((name) => [`"${name}`, `'${name}`]),
  '_bytes.all.',
];
const IS_STAT = new RegExp(
  String.raw`^(?:(?:${GROUPS}|${TIMES})\.|${UNKNOWN}(?:\.[\w ()-]{1,80}){0,2}\.(?:current|peak|allocated|freed)$|(?:${SCALARS})$)`,
);
/** What a line of JSON says beside its figures: whose they are. In the order in which a label tells it. */
const WHOSE = ['device', 'rank', 'local_rank', 'pid', 'epoch', 'iteration', 'step'] as const;
const isWhose = (name: string): boolean => (WHOSE as readonly string[]).includes(name);
const TOKEN = /"([^"\\]{1,120})"|'([^'\\]{1,120})'|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([{}[\](),:])/g;
/** Lines of a nested dictionary hold nothing but its tokens. */
const ONLY_TOKENS = /^[\s{}[\](),:"'\w.-]*$/;
/** The brackets at the end of a line. */
const OPENS = /(?:OrderedDict\()?[{[(][{[(\s]{0,20}$/;
const LABEL_LENGTH = 200;
const MOST_VALUES = 4096;
/** Fewer are a line of code that names a key: memory_stats().get("allocated_bytes.all.peak", 0). */
const LEAST_VALUES = 3;
/** Deeper, it is not memory_stats. */
const MOST_DEPTH = 16;

/** What a line says of what follows, without its colon and quotes; null where that is no word. */
function trimmed(text: string): string | null {
  const said = text.trim().slice(0, LABEL_LENGTH);
  const label = said.replace(/ ?[:=]$/, '').replace(/^["']|["']$/g, '');
  return /\w/.test(label) ? label : null;
}

export class StatsLines {
  readonly blocks: StatsBlock[] = [];
  /** Offsets of blocks that ended before their last bracket. */
  readonly cut: number[] = [];
  private open: StatsBlock | null = null;
  /** Names of the objects around, the outermost first; null: an object without a name. */
  private path: (string | null)[] = [];
  private key: string | null = null;
  /** true: the next token is a key's value. */
  private isValue = false;
  /** What the object says of itself. */
  private whose = new Map<string, string>();
  /** Numbers of a tuple that may be a key, "(0, 1)": a private pool. null: none is open. */
  private tuple: string[] | null = null;
  /** Brackets open since the block began, of every kind. */
  private depth = 0;
  /** Opening braces so far. */
  private braces = 0;
  /** The line before, which may hold the brackets that open, and the one before that, which may say what follows. */
  private before: LogLine | null = null;
  private beforeThat: LogLine | null = null;

  /** true: the line is part of memory_stats. */
  take(line: LogLine): boolean {
    const at = line.text.search(STATS_KEY);
    if (this.open === null) {
      if (at < 0) {
        if (line.text.trim() !== '') this.pass(line);
        return false;
      }
      this.begin(line, at);
      return true;
    }
    if (at < 0 && !ONLY_TOKENS.test(line.text)) {
      this.end();
      if (line.text.trim() !== '') this.pass(line);
      return false;
    }
    this.tokens(line.text, line.offset);
    return true;
  }

  /** After the last line. */
  end(): void {
    if (this.open !== null && this.depth > 0) this.cut.push(this.open.offset);
    this.close();
  }

  /** Inside a dictionary, whose lines need hold no key. */
  get isOpen(): boolean {
    return this.open !== null;
  }

  /** A line, not blank, that is no part of memory_stats. */
  pass(line: LogLine): void {
    this.beforeThat = this.before;
    this.before = line;
  }

  private begin(line: LogLine, keyAt: number): void {
    const bracket = line.text.search(/OrderedDict|[{[(]/);
    const from = bracket >= 0 && bracket < keyAt ? bracket : keyAt;
    const { before, beforeThat } = this;
    const own = line.text.slice(0, from);
    // The bracket may stand at the end of the line before, after what it is: "stats of rank 3: {".
    const opening = own.trim() === '' && from === keyAt && before !== null ? OPENS.exec(before.text) : null;
    const said = opening !== null && before !== null ? before.text.slice(0, opening.index) : own;
    const above = opening === null ? before : beforeThat;
    this.before = null;
    this.beforeThat = null;
    this.open = {
      label: trimmed(said) ?? (above === null ? null : trimmed(above.text)),
      offset: opening === null ? line.offset : (before?.offset ?? line.offset),
      values: new Map(),
      twice: new Map(),
      brace: -1,
    };
    if (opening !== null) this.tokens(opening[0], this.open.offset);
    this.tokens(line.text.slice(from), line.offset);
  }

  private tokens(text: string, offset: number): void {
    for (const match of text.matchAll(TOKEN)) {
      const quoted = match[1] ?? match[2];
      if (
        match[4] !== ':' &&
        quoted !== undefined &&
        this.isValue &&
        this.key !== null &&
        isWhose(this.key)
      ) {
        // "device": "cuda:2"
        this.whose.set(this.key, quoted);
        this.key = null;
      } else if (quoted !== undefined) this.key = quoted;
      else if (match[3] !== undefined) this.number(match[3], offset);
      else this.bracket(match[4]);
      this.isValue = match[4] === ':';
    }
  }

  private number(digits: string, offset: number): void {
    const { key } = this;
    this.key = null;
    if (key === null) {
      this.tuple?.push(digits);
      return;
    }
    const path = [...this.path.filter((part) => part !== null), key];
    // Around it there may be names of its own: {"rank0": {"active.all.current": 1}}.
    const at = path.findIndex((_part, i) => IS_STAT.test(path.slice(i).join('.')));
    if (at < 0) {
      if (isWhose(key)) this.whose.set(key, digits);
      return;
    }
    const name = path.slice(at).join('.');
    const around = at === 0 ? null : path.slice(0, at).join(' ');
    const first = this.open?.values.get(name);
    // In one object the later of two is in force, as for every reader of JSON; two objects are two moments.
    if (this.open !== null && first !== undefined && this.open.brace === this.braces && this.depth > 0) {
      if (first !== digits) this.open.twice.set(name, this.open.twice.get(name) ?? first);
      this.open.values.set(name, digits);
      return;
    }
    if (this.open === null || this.open.values.has(name) || (around !== null && around !== this.open.label)) {
      if (this.open !== null) this.keep(this.open);
      this.open = {
        label: around ?? this.open?.label ?? null,
        offset,
        values: new Map(),
        twice: new Map(),
        brace: this.braces,
      };
    }
    if (this.open.brace < 0) this.open = { ...this.open, brace: this.braces };
    if (this.open.values.size < MOST_VALUES) this.open.values.set(name, digits);
  }

  private bracket(token: string): void {
    if (token === '{') {
      this.braces++;
      if (this.path.length < MOST_DEPTH) this.path.push(this.key);
      this.key = null;
      this.depth++;
    } else if (token === '[' || token === '(') {
      this.tuple = token === '(' ? [] : null;
      this.depth++;
    } else if (token === '}' || token === ']' || token === ')') {
      if (token === '}') this.path.pop();
      // As memory_stats() flattens it: "0_1".
      this.key = token === ')' && this.tuple?.length === 2 ? this.tuple.join('_') : null;
      this.tuple = null;
      if (--this.depth <= 0) this.close();
    }
  }

  private close(): void {
    const block = this.open;
    this.open = null;
    this.path = [];
    this.key = null;
    this.depth = 0;
    this.isValue = false;
    if (block !== null) this.keep(block);
    this.whose = new Map();
  }

  private keep(block: StatsBlock): void {
    if (block.values.size < LEAST_VALUES) return;
    const whose = WHOSE.flatMap((name) => {
      const value = this.whose.get(name);
      return value === undefined ? [] : [`${name} ${value}`];
    }).join(', ');
    const isNamed = block.label !== null && block.label !== 'memory_stats';
    this.blocks.push(whose === '' || isNamed ? block : { ...block, label: whose });
  }
}
