/** What is left out of a file, counted by kind with the first of each: a file wrong in a million rows says so once. */
import { formatInteger } from '../../base/units.ts';
import type { Warning } from '../../trace/capture.ts';

/** Kinds told one by one; the rest is counted. */
const MOST_KINDS = 30;

export class LeftOut {
  /** Figures and rows left out. */
  count = 0;
  private readonly kinds = new Map<string, { count: number; first: string; offset: number | null }>();

  /** `kind`: "sizes of events"; `first`: where and what, "row 12: 18,446,744,073,709,551,611 bytes is more than can be". */
  add(kind: string, first: () => string, offset: number | null = null): void {
    this.count++;
    const known = this.kinds.get(kind);
    if (known !== undefined) known.count++;
    else this.kinds.set(kind, { count: 1, first: first(), offset });
  }

  warnings(): Warning[] {
    const kinds = [...this.kinds];
    const told = kinds.slice(0, MOST_KINDS).map(([kind, { count, first, offset }]) => ({
      message: `${formatInteger(count)} of the ${kind} cannot be and ${count === 1 ? 'was' : 'were'} left out${count === 1 ? '' : ', the first of them'}: ${first}.`,
      offset,
    }));
    const rest = kinds.slice(MOST_KINDS).reduce((sum, [, { count }]) => sum + count, 0);
    if (rest > 0)
      told.push({
        message: `${formatInteger(rest)} more figures cannot be and were left out.`,
        offset: null,
      });
    return told;
  }
}
