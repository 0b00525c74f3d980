/** What a device is aggregated by, whoever recorded it: its curves, and which rows count as allocations of which stream. */
import { SKIP } from '../kernel/kernels.ts';
import type { DeviceTrace } from '../trace/capture.ts';
import { ACTION, HOST_KINDS } from '../trace/schema.ts';
import type { Baseline } from './baseline.ts';
import { hostSeries } from './host-series.ts';
import { poolSeries } from './nsys-pools.ts';
import { nsysSeries } from './nsys-series.ts';
import { privatePoolSeries } from './private-pool-series.ts';
import type { SeriesSpec } from './series.ts';
import { torchSeries } from './torch-series.ts';

export const seriesOf = (trace: DeviceTrace, baseline: Baseline): SeriesSpec[] =>
  trace.producer === 'torch'
    ? [...torchSeries(trace, baseline), ...privatePoolSeries(trace, baseline)]
    : trace.producer === 'torch_host'
      ? hostSeries(trace, baseline)
      : [...nsysSeries(trace), ...poolSeries(trace)];

/** Stream index of every alloc row, SKIP elsewhere. Host memory (Nsight: pageable, pinned) is left out. */
export function allocationKeys({ events, producer }: DeviceTrace): Uint32Array {
  const keys = new Uint32Array(events.length).fill(SKIP);
  for (let row = 0; row < events.length; row++) {
    if (
      events.action[row] !== ACTION.alloc ||
      (producer === 'nsys' && HOST_KINDS.includes(events.group[row]))
    )
      continue;
    keys[row] = events.stream_index[row];
  }
  return keys;
}
