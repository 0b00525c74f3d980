/** Curves and sources for tests: a made-up recording of every step, and what a monitor would print of it. */
import type { ClockKind, ClockSource } from '../../src/analyze/clock/alignment.ts';
import type { StepCurve } from '../../src/analyze/step-curve.ts';

export const MIB = 2 ** 20;
export const SECOND = 1e9;

/** Numbers in [0, 1), the same for every run of one seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export const eventCurve = (
  rows: readonly (readonly [seconds: number, mebibytes: number])[],
  more: Partial<StepCurve> = {},
): StepCurve => ({
  label: 'Reserved',
  measures: 'reserved',
  device: 0,
  kind: 'event',
  time_ns: Float64Array.from(rows, ([seconds]) => seconds * SECOND),
  value: Float64Array.from(rows, ([, mebibytes]) => mebibytes * MIB),
  endNs: (rows.at(-1)?.[0] ?? 0) * SECOND,
  granularity: 0,
  rounding: 'nearest',
  timeGranularityNs: 0,
  slackNs: 0,
  staleNs: 0,
  bound: 'exact',
  ...more,
});

export const sampleCurve = (
  rows: readonly (readonly [seconds: number, mebibytes: number])[],
  more: Partial<StepCurve> = {},
): StepCurve =>
  eventCurve(rows, {
    label: 'Memory used',
    measures: 'device_used',
    kind: 'sample',
    granularity: MIB,
    rounding: 'either',
    timeGranularityNs: 1e6,
    slackNs: 50e6,
    ...more,
  });

/** Reserved memory of a made-up run: `count` steps of 2 to 400 MiB within `seconds`. */
export function madeUpRun(seed: number, count: number, seconds: number): StepCurve {
  const random = randomOf(seed);
  const times = Array.from({ length: count }, () => random() * seconds).sort((a, b) => a - b);
  let level = 500;
  return eventCurve(
    [0, ...times].map((time): [number, number] => {
      const size = 2 * (1 + Math.floor(random() * 200));
      level = level > 4000 || (random() < 0.3 && level > size) ? level - size : level + size;
      return [time, level];
    }),
  );
}

/** Value of an event curve at a moment; before its first row: that of it. */
export function valueAt(curve: StepCurve, time_ns: number): number {
  let at = 0;
  while (at + 1 < curve.time_ns.length && curve.time_ns[at + 1] <= time_ns) at++;
  return curve.value[at];
}

/** What nvidia-smi would print of it every `every` seconds: whole MiB, with `besides` MiB that are not PyTorch's. */
export function monitored(curve: StepCurve, every: number, besides: (seconds: number) => number): StepCurve {
  const rows: [number, number][] = [];
  for (let at = every / 3; at * SECOND < curve.endNs; at += every)
    rows.push([
      Math.round(at * 1e3) / 1e3,
      Math.floor(valueAt(curve, Math.round(at * 1e3) * 1e6) / MIB + besides(at)),
    ]);
  return sampleCurve(rows);
}

export const sourceOf = (
  name: string,
  clock: ClockKind,
  baseNs: bigint,
  curves: readonly StepCurve[],
  more: Partial<ClockSource> = {},
): ClockSource => ({ name, clock, baseNs, curves, ...more });
