/**
 * Which lives are open just after a row, at a cost that does not grow with the recording: every 2^k rows the open ones
 * are written down, and between two of these only what began since is looked at.
 */
import { upperBound } from '../../base/binary-search.ts';

/** Places at which the open lives are written down, at most. */
const MOST_PLACES = 256;
const LEAST_STEP = 1024;

export interface Spans {
  readonly length: number;
  /** Ascending. */
  readonly rowFrom: Int32Array;
  readonly rowTo: Int32Array;
}

export class OpenIndex {
  private readonly step: number;
  /** Open just after row i * step - 1, ascending. */
  private readonly places: Uint32Array[] = [];

  constructor(
    private readonly spans: Spans,
    rows: number,
  ) {
    let step = LEAST_STEP;
    while (rows / step > MOST_PLACES) step *= 2;
    this.step = step;
    let open = new Uint32Array(0);
    for (let row = -1; row < rows; row += step) {
      open = this.after(row, open, row < 0 ? -Infinity : row - step);
      this.places.push(open);
    }
    if (this.places.length === 0) this.places.push(open);
  }

  private after(row: number, known: Uint32Array, knownRow: number): Uint32Array<ArrayBuffer> {
    const { rowFrom, rowTo } = this.spans;
    const from = upperBound(rowFrom, knownRow);
    const to = upperBound(rowFrom, row, from);
    const open = new Uint32Array(known.length + to - from);
    let count = 0;
    for (const life of known) if (rowTo[life] > row) open[count++] = life;
    for (let life = from; life < to; life++) if (rowTo[life] > row) open[count++] = life;
    return open.slice(0, count);
  }

  /** Lives open just after a row (-1: before the first one), ascending. */
  at(row: number): Uint32Array {
    const place = Math.min(this.places.length - 1, Math.max(0, Math.floor((row + 1) / this.step)));
    const placeRow = place * this.step - 1;
    return this.after(row, this.places[place], placeRow);
  }
}
