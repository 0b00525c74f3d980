/** What keeps a free block from going back, and what would free it. */
import { MAP_STATE, MAP_STATES, SEGMENT_KINDS } from '../../analyze/lives/address-map.ts';
import { holeAt } from '../../analyze/lives/hole.ts';
import type { HoleAnswer, HoleBlock, HoleQuery } from '../address-protocol.ts';
import type { DeviceSession } from '../device-session.ts';
import { addressOf, rowOf } from './address-map.ts';
import { addressText, lifeRow } from './lives.ts';

/** Pins that one answer lists. */
const MOST_PINS = 100;

/** null: no free block holds the address just after the row. */
export function addressHole(session: DeviceSession, query: HoleQuery): HoleAnswer | null {
  const row = rowOf(session, query.row);
  const state = session.addressSpace.at(row);
  const address = addressOf(session, query.address);
  const hole = holeAt(state, session.lives, address);
  if (hole === null) return null;
  const { blocks } = state;
  const { segment, freedRow } = hole;
  const blockOf = (at: number): HoleBlock => ({
    ...lifeRow(session, blocks.life[at]),
    size: blocks.size[at],
    pending: blocks.state[at] === MAP_STATE.pending,
  });
  const neighbour = (at: number | null): HoleBlock | null =>
    at === null || blocks.state[at] >= MAP_STATE.pinned ? null : blockOf(at);
  const pins = [...hole.pins].sort((a, b) => blocks.size[b] - blocks.size[a] || a - b);
  return {
    device: session.key,
    row,
    address: addressText(session, blocks.address[hole.block]),
    size: blocks.size[hole.block],
    state: MAP_STATES[blocks.state[hole.block]],
    whole: blocks.whole[hole.block],
    poolId: session.addressSpace.segments.poolIds[segment.pool] ?? '',
    segment: {
      address: addressText(session, segment.address),
      size: segment.size,
      kind: SEGMENT_KINDS[segment.kind],
    },
    before: neighbour(hole.before),
    after: neighbour(hole.after),
    pins: pins.slice(0, MOST_PINS).map(blockOf),
    pinsTotal: pins.length,
    pinBytes: hole.pinBytes,
    releasedBytes: hole.releasedBytes,
    joinedBytes: hole.joinedBytes,
    freedRow,
    freedNs: freedRow === null ? null : session.timeOf(freedRow),
  };
}
