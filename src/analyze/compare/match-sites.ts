/**
 * Which line of one side is which of the other, where lines moved. Lines of one function in one file keep their order,
 * so that they are aligned like two texts; what two lines have in common (the functions they call and are called by, the
 * sizes they ask for, how far their neighbours moved) says how well they fit:
 *
 *   A  forward :97 linear   :99 softmax            :103 linear
 *   B  forward :97 linear   :99 clone   :100 softmax   :104 linear
 *                  same         new          moved          moved
 *
 * Refuses to match a line that is elsewhere and does something else: it is gone, and the other one is new.
 */
import { filesOf, type FilePair, matchFiles } from './match-files.ts';
import type { Site } from './sites.ts';

export interface SitePair {
  readonly a: Site | null;
  readonly b: Site | null;
}

export interface Matched {
  /** Every site of both sides, once. */
  readonly pairs: readonly SitePair[];
  /** Files that are another path in B. */
  readonly renamed: readonly (readonly [a: string, b: string])[];
  /** Pairs whose line is another one in B. */
  readonly moved: number;
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 && b.size === 0) return 1;
  let both = 0;
  for (const one of a) if (b.has(one)) both++;
  return both / (a.size + b.size - both);
}

/** Share of the allocations that have the same size on both sides. */
function sameSizes(a: Site, b: Site): number {
  let [both, left, right] = [0, 0, 0];
  for (const [size, count] of a.sizes) {
    left += count;
    both += Math.min(count, b.sizes.get(size) ?? 0);
  }
  for (const count of b.sizes.values()) right += count;
  return left + right === 0 ? 0 : (2 * both) / (left + right);
}

const lineOf = (site: Site): number => site.frame!.line;
const offsetOf = (a: Site, b: Site): number => lineOf(b) - lineOf(a);

/** How many neighbours moved by each number of lines, as a share of the most. */
function votesOf(a: readonly Site[], b: readonly Site[]): Map<number, number> {
  const votes = new Map<number, number>();
  for (const one of a)
    for (const other of b) {
      if (one.frame!.name !== other.frame!.name) continue;
      const offset = offsetOf(one, other);
      const fit =
        0.25 +
        jaccard(one.inner, other.inner) +
        jaccard(one.callers, other.callers) / 2 +
        sameSizes(one, other);
      votes.set(offset, (votes.get(offset) ?? 0) + fit);
    }
  const most = Math.max(...votes.values(), 1);
  for (const [offset, count] of votes) votes.set(offset, count / most);
  return votes;
}

/** How well two lines of one function fit; 0: they do not. */
function fitOf(a: Site, b: Site, votes: ReadonlyMap<number, number>, alone: boolean): number {
  const inner = jaccard(a.inner, b.inner);
  const callers = jaccard(a.callers, b.callers);
  const sizes = sameSizes(a, b);
  const counts = Math.min(a.allocations, b.allocations) / Math.max(a.allocations, b.allocations, 1);
  const vote = votes.get(offsetOf(a, b)) ?? 0;
  // Elsewhere, and nothing that it calls is the same: another line.
  if (offsetOf(a, b) !== 0 && inner === 0) return 0;
  if (offsetOf(a, b) !== 0 && !alone && vote < 0.5 && sizes + counts < 0.5) return 0;
  return 0.01 + 3 * inner + 2 * callers + 2 * sizes + counts + 2 * vote;
}

/** Pairs of two lists of lines in order: those that fit best together, none of them crossing another one. */
function aligned(
  a: readonly Site[],
  b: readonly Site[],
  fit: (a: Site, b: Site) => number,
): (readonly [Site, Site])[] {
  const width = b.length + 1;
  const best = new Float64Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) {
      const skip = Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
      const score = fit(a[i], b[j]);
      best[i * width + j] = score > 0 ? Math.max(skip, score + best[(i + 1) * width + j + 1]) : skip;
    }
  const pairs: (readonly [Site, Site])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const now = best[i * width + j];
    const score = fit(a[i], b[j]);
    if (score > 0 && now === score + best[(i + 1) * width + j + 1]) pairs.push([a[i++], b[j++]]);
    else if (now === best[(i + 1) * width + j]) i++;
    else j++;
  }
  return pairs;
}

/** Lines times lines beyond which a function is not aligned: lines at the same place are taken as the same. */
const MOST_CELLS = 250_000;

const byFunction = (sites: readonly Site[]): Map<string, Site[]> => {
  const all = new Map<string, Site[]>();
  for (const site of sites) {
    const { name } = site.frame!;
    all.set(name, [...(all.get(name) ?? []), site]);
  }
  for (const lines of all.values()) lines.sort((x, y) => lineOf(x) - lineOf(y));
  return all;
};

function matchLines({ a, b }: FilePair): (readonly [Site, Site])[] {
  const pairs: (readonly [Site, Site])[] = [];
  const [left, right] = [byFunction(a.sites), byFunction(b.sites)];
  const large = a.sites.length * b.sites.length > MOST_CELLS;
  const ofFile = large ? new Map([[0, 1]]) : votesOf(a.sites, b.sites);
  for (const [name, lines] of left) {
    const others = right.get(name);
    if (others === undefined) continue;
    if (large || lines.length * others.length > MOST_CELLS) {
      const at = new Map(others.map((site) => [lineOf(site), site]));
      for (const one of lines) if (at.has(lineOf(one))) pairs.push([one, at.get(lineOf(one))!]);
      continue;
    }
    const own = votesOf(lines, others);
    const votes = new Map([...own].map(([offset, vote]) => [offset, (vote + (ofFile.get(offset) ?? 0)) / 2]));
    const alone = lines.length === 1 && others.length === 1;
    pairs.push(...aligned(lines, others, (one, other) => fitOf(one, other, votes, alone)));
  }
  return pairs;
}

/** Sites of `b` by those of `a`. */
export function matchSites(a: readonly Site[], b: readonly Site[]): Matched {
  const [filesA, filesB] = [filesOf(a), filesOf(b)];
  const files = matchFiles(filesA, filesB);
  const lines = files.flatMap(matchLines);
  const known = new Map(b.flatMap((site) => (site.frame === null ? [[site.label, site] as const] : [])));
  for (const site of a) {
    const same = site.frame === null ? known.get(site.label) : undefined;
    if (same !== undefined) lines.push([site, same]);
  }
  const done = new Set<Site>(lines.flat());
  return {
    pairs: [
      ...lines.map(([one, other]) => ({ a: one, b: other })),
      ...a.filter((site) => !done.has(site)).map((site) => ({ a: site, b: null })),
      ...b.filter((site) => !done.has(site)).map((site) => ({ a: null, b: site })),
    ],
    renamed: files
      .filter(({ a: one, b: other }) => one.path !== other.path)
      .map((pair) => [pair.a.path, pair.b.path]),
    moved: lines.filter(
      ([one, other]) => one.frame !== null && lineOf(one) !== lineOf(other.frame === null ? one : other),
    ).length,
  };
}
