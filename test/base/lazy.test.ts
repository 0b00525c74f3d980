import { describe, expect, it } from 'vitest';
import { Kept, lazyGetters } from '../../src/base/lazy.ts';

class Counted {
  made = 0;
  static {
    lazyGetters(this);
  }

  constructor(private readonly start: number) {}

  get one(): number {
    this.made++;
    return this.start + 1;
  }

  get two(): number {
    return this.one + 1;
  }

  get nothing(): null {
    this.made++;
    return null;
  }

  get fails(): number {
    this.made++;
    if (this.made < 2) throw new Error('not yet');
    return this.made;
  }

  method(): number {
    return ++this.made;
  }
}

describe('lazy getters', () => {
  it('are worked out at their first use, once for each object, null too', () => {
    const [a, b] = [new Counted(10), new Counted(20)];
    expect(a.made).toBe(0);
    expect([a.two, a.one, a.two, b.one]).toEqual([12, 11, 12, 21]);
    expect([a.made, b.made]).toEqual([1, 1]);
    expect([a.nothing, a.nothing, a.made]).toEqual([null, null, 2]);
  });

  it('are worked out again where they threw, and leave methods as they are', () => {
    const a = new Counted(0);
    expect(() => a.fails).toThrow('not yet');
    expect([a.fails, a.fails]).toEqual([2, 2]);
    expect([a.method(), a.method()]).toEqual([3, 4]);
  });
});

describe('what is kept', () => {
  it('is made once for each key, also where it is undefined', () => {
    const kept = new Kept<number, number | undefined>();
    let made = 0;
    const of = (key: number): number | undefined =>
      kept.of(key, () => (made++, key === 0 ? undefined : key * 2));
    expect([of(1), of(1), of(0), of(0), of(2)]).toEqual([2, 2, undefined, undefined, 4]);
    expect(made).toBe(3);
  });
});
