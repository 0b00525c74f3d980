/** Where a file is cut into chunks, and which of the two decoders meets an event, changes nothing. */
import { describe, expect, it } from 'vitest';
import { torchSnapshotReader } from '../../../src/read/snapshot/torch-snapshot.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { differenceOf } from '../../trace/compare-sources.ts';
import { testContext } from '../open-for-test.ts';
import {
  fixtureBytes,
  recordingBytes,
  recordingPath,
  seeded,
  snapshotOf,
  withoutFastPath,
} from './fixtures.ts';

/** Reads bytes in chunks of the sizes that `next` gives. */
async function inChunks(bytes: Uint8Array, next: () => number): Promise<SourceData> {
  const { data, error } = await torchSnapshotReader.read(
    {
      name: 'x.pickle',
      storedBytes: bytes.length,
      source: null,
      async *chunks() {
        for (let at = 0; at < bytes.length;) {
          const size = next();
          yield await Promise.resolve(bytes.subarray(at, at + size));
          at += size;
        }
      },
    },
    testContext(),
  );
  expect(error).toBeNull();
  return data;
}

const FIXTURES = [
  'oom.p0.pickle',
  'oom.p1.pickle',
  'oom.p2.pickle',
  'oom.pickle',
  'oom.cpp.pickle',
  'oom.torch20.pickle',
  'oom.torch212.pickle',
  'oom.devices.pickle',
  'oom.high.pickle',
  'graphs.pickle',
  'pending.pickle',
];

describe('chunks', () => {
  it.each(FIXTURES)('%s: one byte at a time', async (name) => {
    const bytes = fixtureBytes(name);
    expect(differenceOf(await snapshotOf(bytes), await inChunks(bytes, () => 1))).toBeNull();
  });

  it.each(FIXTURES)('%s: of random sizes, empty ones too', async (name) => {
    const bytes = fixtureBytes(name);
    const whole = await snapshotOf(bytes);
    for (let seed = 1; seed <= 12; seed++) {
      const random = seeded(seed);
      const most = [3, 17, 64, 300, 5000][seed % 5];
      const parts = await inChunks(bytes, () => Math.floor(random() * most));
      expect(differenceOf(whole, parts), `seed ${seed}`).toBeNull();
    }
  });

  it('an action that is not known is counted once, however its event is cut', async () => {
    const bytes = fixtureBytes('oom.pickle');
    const oom = Buffer.from(bytes).indexOf('\x8c\x03oom', 0, 'latin1');
    bytes.set(new TextEncoder().encode('xxx'), oom + 2);
    const expected = [
      { message: 'event action "xxx" is not understood; its 1 events count as "unknown"', offset: null },
    ];
    expect((await snapshotOf(bytes)).warnings).toEqual(expected);
    for (const size of [1, 2, 50, 100, oom + 40, oom + 80])
      expect((await inChunks(bytes, () => size)).warnings, `chunks of ${size}`).toEqual(expected);
  });
});

describe('the fast path for events', () => {
  it.each(FIXTURES)('%s: the plain machine tells the same', async (name) => {
    const bytes = fixtureBytes(name);
    expect(differenceOf(await snapshotOf(bytes), await withoutFastPath(() => snapshotOf(bytes)))).toBeNull();
  });

  it('takes most events of a recording', async () => {
    let calls = 0;
    const { SnapshotShape } = await import('../../../src/read/snapshot/shape.ts');
    const decode = Object.getOwnPropertyDescriptor(SnapshotShape.prototype, 'setItems')!;
    const original = decode.value as SnapshotShapeSetItems;
    SnapshotShape.prototype.setItems = function (...given) {
      calls++;
      original.apply(this, given);
    };
    try {
      await snapshotOf(fixtureBytes('graphs.pickle'));
    } finally {
      Object.defineProperty(SnapshotShape.prototype, 'setItems', decode);
    }
    // 1706 events, 27 segments and their blocks, some frames.
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThan(800);
  });
});

type SnapshotShapeSetItems = (dict: number, from: number, to: number, whole: boolean) => void;

const RECORDINGS = [
  'train/train.pickle',
  'train_expandable/train_expandable.pickle',
  'unmap/unmap.pickle',
  'leak/leak.pickle',
  'ring/ring.pickle',
  'twogpu/train_twogpu.pickle',
  'ranks/rank1.pickle',
];

describe.skipIf(recordingPath(RECORDINGS[0]) === null)('recordings in ../shared/traces', () => {
  it.each(RECORDINGS)('%s: fast and plain, whole and in chunks, all tell the same', async (name) => {
    const bytes = recordingBytes(name);
    const whole = await snapshotOf(bytes);
    expect(whole.rows).toBeGreaterThan(1000);
    expect(differenceOf(whole, await withoutFastPath(() => snapshotOf(bytes)))).toBeNull();
    const random = seeded(bytes.length);
    expect(differenceOf(whole, await inChunks(bytes, () => 1 + Math.floor(random() * 2000)))).toBeNull();
  });
});
