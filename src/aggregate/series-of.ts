/** The curves of a device, whoever recorded it. */
import type { DeviceTrace } from '../trace/capture.ts';
import type { Baseline } from './baseline.ts';
import { poolSeries } from './nsys-pools.ts';
import { nsysSeries } from './nsys-series.ts';
import type { SeriesSpec } from './series.ts';
import { torchSeries } from './torch-series.ts';

export const seriesOf = (trace: DeviceTrace, baseline: Baseline): SeriesSpec[] =>
  trace.producer === 'torch' ? torchSeries(trace, baseline) : [...nsysSeries(trace), ...poolSeries(trace)];
