/**
 * Why nvidia-smi has no figure of a GPU's memory, and what to record in that place instead: a GPU that shares the memory of
 * its host (GB10, Jetson, Grace without memory of its own) has no total, a shim in front of the driver (HAMi, a vGPU)
 * prints what cannot be, and Windows (WDDM) does not tell what a process holds.
 */
import type { Gauge } from '../../trace/readings.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';

/** Names of GPUs without memory of their own. */
const SHARED = /\b(?:GB10|Thor|Orin|Xavier|Tegra|Jetson)\b/i;

export const IMPOSSIBLE_BYTES = 2 ** 50;

export const impossibleText = (id: string, printed: number): string =>
  `${id} is printed as ${formatInteger(printed)} MiB, which cannot be (a number below zero in unsigned arithmetic), and was left out: mostly a shim in front of the driver (HAMi, a vGPU) counts wrongly.`;

const WHAT_PROCESSES =
  'nvidia-smi --query-compute-apps=timestamp,pid,process_name,used_gpu_memory --format=csv -l 1';

/** The GPU that shares its host's memory, by its name; null: none of them does. */
export const sharedName = (names: Iterable<string>): string | null => {
  for (const name of names) if (SHARED.test(name)) return name;
  return null;
};

/** Why a figure of memory has no value in any sample. */
export function silentText(id: string, count: number, names: Iterable<string>): string {
  const samples = `${id} has no figure in any of ${count} samples`;
  const shared = id.startsWith('memory.') ? sharedName(names) : null;
  if (shared !== null)
    return `${samples}: ${shared} shares the memory of its host, so nvidia-smi has none of its own to tell.`;
  if (id === 'process.memory.used')
    return `${samples} (nvidia-smi prints [N/A] where a GPU, MIG or a driver model does not tell it; on Windows, WDDM: there Task Manager's column "Dedicated GPU memory" tells it).`;
  return `${samples} (nvidia-smi prints [N/A] where a GPU, MIG or a driver model does not tell it).`;
}

const latest = ({ value }: Gauge): number => value.findLast((one) => !Number.isNaN(one)) ?? 0;

/** The least that is in use, by the list of processes, of each device that tells nothing else. */
function leastInUse(gauges: readonly Gauge[]): string[] {
  const held = new Map<number | null, { bytes: number; processes: number }>();
  for (const gauge of gauges) {
    if (gauge.id !== 'process.memory.used' || gauge.labels['mig.gi'] !== undefined) continue;
    if (gauges.some(({ id, device }) => id === 'memory.used' && device === gauge.device)) continue;
    const sum = held.get(gauge.device) ?? { bytes: 0, processes: 0 };
    held.set(gauge.device, { bytes: sum.bytes + latest(gauge), processes: sum.processes + 1 });
  }
  return [...held].flatMap(([device, { bytes, processes }]) =>
    processes < 2
      ? []
      : [
          `The ${processes} processes listed${device === null ? '' : ` on GPU ${device}`} hold ${formatBytes(bytes, 'binary')} together (${formatInteger(bytes / 2 ** 20)} MiB): so much at least is in use.`,
        ],
  );
}

/** What to record where the memory of a GPU is not in the file. `asked`: its columns are there, without a figure. */
export function howMuchText(
  gauges: readonly Gauge[],
  names: Iterable<string>,
  asked: boolean,
  command: string,
): string[] {
  const least = leastInUse(gauges);
  const shared = sharedName(names);
  if (shared !== null)
    return [
      ...least,
      `${shared} shares the memory of its host, so nvidia-smi has no total of it and prints [N/A]: read MemTotal and MemAvailable in /proc/meminfo, and what each process holds: ${WHAT_PROCESSES}`,
    ];
  if (asked)
    return [
      ...least,
      `How much memory of each GPU is used was requested and has no figure: a GPU that shares the memory of its host (GB10, Jetson), a container or a vGPU can hide it. There torch.cuda.mem_get_info() tells total and free, and what each process holds: ${WHAT_PROCESSES}`,
    ];
  return [...least, `How much memory of each GPU is used is not in here. To record it: ${command}`];
}
