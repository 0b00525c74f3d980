/**
 * The large recordings that lie beside the repository (../shared/traces) and not in it. Tests that need them
 * skip, and say so, where they are absent:
 *
 *   const traces = sharedTraces();
 *   describe.skipIf(traces === null)('the recordings in ../shared/traces', () => { ... });
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const ARCHIVES = join(ROOT, '../shared/traces');
const CACHE = join(ROOT, '.cache/traces');
const LOCK_MS = 120_000;

/** Names and sizes of the archives: other archives unpack into another folder. */
function keyOf(archives: readonly string[]): string {
  const hash = createHash('sha256');
  for (const name of archives) hash.update(`${name} ${statSync(join(ARCHIVES, name)).size}\n`);
  return hash.digest('hex').slice(0, 12);
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Runs `work` in one process at a time; a lock older than any unpacking takes is that of a dead process. */
function exclusively(lock: string, work: () => void): void {
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
      if (made !== undefined && Date.now() - made > LOCK_MS) rmSync(lock, { recursive: true, force: true });
      else sleep(100);
    }
  }
  try {
    work();
  } finally {
    rmdirSync(lock);
  }
}

/** Folder of the unpacked recordings (train/train.pickle, nsys/small.sqlite, ...), or null where there are none. */
export function sharedTraces(): string | null {
  if (!existsSync(ARCHIVES)) return null;
  const archives = readdirSync(ARCHIVES)
    .filter((name) => name.endsWith('.tar.xz'))
    .sort();
  if (archives.length === 0) return null;
  const folder = join(CACHE, keyOf(archives));
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  exclusively(join(CACHE, 'lock'), () => {
    if (existsSync(folder)) return;
    const aside = join(CACHE, `unpacking-${process.pid}`);
    mkdirSync(aside, { recursive: true });
    for (const name of archives) {
      const tar = spawnSync('tar', ['-C', aside, '-xJf', join(ARCHIVES, name)], { encoding: 'utf8' });
      if (tar.status !== 0) throw new Error(`Unpacking ${name} failed: ${tar.error?.message ?? tar.stderr}`);
    }
    renameSync(aside, folder);
  });
  return folder;
}
