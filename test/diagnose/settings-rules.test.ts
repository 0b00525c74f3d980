/**
 * Rules about allocator settings. Gains are held against what the real allocator reserved for the same requests
 * (test/fixtures/allocator-truth), and against the same program run by itself under the other setting.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/diagnose/finding.ts';
import { seeded } from '../read/snapshot-fixtures.ts';
import { snapshotAt, truthOf, TRUTH_FOLDER } from '../replay/recordings.ts';
import {
  type Block,
  diagnoseData,
  findingOf,
  idsOf,
  MIB,
  Recording,
  type RecordingOptions,
} from './recording.ts';

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
    expect(findingOf(findings, 'no-setting-helps').verdict).toContain('12.00 MiB (0.4%): not worth a change');
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

/** Random traffic of large blocks on which a split limit hurts; the same for every setting. */
function traffic(options: RecordingOptions): Recording {
  const recording = new Recording(options);
  const random = seeded(11);
  const live: Block[] = [];
  for (let step = 0; step < 800; step++) {
    if (live.length > 24 || (live.length > 0 && random() < 0.45))
      recording.drop(...live.splice(Math.floor(random() * live.length), 1));
    else live.push(recording.take('main:3 work:4', Math.ceil(2 + 90 * random() ** 3) * MIB));
  }
  return recording;
}

const peakOf = (options: RecordingOptions): number =>
  traffic(options).model.stats.toStats()['reserved_bytes.all.peak'];

const splitAt = (mib: number): RecordingOptions => ({
  conf: `max_split_size_mb:${mib}`,
  settings: { maxSplitSize: mib * MIB },
});

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

/** Each step has the same bytes live at once in other sizes; `more`: bytes of it that are kept. */
function shifting(options: RecordingOptions, more = 0): Recording {
  const recording = new Recording(options);
  for (let step = 0; step < 24; step++) {
    const large = recording.take('main:13 logits:3', 300 * MIB);
    const rest = recording.take('main:15 rest:5', (200 - 2 * step) * MIB);
    const scores = recording.take('main:14 scores:4', (40 + 2 * step) * MIB);
    if (more > 0) recording.take('main:16 remember:6', more);
    recording.drop(scores, rest, large);
  }
  return recording;
}

describe('how much a setting matters', () => {
  const better = async (options: RecordingOptions): Promise<Finding> =>
    findingOf(await shifting(options).findings(), 'better-setting');

  it('reserved that goes on growing, or a device that is nearly full: a risk', async () => {
    const peak = shifting({ conf: '' }).model.stats.toStats()['reserved_bytes.all.peak'];
    const still = shifting({ conf: '' }).facts().conclusion?.conclusion;
    expect(still).toBe('fragmentation');
    const full = await better({ conf: '', totalBytes: Math.ceil(peak / 0.9) });
    expect(full.severity).toBe('risk');
    expect(full.verdict).toContain('The peak is 90.0% of');
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
