/**
 * The engine as the page has it: its own methods, for each of them answers with a promise and so is the same on both
 * sides of the worker's border. What a question takes and answers stands in protocol.ts, what it means at the method.
 * Every answer that can fail by the user's data is a Result; faults of ours too (code 'internal').
 */
import type { Engine } from './engine.ts';
import type { Progress, SourceView } from './protocol.ts';
import type { ReplayDesk } from './replay/desk.ts';

/** Between the page's client and its workers, for sweeps; the page does not see them. */
export type SweepStep = 'sweepWork' | 'sweepRound' | 'sweepConclusion' | 'sweepPrepare' | 'sweepBatch';

/** Of files, a File alone crosses the border; a table crosses whole. */
export interface EngineApi extends Omit<Engine, 'open' | 'openFolder' | 'writeTable' | 'facts' | 'replays'> {
  open(job: number, file: File, onProgress: (progress: Progress) => void): Promise<readonly SourceView[]>;
  openFolder(
    job: number,
    name: string,
    files: readonly { readonly path: string; readonly file: File }[],
    onProgress: (progress: Progress) => void,
  ): Promise<readonly SourceView[]>;
  readonly replays: Omit<ReplayDesk, SweepStep>;
}
