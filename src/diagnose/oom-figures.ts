/**
 * The figures of one out-of-memory message as ranges of bytes: PyTorch prints two decimals of the largest unit that fits,
 * so each figure is right to half a hundredth of it. A figure that cannot be what its name says is not known: one below
 * zero, or "this process has" less than PyTorch alone had reserved.
 */
import { type Bounds, minus } from '../base/measured.ts';
import { oomFigureBounds, reservedOfOom } from '../analyze/ledger/non-torch-oom.ts';
import type { LoggedOom } from '../analyze/server-facts.ts';

/** A process that the message names by its number. */
export interface NamedProcess {
  readonly pid: string;
  /** As printed, bytes. */
  readonly bytes: number;
  readonly range: Bounds;
}

export interface OomFigures {
  /** "Tried to allocate": the whole segment that was asked of the driver, not the tensor. */
  readonly requested: Bounds | null;
  readonly free: Bounds | null;
  readonly total: Bounds | null;
  /** "this process has ... memory in use": all of it, the CUDA context included. */
  readonly process: Bounds | null;
  readonly allocated: Bounds | null;
  readonly unallocated: Bounds | null;
  readonly reserved: Bounds | null;
  /** The process's own limit. */
  readonly allowed: Bounds | null;
  /** Held by this process outside of PyTorch's allocator and counted against the limit (Apple's GPUs). */
  readonly outside: Bounds | null;
  readonly named: readonly NamedProcess[];
  /** Free blocks of private pools are in the cached figure: messages up to 2.0 do not tell them apart. */
  readonly isOldForm: boolean;
}

/** Nothing is held below zero bytes. */
export const atLeastZero = ({ least, most }: Bounds): Bounds => ({
  least: Math.max(0, least),
  most: Math.max(0, most),
});
export const NOTHING: Bounds = { least: 0, most: 0 };

/** The middle of a range: what was printed, or what follows from printed figures. */
export const middle = ({ least, most }: Bounds): number => (least + most) / 2;

export function oomFiguresOf({ figures, text }: Pick<LoggedOom['event'], 'figures' | 'text'>): OomFigures {
  const of = (name: string): Bounds | null => {
    const bytes = figures[name];
    return bytes === undefined || bytes < 0 ? null : atLeastZero(oomFigureBounds(bytes));
  };
  const allocated = of('allocated');
  const printed = of('reserved_unallocated');
  const reserved = printed === null && !('reserved' in figures) ? null : reservedOfOom(figures);
  const unallocated =
    printed ??
    (reserved === null || allocated === null || !('reserved' in figures)
      ? null
      : atLeastZero(minus(reserved, allocated)));
  const process = of('process');
  const least = reserved?.least ?? allocated?.least ?? 0;
  return {
    requested: of('requested'),
    free: of('free'),
    total: of('total'),
    process: process === null || process.most < least ? null : process,
    allocated,
    unallocated,
    reserved,
    allowed: of('allowed'),
    outside: of('other_allocations'),
    named: Object.entries(figures).flatMap(([name, bytes]) => {
      const pid = /^process (\d+)$/.exec(name)?.[1];
      return pid === undefined || bytes < 0
        ? []
        : [{ pid, bytes, range: atLeastZero(oomFigureBounds(bytes)) }];
    }),
    isOldForm: /reserved in total|\) ?$|cached\)/.test(text) && !text.includes('Of the allocated memory'),
  };
}
