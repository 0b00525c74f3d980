/** What is said of the model left alone, before any what-if: whether a recording gets its own keys back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createCpuKernels } from '../../src/kernel/cpu-kernels.ts';
import { chosenAlike } from '../../src/engine/kernel-choice.ts';
import { DeviceSession } from '../../src/engine/device-session.ts';
import { replayAnswer, whatIfAnswer } from '../../src/engine/replay/answers.ts';
import { keysMissed, keysSentence } from '../../src/engine/replay/unled.ts';
import { snapshotOf } from '../read/snapshot/fixtures.ts';

const FILE = join(import.meta.dirname, '../fixtures/what-if-truth/encoder.pickle.gz');
const session = snapshotOf(new Uint8Array(gunzipSync(readFileSync(FILE)))).then(
  (data) =>
    new DeviceSession(
      0,
      data,
      data.devices[0],
      chosenAlike({ kernels: createCpuKernels(), reason: 'a test' }),
    ),
);

const ask = { device: '', cap: null, capacity: null, emptyCacheAfter: [], edits: [], curve: null };

describe('a recording of a real program', () => {
  it('gets every key back, and the answer says so', async () => {
    const { unled, sentences } = replayAnswer(await session);
    expect(unled.differentKeys).toEqual([]);
    expect(unled.keys).toBeGreaterThan(100);
    expect(sentences.join(' ')).toContain(`Left alone, it also gives all ${unled.keys} keys`);
    expect(sentences.join(' ')).toContain("other libraries' use of addresses");
  });

  it('and then a what-if says nothing more of it', async () => {
    const { sentences } = await whatIfAnswer(await session, { ...ask, settings: 'max_split_size_mb:32' });
    expect(sentences).toEqual([]);
  });

  it('names keys that it does not get back, and what they mean for other settings', async () => {
    const device = await session;
    const { unled, stats } = replayAnswer(device);
    const some = { ...unled, differentKeys: ['inactive_split.all.peak', 'inactive_split.all.freed'] };
    const said = keysMissed(some, stats);
    expect(said).toContain(`${unled.keys - 2} of ${unled.keys} keys of memory_stats back`);
    expect(said).toContain('inactive_split (2 figures)');
    expect(said).toContain('Reserved bytes, segments and driver calls are right there');
    const peak = 'reserved_bytes.all.peak';
    const off = { ...some, differentKeys: [peak], stats: { ...stats, [peak]: stats[peak] + 2 ** 20 } };
    expect(keysMissed(off, stats)).toContain('the reserved peak by 1 MiB');
    expect(keysSentence(off, device.replay!)).toBe(keysMissed(off, stats));
  });

  it('such a sentence comes with the what-if, too', async () => {
    const device = await session;
    const planted = new DeviceSession(1, device.source, device.trace, device.chosen);
    const { unled } = replayAnswer(device);
    planted.unled.of(planted.replay!, () => ({ ...unled, differentKeys: ['inactive_split.all.peak'] }));
    const { sentences } = await whatIfAnswer(planted, { ...ask, settings: 'max_split_size_mb:32' });
    expect(sentences[0]).toContain('inactive_split (1 figure)');
  });

  it('memory in use before the recording: totals are not compared', async () => {
    const { unled } = replayAnswer(await session);
    const device = await session;
    expect(keysSentence({ ...unled, differentKeys: null }, device.replay!)).toBeNull();
  });
});
