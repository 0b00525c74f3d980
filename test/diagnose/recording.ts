/**
 * Programs run through the model of the allocator and recorded as PyTorch records them, final state included: small
 * recordings of which every byte is known, for the tests of the rules.
 */
import { DeviceFacts } from '../../src/analyze/device-facts.ts';
import type { IterationMarkers } from '../../src/analyze/growth/iterations.ts';
import { lifetimesOf } from '../../src/analyze/lifetimes.ts';
import { earlierAllocations } from '../../src/analyze/live.ts';
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { asBigUint64 } from '../../src/base/u64.ts';
import { diagnoseDevice } from '../../src/diagnose/device-rules.ts';
import type { Finding } from '../../src/diagnose/finding.ts';
import { plainFinding } from '../../src/diagnose/plain-finding.ts';
import { settingsOfSnapshot } from '../../src/replay/alloc-conf-snapshot.ts';
import { Allocator } from '../../src/replay/allocator.ts';
import { ALLOCATED, FREE, NO_BLOCK, PENDING } from '../../src/replay/block-table.ts';
import { DriverAddresses, USUAL_HISTORY } from '../../src/replay/driver-addresses.ts';
import { selfReplay } from '../../src/replay/self-replay.ts';
import { type AllocatorSettings, DEFAULT_SETTINGS } from '../../src/replay/settings.ts';
import type { DeviceTrace, Setting, SourceData } from '../../src/trace/capture.ts';
import { type BlockTable, NONE, type SegmentTable } from '../../src/trace/schema.ts';
import { StackTable } from '../../src/trace/stack-table.ts';
import { type EventSpec, traceOf } from '../trace/events-for-test.ts';

export const MIB = 2 ** 20;
const GIB = 2 ** 30;

export interface RecordingOptions {
  /** Bytes that the process may reserve. */
  readonly limit?: number | undefined;
  /** What the device reports as free when a request fails. */
  readonly deviceFree?: number | undefined;
  readonly settings?: Partial<AllocatorSettings>;
  /** As the snapshot writes them; none: the recording does not hold its settings. */
  readonly conf?: string;
  readonly totalBytes?: number;
  /** Pools, the default one included; 3 where absent. */
  readonly pools?: number;
  /** Streams that the program may use; 2 where absent. */
  readonly streams?: number;
}

export interface Block {
  readonly id: number;
  readonly bytes: number;
  readonly stream: number;
}

const settingPairs = (conf: string, settings: AllocatorSettings): [string, string][] => [
  ['PYTORCH_CUDA_ALLOC_CONF', conf],
  ['max_split_size', settings.maxSplitSize === Infinity ? '-1' : String(settings.maxSplitSize)],
  ['expandable_segments', settings.expandableSegments ? 'True' : 'False'],
];

export class Recording {
  readonly stacks = new StackTable();
  readonly settings: AllocatorSettings;
  readonly model: Allocator;
  private readonly events: EventSpec[] = [];
  private readonly deviceFree: [number, number][] = [];
  /** What the model releases or makes while it serves the request of this stack and stream. */
  private now = { stack: NONE, stream: 0 };

  constructor(private readonly options: RecordingOptions = {}) {
    this.settings = { ...DEFAULT_SETTINGS, ...options.settings };
    const driver = new DriverAddresses(USUAL_HISTORY);
    this.model = new Allocator({
      settings: this.settings,
      limit: options.limit ?? Infinity,
      capacity: Infinity,
      streamRank: Array.from({ length: this.streams }, (_, stream) => stream),
      pools: options.pools ?? 3,
      indexed: true,
      space: {
        segment: (size) => {
          const address = driver.segment(size);
          this.push({ action: 'segment_alloc', address, size });
          return address;
        },
        release: (address, size) => {
          driver.release(address, size);
          this.push({ action: 'segment_free', address, size });
        },
        range: (size) => driver.range(size),
      },
    });
  }

  private push(event: EventSpec): void {
    this.events.push({ ...this.now, time: 1e6 * this.events.length, ...event });
  }

  /** "main:3 forward:7": outermost first, each a frame "name app.py:line"; "name@/a/file.py:7" is of another file. */
  private stack(path: string): number {
    return path.split(' ').reduce((node, part) => {
      // Names of C++ have colons, too.
      const cut = part.lastIndexOf(':');
      const [frame, line] = [part.slice(0, cut), part.slice(cut + 1)];
      const [name, file = '/home/user/app.py'] = frame.split('@');
      return this.stacks.child(node, this.stacks.internFrame(name, file, Number(line)));
    }, NONE as number);
  }

  private get streams(): number {
    return this.options.streams ?? 2;
  }

  get rows(): number {
    return this.events.length;
  }

  /** A request; null: it ended in an out-of-memory error. `path` null: recorded without a stack. */
  alloc(path: string | null, bytes: number, { stream = 0, pool = 0 } = {}): Block | null {
    this.now = { stack: path === null ? NONE : this.stack(path), stream };
    const id = this.model.malloc(bytes, stream, pool);
    if (id === NO_BLOCK) {
      const { deviceFree } = this.options;
      if (deviceFree !== undefined) this.deviceFree.push([this.rows, deviceFree]);
      this.push({ action: 'oom', address: 0, size: bytes });
      return null;
    }
    this.push({ action: 'alloc', address: this.model.blocks.address[id], size: bytes });
    return { id, bytes, stream };
  }

  /** A request that must be served. */
  take(path: string | null, bytes: number, where: { stream?: number; pool?: number } = {}): Block {
    const block = this.alloc(path, bytes, where);
    if (block === null) throw new Error(`no memory for ${bytes} bytes`);
    return block;
  }

  private free(action: 'free_requested' | 'free_completed', { id, bytes, stream }: Block): void {
    this.now = { stack: NONE, stream };
    this.push({ action, address: this.model.blocks.address[id], size: bytes });
    if (action === 'free_requested') this.model.freeRequested(id);
    else this.model.freeCompleted(id);
  }

  /** Freed by the program; another stream may still use it. */
  giveUp(block: Block): void {
    this.free('free_requested', block);
  }

  /** The other stream has passed. */
  complete(block: Block): void {
    this.free('free_completed', block);
  }

  drop(...blocks: Block[]): void {
    for (const block of blocks) {
      this.giveUp(block);
      this.complete(block);
    }
  }

  /** Allocated and freed at once. */
  touch(path: string | null, bytes: number): void {
    this.drop(this.take(path, bytes));
  }

  private finalState(): { segments: SegmentTable; blocks: BlockTable } {
    const { blocks } = this.model;
    const heads = blocks.all().filter((block) => blocks.prev[block] === NO_BLOCK);
    const chains = heads.map((head) => {
      const chain: number[] = [];
      for (let block = head; block !== NO_BLOCK; block = blocks.next[block]) chain.push(block);
      return chain;
    });
    const words = (values: number[]): Uint32Array => {
      const column = new Uint32Array(2 * values.length);
      values.forEach((value, i) => (asBigUint64(column)[i] = BigInt(value)));
      return column;
    };
    const sum = (chain: number[], states: number[], of: Float64Array): number =>
      chain.reduce((bytes, block) => bytes + (states.includes(blocks.state[block]) ? of[block] : 0), 0);
    const column = (of: (chain: number[]) => number): Float64Array => Float64Array.from(chains, of);
    const all = chains.flat();
    const starts = [0];
    for (const chain of chains) starts.push(starts[starts.length - 1] + chain.length);
    return {
      segments: {
        length: heads.length,
        address: words(heads.map((head) => blocks.address[head])),
        total_size: column((chain) => sum(chain, [FREE, ALLOCATED, PENDING], blocks.size)),
        allocated_size: column((chain) => sum(chain, [ALLOCATED], blocks.size)),
        active_size: column((chain) => sum(chain, [ALLOCATED, PENDING], blocks.size)),
        requested_size: column((chain) => sum(chain, [ALLOCATED, PENDING], blocks.requested)),
        stream_index: Uint16Array.from(heads, (head) => blocks.list[head] % this.streams),
        pool: Uint8Array.from(heads, (head) => this.model.smallOf(blocks.list[head])),
        is_expandable: new Uint8Array(heads.length),
        pool_id: heads.map((head) => {
          const pool = this.model.poolOf(blocks.list[head]);
          return pool === 0 ? '' : `(${pool}, 0)`;
        }),
        stack_index: new Uint32Array(heads.length).fill(NONE),
        block_start: Uint32Array.from(starts),
      },
      blocks: {
        length: all.length,
        address: words(all.map((block) => blocks.address[block])),
        size: Float64Array.from(all, (block) => blocks.size[block]),
        requested_size: Float64Array.from(all, (block) =>
          blocks.state[block] === FREE ? 0 : blocks.requested[block],
        ),
        state: Uint8Array.from(all, (block) => [ALLOCATED, PENDING, FREE].indexOf(blocks.state[block])),
        stack_index: new Uint32Array(all.length).fill(NONE),
      },
    };
  }

  /** `without`: so many first events are lost, as a ring loses them. */
  trace(without = 0): DeviceTrace {
    return traceOf(this.events.slice(without), {
      ...this.finalState(),
      device_free: this.deviceFree.map(([row, bytes]) => [row - without, bytes]),
      total_bytes: this.options.totalBytes ?? null,
      ...(this.options.streams === undefined
        ? {}
        : { streams: Array.from({ length: this.streams }, (_, stream) => String(stream)) }),
    });
  }

  facts({ without = 0, key = '1:0', markers }: FactsOptions = {}): DeviceFacts {
    const { conf } = this.options;
    const pairs = conf === undefined ? [] : settingPairs(conf, this.settings);
    return factsOfTrace(this.trace(without), this.stacks, pairs, key, markers);
  }

  findings(options: FactsOptions = {}): Promise<Finding[]> {
    return diagnose(this.facts(options));
  }
}

export interface FactsOptions {
  readonly without?: number;
  readonly key?: string;
  readonly markers?: IterationMarkers;
}

export function factsOfTrace(
  trace: DeviceTrace,
  stacks: StackTable,
  settings: readonly Setting[],
  key: string,
  markers?: IterationMarkers,
): DeviceFacts {
  const baseline = baselineOf(trace);
  const lifetimes = lifetimesOf(trace.events, trace.partner);
  const inForce = settingsOfSnapshot(settings);
  return new DeviceFacts({
    key,
    trace,
    stacks,
    settings: inForce,
    baseline,
    lifetimes,
    earlier: earlierAllocations(trace, lifetimes),
    replay: trace.producer === 'torch' ? selfReplay(trace, inForce.settings, baseline.fromEmpty) : null,
    ...(markers === undefined ? {} : { markers }),
  });
}

/** Findings about the first device of a file. */
export const diagnoseData = (data: SourceData, device = 0): Promise<Finding[]> =>
  diagnose(factsOfTrace(data.devices[device], data.stacks, data.settings, `1:${device}`));

/** As text and JSON give them: amounts in binary units. */
export const diagnose = async (facts: DeviceFacts): Promise<Finding[]> =>
  (await diagnoseDevice(facts, () => Promise.resolve())).map(plainFinding);

export const idsOf = (findings: readonly Finding[]): string[] => findings.map(({ id }) => id);

export function findingOf(findings: readonly Finding[], id: string): Finding {
  const found = findings.filter((finding) => finding.id === id);
  if (found.length !== 1)
    throw new Error(`${found.length} findings ${id} among ${idsOf(findings).join(', ')}`);
  return found[0];
}

/** A device that has much more than any of these programs needs. */
export const LARGE_DEVICE = 80 * GIB;
