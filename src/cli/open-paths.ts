/** Opens the paths of a command line in the engine, one after the other. */
import { basename, resolve } from 'node:path';
import { totalmem } from 'node:os';
import { fitsInProcess, HEAD_NEEDED, type MemoryNeed, memoryNeed, TAIL_NEEDED } from '../base/memory-need.ts';
import { TraceError } from '../base/trace-error.ts';
import type { Engine } from '../engine/engine.ts';
import type { Progress, SourceView } from '../engine/protocol.ts';
import { type CloseableSource, sourcesAt, UnreadableSource } from './node-source.ts';
import { reasonOf } from './open-files.ts';
import { visible } from './terminal.ts';

/** Progress on a terminal only: a pipe gets nothing but the result. */
function showProgress(file: string, stage: string, done: number, total: number): void {
  if (process.stderr.isTTY !== true) return;
  process.stderr.write(
    `\r\x1b[K${visible(`${file}: ${stage}`)} ${total > 0 ? Math.floor((100 * done) / total) : 100} %`,
  );
  if (done >= total) process.stderr.write('\r\x1b[K');
}

/** Sources at a path; where there is none to read, one that says so when it is: every path asked for is in the result. */
function sourcesOf(path: string): { readonly sources: readonly CloseableSource[]; readonly folder: boolean } {
  try {
    return sourcesAt(path);
  } catch (thrown) {
    const error =
      thrown instanceof TraceError
        ? thrown
        : new TraceError('io', `cannot read ${path}: ${reasonOf(thrown)}`);
    return { sources: [new UnreadableSource(basename(path), error)], folder: false };
  }
}

/** Memory that this process may use: a container's limit, or what the machine has. */
function memoryAllowed(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

const LARGE = 64 << 20;

/** Of files alone: what comes through a pipe tells nothing beforehand. */
function needOf(sources: readonly CloseableSource[]): MemoryNeed {
  const all = sources.map((source) => {
    // Small files are not opened for it: a folder may hold a thousand.
    if (source.size < LARGE) return { bytes: 0, kind: 'a small file' };
    try {
      const tail = source.readSync(Math.max(0, source.size - TAIL_NEEDED), TAIL_NEEDED);
      return memoryNeed(source.size, source.readSync(0, HEAD_NEEDED), tail);
    } catch {
      return { bytes: 0, kind: 'a file' };
    }
  });
  const bytes = all.reduce((sum, one) => sum + one.bytes, 0);
  return { bytes, kind: all.length === 1 ? all[0].kind : 'the files of a folder' };
}

/** What each path holds; a source whose `error` is set could not be read, or not to its end. */
export async function openPaths(
  engine: Engine,
  paths: readonly string[],
  opened: (path: string, views: readonly SourceView[]) => void,
  /** Number of the first one among all that the engine reads. */
  firstJob = 0,
): Promise<readonly SourceView[]> {
  const all: SourceView[] = [];
  for (const [at, path] of paths.entries()) {
    const job = firstJob + at;
    const { sources, folder } = sourcesOf(path);
    const onProgress = ({ file, stage, doneBytes, totalBytes }: Progress): void =>
      showProgress(file, stage, doneBytes, totalBytes);
    const tight = fitsInProcess(needOf(sources), memoryAllowed());
    if (tight !== null) process.stderr.write(`vramscope: ${visible(path)} ${tight}\n`);
    const views = folder
      ? await engine.openFolder(job, basename(resolve(path)), sources, onProgress)
      : await engine.open(job, sources[0], onProgress);
    for (const source of sources) source.close();
    all.push(...views);
    opened(path, views);
  }
  return all;
}
