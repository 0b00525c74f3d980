/**
 * The border around every step after reading: what throws there becomes a fault of the source that was looked at, and
 * all else goes on. Refuses nothing by itself: who gives work up on purpose throws `GivenUp`, which passes through.
 */
import { TraceError, type TraceErrorData, toErrorData } from '../base/trace-error.ts';

/** Files came or went while an answer was under way: not a fault. */
export class GivenUp extends Error {}

/** Asked about a device that no open file has: after the file was closed, or by a page whose first engine ended. */
export const notHeld = (device: string): TraceError =>
  new TraceError(
    'ended',
    `The engine does not hold the file of device ${device}: it was closed, or the engine that held it ended.`,
    { advice: 'Open the file again.' },
  );

/** One step that failed. */
export interface Fault {
  /** null: it looked at several sources. */
  readonly sourceId: number | null;
  readonly error: TraceErrorData;
}

/** Which step, of which source. */
export interface Step {
  readonly sourceId: number | null;
  readonly file: string | null;
  /** "the diagnosis of GPU 0": what is missing where it fails. */
  readonly what: string;
}

/** A fault as the error of its step: what is missing, then why. */
export function faultOf(thrown: unknown, { file, what }: Omit<Step, 'sourceId'>): TraceErrorData {
  const error = toErrorData(thrown, file);
  const message = `${what[0].toUpperCase()}${what.slice(1)} could not be worked out, and all else is shown. ${error.message}`;
  return new TraceError(error.code, message, error).toData(file);
}

export class Faults {
  constructor(readonly list: Fault[] = []) {}

  /** Throws on what was given up on purpose. */
  add(thrown: unknown, step: Step): void {
    if (thrown instanceof GivenUp) throw thrown;
    const error = faultOf(thrown, step);
    const known = this.list.some(
      (one) => one.sourceId === step.sourceId && one.error.message === error.message,
    );
    if (!known) this.list.push({ sourceId: step.sourceId, error });
  }

  /** What `work` gives; where it throws, `otherwise`, and the fault is kept. */
  try<T, U = T>(step: Step, work: () => T, otherwise: U): T | U {
    try {
      return work();
    } catch (thrown) {
      this.add(thrown, step);
      return otherwise;
    }
  }

  /** As `try`, of work that takes time. */
  async tryLong<T, U = T>(step: Step, work: () => Promise<T>, otherwise: U): Promise<T | U> {
    try {
      return await work();
    } catch (thrown) {
      this.add(thrown, step);
      return otherwise;
    }
  }
}
