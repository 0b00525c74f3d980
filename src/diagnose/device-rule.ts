/** What a rule about one device is: facts in, findings out; nothing where it does not apply. */
import type { DeviceFacts } from '../analyze/device-facts.ts';
import type { Finding } from './finding.ts';

export type DeviceRule = (facts: DeviceFacts) => readonly Finding[];

/** A finding about the device of `facts`. */
export const about = (facts: DeviceFacts, told: Omit<Finding, 'deviceKey' | 'device'>): Finding => ({
  deviceKey: facts.input.key,
  device: facts.trace.device,
  ...told,
});

/** Changes of reserved memory below both of these are not worth a setting. */
export const WORTH_BYTES = 64 << 20;
export const WORTH_SHARE = 0.01;

export const isWorth = (gain: number, of: number): boolean => gain >= WORTH_BYTES && gain >= WORTH_SHARE * of;
