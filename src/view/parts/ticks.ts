/** Axis ticks at round values: binary bytes step by powers of two, decimal bytes and counts by 1, 2, 5. */
import type { ByteUnit } from '../../base/units.ts';
import { byteScale, formatInteger } from '../../base/units.ts';

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/** Smallest of 1, 2, 5 times a power of ten that is >= `least`. */
function decimalStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5]) if (factor * power >= least * (1 - 1e-12)) return factor * power;
  return 10 * power;
}

const trimZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?(?<!0)0+$/, '') : text);

function ticksFrom(first: number, to: number, step: number, label: (at: number) => string): Tick[] {
  const ticks: Tick[] = [];
  // By multiplication: adding the step up would drift.
  for (let i = Math.ceil(first / step); i * step <= to; i++)
    ticks.push({ at: i * step, label: label(i * step) });
  return ticks;
}

/** "1.5 GiB": a byte tick with no digit more than it needs. */
export function byteLabel(bytes: number, unit: ByteUnit): string {
  if (bytes === 0) return '0';
  const { step, name } = byteScale(bytes, unit);
  return `${trimZeros((bytes / step).toFixed(3))} ${name}`;
}

export const byteStep = (top: number, most: number, unit: ByteUnit): number => {
  const least = Math.max(1, top / Math.max(1, most));
  return unit === 'binary' ? 2 ** Math.ceil(Math.log2(least) - 1e-12) : decimalStep(least);
};

/** Ticks from 0 to at least `max`; the last one is the top of the axis. */
export function byteTicks(max: number, most: number, unit: ByteUnit): Tick[] {
  const step = byteStep(Math.max(1, max), most, unit);
  const top = Math.max(step, Math.ceil(max / step) * step);
  return ticksFrom(0, top, step, (at) => byteLabel(at, unit));
}

export function countTicks(max: number, most: number): Tick[] {
  const step = Math.max(1, decimalStep(Math.max(1, max) / Math.max(1, most)));
  const top = Math.max(step, Math.ceil(max / step) * step);
  return ticksFrom(0, top, step, formatInteger);
}

/** Ticks from 0 to at least `max` at 1, 2, 5 times any power of ten. */
export function decimalTicks(max: number, most: number, label: (at: number, step: number) => string): Tick[] {
  const step = decimalStep((max > 0 ? max : 1) / Math.max(1, most));
  const count = Math.max(1, Math.ceil(max / step - 1e-9));
  // Rounded to the step's digits: 3 * 0.1 is not 0.3.
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12))).map((at) => ({
    at,
    label: label(at, step),
  }));
}

const SECOND = 1e9;
/** Steps above a second follow the clock. */
const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];

export function timeStep(least: number): number {
  if (least <= SECOND) return decimalStep(Math.max(1, least));
  const step = CLOCK_STEPS.find((seconds) => seconds * SECOND >= least);
  return step === undefined ? Math.ceil(least / (86400 * SECOND)) * 86400 * SECOND : step * SECOND;
}

/** "75.5 s", "850 µs", "2:05 min": the digits that tell neighbours `step` apart; `reach` picks the unit. */
export function timeLabel(ns: number, step: number, reach: number): string {
  const [unit, name] =
    reach < 1e3 ? [1, 'ns'] : reach < 1e6 ? [1e3, 'µs'] : reach < SECOND ? [1e6, 'ms'] : [SECOND, 's'];
  if (ns === 0) return `0 ${name}`;
  if (unit === SECOND && step >= SECOND && reach >= 120 * SECOND) {
    const seconds = Math.round(ns / SECOND);
    const two = (value: number): string => String(value).padStart(2, '0');
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours > 0
      ? `${hours}:${two(minutes)}:${two(seconds % 60)} h`
      : `${minutes}:${two(seconds % 60)} min`;
  }
  const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9)));
  return `${(ns / unit).toFixed(digits)} ${name}`;
}

export function timeTicks(from: number, to: number, most: number): Tick[] {
  const step = timeStep((to - from) / Math.max(1, most));
  const reach = Math.max(Math.abs(from), Math.abs(to));
  return ticksFrom(from, to, step, (at) => timeLabel(at, step, reach));
}

export function rowTicks(from: number, to: number, most: number): Tick[] {
  const step = Math.max(1, decimalStep(Math.max(1, to - from) / Math.max(1, most)));
  return ticksFrom(from, to, step, formatInteger);
}

/** Pixels of a letter of an axis label, and the room right of every plot. */
const LETTER = 6.3;
const ROOM_RIGHT = 20;

/** A label that would be cut at the right edge of the chart is left out; its line stays. */
export const uncutLabels = (ticks: readonly Tick[], from: number, to: number, width: number): Tick[] =>
  ticks.map((tick) => {
    const room = ((to - tick.at) / (to - from || 1)) * width + ROOM_RIGHT;
    return (tick.label.length * LETTER) / 2 > room ? { ...tick, label: '' } : tick;
  });
