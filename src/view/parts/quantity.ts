/** Figures of monitors and logs in their unit: for reading, with every digit, and how coarsely they were printed. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatNumber } from '../../base/units.ts';
import { percent, percentOf } from '../../base/words.ts';
import type { Gauge } from '../../engine/protocol.ts';
import type { Tick } from './ticks.ts';
import { byteTicks, decimalTicks, timeLabel } from './ticks.ts';

export type GaugeUnit = Gauge['unit'];

const SUFFIX: Readonly<Record<GaugeUnit, string>> = {
  bytes: ' bytes',
  ratio: '',
  count: '',
  tokens: ' tokens',
  per_second: ' /s',
  tokens_per_second: ' tokens/s',
  nanoseconds: ' ns',
  watts: ' W',
  celsius: ' °C',
  megahertz: ' MHz',
};

/** "78.20 GiB", "97.4 %", "1,024 tokens"; "missing" for NaN. */
export function formatQuantity(value: number, measure: GaugeUnit, unit: ByteUnit): string {
  if (Number.isNaN(value)) return 'missing';
  switch (measure) {
    case 'bytes':
      return formatBytes(Number.isInteger(value) ? value : Math.round(value), unit);
    case 'ratio':
      return percent(value);
    case 'nanoseconds':
      return formatDuration(value);
    default:
      return `${formatNumber(value)}${SUFFIX[measure]}`;
  }
}

/** Every digit, for titles and panels. */
export function exactQuantity(value: number, measure: GaugeUnit): string {
  if (Number.isNaN(value)) return 'missing';
  if (measure === 'ratio') return percentOf(100 * value, 6);
  return `${formatNumber(value, 6)}${SUFFIX[measure]}`;
}

const BYTE_UNITS: readonly (readonly [string, number])[] = [
  ['GiB', 2 ** 30],
  ['GB', 1e9],
  ['MiB', 2 ** 20],
  ['MB', 1e6],
  ['KiB', 2 ** 10],
  ['kB', 1e3],
];

/** 0.1, 0.01, ..., 1, 10: what the last printed digit stands for. null where the width is none of them. */
function powerOfTen(value: number, least: number): string | null {
  const power = Math.round(Math.log10(value));
  if (power > 0 || power < least || Math.abs(value / 10 ** power - 1) > 1e-6) return null;
  return power === 0 ? '1' : (10 ** power).toFixed(-power);
}

/** "0.1 MB": one unit of the last printed digit, in the unit in which it is round. "" where the figure is exact. */
export function formatGranularity(width: number, measure: GaugeUnit, unit: ByteUnit): string {
  if (width <= 0) return '';
  if (measure === 'ratio') return exactQuantity(width, measure);
  if (measure !== 'bytes') return formatQuantity(width, measure, unit);
  // Two digits first: 1 MB is not 0.001 GB.
  for (const least of [-2, -6]) {
    for (const [name, size] of BYTE_UNITS) {
      const digit = powerOfTen(width / size, least);
      if (digit !== null) return `${digit} ${name}`;
    }
  }
  return formatBytes(Math.round(width), unit);
}

/** "printed to 0.1 MB"; "" where every digit is there. */
export function describeGranularity(width: number, measure: GaugeUnit, unit: ByteUnit): string {
  const words = formatGranularity(width, measure, unit);
  return words === '' ? '' : `printed to ${words}`;
}

/** Ticks from 0 to at least `max`. Shares go to 100 % unless all of them are small. */
export function quantityTicks(max: number, most: number, measure: GaugeUnit, unit: ByteUnit): Tick[] {
  switch (measure) {
    case 'bytes':
      return byteTicks(max, most, unit);
    case 'ratio':
      return decimalTicks(max === 0 || (max > 0.25 && max < 1) ? 1 : max, most, (at) =>
        percentOf(100 * at, 4),
      );
    case 'nanoseconds':
      return decimalTicks(max, most, (at, step) => timeLabel(at, step, max));
    default:
      return decimalTicks(max, most, (at) => formatNumber(at, 6));
  }
}
