/** Iterations without markers and with: programs written by hand, and recordings whose loops are known. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { findIterations } from '../../../src/analyze/growth/iterations.ts';
import { findPeriod } from '../../../src/analyze/growth/iteration-period.ts';
import { asBigInt64 } from '../../../src/base/u64.ts';
import type { DeviceTrace } from '../../../src/trace/capture.ts';
import { ACTION, NONE } from '../../../src/trace/schema.ts';
import { recordingBytes, seeded, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { livesOf, Program } from './program.ts';

const iterationsOf = (trace: DeviceTrace) => findIterations(trace, livesOf(trace));

/** A server: warm-up, then requests whose generation loop runs as long as `tokens` says. */
function server(tokens: readonly number[], rows: number[] = []): Program {
  const program = new Program();
  for (let layer = 0; layer < 20; layer++) program.alloc('main:1 load:3', 4096 + 512 * layer);
  for (const count of tokens) {
    rows.push(program.length);
    const prompt = program.alloc('main:5', 512 * count);
    program.touch('main:6 prefill:1', 512);
    program.touch('main:6 prefill:2 embed:1', 1024 * count);
    const cache = program.alloc('main:6 prefill:3', 2048);
    for (let token = 0; token < count; token++) {
      for (let layer = 0; layer < 3; layer++) program.touch('main:6 decode:2 layer:9', 4096 + 512 * token);
      program.touch('main:6 decode:3 sample:2', 512);
    }
    program.free(cache);
    program.free(prompt);
  }
  return program;
}

describe('iterations from the allocations alone', () => {
  it('finds requests of different lengths, without the warm-up, at the row each begins', () => {
    const rows: number[] = [];
    const program = server([5, 9, 3, 14, 7, 4, 11, 6], rows);
    const found = iterationsOf(program.trace());
    expect(found.method).toBe('period');
    expect([...found.rows]).toEqual([...rows, program.length]);
    expect(found.confidence).toBe('high');
    expect(found.startsInside).toBe(false);
    expect(found.endsInside).toBe(false);
  });

  it('names the stack that comes once an iteration, and the times of the boundaries', () => {
    const program = server([5, 9, 3, 14, 7, 4]);
    const trace = program.trace();
    const found = iterationsOf(trace);
    const once = program.stacks.stack(found.anchorStack);
    expect(once.at(-1)!.name).toBe('main');
    const times = asBigInt64(trace.events.time_ns);
    expect([...found.times_ns].slice(0, -1)).toEqual([...found.rows].slice(0, -1).map((row) => times[row]));
    expect(found.times_ns.at(-1)).toBe(times.at(-1));
  });

  it('leaves out an iteration that the end cuts off, and says so', () => {
    const rows: number[] = [];
    const program = server([5, 9, 3, 14, 7, 4, 11], rows);
    program.alloc('main:5', 512);
    const found = iterationsOf(program.trace());
    expect([...found.rows]).toEqual([...rows, program.length - 1]);
    expect(found.endsInside).toBe(true);
  });

  it('says where the recording begins inside the loop', () => {
    const rows: number[] = [];
    const whole = server([5, 9, 3, 14, 7, 4, 11, 6], rows);
    const found = iterationsOf(whole.tail(rows[1] + 3));
    expect(found.count).toBeGreaterThanOrEqual(6);
    // The boundaries of what is left lie where those of the whole lie.
    const expected = rows.slice(2).map((row) => row - rows[1] - 3);
    expect([...found.rows].filter((row) => expected.includes(row))).toEqual(expected);
  });

  it('takes what happens every tenth step for no loop of its own', () => {
    const program = new Program();
    for (let step = 0; step < 60; step++) {
      const x = program.alloc('main:5', 512);
      program.touch('main:6 forward:2', 2048);
      program.touch('main:7 backward:2', 2048);
      if (step % 10 === 9) program.touch('main:8 log:2', 512);
      program.free(x);
    }
    expect(iterationsOf(program.trace()).count).toBe(60);
  });

  it('takes the filling of layers for no iterations', () => {
    const program = new Program();
    for (let layer = 0; layer < 30; layer++) {
      program.alloc('main:1 init:2', 512);
      program.alloc('main:1 init:3', 1024);
    }
    for (let step = 0; step < 8; step++) {
      const x = program.alloc('main:5', 512);
      for (let layer = 0; layer < 30; layer++) {
        program.touch('main:6 forward:2', 2048);
        program.touch('main:6 forward:3', 2048);
      }
      program.touch('main:7 step:2', 4096);
      program.free(x);
    }
    expect(iterationsOf(program.trace()).count).toBe(8);
  });

  it('goes by sizes where no stacks were recorded', () => {
    const program = new Program();
    for (let step = 0; step < 12; step++) {
      const x = program.alloc(null, 512);
      program.touch(null, 2048);
      program.touch(null, 4096);
      program.touch(null, 2048);
      program.free(x);
    }
    const found = iterationsOf(program.trace());
    expect(found.count).toBe(12);
    expect(found.anchorStack).toBe(NONE);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('finds none in random traffic (seed %i)', (seed) => {
    const random = seeded(seed);
    const program = new Program();
    const sizes = [512, 1024, 2048, 4096, 8192];
    const sites = ['main:5', 'main:6 a:1', 'main:7 b:2', 'main:8 c:3'];
    for (let i = 0; i < 400; i++)
      program.touch(sites[Math.floor(random() * sites.length)], sizes[Math.floor(random() * sizes.length)]);
    const found = iterationsOf(program.trace());
    expect([found.method, found.count]).toEqual(['none', 0]);
  });

  it('finds none where there is nothing', () => {
    expect(iterationsOf(new Program().trace()).method).toBe('none');
  });
});

describe('periods of symbols', () => {
  const periodOf = (text: string) => {
    const letters = [...new Set(text)];
    return findPeriod(
      Uint32Array.from(text, (letter) => letters.indexOf(letter)),
      letters.length,
      false,
    );
  };

  it('is told from counts between anchors, not from distances', () => {
    expect(periodOf('wwwaxbcabcaxxxbcabcaxbcaxxbcabcaxbcabc')?.anchors.length).toBe(9);
  });

  it('is none where order and counts are of chance', () => {
    expect(periodOf('abcbacabbcacbbaccabcabbcaacbcabacbbac')).toBeNull();
  });
});

describe('iterations from marks', () => {
  const steps = (program: Program, count: number): number[] => {
    const rows: number[] = [];
    for (let step = 0; step < count; step++) {
      rows.push(program.length);
      program.touch('main:5', 512);
      program.touch('main:6', 1024);
    }
    return rows;
  };

  it('takes given times as they are, in any order', () => {
    const program = new Program();
    const rows = steps(program, 6);
    const times = BigInt64Array.from([rows[4], rows[0], rows[2]], (row) => BigInt(row * 1000));
    const trace = program.trace();
    const found = findIterations(trace, livesOf(trace), { times_ns: times, name: '3 lines of a log' });
    expect(found.method).toBe('markers');
    expect([...found.rows]).toEqual([rows[0], rows[2], rows[4], program.length]);
  });

  it('counts times between the same two events once, and those after the end not at all, and says both', () => {
    const program = new Program();
    const rows = steps(program, 6);
    const trace = program.trace();
    const times_ns = BigInt64Array.from(
      [rows[0] * 1000, rows[3] * 1000 - 2, rows[3] * 1000 - 1, 1e12],
      BigInt,
    );
    const found = findIterations(trace, livesOf(trace), { times_ns, name: 'x' });
    expect(found.count).toBe(2);
    expect(found.confidence).toBe('medium');
    expect(found.why.join(' ')).toMatch(/1 of 4 fall between .* 1 of 4 lie after/);
  });

  it('goes by annotations where the allocations show no loop', () => {
    const random = seeded(3);
    const program = new Program();
    const rows: number[] = [];
    for (let step = 0; step < 9; step++) {
      rows.push(program.length);
      for (let i = 0; i < 5 + 20 * random(); i++) program.touch(null, Math.ceil(1e6 * random()));
    }
    const mark = (name: string) =>
      rows.map((row, i) => ({
        name: name.replace('#', `#${i}`),
        device: 0,
        start_ns: BigInt(row * 1000),
        end_ns: null,
      }));
    const annotated = iterationsOf(program.trace({ annotations: mark('ProfilerStep#') }));
    expect(annotated.method).toBe('annotations');
    expect([...annotated.rows]).toEqual([...rows, program.length]);
    // Two are no series.
    expect(iterationsOf(program.trace({ annotations: mark('ProfilerStep#').slice(0, 2) })).method).toBe(
      'none',
    );
  });

  it('holds annotations and allocations against each other', () => {
    const program = new Program();
    const rows: number[] = [];
    for (let step = 0; step < 9; step++) {
      rows.push(program.length);
      const x = program.alloc('main:5', 512);
      program.touch('main:6', 1024);
      program.touch('main:7', 1024);
      program.free(x);
    }
    const annotations = rows.map((row) => ({
      name: 'forward',
      device: 0,
      start_ns: BigInt(row * 1000 + 500),
      end_ns: null,
    }));
    const found = iterationsOf(program.trace({ annotations }));
    expect(found.method).toBe('period');
    expect(found.why.join(' ')).toContain('9 annotations named "forward"');
  });
});

const sample = (name: string) =>
  snapshotOf(
    new Uint8Array(gunzipSync(readFileSync(join(import.meta.dirname, `../../../samples/${name}.pickle.gz`)))),
  );

describe('the samples', () => {
  it.each([
    ['train', 12],
    ['leak', 40],
  ])('%s: %i iterations, with and without its annotations', async (name, count) => {
    const [trace] = (await sample(name)).devices;
    expect(iterationsOf(trace)).toMatchObject({ count, method: 'period', confidence: 'high' });
    expect(iterationsOf({ ...trace, annotations: [] })).toMatchObject({ count, method: 'period' });
  });

  it('train: steps begin where the optimizer is done and before the prefetch', async () => {
    const [trace] = (await sample('train')).devices;
    const { rows } = iterationsOf(trace);
    const prefetch = trace.annotations.filter(({ name }) => name === 'prefetch');
    const times = asBigInt64(trace.events.time_ns);
    for (let i = 1; i < 12; i++) {
      expect(trace.events.action[rows[i]]).toBe(ACTION.alloc);
      expect(times[rows[i]] > prefetch[i].start_ns && times[rows[i]] < prefetch[i].end_ns!).toBe(true);
    }
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('the recordings in ../shared/traces', () => {
  it.each([
    ['train_expandable/train_expandable.pickle', 0, 12, 'high'],
    ['serve/serve.pickle', 0, 10, 'high'],
    ['ranks/rank0.pickle', 0, 20, 'high'],
    ['ranks/rank1.pickle', 0, 20, 'high'],
    ['twogpu/train_twogpu.pickle', 0, 6, 'high'],
    ['twogpu/train_twogpu.pickle', 1, 6, 'high'],
    ['unmap/unmap.pickle', 0, 7, 'high'],
    ['pending/pending.pickle', 0, 200, 'medium'],
    ['graphs/graphs.pickle', 0, 3, 'low'],
    ['oom/oom.pickle', 0, 0, 'low'],
    ['ring/ring.pickle', 0, 0, 'low'],
    ['churn/churn_0.pickle', 0, 0, 'low'],
    ['churn/capped_9.pickle', 0, 0, 'low'],
  ])('%s, device %i: %i iterations, %s', { timeout: 120_000 }, async (name, device, count, confidence) => {
    const trace = (await snapshotOf(recordingBytes(name))).devices[device];
    expect(iterationsOf(trace)).toMatchObject({ count, confidence });
  });

  it('big: none', { timeout: 60_000 }, async () => {
    const [trace] = (await snapshotOf(recordingBytes('big/big.pickle'))).devices;
    expect(iterationsOf(trace).method).toBe('none');
  });
});
