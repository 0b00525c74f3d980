/** The settings that rules try, in the order in which they are worth naming. */
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { isWorth } from './device-rule.ts';
import { type Evidence, evidence, type Finding } from './finding.ts';
import { exactSize, size } from './words.ts';

export type Change = Parameters<DeviceFacts['peakUnder']>[0];

const MIB = 1 << 20;
const CLASSES = 16;

export interface TriedSetting {
  /** As it is written: "max_split_size_mb:128". */
  readonly name: string;
  readonly change: Change;
  /** Articles advise it against fragmentation. */
  readonly popular: boolean;
}

const split = (mib: number, popular: boolean): TriedSetting => ({
  name: `max_split_size_mb:${mib}`,
  change: { maxSplitSize: mib * MIB },
  popular,
});

const roundup = (divisions: number): TriedSetting => ({
  name: `roundup_power2_divisions:${divisions}`,
  change: { roundupDivisions: new Array<number>(CLASSES).fill(divisions) },
  popular: false,
});

export const TRIED: readonly TriedSetting[] = [
  { name: 'expandable_segments:True', change: { expandableSegments: true }, popular: true },
  split(128, true),
  split(32, true),
  split(512, false),
  roundup(4),
  roundup(8),
];

export interface SettingChoice {
  readonly name: string;
  /** The change that takes the setting back to its default. */
  readonly off: Change;
  readonly isDefault: boolean;
  /** Articles advise it against fragmentation. */
  readonly popular: boolean;
}

/** Each setting of the recording, and how to leave it out. */
export function settingChoices({ settings: { settings } }: DeviceFacts): readonly SettingChoice[] {
  const divisions = settings.roundupDivisions.find((one) => one > 1);
  const even = new Set(settings.roundupDivisions).size === 1;
  return [
    {
      name: `max_split_size_mb:${Math.round(settings.maxSplitSize / MIB)}`,
      off: { maxSplitSize: Infinity },
      isDefault: settings.maxSplitSize === Infinity,
      popular: true,
    },
    {
      name: 'expandable_segments:True',
      off: { expandableSegments: false },
      isDefault: !settings.expandableSegments,
      popular: true,
    },
    {
      name: `roundup_power2_divisions${even ? `:${divisions}` : ''}`,
      off: { roundupDivisions: new Array<number>(CLASSES).fill(0) },
      isDefault: divisions === undefined,
      popular: false,
    },
  ];
}

/** Settings in force that cost memory: without them the same requests reserve less. */
export const costly = (facts: DeviceFacts): readonly SettingChoice[] =>
  settingChoices(facts).filter(({ isDefault, off }) => {
    if (isDefault) return false;
    const without = facts.peakUnder(off);
    return without !== null && isWorth(without.gain, facts.reservedPeak.bytes);
  });

/** Whether a change leaves the recorded settings as they are. */
export const isInForce = ({ settings: { settings } }: DeviceFacts, change: Change): boolean =>
  Object.entries(change).every(
    ([name, value]) => JSON.stringify(settings[name as keyof typeof settings]) === JSON.stringify(value),
  );

/**
 * Bytes of the reserved peak that were not in use even when most was: what settings can win at most. Blocks that wait
 * for another stream are in use. null: not replayed.
 */
export function fragmentationOf(
  facts: DeviceFacts,
): { readonly bytes: number; readonly recorded: Evidence } | null {
  if (facts.replay === null) return null;
  const active = facts.peakOf(facts.replay.curves.active);
  const { bytes, row } = facts.reservedPeak;
  return {
    bytes: bytes - active.bytes,
    recorded: evidence(
      `Recorded: ${exactSize(bytes)} reserved at the peak; never more than ${exactSize(active.bytes)} in use at once.`,
      {
        row,
        rows: row < 0 || active.row < 0 ? null : [Math.min(row, active.row), Math.max(row, active.row)],
      },
    ),
  };
}

/** What a replayed setting reserves, against `base`. `row`: the recorded peak. */
export const replayedUnder = (
  { name, bytes }: { readonly name: string; readonly bytes: number },
  base: number,
  row: number,
): Evidence =>
  evidence(
    `Replayed under ${name}: ${exactSize(bytes)} reserved at the peak, ${size(Math.abs(bytes - base))} ${bytes > base ? 'more' : 'less'}.`,
    row < 0 ? {} : { row },
  );

/** How sure a replay under other settings is. */
export function settingsConfidence({
  settings: { notRecorded },
}: DeviceFacts): Pick<Finding, 'confidence' | 'confidenceWhy'> {
  const assumed = notRecorded.some((name) => name === 'maxSplitSize' || name === 'expandableSegments');
  return assumed
    ? {
        confidence: 'medium',
        confidenceWhy:
          'The recording does not hold the allocator settings: the defaults are taken, and the replay reaches the recorded peak under them.',
      }
    : {
        confidence: 'high',
        confidenceWhy:
          'The model serves the recorded requests under the recorded settings to the byte; under others it was held against the real allocator (docs/replay.md). A program that asks otherwise under other settings could differ.',
      };
}
