/** What newer versions of PyTorch write with events, as columns: null in every row where the file does not have it. */
import type { DeviceTrace } from '../capture.ts';
import { type EventDetails, NONE } from '../schema.ts';
import { arrayOf, type Column, indices, noneOf, validWhere } from './column.ts';
import { CommonNames } from './source.ts';

/** Pool 0 of `EventDetails.pool` is "not recorded": a name in its place keeps the codes as they lie. */
const poolNames = ({ pool_ids }: EventDetails): readonly string[] => ['', ...pool_ids];

export class DetailColumns {
  private readonly pools = new Map<EventDetails, readonly string[]>();
  private readonly poolNames: CommonNames;
  private readonly textNames: CommonNames;

  constructor(devices: readonly DeviceTrace[]) {
    const all = devices.flatMap(({ details }) => (details === undefined ? [] : [details]));
    for (const details of all) this.pools.set(details, poolNames(details));
    this.poolNames = new CommonNames('pools', 'dictionary32', this.pools.values());
    this.textNames = new CommonNames(
      'texts',
      'dictionary32',
      all.map(({ texts }) => texts),
    );
  }

  /** Rows [from, to). */
  of({ details }: DeviceTrace, from: number, to: number) {
    const length = to - from;
    const text = (
      column: 'compile_context' | 'user_metadata' | 'internal_metadata' | 'action_name',
    ): Column<'dictionary32'> => {
      const values = details?.[column]?.subarray(from, to);
      if (details === undefined || values === undefined) return this.textNames.none(length);
      return this.textNames.column(
        values,
        details.texts,
        validWhere(length, (row) => values[row] !== 0),
      );
    };
    return {
      pool_id: this.pool(details, from, to),
      compile_context: text('compile_context'),
      user_metadata: text('user_metadata'),
      internal_metadata: text('internal_metadata'),
      action_name: text('action_name'),
      forward_stack: forwardStack(details?.forward_stack ?? null, from, to),
    };
  }

  private pool(details: EventDetails | undefined, from: number, to: number): Column<'dictionary32'> {
    const pool = details?.pool?.subarray(from, to);
    if (details === undefined || pool === undefined) return this.poolNames.none(to - from);
    return this.poolNames.column(
      Uint32Array.from(pool),
      this.pools.get(details)!,
      validWhere(to - from, (row) => pool[row] !== 0),
    );
  }
}

/** Node of the forward pass by row; null where there is none. */
export const forwardStack = (nodes: Uint32Array | null, from: number, to: number): Column<'uint32'> =>
  nodes === null ? noneOf(arrayOf('uint32', to - from)) : indices(nodes.subarray(from, to), NONE);
