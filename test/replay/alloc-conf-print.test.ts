import { describe, expect, it } from 'vitest';
import { parseAllocConf } from '../../src/replay/alloc-conf.ts';
import { allocConfLine, printAllocConf } from '../../src/replay/alloc-conf-print.ts';
import { DEFAULT_SETTINGS, ROUNDUP_CLASSES } from '../../src/replay/settings.ts';
import type { AllocatorSettings } from '../../src/replay/settings.ts';

const MIB = 1 << 20;
const settingsOf = (changes: Partial<AllocatorSettings>): AllocatorSettings => ({
  ...DEFAULT_SETTINGS,
  ...changes,
});
const uniform = (divisions: number): number[] => new Array<number>(ROUNDUP_CLASSES).fill(divisions);

function parsedSettings(text: string): AllocatorSettings {
  const parsed = parseAllocConf(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.error.message}`);
  expect(parsed.value.notes).toEqual([]);
  return parsed.value.settings;
}

describe('printAllocConf', () => {
  it.each<[string, Partial<AllocatorSettings>]>([
    ['', {}],
    ['max_split_size_mb:32', { maxSplitSize: 32 * MIB }],
    ['max_split_size_mb:17592186044415', { maxSplitSize: 2 ** 64 - 2 ** 20 }],
    ['large_segment_size_mb:64', { largeSegmentSize: 64 * MIB, maxNonSplitRounding: 64 * MIB }],
    ['max_non_split_rounding_mb:64', { maxNonSplitRounding: 64 * MIB }],
    [
      'max_non_split_rounding_mb:20,large_segment_size_mb:12',
      { largeSegmentSize: 12 * MIB, maxNonSplitRounding: 20 * MIB },
    ],
    ['garbage_collection_threshold:0.6', { garbageCollectionThreshold: 0.6 }],
    ['garbage_collection_threshold:1e-7', { garbageCollectionThreshold: 1e-7 }],
    ['per_process_memory_fraction:0', { perProcessMemoryFraction: 0 }],
    ['', { perProcessMemoryFraction: 1 }],
    ['roundup_power2_divisions:1', { roundupDivisions: uniform(1) }],
    ['roundup_power2_divisions:9223372036854775808', { roundupDivisions: uniform(2 ** 63) }],
    [
      'expandable_segments:True,max_split_size_mb:128,garbage_collection_threshold:0.8,roundup_power2_divisions:8',
      {
        expandableSegments: true,
        maxSplitSize: 128 * MIB,
        garbageCollectionThreshold: 0.8,
        roundupDivisions: uniform(8),
      },
    ],
  ])('%j', (conf, changes) => {
    expect(printAllocConf(settingsOf(changes))).toBe(conf);
  });

  it.each([
    // The fewest entries, then the fewest '>', then the fewest characters.
    ['[256:1,512:2,1024:4,>:8]', '[256:1,512:2,1024:4,>:8]'],
    ['[1:1,2:1,4:1,8:1,16:1,32:1,64:1,128:1,256:1,>:0]', '[256:1]'],
    ['[32768:4]', '4'],
    ['[>:4]', '[>:4]'],
    ['[1:0,2:4,>:4]', '[>:4]'],
    ['[1:0,2:0,4:0,8:2]', '[1:0,8:2]'],
    ['[64:8,1:4]', '[1:4,>:8,64:8,>:0]'],
    ['[1:0,2:4,4:4,8:4,16:4,32:4,64:4,128:8,>:8]', '[1:0,>:4,64:4,>:8]'],
    ['[1:4,64:8,256:2,>:1]', '[1:4,64:8,256:2,>:1]'],
    ['[256:1,>:8,1024:2]', '[256:1,>:8,1024:2]'],
  ])('writes the list %s as %s', (list, shortest) => {
    const settings = parsedSettings(`roundup_power2_divisions:${list}`);
    expect(printAllocConf(settings)).toBe(`roundup_power2_divisions:${shortest}`);
  });

  it('reads back as the same settings over a grid of them', () => {
    let printed = 0;
    for (const maxSplitSize of [Infinity, 64 * MIB, 200 * MIB])
      for (const expandableSegments of [false, true])
        for (const largeSegmentSize of [11 * MIB, 20 * MIB, 64 * MIB])
          for (const maxNonSplitRounding of [64 * MIB, 100 * MIB])
            for (const garbageCollectionThreshold of [0, 0.1 + 0.2, 0.999])
              for (const perProcessMemoryFraction of [null, 0, 1 / 3])
                for (const divisions of [0, 1, 4]) {
                  const settings: AllocatorSettings = {
                    maxSplitSize,
                    expandableSegments,
                    largeSegmentSize,
                    maxNonSplitRounding,
                    garbageCollectionThreshold,
                    perProcessMemoryFraction,
                    roundupDivisions: uniform(divisions),
                  };
                  const conf = printAllocConf(settings);
                  expect(parsedSettings(conf)).toEqual(settings);
                  expect(printAllocConf(parsedSettings(conf))).toBe(conf);
                  printed++;
                }
    expect(printed).toBe(3 * 2 * 3 * 2 * 3 * 3 * 3);
  });

  it('reads back as the same divisions, whichever they are, and no longer than entry by entry', () => {
    // A linear congruential sequence: the same two thousand lists in every run.
    let state = 12345;
    const next = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    for (let round = 0; round < 2000; round++) {
      const values = [0, 1, 2, 8, 256].slice(0, 2 + next(4));
      const roundupDivisions: number[] = [];
      while (roundupDivisions.length < ROUNDUP_CLASSES) {
        const value = values[next(values.length)];
        for (let run = 1 + next(6); run > 0 && roundupDivisions.length < ROUNDUP_CLASSES; run--)
          roundupDivisions.push(value);
      }
      const conf = printAllocConf(settingsOf({ roundupDivisions }));
      expect(parsedSettings(conf).roundupDivisions).toEqual(roundupDivisions);
      const entries = roundupDivisions.map((divisions, index) => `${2 ** index}:${divisions}`);
      expect(conf.length).toBeLessThanOrEqual(`roundup_power2_divisions:[${entries.join(',')}]`.length);
    }
  });

  it.each<Partial<AllocatorSettings>>([
    { maxSplitSize: 19 * MIB },
    { maxSplitSize: 32 * MIB + 1 },
    { maxSplitSize: 32 * MIB, largeSegmentSize: 64 * MIB, maxNonSplitRounding: 64 * MIB },
    { maxNonSplitRounding: 10 * MIB },
    { maxNonSplitRounding: Infinity },
    { largeSegmentSize: 10 * MIB, maxNonSplitRounding: 10 * MIB },
    { garbageCollectionThreshold: 1 },
    { perProcessMemoryFraction: 1.5 },
    { perProcessMemoryFraction: NaN },
    { roundupDivisions: uniform(3) },
    { roundupDivisions: uniform(2 ** 64) },
    { roundupDivisions: uniform(0.5) },
    { roundupDivisions: [4] },
  ])('throws where no string says it: %j', (changes) => {
    expect(() => printAllocConf(settingsOf(changes))).toThrow(RangeError);
  });
});

describe('allocConfLine', () => {
  it('quotes what a shell would read as its own', () => {
    expect(allocConfLine(settingsOf({ maxSplitSize: 32 * MIB }))).toBe(
      'PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32',
    );
    const settings = parsedSettings('roundup_power2_divisions:[256:1,>:8]');
    const line = allocConfLine(settings);
    expect(line).toBe("PYTORCH_CUDA_ALLOC_CONF='roundup_power2_divisions:[256:1,>:8]'");
    expect(parsedSettings(line)).toEqual(settings);
  });

  it('sets nothing for the defaults', () => {
    expect(allocConfLine(DEFAULT_SETTINGS)).toBe('PYTORCH_CUDA_ALLOC_CONF=');
  });
});
