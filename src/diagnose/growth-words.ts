/** What the rules about printed growth have in common. */
import type { GaugeGrowth } from '../analyze/server/facts-growth.ts';
import type { GrowthVerdict } from '../analyze/growth/verdict.ts';
import { formatDuration } from '../base/units.ts';
import { count } from '../base/words.ts';
import { exactSize, size } from './words.ts';

/** " The limit is 120 samples, 40 min 0.0 s, away."; nothing without a limit. */
export function untilLimitText({ untilLimit }: GrowthVerdict): string {
  if (untilLimit === null) return '';
  const time = untilLimit.ns === null ? '' : ` (${formatDuration(untilLimit.ns)})`;
  return ` At this pace the limit is reached in ${count(Math.ceil(untilLimit.iterations), 'sample')}${time}.`;
}

/** ", 4.20 GiB an hour"; nothing without times. */
export const slopeEachHour = ({ slopePerSecond }: GrowthVerdict): string =>
  slopePerSecond === null ? '' : `, ${size(slopePerSecond * 3600)} an hour`;

/** "12 samples, from ... to ...; at most ...". */
export function fromTo({ values }: GaugeGrowth): string {
  const known = values.filter((value) => !Number.isNaN(value));
  const most = known.reduce((high, value) => Math.max(high, value), -Infinity);
  const last = known[known.length - 1];
  return `${count(known.length, 'value')}, from ${exactSize(known[0])} to ${exactSize(last)}${most > last ? `; at most ${exactSize(most)}` : ''}.`;
}
