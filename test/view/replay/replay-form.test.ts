import { describe, expect, it } from 'vitest';
import { parseAllocConf } from '../../../src/replay/alloc-conf.ts';
import { printAllocConf } from '../../../src/replay/alloc-conf-print.ts';
import {
  NO_FIELDS,
  confNotes,
  confText,
  divisionsWords,
  fieldAt,
  fieldsOf,
  limitsAtFirst,
  limitsWords,
  markedText,
  readLimits,
  readMib,
  recordedWords,
  writeMib,
} from '../../../src/view/replay/replay-form.ts';
import { DEFAULT_SETTINGS } from '../../../src/replay/settings.ts';
import { GIB, MIB, replayAnswer } from './replay-for-test.ts';

describe('fields and the string', () => {
  it.each([
    '',
    'expandable_segments:True',
    'max_split_size_mb:128,garbage_collection_threshold:0.6',
    'roundup_power2_divisions:[256:1,512:2,1024:4,>:8]',
    'expandable_segments:True,max_split_size_mb:64,max_non_split_rounding_mb:40,large_segment_size_mb:32,garbage_collection_threshold:0.8,roundup_power2_divisions:[8:8],per_process_memory_fraction:0.5',
  ])('"%s" becomes fields and is made of them again, with the same meaning', (text) => {
    const settingsOf = (conf: string) => {
      const parsed = parseAllocConf(conf);
      if (!parsed.ok) throw new Error(parsed.error.message);
      return parsed.value.settings;
    };
    const printed = printAllocConf(settingsOf(text));
    expect(settingsOf(confText(fieldsOf(printed)))).toEqual(settingsOf(text));
  });

  it('keep what was typed for PyTorch to judge', () => {
    expect(confText({ ...NO_FIELDS, max_split_size_mb: ' twelve ' })).toBe('max_split_size_mb:twelve');
  });

  it('say which field an error is about', () => {
    const text = 'expandable_segments:True,max_split_size_mb:12';
    expect(fieldAt(text, text.length - 2)).toBe('max_split_size_mb');
    expect(fieldAt(text, 22)).toBe('expandable_segments');
    expect(fieldAt('nonsense:1', 3)).toBeNull();
  });

  it('mark the place where the parser stumbled', () => {
    expect(markedText('max_split_size_mb:12,x:1', 18)).toEqual(['max_split_size_mb:', '12', ',x:1']);
    expect(markedText('a:[1', 4)).toEqual(['a:[1', '', '']);
  });
});

describe('limits', () => {
  it('are whole bytes of what is typed in MiB', () => {
    expect(readMib('7000')).toBe(7000 * MIB);
    expect(readMib(' 0.5 ')).toBe(MIB / 2);
    expect(readMib('')).toBeNull();
    expect(['-1', '0', 'x', '1e3', '1 2', '99999999999999'].map(readMib)).toEqual(
      new Array<undefined>(6).fill(undefined),
    );
  });

  it.each([1, 4_243_587_072, 2 ** 40 + 512])('%i bytes are written so that they are read again', (bytes) => {
    expect(readMib(writeMib(bytes))).toBe(bytes);
  });

  it('begin with the limit that the recording met, unless a fraction sets it', () => {
    expect(limitsAtFirst(replayAnswer())).toEqual({ cap: '', card: '' });
    const met = replayAnswer({ limitBounds: [4046 * MIB, 4100 * MIB] });
    expect(limitsAtFirst(met)).toEqual({ cap: '4046', card: '' });
    const { settings } = met;
    const values = { ...settings.values, perProcessMemoryFraction: 0.5 };
    expect(limitsAtFirst({ ...met, settings: { ...settings, values } }).cap).toBe('');
  });

  it('are not asked with where one is no size', () => {
    expect(readLimits({ cap: '', card: '81920' })).toEqual({ cap: null, capacity: 80 * GIB });
    expect(readLimits({ cap: 'all', card: '' })).toBeNull();
    expect(limitsWords({ cap: 2 * GIB, capacity: 80 * GIB }, 'binary')).toBe(
      'at most 2 GiB on a card of 80 GiB',
    );
  });
});

describe('words', () => {
  const classes = (change: Record<number, number>): number[] =>
    DEFAULT_SETTINGS.roundupDivisions.map((n, i) => change[i] ?? n);

  it('tell divisions by size', () => {
    expect(divisionsWords(classes({}))).toContain('not rounded up');
    expect(divisionsWords(classes({ 3: 8 }))).toBe(
      'Steps between powers of two. below 8 MiB: none; 8 MiB to 16 MiB: 8 steps; 16 MiB and more: none.',
    );
    expect(divisionsWords(new Array<number>(16).fill(4))).toBe(
      'Steps between powers of two. all requests: 4 steps.',
    );
  });

  it('tell the settings in force and where they are from', () => {
    const { settings } = replayAnswer();
    expect(recordedWords(settings)).toEqual([
      'Recorded under the default settings.',
      'The file does not hold per_process_memory_fraction: the default is assumed.',
    ]);
    const assumed = Object.fromEntries(Object.keys(settings.origins).map((name) => [name, 'assumed']));
    expect(recordedWords({ ...settings, origins: assumed as typeof settings.origins })[1]).toBe(
      'The file holds no settings: the defaults are assumed.',
    );
    expect(
      recordedWords({ ...settings, conf: null, changed: ['maxSplitSize'], confError: 'stoull' }).join(' '),
    ).toMatch(/no string gives.*Changed after the start.*max_split_size_mb.*could not be read: stoull/);
  });

  it('say what a string has that does nothing', () => {
    const answer = {
      ok: true,
      conf: '',
      values: DEFAULT_SETTINGS,
      ignored: ['backend'],
      notes: [{ message: 'given twice', offset: 0 }],
      line: null,
    } as const;
    expect(confNotes(answer)).toEqual([
      'given twice',
      'backend: accepted, but changes nothing about blocks and segments.',
    ]);
  });
});
