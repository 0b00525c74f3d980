/** What a rule about one device is: facts in, findings out; nothing where it does not apply. */
import { percent } from '../base/words.ts';
import type { DeviceFacts } from '../analyze/device-facts.ts';
import type { Finding } from './finding.ts';
import { size } from './words.ts';

export type DeviceRule = (facts: DeviceFacts) => readonly Finding[];

/** A finding about the device of `facts`. */
export const about = (facts: DeviceFacts, told: Omit<Finding, 'deviceKey' | 'device'>): Finding => ({
  deviceKey: facts.input.key,
  device: facts.trace.device,
  ...told,
});

/** Changes of reserved memory below both of these are not worth a word. */
const WORTH_BYTES = 64 << 20;
const WORTH_SHARE = 0.01;
/** Where memory is not short, a setting has to win this much: changing one has a price, too. */
const ADVICE_SHARE = 0.05;
/** Share of what the process can reserve from which memory is short. */
const SHORT_SHARE = 0.8;

export const isWorth = (gain: number, of: number): boolean => gain >= WORTH_BYTES && gain >= WORTH_SHARE * of;

/** How near the process came to what it can reserve. */
export interface Pressure {
  /** true: an error, a limit that was met, or most of the memory reserved. false: room, or not known. */
  readonly short: boolean;
  readonly sentence: string;
}

export function pressureOn(facts: DeviceFacts): Pressure {
  const { limit, reservedPeak, trace } = facts;
  if (facts.ooms.length > 0 || (facts.replay?.limitBounds ?? null) !== null)
    return { short: true, sentence: 'Memory was short: the process met its limit.' };
  if (limit === null)
    return {
      short: false,
      sentence: 'The file does not say how large the GPU is; this matters only if you are short of memory.',
    };
  const share = reservedPeak.bytes / limit.bytes;
  return {
    short: share >= SHORT_SHARE,
    sentence: `The peak is ${percent(share)} of ${size(limit.bytes)}, ${trace.total_bytes === limit.bytes ? 'the memory of the device' : limit.how}.`,
  };
}

/** Whether a setting that wins `gain` of a reserved peak of `of` is worth naming. */
export const isAdvice = (facts: DeviceFacts, gain: number, of: number): boolean =>
  isWorth(gain, of) && (pressureOn(facts).short || gain >= ADVICE_SHARE * of);
