/** Who is on a device, from lists of processes; where its use falls to nothing and comes back; MIG instances. */
import type { Gauge } from '../../trace/readings.ts';
import { measureOf } from '../step-curve.ts';
import type { ReadSource } from '../read-source.ts';
import { sliceOf, totalOf } from './facts-fullness.ts';

export interface CardProcess {
  readonly pid: string;
  readonly name: string;
  /** Absolute ns of the first and last sample that lists it, on the source's clock. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
  /** Most bytes that were listed; null: [N/A] throughout. */
  readonly peak: number | null;
}

/** The processes of one device (or MIG instance) in one source. */
export interface Card {
  readonly source: ReadSource;
  readonly device: number | null;
  /** Index, else uuid or bus as printed; with the MIG instance. */
  readonly name: string;
  readonly processes: readonly CardProcess[];
  /** The one that holds most, and those that were listed at the same time. */
  readonly largest: CardProcess | null;
  readonly beside: readonly CardProcess[];
  /** Of those beside it, the ones that hold more on another device of the same source, and which. */
  readonly guests: readonly {
    readonly process: CardProcess;
    readonly home: string;
    readonly there: number;
  }[];
  /** Processes of one name of which one came after the other had gone. */
  readonly successions: readonly (readonly [CardProcess, CardProcess])[];
}

const cardKey = (gauge: Gauge): string => {
  const { labels } = gauge;
  const which =
    gauge.device === null
      ? (labels['uuid'] ?? labels['gpu_uuid'] ?? labels['pci.bus_id'] ?? '')
      : `GPU ${gauge.device}`;
  return [which, sliceOf(gauge)].filter((text) => text !== '').join(' ');
};

function processOf(gauge: Gauge): CardProcess | null {
  const { time_ns, value, labels } = gauge;
  if (time_ns.length === 0) return null;
  const peak = value.reduce((most, one) => (one > most ? one : most), -1);
  return {
    pid: labels['pid'] ?? '',
    name: labels['process'] ?? labels['process_name'] ?? '',
    firstNs: time_ns[0],
    lastNs: time_ns[time_ns.length - 1],
    peak: peak < 0 ? null : peak,
  };
}

/** A process that is about to end loses its name first ("[No data]", "[Not Found]"): two series, one process. */
function asOne(one: CardProcess, other: CardProcess): CardProcess {
  return {
    pid: one.pid,
    name: one.name.startsWith('[') || one.name === '' ? other.name : one.name,
    firstNs: one.firstNs < other.firstNs ? one.firstNs : other.firstNs,
    lastNs: one.lastNs > other.lastNs ? one.lastNs : other.lastNs,
    peak:
      one.peak === null || other.peak === null ? (one.peak ?? other.peak) : Math.max(one.peak, other.peak),
  };
}

const meet = (one: CardProcess, other: CardProcess): boolean =>
  one.firstNs <= other.lastNs && other.firstNs <= one.lastNs;

/** Holds less than this: a monitor, a desktop, not one that takes the memory away. */
const LEAST_BYTES = 64 << 20;

export function cardsOf(sources: readonly ReadSource[]): Card[] {
  return sources.flatMap((source) => {
    const cards = new Map<string, { device: number | null; processes: CardProcess[] }>();
    for (const gauge of source.readings?.gauges ?? []) {
      if (measureOf(gauge) !== 'process_used') continue;
      const process = processOf(gauge);
      if (process === null) continue;
      const key = cardKey(gauge);
      const card = cards.get(key) ?? { device: gauge.device, processes: [] };
      const known = card.processes.findIndex(({ pid }) => pid !== '' && pid === process.pid);
      if (known < 0) card.processes.push(process);
      else card.processes[known] = asOne(card.processes[known], process);
      cards.set(key, card);
    }
    const homeOf = (pid: string, here: string): { home: string; there: number } | null => {
      let most: { home: string; there: number } | null = null;
      for (const [name, { processes }] of cards) {
        const peak = name === here ? null : (processes.find((one) => one.pid === pid)?.peak ?? null);
        if (peak !== null && peak > (most?.there ?? 0)) most = { home: name, there: peak };
      }
      return most;
    };
    return [...cards].map(([name, { device, processes }]) => {
      const largest = processes.reduce<CardProcess | null>(
        (most, one) => (one.peak !== null && one.peak > (most?.peak ?? -1) ? one : most),
        null,
      );
      const beside =
        largest === null
          ? []
          : processes.filter(
              (one) => one.peak !== null && one.peak >= LEAST_BYTES && one !== largest && meet(one, largest),
            );
      const big = processes.filter(({ peak }) => peak !== null && peak >= LEAST_BYTES);
      return {
        source,
        device,
        name,
        processes,
        largest,
        beside,
        guests: beside.flatMap((process) => {
          const elsewhere = process.pid === '' ? null : homeOf(process.pid, name);
          return elsewhere === null || elsewhere.there <= (process.peak ?? 0)
            ? []
            : [{ process, ...elsewhere }];
        }),
        successions: big.flatMap((one) =>
          big
            .filter((next) => next.name === one.name && next.pid !== one.pid && next.firstNs > one.lastNs)
            .slice(0, 1)
            .map((next) => [one, next] as const),
        ),
      };
    });
  });
}

/** The device's use fell to nothing and came back. */
export interface Fall {
  readonly source: ReadSource;
  readonly device: number | null;
  readonly label: string;
  /** Last sample before, lowest after, and the first that is high again; absolute ns. */
  readonly before: { readonly time_ns: bigint; readonly bytes: number };
  readonly low: { readonly time_ns: bigint; readonly bytes: number };
  readonly again: { readonly time_ns: bigint; readonly bytes: number };
}

/** A process that ends leaves at most so much of what was in use; a cache that is emptied leaves the weights. */
const NOTHING = 0.1;
const AGAIN = 0.5;
const LEAST_PEAK = 2 ** 30;

export function fallsOf(sources: readonly ReadSource[]): Fall[] {
  return sources.flatMap((source) =>
    (source.readings?.gauges ?? []).flatMap((gauge) => {
      if (measureOf(gauge) !== 'device_used') return [];
      const falls: Fall[] = [];
      const rows = Array.from(gauge.value.keys()).filter((row) => !Number.isNaN(gauge.value[row]));
      const at = (row: number): Fall['low'] => ({ time_ns: gauge.time_ns[row], bytes: gauge.value[row] });
      let peak = 0;
      let last = -1;
      let low = -1;
      for (const row of rows) {
        const value = gauge.value[row];
        if (low < 0 && peak >= LEAST_PEAK && value <= NOTHING * peak) low = row;
        else if (low >= 0 && value >= AGAIN * peak) {
          falls.push({
            source,
            device: gauge.device,
            label: gauge.label,
            before: at(last),
            low: at(low),
            again: at(row),
          });
          low = -1;
          peak = value;
        } else if (low >= 0 && value < gauge.value[low]) low = row;
        if (low < 0) {
          peak = Math.max(peak, value);
          last = row;
        }
      }
      return falls;
    }),
  );
}

/** Use that fell to nothing and did not come back: a process that ended, or was ended. */
export interface End {
  readonly source: ReadSource;
  readonly device: number | null;
  readonly label: string;
  readonly before: Fall['low'];
  readonly after: Fall['low'];
}

/** Samples of a gauge between which its use fell to nothing for good; null: it did not. */
export function endIn({
  value,
}: Pick<Gauge, 'value'>): { readonly before: number; readonly after: number } | null {
  const rows = Array.from(value.keys()).filter((row) => !Number.isNaN(value[row]));
  const peak = rows.reduce((most, row) => Math.max(most, value[row]), 0);
  // The last sample that was not nothing, and all behind it are.
  const last = rows.findLastIndex((row) => value[row] > NOTHING * peak);
  if (peak < LEAST_PEAK || last < 0 || last === rows.length - 1) return null;
  const before = rows[last];
  return value[before] < AGAIN * peak ? null : { before, after: rows[last + 1] };
}

export function endsOf(sources: readonly ReadSource[]): End[] {
  return sources.flatMap((source) =>
    (source.readings?.gauges ?? []).flatMap((gauge): End[] => {
      const end = measureOf(gauge) === 'device_used' ? endIn(gauge) : null;
      if (end === null) return [];
      const at = (row: number): Fall['low'] => ({ time_ns: gauge.time_ns[row], bytes: gauge.value[row] });
      return [
        { source, device: gauge.device, label: gauge.label, before: at(end.before), after: at(end.after) },
      ];
    }),
  );
}

/** A MIG instance and how full it was. */
export interface Slice {
  readonly source: ReadSource;
  readonly device: number | null;
  /** "MIG 2" */
  readonly name: string;
  readonly total: number;
  readonly peak: number;
  /** Bytes of the whole GPU; null: not printed. */
  readonly gpuTotal: number | null;
}

export function slicesOf(sources: readonly ReadSource[]): Slice[] {
  return sources.flatMap((source) =>
    (source.readings?.gauges ?? []).flatMap((gauge): Slice[] => {
      const name = sliceOf(gauge);
      if (name === '' || measureOf(gauge) !== 'device_used') return [];
      const total = totalOf(sources, gauge);
      if (total === null || total <= 0) return [];
      return [
        {
          source,
          device: gauge.device,
          name,
          total,
          peak: gauge.value.reduce((most, value) => (value > most ? value : most), 0),
          gpuTotal: totalOf(sources, { ...gauge, labels: {} }),
        },
      ];
    }),
  );
}
