/**
 * Who is who in an out-of-memory message: which of the processes it names is the one that failed, and what others hold.
 *
 * PyTorch (reportProcessMemoryInfo, c10/cuda/CUDACachingAllocator.cpp) asks the driver for the processes of the GPU and
 * says "this process" of the one whose number is its own. In a container the driver's numbers are the host's, so the
 * process that failed stands among the named ones; or the driver lists nobody. What follows from the figures:
 *
 *   held = total - free                     all that anybody holds, the driver's own part included
 *   a named process that holds at least what PyTorch had reserved can be this one, and at most one of them is
 *   held - named < reserved                 then one of the named ones must be: there is no room for another
 */
import { type Bounds, minus, plus } from '../base/measured.ts';
import { atLeastZero, type NamedProcess, NOTHING, type OomFigures } from './oom-figures.ts';

/** The driver keeps a part for itself that is nobody's: up to so much. */
const DRIVER = 512 * 2 ** 20;
const DRIVER_SHARE = 0.01;

export const driverPart = (total: Bounds | null): number =>
  Math.max(DRIVER, DRIVER_SHARE * (total?.most ?? 0));

export interface WhoIsWho {
  /**
   * How this process was found: 'told' by the message; 'must': a named one, by the figures; 'likely': the only named one
   * that can be; 'one_of': several can be; 'hidden': it is not among the named ones; 'none': nobody is named.
   */
  readonly own: 'told' | 'must' | 'likely' | 'one_of' | 'hidden' | 'none';
  /** The named process that is this one; null: not known or told without a number. */
  readonly ownNamed: NamedProcess | null;
  /** The named ones that are others; where several can be this one, all of them. */
  readonly others: readonly NamedProcess[];
  /** What other processes hold, bytes. `most` null: the message does not bound it. */
  readonly held: { readonly least: number; readonly most: number | null };
  /** Of `held.least`, what named processes hold: a gain that can be had. */
  readonly namedLeast: number;
  /** Other processes of (nearly) one size that are small beside a large one: contexts of a job's other ranks. All others are such. */
  readonly ranks: readonly NamedProcess[];
  /** The same where larger ones stand beside them; empty where `ranks` is not. */
  readonly someRanks: readonly NamedProcess[];
  /** The named processes hold more than there is: they are not all on this device (MIG), or the figures are of different moments. */
  readonly contradicts: boolean;
}

const sumOf = (processes: readonly NamedProcess[]): Bounds =>
  processes.reduce((sum, { range }) => plus(sum, range), NOTHING);

/** What a process holds beside PyTorch's reserved bytes: a context, libraries, a part that grows with them. */
const NEAR = 4 * 2 ** 30;
const NEAR_SHARE = 1.25;

const SMALL = 2 * 2 ** 30;
const EQUAL = 1.01;
const LARGE = 4;

/** Two or more of one size, each small beside `large` bytes. */
function equalAmong<T extends { readonly bytes: number }>(others: readonly T[], large: number): T[] {
  const small = others.filter(({ bytes }) => bytes > 0 && bytes <= SMALL && bytes * LARGE <= large);
  if (small.length < 2) return [];
  const sizes = small.map(({ bytes }) => bytes);
  return Math.max(...sizes) <= EQUAL * Math.min(...sizes) ? small : [];
}

/** The same, where nothing else is beside them. */
export function ranksAmong<T extends { readonly bytes: number }>(others: readonly T[], large: number): T[] {
  const equal = equalAmong(others, large);
  return equal.length < others.length ? [] : equal;
}

const ranksOf = (others: readonly NamedProcess[], large: number): Pick<WhoIsWho, 'ranks' | 'someRanks'> => {
  const equal = equalAmong(others, large);
  return equal.length < others.length ? { ranks: [], someRanks: equal } : { ranks: equal, someRanks: [] };
};

export function whoIsWho(figures: OomFigures): WhoIsWho {
  const { total, free, process } = figures;
  // What holds more than the device has is on another: the driver lists the processes of all MIG instances.
  const named = figures.named.filter(({ range }) => total === null || range.least <= total.most);
  const own = figures.reserved ?? figures.allocated;
  const held = total === null || free === null ? null : atLeastZero(minus(total, free));
  const driver = driverPart(total);
  const all = sumOf(named);
  /** What is left for others if this process holds so much. */
  const rest = (mine: Bounds): number | null => (held === null ? null : Math.max(0, held.most - mine.least));
  const unnamed = (mine: Bounds): number =>
    held === null ? 0 : Math.max(0, held.least - mine.most - driver);
  if (process !== null) {
    const most = rest(process);
    const contradicts = most !== null && all.least > most;
    const least = contradicts ? 0 : Math.max(all.least, unnamed(process));
    return {
      own: 'told',
      ownNamed: null,
      others: named,
      held: { least, most },
      namedLeast: contradicts ? 0 : all.least,
      ...ranksOf(named, process.most),
      contradicts,
    };
  }
  if (named.length === 0 || own === null)
    return {
      own: 'none',
      ownNamed: null,
      others: named,
      held: { least: 0, most: own === null ? (held?.most ?? null) : rest(own) },
      namedLeast: 0,
      ...ranksOf([], 0),
      contradicts: false,
    };
  const candidates = named.filter(({ range }) => range.most >= own.least);
  const must = held !== null && held.most - all.least < own.least;
  const contradicts = held !== null && (all.least > held.most || (must && candidates.length === 0));
  const largest = candidates.reduce<NamedProcess | null>(
    (most, one) => (most === null || one.bytes > most.bytes ? one : most),
    null,
  );
  const [only] = candidates;
  // One that holds far more than PyTorch reserved can be somebody else's, where there is room for this one beside it.
  const isNear = only !== undefined && only.range.least <= own.most * NEAR_SHARE + NEAR;
  const ownNamed = candidates.length === 1 && (must || isNear) ? only : null;
  const others = ownNamed === null ? named : named.filter((one) => one !== ownNamed);
  const namedLeast = contradicts ? 0 : Math.max(0, all.least - (largest?.range.least ?? 0));
  // Whichever candidate this process is, at least so much of what is held is somebody else's; not named: all of them.
  const ways = [
    ...candidates.map(({ range }) => Math.max(all.least - range.least, unnamed(range))),
    ...(must ? [] : [all.least]),
  ];
  const smallest = candidates.reduce((least, { range }) => Math.min(least, range.least), Infinity);
  const mine = must && smallest < Infinity ? Math.max(own.least, smallest) : own.least;
  return {
    own: candidates.length === 0 ? 'hidden' : ownNamed === null ? 'one_of' : must ? 'must' : 'likely',
    ownNamed,
    others,
    held: {
      least: contradicts || ways.length === 0 ? 0 : Math.max(0, Math.min(...ways)),
      most: held === null ? null : Math.max(0, held.most - mine),
    },
    namedLeast,
    ...ranksOf(others, ownNamed?.bytes ?? own.most),
    contradicts,
  };
}
