/** How sure it is that growth is steady, and why not more: few single rises, a pace that may halve, a poor fit. */
import type { Pace } from './statistics.ts';
import type { GrowthStatistics, GrowthVerdict } from './verdict.ts';

/** One-sided 5% of a standard normal. */
const UNLIKELY_Z = 1.645;
/** Single rises in a window below which what they add up to says little of a pace. */
const FEW_RISES = 6;

/** `single`: rises, where they come now and then, else null; `before`: share of the values ahead of the window. */
export function sureOfLine(
  { halved }: Pace,
  single: number | null,
  before: number,
  { n, p, rSquared: fit }: GrowthStatistics,
): { readonly confidence: GrowthVerdict['confidence']; readonly why: readonly string[] } {
  const rare = single !== null && single < FEW_RISES;
  const open = halved < UNLIKELY_Z;
  const why = [
    ...(rare ? [`Only ${single} rises make it.`] : []),
    ...(open ? ['It wavers so much that a pace which halves would not show.'] : []),
  ];
  if (rare || n < 7) return { confidence: 'low', why };
  const high = !open && n >= 10 && p < 0.001 && fit >= 0.9 && before <= 0.25;
  return { confidence: high ? 'high' : 'medium', why };
}
