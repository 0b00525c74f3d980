/** SourceData with everything empty that a reader has nothing to say about. */
import type { SourceData } from './capture.ts';
import { StackTable } from './stack-table.ts';

export const sourceData = (told: Partial<SourceData> & Pick<SourceData, 'producer'>): SourceData => ({
  rows: 0,
  skipped: 0,
  warnings: [],
  notRecorded: [],
  devices: [],
  summaries: [],
  stacks: new StackTable(),
  settings: [],
  ...told,
});
