/**
 * Which file of one side is which of the other. Paths that are the same first; then files of one name, those that share
 * most of their path (a renamed directory); then files of another name with mostly the same functions (a renamed file).
 */
import type { Site } from './sites.ts';

/** Sites of one file. */
export interface FileOfSites {
  readonly path: string;
  readonly sites: readonly Site[];
}

export interface FilePair {
  readonly a: FileOfSites;
  readonly b: FileOfSites;
}

const parts = (path: string): string[] =>
  path
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '');

/** Folders and name that two paths end with alike. */
function sharedEnd(a: string, b: string): number {
  const [left, right] = [parts(a).reverse(), parts(b).reverse()];
  let same = 0;
  while (same < left.length && same < right.length && left[same] === right[same]) same++;
  return same;
}

const functionsOf = ({ sites }: FileOfSites): Set<string> => new Set(sites.map(({ frame }) => frame!.name));

/** Share of the functions that both have; a lambda or a module's own lines are in every file. */
function sharedFunctions(a: FileOfSites, b: FileOfSites): number {
  const [left, right] = [functionsOf(a), functionsOf(b)];
  const telling = (names: Set<string>): string[] =>
    [...names].filter((name) => !/^<(module|lambda|listcomp)>$/.test(name));
  const all = new Set([...telling(left), ...telling(right)]);
  const both = telling(left).filter((name) => right.has(name)).length;
  return all.size === 0 ? 0 : both / all.size;
}

/** Most of the functions: two files with one function in common are not one file. */
const SAME_FILE = 0.5;

export function filesOf(sites: readonly Site[]): FileOfSites[] {
  const files = new Map<string, Site[]>();
  for (const site of sites) {
    if (site.frame === null) continue;
    const known = files.get(site.frame.filename);
    if (known === undefined) files.set(site.frame.filename, [site]);
    else known.push(site);
  }
  return [...files].map(([path, all]) => ({ path, sites: all }));
}

export function matchFiles(a: readonly FileOfSites[], b: readonly FileOfSites[]): FilePair[] {
  const pairs: FilePair[] = [];
  const left = new Set(a);
  const right = new Map(b.map((file) => [file.path, file]));
  const pair = (one: FileOfSites, other: FileOfSites): void => {
    pairs.push({ a: one, b: other });
    left.delete(one);
    right.delete(other.path);
  };
  for (const file of a) {
    const same = right.get(file.path);
    if (same !== undefined) pair(file, same);
  }
  /** The pairs that score highest first; of two that score alike the ones with more in common. */
  const best = (score: (one: FileOfSites, other: FileOfSites) => number): void => {
    const scored = [...left]
      .flatMap((one) => [...right.values()].map((other) => ({ one, other, score: score(one, other) })))
      .filter(({ score: found }) => found > 0)
      .sort((x, y) => y.score - x.score);
    for (const { one, other } of scored) if (left.has(one) && right.has(other.path)) pair(one, other);
  };
  best((one, other) => {
    const end = sharedEnd(one.path, other.path);
    const shared = sharedFunctions(one, other);
    return end === 0 ? 0 : end + shared + (shared === 0 && end < 2 ? -1 : 0);
  });
  best((one, other) => {
    const shared = sharedFunctions(one, other);
    // A single function that is called alike ("forward") is in many files.
    return shared >= SAME_FILE && (functionsOf(one).size > 1 || functionsOf(other).size > 1) ? shared : 0;
  });
  return pairs;
}
