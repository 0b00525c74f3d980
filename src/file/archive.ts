/**
 * Archives as lists of entries, each opened like a file of its own: zip (zip64; stored, deflate, zstd) and tar
 * (plain, or within gzip or zstd). Names are shown and never used as paths. An archive within an archive is
 * refused; .gz and .zst files within one are opened.
 */
import { TraceError } from '../base/trace-error.ts';
import type { Archive, ArchiveEntry } from './archive-entry.ts';
import { type Limits, LIMITS } from './limits.ts';
import type { OpenInput } from './open-input.ts';
import { isTar, tarEntries } from './tar.ts';
import { isZip, zipEntries } from './zip.ts';

const isArchive = (head: Uint8Array): boolean => isZip(head) || isTar(head);

/**
 * Entries of `input`, or null where it is no archive. Throws TraceError 'refused' on bombs, 'corrupt' or
 * 'truncated' where not one entry can be found; errors of reading pass through.
 */
export async function openArchive(input: OpenInput, limits: Limits = LIMITS): Promise<Archive | null> {
  const kind = isZip(input.head) ? 'zip' : isTar(input.head) ? 'tar' : null;
  if (kind === null) return null;
  const { entries, ...rest } =
    kind === 'zip' ? await zipEntries(input, limits) : await tarEntries(input, limits);
  const own = entries.filter(({ path }) => !isLitter(path));
  const litter = entries.length - own.length;
  const notes = [...rest.notes];
  if (litter > 0)
    notes.push({ message: `${litter} files that macOS adds to archives were left out`, offset: null });
  if (entries.length === 0) notes.push({ message: 'the archive holds no files', offset: null });
  return { kind, ...rest, notes, entries: own.map((entry) => onlyFlat(entry)) };
}

function onlyFlat(entry: ArchiveEntry): ArchiveEntry {
  return {
    ...entry,
    async open(onBytes) {
      const input = await entry.open(onBytes);
      if (!isArchive(input.head)) return input;
      throw new TraceError('refused', 'an archive inside an archive, which is not opened here.', {
        file: entry.path,
        format: isZip(input.head) ? 'zip' : 'tar',
        offset: 0,
        advice: 'Unpack the outer archive and open this one.',
      });
    },
  };
}

/** Finder's shadow files hold icons and labels, under names that look like the real ones. */
const isLitter = (path: string): boolean => /(^|\/)(__MACOSX\/|\._[^/]*$|\.DS_Store$)/.test(path);
