/** Rules about growth from iteration to iteration: each has to fire, and beside it a case where it must not. */
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { requests, shiftingSizes, training } from './programs.ts';
import { type Block, findingOf, idsOf, MIB, Recording } from './recording.ts';

const leakOf = (bytes: number): Promise<Finding[]> =>
  training((recording) => recording.take('main:11 remember:9', bytes)).findings();

describe('linear-leak', () => {
  it('fires where every step keeps more: by how much, and which line first', async () => {
    const findings = await leakOf(2 * MIB);
    const leak = findingOf(findings, 'linear-leak');
    expect(findings[0]).toBe(leak);
    expect(leak).toMatchObject({
      severity: 'problem',
      title: 'A leak: 2 MiB per iteration',
      confidence: 'high',
      // 24 of them are alive at the end; the first iteration's belongs to no growth, but is held as well.
      gainHow: 'what the growing stacks hold at the end of the recording',
    });
    expect(leak.verdict).toContain(
      'First to look at: remember (user/app.py:9), called from main (user/app.py:11).',
    );
    expect(leak.remedy).toContain('app.py:9 (remember)');
    expect(leak.gainBytes! % (2 * MIB)).toBe(0);
    expect(leak.gainBytes! / (2 * MIB)).toBeGreaterThanOrEqual(23);
    expect(leak.gainBytes! / (2 * MIB)).toBeLessThanOrEqual(24);
    // Weights never freed are no suspects.
    expect(leak.evidence.map(({ text }) => text).join(' ')).not.toContain('weights');
  });

  it('its suspects open the rows they come from', async () => {
    const recording = training((one) => one.take('main:11 remember:9', 2 * MIB));
    const leak = findingOf(await recording.findings(), 'linear-leak');
    const [window, suspect] = leak.evidence;
    expect(window.rows![0]).toBeLessThan(window.rows![1]);
    expect(suspect.stack).not.toBeNull();
    const { events } = recording.trace();
    expect(events.stack_index[suspect.row!]).toBe(suspect.stack);
    expect(suspect.rows![1]).toBe(suspect.row);
  });

  it('says when a known limit is reached', async () => {
    const findings = await training((one) => one.take('main:11 remember:9', 2 * MIB), 24, {
      totalBytes: 1024 * MIB,
    }).findings();
    // At the end: 32 MiB of weights and 24 x 2 MiB; what is left of 1 GiB holds so many times 2 MiB.
    const left = Math.floor((1024 - 32 - 48) / 2);
    const told = /full in (\d+) iterations/.exec(findingOf(findings, 'linear-leak').verdict);
    expect(Math.abs(Number(told![1]) - left)).toBeLessThanOrEqual(1);
  });

  it('says how long a GiB lasts where no limit is known', async () => {
    const { verdict } = findingOf(await leakOf(2 * MIB), 'linear-leak');
    expect(verdict).toContain('The file does not say how large the GPU is');
    expect(verdict).toMatch(/each 1 GiB of it lasts 512 iterations/);
  });

  it('says why growth is steady once', async () => {
    const { confidenceWhy } = findingOf(await leakOf(2 * MIB), 'linear-leak');
    expect(confidenceWhy.split('Steady growth')).toHaveLength(2);
    expect(confidenceWhy).toContain('grows just as steadily');
  });

  it('does not fire where the same line keeps the last three only', async () => {
    const cache: Block[] = [];
    const findings = await training((recording) => {
      cache.push(recording.take('main:11 remember:9', 2 * MIB));
      if (cache.length > 3) recording.drop(cache.shift()!);
    }).findings();
    expect(idsOf(findings)).not.toContain('linear-leak');
  });
});

describe('kept-outputs', () => {
  it('fires where two of many outputs are never freed, with low confidence', async () => {
    const findings = await training((recording, step) => {
      const output = recording.take('main:11 head:6', 4 * MIB);
      if (step !== 8 && step !== 15) recording.drop(output);
    }).findings();
    const kept = findingOf(findings, 'kept-outputs');
    expect(kept).toMatchObject({ severity: 'risk', confidence: 'low', gainBytes: 8 * MIB });
    expect(kept.verdict).toContain('2 allocations from head (user/app.py:6)');
    expect(idsOf(findings)).not.toContain('linear-leak');
  });

  it('does not fire where all are freed, the last of them later', async () => {
    let last: Block | null = null;
    const findings = await training((recording) => {
      const output = recording.take('main:11 head:6', 4 * MIB);
      if (last !== null) recording.drop(last);
      last = output;
    }).findings();
    expect(idsOf(findings)).not.toContain('kept-outputs');
  });
});

describe('caching-allocator', () => {
  const sizes = [20, 20, 60, 60, 100, ...new Array<number>(20).fill(100)];

  it('fires where reserved grew with the requests and stays, and names the plateau and what is allocated', async () => {
    const recording = requests(sizes);
    const cache = findingOf(await recording.findings(), 'caching-allocator');
    const reserved = recording.model.reserved;
    expect(cache.severity).toBe('good');
    expect(cache.title).toContain('and stayed');
    expect(cache.verdict).toContain(`(${reserved.toLocaleString('en')} bytes)`);
    // Weights alone stay: four blocks of 8 MiB.
    expect(cache.verdict).toContain('stays at 32 MiB (33,554,432 bytes)');
    // By hand: what the model still reserves after giving back every segment that is wholly free.
    recording.model.emptyCache();
    expect(cache.gainBytes).toBe(reserved - recording.model.reserved);
    expect(cache.gainBytes).toBeGreaterThan(0);
  });

  it('does not fire where nothing rose', async () => {
    expect(idsOf(await requests(new Array<number>(24).fill(100)).findings())).not.toContain(
      'caching-allocator',
    );
  });

  it('does not fire where allocated grows too', async () => {
    expect(idsOf(await leakOf(2 * MIB))).not.toContain('caching-allocator');
  });
});

describe('growth-unclear', () => {
  it('fires where reserved grew and the recording ends before that does', async () => {
    const findings = await requests([20, 20, 60, 60, 100, 100]).findings();
    const unclear = findingOf(findings, 'growth-unclear');
    expect(unclear).toMatchObject({ severity: 'info', confidence: 'low', gainBytes: null });
    expect(unclear.title).toBe('Not enough data to tell whether reserved memory stops growing');
    expect(unclear.remedy).toContain('Record more iterations');
    expect(idsOf(findings)).not.toContain('caching-allocator');
  });

  it('does not fire where the same goes on long enough', async () => {
    const findings = await requests([20, 20, 60, 60, 100, ...new Array<number>(20).fill(100)]).findings();
    expect(idsOf(findings)).not.toContain('growth-unclear');
  });

  it('fires where allocated still grows, ever slower: no leak is claimed', async () => {
    const findings = await training((recording, step) => {
      const bytes = Math.floor((64 * MIB) / (step + 1) / 512) * 512;
      recording.take('main:11 cache:9', bytes);
    }, 40).findings();
    expect(idsOf(findings)).not.toContain('linear-leak');
    expect(findingOf(findings, 'growth-unclear').severity).toBe('risk');
  });

  it('fires where no loop is found in a run of many requests, and not in a handful', async () => {
    const once = new Recording({ conf: '' });
    for (let i = 0; i < 120; i++) once.take(`load:${i}`, (1 + (i % 7)) * MIB);
    const unclear = findingOf(await once.findings(), 'growth-unclear');
    expect(unclear.title).toBe('No iterations were found, so growth of memory cannot be judged');
    expect(unclear.evidence[0].row).toBe(once.rows - 1);
    const few = new Recording({ conf: '' });
    for (let i = 0; i < 10; i++) few.take(`load:${i}`, (1 + i) * MIB);
    expect(idsOf(await few.findings())).not.toContain('growth-unclear');
  });
});

describe('fragmentation-growth', () => {
  it('fires where reserved goes on growing though nothing grows that is in use', async () => {
    const recording = shiftingSizes(2);
    const findings = await recording.findings();
    const growth = findingOf(findings, 'fragmentation-growth');
    expect(growth.severity).toBe('risk');
    expect(growth.title).toMatch(/^Reserved memory grows by [\d.]+ MiB per iteration, allocated does not$/);
    expect(growth.verdict).toContain('fragmentation');
    const reserved = recording.model.reserved;
    recording.model.emptyCache();
    expect(growth.gainBytes).toBe(reserved - recording.model.reserved);
    expect(idsOf(findings)).not.toContain('linear-leak');
    expect(idsOf(findings)).not.toContain('caching-allocator');
  });

  it('does not fire where the sizes stay', async () => {
    expect(idsOf(await shiftingSizes(0).findings())).not.toContain('fragmentation-growth');
  });

  it('does not fire where the program leaks', async () => {
    expect(idsOf(await leakOf(2 * MIB))).not.toContain('fragmentation-growth');
  });
});

describe('a loop of work that ended', () => {
  /** Training that keeps `kept` results of its steps, then an evaluation of more batches that keeps none. */
  function trainedThenEvaluated(kept: boolean): Recording {
    const recording = new Recording({ conf: '' });
    recording.take('main:1 build:2', 64 * MIB);
    for (let step = 0; step < 30; step++) {
      const live = ['norm:11', 'mix:12', 'head:13'].map((line) =>
        recording.take(`main:3 train:9 ${line}`, 8 * MIB),
      );
      recording.drop(...live);
      recording.touch('main:4 optimize:14', 2 * MIB);
      if (kept) recording.take('main:5 log:15', MIB);
    }
    for (let batch = 0; batch < 60; batch++) {
      recording.touch('main:6 evaluate:21', 6 * MIB);
      recording.touch('main:7 compare:22', 512);
    }
    return recording;
  }

  it('is told of where it kept what is still held', async () => {
    const findings = await trainedThenEvaluated(true).findings();
    const told = findingOf(findings, 'growth-unclear');
    expect(told.title).toBe('A loop that ended kept 21 MiB, which is still held');
    expect(told.verdict).toContain('most from log (user/app.py:15)');
    expect([told.severity, told.confidence]).toEqual(['risk', 'low']);
  });

  it('is not where it kept nothing', async () => {
    expect(idsOf(await trainedThenEvaluated(false).findings())).not.toContain('growth-unclear');
  });
});
