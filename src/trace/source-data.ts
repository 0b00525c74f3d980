/** SourceData with everything empty that a reader has nothing to say about, its readings too. */
import type { SourceData } from './capture.ts';
import type { Readings } from './readings.ts';
import { StackTable } from './stack-table.ts';

type Told = Partial<Omit<SourceData, 'readings'>> &
  Pick<SourceData, 'producer'> & { readonly readings?: Partial<Readings> & Pick<Readings, 'clock'> };

export const sourceData = ({ readings, ...told }: Told): SourceData => ({
  rows: 0,
  skipped: 0,
  warnings: [],
  notRecorded: [],
  devices: [],
  summaries: [],
  stacks: new StackTable(),
  settings: [],
  ...told,
  ...(readings && { readings: { gauges: [], tables: [], budgets: [], events: [], ...readings } }),
});
