/** What the command says of the diagnosis: findings and growth in the object and in words, and `--fail-on`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Condition } from '../../src/cli/condition.ts';
import { parseFailOn, parseSize } from '../../src/cli/fail-on.ts';
import { main } from '../../src/cli/main.ts';
import { findingLines } from '../../src/cli/print-diagnosis.ts';
import type { Analysis, AnalysisFinding } from '../../src/engine/document/analysis.ts';
import { fixturePath } from '../read/snapshot/fixtures.ts';

const LEAK = join(import.meta.dirname, '../../samples/leak.pickle.gz');
const TRAIN = join(import.meta.dirname, '../../samples/train.pickle.gz');
const OOM = fixturePath('oom.pickle');

const folder = mkdtempSync(join(tmpdir(), 'vramscope-diagnosis-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

const analysisOf = async (...paths: string[]): Promise<Analysis> =>
  JSON.parse((await run('analyze', '--json', ...paths)).out) as Analysis;

describe('--json', () => {
  it('findings: every field of docs/cli.md, problems first', async () => {
    const { findings } = await analysisOf(LEAK);
    const [leak] = findings;
    expect(leak).toMatchObject({
      id: 'linear-leak',
      source: 0,
      device: 0,
      severity: 'problem',
      title: 'A leak: 33.8 MiB per iteration',
      confidence: 'high',
    });
    for (const finding of findings) {
      expect(Object.keys(finding).sort()).toEqual(
        [
          'confidence',
          'confidence_why',
          'device',
          'evidence',
          'gain_bytes',
          'gain_how',
          'id',
          'remedy',
          'severity',
          'source',
          'title',
          'verdict',
          'would_change',
        ].sort(),
      );
      expect(finding.gain_bytes === null).toBe(finding.gain_how === null);
      for (const { text, row, rows } of finding.evidence) {
        expect(text).toMatch(/\.$/);
        expect(row === null || Number.isInteger(row)).toBe(true);
        expect(rows === null || rows[0] <= rows[1]).toBe(true);
      }
    }
    const order = findings.map(({ severity }) => ['problem', 'risk', 'info', 'good'].indexOf(severity));
    expect(order.map((rank) => Math.min(rank, 2))).toEqual(
      [...order].map((rank) => Math.min(rank, 2)).sort((a, b) => a - b),
    );
  });

  it('growth: one for each figure of a device', async () => {
    const { growth: all } = await analysisOf(OOM, LEAK);
    const growth = all.filter(({ by }) => by === 'device');
    // No loop in the first; three figures of the second.
    expect(growth.map(({ source, device, series, kind }) => [source, device, series, kind])).toEqual([
      [1, 0, 'allocated', 'linear_leak'],
      [1, 0, 'active', 'linear_leak'],
      [1, 0, 'reserved', 'linear_leak'],
    ]);
    expect(growth[0]).toMatchObject({
      bound_bytes: null,
      slope_bytes_per_iteration: 35_419_136,
      iterations: 40,
    });
    expect(growth[0].window).toHaveLength(2);
    expect(growth[0].statistic).toContain('Kendall tau');
    // Lines of code by themselves; each has a name.
    const lines = all.filter(({ by }) => by !== 'device');
    expect(lines.every(({ by, name }) => by === 'line' && name !== null)).toBe(true);
    expect(lines.some(({ kind }) => kind === 'linear_leak')).toBe(true);
  });

  it('a plateau has its bound and no slope', async () => {
    const { growth } = await analysisOf(TRAIN);
    const reserved = growth.find(({ series }) => series === 'reserved');
    expect(reserved).toMatchObject({
      kind: 'warm_up_plateau',
      bound_bytes: 4_997_513_216,
      slope_bytes_per_iteration: null,
    });
  });
});

describe('text', () => {
  it('says the finding, how sure it is, on what it rests, what to do and what that gives', async () => {
    const { out } = await run('analyze', LEAK);
    const lines = out.split('\n');
    // The answer is first, before the counters.
    expect(lines[0]).toBe('Diagnosis');
    expect(lines.findIndex((line) => line.startsWith('leak.pickle'))).toBeGreaterThan(10);
    expect(lines[1]).toBe('  [problem] A leak: 33.8 MiB per iteration (device 0)');
    expect(lines[2]).toContain(
      'First to look at: s_leak (rec/record.py:167), called from <module> (rec/record.py:277).',
    );
    expect(lines[3]).toBe('      confidence: high');
    expect(lines[4]).toMatch(/^ {6}- 40 iterations/);
    expect(lines.find((line) => line.startsWith('      what to do: record.py:167'))).toBeDefined();
    expect(lines.find((line) => /^ {6}gain: [\d.]+ GiB \(/.test(line))).toBeDefined();
  });

  const told = (device: number | null, more: Partial<AnalysisFinding> = {}): AnalysisFinding => ({
    id: 'private-pools',
    source: 0,
    device,
    severity: 'info',
    title: 'Title',
    verdict: 'Verdict.',
    confidence: 'certain',
    confidence_why: '',
    evidence: [{ text: 'Fact.', row: 1, rows: null }],
    remedy: null,
    gain_bytes: null,
    gain_how: null,
    would_change: '',
    ...more,
  });

  it('devices that say the same are told of once, and where a figure differs each has its line', () => {
    const gain = { gain_bytes: 5, gain_how: 'replayed' };
    expect(
      findingLines([
        told(0, gain),
        told(1, { ...gain, verdict: 'Another.' }),
        told(2, { ...gain, title: 'Else' }),
        told(null),
      ]),
    ).toEqual([
      '',
      'Diagnosis',
      '  [info] Title (devices 0 and 1)',
      '      device 0: Verdict.',
      '      device 1: Another.',
      '      confidence: certain',
      '      - Fact.',
      '      gain: 5 B (replayed)',
      '  [info] Else (device 2)',
      '      Verdict.',
      '      confidence: certain',
      '      - Fact.',
      '      gain: 5 B (replayed)',
      '  [info] Title',
      '      Verdict.',
      '      confidence: certain',
      '      - Fact.',
    ]);
  });

  it('devices of different files are not put together', () => {
    const lines = findingLines([told(0), told(0, { source: 1 })]);
    expect(lines.filter((line) => line.includes('Title'))).toHaveLength(2);
  });

  it('no findings, no heading', () => {
    expect(findingLines([])).toEqual([]);
  });
});

describe('parseSize', () => {
  it.each([
    ['70GiB', 70 * 2 ** 30],
    ['500 MB', 500e6],
    ['1.5kib', 1536],
    ['1024', 1024],
    ['2TB', 2e12],
    ['0', 0],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['', 'GiB', '-1', '1.2.3', '5 bananas', '1e3', 'Infinity', '1 GiB 2'])('%j is none', (text) => {
    expect(parseSize(text)).toBeNull();
  });
});

describe('--fail-on and growth', () => {
  const row = (i: number): string =>
    `2026/03/20 12:${String(Math.floor(i / 6)).padStart(2, '0')}:${(i % 6) * 10}0.000, 0, ${20000 + 100 * i} MiB, 81559 MiB`;
  const smi = join(folder, 'grows.csv');
  const log = join(folder, 'grows.log');
  writeFileSync(
    smi,
    `timestamp, index, memory.used [MiB], memory.total [MiB]\n${Array.from({ length: 40 }, (_, i) => row(i)).join('\n')}\n`,
  );
  writeFileSync(
    log,
    Array.from(
      { length: 24 },
      (_, i) => `[req ${i}] Allocated: ${100 + 35 * i}.0 MB | Reserved: ${128 + 36 * i}.0 MB\n`,
    ).join(''),
  );

  it("a leak by the program's own lines is a leak", async () => {
    const { code, err } = await run('analyze', log, '--fail-on', 'leak');
    expect(code).toBe(1);
    expect(err).toMatch(/--fail-on leak: linear-leak-printed: Allocated memory grows by [\d.]+ MiB per line/);
    const figure = await run('analyze', log, '--fail-on', 'leak>1MiB');
    expect(figure.code).toBe(0);
    expect(figure.err).toContain('not known, a line of a log need not be an iteration');
  });

  it('a monitor that grows leaves open whether it is a leak, and is growth', async () => {
    const leak = await run('analyze', smi, '--fail-on', 'leak');
    expect(leak.code).toBe(0);
    expect(leak.err).toContain('--fail-on leak: not known: gauge-growth (device 0): ');
    const growth = await run('analyze', smi, '--fail-on', 'growth');
    expect(growth.code).toBe(1);
    expect(growth.err).toContain('--fail-on growth: gauge-growth (device 0): ');
  });

  it.each(['leak', 'growth', 'leak>1MiB'])('growth that is unclear leaves %s open', (option) => {
    const [condition] = parseFailOn(option) as readonly Condition[];
    const findings = [{ id: 'growth-unclear', device: 0, title: 'Memory grew' }];
    const analysis = { findings, growth: [], devices: [], sources: [] } as unknown as Analysis;
    expect(condition.met(analysis)).toEqual([]);
    expect(condition.open(analysis)).toEqual(['not known: growth-unclear (device 0): Memory grew']);
  });

  it('a recording in which nothing grows is neither', async () => {
    const { code, err } = await run('analyze', OOM, '--fail-on', 'leak,growth');
    expect([code, err]).toEqual([0, '']);
  });
});

describe('--fail-on', () => {
  it.each([
    ['leak', LEAK, 'vramscope: --fail-on leak: linear-leak (device 0): A leak: 33.8 MiB per iteration\n'],
    ['leak>1MiB', LEAK, 'vramscope: --fail-on leak>1MiB: device 0: 35419136 bytes per iteration\n'],
    ['peak>3GiB', OOM, 'vramscope: --fail-on peak>3GiB: device 0: 4242538496 bytes\n'],
    ['allocated > 4000MB', OOM, 'vramscope: --fail-on allocated > 4000MB: device 0: 4153409536 bytes\n'],
    ['out-of-memory', OOM, 'vramscope: --fail-on out-of-memory: out-of-memory (device 0): '],
    ['oom', OOM, 'vramscope: --fail-on oom: out-of-memory (device 0): '],
    ['problem', OOM, 'vramscope: --fail-on problem: out-of-memory (device 0): '],
    ['leak,peak>3GiB', OOM, 'vramscope: --fail-on peak>3GiB: '],
  ])('%s holds: exit code 1, and why on standard error', async (condition, path, why) => {
    const { code, out, err } = await run('analyze', path, '--fail-on', condition);
    expect(code).toBe(1);
    expect(err.startsWith(why)).toBe(true);
    // The result is printed all the same.
    expect(out).toContain('Diagnosis');
  });

  it.each([
    ['leak', TRAIN],
    ['leak>100MiB', LEAK],
    ['peak>4GiB', OOM],
    ['oom,leak,problem,risk', TRAIN],
    ['setting-in-force', OOM],
  ])('%s does not hold: exit code 0', async (condition, path) => {
    const { code, err } = await run('analyze', '--fail-on', condition, path);
    expect([code, err]).toEqual([0, '']);
  });

  it('the limit itself is not above the limit', async () => {
    const at = await run('analyze', OOM, '--fail-on=peak>4242538496');
    const below = await run('analyze', OOM, '--fail-on=peak>4242538495');
    expect([at.code, below.code]).toEqual([0, 1]);
  });

  it('two conditions that hold: both are said, and the object stays alone on standard output', async () => {
    const { code, out, err } = await run('analyze', '--json', LEAK, '--fail-on', 'leak,peak>1GiB');
    expect(code).toBe(1);
    expect(err.split('\n')).toHaveLength(3);
    expect((JSON.parse(out) as Analysis).schema).toBe(1);
  });

  it('a peak that is not known is neither above nor below: that is said', async () => {
    const cut = join(folder, 'cut.pickle');
    writeFileSync(cut, readFileSync(OOM).subarray(0, 9000));
    const { code, err } = await run('analyze', cut, '--fail-on', 'peak>1GiB');
    expect(code).toBe(3);
    expect(err).toContain(
      'vramscope: --fail-on peak>1GiB: device 0: not known, the recording does not hold its peak\n',
    );
  });

  it('a file that cannot be read is not a run in order', async () => {
    const { code } = await run('analyze', join(folder, 'absent.pickle'), '--fail-on', 'leak');
    expect(code).toBe(3);
  });

  it.each([
    ['speed>3', '"speed" is no figure; there are peak, allocated, leak'],
    ['peak>much', '"much" is no size'],
    ['peak<3GiB', '"peak<3GiB" is no condition'],
    ['lek', '"lek" is no finding'],
    ['', '"" is no condition'],
    ['leak,', '"" is no condition'],
  ])('%j is refused: exit code 2', async (condition, why) => {
    expect(parseFailOn(condition)).toContain(why);
    const { code, out, err } = await run('analyze', OOM, '--fail-on', condition);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(why);
  });

  it('without conditions it is unusable', async () => {
    const { code, err } = await run('analyze', OOM, '--fail-on');
    expect(code).toBe(2);
    expect(err).toContain('--fail-on needs conditions');
  });
});
