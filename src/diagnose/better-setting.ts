/** A setting that is not in force and would lower the reserved peak; and advice that would raise it. */
import { evidence, type Finding } from './finding.ts';
import { about, type DeviceRule, isWorth } from './device-rule.ts';
import { type Change, costly, isInForce, TRIED } from './settings-tried.ts';
import { exactSize, size } from './words.ts';

export const betterSetting: DeviceRule = (facts) => {
  const peak = facts.reservedPeak;
  // What the program itself needs at once cannot be saved by settings.
  if (!isWorth(peak.bytes - facts.allocatedPeak.bytes, peak.bytes)) return [];
  // A setting that costs memory is told by its own rule; what else helps is tried without it.
  const dropped = Object.assign({}, ...costly(facts).map(({ off }) => off)) as Change;
  const base = Object.keys(dropped).length === 0 ? { gain: 0 } : facts.peakUnder(dropped);
  if (base === null) return [];
  const tried = TRIED.filter(({ change }) => !isInForce(facts, change)).flatMap((setting) => {
    const under = facts.peakUnder({ ...dropped, ...setting.change });
    return under === null ? [] : [{ ...setting, bytes: under.bytes, gain: under.gain - base.gain }];
  });
  if (tried.length === 0) return [];
  const findings: Finding[] = [];
  const best = tried.reduce((a, b) => (b.gain > a.gain ? b : a));
  const list = tried.map(({ name, bytes }) =>
    evidence(`Replayed under ${name}: reserved peak ${exactSize(bytes)}.`),
  );
  const recorded = evidence(
    `Recorded: reserved peak ${exactSize(peak.bytes)}, of which ${exactSize(facts.allocatedPeak.bytes)} is the most that was allocated at once.`,
    { row: peak.row },
  );
  const why =
    'The model serves the recorded requests under the recorded settings to the byte; under others it was held against the real allocator (docs/replay.md).';
  const wouldChange = 'Other requests: record the run that matters and replay it.';
  if (isWorth(best.gain, peak.bytes))
    findings.push(
      about(facts, {
        id: 'better-setting',
        severity: 'risk',
        title: `${best.name} saves ${size(best.gain)} of reserved memory`,
        verdict: `Fragmentation costs ${exactSize(peak.bytes - facts.allocatedPeak.bytes)} at most: reserved peaks at ${exactSize(peak.bytes)}, allocated at ${exactSize(facts.allocatedPeak.bytes)}. The same requests under ${best.name} reserve ${exactSize(best.bytes)}.`,
        confidence: 'high',
        confidenceWhy: why,
        evidence: [recorded, ...list],
        remedy: facts.lineFor({ ...dropped, ...best.change }),
        gainBytes: best.gain,
        gainHow: `reserved peak replayed under ${best.name}`,
        wouldChange,
      }),
    );
  const worse = tried.filter(({ popular, gain }) => popular && isWorth(-gain, peak.bytes));
  if (worse.length > 0) {
    const worst = worse.reduce((a, b) => (b.gain < a.gain ? b : a));
    findings.push(
      about(facts, {
        id: 'popular-advice',
        severity: 'info',
        title: `Do not set ${worst.name}: it would reserve ${size(-worst.gain)} more`,
        verdict: `${worse.map(({ name, gain, bytes }) => `${name}, often advised against fragmentation, would raise the reserved peak by ${exactSize(-gain)} to ${exactSize(bytes)}`).join('; ')}.`,
        confidence: 'high',
        confidenceWhy: why,
        evidence: [recorded, ...list],
        remedy: null,
        gainBytes: null,
        gainHow: null,
        wouldChange,
      }),
    );
  }
  if (findings.length === 0 || !isWorth(best.gain, peak.bytes))
    findings.push(
      about(facts, {
        id: 'no-setting-helps',
        severity: 'info',
        title: 'No allocator setting helps here',
        verdict: `Of ${tried.length} settings replayed none lowers the reserved peak of ${exactSize(peak.bytes)} by ${percentOf(peak.bytes)} or more; the best, ${best.name}, changes it by ${exactSize(-best.gain)}.`,
        confidence: 'high',
        confidenceWhy: why,
        evidence: [recorded, ...list],
        remedy: null,
        gainBytes: null,
        gainHow: null,
        wouldChange,
      }),
    );
  return findings;
};

const percentOf = (bytes: number): string => `1% (${size(bytes / 100)})`;
