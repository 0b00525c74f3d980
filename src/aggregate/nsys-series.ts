/** Curves of an Nsight trace by memory kind, grouped as Nsight's own GUI draws them; host memory apart. */
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, MEM_KINDS, type MemKind } from '../trace/schema.ts';
import { bytesBefore } from './nsys-before.ts';
import type { SeriesSpec } from './series.ts';

export interface NsysGroup {
  readonly id: string;
  readonly label: string;
  readonly kinds: readonly MemKind[];
}

/** Nsight Systems user guide: "Memory usage" is device and array, host memory is not drawn there. */
const NSYS_GROUPS: readonly NsysGroup[] = [
  { id: 'device', label: 'Memory usage (device, array)', kinds: ['device', 'array'] },
  { id: 'managed', label: 'Managed memory usage', kinds: ['managed'] },
  { id: 'static', label: 'Static memory usage', kinds: ['device_static', 'managed_static'] },
  { id: 'pinned', label: 'Pinned host memory (not on the device)', kinds: ['pinned'] },
  { id: 'pageable', label: 'Pageable host memory (not on the device)', kinds: ['pageable'] },
  { id: 'unknown', label: 'Unknown kind', kinds: ['unknown'] },
];

function groupDeltas({ events }: DeviceTrace, kinds: ReadonlySet<number>): Uint32Array {
  const deltas = new Uint32Array(2 * events.length);
  for (let row = 0; row < events.length; row++) {
    if (!kinds.has(events.group[row])) continue;
    const low = events.size[2 * row];
    const high = events.size[2 * row + 1];
    if (events.action[row] === ACTION.alloc) {
      deltas[2 * row] = low;
      deltas[2 * row + 1] = high;
    } else if (events.action[row] === ACTION.free) {
      deltas[2 * row] = -low;
      deltas[2 * row + 1] = ~high + (low === 0 ? 1 : 0);
    }
  }
  return deltas;
}

export function nsysSeries(trace: DeviceTrace): SeriesSpec[] {
  const present = new Set(trace.events.group);
  return NSYS_GROUPS.flatMap((group): SeriesSpec[] => {
    const kinds = new Set(
      group.kinds.map((kind) => MEM_KINDS.indexOf(kind)).filter((kind) => present.has(kind)),
    );
    if (kinds.size === 0) return [];
    const initial = bytesBefore(trace, kinds);
    const note =
      initial > 0
        ? 'More was freed than was allocated since the recording began: the curve starts from the least that was there before.'
        : null;
    return [
      {
        id: group.id,
        label: group.label,
        unit: 'bytes',
        chart: 'usage',
        exact: initial === 0,
        bound: initial === 0 ? null : 'lower',
        note,
        initial,
        deltas: () => groupDeltas(trace, kinds),
      },
    ];
  });
}
