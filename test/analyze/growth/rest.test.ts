/** What the rest of a recording takes back of a verdict, and what looks like it and does not. */
import { describe, expect, it } from 'vitest';
import { idsOf, MIB, Recording } from '../../diagnose/recording.ts';

/** `rounds` results are kept; `after` is what the program does then. */
function kept(
  rounds: number,
  after: (recording: Recording, results: ReturnType<Recording['take']>[]) => void,
) {
  const recording = new Recording({ conf: '' });
  recording.take('main:1 build:2', 32 * MIB);
  const results: ReturnType<Recording['take']>[] = [];
  for (let i = 0; i < rounds; i++) {
    recording.touch('main:3 forward:4', 4 * MIB);
    recording.touch('main:3 loss:5', 512);
    results.push(recording.take('main:6 collect:7', 2 * MIB));
  }
  after(recording, results);
  return recording.facts().growthOf('allocated')!.atEnd;
}

describe('growth that is given back', () => {
  it('had an end', () => {
    const { kind, why } = kept(30, (recording, results) => {
      recording.touch('main:8 join:9', 64 * MIB);
      recording.drop(...results);
    });
    expect(kind).toBe('warm_up_plateau');
    expect(why[0]).toMatch(/given back before the recording ends/);
  });

  it('had none where a third of it stays', () => {
    const { kind } = kept(30, (recording, results) => {
      recording.touch('main:8 join:9', 64 * MIB);
      recording.drop(...results.slice(10));
    });
    expect(['linear_leak', 'cannot_tell']).toContain(kind);
  });

  it('is a leak where nothing is', () => {
    expect(kept(30, () => undefined).kind).toBe('linear_leak');
  });
});

describe('workspaces of cuBLAS', () => {
  /** Products on four streams; `each`: tensors of 32 MiB that stay on each. */
  function onStreams(each: number, result = '50'): Recording {
    const recording = new Recording({ conf: '', streams: 4 });
    for (let stream = 0; stream < 4; stream++)
      for (let i = 0; i < each; i++) {
        const y = recording.take('main:5 linear:50', MIB, { stream });
        recording.take(`main:5 linear:${result}`, 32 * MIB, { stream });
        recording.drop(y);
      }
    return recording;
  }

  it('are one or two on a stream, right behind a request of their line', () => {
    const { bytes, streams, many } = onStreams(1).facts().workspaces;
    expect([bytes, streams, many]).toEqual([4 * 32 * MIB, 4, true]);
    expect(onStreams(2).facts().workspaces.bytes).toBe(8 * 32 * MIB);
  });

  it('are not what is kept more often, what another line makes, or what is freed', () => {
    expect(onStreams(3).facts().workspaces.bytes).toBe(0);
    expect(onStreams(1, '51').facts().workspaces.bytes).toBe(0);
    const recording = new Recording({ conf: '', streams: 4 });
    for (let stream = 0; stream < 4; stream++) {
      const y = recording.take('main:5 linear:50', MIB, { stream });
      recording.drop(recording.take('main:5 linear:50', 32 * MIB, { stream }), y);
    }
    expect(recording.facts().workspaces.many).toBe(false);
  });

  it('leave the growth of the program to be seen', async () => {
    const recording = new Recording({ conf: '', streams: 24 });
    for (let i = 0; i < 24; i++) {
      const y = recording.take('main:5 linear:50', MIB, { stream: i });
      recording.take('main:5 linear:50', 32 * MIB, { stream: i });
      recording.take('main:6 keep:60', 2 * MIB, { stream: i });
      recording.drop(recording.take('main:5 relu:51', MIB, { stream: i }), y);
    }
    const { kind, slopePerIteration } = recording.facts().growthOf('allocated')!.atEnd;
    expect([kind, slopePerIteration]).toEqual(['linear_leak', 2 * MIB]);
    expect(idsOf(await recording.findings())).toContain('cublas-workspaces');
  });
});
