/** Processes that nvidia-smi lists with the memory they hold: a series each, and one table of all of them. */
import { formatInteger } from '../../base/units.ts';
import type { DataTable } from '../../trace/readings.ts';
import { PROCESS_MEMORY } from './columns.ts';
import { MIB, type RowPlace, type SmiSamples } from './samples.ts';
import { withoutHome } from '../lines/text-pass.ts';

const MOST_PROCESSES = 2000;
const NAME_LENGTH = 200;

interface Holder {
  readonly place: RowPlace;
  readonly pid: string;
  readonly name: string;
  readonly type: string | null;
  samples: number;
  first: number;
  peak: number;
  last: number;
}

export class SmiProcesses {
  private readonly holders = new Map<string, Holder>();

  constructor(private readonly samples: SmiSamples) {}

  /** One row of a list of processes; `mebibytes` NaN: it reads [N/A]; null: the list has no such column. */
  add(
    place: RowPlace,
    pid: string,
    fullName: string,
    type: string | null,
    mebibytes: number | null,
    interval?: number,
  ): void {
    const name = withoutHome(fullName).slice(0, NAME_LENGTH);
    const { gpu } = place;
    const labels = { ...place.labels, pid, process: name };
    if (mebibytes !== null) this.samples.add(PROCESS_MEMORY, { ...place, labels }, mebibytes, 1, interval);
    const key = `${gpu.index ?? gpu.uuid ?? gpu.bus}\t${JSON.stringify(labels)}`;
    let holder = this.holders.get(key);
    if (holder === undefined) {
      if (this.holders.size >= MOST_PROCESSES) {
        this.samples.warnings.add(
          `More than ${formatInteger(MOST_PROCESSES)} processes: further ones are not in the table.`,
          place.offset,
        );
        return;
      }
      holder = { place, pid, name, type, samples: 0, first: NaN, peak: NaN, last: NaN };
      this.holders.set(key, holder);
    }
    holder.samples++;
    if (mebibytes === null || Number.isNaN(mebibytes)) return;
    if (Number.isNaN(holder.first)) holder.first = mebibytes;
    holder.last = mebibytes;
    holder.peak = Number.isNaN(holder.peak) ? mebibytes : Math.max(holder.peak, mebibytes);
  }

  table(): DataTable | null {
    if (this.holders.size === 0) return null;
    const size = (mebibytes: number): number | null => (Number.isNaN(mebibytes) ? null : mebibytes * MIB);
    return {
      id: 'nvidia-smi.processes',
      title: 'Processes on the GPUs',
      note: 'Memory as the driver accounts it to each process, in whole MiB: the CUDA context and everything allocated, whether in use or cached. Empty where nvidia-smi printed [N/A].',
      columns: [
        { name: 'GPU', unit: 'text' },
        { name: 'Process ID', unit: 'text' },
        { name: 'Type', unit: 'text' },
        { name: 'Process', unit: 'text' },
        { name: 'Listed', unit: 'count' },
        { name: 'Memory, first', unit: 'bytes' },
        { name: 'Memory, peak', unit: 'bytes' },
        { name: 'Memory, last', unit: 'bytes' },
        { name: 'Printed by', unit: 'text' },
      ],
      rows: [...this.holders.values()].map(({ place, pid, name, type, samples, first, peak, last }) => {
        const { gpu, labels } = place;
        const index = gpu.index ?? this.samples.indexOf(gpu.uuid) ?? this.samples.indexOf(gpu.bus);
        const which = index === null ? (gpu.uuid ?? gpu.bus) : String(index);
        const mig = labels['mig.gi'] === undefined ? '' : ` (MIG ${labels['mig.gi']}/${labels['mig.ci']})`;
        return [
          which === null ? null : which + mig,
          pid,
          type,
          name,
          samples,
          size(first),
          size(peak),
          size(last),
          labels['tool'] ?? 'query-compute-apps',
        ];
      }),
    };
  }
}
