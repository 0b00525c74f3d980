/**
 * What the words before a printed figure say of it: which memory is meant, a level or a peak, in which unit.
 *
 *   "max_memory_allocated_gb"      allocated, the peak, GB
 *   "device memory used"           used, of the whole device
 *   "GPU memory delta"             null: no level
 *
 * Not meant: what was asked for, planned, saved or moved; shares; rates; files.
 */
import { lookup } from '../../base/lookup.ts';

/** free and total are the device's; used is whatever the printing program counts. */
export type Quantity = 'allocated' | 'reserved' | 'active' | 'used' | 'free' | 'total';

export interface Meaning {
  readonly quantity: Quantity;
  readonly peak: boolean;
  /** host: the machine's own memory. */
  readonly scope: 'device' | 'host' | 'program';
  /** true: the words name memory, and not only "used", "free" or "total". */
  readonly named: boolean;
  /** What of the program it is of, where it is not all: "the model". */
  readonly part?: string;
}

/** "max_memory_allocated_gb", "peakMemoryActive", "memory/max_mem (GiB)" in words. */
export const wordsOf = (label: string): string[] =>
  label
    .replace(/([KMGT])iB/g, ' $1ib ')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Words of figures that are no level of memory in use. */
const NO_LEVEL = set(
  'delta diff difference change increase increased decrease grew growth leaked freed released reclaimed saved saving ' +
    'savings throughput bandwidth speed rate per percent pct ratio util utilization utilisation fraction efficiency ' +
    'time elapsed tokens token params parameters loss lr temperature temp clock requested requesting request need ' +
    'needs needed require requires required estimate estimated estimation expected threshold tried retries ooms ' +
    'unallocated inactive fragmentation fragmented split splits kv prefix disk file files checkpoint download dataset ' +
    'swapped bar consumed begin end sm mem_clock frequency version interval size sizes shape count num fits gain ' +
    'overhead padding transferred sent received read written write block blocks page pages score ecc errors error ' +
    'usable headroom quota charged cost price bus width fraction allocations frees segments segment',
);
const MEMORY = set('memory mem vram hbm gpumem gmem cudamem');
const HOST = set('cpu ram host system virtual rss vms swap pinned uss shm');
const DEVICE = set('device smi nvml card board hbm gpus');
const PEAK = set('max peak maximum highest maxmem');
const RESERVED = set('reserved cached caching reserve');
const ALLOCATED = set('allocated alloc allocation allocs');
const FREE = set('free available avail remaining left unused');
const TOTAL = set('total capacity tot');
const USED = set('used usage use using occupied consumption inuse');

const UNITS: Readonly<Record<string, string>> = lookup({
  kb: 'KB',
  mb: 'MB',
  gb: 'GB',
  tb: 'TB',
  kib: 'KiB',
  mib: 'MiB',
  gib: 'GiB',
  tib: 'TiB',
  bytes: 'B',
  byte: 'B',
  gigabytes: 'GB',
  megabytes: 'MB',
});

/** The unit that a label names: "memory (MB)", "gpu_mem_gb". null: none. */
export function unitIn(words: readonly string[]): string | null {
  for (let at = words.length - 1; at >= 0; at--) {
    if (Object.hasOwn(UNITS, words[at])) return UNITS[words[at]];
  }
  return null;
}

const has = (words: readonly string[], among: ReadonlySet<string>): boolean =>
  words.some((word) => among.has(word));

/** true: what they name is no level of memory. */
export const isNoLevel = (words: readonly string[]): boolean => has(words, NO_LEVEL);

export const isOfGpu = (words: readonly string[]): boolean =>
  !has(words, HOST) &&
  words.some((word) => word === 'gpu' || word === 'cuda' || word === 'npu' || DEVICE.has(word));

/** What the words mean; null: no level of memory. */
export function meaningOf(words: readonly string[]): Meaning | null {
  if (words.length === 0 || isNoLevel(words)) return null;
  const memory = has(words, MEMORY);
  const quantity: Quantity | null = has(words, ALLOCATED)
    ? 'allocated'
    : has(words, RESERVED)
      ? 'reserved'
      : words.includes('active')
        ? 'active'
        : has(words, FREE)
          ? 'free'
          : has(words, USED)
            ? 'used'
            : has(words, TOTAL)
              ? 'total'
              : memory
                ? 'used'
                : null;
  if (quantity === null) return null;
  const scope = has(words, HOST) ? 'host' : has(words, DEVICE) ? 'device' : 'program';
  const named = memory || quantity === 'allocated' || quantity === 'reserved';
  return { quantity, peak: has(words, PEAK), scope, named };
}

/** Words that say of a figure only that it is a peak, or the level now: the quantity is that of the figure before. */
export const isOnlyPeak = (words: readonly string[]): boolean =>
  words.length > 0 &&
  words.length <= 2 &&
  has(words, PEAK) &&
  words.every((word) => PEAK.has(word) || word === 'so');
