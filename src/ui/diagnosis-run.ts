/**
 * The diagnosis of what is open, asked for anew when files come or go. One question is under way at a time; an answer
 * about files that have changed meanwhile is dropped, and asked for once more.
 */
import type { TraceErrorData } from '../base/trace-error.ts';
import { toErrorData } from '../base/trace-error.ts';
import type { Diagnosis, EngineApi } from '../engine/protocol.ts';

export interface DiagnosisState {
  readonly running: boolean;
  /** The newest answer; while `running`, perhaps about fewer files than are open. */
  readonly diagnosis: Diagnosis | null;
  readonly error: TraceErrorData | null;
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
      return { running: false, diagnosis: null, error: toErrorData(thrown, null) };
    }
  }

  private become(state: DiagnosisState): void {
    this.state = state;
    this.changed();
  }
}
