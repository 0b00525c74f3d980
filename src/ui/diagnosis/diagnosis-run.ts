/**
 * The diagnosis of what is open, asked for anew when files come or go. One question is under way at a time; an answer
 * about files that have changed meanwhile is dropped, and asked for once more.
 */
import type { TraceErrorData } from '../../base/trace-error.ts';
import { toErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Diagnosis } from '../../engine/protocol.ts';

export interface DiagnosisState {
  readonly running: boolean;
  /** The newest answer; while `running`, perhaps about fewer files than are open. */
  readonly diagnosis: Diagnosis | null;
  readonly error: TraceErrorData | null;
  /** The last offset that was set by hand and refused. */
  readonly refusedOffset?: { readonly sources: readonly number[]; readonly error: TraceErrorData } | null;
}

/** Detail of `set-clock-offset`: sources that share a clock, and what to add to their times; null: find it. */
export interface ClockOffsetChange {
  readonly sources: readonly number[];
  readonly offsetNs: bigint | null;
}

export const NOT_DIAGNOSED: DiagnosisState = { running: false, diagnosis: null, error: null };

export class DiagnosisRun {
  state: DiagnosisState = NOT_DIAGNOSED;

  /** Counts what was asked for; an answer to an older question is not shown. */
  private wanted = 0;
  private busy = false;

  constructor(
    private readonly api: () => Promise<EngineApi>,
    private readonly changed: () => void,
  ) {}

  /** Files came or went: the answer that is shown stays until the next one. */
  ask(): void {
    this.wanted++;
    this.become({ ...this.state, running: true });
    if (!this.busy) void this.answer();
  }

  /** Nothing is open any more. */
  reset(): void {
    this.wanted++;
    this.become(NOT_DIAGNOSED);
  }

  /** What follows for the clocks is shown at once; the rest of the diagnosis is asked for anew. */
  async setClockOffset({ sources, offsetNs }: ClockOffsetChange): Promise<void> {
    const refuse = (error: TraceErrorData): void =>
      this.become({ ...this.state, refusedOffset: { sources, error } });
    try {
      const api = await this.api();
      for (const source of sources) {
        const result = await api.setClockOffset(source, offsetNs);
        if (!result.ok) return refuse(result.error);
        const { diagnosis } = this.state;
        // Everything was closed meanwhile.
        if (diagnosis === null) continue;
        this.become({ ...this.state, diagnosis: { ...diagnosis, ...result.value }, refusedOffset: null });
      }
    } catch (thrown) {
      return refuse(toErrorData(thrown, null));
    }
    if (this.state.diagnosis !== null || this.state.running) this.ask();
  }

  private async answer(): Promise<void> {
    this.busy = true;
    for (let asked = -1; this.state.running && asked !== this.wanted;) {
      asked = this.wanted;
      const state = await this.once();
      if (asked === this.wanted) this.become(state);
    }
    this.busy = false;
  }

  private async once(): Promise<DiagnosisState> {
    try {
      const result = await (await this.api()).diagnosis();
      return result.ok
        ? { running: false, diagnosis: result.value, error: null }
        : { running: false, diagnosis: null, error: result.error };
    } catch (thrown) {
      const error = toErrorData(thrown, null);
      // What was said of files that stay on screen stays, too.
      const kept = error.code === 'ended' ? this.state.diagnosis : null;
      return { running: false, diagnosis: kept, error };
    }
  }

  private become(state: DiagnosisState): void {
    this.state = state;
    this.changed();
  }
}
