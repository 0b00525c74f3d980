/**
 * Recordings in the repository that decide whether figures are exact: a snapshot, and what torch.cuda.memory_stats() said
 * at the same moment in the same process. A clone checks them without ../shared; larger ones lie there
 * (test/shared-traces.ts).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const HERE = import.meta.dirname;
const FIXTURES = join(HERE, 'fixtures/snapshot');
const SAMPLES = join(HERE, '../samples');
const SAMPLE_STATS = join(HERE, 'fixtures/samples');

export interface BundledRecording {
  readonly name: string;
  readonly path: string;
  /** From the first allocation on; of `ring` the oldest events are gone, and only what is current can be told. */
  readonly whole: boolean;
  /** By key of memory_stats. */
  readonly stats: () => Readonly<Record<string, number>>;
}

function bundled(name: string, folder: string, stats: string, whole = true): BundledRecording {
  const read = (): Readonly<Record<string, number>> =>
    JSON.parse(readFileSync(join(stats, `${name}.memory_stats.json`), 'utf8')) as Record<string, number>;
  const path = join(folder, name === 'oom' ? 'oom.pickle' : `${name}.pickle.gz`);
  return { name, path, whole, stats: read };
}

/** An error for want of memory, private pools, frees that wait, expandable segments unmapped midway, a full ring, a leak, training. */
export const BUNDLED: readonly BundledRecording[] = [
  bundled('oom', FIXTURES, FIXTURES),
  bundled('graphs', FIXTURES, FIXTURES),
  bundled('pending', FIXTURES, FIXTURES),
  bundled('unmap', FIXTURES, FIXTURES),
  bundled('ring', FIXTURES, FIXTURES, false),
  bundled('leak', SAMPLES, SAMPLE_STATS),
  bundled('train', SAMPLES, SAMPLE_STATS),
];
