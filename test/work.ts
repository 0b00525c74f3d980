/**
 * Work counted instead of timed: how much text and how many bytes and values the built-in functions were made to go through while
 * something ran. It is the same number on every machine and under any load. What a loop does by index is not counted:
 * it is bound to a call of these sooner or later, or its test counts by itself.
 */
import { expect } from 'vitest';

/** How far a search that began at `from` went: to the end of what it found, or of the text. */
const reach = (found: number, length: number, end: number, from: number): number =>
  1 + Math.max(0, (found < 0 ? end : found + length) - from);

type Counted = (this: never, ...given: never[]) => unknown;

/** Puts `counting` around a function of a prototype; gives back what undoes it. */
function wrap(
  prototype: object,
  name: string,
  cost: (self: never, given: readonly never[], result: never, before: number) => number,
  add: (work: number) => void,
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name);
  const call = original?.value as Counted;
  Object.defineProperty(prototype, name, {
    ...original,
    value: function (this: never, ...given: never[]) {
      const before = name === 'exec' ? (this as RegExp).lastIndex : 0;
      const result = call.apply(this, given);
      add(cost(this, given, result as never, before));
      return result;
    },
  });
  return () => Object.defineProperty(prototype, name, original!);
}

const TYPED = Object.getPrototypeOf(Uint8Array.prototype) as object;

/** Characters, bytes and values that patterns, searches, copies and sorting went through while `run` ran, one more for every call. */
export async function workOf(run: () => unknown): Promise<number> {
  let work = 0;
  const add = (more: number): void => void (work += more);
  const copied = (_: unknown, __: unknown, result: { length: number }): number => 1 + result.length;
  const undo = [
    // test(), match(), matchAll(), replace() and split() of a pattern all come down to this.
    wrap(
      RegExp.prototype,
      'exec',
      (self: RegExp, [text]: readonly string[], result: RegExpExecArray | null, before) => {
        const from = self.global || self.sticky ? before : 0;
        return reach(result?.index ?? -1, result?.[0].length ?? 0, String(text).length, from);
      },
      add,
    ),
    wrap(
      String.prototype,
      'indexOf',
      (self: string, [what, from]: readonly (string | number)[], result: number) =>
        reach(result, String(what).length, self.length, Number(from ?? 0)),
      add,
    ),
    wrap(
      String.prototype,
      'includes',
      (self: string, [what]: readonly string[], found: boolean) =>
        reach(found ? 0 : -1, what.length, self.length, 0),
      add,
    ),
    wrap(String.prototype, 'charCodeAt', () => 1, add),
    wrap(String.prototype, 'slice', copied, add),
    wrap(String.prototype, 'trim', copied, add),
    wrap(
      TYPED,
      'indexOf',
      (self: Uint8Array, [, from]: readonly number[], result: number) =>
        reach(result, 1, self.length, from ?? 0),
      add,
    ),
    wrap(TYPED, 'slice', copied, add),
    wrap(TYPED, 'sort', copied, add),
    wrap(TYPED, 'set', (_, [from]: readonly ArrayLike<number>[]) => 1 + from.length, add),
    wrap(TextDecoder.prototype, 'decode', copied, add),
  ];
  try {
    await run();
  } finally {
    for (const one of undo) one();
  }
  return work;
}

/**
 * Four times the length is four times the work, not sixteen: `run` is given a length and four times it. What is told of
 * a short text is not counted as work of its length, so that lengths must be large beside it.
 */
export async function expectLinear(run: (length: number) => unknown, length: number): Promise<void> {
  const short = await workOf(() => run(length));
  const long = await workOf(() => run(4 * length));
  // Who is not counted at all is linear in nothing.
  expect(short).toBeGreaterThan(length);
  expect(long, `${short} for a quarter`).toBeLessThan(5 * short);
}
