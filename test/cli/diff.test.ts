/** `vramscope diff`: the object that scripts read, the text, exit codes, and two ranks of a real run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { Engine } from '../../src/engine/engine.ts';
import { fixturePath } from '../read/snapshot/fixtures.ts';
import { sharedTraces } from '../shared-traces.ts';

const ROOT = join(import.meta.dirname, '../..');
const traces = sharedTraces();
const folder = mkdtempSync(join(tmpdir(), 'vramscope-diff-'));
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

interface Both {
  readonly a: number;
  readonly b: number;
  readonly difference: number;
}
interface Line extends Both {
  readonly place: string;
  readonly place_in_a: string | null;
  readonly place_in_b: string | null;
  readonly allocations: Both;
  readonly iteration_since: number | null;
}
interface Diff {
  readonly schema: number;
  readonly sentence: string;
  readonly requested: Record<'peak' | 'end' | 'at', Both>;
  readonly allocated: Record<'peak' | 'end' | 'at', Both> | null;
  readonly reserved: Record<'peak' | 'end' | 'at', Both> | null;
  readonly lines: readonly Line[];
  readonly rest: Both & { readonly lines: number };
  readonly ledger: readonly (Both & { readonly part: string })[] | null;
  readonly streams: readonly Both[];
  readonly size_classes: readonly Both[];
  readonly settings: readonly { readonly name: string }[];
  readonly first_different: unknown;
}

async function diff(...argv: string[]): Promise<Diff> {
  const { code, out, err } = await run('diff', ...argv, '--json');
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Diff;
}

const sum = (all: readonly Both[]): number => all.reduce((total, { difference }) => total + difference, 0);

const fixtureOf = (name: string): string => join(ROOT, 'test/fixtures', name);
const leak = join(ROOT, 'samples/leak.pickle.gz');
const train = join(ROOT, 'samples/train.pickle.gz');
const oom = fixturePath('oom.pickle');

describe('arguments', () => {
  it.each([
    [],
    ['a'],
    ['a', 'b', 'c'],
    ['a', 'b', '--jsno'],
    ['a', 'b', '--at', 'noon'],
    ['a', 'b', '--at', 'peak,end,peak'],
    ['a', 'b', '--at'],
    ['a', 'b', '--device', 'x'],
    ['a', 'b', '--lines', '0'],
  ])('unusable: %j', async (...argv) => {
    const { code, out, err } = await run('diff', ...argv.flat());
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('usage: vramscope diff');
  });

  it('a file that is not there ends with 3, and says so', async () => {
    const { code, err } = await run('diff', oom, join(folder, 'absent.pickle'));
    expect(code).toBe(3);
    expect(err).toContain('absent.pickle');
  });

  it('a file without devices, a device that is not there and a moment that is not are refused with 3', async () => {
    const text = join(folder, 'note.txt');
    writeFileSync(text, 'nothing of memory\n');
    expect((await run('diff', oom, text)).code).toBe(3);
    const device = await run('diff', oom, oom, '--device', '7');
    expect([device.code, device.err]).toEqual([3, expect.stringContaining('has no device 7: it has 0')]);
    const moment = await run('diff', oom, oom, '--at', '99999999');
    expect([moment.code, moment.err]).toEqual([3, expect.stringContaining('no such moment')]);
  });
});

describe('a file against itself', () => {
  it.each([leak, train, oom, fixtureOf('field/U04-windows-paths.pickle.gz')])(
    '%s: all zero',
    async (path) => {
      const told = await diff(path, path);
      for (const figure of [told.requested, told.allocated, told.reserved])
        if (figure !== null)
          expect([figure.peak, figure.end, figure.at].map(({ difference }) => difference)).toEqual([0, 0, 0]);
      expect(told.lines.length).toBeGreaterThan(0);
      for (const one of [
        ...told.lines,
        told.rest,
        ...(told.ledger ?? []),
        ...told.streams,
        ...told.size_classes,
      ])
        expect(one.difference).toBe(0);
      expect([told.settings, told.first_different]).toEqual([[], null]);
      expect(told.sentence).toMatch(/^A and B hold the same/);
    },
  );
});

describe('two samples', () => {
  it.each(['peak', 'end', '500', 'peak,end'])(
    'at %s: the parts sum to the difference, and turned round all is negative',
    async (at) => {
      const one = await diff(leak, train, '--at', at);
      const { difference } = one.requested.at;
      expect(difference).not.toBe(0);
      expect([sum([...one.lines, one.rest]), sum(one.streams), sum(one.size_classes)]).toEqual([
        difference,
        difference,
        difference,
      ]);
      if (one.ledger !== null) expect(sum(one.ledger)).toBe(one.reserved!.at.difference);
      const other = await diff(train, leak, '--at', at.split(',').reverse().join(','));
      expect(other.lines.map((line) => [line.place_in_b, line.place_in_a, 0 - line.difference])).toEqual(
        one.lines.map((line) => [line.place_in_a, line.place_in_b, line.difference]),
      );
      expect(0 - other.requested.peak.difference).toBe(one.requested.peak.difference);
    },
  );

  it('as text: the sentence first, then figures and lines', async () => {
    const { code, out } = await run('diff', train, leak, '--lines', '3');
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toMatch(/^B holds .* (more|less) at its peak: /);
    expect(out).toMatch(/requested at its peak .*\n {2}requested at the end/);
    expect(out).toMatch(/\d+ other lines/);
    expect(out).toContain('all of requested');
  });

  it('lines that are left out are summed up', async () => {
    const all = await diff(train, leak);
    const two = await diff(train, leak, '--lines', '2');
    expect(two.lines.length).toBe(2);
    expect(two.rest.lines).toBe(all.lines.length - 2);
    expect(sum([...two.lines, two.rest])).toBe(sum(all.lines));
  });
});

describe('the question of the engine', () => {
  it('takes a source that has one device, and refuses what it does not hold', async () => {
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    const { sourceAt } = await import('../../src/cli/node-source.ts');
    const [view] = await engine.open(0, sourceAt(leak), () => undefined);
    const same = await engine.compare({ a: view.id, b: view.devices[0].key, at: 'peak', limit: 5 });
    expect(same.ok && same.value.requested.peak.difference).toBe(0);
    const absent = await engine.compare({ a: view.id, b: '99:0', at: 'peak', limit: 5 });
    expect(!absent.ok && absent.error.code).toBe('ended');
  });
});

describe.skipIf(traces === null)(
  'two ranks in ../shared/traces, of which one keeps the output of one batch in ten',
  () => {
    it('names the line and the iteration, and sums to the byte', async () => {
      const [a, b] = ['rank0', 'rank1'].map((name) => join(traces!, `ranks/${name}.pickle`));
      const told = await diff(a, b);
      expect(told.lines[0]).toMatchObject({
        place: 'forward  rec/record.py:71',
        difference: 16 * 2 ** 20,
        iteration_since: 11,
      });
      expect(told.lines.filter(({ difference }) => difference !== 0)).toHaveLength(1);
      expect(told.requested.at.difference).toBe(sum(told.lines));
      expect(told.sentence).toMatch(
        /^B holds 16 MiB more at its peak: 100 % of it is `forward \(rec\/record\.py:71\)`: .*from iteration 11 on/,
      );
    });
  },
);
