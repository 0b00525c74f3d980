/**
 * Which free block a request gets that is too large to be split: what the allocator did (test/record/split_rounding.py,
 * PyTorch 2.11 on an H100). The least that a block may be larger follows `large_segment_size_mb`.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllocConf } from '../../src/replay/alloc-conf.ts';
import { ACTION } from '../../src/trace/schema.ts';
import { MIB, Recording } from '../diagnose/recording.ts';

interface Recorded {
  readonly conf: string;
  /** MiB asked for after 100 MiB were freed: whether that block was used. */
  readonly reused?: Readonly<Record<string, boolean>>;
  readonly segment_of_3_MiB?: number;
  readonly error?: readonly string[];
}

const recorded = JSON.parse(
  readFileSync(new URL('../fixtures/allocator-truth/split_rounding.json', import.meta.url), 'utf8'),
) as readonly Recorded[];

const segments = (recording: Recording): number =>
  recording.trace().events.action.filter((action) => action === ACTION.segment_alloc).length;

describe('blocks that are not split', () => {
  it.each(recorded.filter(({ reused }) => reused !== undefined))(
    '$conf',
    ({ conf, reused, segment_of_3_MiB }) => {
      const parsed = parseAllocConf(conf);
      if (!parsed.ok) throw new Error(parsed.error.message);
      const { settings } = parsed.value;
      for (const [mib, used] of Object.entries(reused!)) {
        const recording = new Recording({ settings });
        recording.touch(null, 100 * MIB);
        const before = segments(recording);
        recording.touch(null, Number(mib) * MIB);
        expect([mib, segments(recording) === before]).toEqual([mib, used]);
      }
      const recording = new Recording({ settings });
      recording.take(null, 3 * MIB);
      expect(recording.trace().segments!.total_size[0]).toBe(segment_of_3_MiB);
    },
  );

  it.each(recorded.filter(({ error }) => error !== undefined))(
    '$conf is refused in the same words',
    ({ conf, error }) => {
      const parsed = parseAllocConf(conf);
      expect(parsed.ok).toBe(false);
      if (!parsed.ok) expect(`ValueError: ${parsed.error.message}`).toContain(error![0]);
    },
  );
});
