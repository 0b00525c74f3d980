/** Warnings counted by kind: a file that is wrong in a million lines says so once, with the first place. */
import { formatInteger } from '../../base/units.ts';
import type { Warning } from '../../trace/capture.ts';

/** Kinds beyond this are counted together. */
const MOST_KINDS = 100;

export class CountedWarnings {
  private readonly kinds = new Map<string, { readonly offset: number | null; count: number }>();
  private others = 0;

  add(message: string, offset: number | null, count = 1): void {
    const kind = this.kinds.get(message);
    if (kind !== undefined) kind.count += count;
    else if (this.kinds.size < MOST_KINDS) this.kinds.set(message, { offset, count });
    else this.others += count;
  }

  list(): Warning[] {
    const listed: Warning[] = [];
    for (const [message, { offset, count }] of this.kinds) {
      listed.push({
        message: count === 1 ? message : `${message} (${formatInteger(count)} times; the first is here)`,
        offset,
      });
    }
    if (this.others > 0) {
      listed.push({
        message: `${formatInteger(this.others)} warnings of other kinds are not listed.`,
        offset: null,
      });
    }
    return listed;
  }
}
