import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllocConf } from '../../src/replay/alloc-conf.ts';
import { settingsOfSnapshot } from '../../src/replay/alloc-conf-snapshot.ts';
import { DEFAULT_SETTINGS, ROUNDUP_CLASSES } from '../../src/replay/settings.ts';
import { fixtureBytes, recordingBytes, recordingPath, snapshotOf } from '../read/snapshot/fixtures.ts';

const MIB = 1 << 20;
type Pairs = [string, string][];

/** The fields of a PyTorch 2.11 snapshot as the reader gives them, with some of them changed or (null) left out. */
function pairs(changes: Record<string, string | null> = {}): Pairs {
  const fields: Record<string, string | null> = {
    PYTORCH_CUDA_ALLOC_CONF: '',
    max_split_size: '-1',
    garbage_collection_threshold: '0',
    expandable_segments: 'false',
    pinned_num_register_threads: '1',
    roundup_power2_divisions: 'off',
    ...changes,
  };
  return Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== null);
}

describe('settingsOfSnapshot', () => {
  it('takes the fields, and from the string what has none', () => {
    const recorded = settingsOfSnapshot(
      pairs({
        PYTORCH_CUDA_ALLOC_CONF:
          'max_split_size_mb:64,max_non_split_rounding_mb:32,per_process_memory_fraction:0.5',
        max_split_size: String(64 * MIB),
      }),
    );
    expect(recorded.settings).toEqual({
      ...DEFAULT_SETTINGS,
      maxSplitSize: 64 * MIB,
      maxNonSplitRounding: 32 * MIB,
      perProcessMemoryFraction: 0.5,
    });
    expect(recorded.origins).toEqual({
      maxSplitSize: 'field',
      garbageCollectionThreshold: 'field',
      expandableSegments: 'field',
      roundupDivisions: 'field',
      maxNonSplitRounding: 'conf',
      largeSegmentSize: 'conf',
      perProcessMemoryFraction: 'conf',
    });
    expect([recorded.notRecorded, recorded.changed, recorded.confError]).toEqual([[], [], null]);
  });

  it('cannot know of a memory fraction that was set by a call', () => {
    expect(settingsOfSnapshot(pairs()).notRecorded).toEqual(['perProcessMemoryFraction']);
  });

  it.each([
    ['-1', Infinity],
    ['18446744073709551615', Infinity],
    ['-1048576', 2 ** 64 - 2 ** 20],
    ['67108864', 64 * MIB],
  ])('reads max_split_size %s', (text, bytes) => {
    const recorded = settingsOfSnapshot(pairs({ max_split_size: text }));
    expect(recorded.settings.maxSplitSize).toBe(bytes);
    expect(recorded.origins.maxSplitSize).toBe('field');
  });

  it('reads divisions by size class', () => {
    const text = '1:4,64:8,32768:2';
    const divisions = new Array<number>(ROUNDUP_CLASSES).fill(0);
    [divisions[0], divisions[6], divisions[15]] = [4, 8, 2];
    expect(settingsOfSnapshot(pairs({ roundup_power2_divisions: text })).settings.roundupDivisions).toEqual(
      divisions,
    );
  });

  it('lets the field in force win over the string, and says so', () => {
    const recorded = settingsOfSnapshot(
      pairs({ PYTORCH_CUDA_ALLOC_CONF: 'garbage_collection_threshold:0.5', expandable_segments: 'true' }),
    );
    expect(recorded.settings.expandableSegments).toBe(true);
    expect(recorded.settings.garbageCollectionThreshold).toBe(0);
    expect(recorded.changed).toEqual(['garbageCollectionThreshold', 'expandableSegments']);
  });

  it.each([
    'max_split_size',
    'garbage_collection_threshold',
    'expandable_segments',
    'roundup_power2_divisions',
  ])('falls back to the string where %s is missing or not understood', (field) => {
    const conf =
      'max_split_size_mb:64,garbage_collection_threshold:0.5,expandable_segments:True,roundup_power2_divisions:[256:1,>:8]';
    const whole = parseAllocConf(conf);
    const fields = {
      PYTORCH_CUDA_ALLOC_CONF: conf,
      max_split_size: String(64 * MIB),
      garbage_collection_threshold: '0.5',
      expandable_segments: 'true',
      roundup_power2_divisions:
        '1:1,2:1,4:1,8:1,16:1,32:1,64:1,128:1,256:1,512:8,1024:8,2048:8,4096:8,8192:8,16384:8,32768:8',
    };
    for (const text of [null, '?']) {
      const recorded = settingsOfSnapshot(pairs({ ...fields, [field]: text }));
      expect(recorded.settings).toEqual(whole.ok && whole.value.settings);
      expect(Object.values(recorded.origins).filter((origin) => origin === 'field')).toHaveLength(3);
      expect(recorded.notRecorded).toEqual(['perProcessMemoryFraction']);
    }
  });

  it('reads strings of later versions, and says where one cannot be read', () => {
    const later = settingsOfSnapshot(
      pairs({ PYTORCH_CUDA_ALLOC_CONF: 'throw_on_cudamalloc_oom:True,large_segment_size_mb:64' }),
    );
    expect(later.settings.largeSegmentSize).toBe(64 * MIB);
    expect(later.confError).toBeNull();

    const broken = settingsOfSnapshot(pairs({ PYTORCH_CUDA_ALLOC_CONF: 'large_segment_size_mb:x' }));
    expect(broken.confError?.message).toBe('stoull');
    expect(broken.conf).toBe('large_segment_size_mb:x');
    expect(broken.notRecorded).toEqual([
      'maxNonSplitRounding',
      'largeSegmentSize',
      'perProcessMemoryFraction',
    ]);
  });

  it('assumes every default where nothing was recorded, and says so', () => {
    const recorded = settingsOfSnapshot([]);
    expect(recorded.settings).toEqual(DEFAULT_SETTINGS);
    expect(recorded.conf).toBeNull();
    expect([...recorded.notRecorded].sort()).toEqual(Object.keys(DEFAULT_SETTINGS).sort());
  });

  it('reads what the snapshot reader gives', async () => {
    const { settings } = await snapshotOf(fixtureBytes('oom.pickle'));
    expect(settings).not.toEqual([]);
    const recorded = settingsOfSnapshot(settings);
    expect(Object.values(recorded.origins).filter((origin) => origin === 'field')).toHaveLength(4);
    expect(recorded.changed).toEqual([]);
  });
});

const list = recordingPath('churn/CONF.txt');
/** Name of a run, and the string that its process was started with. */
const runs =
  list === null
    ? []
    : readFileSync(list, 'utf8')
        .trim()
        .split('\n')
        .map((line) => [line.split(' ')[0], line.slice(line.indexOf('ALLOC_CONF=') + 11)] as const);

describe.skipIf(list === null)('the runs of churn in ../shared/traces', () => {
  it('are twelve', () => expect(runs).toHaveLength(12));

  it.each(runs)('%s was recorded under %j', async (name, conf) => {
    const { settings } = await snapshotOf(recordingBytes(`churn/${name}.pickle`));
    const recorded = settingsOfSnapshot(settings);
    const parsed = parseAllocConf(conf);
    expect(recorded.settings).toEqual(parsed.ok && parsed.value.settings);
    expect(recorded.conf).toBe(conf);
    expect(Object.values(recorded.origins).filter((origin) => origin === 'field')).toHaveLength(4);
    expect([recorded.changed, recorded.notRecorded]).toEqual([[], ['perProcessMemoryFraction']]);
  });
});

describe('fields that no string sets', () => {
  it.each([
    ['roundup_power2_divisions', '1:3', 'roundupDivisions'],
    ['roundup_power2_divisions', '4:18446744073709551617', 'roundupDivisions'],
    ['max_split_size', '5', 'maxSplitSize'],
    ['max_split_size', '1048577', 'maxSplitSize'],
  ] as const)('%s %s is damaged, and counts as not recorded', (field, text, name) => {
    const { origins, settings } = settingsOfSnapshot([[field, text]]);
    expect(origins[name]).toBe('assumed');
    expect(settings[name]).toEqual(settingsOfSnapshot([]).settings[name]);
  });
});
