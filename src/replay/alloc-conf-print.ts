/** Allocator settings as the string, and the line of a shell script, that give them to a process (PyTorch 2.11). */
import type { AllocatorSettings } from './settings.ts';
import { DEFAULT_SETTINGS, LARGE_SEGMENT, MIN_LARGE_ALLOC, ROUNDUP_CLASSES } from './settings.ts';

const MIB = 1 << 20;

/**
 * The string that parseAllocConf reads back as the same settings, with the fewest settings in one fixed order and the
 * shortest list of ascending intervals; "" for the defaults. A fraction of 1 is the same as none.
 * Throws RangeError where no string gives these settings: a size that is no whole number of MiB or is below the
 * size of the large segments, divisions that are no power of two, a threshold or fraction out of range.
 */
export function printAllocConf(settings: AllocatorSettings): string {
  const parts: string[] = [];
  const least = settings.largeSegmentSize;
  if (settings.expandableSegments) parts.push('expandable_segments:True');
  if (settings.maxSplitSize !== Infinity)
    parts.push(`max_split_size_mb:${mibOf(settings.maxSplitSize, least, 'max_split_size')}`);
  if (settings.maxNonSplitRounding !== least)
    parts.push(
      `max_non_split_rounding_mb:${mibOf(settings.maxNonSplitRounding, least, 'max_non_split_rounding')}`,
    );
  if (least !== LARGE_SEGMENT)
    parts.push(`large_segment_size_mb:${mibOf(least, MIN_LARGE_ALLOC + MIB, 'large_segment_size')}`);
  const threshold = settings.garbageCollectionThreshold;
  if (threshold !== DEFAULT_SETTINGS.garbageCollectionThreshold) {
    if (!(threshold > 0 && threshold < 1))
      throw new RangeError(`No string sets garbage_collection_threshold ${threshold}.`);
    parts.push(`garbage_collection_threshold:${threshold}`);
  }
  const divisions = printDivisions(settings.roundupDivisions);
  if (divisions !== '') parts.push(`roundup_power2_divisions:${divisions}`);
  const fraction = settings.perProcessMemoryFraction ?? 1;
  if (fraction !== 1) {
    if (!(fraction >= 0 && fraction < 1))
      throw new RangeError(`No string sets per_process_memory_fraction ${fraction}.`);
    parts.push(`per_process_memory_fraction:${fraction}`);
  }
  return parts.join(',');
}

/**
 * The environment line for a shell. PYTORCH_ALLOC_CONF is the newer name, and PyTorch 2.9 warns that this one is
 * deprecated; but 2.9.1 does not give expandable_segments of the newer name to CUDA
 * (https://github.com/pytorch/pytorch/issues/183387), 2.11 reads this one first where both are set, and versions
 * before know no other.
 * Throws RangeError as printAllocConf does.
 */
export function allocConfLine(settings: AllocatorSettings): string {
  const conf = printAllocConf(settings);
  // '>' would redirect and '[' be expanded by a shell.
  return `PYTORCH_CUDA_ALLOC_CONF=${/[[>]/.test(conf) ? `'${conf}'` : conf}`;
}

/** Whole MiB, from which the parser gets `bytes` again. */
function mibOf(bytes: number, least: number, name: string): number {
  const mib = bytes / MIB;
  if (!Number.isInteger(mib) || bytes < least || mib >= 2 ** 44)
    throw new RangeError(`No string sets ${name} to ${bytes} bytes.`);
  return mib;
}

/** One number or a list; "" where every class is 0. */
function printDivisions(classes: readonly number[]): string {
  const isValid = (n: number): boolean =>
    n === 0 || (n >= 1 && n < 2 ** 64 && Number.isInteger(Math.log2(n)));
  if (classes.length !== ROUNDUP_CLASSES || !classes.every(isValid))
    throw new RangeError(`No string sets roundup_power2_divisions to ${classes.join(',')}.`);
  const first = classes[0];
  if (classes.every((n) => n === first)) return first === 0 ? '' : String(BigInt(first));
  // '>' alone leaves the first class at 0.
  if (first === 0 && classes.every((n, i) => i === 0 || n === classes[1])) return `[>:${BigInt(classes[1])}]`;
  // The first interval takes all classes below it along, so it can end the first run, or begin it.
  const run = classes.findIndex((n) => n !== first);
  const list = [0, run - 1].map((start) => shortestFrom(classes, start)).reduce(better);
  return `[${list.text}]`;
}

interface List {
  readonly text: string;
  readonly entries: number;
  /** Entries that are '>'. */
  readonly fills: number;
}

/** Fewer entries are better, then fewer '>', then fewer characters. */
const better = (a: List, b: List): List =>
  (b.entries - a.entries || b.fills - a.fills || b.text.length - a.text.length) < 0 ? b : a;

const add = (list: List | null, interval: string, divisions: number): List => ({
  text: `${list === null ? '' : `${list.text},`}${interval}:${BigInt(divisions)}`,
  entries: (list?.entries ?? 0) + 1,
  fills: (list?.fills ?? 0) + (interval === '>' ? 1 : 0),
});

/**
 * The best list that begins with class `start` and goes from left to right. After an interval, '>' can fill all the
 * classes beyond it, of which later entries change some again.
 */
function shortestFrom(classes: readonly number[], start: number): List {
  const values = [...new Set(classes.slice(start + 1))];
  // By what the classes after this one are filled with: the best list that is right up to this one.
  let best = new Map<number, List>();
  const offer = (into: Map<number, List>, filled: number, list: List): void => {
    const known = into.get(filled);
    into.set(filled, known === undefined ? list : better(known, list));
  };
  const write = (into: Map<number, List>, index: number, filled: number, before: List | null): void => {
    const list = add(before, String(2 ** index), classes[index]);
    offer(into, filled, list);
    for (const value of values) if (value !== filled) offer(into, value, add(list, '>', value));
  };
  write(best, start, 0, null);
  for (let i = start + 1; i < ROUNDUP_CLASSES; i++) {
    const next = new Map<number, List>();
    for (const [filled, list] of best) {
      if (classes[i] === filled) offer(next, filled, list);
      write(next, i, filled, list);
    }
    best = next;
  }
  return [...best.values()].reduce(better);
}
