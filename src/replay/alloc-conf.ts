/**
 * Reads PYTORCH_ALLOC_CONF / PYTORCH_CUDA_ALLOC_CONF strings as PyTorch 2.11 does when a process starts: accepts what
 * it accepts, with the meaning that it gives, and refuses with its message what it refuses.
 * Source: parseArgs of c10/core/AllocatorConfig.cpp, then of c10/cuda/CUDAAllocatorConfig.cpp, each over the whole
 * string. Not read here: settings changed later by torch.cuda.memory._set_allocator_settings, which keeps some of the
 * earlier ones; backend:cudaMallocAsync, under which the caching allocator does nothing.
 */
import { fail, ok } from '../base/result.ts';
import type { Result } from '../base/result.ts';
import { choosesBlocks, explainUnknownKey, isKey } from './alloc-conf-keys.ts';
import { ConfReader, Refusal } from './alloc-conf-reader.ts';
import type { AllocConfError, AllocConfNote } from './alloc-conf-reader.ts';
import { tokenize, findConf } from './alloc-conf-tokens.ts';
import type { AllocatorSettings } from './settings.ts';
import { DEFAULT_SETTINGS, MIN_LARGE_ALLOC, ROUNDUP_CLASSES } from './settings.ts';

export interface AllocConfEntry {
  readonly key: string;
  /** As PyTorch sees it: without white space. */
  readonly value: string;
  /** Character offsets in the text as given: first character of the name, one past the value. */
  readonly start: number;
  readonly end: number;
}

export interface AllocConf {
  readonly settings: AllocatorSettings;
  /** Every setting in the order of the string; of one that is given twice the last counts. */
  readonly entries: readonly AllocConfEntry[];
  /** Names among `entries` that do not change which block a request gets, each once. */
  readonly ignored: readonly string[];
  readonly notes: readonly AllocConfNote[];
}

type Draft = { -readonly [K in keyof AllocatorSettings]: AllocatorSettings[K] };

const MIB = 1 << 20;
/** Sizes in MiB are cut to what 64 bits hold in bytes. */
const MOST_MIB = ((1n << 64n) - 1n) >> 20n;
const MOST_REGISTER_THREADS = 128n;
const isPowerOf2 = (n: bigint): boolean => n !== 0n && (n & (n - 1n)) === 0n;
const log2 = (power: bigint): number => power.toString(2).length - 1;

/**
 * The settings that `text` gives to a process that starts with it. `text` is the bare string, or a line that sets the
 * variable (`export PYTORCH_CUDA_ALLOC_CONF="..."`).
 */
export const parseAllocConf = (text: string): Result<AllocConf, AllocConfError> => parse(text, false);

/** The same for a string of another version of PyTorch: names that 2.11 does not know are passed over. */
export const parseAllocConfOfAnyVersion = (text: string): Result<AllocConf, AllocConfError> =>
  parse(text, true);

function parse(text: string, passUnknown: boolean): Result<AllocConf, AllocConfError> {
  const { conf, offset } = findConf(text);
  const reader = new ConfReader(tokenize(conf, offset), offset + conf.trimEnd().length);
  const draft: Draft = { ...DEFAULT_SETTINGS };
  const entries: AllocConfEntry[] = [];
  try {
    readLargeSegmentSizes(reader, draft);
    readSettings(reader, draft, entries, passUnknown);
    readCudaSettings(reader, draft, passUnknown);
  } catch (thrown) {
    if (thrown instanceof Refusal) return fail(thrown.data);
    throw thrown;
  }
  const ignored = new Set(entries.map((entry) => entry.key).filter((key) => !choosesBlocks(key)));
  return ok({ settings: draft, entries, ignored: [...ignored], notes: reader.notes });
}

/** First pass: the other sizes have to be at least as large as this one, and one of them follows it. */
function readLargeSegmentSizes(reader: ConfReader, draft: Draft): void {
  for (let i = 0; i < reader.tokens.length; i++) {
    if (reader.begin(i) !== 'large_segment_size_mb') continue;
    reader.skip(++i, ':');
    const mib = reader.toSize(++i);
    if (mib <= BigInt(MIN_LARGE_ALLOC / MIB))
      throw reader.refuse(
        i,
        'CachingAllocator option large_segment_size_mb must be > 10 MB',
        'The size is too small.',
        'write 11 or more',
      );
    draft.largeSegmentSize = bytesOf(mib);
  }
  draft.maxNonSplitRounding = draft.largeSegmentSize;
}

/** Second pass: the settings of every kind of device. */
function readSettings(
  reader: ConfReader,
  draft: Draft,
  entries: AllocConfEntry[],
  passUnknown: boolean,
): void {
  const { tokens } = reader;
  for (let i = 0; i < tokens.length; i++) {
    const first = i;
    const key = reader.begin(i);
    switch (key) {
      case 'max_split_size_mb':
        draft.maxSplitSize = readSize(reader, (i += 2), key, draft);
        break;
      case 'max_non_split_rounding_mb':
        draft.maxNonSplitRounding = readSize(reader, (i += 2), key, draft);
        break;
      case 'garbage_collection_threshold':
        draft.garbageCollectionThreshold = readThreshold(reader, (i += 2));
        break;
      case 'roundup_power2_divisions':
        [draft.roundupDivisions, i] = readDivisions(reader, i + 2, draft.roundupDivisions);
        break;
      case 'expandable_segments':
        reader.skip(i + 1, ':');
        draft.expandableSegments = reader.toBool((i += 2));
        break;
      case 'pinned_use_background_threads':
        reader.skip(i + 1, ':');
        reader.toBool((i += 2));
        break;
      default:
        if (!passUnknown) checkKey(reader, i, 'Accelerator');
        i = reader.skipKey(i);
    }
    if (entries.some((entry) => entry.key === key))
      reader.note(first, `${key} is given twice: the last one counts.`);
    const value = tokens.slice(first + 2, i + 1).map((token) => token.text);
    entries.push({ key, value: value.join(''), start: tokens[first].start, end: tokens[i].end });
    if (i + 1 < tokens.length) reader.skip(++i, ',');
  }
}

/** Third pass: the settings of CUDA devices. */
function readCudaSettings(reader: ConfReader, draft: Draft, passUnknown: boolean): void {
  const { tokens } = reader;
  for (let i = 0; i < tokens.length; i++) {
    switch (reader.begin(i)) {
      case 'backend':
        readBackend(reader, (i += 2));
        break;
      case 'release_lock_on_cudamalloc':
      case 'release_lock_on_hipmalloc':
      case 'pinned_use_cuda_host_register':
      case 'pinned_use_hip_host_register':
      case 'graph_capture_record_stream_reuse':
        reader.skip(i + 1, ':');
        reader.toBool((i += 2));
        break;
      case 'pinned_num_register_threads':
        readRegisterThreads(reader, (i += 2));
        break;
      case 'pinned_reserve_segment_size_mb':
        reader.skip(i + 1, ':');
        if (reader.toSize((i += 2)) === 0n)
          throw reader.refuse(
            i,
            'Pinned reserve segment size has to be greater than 0',
            'The size is 0.',
            'write 1 or more, or leave the setting out',
          );
        break;
      case 'per_process_memory_fraction':
        draft.perProcessMemoryFraction = readFraction(reader, (i += 2));
        break;
      default:
        if (!passUnknown) checkKey(reader, i, 'CUDA');
        i = reader.skipKey(i);
    }
    if (i + 1 < tokens.length) reader.skip(++i, ',');
  }
}

function checkKey(reader: ConfReader, i: number, device: string): void {
  const token = reader.tokens[i];
  if (isKey(token.text)) return;
  throw new Refusal(
    `Unrecognized key '${token.text}' in ${device} allocator config.`,
    explainUnknownKey(token, reader.tokens.slice(0, i)),
  );
}

const bytesOf = (mib: bigint): number => Number(mib < MOST_MIB ? mib : MOST_MIB) * MIB;

/** Value in MiB at token `i`, in bytes; not smaller than the segments of the large pool. */
function readSize(reader: ConfReader, i: number, key: string, draft: Draft): number {
  reader.skip(i - 1, ':');
  const mib = reader.toSize(i);
  const least = Math.floor(draft.largeSegmentSize / MIB);
  if (mib < BigInt(least))
    throw reader.refuse(
      i,
      `CachingAllocator option ${key} too small, must be >= ${least}`,
      'The size is smaller than the segments that requests below 10 MiB share.',
      `write ${least} or more`,
    );
  if (mib > MOST_MIB)
    reader.note(
      i,
      `PyTorch reads ${reader.text(i)} as ${mib} and cuts it to ${MOST_MIB} MiB: as good as no limit.`,
    );
  return bytesOf(mib);
}

function readThreshold(reader: ConfReader, i: number): number {
  reader.skip(i - 1, ':');
  const threshold = reader.toDouble(i);
  if (threshold > 0 && threshold < 1) return threshold;
  throw reader.refuse(
    i,
    'garbage_collect_threshold is invalid, set it in (0.0, 1.0)',
    'The threshold is a share of the memory limit: more than 0 and less than 1.',
    threshold === 0 ? 'leave the setting out: 0 is its default' : 'write 0.8, say',
  );
}

/** 1 is no limit (setMemoryFraction of c10/cuda/CUDACachingAllocator.cpp). */
function readFraction(reader: ConfReader, i: number): number | null {
  reader.skip(i - 1, ':');
  const fraction = reader.toDouble(i);
  if (!(fraction >= 0 && fraction <= 1))
    throw reader.refuse(
      i,
      'per_process_memory_fraction is invalid, set it in [0.0, 1.0]',
      "The fraction is a share of the device's memory: from 0 to 1.",
      'write 0.5, say',
    );
  return fraction === 1 ? null : fraction;
}

/** Divisions by size class, and the index of the last token of the value that begins at token `i`. */
function readDivisions(reader: ConfReader, i: number, before: readonly number[]): [number[], number] {
  reader.skip(i - 1, ':');
  if (reader.text(i) !== '[') {
    const divisions = reader.toSize(i);
    if (!isPowerOf2(divisions))
      throw reader.refuse(
        i,
        'For roundups, the divisions has to be power of 2 ',
        `${divisions} is not a power of two.`,
        divisions === 0n ? 'leave the setting out: no rounding is its default' : powersNear(divisions),
      );
    return [new Array<number>(ROUNDUP_CLASSES).fill(Number(divisions)), i];
  }
  const classes = [...before];
  let isFirst = true;
  let last = 0;
  while (++i < reader.tokens.length && reader.text(i) !== ']') {
    const interval = i;
    reader.skip(++i, ':');
    const divisions = reader.toSize(++i);
    if (divisions !== 0n && !isPowerOf2(divisions))
      throw reader.refuse(
        i,
        'For roundups, the divisions has to be power of 2 or 0 to disable roundup ',
        `${divisions} is neither 0 nor a power of two.`,
        powersNear(divisions),
      );
    if (reader.text(interval) === '>') classes.fill(Number(divisions), last + 1);
    else {
      const index = readInterval(reader, interval);
      // What lies below the first interval goes with it.
      classes.fill(Number(divisions), isFirst ? 0 : index, index + 1);
      isFirst = false;
      last = index;
    }
    if (reader.text(i + 1) !== ']') reader.skip(++i, ',');
  }
  reader.closed(i);
  return [classes, i];
}

/** Class of an interval of the list, given in MiB. */
function readInterval(reader: ConfReader, i: number): number {
  const mib = reader.toSize(i);
  if (!isPowerOf2(mib))
    throw reader.refuse(
      i,
      'For roundups, the intervals have to be power of 2 ',
      `${mib} is not a power of two (it is a size in MiB).`,
      powersNear(mib),
    );
  const index = log2(mib);
  if (index >= ROUNDUP_CLASSES) reader.note(i, `${mib} MiB is read as 32768, the last size there is.`);
  return Math.min(index, ROUNDUP_CLASSES - 1);
}

function powersNear(n: bigint): string {
  if (n < 2n) return 'write 1, 2, 4, 8 ...';
  const below = 1n << BigInt(log2(n));
  return `write ${below} or ${below << 1n}`;
}

function readBackend(reader: ConfReader, i: number): void {
  reader.skip(i - 1, ':');
  const backend = reader.text(i);
  if (backend === 'native') return;
  if (backend === 'cudaMallocAsync')
    throw reader.refuse(
      i,
      'Allocator backend parsed at runtime != allocator backend parsed at load time, cudaMallocAsync != native',
      "A process that starts with this uses CUDA's own pool: there are no blocks of the caching allocator to replay.",
      'write backend:native, or leave the setting out',
    );
  throw reader.refuse(
    i,
    'Unknown allocator backend, options are native and cudaMallocAsync',
    `There is no backend '${backend}'.`,
    'write backend:native, or leave the setting out',
  );
}

function readRegisterThreads(reader: ConfReader, i: number): void {
  reader.skip(i - 1, ':');
  const threads = reader.toSize(i);
  if (!isPowerOf2(threads))
    throw reader.refuse(
      i,
      `Number of register threads has to be power of 2, got ${threads}`,
      `${threads} is not a power of two.`,
      powersNear(threads),
    );
  if (threads > MOST_REGISTER_THREADS)
    throw reader.refuse(
      i,
      `Number of register threads should be less than or equal to ${MOST_REGISTER_THREADS}, got ${threads}`,
      'There are too many threads.',
      `write ${MOST_REGISTER_THREADS} or less`,
    );
}
