/** Memory of a GPU that is in use while nvidia-smi's own list of processes is empty. */
import type { Gauge } from '../../trace/readings.ts';
import type { ReadSource } from '../read-source.ts';
import { sliceOf, totalOf } from './facts-fullness.ts';

export interface Unlisted {
  readonly source: ReadSource;
  readonly device: number | null;
  /** Bytes, by the last sample. */
  readonly used: number;
  /** Bytes; null: not in the file. */
  readonly total: number | null;
}

/** What the driver, a display and a daemon of persistence keep without a process in the list: up to so much. */
const LEAST = 2 ** 30;

const lastOf = ({ value }: Gauge): number => value.findLast((one) => !Number.isNaN(one)) ?? 0;

/** The reader says so where every list of processes in the file is empty by its own words. */
const listsNone = ({ settings }: ReadSource): boolean =>
  settings.some(([name, value]) => name === 'Processes listed' && value === 'none');

/** MIG instances are parts of their device. */
export const unlistedOf = (sources: readonly ReadSource[]): Unlisted[] =>
  sources.filter(listsNone).flatMap((source) =>
    (source.readings?.gauges ?? [])
      .filter((gauge) => gauge.id === 'memory.used' && sliceOf(gauge) === '' && lastOf(gauge) > LEAST)
      .map((gauge) => ({
        source,
        device: gauge.device,
        used: lastOf(gauge),
        total: totalOf(sources, gauge),
      })),
  );
