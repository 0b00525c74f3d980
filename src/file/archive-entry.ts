/** What every kind of archive gives: entries that open like files, notes about the rest. */
import { TraceError } from '../base/trace-error.ts';
import type { Limits } from './limits.ts';
import type { OpenInput } from './open-input.ts';

export interface ArchiveEntry {
  /** As the archive names it, "/" between folders. */
  readonly path: string;
  /** Bytes as the archive states them, decompressed; null where only reading to the end would tell. */
  readonly size: number | null;
  /** Bytes it takes in the archive: what `onBytes` counts up to. */
  readonly storedBytes: number;
  /**
   * Throws TraceError where this entry cannot be read (encrypted, a method that is not known, an archive itself).
   * `onBytes`: how many of storedBytes were read so far; may throw to cancel.
   */
  open(onBytes: (done: number) => void): Promise<OpenInput>;
}

/** One fact about what was left out or repaired (a trace's Warning has the same form). */
export interface ArchiveNote {
  readonly message: string;
  readonly offset: number | null;
}

export interface Archive {
  readonly kind: 'zip' | 'tar';
  readonly entries: readonly ArchiveEntry[];
  readonly notes: readonly ArchiveNote[];
  /** Why the list is not whole; the entries before that are listed. */
  readonly error: TraceError | null;
  /** What the archive as a whole is, where that says more than its entries do (a torch.save checkpoint). */
  readonly advice: string | null;
}

/** What is made of a format's own entries before they are handed out. */
export type Listed = Omit<Archive, 'kind'>;

/** Refuses a list that is longer than `limits.entries`. */
export function checkCount(count: number, file: string, limits: Limits): void {
  if (count > limits.entries)
    throw new TraceError('refused', `the archive lists more than ${limits.entries} files.`, {
      file,
      format: 'archive',
      offset: 0,
      advice: 'Unpack it and open the recordings that are in it.',
    });
}
