/** Leak suspects: what grows and is never freed, by the line to look at; and what only looks like it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { findIterations } from '../../../src/analyze/growth/iterations.ts';
import { leakSuspects, type LeakReport } from '../../../src/analyze/growth/leak-suspects.ts';
import { lifetimesOf } from '../../../src/analyze/lifetimes.ts';
import { isOwnFrame } from '../../../src/analyze/user-frames.ts';
import type { DeviceTrace } from '../../../src/trace/capture.ts';
import { NONE } from '../../../src/trace/schema.ts';
import type { StackTable } from '../../../src/trace/stack-table.ts';
import { recordingBytes, snapshotOf } from '../../read/snapshot/fixtures.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { Program } from './program.ts';

function suspectsOf(trace: DeviceTrace, stacks: StackTable): LeakReport {
  const lives = lifetimesOf(trace.events, trace.partner);
  return leakSuspects(trace, stacks, lives, findIterations(trace, lives));
}

interface Step {
  (program: Program, step: number): void;
}

/** Weights, optimizer state in step 0, activations that go; and what `also` does in each step. */
function training(also: Step, steps = 12): LeakReport {
  const program = new Program();
  for (let layer = 0; layer < 6; layer++) program.alloc('main:1 torch.to:10', 4096);
  for (let step = 0; step < steps; step++) {
    const batch = program.alloc('main:5 load:3', 512);
    const held = [2, 3, 4].map((line) => program.alloc(`main:6 torch._call_impl:1790 forward:${line}`, 2048));
    also(program, step);
    for (const address of held.reverse()) program.free(address);
    if (step === 0) for (let layer = 0; layer < 12; layer++) program.alloc('main:7 torch.step:238', 4096);
    program.touch('main:7 torch.step:791', 4096);
    program.free(batch);
  }
  return suspectsOf(program.trace(), program.stacks);
}

describe('what grows', () => {
  it('weights, optimizer state and activations are no suspects', () => {
    expect(training(() => undefined).suspects).toEqual([]);
  });

  it('a kept allocation is one, with its line, bytes and rows', () => {
    const { suspects } = training((program) => program.alloc('main:8 keep:4', 1000));
    expect(suspects).toHaveLength(1);
    expect(suspects[0]).toMatchObject({
      kind: 'grows',
      label: 'keep  user/app.py:4',
      bytesPerIteration: 1000,
      countPerIteration: 1,
      count: 12,
      bytes: 12_000,
      confidence: 'high',
      hint: null,
    });
    expect(suspects[0].firstRow).toBeLessThan(suspects[0].lastRow);
  });

  it('a cache that ends at three is none, nor what waits for another stream', () => {
    const cache: number[] = [];
    const { suspects } = training((program) => {
      cache.push(program.alloc('main:8 remember:4', 1000));
      if (cache.length > 3) program.free(cache.shift()!);
      program.giveUp(program.alloc('main:9 side:2', 700));
    });
    expect(suspects).toEqual([]);
  });

  it('a cache that never ends is one, though its oldest are freed', () => {
    const cache: number[] = [];
    const { suspects } = training((program, step) => {
      cache.push(program.alloc('main:8 remember:4', 1000), program.alloc('main:8 remember:4', 1000));
      if (step > 2) program.free(cache.shift()!);
    }, 30);
    expect(suspects.map(({ label, kind }) => [label, kind])).toEqual([['remember  user/app.py:4', 'grows']]);
    // 2 live after the first, 33 after the last.
    expect(suspects[0].bytesPerIteration).toBeCloseTo((1000 * (33 - 2)) / 29, 6);
  });

  it('a list that is given up after the loop is none', () => {
    const program = new Program();
    const list: number[] = [];
    for (let step = 0; step < 12; step++) {
      program.touch('main:5 load:3', 512);
      program.touch('main:6', 512);
      list.push(program.alloc('main:7', 1000));
    }
    for (const address of list) program.free(address);
    expect(suspectsOf(program.trace(), program.stacks).suspects).toEqual([]);
  });

  it('ranks by bytes per iteration, not by total', () => {
    const { suspects } = training((program, step) => {
      program.alloc('main:8 small:4', 100);
      if (step > 3) program.alloc('main:9 large:4', 140);
    }, 40);
    expect(suspects.map(({ label }) => label.split(' ')[0])).toEqual(['large', 'small']);
  });

  it('takes the bytes of blocks where they are known', () => {
    const program = new Program();
    for (let step = 0; step < 10; step++) {
      program.touch('main:5', 512);
      program.touch('main:6', 512);
      program.alloc('main:7', 1000);
    }
    const trace = program.trace();
    const lives = lifetimesOf(trace.events);
    const iterations = findIterations(trace, lives);
    const report = leakSuspects(trace, program.stacks, lives, iterations, { sizeOf: () => 1024 });
    expect(report.suspects[0].bytesPerIteration).toBe(1024);
  });

  it('without stacks it is told by size', () => {
    const program = new Program();
    for (let step = 0; step < 12; step++) {
      program.touch(null, 4096);
      program.alloc(null, 1000);
      program.touch(null, 2048);
    }
    const { suspects } = suspectsOf(program.trace(), program.stacks);
    expect(suspects[0]).toMatchObject({ line: null, stack: NONE, bytesPerIteration: 1000 });
    expect(suspects[0].label).toBe('requests of 1000 bytes, no stack recorded');
  });
});

describe('which line', () => {
  const graph: Step = (program) => {
    program.alloc('main:8 torch._call_impl:1790 forward:2 torch._call_impl:1790 attention:5', 1000);
    program.alloc('main:8 torch._call_impl:1790 forward:3', 2000);
    program.alloc('main:8 torch._call_impl:1790 forward:4 torch.layer_norm:2935', 300);
  };

  it('a kept graph is one leak, at the line that calls the model', () => {
    const { suspects } = training(graph);
    expect(suspects).toHaveLength(1);
    expect(suspects[0]).toMatchObject({
      label: 'main  user/app.py:8',
      hint: 'autograd_graph',
      bytesPerIteration: 3300,
      countPerIteration: 3,
    });
    expect(suspects[0].parts.map(({ bytesPerIteration }) => bytesPerIteration)).toEqual([2000, 1000, 300]);
  });

  it('two stacks are two leaks', () => {
    const { suspects } = training((program) => {
      program.alloc('main:8 torch._call_impl:1790 forward:2', 1000);
      program.alloc('main:8 torch._call_impl:1790 forward:3', 2000);
    });
    expect(suspects.map(({ hint, bytesPerIteration }) => [hint, bytesPerIteration])).toEqual([
      ['activation', 2000],
      ['activation', 1000],
    ]);
  });

  it('another leak beside it stays one of its own', () => {
    const { suspects } = training((program, step) => {
      graph(program, step);
      program.alloc('main:9 log:4', 50);
    });
    expect(suspects.map(({ label }) => label)).toEqual(['main  user/app.py:8', 'log  user/app.py:4']);
  });

  it('stacks that grow at other times are other leaks', () => {
    const odd = new Set([0, 1, 4, 6, 9, 11, 12, 15, 18, 20, 21, 23]);
    const { suspects } = training((program, step) => {
      if (odd.has(step)) program.alloc('main:8 torch._call_impl:1790 forward:2', 1000);
      else program.alloc('main:8 torch._call_impl:1790 forward:3', 1000);
      program.alloc('main:8 torch._call_impl:1790 forward:4', 1000);
    }, 24);
    expect(suspects).toHaveLength(3);
  });

  it('own code is what lies in no package', () => {
    const frame = (filename: string) => ({ name: 'f', filename, line: 1 });
    expect(isOwnFrame(frame('/home/user/site-packages-notes/app.py'))).toBe(true);
    expect(isOwnFrame(frame('/opt/venv/lib/python3.12/site-packages/transformers/x.py'))).toBe(false);
    expect(isOwnFrame(frame('/usr/lib/python3.12/threading.py'))).toBe(false);
  });
});

describe('what was kept', () => {
  const output = (every: number) => {
    let last: number | null = null;
    return (program: Program, step: number): void => {
      const y = program.alloc('main:8 model:3', 9000);
      if (last !== null) program.free(last);
      last = step % every === every - 1 ? null : y;
    };
  };

  it('one in ten of twenty: named, with low confidence', () => {
    const { suspects } = training(output(10), 20);
    expect(suspects).toHaveLength(1);
    expect(suspects[0]).toMatchObject({ kind: 'kept', confidence: 'low', label: 'model  user/app.py:3' });
    expect(suspects[0].why[0]).toContain('cannot be told');
  });

  it('one in four of forty: grows', () => {
    const { suspects } = training(output(4), 40);
    expect(suspects[0].kind).toBe('grows');
    expect(suspects[0].bytesPerIteration / 9000).toBeCloseTo(0.25, 1);
  });

  it('none kept: the last one alive is no suspect', () => {
    expect(training(output(1000), 20).suspects).toEqual([]);
  });
});

describe('where nothing can be told', () => {
  it('without iterations it says so', () => {
    const program = new Program();
    program.alloc('main:1', 512);
    const { suspects, why } = suspectsOf(program.trace(), program.stacks);
    expect(suspects).toEqual([]);
    expect(why[0]).toContain('No iterations were found');
  });
});

const sample = (name: string) =>
  snapshotOf(
    new Uint8Array(gunzipSync(readFileSync(join(import.meta.dirname, `../../../samples/${name}.pickle.gz`)))),
  );

describe('the samples', () => {
  it('leak: the line of the list first, with the bytes each request keeps', async () => {
    const { devices, stacks } = await sample('leak');
    const { suspects } = suspectsOf(devices[0], stacks);
    expect(suspects).toHaveLength(1);
    const [leak] = suspects;
    expect(leak).toMatchObject({ kind: 'grows', confidence: 'high', hint: 'autograd_graph' });
    // results.append(model(...).mean()): the only line of the loop that allocates.
    expect(leak.line).toMatchObject({ name: 's_leak', line: 167 });
    expect(leak.line!.filename).toMatch(/record\.py$/);
    expect(leak.countPerIteration).toBe(64);
    expect(leak.bytesPerIteration).toBe(35_025_412);
    // All that is live at the end beside the weights: 40 requests of it.
    expect(leak.bytes).toBe(40 * 35_025_412);
  });

  it('train: none', async () => {
    const { devices, stacks } = await sample('train');
    expect(suspectsOf(devices[0], stacks).suspects).toEqual([]);
  });
});

const traces = sharedTraces();
describe.skipIf(traces === null)('the recordings in ../shared/traces', () => {
  it.each([
    'train_expandable/train_expandable.pickle',
    'serve/serve.pickle',
    'twogpu/train_twogpu.pickle',
    'ranks/rank0.pickle',
    'unmap/unmap.pickle',
    'pending/pending.pickle',
    'churn/churn_0.pickle',
    'ring/ring.pickle',
    'oom/oom.pickle',
  ])('%s: none', { timeout: 120_000 }, async (name) => {
    const { devices, stacks } = await snapshotOf(recordingBytes(name));
    for (const trace of devices) expect(suspectsOf(trace, stacks).suspects).toEqual([]);
  });

  it('rank 1 keeps one output in ten: named, with low confidence', async () => {
    const { devices, stacks } = await snapshotOf(recordingBytes('ranks/rank1.pickle'));
    const { suspects } = suspectsOf(devices[0], stacks);
    expect(suspects).toHaveLength(1);
    // The output of the head: of iterations 9 and 19, each 4 x 128 x 8192 floats.
    expect(suspects[0]).toMatchObject({ kind: 'kept', confidence: 'low', count: 2, bytes: 2 * 16_777_216 });
    expect(suspects[0].line).toMatchObject({ name: 'forward', line: 71 });
  });

  it('leak: within its rounding what the log of the run tells', async () => {
    const { devices, stacks } = await snapshotOf(recordingBytes('leak/leak.pickle'));
    const log = readFileSync(join(traces!, 'leak/leak.report.log'), 'utf8').trim().split('\n');
    const told = log.map((line) => Number(/Allocated: ([\d.]+)/.exec(line)![1]) * 1e6);
    const each = (told[39] - told[1]) / 38;
    const [leak] = suspectsOf(devices[0], stacks).suspects;
    // The log counts blocks, the recording requests: 64 blocks a request, none smaller than what it holds.
    expect(leak.bytesPerIteration).toBeLessThan(each);
    expect(leak.bytesPerIteration).toBeGreaterThan(0.98 * each);
  });
});
