/** The engine's answers about replays: what the page asks, and the border cases of asking. */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { TraceErrorData } from '../../src/base/trace-error.ts';
import type { Result } from '../../src/base/result.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { ReplayProgress, WhatIfQuery } from '../../src/engine/protocol.ts';
import { type SweepHelper, sweepInPool } from '../../src/engine/replay/pool.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { fixtureBytes } from '../read/snapshot/fixtures.ts';
import { statsOfTruth, TRUTH_FOLDER, truthOf } from '../replay/recordings.ts';

const ROOT = join(import.meta.dirname, '../..');
const MIB = 1 << 20;

async function opened(name: string, bytes: Uint8Array): Promise<{ engine: Engine; device: string }> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [view] = await engine.open(1, new BytesSource(name, bytes), () => undefined);
  return { engine, device: view.devices[0].key };
}

const sample = (): Promise<{ engine: Engine; device: string }> =>
  opened('leak.pickle.gz', new Uint8Array(readFileSync(join(ROOT, 'samples/leak.pickle.gz'))));

function valueOf<T>(result: Result<T, TraceErrorData>): T {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

const query = (device: string, more: Partial<WhatIfQuery> = {}): WhatIfQuery => ({
  device,
  settings: null,
  cap: null,
  capacity: null,
  emptyCacheAfter: [],
  edits: [],
  curve: null,
  ...more,
});

describe('the replay of a recording', () => {
  it('tells statistics, fidelity and settings, and is asked once', async () => {
    const { engine, device } = await sample();
    const answer = valueOf(await engine.replays.replay(device));
    expect(answer).toMatchObject({
      device,
      fromEmpty: true,
      faithful: true,
      limitBounds: null,
      settings: { conf: '', confError: null, changed: [] },
      unled: { reservedPeakDifference: 0, largestDifference: 0, largestDifferenceRow: null },
    });
    expect(answer.settings.origins.perProcessMemoryFraction).toBe('assumed');
    // What the snapshot tells by itself is what the model counts.
    const told = Object.entries(answer.recorded);
    expect(told.length).toBeGreaterThan(30);
    expect(Object.fromEntries(told.map(([key]) => [key, answer.stats[key]]))).toEqual(answer.recorded);
    expect(answer.recorded).not.toHaveProperty('allocated_bytes.all.peak');
    expect(answer.sentences[0]).toBe(
      "The model ends in the snapshot's final state: 335 segments and 2,895 blocks equal.",
    );
    expect(valueOf(await engine.replays.replay(device))).toBe(answer);
  });

  it('tells the limit that requests met', async () => {
    const { engine, device } = await opened('oom.pickle', fixtureBytes('oom.pickle'));
    const { limitBounds, sentences } = valueOf(await engine.replays.replay(device));
    expect(limitBounds).toEqual([4242538496, 4557111296]);
    expect(sentences.join(' ')).toContain('at least 4,242,538,496 and less than 4,557,111,296 bytes');
  });

  it('is refused for what was not recorded by PyTorch, and for no device', async () => {
    const { engine, device } = await opened(
      'small.sqlite',
      new Uint8Array(readFileSync(join(ROOT, 'samples/nsys-small.sqlite'))),
    );
    expect(await engine.replays.replay(device)).toMatchObject({ ok: false, error: { code: 'refused' } });
    expect(await engine.replays.whatIf(query(device))).toMatchObject({ ok: false });
    expect(await engine.replays.replay('9:9')).toMatchObject({ ok: false, error: { code: 'ended' } });
  });
});

describe('a what-if', () => {
  it('answers strings and settings as the real allocator did', async () => {
    const truth = truthOf('layers22');
    const { engine, device } = await opened(
      truth.base,
      new Uint8Array(readFileSync(join(TRUTH_FOLDER, truth.base))),
    );
    for (const at of [1, 4, 6]) {
      const { conf, cap_mib } = truth.settings[at];
      const cap = cap_mib > 0 ? cap_mib * MIB : null;
      const answer = valueOf(await engine.replays.whatIf(query(device, { settings: conf, cap })));
      const recorded = statsOfTruth(truth, at);
      expect(answer.stats['reserved_bytes.all.peak']).toBe(recorded['reserved_bytes.all.peak']);
      expect(answer.stats['num_device_alloc']).toBe(recorded['num_device_alloc']);
      const again = await engine.replays.whatIf(query(device, { settings: answer.settings.values, cap }));
      expect(valueOf(again).stats).toEqual(answer.stats);
    }
  });

  it("refuses a string with PyTorch's words, and says what to write", async () => {
    const { engine, device } = await sample();
    expect(await engine.replays.whatIf(query(device, { settings: 'max_split_size_mb:2' }))).toMatchObject({
      ok: false,
      error: {
        code: 'refused',
        message: 'CachingAllocator option max_split_size_mb too small, must be >= 20',
        offset: 18,
      },
    });
    expect(await engine.replays.conf('max_split_size_mb:2')).toMatchObject({ ok: false, offset: 18 });
    expect(await engine.replays.conf(' expandable_segments : True ,')).toMatchObject({
      ok: true,
      conf: 'expandable_segments:True',
      line: 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True',
    });
  });

  it('draws reserved bytes beside the recorded, the peak in its column', async () => {
    const { engine, device } = await sample();
    const ask = async (more: Partial<WhatIfQuery>) =>
      valueOf(
        await engine.replays.whatIf(
          query(device, { ...more, curve: { range: null, axis: 'event', columns: 50 } }),
        ),
      );
    const same = await ask({});
    expect(same.curve!.x).toHaveLength(50);
    expect(same.curve!.replayed.last[49]).toBe(same.curve!.recorded.last[49]);
    expect(Math.max(...same.curve!.replayed.max)).toBe(1568669696);
    expect(Math.max(...same.curve!.recorded.max)).toBe(1568669696);
    const emptied = await ask({ emptyCacheAfter: [6428] });
    expect(emptied.curve!.replayed.last[49]).toBeLessThanOrEqual(same.curve!.replayed.last[49]);
    expect(emptied.stats['num_sync_all_streams']).toBe(same.stats['num_sync_all_streams'] + 1);
    const zoomed = valueOf(
      await engine.replays.whatIf(
        query(device, {
          curve: { range: { axis: 'event', from: 3000, to: 3001 }, axis: 'event', columns: 4 },
        }),
      ),
    );
    expect([...zoomed.curve!.replayed.max]).toEqual([...zoomed.curve!.recorded.max]);
  });

  it('edits a site by its label, its stack, and all stacks through a node', async () => {
    const { engine, device } = await sample();
    const sites = valueOf(await engine.replays.sites({ ...query(device), job: 5, most: 3 }, () => undefined));
    expect(sites).toMatchObject({ hasStacks: true, sites: 10, reservedPeak: 1568669696 });
    const [first] = sites.rows;
    expect(first.site).toMatch(/^attention {2}.*record\.py:49$/);
    const edited = async (site: WhatIfQuery['edits'][number]['site']) =>
      valueOf(await engine.replays.whatIf(query(device, { edits: [{ kind: 'drop', site }] })));
    const byLabel = await edited({ label: first.site });
    expect(byLabel.edited).toBe(first.allocations);
    expect(byLabel.stats['reserved_bytes.all.peak']).toBe(first.dropped.reservedPeak);
    const byStack = await edited({ stack: first.stack });
    expect(byStack.edited).toBeGreaterThan(0);
    expect(byStack.edited).toBeLessThanOrEqual(first.allocations);
    const through = await edited({ through: first.stack });
    expect(through.edited).toBeGreaterThanOrEqual(byStack.edited);
    expect((await edited({ label: 'nobody' })).edited).toBe(0);
  });

  it('says when a limit fails a request, and what a recording that failed would have needed', async () => {
    const { engine, device } = await opened('oom.pickle', fixtureBytes('oom.pickle'));
    const tight = valueOf(await engine.replays.whatIf(query(device, { cap: 4000 * MIB })));
    expect(tight.firstFailure).toMatchObject({ bytes: expect.any(Number) as number });
    expect(tight.sentences[0]).toMatch(/^Out of memory: the request of [\d,]+ bytes at event \d+ fails/);
    const free = valueOf(await engine.replays.whatIf(query(device)));
    expect(free).toMatchObject({ firstFailure: null, rescued: 1 });
    const share = await engine.replays.whatIf(
      query(device, { settings: 'per_process_memory_fraction:0.5', capacity: 8000 * MIB }),
    );
    expect(valueOf(share).stats).toEqual(tight.stats);
  });
});

describe('a sweep', () => {
  it('in helpers gives what one thread gives, whatever the order, each row told once', async () => {
    const { engine, device } = await opened('oom.pickle', fixtureBytes('oom.pickle'));
    const asked = { device, job: 7, cap: null, capacity: null };
    const alone = valueOf(await engine.replays.sweep(asked, () => undefined));
    const progress: ReplayProgress[] = [];
    const helpers = [3, 0, 1].map((delay): SweepHelper => {
      const helper = new Engine().replays;
      return {
        api: {
          sweepPrepare: (work) => Promise.resolve(helper.sweepPrepare(work)),
          sweepBatch: async (settings) => {
            await new Promise((resolve) => setTimeout(resolve, delay));
            return helper.sweepBatch(settings);
          },
        },
        died: new Promise(() => undefined),
        stop: () => undefined,
      };
    });
    const pool = { engine: engine.replays, helpers, isCancelled: () => false };
    const together = valueOf(await sweepInPool(pool, asked, (one) => progress.push(one)));
    expect({ ...together, milliseconds: 0, workers: 1 }).toEqual({ ...alone, milliseconds: 0 });
    expect([together.workers, alone.workers]).toEqual([3, 1]);
    expect(progress.map(({ done }) => done)).toEqual(together.rows.map((_row, at) => at + 1));
    expect(progress.every(({ job, done, total }) => job === 7 && done <= total)).toBe(true);

    let served = 0;
    const stopping = { ...pool, isCancelled: () => served > 4 };
    const stopped = await sweepInPool(stopping, asked, () => served++);
    expect(stopped).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(served).toBe(5);

    const dying = helpers.map((helper) => ({ ...helper, died: Promise.reject(new Error('gone')) }));
    await expect(sweepInPool({ ...pool, helpers: dying }, asked, () => undefined)).rejects.toThrow('gone');
  });

  it('ends within one setting of being cancelled, and its number can be used again', async () => {
    const { engine, device } = await opened('oom.pickle', fixtureBytes('oom.pickle'));
    const asked = { device, job: 8, cap: null, capacity: null };
    let done = 0;
    const stopped = await engine.replays.sweep(asked, () => {
      if (++done === 3) void engine.cancel(8);
    });
    expect(stopped).toMatchObject({ ok: false, error: { code: 'cancelled' } });
    expect(done).toBe(3);
    expect((await engine.replays.sweep(asked, () => undefined)).ok).toBe(true);
    const sites = await engine.replays.sites(
      { ...asked, settings: null, most: 5 },
      () => void engine.cancel(8),
    );
    expect(sites).toMatchObject({ ok: false, error: { code: 'cancelled' } });
  });
});
