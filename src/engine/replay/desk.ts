/**
 * The engine's questions about replays. Every fault is told as data and none is thrown: what throws inside of the
 * engine's other questions is asked again without the GPU, which a replay does not use.
 */
import { notHeld } from '../faults.ts';
import { breathe } from '../../base/breathe.ts';
import { fail, ok, type Result } from '../../base/result.ts';
import { TraceError, type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import type { AllocatorSettings } from '../../replay/settings.ts';
import { concludeSweep, type SweepConclusion } from '../../replay/sweep-conclusion.ts';
import { Effects } from '../../replay/sweep-effect.ts';
import { serve, sweepRound, type SweepRow } from '../../replay/sweep.ts';
import type { DeviceSession } from '../device-session.ts';
import { replayAnswer, sitesAnswer, whatIfAnswer } from './answers.ts';
import { confAnswer, limitsOf, placeOf, replayOf } from './input.ts';
import type {
  ConfAnswer,
  ReplayAnswer,
  ReplayProgress,
  SitesAnswer,
  SitesQuery,
  SweepAnswer,
  SweepQuery,
  SweepWork,
  WhatIfAnswer,
  WhatIfQuery,
} from '../replay-protocol.ts';

type Answer<T> = Promise<Result<T, TraceErrorData>>;

export interface OpenDevices {
  /** null: no open file has it. */
  session(device: string): { readonly session: DeviceSession; readonly file: string } | null;
  isCancelled(job: number): boolean;
  /** The job is over. */
  forget(job: number): void;
}

interface Sweep {
  readonly session: DeviceSession;
  readonly work: SweepWork;
  readonly effects: Effects;
  readonly base: AllocatorSettings;
}

export class ReplayDesk {
  private readonly answers = new WeakMap<DeviceSession, ReplayAnswer>();
  private prepared: SweepWork | null = null;

  constructor(private readonly open: OpenDevices) {}

  private async ask<T>(device: string, question: (session: DeviceSession) => T | Promise<T>): Answer<T> {
    const found = this.open.session(device);
    if (found === null) return fail(notHeld(device).toData());
    try {
      return ok(await question(found.session));
    } catch (thrown) {
      return fail(toErrorData(thrown, found.file));
    }
  }

  /** Long work under a job's number; `work` gives null where it was cancelled. */
  private async asJob<T>(
    job: number,
    device: string,
    work: (session: DeviceSession) => Promise<T | null>,
  ): Answer<T> {
    const answer = await this.ask(device, async (session) => {
      const done = await work(session);
      if (done === null) throw new TraceError('cancelled', 'The replay was cancelled.');
      return done;
    });
    this.open.forget(job);
    return answer;
  }

  /** Whether PyTorch takes a string, while it is typed. */
  conf(text: string): Promise<ConfAnswer> {
    return Promise.resolve(confAnswer(text));
  }

  /** Fails for a device without allocator events. */
  replay(device: string): Answer<ReplayAnswer> {
    return this.ask(device, (session) => {
      let answer = this.answers.get(session);
      if (answer === undefined) this.answers.set(session, (answer = replayAnswer(session)));
      return answer;
    });
  }

  /** Fails with code `refused` and PyTorch's message for a string that it does not take. */
  whatIf(query: WhatIfQuery): Answer<WhatIfAnswer> {
    return this.ask(query.device, (session) => whatIfAnswer(session, query));
  }

  sites(query: SitesQuery, onProgress: (progress: ReplayProgress) => void): Answer<SitesAnswer> {
    return this.asJob(query.job, query.device, (session) =>
      sitesAnswer(session, query, onProgress, () => this.open.isCancelled(query.job)),
    );
  }

  private sweepOf(session: DeviceSession, query: SweepQuery): Sweep {
    const replay = replayOf(session);
    const base = session.settings.settings;
    const limits = limitsOf(query, base);
    const { requests } = replay;
    return {
      session,
      work: { requests, place: placeOf(replay), limits },
      effects: new Effects(requests, limits.limit !== Infinity),
      base,
    };
  }

  /** The whole sweep in this thread. Cancelled within one setting: fails with code `cancelled`. */
  sweep(query: SweepQuery, onProgress: (progress: ReplayProgress) => void): Answer<SweepAnswer> {
    const { job, device } = query;
    return this.asJob(job, device, async (session) => {
      const started = performance.now();
      const { work, effects, base } = this.sweepOf(session, query);
      const { requests, place, limits } = work;
      const rows: SweepRow[] = [];
      for (let round; (round = sweepRound(effects, base, rows)).length > 0;) {
        const total = rows.length + round.length;
        for (const settings of round) {
          await breathe();
          if (this.open.isCancelled(job)) return null;
          const row = serve(requests, place, settings, limits);
          rows.push(row);
          onProgress({ job, done: rows.length, total, row });
        }
      }
      const milliseconds = performance.now() - started;
      return { device, rows, workers: 1, milliseconds, ...concludeSweep(rows, effects) };
    });
  }

  /** The device's requests as plain typed arrays, for helpers that serve them. */
  sweepWork(query: SweepQuery): Answer<SweepWork> {
    return this.ask(query.device, (session) => this.sweepOf(session, query).work);
  }

  /** Settings to serve next; none: it is time to conclude. */
  sweepRound(query: SweepQuery, rows: readonly SweepRow[]): Answer<readonly AllocatorSettings[]> {
    return this.ask(query.device, (session) => {
      const { effects, base } = this.sweepOf(session, query);
      return sweepRound(effects, base, rows);
    });
  }

  sweepConclusion(query: SweepQuery, rows: readonly SweepRow[]): Answer<SweepConclusion> {
    return this.ask(query.device, (session) => concludeSweep(rows, this.sweepOf(session, query).effects));
  }

  /** Gives a helper its requests ... */
  sweepPrepare(work: SweepWork): Promise<void> {
    this.prepared = work;
    return Promise.resolve();
  }

  /** ... and lets it serve them under settings, in the order given. Rejects with `internal` without requests. */
  sweepBatch(settings: readonly AllocatorSettings[]): Promise<readonly SweepRow[]> {
    const { prepared } = this;
    if (prepared === null)
      return Promise.reject(new TraceError('internal', 'no requests were given to serve'));
    const { requests, place, limits } = prepared;
    return Promise.resolve(settings.map((one) => serve(requests, place, one, limits)));
  }
}
