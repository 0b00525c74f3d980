/**
 * The replay as FakeEngine's recording would have it, made of code: strings are judged by PyTorch's rules, figures are
 * those of test/view/replay/replay-for-test.ts, a sweep tells one setting every few milliseconds until it is cancelled.
 */
import { fail, ok } from '../../src/base/result.ts';
import { TraceError } from '../../src/base/trace-error.ts';
import { confAnswer } from '../../src/engine/replay/input.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import type { ReplayAnswer, WhatIfQuery } from '../../src/engine/protocol.ts';
import { GIB, replayAnswer, sitesAnswer, sweepAnswer, whatIfAnswer } from '../view/replay/replay-for-test.ts';
import { FakeEngine } from './fake-engine.ts';

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

export class ReplayingEngine extends FakeEngine {
  /** What-ifs that were asked for. */
  readonly queries: WhatIfQuery[] = [];
  /** Settings of a sweep. */
  settings = 5;
  private readonly stopped = new Set<number>();

  constructor(private readonly answer: ReplayAnswer = replayAnswer()) {
    super();
  }

  override cancel(job: number): Promise<void> {
    this.asked.push(`cancel ${job}`);
    this.stopped.add(job);
    return super.cancel(job);
  }

  override conf: EngineApi['replays']['conf'] = (text) => {
    return Promise.resolve(confAnswer(text));
  };

  override replay: EngineApi['replays']['replay'] = (device) => {
    this.asked.push(`replay ${device}`);
    return Promise.resolve(ok(this.answer));
  };

  override whatIf: EngineApi['replays']['whatIf'] = (query) => {
    this.queries.push(query);
    const judged = confAnswer(typeof query.settings === 'string' ? query.settings : '');
    if (!judged.ok) return Promise.resolve(fail(new TraceError('refused', judged.message).toData()));
    const { curve } = query;
    const flat = (bytes: number) => {
      const column = new Float64Array(curve?.columns ?? 0).fill(bytes);
      return { first: column, min: column, max: column, last: column };
    };
    const answer = whatIfAnswer({
      settings: judged,
      curve:
        curve === null
          ? null
          : {
              range: { axis: curve.axis, from: 0, to: 4e9 },
              x: Float64Array.from({ length: curve.columns }, (_, i) => (4e9 * i) / curve.columns),
              recorded: flat(8 * GIB),
              replayed: flat(6 * GIB),
            },
    });
    return Promise.resolve(ok(answer));
  };

  override sites: EngineApi['replays']['sites'] = async (query, onProgress) => {
    this.asked.push(
      `sites ${query.most} ${typeof query.settings === 'string' ? query.settings : 'as recorded'}`,
    );
    const { job } = query;
    for (let done = 0; done < 3; done++) {
      onProgress({ job, done, total: 3, row: null });
      await pause();
      if (this.stopped.has(job)) return fail(new TraceError('cancelled', 'Cancelled.').toData());
    }
    return ok(sitesAnswer());
  };

  override sweep: EngineApi['replays']['sweep'] = async (query, onProgress) => {
    this.asked.push(`sweep ${query.job} ${String(query.cap)}`);
    const { job } = query;
    const { rows } = sweepAnswer();
    for (let done = 1; done <= this.settings; done++) {
      await pause();
      if (this.stopped.has(job)) return fail(new TraceError('cancelled', 'Cancelled.').toData());
      onProgress({ job, done, total: this.settings, row: rows[(done - 1) % rows.length] });
    }
    return ok(sweepAnswer());
  };
}
