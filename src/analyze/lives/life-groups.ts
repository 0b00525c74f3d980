/**
 * Groups that allocations are coloured by: one group has one number, and so one colour, in every view. Numbers follow
 * what the groups hold where most was requested, the most first; what is left over is the last group.
 */
import { isAliveAfter, type Lives, NEVER, NO_GROUP } from './lives.ts';

export type GroupBy = 'line' | 'stream' | 'pool' | 'size' | 'lifetime';

/** Groups with a colour of their own; the one after them is all the rest. */
export const MOST_GROUPS = 11;

export interface LifeGroups {
  readonly by: GroupBy;
  /** Group of each life: index into `names`. */
  readonly of: Uint8Array;
  readonly names: readonly string[];
  /** Bytes that each group holds where most was requested. */
  readonly bytesAtPeak: readonly number[];
  /** The last group holds what has no colour of its own. */
  readonly hasRest: boolean;
  /** By group: the typed filter that only its lives pass; null: none says it. */
  readonly filters: readonly (string | null)[];
}

export interface GroupScope {
  readonly streams: readonly string[];
  /** Names by number of the `group` column. */
  readonly pools: readonly string[];
  readonly peakRow: number;
  /** Nanoseconds by row. */
  readonly times: Float64Array;
  labelOf(stack: number): string;
}

const SIZES = [512, 4096, 2 ** 16, 2 ** 20, 10 * 2 ** 20, 2 ** 26, 2 ** 28, Infinity];
const SIZE_NAMES = [
  '≤ 512 B',
  '≤ 4 KiB',
  '≤ 64 KiB',
  '≤ 1 MiB',
  '≤ 10 MiB',
  '≤ 64 MiB',
  '≤ 256 MiB',
  '> 256 MiB',
];
const TIMES = [1e5, 1e6, 1e7, 1e8, 1e9, 1e10, Infinity];
const TIME_NAMES = ['< 100 µs', '< 1 ms', '< 10 ms', '< 100 ms', '< 1 s', '< 10 s', '≥ 10 s'];

const NS = (ns: number): string => `${ns}ns`;

/** What is typed to see this group alone. `rows`: of the recording. */
function filterOf(by: GroupBy, name: string, rows: number): string | null {
  switch (by) {
    case 'line':
      return `made-by:"${name.replaceAll('"', '')}"`;
    case 'stream':
      return name === 'stream ?' ? null : name.replace(' ', ':');
    case 'pool':
      return name === 'pool not known' || name === '?' ? null : `pool:${name}`;
    case 'size': {
      const at = SIZE_NAMES.indexOf(name);
      const least = at === 0 ? [] : [`size>${SIZES[at - 1]}`];
      return [...least, ...(SIZES[at] === Infinity ? [] : [`size<=${SIZES[at]}`])].join(' ');
    }
    case 'lifetime': {
      if (name === 'lives at the end') return 'never-freed';
      if (name === 'made before the recording') return 'freed made-before';
      const at = TIME_NAMES.indexOf(name);
      const least = at === 0 ? [] : [`lifetime>=${NS(TIMES[at - 1])}`];
      const most = TIMES[at] === Infinity ? [] : [`lifetime<${NS(TIMES[at])}`];
      return ['freed', `made:0..${rows}`, ...least, ...most].join(' ');
    }
  }
}

/** How long an allocation lived, as one of few classes; `order`: from short to long. `times`: nanoseconds by row. */
export function lifetimeClass(
  { rowFrom, rowTo }: Pick<Lives, 'rowFrom' | 'rowTo'>,
  life: number,
  times: Float64Array,
): { readonly label: string; readonly order: number } {
  if (rowTo[life] === NEVER) return { label: 'lives at the end', order: TIMES.length + 1 };
  if (rowFrom[life] < 0) return { label: 'made before the recording', order: TIMES.length };
  const ns = times[rowTo[life]] - times[rowFrom[life]];
  const order = TIMES.findIndex((most) => ns < most);
  return { label: TIME_NAMES[order], order };
}

/** Name of the group of a life, before only the largest are kept. */
function namer(lives: Lives, by: GroupBy, scope: GroupScope): (life: number) => string {
  const { stack, streamIndex, group, requested } = lives;
  switch (by) {
    case 'line':
      return (life) => scope.labelOf(stack[life]);
    case 'stream':
      return (life) => `stream ${scope.streams[streamIndex[life]] ?? '?'}`;
    case 'pool':
      return (life) => (group[life] === NO_GROUP ? 'pool not known' : (scope.pools[group[life]] ?? '?'));
    case 'size':
      return (life) => SIZE_NAMES[SIZES.findIndex((most) => requested[life] <= most)];
    case 'lifetime':
      return (life) => lifetimeClass(lives, life, scope.times).label;
  }
}

export function groupsOf(lives: Lives, by: GroupBy, scope: GroupScope): LifeGroups {
  const nameOf = namer(lives, by, scope);
  const numbers = new Map<string, number>();
  const raw = new Uint32Array(lives.length);
  const held: number[] = [];
  const made: number[] = [];
  for (let life = 0; life < lives.length; life++) {
    const name = nameOf(life);
    let number = numbers.get(name);
    if (number === undefined) {
      numbers.set(name, (number = numbers.size));
      held.push(0);
      made.push(0);
    }
    raw[life] = number;
    made[number] += lives.requested[life];
    if (isAliveAfter(lives, life, scope.peakRow)) held[number] += lives.requested[life];
  }
  const names = [...numbers.keys()];
  const order = names.map((_, i) => i).sort((a, b) => held[b] - held[a] || made[b] - made[a] || a - b);
  const hasRest = order.length > MOST_GROUPS + 1;
  const kept = hasRest ? order.slice(0, MOST_GROUPS) : order;
  const rest = order.length - kept.length;
  const place = new Uint8Array(names.length).fill(kept.length);
  kept.forEach((number, i) => (place[number] = i));
  const bytesAtPeak = kept.map((number) => held[number]);
  const keptNames = kept.map((number) => names[number]);
  const filters: (string | null)[] = keptNames.map((name) => filterOf(by, name, lives.rows));
  if (hasRest) {
    filters.push(null);
    keptNames.push(`${rest} others`);
    bytesAtPeak.push(order.slice(kept.length).reduce((sum, number) => sum + held[number], 0));
  }
  const of = Uint8Array.from(raw, (number) => place[number]);
  return { by, of, names: keptNames, bytesAtPeak, hasRest, filters };
}
