/** A setting that is in force and costs memory: what the same requests reserve without it. */
import { evidence, type Finding } from './finding.ts';
import { about, type DeviceRule, isWorth } from './device-rule.ts';
import { exactSize, size } from './words.ts';
import { settingChoices } from './settings-tried.ts';

export const settingInForce: DeviceRule = (facts) => {
  const findings: Finding[] = [];
  for (const { name, off, isDefault } of settingChoices(facts)) {
    if (isDefault) continue;
    const without = facts.peakUnder(off);
    if (without === null || !isWorth(without.gain, facts.reservedPeak.bytes)) continue;
    findings.push(
      about(facts, {
        id: 'setting-in-force',
        severity: 'problem',
        title: `${name} costs ${size(without.gain)}`,
        verdict: `With ${name} the allocator reserved ${exactSize(without.bytes + without.gain)} at the peak; the same requests without it reserve ${exactSize(without.bytes)}. It is often advised against fragmentation; here it makes it worse.`,
        confidence: 'high',
        confidenceWhy:
          'Both are the same requests served by the same model, which reaches the recorded peak to the byte under the recorded settings. A program that behaves otherwise under less pressure could differ.',
        evidence: [
          evidence(`Reserved peak in the recording: ${exactSize(facts.reservedPeak.bytes)}.`, {
            row: facts.reservedPeak.row,
          }),
          evidence(`Replayed without ${name}: ${exactSize(without.bytes)}.`),
        ],
        remedy: `Leave ${name} out: ${facts.lineFor(off)}`,
        gainBytes: without.gain,
        gainHow: `reserved peak replayed with and without ${name}`,
        wouldChange: 'Other requests: record the run that matters and replay it.',
      }),
    );
  }
  return findings;
};
