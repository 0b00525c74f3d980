/**
 * The settings under which a snapshot was recorded, from the text pairs that its reader keeps of `allocator_settings`
 * (PyTorch 2.3 and newer), and which of them it does not tell.
 */
import { printAllocConf } from './alloc-conf-print.ts';
import type { Setting } from '../trace/capture.ts';
import { parseAllocConfOfAnyVersion } from './alloc-conf.ts';
import type { AllocConfError } from './alloc-conf-reader.ts';
import type { AllocatorSettings } from './settings.ts';
import { DEFAULT_SETTINGS, ROUNDUP_CLASSES } from './settings.ts';

/**
 * Where a setting comes from. `field`: a field of its own, in force when the snapshot was taken. `conf`: the recorded
 * configuration string, by what it says or leaves out. `assumed`: not recorded; the default is taken.
 */
export type SettingOrigin = 'field' | 'conf' | 'assumed';

export interface SnapshotSettings {
  readonly settings: AllocatorSettings;
  readonly origins: Readonly<Record<keyof AllocatorSettings, SettingOrigin>>;
  /** The settings whose origin is `assumed`. */
  readonly notRecorded: readonly (keyof AllocatorSettings)[];
  /** Settings whose field is not what the recorded string says: changed after the start of the process. */
  readonly changed: readonly (keyof AllocatorSettings)[];
  /** The recorded string, or null where there is none. */
  readonly conf: string | null;
  /** Why that string could not be read, or null. */
  readonly confError: AllocConfError | null;
}

type FieldReader<T> = (text: string) => T | null;
type Fields = {
  readonly [K in keyof AllocatorSettings]?: readonly [string, FieldReader<AllocatorSettings[K]>];
};

/** The settings that have a field. Fields whose text is not understood count as not recorded. */
const FIELDS: Fields = {
  maxSplitSize: ['max_split_size', readSplitSize],
  garbageCollectionThreshold: ['garbage_collection_threshold', readThreshold],
  expandableSegments: ['expandable_segments', readFlag],
  roundupDivisions: ['roundup_power2_divisions', readDivisions],
};

/** Settings of the recording, from `SourceData.settings`. */
export function settingsOfSnapshot(pairs: readonly Setting[]): SnapshotSettings {
  const texts = new Map(pairs.map(([name, value]) => [name, value]));
  const conf = texts.get('PYTORCH_CUDA_ALLOC_CONF') ?? null;
  const parsed = conf === null ? null : parseAllocConfOfAnyVersion(conf);
  const stated = parsed?.ok ? parsed.value : null;
  const statesFraction =
    stated?.entries.some((entry) => entry.key === 'per_process_memory_fraction') ?? false;

  const names = Object.keys(DEFAULT_SETTINGS) as (keyof AllocatorSettings)[];
  const changed: (keyof AllocatorSettings)[] = [];
  const origins = {} as Record<keyof AllocatorSettings, SettingOrigin>;
  const settings: Record<string, unknown> = {};
  for (const name of names) {
    const fromConf = (stated?.settings ?? DEFAULT_SETTINGS)[name];
    const recorded = readField(texts, name, stated?.settings ?? DEFAULT_SETTINGS);
    settings[name] = recorded ?? fromConf;
    // torch.cuda.set_per_process_memory_fraction sets a limit and leaves no trace in a snapshot.
    const inConf = stated !== null && (name !== 'perProcessMemoryFraction' || statesFraction);
    origins[name] = recorded !== null ? 'field' : inConf ? 'conf' : 'assumed';
    if (recorded !== null && stated !== null && String(recorded) !== String(fromConf)) changed.push(name);
  }
  return {
    settings: settings as unknown as AllocatorSettings,
    origins,
    notRecorded: names.filter((name) => origins[name] === 'assumed'),
    changed,
    conf,
    confError: parsed?.ok === false ? parsed.error : null,
  };
}

function readField<K extends keyof AllocatorSettings>(
  texts: ReadonlyMap<string, string>,
  name: K,
  others: AllocatorSettings,
): AllocatorSettings[K] | null {
  const field = FIELDS[name];
  const text = field && texts.get(field[0]);
  const value = field === undefined || text === undefined ? null : field[1](text);
  return value !== null && canBeSet(name, value, others) ? value : null;
}

/** What no string sets no allocator has: the field is damaged, and counts as not recorded. */
function canBeSet<K extends keyof AllocatorSettings>(
  name: K,
  value: AllocatorSettings[K],
  others: AllocatorSettings,
): boolean {
  try {
    printAllocConf({ ...others, [name]: value });
    return true;
  } catch (thrown) {
    if (thrown instanceof RangeError) return false;
    throw thrown;
  }
}

/** A 64-bit size, written signed or unsigned by version; all ones: no limit. */
function readSplitSize(text: string): number | null {
  if (!/^-?\d+$/.test(text)) return null;
  const bytes = BigInt.asUintN(64, BigInt(text));
  return bytes === 0xffffffffffffffffn ? Infinity : Number(bytes);
}

function readThreshold(text: string): number | null {
  const threshold = Number(text);
  return text.trim() !== '' && threshold >= 0 && threshold < 1 ? threshold : null;
}

function readFlag(text: string): boolean | null {
  if (/^true$/i.test(text)) return true;
  return /^false$/i.test(text) ? false : null;
}

/** "off", or `MiB:divisions` of the classes that are not 0, with commas. */
function readDivisions(text: string): readonly number[] | null {
  const classes = new Array<number>(ROUNDUP_CLASSES).fill(0);
  if (text === 'off') return classes;
  for (const part of text.split(',')) {
    const match = /^(\d+):(\d+)$/.exec(part);
    const index = match === null ? -1 : Math.log2(Number(match[1]));
    if (match === null || !Number.isInteger(index) || index >= ROUNDUP_CLASSES) return null;
    classes[index] = Number(match[2]);
  }
  return classes;
}
