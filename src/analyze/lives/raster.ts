/**
 * Which allocation is drawn at which pixel, when those alive are stacked on top of each other.
 *
 *   bytes        column 0     column 1      a pixel belongs to the life that its middle lies in
 *   4 MiB  row 1 life 7       none
 *   0      row 0 life 3       life 3
 *
 * Every life takes part. One sweep over the columns: what is made between two of them is taken in, what ended is taken
 * out, and the rest is walked through once, so that the cost is columns times open lives and never frees times bands.
 * A life that no middle of a pixel lies in is not drawn; what such lives hold is counted in each column.
 */
import { Pyramid } from '../../base/pyramid.ts';
import { isAliveAfter, type Lives } from './lives.ts';

/** What the pixels of a column show. */
export interface RasterColumns {
  /** Row of the recording that the column shows, ascending; -1: before the first one. */
  readonly row: Int32Array;
  /** Bytes of all lives just after that row, and how many there are. */
  readonly total: Float64Array;
  readonly open: Uint32Array;
  /** Lives that lie in the bytes shown, at least partly, and own no pixel. */
  readonly thinBytes: Float64Array;
  readonly thinCount: Uint32Array;
  /** Lives wholly above or below the bytes shown. */
  readonly outsideBytes: Float64Array;
  readonly outsideCount: Uint32Array;
}

export interface Raster extends RasterColumns {
  /** Life at each pixel, column by column, in it from the bottom up; -1: none. */
  readonly pixels: Int32Array;
}

/** The bytes [from, to) that a life lies in, in the stack just after a row. */
export interface Band {
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/** Lives in the order in which they are stacked, the lowest first. */
export interface Stacking {
  /** Ascending by life where they are stacked by age. */
  readonly sequence: Uint32Array;
  /** Place of each life of the recording in the sequence; null: they are stacked by age. */
  readonly place: Uint32Array | null;
}

/** `before(a, b)`: whether life a lies lower; null: by age, the oldest lowest. */
export function stackingOf(
  lives: Lives,
  passed: Uint32Array,
  before: ((a: number, b: number) => number) | null,
): Stacking {
  if (before === null) return { sequence: passed, place: null };
  const sequence = Uint32Array.from(passed).sort((a, b) => before(a, b) || a - b);
  const place = new Uint32Array(lives.length);
  sequence.forEach((life, at) => (place[life] = at));
  return { sequence, place };
}

/** Bytes of some lives after every row, and the most of them in any range of rows. */
export class LifeTotals {
  /** Before the first row. */
  readonly initial: number;
  private readonly values: Float64Array;
  private readonly most: Pyramid;
  private highest: LifeTotals['peak'] | null = null;

  constructor(
    private readonly lives: Lives,
    readonly passed: Uint32Array,
  ) {
    const { rowFrom, rowTo, requested, rows } = lives;
    const values = new Float64Array(rows);
    let initial = 0;
    for (const life of passed) {
      if (rowFrom[life] < 0) initial += requested[life];
      else values[rowFrom[life]] += requested[life];
      if (rowTo[life] < rows) values[rowTo[life]] -= requested[life];
    }
    let sum = initial;
    for (let row = 0; row < rows; row++) values[row] = sum += values[row];
    this.initial = initial;
    this.values = values;
    this.most = new Pyramid(
      rows,
      (row) => row,
      (a, b) => values[a] > values[b],
    );
  }

  /** Bytes just after a row; -1: before the first one. */
  after(row: number): number {
    return row < 0 ? this.initial : this.values[row];
  }

  /** Row of [from, to) after which most is requested; where that is none, the one before. What was there before the first row counts with it. */
  tallest(from: number, to: number): number {
    if (from >= to) return from - 1;
    const best = this.most.best(from, to);
    return from === 0 && this.initial > this.values[best] ? -1 : best;
  }

  /** Where most is requested in the whole recording; worked out once. */
  get peak(): { readonly row: number; readonly bytes: number; readonly open: number } {
    if (this.highest === null) {
      const row = this.tallest(0, this.lives.rows);
      let open = 0;
      for (const life of this.passed) if (isAliveAfter(this.lives, life, row)) open++;
      this.highest = { row, bytes: this.after(row), open };
    }
    return this.highest;
  }
}

/** Open lives in the order of their stack, in arrays side by side: the walk through them is all that the raster costs. */
class OpenLives {
  length = 0;
  life = new Int32Array(1024);
  bytes = new Float64Array(1024);
  private until = new Int32Array(1024);
  private place = new Int32Array(1024);

  constructor(
    private readonly lives: Lives,
    private readonly stacking: Stacking,
  ) {}

  /** Takes out what is no longer alive just after `row`. */
  drop(row: number): void {
    const { life, bytes, until, place, length } = this;
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const end = until[i];
      // One more where end > row. Without a branch: which ones end follows no pattern that a processor could guess.
      life[kept] = life[i];
      bytes[kept] = bytes[i];
      place[kept] = place[i];
      until[kept] = end;
      kept -= (row - end) >> 31;
    }
    this.length = kept;
  }

  /** `born`: ascending by life, and so by place where they are stacked by age. */
  take(born: readonly number[]): void {
    if (born.length === 0) return;
    this.reserve(this.length + born.length);
    const { sequence, place: places } = this.stacking;
    const { requested, rowTo } = this.lives;
    const { life, bytes, until, place } = this;
    const added = places === null ? born : Uint32Array.from(born, (one) => places[one]).sort();
    // From the top down: a life moves up past those that come in below it.
    let from = this.length - 1;
    let to = this.length + added.length - 1;
    for (let i = added.length - 1; i >= 0; i--) {
      const at = added[i];
      while (from >= 0 && place[from] > at) {
        life[to] = life[from];
        bytes[to] = bytes[from];
        place[to] = place[from];
        until[to--] = until[from--];
      }
      const one = places === null ? at : sequence[at];
      life[to] = one;
      bytes[to] = requested[one];
      place[to] = at;
      until[to--] = rowTo[one];
    }
    this.length += added.length;
  }

  private reserve(length: number): void {
    if (length <= this.life.length) return;
    const size = Math.max(length, 2 * this.life.length);
    const grown = <T extends Int32Array | Float64Array>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.life = grown(new Int32Array(size), this.life);
    this.bytes = grown(new Float64Array(size), this.bytes);
    this.until = grown(new Int32Array(size), this.until);
    this.place = grown(new Int32Array(size), this.place);
  }
}

export interface RasterQuestion {
  readonly stacking: Stacking;
  readonly totals: LifeTotals;
  /** Column i holds rows [offsets[i], offsets[i + 1]). */
  readonly offsets: Uint32Array;
  /** Pixels of a column. */
  readonly height: number;
  /** Bytes [from, to) from the lowest pixel's lower edge to the highest one's upper edge. */
  readonly bytes: readonly [number, number];
}

export function rasterOf(lives: Lives, question: RasterQuestion): Raster {
  const { stacking, totals, offsets, height } = question;
  const length = offsets.length - 1;
  const raster: Raster = {
    row: Int32Array.from({ length }, (_, i) => totals.tallest(offsets[i], offsets[i + 1])),
    total: new Float64Array(length),
    open: new Uint32Array(length),
    thinBytes: new Float64Array(length),
    thinCount: new Uint32Array(length),
    outsideBytes: new Float64Array(length),
    outsideCount: new Uint32Array(length),
    pixels: new Int32Array(length * height).fill(-1),
  };
  const { passed } = totals;
  const { rowFrom, rowTo } = lives;
  const open = new OpenLives(lives, stacking);
  let next = 0;
  for (let column = 0; column < length; column++) {
    const row = raster.row[column];
    if (column > 0 && row === raster.row[column - 1]) {
      repeat(raster, column, height);
      continue;
    }
    open.drop(row);
    const born: number[] = [];
    for (; next < passed.length && rowFrom[passed[next]] <= row; next++)
      if (rowTo[passed[next]] > row) born.push(passed[next]);
    open.take(born);
    draw(raster, column, open, question);
    raster.total[column] = totals.after(row);
  }
  return raster;
}

/** The column before shows the same row. */
function repeat(raster: Raster, column: number, height: number): void {
  const { pixels, total, open, thinBytes, thinCount, outsideBytes, outsideCount } = raster;
  pixels.copyWithin(column * height, (column - 1) * height, column * height);
  for (const values of [total, open, thinBytes, thinCount, outsideBytes, outsideCount])
    values[column] = values[column - 1];
}

function draw(
  raster: Raster,
  column: number,
  open: OpenLives,
  { height, bytes: [from, to] }: RasterQuestion,
): void {
  const { pixels } = raster;
  const { life, bytes, length } = open;
  const size = (to - from) / height;
  const base = column * height;
  let pixel = 0;
  let middle = from + 0.5 * size;
  let end = 0;
  let [thinBytes, thinCount, outsideBytes, outsideCount] = [0, 0, 0, 0];
  let i = 0;
  for (; i < length; i++) {
    const begin = end;
    if (begin >= to) break;
    end += bytes[i];
    if (end <= from) {
      outsideBytes += bytes[i];
      outsideCount++;
    } else if (pixel < height && middle < end) {
      do {
        pixels[base + pixel++] = life[i];
        middle = from + (pixel + 0.5) * size;
      } while (pixel < height && middle < end);
    } else {
      thinBytes += bytes[i];
      thinCount++;
    }
  }
  outsideCount += length - i;
  for (; i < length; i++) outsideBytes += bytes[i];
  raster.open[column] = length;
  raster.thinBytes[column] = thinBytes;
  raster.thinCount[column] = thinCount;
  raster.outsideBytes[column] = outsideBytes;
  raster.outsideCount[column] = outsideCount;
}

/** Where a life lies just after the first row at which it is alive; null: it is not one of those stacked. */
export function bandOf(lives: Lives, { sequence }: Stacking, life: number): Band | null {
  const row = lives.rowFrom[life];
  let from = 0;
  for (const one of sequence) {
    if (one === life) return { row, from, to: from + lives.requested[life] };
    if (isAliveAfter(lives, one, row)) from += lives.requested[one];
  }
  return null;
}
