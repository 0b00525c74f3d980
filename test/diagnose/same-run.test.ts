/** A log of a run that was also recorded is a fact of the recording's finding; one of another run stays by itself. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Diagnosis } from '../../src/engine/protocol.ts';
import { toldElsewhere } from '../../src/view/diagnosis/told-elsewhere.ts';
import { fixtureBytes } from '../read/snapshot/fixtures.ts';
import { diagnoseFiles } from './logs-for-test.ts';
import { findingOf, idsOf } from './recording.ts';

const ROOT = join(import.meta.dirname, '../..');
const OOM_TEXT = readFileSync(join(ROOT, 'test/fixtures/log/oom.txt'), 'utf8');

describe('an out-of-memory error that was recorded and printed', () => {
  const files = (text: string) => ({ 'oom.pickle': fixtureBytes('oom.pickle'), 'oom.txt': text });

  it('is one finding', async () => {
    const { findings } = await diagnoseFiles(files(OOM_TEXT));
    expect(idsOf(findings)).not.toContain('log-out-of-memory');
    const told = findingOf(findings, 'out-of-memory').evidence.map(({ text }) => text);
    expect(told).toContain('oom.txt tells the same: Out of memory: 300 MiB requested.');
    expect(told.join('\n')).toContain('allowed 3.96 GiB');
    expect(findings.every((finding) => !('claim' in finding))).toBe(true);
  });

  it('leads from the page of the log to the recording', async () => {
    const { findings, ...rest } = await diagnoseFiles(files(OOM_TEXT));
    const [by] = findingOf(findings, 'out-of-memory').toldBy ?? [];
    expect(by.recording).toBe('oom.pickle');
    const diagnosis = { ...rest, findings } as unknown as Diagnosis;
    expect(toldElsewhere(diagnosis, by.source, 'binary')).toEqual([
      {
        deviceKey: findingOf(findings, 'out-of-memory').deviceKey,
        where: 'oom.pickle, GPU 0',
        severity: 'problem',
        title: expect.stringContaining('300 MiB requested') as string,
      },
    ]);
    expect(toldElsewhere(diagnosis, by.source + 1, 'binary')).toEqual([]);
  });

  it.each([
    ['asks for a little more', '300.00 MiB', '301.00 MiB'],
    ['finds other memory free', '74.71 GiB', '74.69 GiB'],
    ['is of another device', 'GPU 0', 'GPU 1'],
  ])('one that %s is another error', async (_, from, to) => {
    const { findings } = await diagnoseFiles(files(OOM_TEXT.replace(from, to)));
    expect(findingOf(findings, 'log-out-of-memory').severity).toBe('problem');
    expect(
      findingOf(findings, 'out-of-memory')
        .evidence.map(({ text }) => text)
        .join('\n'),
    ).not.toContain('oom.txt');
  });
});

it('an error that tells only what was asked for may be of any run', async () => {
  const { findings } = await diagnoseFiles({
    'oom.pickle': fixtureBytes('oom.pickle'),
    'oom.txt': 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 300.00 MiB.\n',
  });
  expect(findingOf(findings, 'log-out-of-memory').title).toContain('300 MiB');
});

describe('a leak that was recorded and printed', () => {
  const bytes = (name: string): Uint8Array => gunzipSync(readFileSync(join(ROOT, 'samples', name)));
  // What report_gpu_memory of the recorded program printed: allocated and reserved after each request.
  const lines = (of: (i: number) => number): string =>
    Array.from(
      { length: 40 },
      (_, i) =>
        `[request_${i}] Allocated: ${(of(i) / 1e6).toFixed(1)} MB | Reserved: ${(of(i) / 1e6 + 60).toFixed(1)} MB\n`,
    ).join('');

  it('of another run stands by itself', async () => {
    const { findings } = await diagnoseFiles({
      'leak.pickle': bytes('leak.pickle.gz'),
      'other.log': lines((i) => 5e9 + 7e6 * i),
    });
    expect(idsOf(findings).slice(0, 2)).toEqual(['linear-leak', 'linear-leak-printed']);
  });
});
