/** Bytes by category at every moment of a memory timeline, from changes or from states. */
import { asBigInt64 } from '../../base/u64.ts';
import { ByteColumn, NumberColumn, WordColumn } from '../../trace/column-builder.ts';
import { timeOrder } from '../lines/time-order.ts';

/** In the order of the format's category numbers. https://github.com/pytorch/pytorch/blob/main/torch/profiler/_memory_profiler.py */
export const CATEGORIES = [
  { id: 'PARAMETER', label: 'Parameters' },
  { id: 'OPTIMIZER_STATE', label: 'Optimizer state' },
  { id: 'INPUT', label: 'Inputs' },
  { id: 'TEMPORARY', label: 'Temporary' },
  { id: 'ACTIVATION', label: 'Activations' },
  { id: 'GRADIENT', label: 'Gradients' },
  { id: 'AUTOGRAD_DETAIL', label: 'Autograd detail' },
  { id: 'Unknown', label: 'Unknown' },
] as const;

export interface Curves {
  readonly time_ns: BigInt64Array;
  /** One column a category. */
  readonly values: readonly Float64Array[];
  /** The lowest value of any category. */
  readonly lowest: number;
}

export class CategoryCurves {
  private readonly initial = new Float64Array(CATEGORIES.length);
  private readonly time = new WordColumn();
  private readonly category = new ByteColumn();
  private readonly amount = new NumberColumn();
  private readonly states = CATEGORIES.map(() => new NumberColumn());

  /** There when the recording began. */
  before(category: number, bytes: number): void {
    this.initial[category] += bytes;
  }

  change(time_ns: bigint, category: number, bytes: number): void {
    this.time.pushBigInt(time_ns);
    this.category.push(category);
    this.amount.push(bytes);
  }

  /** Sizes as they stand: column 0 is padding. */
  state(time_ns: bigint, sizes: readonly number[]): void {
    this.time.pushBigInt(time_ns);
    for (let category = 0; category < CATEGORIES.length; category++)
      this.states[category].push(sizes[category] ?? NaN);
  }

  finish(): Curves {
    const times = asBigInt64(this.time.finish());
    const order = timeOrder(times);
    return this.amount.length > 0 || this.states[0].length === 0
      ? this.replayed(times, order)
      : this.asStated(times, order);
  }

  private asStated(times: BigInt64Array, order: Uint32Array): Curves {
    const values = this.states.map((column) => Float64Array.from(order, (row) => column.data[row]));
    let lowest = 0;
    for (const column of values) for (const value of column) if (value < lowest) lowest = value;
    return { time_ns: BigInt64Array.from(order, (row) => times[row]), values, lowest };
  }

  /** One row a moment: what happens at one time (a version replaced by the next) is one change. */
  private replayed(times: BigInt64Array, order: Uint32Array): Curves {
    let moments = 0;
    for (let i = 0; i < order.length; i++) if (i === 0 || times[order[i]] !== times[order[i - 1]]) moments++;
    const hasBefore = this.initial.some((bytes) => bytes !== 0);
    const isStateOnly = moments === 0 && hasBefore;
    const time_ns = new BigInt64Array(isStateOnly ? 1 : moments);
    const values = CATEGORIES.map(() => new Float64Array(time_ns.length));
    const now = this.initial.slice();
    let lowest = 0;
    let moment = -1;
    for (let i = 0; i < order.length; i++) {
      const row = order[i];
      if (i === 0 || times[row] !== times[order[i - 1]]) time_ns[++moment] = times[row];
      now[this.category.data[row]] += this.amount.data[row];
      const isLastOfMoment = i + 1 === order.length || times[order[i + 1]] !== times[row];
      if (!isLastOfMoment) continue;
      for (let category = 0; category < now.length; category++) {
        values[category][moment] = now[category];
        if (now[category] < lowest) lowest = now[category];
      }
    }
    if (isStateOnly) values.forEach((column, category) => (column[0] = now[category]));
    return { time_ns, values, lowest };
  }
}
