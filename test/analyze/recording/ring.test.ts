/** What a recording says of its ring is told as a fact, and both sides where its events say otherwise. */
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { lifetimesOf } from '../../../src/analyze/lifetimes.ts';
import { earlierAllocations } from '../../../src/analyze/live.ts';
import { dataQuality, type DataQuality } from '../../../src/analyze/recording/data-quality.ts';
import type { DeviceTrace, RecordingRing, SourceData } from '../../../src/trace/capture.ts';
import { diagnoseData, findingOf, idsOf } from '../../diagnose/recording.ts';
import { fixtureBytes, snapshotOf } from '../../read/snapshot/fixtures.ts';

const read = (name: string): Promise<SourceData> => snapshotOf(fixtureBytes(name));

function qualityOf(source: SourceData, trace: DeviceTrace): DataQuality {
  const lifetimes = lifetimesOf(trace.events, trace.partner);
  const earlier = earlierAllocations(trace, lifetimes);
  return dataQuality({ source, trace, baseline: baselineOf(trace), lifetimes, earlier, replay: null });
}

async function told(name: string, ring?: RecordingRing): Promise<DataQuality> {
  const source = await read(name);
  const { ring: own, ...device } = source.devices[0];
  const said = ring ?? own;
  return qualityOf(source, said === undefined ? device : { ...device, ring: said });
}

describe('a ring that overflowed', () => {
  it('is a fact where the recording says so', async () => {
    const { began, ring, topics } = await told('torch214.ring.pickle');
    expect(began).toBe('overwritten');
    expect(ring).toEqual({
      cause: 'overflowed',
      sentence:
        'The recording itself says that its ring of 120 entries overflowed: the oldest events are gone.',
      contradiction: null,
    });
    expect(topics.history.why[0]).toMatch(
      /ring of 120 entries overflowed: .* Raise max_entries\. [\d,]+ bytes/,
    );
  });

  it('leaves peaks unknown even where the events begin with nothing', async () => {
    const source = await read('oom.pickle');
    const [device] = source.devices;
    const trace = { ...device, ring: { maxEntries: device.events.length, overflowed: true } };
    expect(baselineOf(device)).toMatchObject({ fromEmpty: true, whole: true });
    expect(baselineOf(trace)).toMatchObject({ fromEmpty: true, whole: false });
    const { began, ring } = qualityOf(source, trace);
    expect(began).toBe('overwritten');
    expect(ring.contradiction).toBeNull();
    expect(ring.sentence).toContain('peaks before it cannot be known');
    const late = findingOf(await diagnoseData({ ...source, devices: [trace] }), 'recorded-late');
    expect(late.verdict).toContain('earlier peaks and totals cannot be known');
    expect(idsOf(await diagnoseData(source))).not.toContain('recorded-late');
  });
});

describe('a ring that did not overflow', () => {
  it('tells a late start for certain, and that more entries would not help', async () => {
    const { began, ring } = await told('torch214.late.pickle');
    expect(began).toBe('late');
    expect(ring.cause).toBe('late');
    expect(ring.sentence).toContain('it began late, and of its 90 events none is missing');
    const late = findingOf(await diagnoseData(await read('torch214.late.pickle')), 'recorded-late');
    expect(late.remedy).toContain('Its ring is large enough');
    expect(late.remedy).not.toContain('max_entries');
  });

  it('and blocks with stacks of before: the history was cleared', async () => {
    // A real ring of 400 entries: without the flag only that events are gone can be told.
    const inferred = await told('ring.pickle');
    expect(inferred).toMatchObject({ began: 'overwritten', ring: { cause: null, sentence: null } });
    const said = await told('ring.pickle', { maxEntries: null, overflowed: false });
    expect(said.ring.cause).toBe('cleared');
    expect(said.ring.sentence).toMatch(/did not overflow, but .* carr(y stacks|ies a stack).*cleared/);
  });

  it('says nothing where the recording is whole', async () => {
    const { began, ring } = await told('torch214.pickle');
    expect(began).toBe('empty');
    expect(ring.sentence).toBeNull();
  });
});

describe('a flag that the events contradict', () => {
  it.each([
    [{ maxEntries: 500, overflowed: true }, /ring of 500 entries overflowed, and holds 120 events, fewer/],
    [{ maxEntries: Infinity, overflowed: true }, /overflowed and that the ring has no limit/],
    [
      { maxEntries: 50, overflowed: false },
      /ring of 50 entries did not overflow, and holds 120 events, more/,
    ],
    [{ maxEntries: 50, overflowed: null }, /ring of 50 entries is all it has, and holds 120 events, more/],
  ] as const)('%j', async (ring, words) => {
    const quality = await told('torch214.ring.pickle', ring);
    expect(quality.ring.contradiction).toMatch(words);
    expect(quality.topics.history.why.join(' ')).toMatch(words);
  });

  it.each([
    { maxEntries: 120, overflowed: true },
    { maxEntries: 121, overflowed: false },
    { maxEntries: null, overflowed: true },
  ])('is none with %j', async (ring) => {
    expect((await told('torch214.ring.pickle', ring)).ring.contradiction).toBeNull();
  });
});
