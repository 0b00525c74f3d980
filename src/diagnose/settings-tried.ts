/** The settings that rules try, in the order in which they are worth naming. */
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { isWorth } from './device-rule.ts';

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
}

/** Each setting of the recording, and how to leave it out. */
export function settingChoices({ settings: { settings } }: DeviceFacts): readonly SettingChoice[] {
  const divisions = settings.roundupDivisions.find((one) => one > 1);
  return [
    {
      name: `max_split_size_mb:${Math.round(settings.maxSplitSize / MIB)}`,
      off: { maxSplitSize: Infinity },
      isDefault: settings.maxSplitSize === Infinity,
    },
    {
      name: 'expandable_segments:True',
      off: { expandableSegments: false },
      isDefault: !settings.expandableSegments,
    },
    {
      name: `roundup_power2_divisions${new Set(settings.roundupDivisions).size === 1 ? `:${divisions}` : ''}`,
      off: { roundupDivisions: new Array<number>(CLASSES).fill(0) },
      isDefault: divisions === undefined,
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
