/** Work is counted, the same each time; what goes through its text again and again is found. */
import { describe, expect, it } from 'vitest';
import { expectLinear, workOf } from './work.ts';

const text = (length: number): string => 'a'.repeat(length);

describe('work', () => {
  it('is what patterns, searches and copies went through, the same each time', async () => {
    const run = (): void => {
      /b/.test(text(1000));
      text(1000).indexOf('a');
      text(1000).slice(0, 100);
      new Uint8Array(1000).indexOf(1, 500);
    };
    expect(await workOf(run)).toBe(1001 + 2 + 101 + 501);
    expect(await workOf(run)).toBe(await workOf(run));
  });

  it('counts every match of a pattern from where the last one ended', async () => {
    expect(await workOf(() => [...'ab'.repeat(500).matchAll(/b/g)])).toBe(1000 + 500 + 1);
    expect(await workOf(() => 'ab'.repeat(500).replace(/b/g, ''))).toBe(1000 + 500 + 1);
  });

  it('leaves everything as it was, also where something is thrown', async () => {
    const before = Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec');
    await expect(
      workOf(() => {
        throw new Error('planted');
      }),
    ).rejects.toThrow('planted');
    expect(Object.getOwnPropertyDescriptor(RegExp.prototype, 'exec')).toEqual(before);
  });

  it.each([
    ['a search from every place', (all: string) => [...all].forEach((_, at) => all.indexOf('b', at))],
    ['a pattern over what is left', (all: string) => [...all].forEach((_, at) => /b/.test(all.slice(at)))],
    ['a copy that grows', (all: string) => [...all].reduce((some, one) => (some + one).slice(0), '')],
  ])('finds %s', async (_, planted) => {
    await expect(expectLinear((length) => planted(text(length)), 500)).rejects.toThrow('for a quarter');
  });

  it('is not told of what is not counted', async () => {
    await expect(expectLinear(() => undefined, 500)).rejects.toThrow();
    await expectLinear((length) => text(length).indexOf('b'), 500);
  });
});
