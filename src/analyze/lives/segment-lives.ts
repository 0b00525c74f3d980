/**
 * The lives of segments: each stretch of reserved memory from the row at which it came to be to the row at which it
 * ended. A segment of cudaMalloc is one life; of an expandable segment, what one row mapped is one, and what an unmap
 * leaves of it to its left and right lives on as lives of their own.
 *
 *   segment | address | size  | row_from | row_to | made_row
 *   0       | 0x000   | 40 Mi | -1       | 9      | -1        there before the recording
 *   1       | 0x000   | 20 Mi | 9        | never  | -1        row 9 unmapped its second half
 *
 * What was there before the recording is the final state with every row undone. Where the file has no final state, only
 * what the recording itself gives back is known of it. Nsight records no segments: there are none.
 */
import { upperBound } from '../../base/binary-search.ts';
import { u64Above, u64At } from '../../base/u64.ts';
import { isDefaultPool, privatePoolsOf, recordedPool } from '../../replay/pools.ts';
import type { DeviceTrace } from '../../trace/capture.ts';
import { ACTION, MEM_KINDS } from '../../trace/schema.ts';
import { NEVER } from './lives.ts';

export interface SegmentLives {
  readonly length: number;
  /** High word that addresses count from, so that they are exact as numbers. */
  readonly origin: number;
  readonly address: Float64Array;
  /** Bytes. */
  readonly size: Float64Array;
  readonly streamIndex: Uint16Array;
  /** As the `group` column of the event table. */
  readonly group: Uint8Array;
  /** Private pool by number: index into `poolIds`; 0 is the default pool. */
  readonly pool: Uint16Array;
  readonly poolIds: readonly string[];
  readonly expandable: Uint8Array;
  /** Row that reserved the memory; -1: before the recording. */
  readonly madeRow: Int32Array;
  /** Exists just after row r where row_from <= r < row_to. Ascending. */
  readonly rowFrom: Int32Array;
  readonly rowTo: Int32Array;
  /** Rows that reserve memory or give it back, ascending. */
  readonly changes: Int32Array;
}

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly streamIndex: number;
  readonly group: number;
  readonly pool: number;
  readonly expandable: number;
  readonly madeRow: number;
  readonly rowFrom: number;
  rowTo: number;
}

/** Pieces that exist, by address; they do not overlap. */
class Standing {
  private readonly starts: number[] = [];
  private readonly pieces: Piece[] = [];

  all(): readonly Piece[] {
    return this.pieces;
  }

  put(piece: Piece): void {
    const at = upperBound(this.starts, piece.from);
    this.starts.splice(at, 0, piece.from);
    this.pieces.splice(at, 0, piece);
  }

  /** Takes [from, to) away; `cut` is told of each piece that it hits, and of what is left of it. */
  take(
    from: number,
    to: number,
    row: number,
    cut: (piece: Piece, left: Piece[]) => void = () => undefined,
  ): void {
    const first = Math.max(0, upperBound(this.starts, from) - 1);
    const left: Piece[] = [];
    let at = first;
    while (at < this.pieces.length && this.pieces[at].from < to) {
      const piece = this.pieces[at];
      if (piece.to <= from) {
        at++;
        continue;
      }
      this.starts.splice(at, 1);
      this.pieces.splice(at, 1);
      const rest: Piece[] = [];
      if (piece.from < from) rest.push({ ...piece, to: from, rowFrom: row });
      if (piece.to > to) rest.push({ ...piece, from: to, rowFrom: row });
      cut(piece, rest);
      left.push(...rest);
    }
    for (const piece of left) this.put(piece);
  }
}

const takes = (action: number): boolean => action === ACTION.segment_alloc || action === ACTION.segment_map;
const gives = (action: number): boolean => action === ACTION.segment_free || action === ACTION.segment_unmap;

export function segmentLivesOf(trace: DeviceTrace, origin: number): SegmentLives {
  const { events, segments } = trace;
  const pools = privatePoolsOf(trace, origin);
  const poolOf = (id: string | null): number =>
    id === null || isDefaultPool(id) ? 0 : pools.ids.indexOf(id) + 1;
  const pieceOf = (row: number, pool: number, rowFrom: number): Piece => {
    const from = u64Above(events.address, row, origin);
    const action = events.action[row];
    return {
      from,
      to: from + u64At(events.size, row),
      streamIndex: events.stream_index[row],
      group: events.group[row],
      pool,
      expandable: action === ACTION.segment_map || action === ACTION.segment_unmap ? 1 : 0,
      madeRow: rowFrom,
      rowFrom,
      rowTo: NEVER,
    };
  };
  const before = new Standing();
  if (segments !== null && !trace.cut)
    for (let i = 0; i < segments.length; i++) {
      const from = u64Above(segments.address, i, origin);
      before.put({
        from,
        to: from + segments.total_size[i],
        streamIndex: segments.stream_index[i],
        group: trace.producer === 'torch' ? segments.pool[i] : MEM_KINDS.indexOf('pinned'),
        pool: poolOf(segments.pool_id[i]),
        expandable: segments.is_expandable[i],
        madeRow: -1,
        rowFrom: -1,
        rowTo: NEVER,
      });
    }
  const rows: number[] = [];
  for (let row = events.length - 1; row >= 0; row--) {
    const action = events.action[row];
    if (!takes(action) && !gives(action)) continue;
    rows.push(row);
    const piece = pieceOf(row, poolOf(recordedPool(trace, row)), -1);
    before.take(piece.from, piece.to, -1);
    if (gives(action)) before.put(piece);
  }
  const standing = new Standing();
  const made: Piece[] = [];
  const add = (piece: Piece): void => {
    standing.put(piece);
    made.push(piece);
  };
  for (const piece of before.all()) add(piece);
  for (const row of rows.reverse()) {
    const piece = pieceOf(row, pools.byRow.get(row) ?? 0, row);
    standing.take(piece.from, piece.to, row, (gone, left) => {
      gone.rowTo = row;
      made.push(...left);
    });
    if (takes(events.action[row])) add(piece);
  }
  return {
    length: made.length,
    origin,
    address: Float64Array.from(made, ({ from }) => from),
    size: Float64Array.from(made, ({ from, to }) => to - from),
    streamIndex: Uint16Array.from(made, (piece) => piece.streamIndex),
    group: Uint8Array.from(made, (piece) => piece.group),
    pool: Uint16Array.from(made, (piece) => piece.pool),
    poolIds: ['', ...pools.ids],
    expandable: Uint8Array.from(made, (piece) => piece.expandable),
    madeRow: Int32Array.from(made, (piece) => piece.madeRow),
    rowFrom: Int32Array.from(made, (piece) => piece.rowFrom),
    rowTo: Int32Array.from(made, (piece) => piece.rowTo),
    changes: Int32Array.from(rows),
  };
}
