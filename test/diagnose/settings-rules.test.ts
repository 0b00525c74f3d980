/**
 * Rules about allocator settings. Gains are held against what the real allocator reserved for the same requests
 * (test/fixtures/allocator-truth), and against the same program run by itself under the other setting.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { snapshotAt, truthOf, TRUTH_FOLDER } from '../replay/recordings.ts';
import { roundedUp, shifting, splitAt, splitInTwo, traffic } from './programs.ts';
import { diagnoseData, findingOf, idsOf, MIB, type RecordingOptions } from './recording.ts';

const truthFindings = async (name: string): Promise<Finding[]> =>
  diagnoseData(await snapshotAt(join(TRUTH_FOLDER, truthOf(name).base)));

/** Reserved peak that PyTorch counted for the mix under a setting, without a cap. */
function measured(name: string, conf: string): number {
  const truth = truthOf(name);
  const at = truth.settings.findIndex((one) => one.conf === conf && one.cap_mib === 0);
  return truth.memory_stats['reserved_bytes.all.peak'][at];
}

const EXPANDABLE = 'expandable_segments:True';

describe('better-setting', () => {
  it('wide21: the gain is what PyTorch reserved less under that setting', async () => {
    const better = findingOf(await truthFindings('wide21'), 'better-setting');
    expect(better.gainBytes).toBe(measured('wide21', '') - measured('wide21', EXPANDABLE));
    expect(better.remedy).toBe(`PYTORCH_CUDA_ALLOC_CONF=${EXPANDABLE}`);
    expect(better.verdict).toContain(measured('wide21', EXPANDABLE).toLocaleString('en'));
    // Nothing says that memory is short.
    expect(better.severity).toBe('info');
    expect(better.evidence.every(({ row }) => row !== null)).toBe(true);
  });

  it('layers22: does not fire where that setting costs more; no-setting-helps does', async () => {
    expect(measured('layers22', EXPANDABLE)).toBeGreaterThan(measured('layers22', ''));
    const findings = await truthFindings('layers22');
    expect(idsOf(findings)).not.toContain('better-setting');
    const none = findingOf(findings, 'no-setting-helps');
    expect(none.verdict).toContain('None lowers it.');
    expect(none.gainBytes).toBeNull();
  });

  it('events23: a gain of 12 MiB is no advice', async () => {
    expect(measured('events23', '') - measured('events23', EXPANDABLE)).toBe(12 * MIB);
    const findings = await truthFindings('events23');
    expect(idsOf(findings)).not.toContain('better-setting');
    expect(findingOf(findings, 'no-setting-helps').verdict).toContain('12 MiB (0.4 %): not worth a change');
  });
});

describe('popular-advice', () => {
  it.each(['wide21', 'events23'])(
    '%s: max_split_size_mb:32 costs what PyTorch reserved more',
    async (name) => {
      const more = measured(name, 'max_split_size_mb:32') - measured(name, '');
      const advice = findingOf(await truthFindings(name), 'popular-advice');
      expect(advice.title).toContain(`max_split_size_mb:32: it would reserve`);
      expect(advice.evidence[0].text).toContain(measured(name, 'max_split_size_mb:32').toLocaleString('en'));
      expect(more).toBeGreaterThan(0);
      expect(advice).toMatchObject({ severity: 'info', remedy: null, gainBytes: null });
    },
  );
});

const peakOf = (options: RecordingOptions): number =>
  traffic(options).model.stats.toStats()['reserved_bytes.all.peak'];

describe('setting-in-force', () => {
  it('fires with what the same requests reserve without it', async () => {
    const cost = peakOf(splitAt(20)) - peakOf({ conf: '' });
    expect(cost).toBeGreaterThan(64 * MIB);
    const findings = await traffic(splitAt(20)).findings();
    const costs = findingOf(findings, 'setting-in-force');
    expect(costs).toMatchObject({ severity: 'problem', gainBytes: cost, confidence: 'high' });
    expect(costs.title).toContain('max_split_size_mb:20 costs');
    expect(costs.remedy).toBe('Leave max_split_size_mb:20 out: unset PYTORCH_CUDA_ALLOC_CONF');
  });

  it('does not fire without a setting, nor where one does nothing', async () => {
    expect(idsOf(await traffic({ conf: '' }).findings())).not.toContain('setting-in-force');
    expect(peakOf(splitAt(2048))).toBe(peakOf({ conf: '' }));
    expect(idsOf(await traffic(splitAt(2048)).findings())).not.toContain('setting-in-force');
  });

  it('is a risk where it costs less than a tenth, and nothing where sizes need no rounding', async () => {
    // 37 MiB are rounded up to 40; without the setting to 38, as segments are whole pages of 2 MiB.
    const costs = findingOf(await roundedUp(40, 37 * MIB).findings(), 'setting-in-force');
    expect(costs).toMatchObject({ severity: 'risk', gainBytes: 40 * (40 - 38) * MIB });
    expect(costs.title).toBe('roundup_power2_divisions:4 costs 80 MiB of reserved memory');
    expect(costs.remedy).toBe('Leave roundup_power2_divisions:4 out: unset PYTORCH_CUDA_ALLOC_CONF');
    expect(idsOf(await roundedUp(40, 40 * MIB).findings())).not.toContain('setting-in-force');
  });

  it('no remedy keeps the setting that costs memory, and none names what is in force', async () => {
    for (const finding of await traffic(splitAt(20)).findings())
      if (finding.id !== 'setting-in-force')
        expect(finding.remedy ?? '').not.toContain('max_split_size_mb:20');
    // Were expandable segments in force already, nobody advises them.
    for (const mib of [32, 128, 512]) {
      const advised = (await traffic(splitAt(mib)).findings())
        .filter(({ id }) => id === 'better-setting')
        .map(({ title }) => title);
      expect(advised.filter((title) => title.includes(`max_split_size_mb:${mib} `))).toEqual([]);
    }
  });
});

describe('how much a setting matters', () => {
  const better = async (options: RecordingOptions): Promise<Finding> =>
    findingOf(await shifting(options).findings(), 'better-setting');

  it('reserved that goes on growing, or a device that is nearly full: a risk', async () => {
    const peak = shifting({ conf: '' }).model.stats.toStats()['reserved_bytes.all.peak'];
    const still = shifting({ conf: '' }).facts().conclusion?.conclusion;
    expect(still).toBe('fragmentation');
    const full = await better({ conf: '', totalBytes: Math.ceil(peak / 0.9) });
    expect(full.severity).toBe('risk');
    expect(full.verdict).toContain('The peak is 90.0 % of');
    expect(full.verdict).toContain('the memory of the device');
  });

  it('where the settings were not recorded, the confidence is lower', async () => {
    const known = await better({ conf: '' });
    const assumed = await better({});
    expect([known.confidence, assumed.confidence]).toEqual(['high', 'medium']);
  });

  it('beside a leak it is secondary, and comes after', async () => {
    const findings = await shifting({ conf: '' }, 4 * MIB).findings();
    expect(findings[0].id).toBe('linear-leak');
    const setting = findingOf(findings, 'better-setting');
    expect(setting.severity).toBe('info');
    expect(setting.verdict).toMatch(/^Secondary: no setting ends a leak\./);
    expect(setting.title).toContain('(after the leak)');
  });
});

describe('an out-of-memory error that a setting would have saved', () => {
  const EXPANDABLE_RUN: RecordingOptions = { conf: EXPANDABLE, settings: { expandableSegments: true } };
  const oomOf = async (request: number): Promise<Finding> =>
    findingOf(await splitInTwo(request).findings(), 'out-of-memory');

  it('names it, and the same program is served under it', async () => {
    const oom = await oomOf(150 * MIB);
    expect(oom.remedy).toBe(`PYTORCH_CUDA_ALLOC_CONF=${EXPANDABLE}`);
    expect(oom.verdict).toContain(`With ${EXPANDABLE} every request is served`);
    expect(idsOf(await splitInTwo(150 * MIB, EXPANDABLE_RUN).findings())).not.toContain('out-of-memory');
  });

  it('names none for a request that is a little too large for that', async () => {
    const oom = await oomOf(190 * MIB);
    expect(oom.remedy).not.toContain(EXPANDABLE);
    expect(oom.verdict).toContain('a request still fails');
  });

  it('names none that is in force', async () => {
    const oom = findingOf(await splitInTwo(300 * MIB, EXPANDABLE_RUN).findings(), 'out-of-memory');
    expect(oom.remedy).not.toContain(EXPANDABLE);
    expect(oom.verdict).not.toContain(EXPANDABLE);
  });
});

it('what can be done stands before what cannot be told, and both behind what has to be', async () => {
  const ids = idsOf(await traffic(splitAt(20)).findings());
  expect(ids[0]).toBe('setting-in-force');
  expect(ids.indexOf('popular-advice')).toBeLessThan(ids.indexOf('growth-unclear'));
  expect(ids.indexOf('growth-unclear')).toBeGreaterThan(0);
});
