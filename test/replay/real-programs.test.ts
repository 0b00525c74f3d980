/**
 * What-ifs from recordings of real programs (test/fixtures/what-if-truth) against what PyTorch's allocator really did
 * with the same requests: what a setting costs is right in every run, every key of memory_stats in all but those named.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { whatIf } from '../../src/replay/what-if.ts';
import { differences, replayOf, settingsFrom, snapshotAt, type Stats } from './recordings.ts';

const FOLDER = join(import.meta.dirname, '../fixtures/what-if-truth');

interface Program {
  readonly settings: readonly { readonly name: string; readonly conf: string; readonly cap_bytes: number }[];
  readonly memory_stats: Readonly<Record<string, readonly number[]>>;
}

/** Settings under which some keys are off, where equal blocks tie; never those of COST. */
const MISSED: Record<string, readonly string[]> = {
  encoder: [],
  experts: [],
  adversary: ['round8'],
  recurrent: [],
  segmentation: ['round8', 'roundlist', 'round2split64', 'capped'],
  video: ['round8', 'roundlist', 'round2split64'],
};
const COST = /^(reserved_bytes|segment\.|num_)/;

describe.each(Object.entries(MISSED))('the real program %s', (name, missed) => {
  const program = JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Program;
  const base = snapshotAt(join(FOLDER, `${name}.pickle.gz`)).then((data) => replayOf(data, data.devices[0]));
  const statsAt = (at: number): Stats =>
    Object.fromEntries(Object.entries(program.memory_stats).map(([key, figures]) => [key, figures[at]]));
  const cases = program.settings.map((setting, at) => ({ ...setting, at }));

  it('lies where its history says, segment by segment', async () => {
    expect((await base).addresses.unexplained).toBe(0);
  });

  it.each(cases)('under $name', async ({ name: setting, conf, cap_bytes, at }) => {
    const { requests, streamRank, privatePools, addresses } = await base;
    const settings = settingsFrom(conf);
    const { stats } = whatIf(
      requests,
      { streamRank, pools: 1 + privatePools.length, addresses },
      { settings, limit: cap_bytes > 0 ? cap_bytes : Infinity, capacity: Infinity },
    );
    const wrong = differences(stats, statsAt(at), settings);
    expect(wrong.filter((one) => COST.test(one))).toEqual([]);
    expect(wrong.length > 0).toBe(missed.includes(setting));
  });
});
