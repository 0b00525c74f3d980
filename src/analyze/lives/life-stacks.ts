/**
 * The stack of those alive, by what passes a filter and by the order in which it is stacked: kept for the newest of
 * them, since a view asks the same again at every move of the hand.
 */
import type { Lives } from './lives.ts';
import { LifeTotals, type Stacking, stackingOf } from './raster.ts';

/** Lowest first: the oldest, the largest, or the line that holds most where most was requested (in it, the oldest). */
export type StackOrder = 'age' | 'size' | 'line';

/** Lists of lives whose stacks are kept. */
const MOST_KEPT = 4;

interface Stacks {
  readonly totals: LifeTotals;
  readonly orders: Map<StackOrder, Stacking>;
}

export class LifeStacks {
  private readonly kept = new Map<Uint32Array, Stacks>();

  /** `lines`: number of the line of each life, the one that holds most first. */
  constructor(
    private readonly lives: Lives,
    private readonly lines: Uint8Array,
  ) {}

  /** `passed`: ascending; the same list gives the same objects. */
  of(passed: Uint32Array, order: StackOrder): { readonly totals: LifeTotals; readonly stacking: Stacking } {
    const stacks = this.kept.get(passed) ?? {
      totals: new LifeTotals(this.lives, passed),
      orders: new Map<StackOrder, Stacking>(),
    };
    this.kept.delete(passed);
    this.kept.set(passed, stacks);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST_KEPT) break;
      this.kept.delete(oldest);
    }
    const { totals, orders } = stacks;
    const stacking = orders.get(order) ?? stackingOf(this.lives, passed, this.before(order));
    orders.set(order, stacking);
    return { totals, stacking };
  }

  private before(order: StackOrder): ((a: number, b: number) => number) | null {
    const { requested, stack } = this.lives;
    const { lines } = this;
    switch (order) {
      case 'age':
        return null;
      case 'size':
        return (a, b) => requested[b] - requested[a];
      case 'line':
        return (a, b) => lines[a] - lines[b] || stack[a] - stack[b];
    }
  }
}
