/** What the parts of the replay panel ask the engine and tell each other. */
import type { Result } from '../../base/result.ts';
import { fail } from '../../base/result.ts';
import type { TraceErrorData } from '../../base/trace-error.ts';
import { toErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { SiteEdit } from '../../engine/protocol.ts';

/** Detail of `replay-run`: one what-if, under the limits of the panel. */
export interface RunRequest {
  /** A configuration string; null: the recorded settings. */
  readonly settings: string | null;
  readonly emptyCacheAfter: readonly number[];
  readonly edits: readonly SiteEdit[];
  /** The edits in a few words each. */
  readonly editWords: readonly string[];
}

/** Detail of `replay-settings`: what the form holds; only what PyTorch takes is told. */
export interface FormSettings {
  readonly settings: string | null;
  readonly name: string;
}

/** An engine that is gone answers like one that refuses. */
export async function askEngine<T>(
  api: () => Promise<EngineApi>,
  question: (engine: EngineApi) => Promise<Result<T, TraceErrorData>>,
): Promise<Result<T, TraceErrorData>> {
  try {
    return await question(await api());
  } catch (error) {
    return fail(toErrorData(error, null));
  }
}
