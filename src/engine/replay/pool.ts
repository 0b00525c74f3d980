/**
 * A sweep in several workers at once. The worker that holds the device hands its requests out once; helpers serve one
 * setting after another, so that progress is told, and a cancel heard, after each. Knows nothing of workers
 * themselves: who calls it starts and ends them.
 */
import { fail, ok, type Result } from '../../base/result.ts';
import { TraceError, type TraceErrorData } from '../../base/trace-error.ts';
import type { ReplayDesk } from './desk.ts';
import type {
  AllocatorSettings,
  ReplayProgress,
  SweepAnswer,
  SweepQuery,
  SweepRow,
} from '../replay-protocol.ts';

export interface SweepHelper {
  readonly api: Pick<ReplayDesk, 'sweepPrepare' | 'sweepBatch'>;
  /** Rejects when the worker ends by itself: an answer of it would be waited for in vain. */
  readonly died: Promise<never>;
  stop(): void;
}

export interface SweepPool {
  readonly engine: Pick<ReplayDesk, 'sweepWork' | 'sweepRound' | 'sweepConclusion'>;
  /** Helpers that could be started; none: nothing is served. */
  readonly helpers: readonly SweepHelper[];
  isCancelled(): boolean;
}

/** Serves settings in any order and returns their rows in the order given; null: cancelled. */
async function serveAll(
  pool: SweepPool,
  settings: readonly AllocatorSettings[],
  onRow: (row: SweepRow) => void,
): Promise<SweepRow[] | null> {
  const rows = new Array<SweepRow>(settings.length);
  let next = 0;
  await Promise.all(
    pool.helpers.map(async ({ api, died }) => {
      while (next < settings.length && !pool.isCancelled()) {
        const at = next++;
        [rows[at]] = await Promise.race([api.sweepBatch([settings[at]]), died]);
        if (!pool.isCancelled()) onRow(rows[at]);
      }
    }),
  );
  return pool.isCancelled() ? null : rows;
}

const cancelled = (): Result<never, TraceErrorData> =>
  fail(new TraceError('cancelled', 'The replay was cancelled.').toData());

/** Rejects where a helper dies; `helpers` are left running. */
export async function sweepInPool(
  pool: SweepPool,
  query: SweepQuery,
  onProgress: (progress: ReplayProgress) => void,
): Promise<Result<SweepAnswer, TraceErrorData>> {
  const started = performance.now();
  const { job, device } = query;
  const work = await pool.engine.sweepWork(query);
  if (!work.ok) return work;
  await Promise.all(pool.helpers.map(({ api, died }) => Promise.race([api.sweepPrepare(work.value), died])));
  const rows: SweepRow[] = [];
  for (;;) {
    const round = await pool.engine.sweepRound(query, rows);
    if (!round.ok) return round;
    if (round.value.length === 0) break;
    let done = rows.length;
    const total = rows.length + round.value.length;
    const served = await serveAll(pool, round.value, (row) => onProgress({ job, done: ++done, total, row }));
    if (served === null) return cancelled();
    rows.push(...served);
  }
  const conclusion = await pool.engine.sweepConclusion(query, rows);
  if (!conclusion.ok) return conclusion;
  const milliseconds = performance.now() - started;
  return ok({ device, rows, workers: pool.helpers.length, milliseconds, ...conclusion.value });
}
