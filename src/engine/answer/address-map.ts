/** The address map at a row as plain columns, and pictures of addresses and of free blocks over time. */
import {
  type AddressState,
  type MapSegment,
  type MapSums,
  NO_LIFE,
  SEGMENT_KINDS,
} from '../../analyze/lives/address-map.ts';
import { addressTime } from '../../analyze/lives/address-time.ts';
import { freeClasses } from '../../analyze/lives/free-classes.ts';
import { groupNames } from '../../analyze/live.ts';
import { lowerBound } from '../../base/binary-search.ts';
import { asBigUint64, u64At } from '../../base/u64.ts';
import { ACTIONS } from '../../trace/schema.ts';
import type {
  AddressMapAnswer,
  AddressMapQuery,
  AddressTimeAnswer,
  AddressTimeQuery,
  FreeTimeAnswer,
  FreeTimeQuery,
  MapBlockColumns,
  MapKind,
  MapSegmentColumns,
  MapTotals,
} from '../address-protocol.ts';
import type { DeviceSession } from '../device-session.ts';
import { pixelRows } from '../pixel-rows.ts';
import { largestFree } from './address-largest.ts';
import { notExact } from './address-exactness.ts';
import { addressText, lifeAt } from './lives.ts';

/** Segments that one answer lists. */
export const MOST_SEGMENTS = 10_000;
/** Rows of the tallest picture that is answered. */
const MOST_PIXEL_ROWS = 4096;

/** A row that a query names: the last one where it names none or one beyond. */
export const rowOf = (session: DeviceSession, row: number | null): number =>
  Math.max(-1, Math.min(session.rows - 1, Math.floor(row ?? session.rows - 1)));

/** An address above the origin, from text; NaN: none. */
export function addressOf(session: DeviceSession, text: string): number {
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) return NaN;
  return Number(BigInt(text) - (BigInt(session.lives.origin) << 32n));
}

type Totals = { -readonly [Key in keyof MapTotals]: MapTotals[Key] };

const nothing = (): Totals => ({
  segments: 0,
  blocks: 0,
  size: 0,
  requested: 0,
  allocated: 0,
  pending: 0,
  pinned: 0,
  releasable: 0,
  idle: 0,
});

const SUMS = [
  'requested',
  'allocated',
  'pending',
  'pinned',
  'releasable',
  'idle',
] as const satisfies readonly (keyof MapSums)[];

function add(to: Totals, segment: MapSegment): void {
  to.segments++;
  to.blocks += segment.blockTo - segment.blockFrom;
  to.size += segment.size;
  for (const sum of SUMS) to[sum] += segment[sum];
}

/** Segments by pool, stream and kind, the most bytes first; and the kind of each segment. */
function kindsOf(session: DeviceSession, { segments }: AddressState) {
  const { trace, addressSpace } = session;
  const pools = groupNames(trace);
  const byKey = new Map<string, { totals: Totals; first: MapSegment; to: number }>();
  const keyOf = ({ pool, group, streamIndex, kind }: MapSegment): string =>
    `${pool} ${group} ${streamIndex} ${kind}`;
  for (const segment of segments) {
    const key = keyOf(segment);
    let one = byKey.get(key);
    if (one === undefined) byKey.set(key, (one = { totals: nothing(), first: segment, to: 0 }));
    add(one.totals, segment);
    one.to = Math.max(one.to, segment.address + segment.size);
  }
  const sorted = [...byKey].sort(([, a], [, b]) => b.totals.size - a.totals.size);
  const numbers = new Map(sorted.map(([key], number) => [key, number]));
  const kinds = sorted.map(([, { totals, first, to }]): MapKind => ({
    stream: trace.streams[first.streamIndex] ?? '',
    pool: pools[first.group] ?? 'not known',
    poolId: addressSpace.segments.poolIds[first.pool] ?? '',
    kind: SEGMENT_KINDS[first.kind],
    from: addressText(session, first.address),
    to: addressText(session, to),
    ...totals,
  }));
  return { kinds, kindOf: (segment: MapSegment): number => numbers.get(keyOf(segment))! };
}

function segmentColumns(
  chosen: readonly MapSegment[],
  kindOf: (segment: MapSegment) => number,
): MapSegmentColumns {
  const of = (value: (segment: MapSegment) => number): Float64Array => Float64Array.from(chosen, value);
  const blockStart = new Uint32Array(chosen.length + 1);
  chosen.forEach((segment, i) => {
    blockStart[i + 1] = blockStart[i] + segment.blockTo - segment.blockFrom;
  });
  return {
    address: of(({ address }) => address),
    size: of(({ size }) => size),
    kind: Uint16Array.from(chosen, kindOf),
    page: of(({ page }) => page),
    madeRow: Int32Array.from(chosen, ({ madeRow }) => madeRow),
    requested: of(({ requested }) => requested),
    allocated: of(({ allocated }) => allocated),
    pending: of(({ pending }) => pending),
    pinned: of(({ pinned }) => pinned),
    releasable: of(({ releasable }) => releasable),
    idle: of(({ idle }) => idle),
    blockStart,
  };
}

/** Blocks of segments that follow each other. */
function blockColumns(
  { blocks }: AddressState,
  chosen: readonly MapSegment[],
  groups: Uint8Array,
  passed: Uint32Array | null,
): MapBlockColumns {
  const from = chosen[0]?.blockFrom ?? 0;
  const to = chosen.at(-1)?.blockTo ?? 0;
  const life = blocks.life.slice(from, to);
  const passes = new Uint8Array(life.length);
  const group = new Uint8Array(life.length).fill(255);
  life.forEach((one, at) => {
    if (one !== NO_LIFE) group[at] = groups[one];
    passes[at] = passed === null || one === NO_LIFE || passed[lowerBound(passed, one)] === one ? 1 : 0;
  });
  return {
    address: blocks.address.slice(from, to),
    size: blocks.size.slice(from, to),
    requested: blocks.requested.slice(from, to),
    state: blocks.state.slice(from, to),
    life,
    atLeast: blocks.atLeast.slice(from, to),
    whole: blocks.whole.slice(from, to),
    group,
    passes,
  };
}

/** Segments that are listed: by address, those that follow each other. */
function listed(
  session: DeviceSession,
  segments: readonly MapSegment[],
  addresses: AddressMapQuery['addresses'],
): readonly [MapSegment[], boolean] {
  if (addresses === null) return segments.length > MOST_SEGMENTS ? [[], true] : [[...segments], false];
  const [from, to] = [addressOf(session, addresses.from), addressOf(session, addresses.to)];
  const inside = segments.filter(({ address, size }) => address < to && address + size > from);
  return [inside.slice(0, MOST_SEGMENTS), inside.length > MOST_SEGMENTS];
}

function eventOf(session: DeviceSession, row: number): AddressMapAnswer['event'] {
  if (row < 0) return null;
  const { events, streams } = session.trace;
  return {
    action: ACTIONS[events.action[row]],
    address: `0x${asBigUint64(events.address)[row].toString(16)}`,
    size: u64At(events.size, row),
    stream: streams[events.stream_index[row]] ?? '',
    life: lifeAt(session, row),
  };
}

export async function addressMap(session: DeviceSession, query: AddressMapQuery): Promise<AddressMapAnswer> {
  const row = rowOf(session, query.row);
  const space = session.addressSpace;
  const groups = await session.lifeGroups(query.colour);
  const selected = query.filter.trim() === '' ? null : (await session.selections()).select(query.filter);
  const state = space.at(row);
  const { kinds, kindOf } = kindsOf(session, state);
  const totals = nothing();
  for (const segment of state.segments) add(totals, segment);
  const [chosen, cut] = listed(session, state.segments, query.addresses);
  const [before, after] = space.changesAround(row);
  return {
    device: session.key,
    row,
    xNs: row < 0 ? null : session.timeOf(row),
    rows: session.rows,
    event: eventOf(session, row),
    segmentRowBefore: before,
    segmentRowAfter: after,
    origin: session.lives.origin,
    totals,
    kinds,
    segments: segmentColumns(chosen, kindOf),
    blocks: blockColumns(state, chosen, groups.of, selected?.ok === true ? selected.selection.lives : null),
    cut,
    colours: { by: groups.by, names: groups.names, hasRest: groups.hasRest },
    notExact: notExact(session, state),
    free: freeClasses(state),
    largest: largestFree(session, state),
  };
}

/** The row just after which each column of a picture is: the last one in it, or before it. */
const momentsOf = (offsets: Uint32Array): Int32Array =>
  Int32Array.from(offsets.subarray(1), (end) => end - 1);

export function addressTimeOf(session: DeviceSession, query: AddressTimeQuery): AddressTimeAnswer {
  const { range, offsets } = pixelRows(session, query);
  const moments = momentsOf(offsets);
  const rows = Math.max(1, Math.min(MOST_PIXEL_ROWS, Math.round(query.rows)));
  const picture = addressTime(session.addressSpace, moments, rows);
  return { device: session.key, range, moments, origin: session.lives.origin, ...picture };
}

export async function freeTimeOf(session: DeviceSession, query: FreeTimeQuery): Promise<FreeTimeAnswer> {
  const { range, offsets } = pixelRows(session, query);
  const moments = momentsOf(offsets);
  const over = await session.freeColumns.at(moments);
  return { device: session.key, range, columns: moments.length, moments, ...over };
}
