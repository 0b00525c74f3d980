/**
 * The address map against the snapshot's own state, and against two naive replays that share no code with it: one walks
 * the events back from the final state, one walks them forward from nothing and splits blocks by the allocator's rule.
 */
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { earlierAllocations } from '../../../src/analyze/live.ts';
import { lifetimesOf } from '../../../src/analyze/lifetimes.ts';
import { type AddressState, MAP_STATE, SEGMENT_KINDS } from '../../../src/analyze/lives/address-map.ts';
import { AddressSpace } from '../../../src/analyze/lives/address-space.ts';
import { livesOf } from '../../../src/analyze/lives/lives.ts';
import { selfReplay } from '../../../src/replay/self-replay.ts';
import type { AllocatorSettings } from '../../../src/replay/settings.ts';
import type { DeviceTrace, SourceData } from '../../../src/trace/capture.ts';
import { ACTION, ACTIONS } from '../../../src/trace/schema.ts';
import { settingsOf } from '../../replay/recordings.ts';

export function spaceOf(data: SourceData, trace: DeviceTrace): AddressSpace {
  const lifetimes = lifetimesOf(trace.events, trace.partner);
  const lives = livesOf(trace, lifetimes, earlierAllocations(trace, lifetimes));
  const settings = settingsOf(data);
  const replays = trace.producer === 'torch' && trace.events.action.includes(ACTION.alloc);
  const replay = replays ? selfReplay(trace, settings, baselineOf(trace).fromEmpty) : null;
  return new AddressSpace(trace, lives, replay, settings);
}

const word = (words: Uint32Array, at: number): bigint =>
  (BigInt(words[2 * at + 1]) << 32n) | BigInt(words[2 * at]);

/** "segment 0x7f00 2097152", "0x7f00 512/500 allocated", by address; `sized`: with sizes and free blocks. Runs are no segments. */
export function linesOf(state: AddressState, origin: number, sized = true): string[] {
  const text = (address: number): string => `0x${((BigInt(origin) << 32n) + BigInt(address)).toString(16)}`;
  const { blocks } = state;
  return state.segments.flatMap((segment) => {
    if (SEGMENT_KINDS[segment.kind] === 'run') return [];
    const lines = [`segment ${text(segment.address)} ${segment.size}`];
    for (let at = segment.blockFrom; at < segment.blockTo; at++) {
      const isFree = blocks.state[at] >= MAP_STATE.pinned;
      if (isFree && !sized) continue;
      const size = sized ? `${blocks.size[at]}` : '';
      lines.push(
        isFree
          ? `${text(blocks.address[at])} ${size} free`
          : `${text(blocks.address[at])} ${size}/${blocks.requested[at]} ${blocks.state[at] === 0 ? 'allocated' : 'pending'}`,
      );
    }
    return lines;
  });
}

/** The snapshot's own segments and blocks in the same words; neighbours that it lists apart stay apart. */
export function linesOfSnapshot({ segments, blocks }: DeviceTrace): string[] {
  if (segments === null || blocks === null) return [];
  const order = [...Array.from({ length: segments.length }).keys()].sort((a, b) =>
    word(segments.address, a) < word(segments.address, b) ? -1 : 1,
  );
  return order.flatMap((i) => {
    const lines = [`segment 0x${word(segments.address, i).toString(16)} ${segments.total_size[i]}`];
    for (let b = segments.block_start[i]; b < segments.block_start[i + 1]; b++) {
      const requested = Number.isNaN(blocks.requested_size[b]) ? blocks.size[b] : blocks.requested_size[b];
      const state = ['allocated', 'pending', 'free'][blocks.state[b]];
      lines.push(
        `0x${word(blocks.address, b).toString(16)} ${blocks.size[b]}${state === 'free' ? '' : `/${requested}`} ${state}`,
      );
    }
    return lines;
  });
}

interface Range {
  from: bigint;
  to: bigint;
  stream: number;
  group: number;
  grows: boolean;
}

const actionAt = ({ events }: DeviceTrace, row: number): string => ACTIONS[events.action[row]];

/** The state just after each of some rows (descending), by undoing events from the final state: no sizes of blocks. */
export function* undone(trace: DeviceTrace, rows: readonly number[]): Generator<string[]> {
  const { events, segments, blocks } = trace;
  let ranges: Range[] = [];
  const live = new Map<bigint, { asked: number; waits: boolean }>();
  for (let i = 0; i < (segments?.length ?? 0); i++) {
    const from = word(segments!.address, i);
    const to = from + BigInt(segments!.total_size[i]);
    const [stream, group] = [segments!.stream_index[i], segments!.pool[i]];
    ranges.push({ from, to, stream, group, grows: segments!.is_expandable[i] === 1 });
  }
  for (let b = 0; b < (blocks?.length ?? 0); b++) {
    const asked = blocks!.requested_size[b];
    if (blocks!.state[b] === 2) continue;
    live.set(word(blocks!.address, b), {
      asked: Number.isNaN(asked) ? blocks!.size[b] : asked,
      waits: blocks!.state[b] === 1,
    });
  }
  let row = events.length - 1;
  for (const wanted of rows) {
    for (; row > wanted; row--) {
      const from = word(events.address, row);
      const bytes = word(events.size, row);
      const to = from + bytes;
      switch (actionAt(trace, row)) {
        case 'alloc':
          live.delete(from);
          break;
        case 'free_completed':
          live.set(from, { asked: Number(bytes), waits: true });
          break;
        case 'free_requested':
          if (live.has(from)) live.set(from, { asked: live.get(from)!.asked, waits: false });
          break;
        case 'segment_alloc':
        case 'segment_map':
          ranges = ranges.flatMap((range) => {
            if (range.to <= from || range.from >= to) return [range];
            const left: Range[] = [];
            if (range.from < from) left.push({ ...range, to: from });
            if (range.to > to) left.push({ ...range, from: to });
            return left;
          });
          break;
        case 'segment_free':
        case 'segment_unmap': {
          const [stream, group] = [events.stream_index[row], events.group[row]];
          ranges.push({ from, to, stream, group, grows: actionAt(trace, row) === 'segment_unmap' });
        }
      }
    }
    const sorted = [...ranges].sort((a, b) => (a.from < b.from ? -1 : 1));
    const joined: Range[] = [];
    for (const range of sorted) {
      const last = joined.at(-1);
      const touches = last !== undefined && last.grows && range.grows && last.to === range.from;
      if (touches && last.stream === range.stream && last.group === range.group) last.to = range.to;
      else joined.push({ ...range });
    }
    const held = [...live].sort(([a], [b]) => (a < b ? -1 : 1));
    yield joined.flatMap(({ from, to }) => [
      `segment 0x${from.toString(16)} ${to - from}`,
      ...held
        .filter(([address]) => address >= from && address < to)
        .map(
          ([address, { asked, waits }]) =>
            `0x${address.toString(16)} /${asked} ${waits ? 'pending' : 'allocated'}`,
        ),
    ]);
  }
}

interface Block {
  at: bigint;
  size: bigint;
  asked: number;
  state: 'free' | 'allocated' | 'pending';
}

interface Segment {
  grows: boolean;
  stream: number;
  group: number;
  blocks: Block[];
}

/** Forward from nothing reserved: every block with its size, after each of some rows (ascending). Default rounding alone. */
export function* led(
  trace: DeviceTrace,
  rows: readonly number[],
  settings: AllocatorSettings,
): Generator<string[]> {
  const { events } = trace;
  let all: Segment[] = [];
  const endOf = ({ blocks }: Segment): bigint => blocks.at(-1)!.at + blocks.at(-1)!.size;
  const holding = (at: bigint): Segment | undefined =>
    all.find((segment) => segment.blocks[0].at <= at && at < endOf(segment));
  const merge = (segment: Segment): void => {
    const merged: Block[] = [];
    for (const block of segment.blocks) {
      const last = merged.at(-1);
      if (last?.state === 'free' && block.state === 'free') last.size += block.size;
      else merged.push(block);
    }
    segment.blocks = merged;
  };
  let row = 0;
  for (const wanted of rows) {
    for (; row <= wanted; row++) {
      const at = word(events.address, row);
      const size = word(events.size, row);
      const segment = holding(at);
      const place = segment?.blocks.findIndex((block) => block.at === at) ?? -1;
      switch (actionAt(trace, row)) {
        case 'segment_alloc':
        case 'segment_map': {
          const grows = actionAt(trace, row) === 'segment_map';
          const [stream, group] = [events.stream_index[row], events.group[row]];
          let fresh: Segment = { grows, stream, group, blocks: [{ at, size, asked: 0, state: 'free' }] };
          if (grows)
            for (const other of [...all]) {
              if (!other.grows || other.stream !== stream || other.group !== group) continue;
              if (endOf(other) === at) fresh = { ...fresh, blocks: [...other.blocks, ...fresh.blocks] };
              else if (other.blocks[0].at === at + size)
                fresh = { ...fresh, blocks: [...fresh.blocks, ...other.blocks] };
              else continue;
              all.splice(all.indexOf(other), 1);
            }
          merge(fresh);
          all.push(fresh);
          break;
        }
        case 'segment_free':
          all = all.filter((other) => other !== segment);
          break;
        case 'segment_unmap': {
          const left: Block[] = [];
          const right: Block[] = [];
          for (const block of segment!.blocks) {
            const end = block.at + block.size;
            if (block.at < at) left.push({ ...block, size: (end < at ? end : at) - block.at });
            if (end > at + size) {
              const from = block.at > at + size ? block.at : at + size;
              right.push({ ...block, at: from, size: end - from });
            }
          }
          all = all.filter((other) => other !== segment);
          for (const blocks of [left, right]) if (blocks.length > 0) all.push({ ...segment!, blocks });
          break;
        }
        case 'alloc': {
          const block = segment!.blocks[place];
          const rounded = size < 512n ? 512n : ((size + 511n) / 512n) * 512n;
          const rest = block.size - rounded;
          const isSmall = segment!.group === 1;
          const splits =
            isSmall || settings.expandableSegments
              ? rest >= 512n
              : Number(rounded) < settings.maxSplitSize && rest > 1048576n;
          Object.assign(block, { asked: Number(size), state: 'allocated' });
          if (!splits) break;
          block.size = rounded;
          segment!.blocks.splice(place + 1, 0, { at: at + rounded, size: rest, asked: 0, state: 'free' });
          break;
        }
        case 'free_requested':
          segment!.blocks[place].state = 'pending';
          break;
        case 'free_completed':
          segment!.blocks[place].state = 'free';
          merge(segment!);
      }
    }
    all.sort((a, b) => (a.blocks[0].at < b.blocks[0].at ? -1 : 1));
    yield all.flatMap((segment) => [
      `segment 0x${segment.blocks[0].at.toString(16)} ${endOf(segment) - segment.blocks[0].at}`,
      ...segment.blocks.map(
        ({ at, size, asked, state }) =>
          `0x${at.toString(16)} ${size}${state === 'free' ? '' : `/${asked}`} ${state}`,
      ),
    ]);
  }
}

/** Lines that one has and the other has not, the first few of them. */
export function unlike(ours: readonly string[], theirs: readonly string[]): string[] {
  const [mine, yours] = [new Set(ours), new Set(theirs)];
  return [
    ...ours.filter((line) => !yours.has(line)).map((line) => `ours alone: ${line}`),
    ...theirs.filter((line) => !mine.has(line)).map((line) => `theirs alone: ${line}`),
    ...(ours.length === theirs.length ? [] : [`${ours.length} lines and ${theirs.length}`]),
  ].slice(0, 6);
}

/** Rows spread by a fixed sequence of chance, ascending. */
export function chosenRows(rows: number, many: number): number[] {
  let seed = 12345;
  const found = new Set<number>();
  for (let i = 0; i < many && rows > 0; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    found.add(seed % rows);
  }
  return [...found].sort((a, b) => a - b);
}
