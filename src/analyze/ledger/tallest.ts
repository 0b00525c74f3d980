/**
 * The ledger over time by ranges of rows: which row of a range shows it, and the most that each part has in it. A
 * chart asks so for every pixel column at every step of the wheel.
 */
import { Pyramid } from '../../base/pyramid.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { passesThrough } from '../passing-free.ts';
import { LEDGER_COLUMNS, type LedgerColumn, type LedgerOverTime } from './over-time.ts';

export class TallestRows {
  /** Parts that have anything in the recording, and what is requested. */
  readonly parts: readonly LedgerColumn[];
  private readonly tallest: Pyramid;
  private readonly most: ReadonlyMap<LedgerColumn, Pyramid>;

  constructor(
    private readonly trace: DeviceTrace,
    private readonly told: LedgerOverTime,
  ) {
    const { columns, reserved, before } = told;
    const { requested } = columns;
    const { length } = reserved;
    const settled = (row: number): number => this.settled(row);
    this.tallest = new Pyramid(
      length,
      settled,
      (a, b) => reserved[a] > reserved[b] || (reserved[a] === reserved[b] && requested[a] > requested[b]),
    );
    const most = new Map<LedgerColumn, Pyramid>();
    for (const name of LEDGER_COLUMNS) {
      const values = columns[name];
      const pyramid = new Pyramid(length, settled, (a, b) => values[a] > values[b]);
      if (name === 'requested' || before[name] > 0 || (length > 0 && values[pyramid.best(0, length)] > 0))
        most.set(name, pyramid);
    }
    this.most = most;
    this.parts = [...most.keys()];
  }

  /**
   * The row that stands for one: a free that nothing waits for is a step of two rows, and between them its block only
   * seems to wait for other streams. -1, before the first row, stands for itself.
   */
  settled(row: number): number {
    return passesThrough(this.trace, row) ? row + 1 : row;
  }

  /** Row of [from, to) after which most is reserved, and among those most is requested; the first of equals. */
  row(from: number, to: number): number {
    return this.tallest.best(from, to);
  }

  /** The most bytes that a part has after any row of [from, to). */
  mostOf(part: LedgerColumn, from: number, to: number): number {
    return this.told.columns[part][this.most.get(part)!.best(from, to)];
  }
}
