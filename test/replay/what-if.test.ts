/**
 * The requests of one recording served under other settings, against what PyTorch's allocator really did with the
 * same requests under those settings: every key of memory_stats, to the byte.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whatIf } from '../../src/replay/what-if.ts';
import { sharedTraces } from '../shared-traces.ts';
import {
  differences,
  replayOf,
  settingsFrom,
  settingsOf,
  snapshotAt,
  statsBeside,
  statsOfTruth,
  TRUTH_FOLDER,
  truthOf,
  underSettings,
} from './recordings.ts';

describe.each(['wide21', 'layers22', 'events23'])('the bundled recordings of %s', (name) => {
  const truth = truthOf(name);
  const base = snapshotAt(join(TRUTH_FOLDER, truth.base)).then((data) => replayOf(data, data.devices[0]));
  const cases = truth.settings.map(({ conf, cap_mib }, at) => ({ conf, cap: cap_mib, at }));

  it.each(cases)('under "$conf" and a cap of $cap MiB', async ({ conf, cap, at }) => {
    const settings = settingsFrom(conf);
    const { stats } = underSettings(await base, { settings, cap });
    expect(differences(stats, statsOfTruth(truth, at), settings)).toEqual([]);
  });

  it('tells the settings apart, so that an answer for the wrong ones is found', async () => {
    const settings = settingsFrom(truth.settings[1].conf);
    const { stats } = underSettings(await base, { settings: settingsFrom(''), cap: 0 });
    expect(differences(stats, statsOfTruth(truth, 1), settings).length).toBeGreaterThan(10);
  });
});

describe.each(['wide21', 'layers22', 'events23'])('the bundled recordings of %s at a tight limit', (name) => {
  const truth = truthOf(`${name}.tight`);
  const base = snapshotAt(join(TRUTH_FOLDER, truth.base)).then((data) => replayOf(data, data.devices[0]));
  const cases = truth.settings.map(({ conf, cap_mib }, at) => ({ conf, cap: cap_mib, at }));

  it.each(cases)('under "$conf" and a cap of $cap MiB', async ({ conf, cap, at }) => {
    const replay = await base;
    const recorded = statsOfTruth(truth, at);
    const settings = settingsFrom(conf);
    let result = underSettings(replay, { settings, cap });
    // The recorded program stopped at its first failure, and so must the replay.
    expect(result.firstFailure !== null).toBe(recorded['num_ooms'] > 0);
    if (result.firstFailure !== null) {
      const requests = { ...replay.requests, length: result.firstFailure.step + 1 };
      result = underSettings({ ...replay, requests }, { settings, cap });
    }
    expect(differences(result.stats, recorded, settings)).toEqual([]);
  });
});

describe('options of a what-if', () => {
  const base = snapshotAt(join(TRUTH_FOLDER, 'layers22_0.pickle.gz')).then((data) =>
    replayOf(data, data.devices[0]),
  );
  const place = { streamRank: [0, 1], pools: 1, addresses: { top: 2 ** 46, events: [] } };
  const settings = settingsFrom('');

  it('tells which request failed first, and counts every one that did', async () => {
    const result = underSettings(await base, { settings, cap: 1500 });
    expect(result.stats['num_ooms']).toBeGreaterThan(0);
    expect(result.stats['reserved_bytes.all.peak']).toBeLessThanOrEqual(1500 * 2 ** 20);
    expect(result.firstFailure!.bytes).toBeGreaterThan(0);
    const roomy = underSettings(await base, { settings, cap: 0 });
    expect(roomy.firstFailure).toBeNull();
  });

  it('calls empty_cache after the steps asked for, and keeps what is reserved after each step', async () => {
    const { requests } = await base;
    const free = { settings, limit: Infinity, capacity: Infinity, curve: true };
    const at = requests.length - 1;
    const plain = whatIf(requests, place, free);
    const emptied = whatIf(requests, place, { ...free, emptyCacheAfter: [at] });
    expect(plain.reserved![at]).toBe(plain.stats['reserved_bytes.all.current']);
    expect(emptied.reserved!.subarray(0, at)).toEqual(plain.reserved!.subarray(0, at));
    expect(emptied.reserved![at]).toBeLessThan(plain.reserved![at]);
    expect(emptied.stats['num_sync_all_streams']).toBe(plain.stats['num_sync_all_streams'] + 1);
    expect(emptied.stats['inactive_split_bytes.all.current']).toBe(
      plain.stats['inactive_split_bytes.all.current'],
    );
  });

  it('a device that can give no more fails like a limit, but for garbage collection', async () => {
    const { requests } = await base;
    const bytes = 2000 * 2 ** 20;
    const limited = whatIf(requests, place, { settings, limit: bytes, capacity: Infinity });
    const small = whatIf(requests, place, { settings, limit: Infinity, capacity: bytes });
    expect(limited.stats['num_alloc_retries']).toBeGreaterThan(0);
    expect(small.stats).toEqual(limited.stats);
  });
});

const traces = sharedTraces();
const CHURN = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => ({ name: `churn_${i}`, cap: 0 }));
const CAPPED = [8, 9, 10, 11].map((i) => ({ name: `capped_${i}`, cap: 7000 }));

/** Recordings under several settings, to go back from each of them to all others. */
const BASES = ['churn_0', 'churn_4', 'churn_5', 'capped_9', 'capped_10'];

describe.skipIf(traces === null)('the runs in ../shared/traces/churn', () => {
  const path = (name: string): string => join(traces!, 'churn', `${name}.pickle`);
  const read = async (name: string) => {
    const data = await snapshotAt(path(name));
    return { data, replay: replayOf(data, data.devices[0]) };
  };
  const readings = new Map<string, ReturnType<typeof read>>();
  const recording = (name: string): ReturnType<typeof read> => {
    const reading = readings.get(name) ?? read(name);
    readings.set(name, reading);
    return reading;
  };

  describe.each(BASES)('from the requests of %s', (from) => {
    it.each([...CHURN, ...CAPPED])('to the settings of $name', async ({ name, cap }) => {
      const settings = settingsOf((await recording(name)).data);
      const { stats } = underSettings((await recording(from)).replay, { settings, cap });
      expect(differences(stats, statsBeside(path(name), 0), settings)).toEqual([]);
    });
  });
});

describe.skipIf(traces === null)('a training run in ../shared/traces', () => {
  const at = (name: string): string => join(traces!, name, `${name}.pickle`);
  const between = async (from: string, to: string): Promise<readonly string[]> => {
    const data = await snapshotAt(at(from));
    const settings = settingsOf(await snapshotAt(at(to)));
    const { stats } = underSettings(replayOf(data, data.devices[0]), { settings, cap: 0 });
    return differences(stats, statsBeside(at(to), 0), settings);
  };

  it('equals in every key what PyTorch did with expandable segments', async () => {
    expect(await between('train', 'train_expandable')).toEqual([]);
  });

  it('the other way reserves the same; ties of blocks fall otherwise, as other libraries took addresses', async () => {
    const different = await between('train_expandable', 'train');
    expect(different.filter((one) => /^(reserved_bytes|segment|num_|requested_bytes)/.test(one))).toEqual([]);
    expect(different.length).toBeGreaterThan(0);
  });
});
