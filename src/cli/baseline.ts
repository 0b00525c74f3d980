/** The file of --baseline: the object that an earlier `analyze --json` printed, or a recording, which is analyzed first. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { TraceError } from '../base/trace-error.ts';
import { type BaselineDocument, baselineDocument } from '../engine/document/baseline.ts';
import { Engine } from '../engine/engine.ts';
import { openPaths } from './open-paths.ts';

/** Objects are small; what is larger is a recording. */
const MOST_BYTES = 256 << 20;

/** Begins as an object of JSON does. */
function looksLikeJson(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const head = new Uint8Array(64);
    const read = readSync(file, head, 0, head.length, 0);
    return new TextDecoder().decode(head.subarray(0, read)).trimStart().startsWith('{');
  } finally {
    closeSync(file);
  }
}

function fromObject(path: string): BaselineDocument | null {
  if (!looksLikeJson(path)) return null;
  const bytes = readFileSync(path);
  if (bytes.length > MOST_BYTES) return null;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (thrown) {
    // A snapshot saved as JSON may be one of several values; what is none at all says so when it is read.
    if (bytes.includes('"schema"'))
      throw new TraceError('corrupt', `${path} ends early or is no JSON: ${(thrown as Error).message}`);
    return null;
  }
  return baselineDocument(value);
}

/** Whether a path is the object of an earlier `analyze --json`. Throws where it ends early, or is of another version. */
export const isDocument = (path: string): boolean =>
  path !== '-' && existsSync(path) && fromObject(path) !== null;

/** Throws where it cannot be read: a guard without its baseline guards nothing. */
export async function readBaseline(path: string): Promise<BaselineDocument> {
  const object = fromObject(path);
  if (object !== null) return object;
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  let error: string | null = null;
  await openPaths(engine, [path], (_, views) => {
    for (const view of views) if (view.error !== null) error ??= view.error.message;
  });
  if (error !== null) throw new TraceError('io', `${path}: ${error as string}`);
  const analysis = await engine.analysis();
  if (analysis.devices.length === 0)
    throw new TraceError(
      'unsupported',
      `${path} tells of no device: a baseline is the object of analyze --json, or a recording`,
    );
  return analysis;
}
