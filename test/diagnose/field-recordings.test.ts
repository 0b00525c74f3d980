/** Recordings in the shapes of public ones (test/fixtures/field): what must be said of them and what must not. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { holderLabel } from '../../src/analyze/user-frames.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';
import type { SourceData } from '../../src/trace/capture.ts';
import { diagnoseData, factsOfTrace, findingOf, idsOf, MIB } from './recording.ts';

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
    expect(verdict).toContain('100 % by 3 lines of code');
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

describe('growth that is none', () => {
  it('has an end where what grew was given back (T29)', async () => {
    const data = await recording('T29-one-forward');
    const facts = factsOfTrace(data.devices[0], data.stacks, data.settings, '1:0');
    const allocated = facts.growthOf('allocated')!.atEnd;
    expect(allocated.kind).toBe('warm_up_plateau');
    expect(allocated.why[0]).toMatch(/^What 12 iterations kept, .* was given back before the recording ends/);
    expect(idsOf(await diagnoseData(data))).not.toContain('linear-leak');
  });

  it('cannot be told where the recording ends inside of the first pass (U03)', async () => {
    const data = await recording('U03-first-step-of-dataparallel');
    const all = await Promise.all([0, 1, 2].map((device) => diagnoseData(data, device)));
    for (const findings of all) {
      const ids = idsOf(findings);
      expect(ids).not.toContain('linear-leak');
      expect(ids).not.toContain('fragmentation-growth');
      for (const { remedy, verdict } of findings) {
        expect(remedy ?? '').not.toContain('no_grad');
        expect(verdict).not.toMatch(/threading\.py|parallel_apply\.py|module\.py|in 0 iterations/);
      }
    }
    const facts = [0, 1, 2].map((device) =>
      factsOfTrace(data.devices[device], data.stacks, data.settings, `1:${device}`),
    );
    expect(facts.map(({ allocatedPeak }) => allocatedPeak.bytes)).toEqual([
      1_476_395_008, 72_676_802_560, 19_893_583_872,
    ]);
    // Reserved and what the device had free: never what was asked for on top.
    expect(facts[1].limit!.bytes).toBe(72_676_802_560 + 96_468_992);
    const { kind, confidence, why } = facts[2].growthOf('allocated')!.atEnd;
    expect([kind, confidence]).toEqual(['cannot_tell', 'low']);
    expect(why[0]).toContain('forward (models.py:231)');
    expect(why[0]).toContain('A whole step was not seen twice');
  });
});
