/** How full a device was over time, from what monitors print: used against total. */
import { own } from '../../base/lookup.ts';
import type { Gauge } from '../../trace/readings.ts';
import { measureOf } from '../step-curve.ts';
import type { ReadSource } from '../read-source.ts';

/** MIG instances are devices of their own; tools only print the same thing. */
export function sliceOf({ labels }: Pick<Gauge, 'labels'>): string {
  const instance = labels['mig.gi'] ?? labels['mig.device'];
  return instance === undefined ? '' : `MIG ${instance}`;
}

const TOTALS: Readonly<Record<string, readonly string[]>> = {
  'memory.used': ['memory.total'],
  DCGM_FI_DEV_FB_USED: ['DCGM_FI_DEV_FB_TOTAL'],
  gpu_used_vram: ['gpu_total_vram'],
  nvidia_smi_memory_used_bytes: ['nvidia_smi_memory_total_bytes'],
  nvidia_smi_fb_memory_usage_used_bytes: ['nvidia_smi_fb_memory_usage_total_bytes'],
};

const lastOf = ({ value }: Gauge): number | null => value.findLast((one) => !Number.isNaN(one)) ?? null;

const sameLabels = (one: Gauge, other: Gauge): boolean =>
  Object.entries(one.labels).every(
    ([name, value]) => name === '__name__' || (own(other.labels, name) ?? value) === value,
  );

/** Bytes of the device (or MIG instance) whose use the gauge prints; null: no source prints them. */
export function totalOf(sources: readonly ReadSource[], used: Gauge): number | null {
  const gauges = sources.flatMap(({ readings }) => readings?.gauges ?? []);
  const beside = (id: string): number | null => {
    const same = gauges.filter(
      (gauge) => gauge.id === id && gauge.device === used.device && sliceOf(gauge) === sliceOf(used),
    );
    const found =
      same.find((gauge) => sameLabels(used, gauge)) ?? (id.startsWith('DCGM_') ? undefined : same[0]);
    return found === undefined ? null : lastOf(found);
  };
  for (const id of TOTALS[used.id] ?? []) {
    const total = beside(id);
    if (total !== null && total > 0) return total;
  }
  if (used.id !== 'DCGM_FI_DEV_FB_USED') return null;
  const [now, free] = [lastOf(used), beside('DCGM_FI_DEV_FB_FREE')];
  // What the driver keeps for itself is in neither.
  return now === null || free === null ? null : now + free + (beside('DCGM_FI_DEV_FB_RESERVED') ?? 0);
}

export interface Fullness {
  readonly source: ReadSource;
  readonly gauge: Gauge;
  readonly device: number | null;
  readonly total: number;
  /** Share of the total, 0 to 1. */
  readonly peak: number;
  /** The longest stretch at or above the threshold; null: there was no sample at it. */
  readonly longest: {
    readonly startNs: bigint;
    readonly endNs: bigint;
    readonly samples: number;
    readonly least: number;
  } | null;
}

/** What people set alarms at: 90 % for five minutes. */
export const FULL_SHARE = 0.9;
export const FULL_NS = 5n * 60n * 1_000_000_000n;
/** Samples further apart than so many usual distances do not tell of the time between. */
const GAP = 5n;

function longestOf(gauge: Gauge, level: number): Fullness['longest'] {
  const rows = Array.from(gauge.value.keys()).filter((row) => !Number.isNaN(gauge.value[row]));
  const times = rows.map((row) => gauge.time_ns[row]);
  const gaps = times.slice(1).map((time, i) => time - times[i]);
  const usual = [...gaps].sort((a, b) => (a < b ? -1 : 1))[gaps.length >> 1] ?? 0n;
  let longest: Fullness['longest'] = null;
  for (let from = 0; from < rows.length; from++) {
    if (gauge.value[rows[from]] < level) continue;
    let to = from;
    let least = gauge.value[rows[from]];
    while (to + 1 < rows.length && gauge.value[rows[to + 1]] >= level && gaps[to] <= usual * GAP) {
      to++;
      least = Math.min(least, gauge.value[rows[to]]);
    }
    const found = { startNs: times[from], endNs: times[to], samples: to - from + 1, least };
    if (longest === null || found.endNs - found.startNs > longest.endNs - longest.startNs) longest = found;
    from = to;
  }
  return longest;
}

/** The fullness of every device that a monitor with a clock tells of. */
export function fullnessOf(sources: readonly ReadSource[]): Fullness[] {
  return sources.flatMap((source) => {
    const { readings } = source;
    if (readings === null || readings.clock === 'none') return [];
    return readings.gauges.flatMap((gauge) => {
      if (measureOf(gauge) !== 'device_used') return [];
      const total = totalOf(sources, gauge);
      if (total === null || total <= 0) return [];
      const most = gauge.value.reduce((peak, value) => (value > peak ? value : peak), 0);
      return [
        {
          source,
          gauge,
          device: gauge.device,
          total,
          peak: most / total,
          longest: longestOf(gauge, FULL_SHARE * total),
        },
      ];
    });
  });
}
