import { describe, expect, it } from 'vitest';
import { parseAllocConf, parseAllocConfOfAnyVersion } from '../../src/replay/alloc-conf.ts';
import { DEFAULT_SETTINGS } from '../../src/replay/settings.ts';
import type { AllocatorSettings } from '../../src/replay/settings.ts';

const MIB = 1 << 20;

/** "1x9 2" is nine times 1, then 2. */
function classes(runs: string): number[] {
  return runs.split(' ').flatMap((run) => {
    const [value, count = 1] = run.split('x').map(Number);
    return new Array<number>(count).fill(value);
  });
}

/**
 * What PyTorch 2.11.0 said to each string, and the settings that were in force afterwards, where they are not the
 * defaults. Large segment size, non-split rounding and memory fraction it does not show: those follow from the source.
 * Of an INTERNAL ASSERT only the reason stands here.
 */
// prettier-ignore
const RECORDED: readonly [string, string | null, Partial<AllocatorSettings>][] = [
  ['', null, {  }],
  ['max_split_size_mb:20', null, { maxSplitSize: 20 * MIB }],
  ['max_split_size_mb:19', 'CachingAllocator option max_split_size_mb too small, must be >= 20', {  }],
  ['max_split_size_mb:abc', 'stoull', {  }],
  ['max_split_size_mb:', 'Index out of bounds in ConfigTokenizer', {  }],
  ['max_split_size_mb', 'Index out of bounds in ConfigTokenizer', {  }],
  ['max_split_size_mb:20,', null, { maxSplitSize: 20 * MIB }],
  ['max_split_size_mb:20,,', "Unrecognized key ',' in Accelerator allocator config.", {  }],
  ['max_split_size_mb: 32 , expandable_segments : True', null, { maxSplitSize: 32 * MIB, expandableSegments: true }],
  ['max_split_size_mb:-5', null, { maxSplitSize: 2 ** 64 - 2 ** 20 }],
  ['max_split_size_mb:32.7', null, { maxSplitSize: 32 * MIB }],
  ['max_split_size_mb:32abc', null, { maxSplitSize: 32 * MIB }],
  ['max_split_size_mb:99999999999999999999', 'stoull', {  }],
  ['expandable_segments:true', "Expected 'True' or 'False' at index 2 in ConfigTokenizer but got 'true'", {  }],
  ['expandable_segments:True', null, { expandableSegments: true }],
  ['expandable_segments', 'Index out of bounds in ConfigTokenizer', {  }],
  ['expandable_segments:', 'Index out of bounds in ConfigTokenizer', {  }],
  ['expandable_segments:False', null, {  }],
  ['garbage_collection_threshold:0', 'garbage_collect_threshold is invalid, set it in (0.0, 1.0)', {  }],
  ['garbage_collection_threshold:1', 'garbage_collect_threshold is invalid, set it in (0.0, 1.0)', {  }],
  ['garbage_collection_threshold:0.999', null, { garbageCollectionThreshold: 0.999 }],
  ['garbage_collection_threshold:1.5', 'garbage_collect_threshold is invalid, set it in (0.0, 1.0)', {  }],
  ['garbage_collection_threshold:x', 'stod', {  }],
  ['garbage_collection_threshold:.8', null, { garbageCollectionThreshold: 0.8 }],
  ['garbage_collection_threshold:8e-1', null, { garbageCollectionThreshold: 0.8 }],
  ['garbage_collection_threshold:-0.1', 'garbage_collect_threshold is invalid, set it in (0.0, 1.0)', {  }],
  ['roundup_power2_divisions:4', null, { roundupDivisions: classes('4x16') }],
  ['roundup_power2_divisions:3', 'For roundups, the divisions has to be power of 2 ', {  }],
  ['roundup_power2_divisions:1', null, { roundupDivisions: classes('1x16') }],
  ['roundup_power2_divisions:0', 'For roundups, the divisions has to be power of 2 ', {  }],
  ['roundup_power2_divisions:[256:1,512:2,1024:4,>:8]', null, { roundupDivisions: classes('1x9 2 4 8x5') }],
  ['roundup_power2_divisions:[256:1,512:2]', null, { roundupDivisions: classes('1x9 2 0x6') }],
  ['roundup_power2_divisions:[256:3]', 'For roundups, the divisions has to be power of 2 or 0 to disable roundup ', {  }],
  ['roundup_power2_divisions:[300:4]', 'For roundups, the intervals have to be power of 2 ', {  }],
  ['roundup_power2_divisions:[>:4]', null, { roundupDivisions: classes('0 4x15') }],
  ['roundup_power2_divisions:[256:1,>:0]', null, { roundupDivisions: classes('1x9 0x7') }],
  ['roundup_power2_divisions:[', "Expected closing bracket ']' in ConfigTokenizer but reached end of config", {  }],
  ['roundup_power2_divisions:[]', null, {  }],
  ['roundup_power2_divisions:[256]', 'Index out of bounds in ConfigTokenizer', {  }],
  ['roundup_power2_divisions:[256:1', 'Index out of bounds in ConfigTokenizer', {  }],
  ['roundup_power2_divisions:[1:4,64:8,256:2,>:1]', null, { roundupDivisions: classes('4 0x5 8 0 2 1x7') }],
  ['roundup_power2_divisions:[131072:8]', null, { roundupDivisions: classes('8x16') }],
  ['roundup_power2_divisions:[64:8,1:4]', null, { roundupDivisions: classes('4 8x6 0x9') }],
  ['roundup_power2_divisions:', 'Index out of bounds in ConfigTokenizer', {  }],
  ['roundup_power2_divisions:[256:1 512:2]', 'For roundups, the divisions has to be power of 2 or 0 to disable roundup ', {  }],
  ['max_non_split_rounding_mb:20', null, {  }],
  ['max_non_split_rounding_mb:64', null, { maxNonSplitRounding: 64 * MIB }],
  ['max_non_split_rounding_mb:10', 'CachingAllocator option max_non_split_rounding_mb too small, must be >= 20', {  }],
  ['unknown:1', "Unrecognized key 'unknown' in Accelerator allocator config.", {  }],
  ['backend:native', null, {  }],
  ['backend:cudaMallocAsync', 'Allocator backend parsed at runtime != allocator backend parsed at load time, cudaMallocAsync != native', {  }],
  ['backend:foo', 'Unknown allocator backend, options are native and cudaMallocAsync', {  }],
  ['per_process_memory_fraction:0.5', null, { perProcessMemoryFraction: 0.5 }],
  ['per_process_memory_fraction:0', null, { perProcessMemoryFraction: 0 }],
  ['per_process_memory_fraction:1.0', null, {  }],
  ['per_process_memory_fraction:1.1', 'per_process_memory_fraction is invalid, set it in [0.0, 1.0]', {  }],
  ['large_segment_size_mb:64', null, { largeSegmentSize: 64 * MIB, maxNonSplitRounding: 64 * MIB }],
  ['large_segment_size_mb:10', 'CachingAllocator option large_segment_size_mb must be > 10 MB', {  }],
  ['large_segment_size_mb:600', null, { largeSegmentSize: 600 * MIB, maxNonSplitRounding: 600 * MIB }],
  ['throw_on_cudamalloc_oom:False', "Unrecognized key 'throw_on_cudamalloc_oom' in Accelerator allocator config.", {  }],
  ['throw_on_cudamalloc_oom:True', "Unrecognized key 'throw_on_cudamalloc_oom' in Accelerator allocator config.", {  }],
  ['graph_capture_record_stream_reuse:True', null, {  }],
  ['release_lock_on_cudamalloc:True', null, {  }],
  ['release_lock_on_hipmalloc:True', null, {  }],
  ['pinned_use_cuda_host_register:True', null, {  }],
  ['pinned_num_register_threads:8', null, {  }],
  ['pinned_num_register_threads:3', 'Number of register threads has to be power of 2, got 3', {  }],
  ['pinned_num_register_threads:256', 'Number of register threads should be less than or equal to 128, got 256', {  }],
  ['pinned_use_background_threads:True', null, {  }],
  ['pinned_reserve_segment_size_mb:100', null, {  }],
  ['page_size:1g', "Unrecognized key 'page_size' in Accelerator allocator config.", {  }],
  ['max_split_size_mb=32', "Unrecognized key 'max_split_size_mb=32' in Accelerator allocator config.", {  }],
  [':', "Unrecognized key ':' in Accelerator allocator config.", {  }],
  ['foo', "Unrecognized key 'foo' in Accelerator allocator config.", {  }],
  ['pinned_max_round_threshold_mb:10', "Unrecognized key 'pinned_max_round_threshold_mb' in Accelerator allocator config.", {  }],
  ['pinned_max_cached_size_mb:1', "Unrecognized key 'pinned_max_cached_size_mb' in Accelerator allocator config.", {  }],
  ['fail_alloc:1', "Unrecognized key 'fail_alloc' in Accelerator allocator config.", {  }],
  ['max_split_size_mb:16,large_segment_size_mb:10', 'CachingAllocator option large_segment_size_mb must be > 10 MB', {  }],
  ['large_segment_size_mb:16,max_split_size_mb:16', null, { maxSplitSize: 16 * MIB, largeSegmentSize: 16 * MIB, maxNonSplitRounding: 16 * MIB }],
  ['large_segment_size_mb:16,max_non_split_rounding_mb:16', null, { largeSegmentSize: 16 * MIB, maxNonSplitRounding: 16 * MIB }],];

/**
 * Recorded in a process that large_segment_size_mb:600 had been set in before, so that PyTorch said "max_split_size_mb
 * too small, must be >= 600" to each. A process that starts with the string has the default of 20 MiB instead.
 */
// prettier-ignore
const AFTER_600: readonly [string, string | null, Partial<AllocatorSettings>][] = [
  ['max_split_size_mb:32;expandable_segments:True', "Unrecognized key 'True' in Accelerator allocator config.", {}],
  ['max_split_size_mb:20,max_split_size_mb:40', null, { maxSplitSize: 40 * MIB }],
  [
    'max_split_size_mb:32,garbage_collection_threshold:0.8,expandable_segments:True,roundup_power2_divisions:[32:256,64:128,256:64,>:32]',
    null,
    {
      maxSplitSize: 32 * MIB, garbageCollectionThreshold: 0.8, expandableSegments: true,
      roundupDivisions: classes('256x6 128 0 64 32x7'),
    },
  ],
];

/** Follow from the source alone: the end of a pass, or a number that std::stoull and std::stod read their own way. */
// prettier-ignore
const FROM_SOURCE: readonly [string, string | null, Partial<AllocatorSettings>][] = [
  ['max_split_size_mb,32', null, { maxSplitSize: 32 * MIB }],
  ['max_split_size_mb:32:expandable_segments:True', null, { maxSplitSize: 32 * MIB, expandableSegments: true }],
  ['max_split_size_mb:+32', null, { maxSplitSize: 32 * MIB }],
  ['max_split_size_mb:0x20', 'CachingAllocator option max_split_size_mb too small, must be >= 20', {}],
  ['max_split_size_mb:-99999999999999999999', 'stoull', {}],
  ['max_split_size_mb:18446744073709551615', null, { maxSplitSize: 2 ** 64 - 2 ** 20 }],
  ['max_split_size_mb:18446744073709551616', 'stoull', {}],
  ['max_split_size_mb:32,large_segment_size_mb:64', 'CachingAllocator option max_split_size_mb too small, must be >= 64', {}],
  ['max_non_split_rounding_mb:64,large_segment_size_mb:64', null, { largeSegmentSize: 64 * MIB, maxNonSplitRounding: 64 * MIB }],
  ['large_segment_size_mb:11', null, { largeSegmentSize: 11 * MIB, maxNonSplitRounding: 11 * MIB }],
  ['garbage_collection_threshold:nan', 'garbage_collect_threshold is invalid, set it in (0.0, 1.0)', {}],
  ['garbage_collection_threshold:inf', 'garbage_collect_threshold is invalid, set it in (0.0, 1.0)', {}],
  ['garbage_collection_threshold:0x1p-1', null, { garbageCollectionThreshold: 0.5 }],
  ['garbage_collection_threshold:0x.8', null, { garbageCollectionThreshold: 0.5 }],
  ['garbage_collection_threshold:1e-400', 'stod', {}],
  ['garbage_collection_threshold:1e400', 'stod', {}],
  ['garbage_collection_threshold:0.5.5', null, { garbageCollectionThreshold: 0.5 }],
  ['garbage_collection_threshold:.', 'stod', {}],
  ['garbage_collection_threshold:\t0.\n5', null, { garbageCollectionThreshold: 0.5 }],
  ['roundup_power2_divisions:[256:1,512:2,]', null, { roundupDivisions: classes('1x9 2 0x6') }],
  ['roundup_power2_divisions:[0:4]', 'For roundups, the intervals have to be power of 2 ', {}],
  ['roundup_power2_divisions:[256:1,>:8,1024:2]', null, { roundupDivisions: classes('1x9 8 2 8x5') }],
  ['roundup_power2_divisions:[>:4,8:2]', null, { roundupDivisions: classes('2x4 4x12') }],
  ['roundup_power2_divisions:4,roundup_power2_divisions:[64:8]', null, { roundupDivisions: classes('8x7 4x9') }],
  ['roundup_power2_divisions:[256]4,512:2]', "Unrecognized key ',' in CUDA allocator config.", {}],
  ['pinned_reserve_segment_size_mb:0', 'Pinned reserve segment size has to be greater than 0', {}],
  ['pinned_use_background_threads:yes', "Expected 'True' or 'False' at index 2 in ConfigTokenizer but got 'yes'", {}],
  ['backend:foo,max_split_size_mb:1', 'CachingAllocator option max_split_size_mb too small, must be >= 20', {}],
];

const settingsOf = (changes: Partial<AllocatorSettings>): AllocatorSettings => ({
  ...DEFAULT_SETTINGS,
  ...changes,
});

function outcomeOf(conf: string): [string | null, AllocatorSettings | null] {
  const parsed = parseAllocConf(conf);
  return parsed.ok ? [null, parsed.value.settings] : [parsed.error.message, null];
}

describe('parseAllocConf takes what PyTorch 2.11 takes', () => {
  it('has every recorded string', () => {
    expect(RECORDED.length + AFTER_600.length).toBe(83);
  });

  it.each([...RECORDED, ...AFTER_600])('recorded: %j', (conf, error, changes) => {
    expect(outcomeOf(conf)).toEqual([error, error === null ? settingsOf(changes) : null]);
  });

  it.each(FROM_SOURCE)('by its source: %j', (conf, error, changes) => {
    expect(outcomeOf(conf)).toEqual([error, error === null ? settingsOf(changes) : null]);
  });
});

describe('parseAllocConf says where, what and what instead', () => {
  it.each([
    ['expandable_segments:true', 'true', 'write True, not true'],
    ['expandable_segments:0', '0', 'write False, not 0'],
    ['max_split_size_mb:64,expandable_segments:on', 'on', 'write True, not on'],
    ['max_split_size_mb:32;expandable_segments:True', ';', "use ',' between settings"],
    ['max_split_size_mb=32', '=', 'write max_split_size_mb:32'],
    ['max_split_size_mb:32,,backend:native', ',backend', "remove this ',': one between settings"],
    ['max_split_size:32', 'max_split_size:', 'did you mean max_split_size_mb?'],
    ['expandable-segments:True', 'expandable-', 'did you mean expandable_segments?'],
    ['Expandable_Segments:True', 'Expandable', 'did you mean expandable_segments?'],
    ['max_split_size_mb:19', '19', 'write 20 or more'],
    ['max_split_size_mb:32,large_segment_size_mb:64', '32,', 'write 64 or more'],
    ['roundup_power2_divisions:3', '3', 'write 2 or 4'],
    ['roundup_power2_divisions:[256:6]', '6]', 'write 4 or 8'],
    ['roundup_power2_divisions:[300:4]', '300', 'write 256 or 512'],
    ['garbage_collection_threshold:0', '0', 'leave the setting out: 0 is its default'],
    ['garbage_collection_threshold:80', '80', 'write 0.8, say'],
    ['max_split_size_mb:abc', 'abc', 'write max_split_size_mb:128'],
    ['throw_on_cudamalloc_oom:True', 'throw', 'leave it out'],
    ['backend:cudaMallocAsync', 'cuda', 'write backend:native, or leave the setting out'],
    ['“max_split_size_mb:32”', '“', 'remove the quotes'],
  ])('%j: at %j, %s', (conf, at, advice) => {
    const parsed = parseAllocConf(conf);
    expect(parsed).toMatchObject({ ok: false, error: { advice, offset: conf.indexOf(at) } });
  });

  it.each([
    ['max_split_size_mb', 'max_split_size_mb has no value.', 'write max_split_size_mb:128'],
    [
      'backend:native,expandable_segments: ',
      'expandable_segments has no value.',
      'write expandable_segments:True',
    ],
    ['roundup_power2_divisions:[256:1', 'The list is not closed.', "end it with ']'"],
    ['roundup_power2_divisions:[', 'The list is not closed.', "end it with ']'"],
    [
      'roundup_power2_divisions:[256]',
      'An interval in the list has no divisions.',
      'write size:divisions, as in [256:4]',
    ],
  ])('%j ends too early', (conf, problem, advice) => {
    const parsed = parseAllocConf(conf);
    expect(parsed).toMatchObject({ ok: false, error: { problem, advice, offset: conf.trimEnd().length } });
  });

  it('offers no name for a word that is near to none', () => {
    expect(parseAllocConf('foo')).toMatchObject({ ok: false, error: { advice: null, offset: 0 } });
  });
});

describe('parseAllocConf tells what PyTorch passes over in silence', () => {
  it.each([
    ['max_split_size_mb:32.7', 18, "PyTorch reads '32.7' as 32 and drops '.7'."],
    ['max_split_size_mb:32;', 18, "PyTorch reads '32;' as 32 and drops ';'."],
    ['max_split_size_mb,32', 17, "PyTorch takes ',' for ':' here without a word."],
    [
      'max_split_size_mb:20,max_split_size_mb:40',
      21,
      'max_split_size_mb is given twice: the last one counts.',
    ],
    [
      'max_split_size_mb:-5',
      18,
      'PyTorch reads -5 as 18446744073709551611 and cuts it to 17592186044415 MiB: as good as no limit.',
    ],
    ['roundup_power2_divisions:[131072:8]', 26, '131072 MiB is read as 32768, the last size there is.'],
    ['backend:native:pinned_num_register_threads:8', 14, "PyTorch takes ':' for ',' here without a word."],
  ])('%j', (conf, offset, message) => {
    const parsed = parseAllocConf(conf);
    expect(parsed.ok && parsed.value.notes).toEqual([{ message, offset }]);
  });

  it('has nothing to say about a clean string', () => {
    const parsed = parseAllocConf(
      'max_split_size_mb: 32 , roundup_power2_divisions:[256:1,>:8],backend:native',
    );
    expect(parsed.ok && parsed.value.notes).toEqual([]);
  });
});

describe('parseAllocConf lists the settings', () => {
  it('in their order, with places, and which of them do not choose blocks', () => {
    const conf = 'backend:native, roundup_power2_divisions : [ 256:1, >:8 ],pinned_num_register_threads:8';
    const parsed = parseAllocConf(conf);
    if (!parsed.ok) throw new Error(parsed.error.message);
    const { entries, ignored } = parsed.value;
    expect(entries.map(({ key, value }) => `${key} ${value}`)).toEqual([
      'backend native',
      'roundup_power2_divisions [256:1,>:8]',
      'pinned_num_register_threads 8',
    ]);
    expect(entries.map(({ start, end }) => conf.slice(start, end))[1]).toBe(
      'roundup_power2_divisions : [ 256:1, >:8 ]',
    );
    expect(ignored).toEqual(['backend', 'pinned_num_register_threads']);
  });

  it('a fraction of 1 is no limit', () => {
    expect(outcomeOf('per_process_memory_fraction:1.0')).toEqual([null, DEFAULT_SETTINGS]);
  });
});

describe('parseAllocConf takes what people paste', () => {
  it.each([
    'PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32',
    'PYTORCH_ALLOC_CONF=max_split_size_mb:32 python train.py --x=1',
    'export PYTORCH_CUDA_ALLOC_CONF="max_split_size_mb:32"',
    "  export PYTORCH_ALLOC_CONF='max_split_size_mb: 32'  # less fragmentation",
    'export PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32; python train.py',
    '$ PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32',
    'set PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32',
    '$env:PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:32"',
    'os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "max_split_size_mb:32"',
    "os.environ['PYTORCH_CUDA_ALLOC_CONF']='max_split_size_mb:32'",
    '-e PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32',
    '-e "PYTORCH_CUDA_ALLOC_CONF=max_split_size_mb:32" image',
    '"max_split_size_mb:32"',
  ])('%s', (text) => {
    expect(outcomeOf(text)).toEqual([null, settingsOf({ maxSplitSize: 32 * MIB })]);
  });

  it('counts offsets in the text as pasted', () => {
    const text = 'export PYTORCH_CUDA_ALLOC_CONF="expandable_segments:true"';
    expect(parseAllocConf(text)).toMatchObject({ ok: false, error: { offset: text.indexOf('true') } });
  });

  it('an empty value gives the defaults', () => {
    expect(outcomeOf('PYTORCH_CUDA_ALLOC_CONF=')).toEqual([null, DEFAULT_SETTINGS]);
    expect(outcomeOf(' \n')).toEqual([null, DEFAULT_SETTINGS]);
  });
});

describe('parseAllocConfOfAnyVersion', () => {
  it('passes over names that 2.11 does not know, and still refuses values', () => {
    const parsed = parseAllocConfOfAnyVersion('throw_on_cudamalloc_oom:True,max_split_size_mb:32,new:[1,2]');
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        settings: { maxSplitSize: 32 * MIB },
        ignored: ['throw_on_cudamalloc_oom', 'new'],
      },
    });
    expect(parseAllocConfOfAnyVersion('new:1,max_split_size_mb:x').ok).toBe(false);
  });
});
