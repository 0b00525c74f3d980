/**
 * Out-of-memory errors and retries of cudaMalloc that PyTorch's memory summaries count, by device:
 *
 *   |            CUDA OOMs: 1            |        cudaMalloc retries: 3         |
 */
import type { ReadSource } from '../read-source.ts';

export interface SummaryOoms {
  readonly source: ReadSource;
  readonly device: number;
  readonly ooms: number;
  readonly retries: number;
  /** What stands before the first summary that counts one; '' for nothing. */
  readonly label: string;
  /** true: an earlier summary of this device counts none, so it happened in between. */
  readonly sinceBefore: boolean;
}

export const summaryOoms = (sources: readonly ReadSource[]): SummaryOoms[] =>
  sources.flatMap((source) =>
    [...new Set(source.summaries.map(({ device }) => device))].flatMap((device) => {
      const own = source.summaries.filter((summary) => summary.device === device);
      const at = own.findIndex(({ ooms }) => ooms > 0);
      if (at < 0) return [];
      const { ooms, retries } = own[own.length - 1];
      const most = Math.max(ooms, own[at].ooms);
      return [{ source, device, ooms: most, retries, label: own[at].label ?? '', sinceBefore: at > 0 }];
    }),
  );
