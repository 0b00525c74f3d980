/** Colours of the groups that allocations are coloured by: one group, one colour, in every view of the workspace. */
import { CURVES, type CurveColor } from '../parts/palette.ts';

/** In the order of groups, the largest first; what is left over is grey. Neighbours differ in hue and in lightness. */
const ORDER = [
  'blue',
  'orange',
  'green',
  'purple',
  'gold',
  'cyan',
  'brown',
  'violet',
  'olive',
  'red',
  'ink',
] as const satisfies readonly CurveColor[];

/** Name of the colour of a group by its number; the last group is grey where it holds the rest. */
export function groupColour(group: number, groups: number, hasRest: boolean): CurveColor {
  if (group >= ORDER.length || (hasRest && group === groups - 1)) return 'grey';
  return ORDER[group];
}

/** "#0072b2" of a group in a theme. */
export const groupHex = (group: number, groups: number, hasRest: boolean, dark: boolean): string =>
  CURVES[groupColour(group, groups, hasRest)][dark ? 'dark' : 'light'];
