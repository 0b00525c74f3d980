/**
 * What allocator settings would change: one that lowers the reserved peak (better-setting), popular ones that would
 * raise it (popular-advice), or that none helps (no-setting-helps). Every figure is replayed.
 */
import type { DeviceFacts } from '../analyze/device-facts.ts';
import { formatInteger } from '../base/units.ts';
import { count, list, percent } from '../base/words.ts';
import type { Evidence, Finding } from './finding.ts';
import { about, type DeviceRule, isAdvice, isWorth, pressureOn } from './device-rule.ts';
import { isLeaking } from './linear-leak.ts';
import {
  type Change,
  costly,
  fragmentationOf,
  isInForce,
  replayedUnder,
  settingChoices,
  settingsConfidence,
  TRIED,
  type TriedSetting,
} from './settings-tried.ts';
import { code, exactSize, size } from './words.ts';

interface Tried extends TriedSetting {
  /** Reserved peak under it; what it wins against the recorded settings (without those that cost memory). */
  readonly bytes: number;
  readonly gain: number;
}

interface Trial {
  /** Taken back before the others are tried: its own rule says why. */
  readonly dropped: Change;
  /** Their names, as they are written. */
  readonly droppedNames: readonly string[];
  /** Reserved peak with `dropped` alone: what the others are held against. */
  readonly base: number;
  readonly tried: readonly Tried[];
  readonly recorded: Evidence;
}

function trialOf(facts: DeviceFacts): Trial | null {
  const fragmentation = fragmentationOf(facts);
  if (fragmentation === null || !isWorth(fragmentation.bytes, facts.reservedPeak.bytes)) return null;
  const dropped = droppedBy(facts);
  const base = facts.peakUnder(dropped);
  if (base === null) return null;
  const tried = TRIED.filter(({ change }) => !isInForce(facts, change)).flatMap((setting) => {
    const under = facts.peakUnder({ ...dropped, ...setting.change });
    return under === null ? [] : [{ ...setting, bytes: under.bytes, gain: base.bytes - under.bytes }];
  });
  const droppedNames = costly(facts).map(({ name }) => name);
  return tried.length === 0
    ? null
    : { dropped, droppedNames, base: base.bytes, tried, recorded: fragmentation.recorded };
}

/** Replays what the rule will ask for, one setting at a time with a pause after each: facts keep the answers. */
export async function prepareTrial(facts: DeviceFacts, pause: () => Promise<void>): Promise<void> {
  const fragmentation = fragmentationOf(facts);
  if (fragmentation === null || !isWorth(fragmentation.bytes, facts.reservedPeak.bytes)) return;
  const ask = async (change: Change): Promise<void> => {
    facts.peakUnder(change);
    await pause();
  };
  await ask({});
  for (const { off, isDefault } of settingChoices(facts)) if (!isDefault) await ask(off);
  const dropped = droppedBy(facts);
  await ask(dropped);
  for (const { change } of TRIED) if (!isInForce(facts, change)) await ask({ ...dropped, ...change });
}

/** Takes back the settings that cost memory. */
const droppedBy = (facts: DeviceFacts): Change =>
  Object.assign({}, ...costly(facts).map(({ off }) => off)) as Change;

const WOULD_CHANGE = 'Other requests: record the run that matters and replay it.';

/** What the figures are held against, where it is not the recorded peak itself. */
function against(facts: DeviceFacts, { droppedNames, base }: Trial): string {
  const without = droppedNames.length > 0 ? ` without ${list(droppedNames)}, which costs memory` : '';
  const unlimited =
    (facts.replay?.limitBounds ?? null) !== null ? ', replayed without the limit that was met' : '';
  return `${exactSize(base)}${without}${unlimited}`;
}

/** Where a limit was met: how often the cache had to be given back within it, before and after. */
function retriesWithin(facts: DeviceFacts, change: Change): string {
  const least = facts.replay?.limitBounds?.[0];
  if (least === undefined) return '';
  const [now, then] = [facts.whatIf({}, least), facts.whatIf(change, least)];
  if (now === null || then === null || now.firstFailure !== null || then.firstFailure !== null) return '';
  const key = 'num_alloc_retries';
  return ` Within a limit of ${size(least)} the allocator would have to give back its cache and try again ${count(then.stats[key], 'time')} instead of ${formatInteger(now.stats[key])}.`;
}

function betterOne(facts: DeviceFacts, trial: Trial, best: Tried): Finding {
  const pressure = pressureOn(facts);
  const leaks = isLeaking(facts);
  const grows = facts.conclusion?.conclusion === 'fragmentation';
  return about(facts, {
    id: 'better-setting',
    severity: (pressure.short || grows) && !leaks ? 'risk' : 'info',
    title: `${best.name} would save ${size(best.gain)} of reserved memory${leaks ? ' (after the leak)' : ''}`,
    verdict: `${leaks ? 'Secondary: no setting ends a leak. ' : ''}The same requests under ${best.name} reserve ${exactSize(best.bytes)} at the peak instead of ${against(facts, trial)}: ${percent(best.gain / trial.base)} less. ${pressure.sentence}${retriesWithin(facts, { ...trial.dropped, ...best.change })}`,
    ...settingsConfidence(facts),
    evidence: [trial.recorded, replayedUnder(best, trial.base, facts.reservedPeak.row)],
    remedy: code(facts.lineFor({ ...trial.dropped, ...best.change })),
    gainBytes: best.gain,
    gainHow: 'lower reserved peak with this setting, replayed',
    wouldChange: WOULD_CHANGE,
  });
}

function popularAdvice(facts: DeviceFacts, trial: Trial): Finding[] {
  const worse = trial.tried
    .filter(({ popular, gain }) => popular && isAdvice(facts, -gain, trial.base))
    .sort((a, b) => a.gain - b.gain);
  if (worse.length === 0) return [];
  const [worst] = worse;
  return [
    about(facts, {
      id: 'popular-advice',
      severity: 'info',
      title: `Do not set ${worst.name}: it would reserve ${size(-worst.gain)} more`,
      verdict: `Articles advise ${list(worse.map(({ name }) => name))} against fragmentation. These requests would reserve ${list(worse.map(({ gain }) => size(-gain)))} more at the peak than ${against(facts, trial)}.`,
      ...settingsConfidence(facts),
      evidence: worse.map((one) => replayedUnder(one, trial.base, facts.reservedPeak.row)),
      remedy: null,
      gainBytes: null,
      gainHow: null,
      wouldChange: WOULD_CHANGE,
    }),
  ];
}

function noneHelps(facts: DeviceFacts, trial: Trial, best: Tried): Finding {
  return about(facts, {
    id: 'no-setting-helps',
    severity: 'info',
    title: 'No allocator setting helps here',
    verdict: `${count(trial.tried.length, 'setting')} were replayed against a reserved peak of ${against(facts, trial)}. ${
      best.gain > 0
        ? `The best, ${best.name}, saves ${size(best.gain)} (${percent(best.gain / trial.base)}): not worth a change.`
        : 'None lowers it.'
    }`,
    ...settingsConfidence(facts),
    evidence: [trial.recorded],
    remedy: null,
    gainBytes: null,
    gainHow: null,
    wouldChange: WOULD_CHANGE,
  });
}

export const betterSetting: DeviceRule = (facts) => {
  const trial = trialOf(facts);
  if (trial === null) return [];
  const best = trial.tried.reduce((a, b) => (b.gain > a.gain ? b : a));
  return [
    isAdvice(facts, best.gain, trial.base) ? betterOne(facts, trial, best) : noneHelps(facts, trial, best),
    ...popularAdvice(facts, trial),
  ];
};
