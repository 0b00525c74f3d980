/** A setting that is in force and costs memory: what the same requests reserve without it. */
import { evidence, type Finding } from './finding.ts';
import { about, type DeviceRule, isWorth, pressureOn } from './device-rule.ts';
import { code, exactSize, size } from './words.ts';
import { settingChoices, settingsConfidence } from './settings-tried.ts';

/** Share of the reserved peak from which a setting's cost is a problem even where there is room. */
const PROBLEM_SHARE = 0.1;

export const settingInForce: DeviceRule = (facts) => {
  const findings: Finding[] = [];
  const peak = facts.reservedPeak;
  for (const { name, off, isDefault, popular } of settingChoices(facts)) {
    if (isDefault) continue;
    const without = facts.peakUnder(off);
    if (without === null || !isWorth(without.gain, peak.bytes)) continue;
    const unlimited = (facts.replay?.limitBounds ?? null) !== null;
    const line = facts.lineFor(off);
    findings.push(
      about(facts, {
        id: 'setting-in-force',
        severity: pressureOn(facts).short || without.gain >= PROBLEM_SHARE * peak.bytes ? 'problem' : 'risk',
        title: `${name} costs ${size(without.gain)} of reserved memory`,
        verdict: `With ${name} these requests reserve ${exactSize(without.bytes + without.gain)} at the peak, without it ${exactSize(without.bytes)}${
          unlimited ? ' (both replayed without the limit that was met)' : ''
        }.${popular ? ' It is often advised against fragmentation; here it makes it worse.' : ''}`,
        ...settingsConfidence(facts),
        evidence: [
          evidence(`Recorded: ${exactSize(peak.bytes)} reserved at the peak.`, { row: peak.row }),
          evidence(`Replayed without ${name}: ${exactSize(without.bytes)} reserved at the peak.`, {
            row: peak.row,
          }),
        ],
        remedy: `Leave ${name} out: ${code(line.endsWith('=') ? `unset ${line.slice(0, -1)}` : line)}`,
        gainBytes: without.gain,
        gainHow: `lower reserved peak without ${name}, replayed`,
        wouldChange: 'Other requests: record the run that matters and replay it.',
      }),
    );
  }
  return findings;
};
