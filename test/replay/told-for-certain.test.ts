/** What the replay of a recording can be sure of where the rows alone leave a choice. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { factsOfTrace, MIB, Recording } from '../diagnose/recording.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';

describe('blocks chosen', () => {
  it('counts what an expandable segment takes at the end of what is mapped (max_split_size_mb:64)', async () => {
    // A real program with requests on both sides of 64 MiB: best fit refuses to split free blocks of 64 MiB and more.
    const bytes = gunzipSync(
      readFileSync(new URL('../fixtures/field/expandable_split64.pickle.gz', import.meta.url)),
    );
    const { devices, stacks, settings } = await snapshotOf(new Uint8Array(bytes));
    const { replay } = factsOfTrace(devices[0], stacks, settings, '1:0').input;
    expect([replay!.fidelity.chosen, replay!.fidelity.requests]).toEqual([1345, 1345]);
  });
});

describe('retries without frames', () => {
  /** Fills the cache with a block of the one size, and asks for the other, which does not fit beside it. */
  function refused(recording: Recording, path: string | null, cached: number, asked: number): void {
    recording.drop(recording.take(path, cached));
    recording.drop(recording.take(path, asked));
  }

  function program(first: string | null): Recording {
    const recording = new Recording({ conf: '', limit: 100 * MIB });
    recording.take('main:1 weights:2', 20 * MIB);
    refused(recording, first, 40 * MIB, 60 * MIB);
    recording.touch('main:3 loss:4', MIB);
    // In a thread of the backward pass: more than the limit that is known.
    refused(recording, null, 70 * MIB, 72 * MIB);
    return recording;
  }

  it('are certain where they pass a limit that another request shows', () => {
    const recording = program('main:5 forward:6');
    const { replay } = recording.facts().input;
    expect(recording.model.stats.toStats()['num_alloc_retries']).toBe(3);
    expect(replay!.stats['num_alloc_retries']).toBe(3);
    expect(replay!.fidelity.causesCertain).toBe(true);
  });

  it('are not where no limit is known for certain', () => {
    const { replay } = program(null).facts().input;
    expect(replay!.fidelity.causesCertain).toBe(false);
  });
});
