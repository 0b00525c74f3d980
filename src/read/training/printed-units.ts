/**
 * Which bytes a printed "MB" is, where no program is known that prints it. Reserved memory comes in steps of 2 MiB
 * and allocated memory in steps of 512 bytes, so only the right unit makes every figure a multiple of them. Where
 * the figures do not tell, the unit is taken by its name, and it is said.
 */
import { figureOf, unitBytes } from '../lines/printed-figure.ts';

export type UnitPowers = 'decimal' | 'binary';

export interface Judged {
  readonly quantity: string;
  readonly digits: string;
  readonly unit: string;
}

const SEGMENT_STEP = 2 * 1024 ** 2;
const BLOCK_STEP = 512;
/** Printed figures that tell the unit: each agrees with the wrong one by chance in about one of twenty. */
const ENOUGH = 3;

export const isAmbiguous = (unit: string): boolean => /^[KMGT]B$|^[KMGT]$|^[KMGT]b$/.test(unit.toUpperCase());

/** Bytes of a unit; `powers` says how to read MB, M and their like. */
export function bytesOfUnit(unit: string, powers: UnitPowers): number {
  if (unit.length === 1 && unit.toUpperCase() !== 'B') return bytesOfUnit(`${unit}B`, powers);
  const plain = unitBytes(unit) ?? 1;
  if (powers === 'decimal' || !isAmbiguous(unit)) return plain;
  return unitBytes(`${unit[0]}iB`) ?? plain;
}

function fits(figures: readonly Judged[], step: number, powers: UnitPowers): boolean {
  return figures.every(({ digits, unit }) => {
    const figure = figureOf(digits, bytesOfUnit(unit, powers));
    if (figure === null) return false;
    const apart = Math.abs(figure.value - Math.round(figure.value / step) * step);
    return apart <= figure.granularity / 2 + 1;
  });
}

/** Totals that GPUs report, in 2^30 and in 10^9 bytes, where no card's total in the other is near: GiB first. */
const CARDS: readonly (readonly [least: number, most: number, powers: UnitPowers])[] = [
  [14.5, 14.8, 'binary'],
  [31.6, 32, 'binary'],
  [39.3, 39.8, 'binary'],
  [79, 79.7, 'binary'],
  [94, 95.1, 'binary'],
  [139, 140.5, 'binary'],
  [191.5, 192, 'binary'],
  [34, 34.4, 'decimal'],
  [42.2, 42.7, 'decimal'],
  [84.8, 85.6, 'decimal'],
  [150, 151, 'decimal'],
];

/** A printed total of a card tells the unit: 79.15 is an 80 GB card in units of 2^30, 84.99 the same in 10^9. */
function cardOf(
  figures: readonly Judged[],
): { readonly powers: UnitPowers; readonly because: string } | null {
  for (const { quantity, digits, unit } of figures) {
    if (quantity !== 'total' || !unit.toUpperCase().startsWith('G') || !digits.includes('.')) continue;
    const total = Number(digits);
    const card = CARDS.find(([least, most]) => total >= least && total <= most);
    if (card === undefined) continue;
    const [, , powers] = card;
    return {
      powers,
      because: `"${unit}" was taken in powers of ${POWERS[powers]}: the total of ${digits} ${unit} is that of a GPU in these units, and of none in the others.`,
    };
  }
  return null;
}

const POWERS = { decimal: '1000', binary: '1024' } as const;

/** The unit of these figures and why; '' where nothing is left open. */
export function powersOf(figures: readonly Judged[]): {
  readonly powers: UnitPowers;
  readonly because: string;
} {
  const open = figures.filter(({ unit }) => isAmbiguous(unit));
  if (open.length === 0) return { powers: 'decimal', because: '' };
  const name = open[0].unit;
  for (const [quantity, step, words] of [
    ['reserved', SEGMENT_STEP, '2 MiB'],
    ['allocated', BLOCK_STEP, '512 bytes'],
  ] as const) {
    const own = open.filter((figure) => figure.quantity === quantity && Number(figure.digits) !== 0);
    const distinct = [...new Map(own.map((figure) => [`${figure.digits} ${figure.unit}`, figure])).values()];
    const decimal = fits(distinct, step, 'decimal');
    const binary = fits(distinct, step, 'binary');
    if (decimal === binary || distinct.length < ENOUGH) continue;
    const powers = decimal ? 'decimal' : 'binary';
    return {
      powers,
      because: `"${name}" was taken in powers of ${POWERS[powers]}: in these units, and not in the others, all ${distinct.length} ${quantity} figures are multiples of ${words}, as PyTorch's are.`,
    };
  }
  const card = cardOf(open);
  if (card !== null) return card;
  const more = { K: '2.4', M: '4.9', G: '7.4', T: '10' }[name[0].toUpperCase()] ?? '';
  return {
    powers: 'decimal',
    because: `"${name}" was taken in powers of 1000, as the usual report_gpu_memory() prints it; the figures themselves do not tell. If the program divides by 1024, every figure is ${more} % more.`,
  };
}
