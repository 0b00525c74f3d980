/** Random numbers from a seed, the same on every machine: a failing input is made again from its seed and number. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  /** 32 bits (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number in [0, n). */
  below(n: number): number {
    return n <= 1 ? 0 : this.next() % n;
  }

  chance(share: number): boolean {
    return this.next() < share * 2 ** 32;
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }
}
