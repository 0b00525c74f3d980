/** Recordings in the shapes of public ones (test/fixtures/field): what must be said of them and what must not. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { holderLabel } from '../../src/analyze/user-frames.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';
import type { SourceData } from '../../src/trace/capture.ts';
import { diagnoseData, factsOfTrace, findingOf, MIB } from './recording.ts';

const recording = (name: string): Promise<SourceData> =>
  snapshotOf(
    new Uint8Array(gunzipSync(readFileSync(new URL(`../fixtures/field/${name}.pickle.gz`, import.meta.url)))),
  );

/** Bytes held at the end by label, most first. */
function heldAtEnd({ devices, stacks, settings }: SourceData): [string, number][] {
  const facts = factsOfTrace(devices[0], stacks, settings, '1:0');
  const held = new Map<string, number>();
  for (const { stack, bytes } of facts.holdersAfter(facts.rows - 1)) {
    const label = holderLabel(stacks, stack);
    held.set(label, (held.get(label) ?? 0) + bytes);
  }
  return [...held].sort((a, b) => b[1] - a[1]);
}

describe('frames that are nobody’s line', () => {
  it("passes over CPython's own files (T30)", async () => {
    const data = await recording('T30-cpython-frames');
    expect(heldAtEnd(data)).toEqual([
      ['<module>  app/profile_grad.py:7', 2_000_000_000],
      ['<module>  app/profile_grad.py:11', 1_033_554_432],
      ['<module>  app/profile_grad.py:10', 200_000_000],
    ]);
    const { verdict, confidence } = findingOf(await diagnoseData(data), 'who-holds');
    expect(verdict).toContain('3 lines of code held 100.0% of it');
    expect(confidence).toBe('certain');
  });

  it('names gradients by their autograd node (T31)', async () => {
    const data = await recording('T31-cpp-only-stacks');
    expect(heldAtEnd(data)).toEqual([
      ['ConvolutionBackward0 in the backward pass', 96 * MIB],
      ['PowBackward0 in the backward pass', 64 * MIB],
      ['isnan in the backward pass', 48 * MIB],
      ['train_step  app/train.py:33', 40 * MIB],
      ['AccumulateGrad in the backward pass', 32 * MIB],
    ]);
    const { confidence, confidenceWhy, verdict } = findingOf(await diagnoseData(data), 'who-holds');
    expect(confidence).toBe('high');
    expect(confidenceWhy).toContain('no line of Python');
    expect(verdict).toContain('5 lines of code and operations');
  });

  it('reads paths of Windows (U04)', async () => {
    const data = await recording('U04-windows-paths');
    expect(heldAtEnd(data)).toEqual([
      ['build  train/run.py:52', 240 * MIB],
      ['build_teacher  train/run.py:60', 240 * MIB],
      ['forward  train/mlp.py:21', 120 * MIB],
      ['forward  train/mlp.py:23', 104 * MIB],
    ]);
  });
});
