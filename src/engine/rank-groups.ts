/**
 * Which ranks do the same, where nothing names their groups (pipeline stages, roles). Ranks of a group run the same
 * lines and hold about the same at their peaks, so that groups show as clusters:
 *
 *   requested at the peak, GiB   9.1 9.1 9.1 9.1 | 9.9 | 12.4 12.4 12.4 12.4     two groups; the rank of 9.9 belongs to
 *                                                                                the one whose lines are nearest
 *
 * A cluster is a group if it has four ranks, and 1 % of all of them: a few that stand out together are no group.
 */
import { medianOf, type LineOfRank } from './ranks.ts';

export interface GroupMember {
  /** What names it, for a group without a name of its own. */
  readonly name: string;
  /** "": none. */
  readonly label: string;
  /** Equal where the same lines hold memory (trace/table/facts.ts); "": no lines. */
  readonly program: string;
  /** Bytes requested at the peak; null: not known. */
  readonly peak: number | null;
  readonly lines: readonly LineOfRank[];
}

const FEWEST = 4;
const LEAST_SHARE = 0.01;
/**
 * Peaks that are nearer to one another than this are about the same: bytes, and share of the peak. Ranks that do the
 * same are often alike to the byte, so that near groups are told apart; where they are not, the wider one is taken.
 */
const NEAR = [
  { bytes: 2 ** 16, share: 0.001 },
  { bytes: 8 * 2 ** 20, share: 0.01 },
] as const;
/** Of the ranks that a distance must put into clusters of a size that counts. */
const LEAST_COVERED = 0.5;

/** Members by index, in clusters of near peaks. */
function clustersOf(
  members: readonly GroupMember[],
  indices: readonly number[],
  near: (typeof NEAR)[number],
): number[][] {
  const peakOf = (at: number): number => members[at].peak ?? 0;
  const sorted = [...indices].sort((a, b) => peakOf(a) - peakOf(b) || a - b);
  const clusters: number[][] = [];
  let last = NaN;
  for (const at of sorted) {
    const peak = peakOf(at);
    if (peak - last <= Math.max(near.bytes, near.share * peak)) clusters.at(-1)!.push(at);
    else clusters.push([at]);
    last = peak;
  }
  return clusters;
}

type Lines = ReadonlyMap<string, number>;

/** What each line holds in the median rank; a rank without the line holds 0. */
function medianLines(members: readonly GroupMember[], cluster: readonly number[]): Lines {
  const held = new Map<string, number[]>();
  for (const at of cluster)
    for (const { place, bytes } of members[at].lines) {
      const values = held.get(place);
      if (values === undefined) held.set(place, [bytes]);
      else values.push(bytes);
    }
  return new Map(
    [...held].map(([place, values]) => [
      place,
      medianOf([...values, ...new Array<number>(cluster.length - values.length).fill(0)]),
    ]),
  );
}

function distance(lines: Lines, member: GroupMember): number {
  let sum = 0;
  const own = new Map(member.lines.map(({ place, bytes }) => [place, bytes]));
  for (const [place, bytes] of lines) sum += Math.abs(bytes - (own.get(place) ?? 0));
  for (const [place, bytes] of own) if (!lines.has(place)) sum += bytes;
  return sum;
}

/** Name of the group of each member. Those that nothing puts into a group are one together, named "". */
export function groupsOfRanks(members: readonly GroupMember[]): readonly string[] {
  const names = members.map(({ label }) => label);
  const open = members.flatMap(({ label, peak }, at) => (label === '' && peak !== null ? [at] : []));
  const least = Math.max(FEWEST, LEAST_SHARE * open.length);
  const byProgram = grouped(open, (at) => members[at].program);
  const groups = [...byProgram.values()].flatMap((indices) => {
    for (const near of NEAR) {
      const clusters = clustersOf(members, indices, near).filter(({ length }) => length >= least);
      const covered = clusters.reduce((sum, { length }) => sum + length, 0);
      if (covered >= LEAST_COVERED * indices.length) return clusters;
    }
    // Where peaks are spread evenly, the lines alone make the group.
    return indices.length >= least ? [indices] : [];
  });
  const inGroup = new Set<number>();
  for (const group of groups) {
    const name = groups.length === 1 ? '' : `like ${members[Math.min(...group)].name}`;
    for (const at of group) {
      inGroup.add(at);
      names[at] = name;
    }
  }
  if (groups.length < 2) return names;
  const medians = groups.map((group) => medianLines(members, group));
  for (const at of open) {
    if (inGroup.has(at)) continue;
    const distances = medians.map((lines) => distance(lines, members[at]));
    names[at] = names[groups[distances.indexOf(Math.min(...distances))][0]];
  }
  return names;
}

function grouped<T>(values: readonly T[], keyOf: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}
