/**
 * Live memory that no stack names, by size and stream: what can be said of who holds it where no line can be. Sizes
 * fall into classes that double. Requested bytes, exact.
 */
import type { DeviceFacts } from './device-facts.ts';
import { visitLive } from './live.ts';
import { isStackless } from './stackless.ts';

/** Live allocations of a class of sizes, of one stream. */
export interface SizeClassHeld {
  /** Smallest and largest allocation that is there, bytes. */
  readonly least: number;
  readonly most: number;
  readonly stream: string;
  readonly bytes: number;
  readonly allocations: number;
}

export interface WithoutStack {
  /** Live bytes at the moment, and those of them without a stack. */
  readonly live: number;
  readonly bytes: number;
  /** Most bytes first. */
  readonly classes: readonly SizeClassHeld[];
}

/** Just after a row; -1: in the state of a recording without events. */
export function liveWithoutStack({ trace, input }: DeviceFacts, row: number): WithoutStack {
  const classes = new Map<string, { -readonly [Name in keyof SizeClassHeld]: SizeClassHeld[Name] }>();
  let live = 0;
  let bytes = 0;
  visitLive(trace, input.lifetimes, input.earlier, row + 1, (_, size, stack, streamIndex) => {
    live += size;
    if (!isStackless(input.stacks, stack, trace.producer)) return;
    bytes += size;
    const key = `${Math.floor(Math.log2(Math.max(1, size)))}/${streamIndex}`;
    const held = classes.get(key);
    if (held === undefined) {
      const stream = trace.streams[streamIndex] ?? '';
      classes.set(key, { least: size, most: size, stream, bytes: size, allocations: 1 });
      return;
    }
    held.least = Math.min(held.least, size);
    held.most = Math.max(held.most, size);
    held.bytes += size;
    held.allocations++;
  });
  return { live, bytes, classes: [...classes.values()].sort((a, b) => b.bytes - a.bytes) };
}
