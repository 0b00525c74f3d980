/**
 * Damaged and hostile files (test/fixtures/hostile; each name says what is wrong with it) through the command: what must
 * hold of all of them, then what each must say. The recordings are real ones with one thing changed.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { complaintsOf, complaintsOfText } from '../fuzz/invariants.ts';

const folder = join(import.meta.dirname, '../fixtures/hostile');
const names = readdirSync(folder).sort();
const pathOf = (start: string): string => join(folder, names.find((name) => name.startsWith(start)) ?? start);

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

const text = (start: string, ...more: string[]) => run('analyze', pathOf(start), ...more);

async function object(start: string): Promise<{ code: number; analysis: Analysis }> {
  const { code, out } = await run('analyze', '--json', pathOf(start));
  return { code, analysis: JSON.parse(out) as Analysis };
}

describe('every hostile file', () => {
  it.each(names)('%s is printed without an order to the terminal', async (name) => {
    const { code, out, err } = await run('analyze', join(folder, name));
    expect([0, 3]).toContain(code);
    expect(out).not.toBe('');
    expect(complaintsOfText(out)).toEqual([]);
    expect(complaintsOfText(err)).toEqual([]);
  });
});

describe('a fault in one source stays in it', () => {
  it('R01 one byte in a key: the recording is shown, its replay is not, and the files beside it are answered', async () => {
    const beside = join(folder, '../snapshot/oom.pickle');
    const { code, out } = await run('analyze', beside, pathOf('R01'), beside);
    expect([0, 3]).toContain(code);
    expect(out.match(/oom\.pickle: PyTorch allocator snapshot/g)).toHaveLength(2);
    expect(out).toContain('R01-one-byte-in-an-address.pickle: PyTorch allocator snapshot');
    expect(out).not.toContain('internal');
    const replayed = await run('replay', pathOf('R01'));
    expect(replayed.err + replayed.out).not.toMatch(/internal|undefined/);
  });
});

describe('text of a file is never terminal text', () => {
  it('R10 escape sequences and line breaks of a frame are shown, and begin no line', async () => {
    const { out } = await text('R10');
    expect(out).toContain('\\x1b]0;');
    expect(out.split('\n').filter((line) => line.startsWith('No problem found'))).toEqual([]);
  });

  it('R13 marks that turn writing round are shown as code points, in the object, too', async () => {
    expect((await text('R13')).out).toContain('\\u202e');
    const { out } = await run('analyze', '--json', pathOf('R13'));
    expect(complaintsOfText(out)).toEqual([]);
    expect(JSON.stringify(JSON.parse(out))).toContain('\u202e');
  });

  it('a path that cannot be read is named without its escape sequences', async () => {
    const { code, out } = await run('analyze', join(folder, '\x1b[2Jgone\nR01'));
    expect(code).toBe(3);
    expect(complaintsOfText(out)).toEqual([]);
    expect(out).toContain('\\x1b[2Jgone\\nR01');
  });
});

describe('what was read of a damaged file is no surer than that', () => {
  it('R09 a leak out of one bad value: medium at most, with the reason, and --fail-on does not judge it', async () => {
    const { analysis } = await object('R09');
    const leaks = analysis.findings.filter(({ id }) => id === 'linear-leak');
    for (const { confidence, confidence_why: why } of leaks) {
      expect(['medium', 'low']).toContain(confidence);
      expect(why).toContain('1 event or value could not be read');
    }
    expect(complaintsOf(analysis).filter((one) => one.startsWith('confidence'))).toEqual([]);
    const { code, err } = await text('R09', '--fail-on', 'leak,leak>1MiB');
    expect(code).not.toBe(1);
    expect(err).toContain('--fail-on leak: not known');
    expect(err).toContain('--fail-on leak>1MiB: not known');
  });
});

/** Every figure of the object with its path. */
const belowZero = (analysis: Analysis): string[] =>
  complaintsOf(analysis).filter((one) => /^(below 0|beyond 2|not finite|sum)/.test(one));

describe('sizes that cannot be are not believed', () => {
  it.each([
    [
      'R03',
      /1 of the sizes of events cannot be and was left out: event 2 of GPU 0 \(address 0x7f0000200000\)/,
    ],
    ['R04', /1 of the sizes of events cannot be and was left out: event 2 of GPU 0/],
    ['R05', /1 of the segments cannot be and was left out: .* its size, -5 bytes, is below 0/],
    ['R06', /its blocks do not fill it/],
    ['R07', /events and the last state of GPU 0 disagree in \d+ figures/],
    ['R21', /20 rows with more bytes than a device can have were left out/],
    ['R23', /cannot be and were left out/],
  ])('%s: left out, with its place; nothing rests on it with confidence', async (name, words) => {
    const { code, analysis } = await object(name);
    expect([0, 3]).toContain(code);
    expect(analysis.sources[0].warnings.join('\n')).toMatch(words);
    expect(analysis.sources[0].damage).toBeDefined();
    expect(belowZero(analysis)).toEqual([]);
    expect(complaintsOf(analysis).filter((one) => one.startsWith('confidence'))).toEqual([]);
    // Figures of memory_stats are exact or not there.
    expect(analysis.devices.flatMap((device) => Object.keys(device.memory_stats))).toEqual([]);
    expect((await text(name)).out.replaceAll('-PiB.arrow', '')).not.toMatch(
      /PiB|[^\d.](-\d[\d,.]*) (B|[KMG]iB)\b(?! is below 0)/,
    );
  });

  it('R08 allocated above reserved is said, not subtracted', async () => {
    const { analysis } = await object('R08');
    const oom = analysis.findings.find(({ id }) => id === 'out-of-memory');
    expect(oom?.confidence).toBe('low');
    expect(JSON.stringify(oom)).toContain('more than is reserved cannot be allocated');
    expect((await text('R08')).out).not.toContain('-65.00');
    expect(analysis.sources[0].damage).toContain('more is requested than reserved');
    expect(analysis.findings.map(({ confidence }) => confidence)).not.toContain('certain');
  });

  it('R25 a total that no device has is not known', async () => {
    const { analysis } = await object('R25');
    expect(belowZero(analysis)).toEqual([]);
    expect(JSON.stringify(analysis.findings)).not.toMatch(/e\+\d\d|\{bytes/);
  });

  it('R22 a label of the name of a member of every object is a label', async () => {
    const { code, analysis } = await object('R22');
    expect(code).toBe(0);
    expect(analysis.sources[0].error).toBeUndefined();
    expect(JSON.stringify(analysis.tables)).toContain('constructor');
  });
});

describe('what is damaged is named', () => {
  it.each([
    ['R02', 'corrupt', /the pickle ends at byte 1,711, and 11,178 bytes follow that were not read/],
    ['R18', 'corrupt', /damaged at byte 1,9\d\d: 1 event could not be read/],
    ['R19', 'corrupt', /its bytes are damaged, or packed in a way that is not read/],
    ['R28', 'corrupt', /header/],
    ['R33', 'truncated', /./],
    ['R38', 'corrupt', /is a view where a table belongs/],
  ])('%s ends with 3 and the code %s', async (name, code, words) => {
    const { code: exit, analysis } = await object(name);
    expect(exit).toBe(3);
    const errors = analysis.sources.flatMap(({ error }) => error ?? []);
    expect(errors.map((one) => one.code)).toContain(code);
    expect(errors.map(({ message }) => message).join(' ')).toMatch(words);
    expect(errors.map(({ message }) => message).join(' ')).not.toMatch(/is empty/);
  });

  it('R02 nothing is said to be not recorded where bytes were left unread', async () => {
    const { analysis } = await object('R02');
    const told = JSON.stringify(analysis);
    expect(told).not.toMatch(/No history was recorded|no events were recorded|the history was not recorded/);
    // Nor is it advised to record what may have been recorded.
    expect(told).not.toMatch(/_record_memory_history/);
    for (const { confidence } of analysis.findings) expect(['low', 'medium']).toContain(confidence);
  });

  it('R16 a line that is no JSON is counted, as one that is damaged further to the right', async () => {
    const { analysis } = await object('R16');
    expect(analysis.sources[0].skipped).toBe(1);
    expect(analysis.sources[0].warnings.join()).toMatch(/1 lines are no JSON objects/);
  });

  it('R17 lines that end in CR are lines', async () => {
    const { code, analysis } = await object('R17');
    expect(code).toBe(0);
    const { analysis: whole } = await object('../nsys-forms/pools.json');
    expect(analysis.sources[0].rows).toBe(whole.sources[0].rows);
    expect(analysis.devices).toEqual(whole.devices);
  });

  it('R27 UTF-16 is read', async () => {
    const { code, analysis } = await object('R27');
    expect(code).toBe(0);
    expect(analysis.sources[0].format).toBe('nvidia-smi');
    expect(analysis.series.length).toBeGreaterThan(0);
  });
});
