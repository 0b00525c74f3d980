/**
 * A final state drawn as text, and the allocator's model in it. One segment a line, in the order of addresses:
 *
 *   'seg s0 large | a:3 .17'           20 MiB of cudaMalloc, stream 0: 3 MiB allocated by stack a, 17 MiB free
 *   'exp s0 large | a:30/29.5 .10'     40 MiB of an expandable segment (pages of 20 MiB): 29.5 MiB asked for
 *   'seg s1 small | ~b:1 -:0.5 .0.5'   1 MiB waits for another stream (record_stream); "-": no stack
 *   'seg s0 large (1,0) | a:20'        in a private pool
 */
import { settingsFrom } from '../replay/recordings.ts';
import type { AllocatorState } from '../../src/replay/replay-result.ts';
import { replayTo } from '../../src/replay/self-replay.ts';
import { DEFAULT_SETTINGS } from '../../src/replay/settings.ts';
import type { DeviceTrace } from '../../src/trace/capture.ts';
import { NONE } from '../../src/trace/schema.ts';
import { setI64 } from '../../src/base/u64.ts';

export const MIB = 2 ** 20;
const BASE = 0x7f0000000000;

export interface DrawnBlock {
  readonly size: number;
  readonly requested: number;
  readonly state: 0 | 1 | 2;
  readonly stack: number;
}

/** Number of the stack drawn as a letter: a is 0. */
export const stackOf = (letter: string): number => (letter === '-' ? NONE : letter.charCodeAt(0) - 97);

function blockOf(text: string): DrawnBlock {
  const free = /^\.([\d.]+)$/.exec(text);
  if (free !== null) return { size: Number(free[1]) * MIB, requested: 0, state: 2, stack: NONE };
  const held = /^(~?)([a-z-]):([\d.]+)(?:\/([\d.]+))?$/.exec(text);
  if (held === null) throw new Error(`not a block: ${text}`);
  const size = Number(held[3]) * MIB;
  return {
    size,
    requested: held[4] === undefined ? size : Number(held[4]) * MIB,
    state: held[1] === '~' ? 1 : 0,
    stack: stackOf(held[2]),
  };
}

/** A snapshot of this state alone, without events. */
export function drawnTrace(lines: readonly string[]): DeviceTrace {
  const segments = lines.map((line) => {
    const match = /^(seg|exp) s(\d) (large|small)(?: (\(\d+,\d+\)))? \| (.*)$/.exec(line);
    if (match === null) throw new Error(`not a segment: ${line}`);
    return {
      expandable: match[1] === 'exp',
      stream: Number(match[2]),
      pool: match[3] === 'small' ? 1 : 0,
      id: (match[4] ?? '').replace(',', ', '),
      blocks: match[5].split(' ').map(blockOf),
    };
  });
  const blocks = segments.flatMap((segment) => segment.blocks);
  const addresses = new Uint32Array(2 * segments.length);
  const blockAddresses = new Uint32Array(2 * blocks.length);
  const starts = new Uint32Array(segments.length + 1);
  let at = 0;
  segments.forEach((segment, i) => {
    // 20 TiB apart: ranges of expandable segments never meet.
    let address = BASE + i * 20 * 2 ** 40;
    setI64(addresses, i, address);
    for (const block of segment.blocks) {
      setI64(blockAddresses, at++, address);
      address += block.size;
    }
    starts[i + 1] = at;
  });
  const sum = (of: readonly DrawnBlock[], value: (block: DrawnBlock) => number): number =>
    of.reduce((total, block) => total + value(block), 0);
  const column = (value: (segment: (typeof segments)[number]) => number): Float64Array =>
    Float64Array.from(segments, value);
  const live = (block: DrawnBlock): boolean => block.state !== 2;
  return {
    device: 0,
    producer: 'torch',
    name: null,
    total_bytes: null,
    clock: 'none',
    streams: ['0', '7'],
    events: {
      length: 0,
      action: new Uint8Array(),
      address: new Uint32Array(),
      size: new Uint32Array(),
      stream_index: new Uint16Array(),
      stack_index: new Uint32Array(),
      time_ns: new Uint32Array(),
      group: new Uint8Array(),
    },
    cut: false,
    segments: {
      length: segments.length,
      address: addresses,
      total_size: column((segment) => sum(segment.blocks, ({ size }) => size)),
      allocated_size: column(({ blocks: of }) => sum(of, (b) => (b.state === 0 ? b.size : 0))),
      active_size: column(({ blocks: of }) => sum(of, (b) => (live(b) ? b.size : 0))),
      requested_size: column(({ blocks: of }) => sum(of, (b) => (live(b) ? b.requested : 0))),
      stream_index: Uint16Array.from(segments, ({ stream }) => stream),
      pool: Uint8Array.from(segments, ({ pool }) => pool),
      is_expandable: Uint8Array.from(segments, ({ expandable }) => (expandable ? 1 : 0)),
      pool_id: segments.map(({ id }) => id),
      stack_index: new Uint32Array(segments.length).fill(NONE),
      block_start: starts,
    },
    blocks: {
      length: blocks.length,
      address: blockAddresses,
      size: Float64Array.from(blocks, ({ size }) => size),
      requested_size: Float64Array.from(blocks, ({ requested }) => requested),
      state: Uint8Array.from(blocks, ({ state }) => state),
      stack_index: Uint32Array.from(blocks, ({ stack }) => stack),
    },
    annotations: [],
    pools: null,
    device_free: [],
    symbols: [],
  };
}

/** `conf`: as PYTORCH_CUDA_ALLOC_CONF has it. */
export const drawnState = (lines: readonly string[], conf = ''): AllocatorState =>
  replayTo(drawnTrace(lines), conf === '' ? DEFAULT_SETTINGS : settingsFrom(conf), false, 0);
