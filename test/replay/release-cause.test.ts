/**
 * Why segments went back, told from the rows alone: the model serves a program at a limit and writes the rows that
 * PyTorch would, and a replay of these rows must find each cause, and every statistic, again.
 */
import { describe, expect, it } from 'vitest';
import { Allocator } from '../../src/replay/allocator.ts';
import { NO_BLOCK } from '../../src/replay/block-table.ts';
import { selfReplay } from '../../src/replay/self-replay.ts';
import { type AllocatorSettings, DEFAULT_SETTINGS } from '../../src/replay/settings.ts';
import { seeded } from '../read/snapshot/fixtures.ts';
import { type EventSpec, traceOf } from '../trace/events-for-test.ts';

const MIB = 2 ** 20;

/** A program under the model of the allocator, and the rows of its history. */
class Program {
  readonly rows: EventSpec[] = [];
  readonly model: Allocator;
  private readonly settings: AllocatorSettings;
  private readonly taken: [number, number][] = [];
  private asking = { small: 0, stack: 0 };

  constructor(
    limit: number,
    settings: Partial<AllocatorSettings> = {},
    private readonly stacks = true,
  ) {
    this.settings = { ...DEFAULT_SETTINGS, ...settings };
    this.model = new Allocator({
      settings: this.settings,
      limit,
      capacity: Infinity,
      streamRank: [0],
      pools: 1,
      space: {
        segment: (bytes) => {
          const address = this.place(bytes);
          this.write('segment_alloc', address, bytes, this.asking.small);
          return address;
        },
        release: (address, bytes) => {
          const at = this.taken.findIndex(([from]) => from === address);
          this.taken.splice(at, 1);
          const block = this.model.blocks.address.indexOf(address);
          const small = this.model.smallOf(this.model.blocks.list[block]);
          this.write('segment_free', address, bytes, bytes === 2 * MIB ? 1 : small);
        },
        range: () => 0,
      },
      indexed: true,
    });
  }

  private place(bytes: number): number {
    this.taken.sort((a, b) => a[0] - b[0]);
    let at = 1024 * MIB;
    for (const [from, to] of this.taken) {
      if (from - at >= bytes) break;
      at = to;
    }
    this.taken.push([at, at + bytes]);
    return at;
  }

  private write(action: EventSpec['action'], address: number, size: number, group = 0): void {
    const stack = this.stacks ? { stack: this.asking.stack } : {};
    this.rows.push({ action, address, size, group, ...stack });
  }

  ask(bytes: number): number {
    this.asking = { small: bytes <= MIB ? 1 : 0, stack: 1 + (this.rows.length % 1000) };
    const block = this.model.malloc(bytes, 0, 0);
    if (block === NO_BLOCK) this.write('oom', 0, Math.ceil(bytes / 512) * 512);
    else this.write('alloc', this.model.blocks.address[block], bytes);
    return block;
  }

  free(...blocks: number[]): void {
    for (const block of blocks) {
      const [address, bytes] = [this.model.blocks.address[block], this.model.blocks.requested[block]];
      this.write('free_requested', address, bytes);
      this.model.freeRequested(block);
      this.write('free_completed', address, bytes);
      this.model.freeCompleted(block);
    }
  }

  emptyCache(): void {
    this.asking = { small: 0, stack: 5000 };
    this.model.emptyCache();
  }

  replay() {
    return selfReplay(traceOf(this.rows, { streams: ['0'] }), this.settings, true, this.model.options.limit);
  }
}

const NO_CAUSES = { retry: 0, collection: 0, available: 0, empty_cache: 0 };

describe('each cause is found', () => {
  it('a retry: everything whole goes, then the same request gets memory', () => {
    const program = new Program(50 * MIB);
    program.free(program.ask(20 * MIB), program.ask(22 * MIB));
    program.ask(30 * MIB);
    const { causes, fidelity, stats, limitBounds } = program.replay();
    expect(causes).toEqual({ ...NO_CAUSES, retry: 1 });
    expect(fidelity.causesCertain).toBe(true);
    expect(stats).toEqual(program.model.stats.toStats());
    expect(limitBounds).toEqual([42 * MIB, 72 * MIB]);
  });

  it('empty_cache: another stack, or no request after it that needs memory', () => {
    const asked = new Program(Infinity);
    asked.free(asked.ask(20 * MIB));
    asked.emptyCache();
    asked.ask(30 * MIB);
    const quiet = new Program(Infinity, {}, false);
    quiet.ask(4 * MIB);
    quiet.free(quiet.ask(30 * MIB));
    quiet.emptyCache();
    quiet.ask(4 * MIB);
    const last = new Program(Infinity, {}, false);
    last.free(last.ask(30 * MIB));
    last.emptyCache();
    for (const program of [asked, quiet, last]) {
      const { causes, fidelity, stats } = program.replay();
      expect(causes).toEqual({ ...NO_CAUSES, empty_cache: 1 });
      expect(fidelity.causesCertain).toBe(true);
      expect(stats).toEqual(program.model.stats.toStats());
    }
  });

  it('garbage collection: the older ones alone', () => {
    const program = new Program(100 * MIB, { garbageCollectionThreshold: 0.5 });
    program.ask(3 * MIB);
    const [a, b] = [program.ask(30 * MIB), program.ask(20 * MIB)];
    program.free(a);
    for (let i = 0; i < 4; i++) program.free(program.ask(4 * MIB));
    program.free(b);
    program.ask(40 * MIB);
    const { causes, stats } = program.replay();
    expect(causes).toEqual({ ...NO_CAUSES, collection: 1 });
    expect(stats['num_device_free']).toBe(1);
    expect(stats).toEqual(program.model.stats.toStats());
  });

  it('oversize segments for one request', () => {
    const program = new Program(160 * MIB, { maxSplitSize: 32 * MIB });
    program.free(program.ask(34 * MIB), program.ask(50 * MIB), program.ask(60 * MIB));
    program.ask(80 * MIB);
    const { causes, stats } = program.replay();
    expect(causes).toEqual({ ...NO_CAUSES, available: 1 });
    expect(stats).toEqual(program.model.stats.toStats());
  });

  it('an error: with segments given back before it, and with none', () => {
    const program = new Program(50 * MIB);
    const held = program.ask(20 * MIB);
    expect(program.ask(40 * MIB)).toBe(NO_BLOCK);
    program.free(program.ask(22 * MIB));
    expect(program.ask(40 * MIB)).toBe(NO_BLOCK);
    program.free(held);
    const { causes, stats } = program.replay();
    expect(causes).toEqual({ ...NO_CAUSES, retry: 1 });
    expect(stats['num_ooms']).toBe(2);
    expect(stats).toEqual(program.model.stats.toStats());
  });
});

describe('what leaves the same rows is not told apart', () => {
  it('without stacks, empty_cache before a request that reaches further than ever', () => {
    const program = new Program(Infinity, {}, false);
    program.free(program.ask(20 * MIB));
    program.emptyCache();
    program.ask(30 * MIB);
    const { causes, fidelity } = program.replay();
    expect(causes.retry + causes.empty_cache).toBe(1);
    expect(fidelity.causesCertain).toBe(false);
  });

  it('but a whole segment that is left is no retry', () => {
    const program = new Program(Infinity, {}, false);
    program.free(program.ask(20 * MIB), program.ask(24 * MIB));
    // Something else gave one of the two back: no cause that the model knows.
    program.model.releaseSegment(program.model.lists.flatMap((list) => list.blocks())[0]);
    program.ask(40 * MIB);
    const { causes, fidelity } = program.replay();
    expect(causes.retry).toBe(0);
    expect(fidelity.causesCertain).toBe(false);
  });
});

describe('random programs: every statistic is found again', () => {
  it.each([
    { name: 'a limit', limit: 300, settings: {} },
    { name: 'max_split_size', limit: 400, settings: { maxSplitSize: 24 * MIB } },
    { name: 'garbage collection', limit: 400, settings: { garbageCollectionThreshold: 0.6 } },
    {
      name: 'garbage collection and max_split_size',
      limit: 400,
      settings: { garbageCollectionThreshold: 0.5, maxSplitSize: 24 * MIB },
    },
  ])('$name', ({ limit, settings }) => {
    const random = seeded(limit + Object.keys(settings).length);
    const program = new Program(limit * MIB, settings);
    const held: number[] = [];
    for (let step = 0; step < 3000; step++) {
      if (random() < 0.03 && step % 7 === 0) program.emptyCache();
      else if (held.length < 4 || (held.length < 40 && random() < 0.52)) {
        const block = program.ask(
          1 + Math.floor(random() * [MIB, 10 * MIB, 50 * MIB][Math.floor(random() * 3)]),
        );
        if (block !== NO_BLOCK) held.push(block);
      } else program.free(...held.splice(Math.floor(random() * held.length), 1));
    }
    const { stats, fidelity, causes } = program.replay();
    expect(fidelity.unplaced).toBe(0);
    expect(fidelity.chosen).toBe(fidelity.requests);
    expect(Object.values(causes).reduce((a, b) => a + b)).toBeGreaterThan(5);
    const { num_sync_all_streams: told, num_alloc_retries: retries, ...rest } = stats;
    const { num_sync_all_streams: syncs, num_alloc_retries: real, ...live } = program.model.stats.toStats();
    expect(rest).toEqual(live);
    // A retry or empty_cache with nothing to give back leaves no row.
    expect(told).toBeLessThanOrEqual(syncs);
    expect(retries).toBeLessThanOrEqual(real);
    expect(retries).toBeGreaterThan(0.9 * real - 1);
  });
});
