/** `vramscope query FILE... 'select ...'`: the tables of `export`, in SQLite. */
import { TraceError } from '../../base/trace-error.ts';
import { Engine } from '../../engine/engine.ts';
import { openPaths } from '../open-paths.ts';
import { errorLines } from '../print.ts';
import { lines } from '../terminal.ts';
import type { Answer } from './data-set.ts';

interface Output {
  write(text: string): unknown;
}

/** Throws TraceError where nothing could be read, or the question is refused. */
export async function askTraces(
  {
    paths,
    sql,
    rows,
    seconds,
  }: {
    readonly paths: readonly string[];
    readonly sql: string;
    readonly rows: number;
    readonly seconds: number;
  },
  err: Output,
): Promise<Answer> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  let read = 0;
  await openPaths(engine, paths, (path, views) => {
    for (const { error, rows: count } of views) {
      read += count;
      if (error !== null)
        err.write(lines(errorLines(error).map((line, at) => (at === 0 ? `${path}: ${line}` : line))));
    }
  });
  if (read === 0) throw new TraceError('unrecognised', 'nothing could be read of these files');
  const answer = await engine.query({ sql, milliseconds: 1000 * seconds, rows });
  if (!answer.ok)
    throw new TraceError(answer.error.code, answer.error.message, { advice: answer.error.advice });
  return answer.value;
}
