/**
 * Why one out-of-memory message came, by its own figures, in the order in which a cause excludes the next:
 *
 *   figures that cannot be -> more than there is -> the process's own limit -> free enough, so the driver refused
 *   -> pieces in the cache -> other processes -> full
 *
 * The allocator asks the driver for a whole segment, gives back every cached segment that nothing lives in, and asks
 * again before it raises the error (DeviceCachingAllocator::malloc, c10/cuda/CUDACachingAllocator.cpp). So what was free is
 * after that, and a limit refuses exactly where reserved + asked for is more than allowed.
 *
 * What is reserved and not allocated need not be pieces: a private pool (a CUDA graph, torch.cuda.MemPool) or the cache of another
 * stream serves no request from outside. The message counts them in, and names a private pool only where something in it lives
 * ("with ... allocated in private pools"), so pieces in the cache are never high.
 *
 * A cause is `high` only where the figures leave no other: two that would each have been enough are both named.
 */
import { list } from '../base/words.ts';
import { type Bounds, minus, plus } from '../base/measured.ts';
import type { Confidence } from './finding.ts';
import { middle, NOTHING, type OomFigures } from './oom-figures.ts';
import { driverPart, type WhoIsWho } from './oom-others.ts';
import { size } from './words.ts';

export type OomCause =
  | 'no_figures'
  | 'contradiction'
  | 'host_memory'
  | 'never_fits'
  | 'limit'
  | 'refused_by_driver'
  | 'fragmentation'
  | 'other_pools'
  | 'other_processes'
  | 'full'
  | 'not_told';

export interface Judged {
  readonly cause: OomCause;
  /** Others that would have been enough by themselves as well; the verdict names them. */
  readonly also: readonly OomCause[];
  readonly confidence: Confidence;
  /** Why that much and no more. */
  readonly why: string;
  /** What the figures rule out, each with its reason. */
  readonly excluded: readonly string[];
}

const MIB = 2 ** 20;
const SMALL_SEGMENT = 20 * MIB;
const LARGE = 10 * MIB;
const GRAIN = 2 * MIB;
/** A CUDA context with the libraries of a training run, and what the driver keeps: what is neither free nor PyTorch's. */
export const CONTEXT = 2 * 2 ** 30;
/** What the context of this process takes at the least, with the driver's own part; more can be another process. */
const LEAST_CONTEXT = 256 * MIB;

/** The most that serving a request of this size takes from the driver. */
export const segmentOf = (bytes: number): number =>
  bytes >= LARGE ? Math.ceil(bytes / GRAIN) * GRAIN : bytes + SMALL_SEGMENT;

const never = (cause: OomCause, confidence: Confidence, why: string): Judged => ({
  cause,
  also: [],
  confidence,
  why,
  excluded: [],
});

/** What contradicts itself; null: nothing does. */
function contradictionOf({ free, total, reserved, allocated, process }: OomFigures): Judged | null {
  if (total === null) return null;
  if (free !== null && free.least > total.most)
    return never(
      'contradiction',
      'low',
      `${size(middle(free))} free of ${size(middle(total))}: one of the two is not what it says.`,
    );
  const own = reserved ?? allocated;
  if (reserved !== null && allocated !== null && allocated.least > reserved.most)
    return never(
      'contradiction',
      'low',
      `${size(middle(allocated))} allocated of ${size(middle(reserved))} reserved: one of the two is not what it says.`,
    );
  if (own !== null && own.least > total.most)
    return never(
      'host_memory',
      'high',
      'More is reserved than the device has, so a part of it lies elsewhere: it follows from two printed figures.',
    );
  if (process !== null && process.least > total.most)
    return never(
      'host_memory',
      'medium',
      'The driver counts more for this process than the device has; what PyTorch reserved would fit.',
    );
  if (own !== null && free !== null && own.least + free.least > total.most)
    return never(
      'contradiction',
      'low',
      `${size(middle(own))} reserved and ${size(middle(free))} free are more than the ${size(middle(total))} that the device has: a part lies in the memory of the host, or the figures are of different moments.`,
    );
  return null;
}

/** What is left of the limit; null: none was set, or what was reserved is not known. */
export function roomInLimit({ allowed, reserved, allocated, outside }: OomFigures): Bounds | null {
  if (allowed === null) return null;
  const used = reserved ?? allocated;
  if (used === null) return null;
  const room = minus(allowed, plus(used, outside ?? NOTHING));
  // Of what was reserved only a lower bound is known: there may be less room.
  return reserved === null && outside === null ? { least: -Infinity, most: room.most } : room;
}

/** What was free on the device: printed, else bounded by what PyTorch had. */
function freeBand({ free, total, reserved, allocated }: OomFigures): Bounds | null {
  if (free !== null) return free;
  const own = reserved ?? allocated;
  return total === null || own === null ? null : { least: 0, most: Math.max(0, total.most - own.least) };
}

/** Enough for sure, perhaps, or not: of something that `has` so much where `asks` was asked. */
type Enough = 'yes' | 'perhaps' | 'no';
const enough = (has: Bounds, asks: Bounds): Enough =>
  has.least >= asks.most ? 'yes' : has.most >= asks.least ? 'perhaps' : 'no';

export function judgeOom(figures: OomFigures, who: WhoIsWho): Judged {
  const { requested, total, allowed, unallocated } = figures;
  if (requested === null)
    return never('no_figures', 'low', 'The message gives no figure of what was requested.');
  const wrong = contradictionOf(figures);
  if (wrong !== null) return wrong;
  if (total !== null && requested.least > total.most)
    return never('never_fits', 'high', 'Both figures are printed: no state of the memory serves it.');
  const free = freeBand(figures);
  const room = roomInLimit(figures);
  const limited: Enough = room === null ? 'yes' : enough(room, requested);
  if (limited === 'no') return limit(figures, free, requested);
  const excluded =
    room !== null && allowed !== null && limited === 'yes'
      ? [
          `The process's own limit: of ${size(middle(allowed))} allowed, ${size(room.least)} at least were left.`,
        ]
      : [];
  if (figures.free !== null && figures.free.least >= segmentOf(requested.most))
    return {
      cause: limited === 'perhaps' ? 'limit' : 'refused_by_driver',
      also: limited === 'perhaps' ? ['refused_by_driver'] : [],
      confidence: 'medium',
      why:
        limited === 'perhaps'
          ? 'By the printed digits the limit may or may not have been reached.'
          : 'What the message excludes is certain; who refused it does not follow from its figures.',
      excluded: [
        ...excluded,
        'A full device: more was free than a segment of this size takes.',
        'Pieces in the cache: the allocator would have taken a new segment.',
      ],
    };
  if (free === null) return withoutFree(figures, requested);
  // What is not PyTorch's may have been free, or another's, and the message does not say which.
  const isCached = unallocated !== null && enough(unallocated, requested) === 'yes';
  if (figures.free === null && free.most >= requested.least && limited === 'yes' && !isCached)
    return never('not_told', 'low', 'The message does not say what was free.');
  return onAFullDevice(figures, who, { requested, free, limited, excluded, unallocated });
}

/** Reserved and asked for together are more than is allowed: that refuses it, whatever the device had. */
function limit(figures: OomFigures, free: Bounds | null, requested: Bounds): Judged {
  const alone = free !== null && figures.free !== null && free.least >= requested.most;
  const deviceToo = figures.free !== null && !alone;
  return {
    cause: 'limit',
    also: deviceToo ? ['full'] : [],
    confidence: deviceToo ? 'medium' : 'high',
    why: deviceToo
      ? 'The limit refused it by its figures; but the device had too little free as well, so a higher limit alone would not have served it.'
      : 'What was reserved and what was requested are together more than is allowed, whatever the rounding.',
    excluded: alone ? [`A full device: ${size(free.least)} at least were free.`] : [],
  };
}

function withoutFree({ total, allocated }: OomFigures, requested: Bounds): Judged {
  const rest = total === null || allocated === null ? null : minus(total, allocated);
  return never(
    rest !== null && rest.most < requested.least ? 'full' : 'not_told',
    rest !== null && rest.most < requested.least ? 'high' : 'low',
    'The message does not say what was free.',
  );
}

interface Full {
  readonly requested: Bounds;
  readonly free: Bounds;
  readonly limited: Enough;
  readonly excluded: readonly string[];
  readonly unallocated: Bounds | null;
}

/** The device had no segment of this size: was there enough in pieces, with others, or nowhere? */
function onAFullDevice(figures: OomFigures, who: WhoIsWho, state: Full): Judged {
  const { requested, free, limited, unallocated } = state;
  const cached: Enough =
    unallocated === null
      ? 'perhaps'
      : enough(unallocated, requested) === 'yes'
        ? 'yes'
        : enough({ least: 0, most: unallocated.most + free.most }, requested);
  // What others hold and what was free are together no more than what this process does not hold.
  const own = figures.process ?? figures.reserved ?? figures.allocated;
  const notOwn = figures.total === null || own === null ? Infinity : figures.total.most - own.least;
  const most = Math.min(free.most + (who.held.most ?? Infinity), notOwn);
  const others = enough({ least: free.least + who.held.least, most }, requested);
  const border = free.most >= requested.least;
  const excluded = [
    ...state.excluded,
    ...(border ? [] : [`Room on the device: ${size(free.most)} at most were free.`]),
    ...(cached === 'no' && unallocated !== null
      ? [
          `Pieces in the cache: ${size(unallocated.most)} at most are reserved and unallocated; with all that was free that is less than was requested.`,
        ]
      : []),
    ...(others === 'no'
      ? [
          `Other processes: they and what was free hold at most ${size(Math.max(0, most))} together, less than was requested.`,
        ]
      : []),
  ];
  // Both would have been enough: first what weighs more. Where others hold more than twice all of this process, it is they.
  const heavier = own !== null && who.held.least > 2 * own.most;
  const sure: OomCause[] = [
    ...(others === 'yes' && heavier ? (['other_processes'] as const) : []),
    ...(cached === 'yes' ? (['fragmentation'] as const) : []),
    ...(others === 'yes' && !heavier ? (['other_processes'] as const) : []),
  ];
  // A context is there in every process, and the driver keeps a part: what more there is can be somebody else's.
  const kept = figures.process === null && who.ownNamed === null ? LEAST_CONTEXT : driverPart(figures.total);
  const isMoreThanContext =
    who.held.least > 0 || free.most + (who.held.most ?? Infinity) - kept >= requested.least;
  const perhaps: OomCause[] = [
    ...(limited === 'perhaps' ? (['limit'] as const) : []),
    ...(cached === 'perhaps' ? (['fragmentation'] as const) : []),
    ...(others === 'perhaps' && (isMoreThanContext || sure.length === 0)
      ? (['other_processes'] as const)
      : []),
  ];
  const [cause, ...also] =
    sure.length > 0
      ? [...sure, ...perhaps]
      : perhaps[0] === 'fragmentation' &&
          unallocated !== null &&
          unallocated.least + free.least >= requested.most
        ? perhaps
        : (['full', ...perhaps] as const);
  const isSure = cause !== 'fragmentation' && also.length === 0 && !border && !who.contradicts;
  const readings: OomCause[] = cause === 'fragmentation' ? ['other_pools', ...also] : also;
  return {
    cause,
    also: readings,
    confidence: isSure ? 'high' : 'medium',
    why: isSure
      ? 'The figures of the message exclude the other causes, whatever their rounding.'
      : who.contradicts
        ? 'The processes that the message names hold more than there is: they are not all on this device (as with MIG), or not of this moment.'
        : readings.length > 0
          ? `Not excluded by the figures of the message: ${list(readings.map(nameOf))}.`
          : 'About as much was free as was requested, by the printed digits.',
    excluded,
  };
}

const NAMES: Readonly<Record<OomCause, string>> = {
  no_figures: 'anything',
  contradiction: 'figures that do not fit each other',
  host_memory: 'memory of the host',
  never_fits: 'a request that never fits',
  limit: "the process's own limit",
  refused_by_driver: 'a refusal of the driver',
  fragmentation: 'pieces in the cache',
  other_pools: 'free memory of a private pool or of another stream',
  other_processes: 'other processes',
  full: 'a full device',
  not_told: 'anything',
};

const nameOf = (cause: OomCause): string => NAMES[cause];
