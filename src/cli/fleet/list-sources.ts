/** Which files a data set is made of, and what their paths say of them: rank and group. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { naturalOrder } from '../../base/natural-order.ts';
import { TraceError } from '../../base/trace-error.ts';

export interface ListedSource {
  /** Where it lies. */
  readonly path: string;
  /** Below the folder that was given, with "/". */
  readonly source: string;
  /** Value of `rank` in the path of its part. */
  readonly rank: string;
  readonly rankNumber: number | null;
  /** "": none. */
  readonly group: string;
}

export interface NamingRules {
  /** Finds the rank in the path of a source: its first group, or all that it matches. null: "rank 17", "rank-17". */
  readonly rank: RegExp | null;
  /** The same of the group. null: "stage3", "pp-3", "group3", "role=actor". */
  readonly group: RegExp | null;
}

const DEEPEST = 64;
/** Folders that Nsight Systems writes as one export. */
const ONE_EXPORT = /_(?:arwdir|pqtdir)$/;

/** Letters that every file system, object store and engine takes as they are. */
const slugOf = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[._]+/, '') || '_';

function filesBelow(root: string, except: string | null): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (folder: string, name: string, depth: number): void => {
    const real = realpathSync(folder);
    if (seen.has(real) || real === except) return;
    seen.add(real);
    if (depth > DEEPEST)
      throw new TraceError('io', `${name} lies more than ${DEEPEST} folders deep.`, {
        advice: 'Name the folders inside of it.',
      });
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const own = name === '' ? entry.name : `${name}/${entry.name}`;
      const path = join(folder, entry.name);
      // A link that leads nowhere is listed: reading it says so in the data set.
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat?.isDirectory() === true && !ONE_EXPORT.test(entry.name)) visit(path, own, depth + 1);
      else if (stat === undefined || stat.isFile() || stat.isDirectory()) found.push(own);
    }
  };
  visit(root, '', 0);
  return found.sort(naturalOrder);
}

const RANK = /(?:^|[^a-z])rank[-_=.]?(\d{1,9})(?!\d)/i;
const STAGE = /(?:^|[^a-z])((?:stage|pp|group)[-_=.]?\d{1,9}|role[-_=.][a-z0-9]{1,64})(?![a-z0-9])/i;

/** What a pattern finds: its first group, else all of it; null: it does not match. */
const found = (pattern: RegExp, text: string): string | null => {
  const match = pattern.exec(text);
  return match === null ? null : (match[1] ?? match[0]);
};

/** The file's name says more than its folders. */
const rankOf = (source: string, { rank }: NamingRules): string | null =>
  rank === null ? (found(RANK, basename(source)) ?? found(RANK, dirname(source))) : found(rank, source);

/** A folder is no group by itself: it may be a machine, a date or a user. */
const groupOf = (source: string, { group }: NamingRules): string => found(group ?? STAGE, source) ?? '';

function listed(path: string, source: string, rules: NamingRules): ListedSource {
  const told = rankOf(source, rules);
  const number = told !== null && /^\d{1,9}$/.test(told) ? Number(told) : null;
  return {
    path,
    source,
    rank: number !== null ? String(number) : slugOf(told ?? source),
    rankNumber: number,
    group: groupOf(source, rules),
  };
}

const realOf = (path: string): string | null => {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
};

/** `except`: a folder whose files are no sources, though it may lie below one. Throws TraceError where a path is not there, or two sources have the same name. */
export function listSources(
  paths: readonly string[],
  rules: NamingRules,
  except: string | null = null,
): readonly ListedSource[] {
  const leftOut = except === null ? null : realOf(except);
  const folders = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true);
  const all = paths.flatMap((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined)
      throw new TraceError('io', `there is no ${path}`, { advice: 'Give files, or folders of them.' });
    if (!stat.isDirectory() || ONE_EXPORT.test(basename(resolve(path))))
      return [listed(path, basename(resolve(path)), rules)];
    // Of several folders each file is named with its own.
    const before = folders.length > 1 ? `${basename(resolve(path))}/` : '';
    return filesBelow(path, leftOut).map((name) => listed(join(path, name), `${before}${name}`, rules));
  });
  const names = new Map<string, string>();
  for (const { source, path } of all) {
    const other = names.get(source);
    if (other !== undefined)
      throw new TraceError('refused', `${other} and ${path} would both be "${source}" in the data set.`, {
        advice: 'Give the folder above them, or read them as two runs (--run).',
      });
    names.set(source, path);
  }
  return all;
}

/** Names the file of a source in each table: readable, and no two are the same. */
export const partName = (source: string): string =>
  `${slugOf(basename(source)).slice(0, 80)}-${createHash('sha256').update(source).digest('hex').slice(0, 8)}.parquet`;

const MIB = 1 << 20;

/** SHA-256 of the size, the first and the last MiB: enough to know a file again, whatever its size. Throws what the system says. */
export function fingerprintOf(path: string): { readonly bytes: number; readonly fingerprint: string } {
  const stat = statSync(path);
  if (stat.isDirectory()) {
    const names = readdirSync(path).sort();
    const each = names.map((name) => fingerprintOf(join(path, name)));
    const hash = createHash('sha256');
    each.forEach(({ bytes, fingerprint }, at) => hash.update(`${names[at]}\0${bytes}\0${fingerprint}\0`));
    return { bytes: each.reduce((sum, { bytes }) => sum + bytes, 0), fingerprint: hash.digest('hex') };
  }
  const hash = createHash('sha256').update(`${stat.size}\0`);
  const descriptor = openSync(path, 'r');
  try {
    for (const at of new Set([0, Math.max(0, stat.size - MIB)])) {
      const piece = Buffer.alloc(Math.min(MIB, stat.size - at));
      hash.update(piece.subarray(0, readSync(descriptor, piece, 0, piece.length, at)));
    }
  } finally {
    closeSync(descriptor);
  }
  return { bytes: stat.size, fingerprint: hash.digest('hex') };
}
