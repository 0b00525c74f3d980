/**
 * Devices of one program meet the same: eight of them should not say it eight times.
 *
 *   leak   device 0   A leak: 33.78 MiB per iteration        leak   device 0, also: [device 1]
 *   leak   device 1   A leak: 33.78 MiB per iteration   ->   cache  device 0
 *   cache  device 0   ...
 */
import { groupSame } from '../base/group-same.ts';
import type { Finding } from './finding.ts';

/** "<source id>:<device>": what stands before the device. */
const sourceOf = (key: string): string => key.slice(0, key.lastIndexOf(':'));

/** Findings of one source that say the same of several devices as one, the others in its `also`; order is kept. */
export const groupDevices = (findings: readonly Finding[]): Finding[] =>
  groupSame(
    findings,
    ({ deviceKey, id, severity, title, confidence }) =>
      deviceKey === null ? null : JSON.stringify([sourceOf(deviceKey), id, severity, title, confidence]),
    ({ deviceKey }) => deviceKey,
  ).map(([first, ...also]) => (also.length === 0 ? first : { ...first, also }));

/** Every finding by itself again. */
export const ungroup = (findings: readonly Finding[]): Finding[] =>
  findings.flatMap(({ also, ...first }) => [first, ...(also ?? [])]);
