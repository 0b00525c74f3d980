/** Rules about requests that failed, memory that waits, private pools, holders and recordings: fires, and does not beside it. */
import { describe, expect, it } from 'vitest';
import { diagnoseData, findingOf, idsOf, LARGE_DEVICE, MIB, Recording } from './recording.ts';
import { fixtureBytes, snapshotOf } from '../read/snapshot/fixtures.ts';

describe('out-of-memory', () => {
  const limited = (deviceFree: number | undefined): Recording => {
    const recording = new Recording({ conf: '', limit: 256 * MIB, deviceFree });
    recording.take('main:1 weights:2', 100 * MIB);
    const hole = recording.take('main:2 input:3', 40 * MIB);
    // 2 MiB of the hole's segment of 40 MiB are taken again: what is left cannot go back to the driver.
    recording.drop(hole);
    recording.take('main:3 small:4', 2 * MIB);
    recording.alloc('main:4 forward:5', 200 * MIB);
    return recording;
  };

  it('a cap: what was asked, what was free, why that was not enough, what would have been served', async () => {
    const oom = findingOf(await limited(70 * 1024 * MIB).findings(), 'out-of-memory');
    expect(oom).toMatchObject({
      severity: 'problem',
      // Who refused it is not in the recording: a limit, or the driver for another reason.
      confidence: 'medium',
      title: 'Out of memory: 200 MiB requested, 70 GiB free on the device',
      gainBytes: null,
    });
    expect(oom.verdict).toContain('a limit of the process itself refused it');
    // 140 MiB were reserved, and 200 more were refused: the cap, 256 MiB, lies between.
    expect(oom.verdict).toContain('neither full nor fragmented');
    expect(oom.verdict).toContain('it is at least 140 MiB (146,800,640 bytes)');
    expect(oom.verdict).toContain('and below 340 MiB (356,515,840 bytes)');
    const told = oom.evidence.map(({ text }) => text).join('\n');
    expect(told).toContain('Requested: 200 MiB (209,715,200 bytes)');
    expect(told).toContain('Largest free block in the cache: 38 MiB (39,845,888 bytes)');
    expect(told).toContain('Sure to have been served: a request of up to 38 MiB');
    expect(oom.evidence.every(({ row }) => row !== null)).toBe(true);
    expect(oom.remedy).toContain('Raise the limit');
  });

  it('a full device is not blamed on a limit', async () => {
    const oom = findingOf(await limited(10 * MIB).findings(), 'out-of-memory');
    expect(oom.verdict).toContain('The device had only 10 MiB (10,485,760 bytes) free');
    expect(oom.verdict).not.toContain('a limit of the process itself');
    expect(oom.confidence).toBe('certain');
    expect(oom.remedy).not.toContain('Raise the limit');
  });

  it('what the device had free is not guessed where nobody wrote it', async () => {
    const oom = findingOf(await limited(undefined).findings(), 'out-of-memory');
    expect(oom.confidence).toBe('medium');
    expect(oom.verdict).toContain('was not recorded');
  });

  it('does not fire where the same request is served', async () => {
    const recording = new Recording({ conf: '', limit: 512 * MIB });
    recording.take('main:1 weights:2', 100 * MIB);
    recording.take('main:4 forward:5', 200 * MIB);
    expect(idsOf(await recording.findings())).not.toContain('out-of-memory');
  });
});

describe('pending-free', () => {
  /** Eight buffers of 32 MiB; `wait`: how many of them are given up and not completed. */
  const buffers = (wait: number): Recording => {
    const recording = new Recording({ conf: '' });
    for (let i = 0; i < 8; i++) {
      const buffer = recording.take('main:3 copy:4', 32 * MIB);
      if (i < wait) recording.giveUp(buffer);
      else recording.drop(buffer);
    }
    return recording;
  };

  it('fires where freed blocks still wait at the end, and gives back just those', async () => {
    const pending = findingOf(await buffers(5).findings(), 'pending-free');
    expect(pending).toMatchObject({ severity: 'problem', confidence: 'certain', gainBytes: 5 * 32 * MIB });
    expect(pending.verdict).toContain('record_stream');
    expect(pending.remedy).toContain('wait_stream');
    expect(pending.evidence.every(({ row }) => row !== null)).toBe(true);
  });

  it('does not fire where every free completes at once, though each is requested first', async () => {
    expect(idsOf(await buffers(0).findings())).not.toContain('pending-free');
  });

  it('is a risk, without a gain, where they waited and no longer do', async () => {
    const recording = new Recording({ conf: '' });
    const kept = [0, 1, 2].map(() => recording.take('main:3 copy:4', 32 * MIB));
    for (const block of kept) recording.giveUp(block);
    recording.touch('main:4 work:5', 64 * MIB);
    for (const block of kept) recording.complete(block);
    recording.touch('main:4 work:5', 64 * MIB);
    const pending = findingOf(await recording.findings(), 'pending-free');
    expect(pending).toMatchObject({ severity: 'risk', gainBytes: null });
    expect(pending.evidence[1].text).toBe('None waits after the last event.');
  });
});

describe('private-pools', () => {
  const pools = (share: number): Recording => {
    const recording = new Recording({ conf: '' });
    recording.take('main:1 weights:2', 512 * MIB);
    for (const pool of [1, 2]) {
      recording.take('main:4 capture:5', share * 40 * MIB, { pool });
      recording.drop(recording.take('main:4 capture:6', share * 20 * MIB, { pool }));
    }
    return recording;
  };

  it('fires with what the pools hold and what is free inside', async () => {
    const told = findingOf(await pools(1).findings(), 'private-pools');
    expect(told.title).toBe('120 MiB in private pools');
    expect(told.verdict).toContain('2 private pools');
    expect(told.verdict).toContain('40 MiB (41,943,040 bytes) of it is free inside them');
    expect(told.evidence).toHaveLength(2);
    expect(told.remedy).toContain('share one pool');
  });

  it('one pool is not told to share', async () => {
    const recording = new Recording({ conf: '' });
    recording.take('main:4 capture:5', 40 * MIB, { pool: 1 });
    const told = findingOf(await recording.findings(), 'private-pools');
    expect(told.remedy).not.toContain('share');
  });

  it('does not fire below a twentieth, nor without any', async () => {
    expect(idsOf(await pools(1 / 64).findings())).not.toContain('private-pools');
    const none = new Recording({ conf: '' });
    none.take('main:1 weights:2', 512 * MIB);
    expect(idsOf(await none.findings())).not.toContain('private-pools');
  });
});

describe('who-holds', () => {
  it('adds up stacks that lead to one line', async () => {
    const recording = new Recording({ conf: '' });
    recording.take('main:1 weights:2', 30 * MIB);
    recording.take('main:5 attention:7', 20 * MIB);
    recording.take('main:6 attention:7', 20 * MIB);
    const who = findingOf(await recording.findings(), 'who-holds');
    expect(who.title).toBe('Holds most at the peak: attention (user/app.py:7) with 40 MiB');
    expect(who.verdict).toContain(
      '70 MiB (73,400,320 bytes) were allocated at the peak: 100 % by 2 lines of code.',
    );
    expect(who.headline).toBe('At the peak (70 MiB), most is held by:');
    expect(who.confidence).toBe('certain');
    expect(who.evidence.map(({ row }) => row)).toEqual([recording.rows - 1, recording.rows - 1]);
  });

  it('names nobody where most has no stack, and says so', async () => {
    const recording = new Recording({ conf: '' });
    recording.take(null, 70 * MIB);
    recording.take('main:1 weights:2', 30 * MIB);
    const who = findingOf(await recording.findings(), 'who-holds');
    expect(who).toMatchObject({ title: '70.0 % of the bytes at the peak have no stack', confidence: 'low' });
  });

  it('does not fire without any stack', async () => {
    const recording = new Recording({ conf: '' });
    recording.take(null, 70 * MIB);
    expect(idsOf(await recording.findings())).not.toContain('who-holds');
  });
});

describe('recorded-late', () => {
  const run = (): Recording => {
    const recording = new Recording({ conf: '' });
    recording.take('main:1 weights:2', 64 * MIB);
    const early = recording.take('main:1 input:3', 32 * MIB);
    recording.touch('main:4 forward:5', 16 * MIB);
    recording.drop(early);
    return recording;
  };

  it('fires where the first events are lost: what was there is counted back to the byte', async () => {
    // Lost: two segments and their two blocks.
    const late = findingOf(await run().findings({ without: 4 }), 'recorded-late');
    expect(late).toMatchObject({ severity: 'info', confidence: 'certain', gainBytes: null });
    expect(late.evidence[0].text).toContain('96 MiB (100,663,296 bytes) were requested');
    expect(late.evidence[1].text).toBe('1 free of allocations that are not in it.');
    expect(late.verdict).toContain('growth cannot be judged');
    expect(idsOf(await run().findings({ without: 4 }))).not.toContain('better-setting');
  });

  it('a state without events: what one moment tells, and what empty_cache() would give back of it', async () => {
    const recording = run();
    recording.drop(recording.take('main:2 logits:3', 256 * MIB));
    const findings = await recording.findings({ without: recording.rows });
    const late = findingOf(findings, 'recorded-late');
    expect(late.title).toBe('Only one moment was recorded, no events');
    expect(late.verdict).toContain('64 MiB (67,108,864 bytes) of it allocated');
    const before = recording.model.reserved;
    recording.model.emptyCache();
    const freed = (before - recording.model.reserved).toLocaleString('en');
    expect(late.evidence[0].text).toContain(`(${freed} bytes) in segments in which nothing lives`);
    expect(idsOf(findings)).toEqual(['recorded-late']);
  });

  it('does not fire where the recording holds the beginning', async () => {
    expect(idsOf(await run().findings())).not.toContain('recorded-late');
  });
});

describe('pinned-segments', () => {
  /** A small block in the middle of a large one that was freed. */
  const pinned = (): Recording => {
    const recording = new Recording({ conf: '', totalBytes: LARGE_DEVICE });
    recording.take('main:1 weights:2', 200 * MIB);
    recording.drop(recording.take('main:2 logits:3', 256 * MIB));
    recording.take('main:3 counter:4', 2 * MIB);
    return recording;
  };

  it('fires with what goes back when the block is freed', async () => {
    const recording = pinned();
    const told = findingOf(await recording.findings(), 'pinned-segments');
    expect(told.title).toBe(
      'One block of 2 MiB from counter (user/app.py:4) keeps 254 MiB of free memory from being released',
    );
    expect(told.gainBytes).toBe(256 * MIB);
    // A device with room: nothing to lose sleep over.
    expect(told.severity).toBe('info');
  });

  it('does not fire where the small block has a segment of its own', async () => {
    const recording = new Recording({ conf: '' });
    recording.take('main:1 weights:2', 200 * MIB);
    recording.take('main:3 counter:4', MIB / 2);
    recording.drop(recording.take('main:2 logits:3', 256 * MIB));
    expect(idsOf(await recording.findings())).not.toContain('pinned-segments');
  });
});

describe('the bundled recordings', () => {
  const findingsOf = async (name: string) => diagnoseData(await snapshotOf(fixtureBytes(name)));

  it('oom: the cap, to the byte', async () => {
    const findings = await findingsOf('oom.pickle');
    expect(findings[0].id).toBe('out-of-memory');
    expect(findings[0].evidence[0].text).toBe('Requested: 300 MiB (314,572,800 bytes).');
    expect(idsOf(findings)).not.toContain('pending-free');
  });

  it('pending: record_stream is named, and nothing leaks', async () => {
    const findings = await findingsOf('pending.pickle');
    expect(findings[0].id).toBe('pending-free');
    expect(idsOf(findings)).not.toContain('linear-leak');
    expect(idsOf(findings)).not.toContain('better-setting');
  });

  it('graphs: the private pools', async () => {
    expect(idsOf(await findingsOf('graphs.pickle'))).toContain('private-pools');
  });
});
