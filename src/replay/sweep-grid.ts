/**
 * The settings that a sweep tries: first a grid over what acts most, then, round by round, every single change to
 * the best so far, until none of them is better.
 */
import { parseAllocConf } from './alloc-conf.ts';
import { type AllocatorSettings, DEFAULT_SETTINGS } from './settings.ts';
import { confOf, type Effects } from './sweep-effect.ts';

const MIB = 1 << 20;

/** Strings that articles, issues and error messages advise against fragmentation. */
export const POPULAR_ADVICE = [
  'expandable_segments:True',
  'max_split_size_mb:128',
  'max_split_size_mb:512',
  'garbage_collection_threshold:0.6,max_split_size_mb:128',
  'roundup_power2_divisions:[256:1,512:2,1024:4,>:8]',
] as const;

/** MiB; null: no limit. The first of each list is the default. */
const SPLIT_SIZES = [null, 20, 32, 64, 128, 200, 256, 512, 1024];
const FINER_SPLIT_SIZES = [24, 40, 48, 80, 96, 160, 320, 384, 768, 2048];
const LARGE_SEGMENTS = [20, 12, 40, 100];
const FINER_LARGE_SEGMENTS = [16, 32, 64, 200];
const NON_SPLIT_ROUNDINGS = [null, 64, 256];
const THRESHOLDS = [0, 0.6, 0.8];
const FINER_THRESHOLDS = [0.4, 0.7, 0.9, 0.95];
/** The form of PyTorch's documentation; only what is below 16 MiB; only what is not. */
const DIVISIONS = ['', '2', '4', '8', '16', '[256:1,512:2,1024:4,>:8]', '[8:8]', '[8:0,>:8]'];
const FINER_DIVISIONS = ['32', '64', '[1:4]', '[8:4]', '[32:4]', '[32:0,>:4]', '[32:0,>:16]'];

export const settingsOf = (conf: string): AllocatorSettings => {
  const parsed = parseAllocConf(conf);
  if (!parsed.ok) throw new RangeError(`${conf}: ${parsed.error.message}`);
  return parsed.value.settings;
};

const divisionsOf = (form: string): readonly number[] =>
  settingsOf(form === '' ? '' : `roundup_power2_divisions:${form}`).roundupDivisions;

interface Choice {
  readonly split?: number | null;
  readonly large?: number;
  readonly nonSplit?: number | null;
  readonly threshold?: number;
  readonly divisions?: string;
  readonly expandable?: boolean;
}

const FLAGS = [false, true] as const;

/** Settings of a choice over the defaults; null where PyTorch refuses them. */
function settingsFor(choice: Choice): AllocatorSettings {
  const { split = null, large = 20, nonSplit = null, threshold = 0, divisions = '' } = choice;
  return {
    ...DEFAULT_SETTINGS,
    maxSplitSize: split === null ? Infinity : split * MIB,
    largeSegmentSize: large * MIB,
    maxNonSplitRounding: (nonSplit ?? large) * MIB,
    garbageCollectionThreshold: threshold,
    roundupDivisions: divisionsOf(divisions),
    expandableSegments: choice.expandable ?? false,
  };
}

function* grid(limited: boolean): Generator<Choice> {
  for (const expandable of FLAGS)
    for (const split of SPLIT_SIZES)
      for (const divisions of DIVISIONS) yield { expandable, split, divisions };
  for (const expandable of FLAGS)
    for (const large of LARGE_SEGMENTS) {
      for (const split of SPLIT_SIZES) yield { expandable, large, split };
      for (const divisions of DIVISIONS) yield { expandable, large, divisions };
    }
  for (const split of SPLIT_SIZES)
    for (const nonSplit of NON_SPLIT_ROUNDINGS) {
      yield { split, nonSplit };
      yield { split, nonSplit, expandable: true };
      yield { split, nonSplit, divisions: '8' };
    }
  if (!limited) return;
  for (const threshold of THRESHOLDS)
    for (const split of SPLIT_SIZES) for (const divisions of ['', '8']) yield { threshold, split, divisions };
}

/** Settings that some string gives, each effect once, in order; `tried` holds the effects that are left out. */
function distinct(
  all: Iterable<AllocatorSettings>,
  effects: Effects,
  tried: ReadonlySet<string> = new Set(),
): AllocatorSettings[] {
  const found = new Map<string, AllocatorSettings>();
  for (const settings of all) {
    if (confOf(settings) === null) continue;
    const canonical = effects.canonical(settings);
    const key = effects.keyOf(canonical);
    if (!tried.has(key) && !found.has(key)) found.set(key, canonical);
  }
  return [...found.values()];
}

/** The grid, each effect once: `base` (the settings to compare with, as they are) first. */
export function sweepGrid(effects: Effects, base: AllocatorSettings): AllocatorSettings[] {
  const fraction = { perProcessMemoryFraction: base.perProcessMemoryFraction };
  const all = [
    ...POPULAR_ADVICE.map(settingsOf),
    settingsFor({}),
    ...[...grid(effects.limited)].map(settingsFor),
  ].map((settings) => ({ ...settings, ...fraction }));
  return [base, ...distinct(all, effects, new Set([effects.keyOf(base)]))];
}

/** Every change of one setting (and of max_split_size with the sizes below it) that is not tried yet. */
export function neighbours(
  settings: AllocatorSettings,
  effects: Effects,
  tried: readonly AllocatorSettings[],
): AllocatorSettings[] {
  const followsLarge = settings.maxNonSplitRounding === settings.largeSegmentSize;
  const all: AllocatorSettings[] = [
    { ...settings, expandableSegments: !settings.expandableSegments },
    ...[...SPLIT_SIZES, ...FINER_SPLIT_SIZES].map((mib) => ({
      ...settings,
      maxSplitSize: mib === null ? Infinity : mib * MIB,
    })),
    ...[...LARGE_SEGMENTS, ...FINER_LARGE_SEGMENTS].map((mib) => ({
      ...settings,
      largeSegmentSize: mib * MIB,
      maxNonSplitRounding: followsLarge ? mib * MIB : settings.maxNonSplitRounding,
    })),
    ...NON_SPLIT_ROUNDINGS.map((mib) => ({
      ...settings,
      maxNonSplitRounding: mib === null ? settings.largeSegmentSize : mib * MIB,
    })),
    ...[...DIVISIONS, ...FINER_DIVISIONS].map((form) => ({
      ...settings,
      roundupDivisions: divisionsOf(form),
    })),
    ...[...THRESHOLDS, ...FINER_THRESHOLDS].map((garbageCollectionThreshold) => ({
      ...settings,
      garbageCollectionThreshold,
    })),
  ];
  return distinct(all, effects, new Set(tried.map((one) => effects.keyOf(one))));
}
