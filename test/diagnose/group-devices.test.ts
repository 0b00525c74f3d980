/** Devices that say the same, once; and nothing lost by it. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { groupDevices, ungroup } from '../../src/diagnose/group-devices.ts';

const told = (deviceKey: string | null, title: string, more: Partial<Finding> = {}): Finding => ({
  id: 'linear-leak',
  deviceKey,
  device: deviceKey === null ? null : Number(deviceKey.split(':')[1]),
  severity: 'problem',
  title,
  verdict: `${title} of ${deviceKey}`,
  confidence: 'high',
  confidenceWhy: '',
  evidence: [],
  remedy: null,
  gainBytes: null,
  gainHow: null,
  wouldChange: '',
  ...more,
});

/** "leak 1:0+1:1": a finding and those in its `also`. */
const drawn = (findings: readonly Finding[]): string[] =>
  findings.map(
    ({ title, deviceKey, also }) =>
      `${title} ${[deviceKey, ...(also ?? []).map((one) => one.deviceKey)].join('+')}`,
  );

describe('groupDevices', () => {
  it('puts devices of one source together, in the order of the first', () => {
    const findings = [told('1:0', 'leak'), told('1:0', 'cache'), told('1:1', 'leak'), told('1:2', 'leak')];
    expect(drawn(groupDevices(findings))).toEqual(['leak 1:0+1:1+1:2', 'cache 1:0']);
  });

  it.each([
    ['another source', told('2:0', 'leak')],
    ['another title', told('1:1', 'a larger leak')],
    ['another confidence', told('1:1', 'leak', { confidence: 'low' })],
    ['another severity', told('1:1', 'leak', { severity: 'risk' })],
    ['another rule', told('1:1', 'leak', { id: 'kept-outputs' })],
    ['the same device', told('1:0', 'leak')],
    ['no device', told(null, 'leak')],
  ])('%s stays by itself', (_, other) => {
    expect(groupDevices([told('1:0', 'leak'), other])).toHaveLength(2);
  });

  it('findings without a device are never put together', () => {
    expect(groupDevices([told(null, 'leak'), told(null, 'leak')])).toHaveLength(2);
  });

  it('loses nothing', () => {
    const findings = [told('1:0', 'leak'), told('1:1', 'leak'), told('1:0', 'cache'), told(null, 'log')];
    const back = ungroup(groupDevices(findings));
    expect(back).toEqual(findings);
  });
});
