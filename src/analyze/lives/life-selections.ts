/**
 * Which lives a typed filter lets pass, and the order in which they are listed. Kept for the newest filters: every view
 * asks the same one, at every move of the hand.
 */
import { type ExpressionFault, type ExpressionScope, parseFilter } from './life-expression.ts';
import { livesThatPass } from './life-filter.ts';
import { type Lives, NEVER } from './lives.ts';

/** What a list of lives can be sorted by. */
export type LifeSort = 'made' | 'ended' | 'size' | 'lifetime' | 'address' | 'stream';

export interface LifeSelection {
  /** Lives that pass, in the order in which they were made. */
  readonly lives: Uint32Array;
  /** Sum of what they requested, bytes. */
  readonly bytes: number;
}

export type Selected =
  | { readonly ok: true; readonly selection: LifeSelection }
  | { readonly ok: false; readonly fault: ExpressionFault };

/** Filters whose lives are kept: what is typed letter by letter would else be kept for ever. */
const MOST_KEPT = 8;

export class LifeSelections {
  private readonly kept = new Map<string, Selected>();
  private readonly orders = new Map<Uint32Array, Map<LifeSort, Uint32Array>>();

  /** `times`: nanoseconds by row of the recording. */
  constructor(
    private readonly lives: Lives,
    private readonly times: Float64Array,
    private readonly scope: ExpressionScope,
  ) {}

  /** The same filter gives the same object. A text that is no filter comes back with the place of its fault. */
  select(filter: string): Selected {
    const text = filter.trim();
    const known = this.kept.get(text);
    this.kept.delete(text);
    const selected = known ?? this.make(text);
    this.kept.set(text, selected);
    for (const [oldest, { ok }] of this.kept) {
      if (this.kept.size <= MOST_KEPT) break;
      const dropped = ok ? this.kept.get(oldest) : undefined;
      if (dropped?.ok === true) this.orders.delete(dropped.selection.lives);
      this.kept.delete(oldest);
    }
    return selected;
  }

  private make(text: string): Selected {
    const parsed = parseFilter(text, this.scope);
    if (!parsed.ok) return parsed;
    const passed = livesThatPass(this.lives, parsed.filter, this.times);
    let bytes = 0;
    for (const life of passed) bytes += this.lives.requested[life];
    return { ok: true, selection: { lives: passed, bytes } };
  }

  /** Lives that passed, ascending by a column; equal ones in the order in which they were made. */
  inOrder(passed: Uint32Array, sort: LifeSort): Uint32Array {
    if (sort === 'made') return passed;
    let orders = this.orders.get(passed);
    if (orders === undefined) this.orders.set(passed, (orders = new Map<LifeSort, Uint32Array>()));
    let order = orders.get(sort);
    if (order === undefined) {
      const key = this.keys(sort);
      order = Uint32Array.from(passed).sort((a, b) => key[a] - key[b] || a - b);
      orders.set(sort, order);
    }
    return order;
  }

  private keys(sort: Exclude<LifeSort, 'made'>): Float64Array | Int32Array | Uint16Array {
    const { lives, times } = this;
    switch (sort) {
      case 'ended':
        return lives.rowTo;
      case 'size':
        return lives.requested;
      case 'address':
        return lives.address;
      case 'stream':
        return lives.streamIndex;
      case 'lifetime':
        // What lived before and what never ended lasted longest: how long is not known.
        return Float64Array.from(lives.rowTo, (to, life) =>
          to === NEVER || lives.rowFrom[life] < 0 ? Number.MAX_VALUE : times[to] - times[lives.rowFrom[life]],
        );
    }
  }
}
