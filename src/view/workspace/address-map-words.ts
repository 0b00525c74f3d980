/** What the address map says in words: its figures, the event, what is under the pointer, what pins a hole. */
import { type ByteUnit, formatBytes, formatInteger } from '../../base/units.ts';
import { count, percent } from '../../base/words.ts';
import type { AddressMapAnswer, HoleAnswer, HoleBlock, MapTotals } from '../../engine/protocol.ts';
import { formatInstant } from '../parts/words.ts';
import { addressText, isDefault, kindName, type MapPlace } from './address-map.ts';

/** Largest request of the small pool. */
const SMALL = 2 ** 20;

const moment = (row: number, xNs: number | null): string =>
  xNs === null ? `event ${formatInteger(row)}` : `event ${formatInteger(row)} at ${formatInstant(xNs, 1e3)}`;

const PARTS: readonly (readonly [keyof MapTotals, string])[] = [
  ['allocated', 'allocated'],
  ['pending', 'waiting for another stream'],
  ['pinned', 'free but pinned (inactive split)'],
  ['releasable', 'free and releasable'],
  ['idle', 'free in private pools'],
];

/** "4.56 GiB reserved in 165 segments: 3.99 GiB allocated, 0.12 GiB free but pinned (inactive split)." */
export function totalsWords(answer: AddressMapAnswer, unit: ByteUnit): string {
  const { totals, kinds } = answer;
  if (totals.size === 0) return 'Nothing is reserved.';
  const runs = kinds.some(({ kind }) => kind === 'run');
  if (runs && kinds.every(({ kind }) => kind === 'run'))
    return `${formatBytes(totals.allocated + totals.pending, unit)} in ${count(totals.blocks, 'allocation')}.`;
  const parts = PARTS.filter(([key]) => totals[key] > 0).map(
    ([key, name]) => `${formatBytes(totals[key], unit)} ${name}`,
  );
  return `${formatBytes(totals.size, unit)} reserved in ${count(totals.segments, 'segment')}: ${parts.join(', ')}.`;
}

/** Accessible name of the map: what it shows, of when, with its figures. */
export const mapName = (answer: AddressMapAnswer, unit: ByteUnit): string =>
  answer.row < 0
    ? `Address map of the recorded state. ${totalsWords(answer, unit)}`
    : `Address map just after ${moment(answer.row, answer.xNs)}. ${totalsWords(answer, unit)}`;

/** "Event 12,345 of 454,012, 5.382 s: alloc, 2 MiB at 0x7f..., stream 0". */
export function eventWords({ row, rows, xNs, event }: AddressMapAnswer, unit: ByteUnit): string {
  if (event === null) return rows === 0 ? 'The recorded state: no events' : 'Before the first event';
  const at = xNs === null ? '' : `, ${formatInstant(xNs, 1e3)}`;
  const what = `${event.action}, ${formatBytes(event.size, unit)} at ${event.address}, stream ${event.stream}`;
  return `Event ${formatInteger(row)} of ${formatInteger(rows)}${at}: ${what}`;
}

const change = (bytes: number, unit: ByteUnit): string =>
  `${bytes < 0 ? '−' : '+'}${formatBytes(Math.abs(bytes), unit)}`;

/** What changed between two answers, for the live region: nothing of what stayed. */
export function changeWords(before: AddressMapAnswer | null, now: AddressMapAnswer, unit: ByteUnit): string {
  const head = eventWords(now, unit);
  if (before === null || before.device !== now.device || before.row === now.row) return `${head}.`;
  const reserved = now.totals.size - before.totals.size;
  const parts = PARTS.flatMap(([key, name]) => {
    const bytes = now.totals[key] - before.totals[key];
    return bytes === 0 ? [] : [`${name} ${change(bytes, unit)}`];
  });
  if (reserved !== 0) parts.unshift(`reserved ${change(reserved, unit)}`);
  const changed = parts.length === 0 ? 'no bytes changed' : parts.join(', ');
  return `${head}. ${changed[0].toUpperCase()}${changed.slice(1)}.`;
}

const STATES = [
  'allocated',
  'freed, waiting for another stream',
  'free but pinned',
  'free and releasable',
  'free in a private pool',
] as const;

/** One line about a block: what it is, how large, where. */
export function blockWords(answer: AddressMapAnswer, { block }: MapPlace, unit: ByteUnit): string {
  const { blocks, colours, origin } = answer;
  const size = blocks.size[block];
  const where = addressText(origin, blocks.address[block]);
  const least = blocks.atLeast[block] === 1 ? 'at least ' : '';
  if (blocks.life[block] < 0) {
    const whole = blocks.whole[block];
    const partly =
      whole > 0 && whole < size ? `, of it ${formatBytes(whole, unit)} in whole pages that can go back` : '';
    return `${formatBytes(size, unit)} ${STATES[blocks.state[block]]}${partly}, ${where}. Click: what pins it.`;
  }
  const asked = blocks.requested[block];
  const rounding = size - asked;
  const lost =
    rounding > 0
      ? ` (block ${least}${formatBytes(size, unit)}, ${formatBytes(rounding, unit)} rounding)`
      : '';
  return `${formatBytes(asked, unit)}${lost} ${STATES[blocks.state[block]]}, ${colours.names[blocks.group[block]]}, ${where}`;
}

/** "Segment 0x7f..., 20 MiB, stream 0, large pool: 12 blocks, 3 MiB free". */
export function segmentWords(answer: AddressMapAnswer, segment: number, unit: ByteUnit): string {
  const { segments, kinds, origin } = answer;
  const size = segments.size[segment];
  const kind = kinds[segments.kind[segment]];
  const free = segments.pinned[segment] + segments.releasable[segment] + segments.idle[segment];
  const blocks = segments.blockStart[segment + 1] - segments.blockStart[segment];
  const name = kind.kind === 'run' ? 'Allocations from' : 'Segment';
  const share = kind.kind === 'run' ? '' : `, ${formatBytes(free, unit)} free (${percent(free / size)})`;
  return `${name} ${addressText(origin, segments.address[segment])}, ${formatBytes(size, unit)}, ${kindName(kind)}: ${count(blocks, 'block')}${share}`;
}

/** When a block ends in the recording. */
export const endWords = ({ endedRow, endedNs }: Pick<HoleBlock, 'endedRow' | 'endedNs'>): string =>
  endedRow === null ? 'not freed in the recording' : `freed at ${moment(endedRow, endedNs)}`;

/** What a hole is, what pins it, and what would free it: one sentence each. */
export function holeWords(hole: HoleAnswer, unit: ByteUnit): string[] {
  const size = (bytes: number): string => formatBytes(bytes, unit);
  const page = hole.segment.kind === 'expandable' ? 'its pages' : 'its segment';
  const said = [`${size(hole.size)} free at ${hole.address}, in a segment of ${size(hole.segment.size)}.`];
  const isPrivate = !isDefault(hole.poolId);
  if (hole.whole > 0 && isPrivate)
    said.push(
      `${size(hole.whole)} of it idle in private pool ${hole.poolId}: it goes back once nothing uses the pool any more.`,
    );
  else if (hole.whole > 0) said.push(`empty_cache() gives ${size(hole.whole)} of it back as it is.`);
  if (hole.whole < hole.size && hole.pinsTotal > 0) {
    const blocks = count(hole.pinsTotal, 'live block');
    const verb = hole.pinsTotal === 1 ? 'keeps' : 'keep';
    said.push(`${blocks} (${size(hole.pinBytes)}) in ${page} ${verb} it from going back.`);
    if (isPrivate)
      said.push(`It is of private pool ${hole.poolId}: nothing of it goes back while the pool is in use.`);
    else
      said.push(
        `Free ${hole.pinsTotal === 1 ? 'it' : 'them'} and call empty_cache(): ${size(hole.releasedBytes)} more ${hole.releasedBytes === 0 ? 'go back: other blocks lie on the same pages' : 'go back'}.`,
      );
    said.push(
      hole.freedRow === null
        ? `${hole.pinsTotal === 1 ? 'It is' : 'At least one of them is'} never freed in the recording.`
        : `${hole.pinsTotal === 1 ? 'It ends' : 'The last of them ends'} at ${moment(hole.freedRow, hole.freedNs)}.`,
    );
  } else if (hole.whole < hole.size)
    said.push(
      'Nothing lives beside it: a block that waits for another stream holds it, and empty_cache() waits for that.',
    );
  if (hole.joinedBytes > hole.size)
    said.push(
      `Were ${hole.before !== null && hole.after !== null ? 'both neighbours' : 'its neighbour'} freed, ${size(hole.joinedBytes)} would be free in one piece.`,
    );
  return said;
}

/** Where the event is an out-of-memory error: what was asked for, and why nothing that is free served it. */
export function refusalWords({ event, largest, totals }: AddressMapAnswer, unit: ByteUnit): string[] {
  if (event?.action !== 'oom') return [];
  const size = (bytes: number): string => formatBytes(bytes, unit);
  const free = totals.pinned + totals.releasable + totals.idle;
  const said = [
    `A request of ${size(event.size)} on stream ${event.stream} got an out-of-memory error here.`,
  ];
  const pool = event.size > SMALL ? 'large_pool' : 'small_pool';
  const own = largest.filter((one) => one.stream === event.stream && one.pool === pool);
  const best = own.find(({ poolId }) => isDefault(poolId));
  if (best === undefined)
    said.push(`No free block of its stream and pool served it; ${size(free)} are free in all.`);
  else if (best.request < event.size)
    said.push(
      `The largest free block of its stream and pool serves ${size(best.request)}, ${size(event.size - best.request)} too little; ${size(free)} are free in all, and no request takes two blocks together.`,
    );
  else
    said.push(
      `As recorded, a free block of its stream would have served it (${size(best.request)} at ${best.address}): the request was of a private pool, or of another allocator.`,
    );
  return said;
}
