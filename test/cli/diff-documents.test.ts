/** `vramscope diff` of what `analyze --json` printed: the figures, lines and sums of the recordings themselves. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './fleet/run.ts';

const PAIRS = join(import.meta.dirname, '../fixtures/pairs');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-documents-'));
afterAll(() => rmSync(folder, { recursive: true }));
const recordings = ['a', 'b'].map((side) => join(PAIRS, `batch.${side}.pickle.gz`));
const documents = ['a', 'b'].map((side) => join(folder, `${side}.json`));
beforeAll(async () => {
  for (const [at, path] of recordings.entries())
    writeFileSync(documents[at], (await run('analyze', path, '--json')).out);
}, 60_000);

interface Told {
  readonly sentence: string;
  readonly requested: { readonly a: number; readonly b: number; readonly difference: number } | null;
  readonly lines: readonly { readonly place: string; readonly difference: number }[];
  readonly ledger: readonly { readonly when: string; readonly part: string; readonly difference: number }[];
}
const diff = async (a: string, b: string): Promise<Told> =>
  JSON.parse((await run('diff', a, b, '--json')).out) as Told;
const sum = (all: readonly { readonly difference: number }[]): number =>
  all.reduce((total, { difference }) => total + difference, 0);

describe('two documents', () => {
  it('say what the recordings say: lines at the peak that sum up to the difference', async () => {
    const told = await diff(documents[0], documents[1]);
    const own = JSON.parse((await run('diff', recordings[0], recordings[1], '--json')).out) as {
      requested: { peak: Told['requested'] };
      lines: Told['lines'];
    };
    expect(told.requested).toEqual(own.requested.peak);
    const differing = own.lines.filter(({ difference }) => difference !== 0);
    expect(told.lines.map(({ place, difference }) => `${place} ${difference}`).sort()).toEqual(
      differing.map(({ place, difference }) => `${place} ${difference}`).sort(),
    );
    expect(sum(told.lines)).toBe(told.requested!.difference);
    expect(told.sentence).toMatch(/^B holds .* more \(requested\) at its peak; \d+.* % of it is `/);
    expect(told.ledger.length).toBeGreaterThan(10);
  });

  it('a document and a recording are the same as two documents', async () => {
    const told = await diff(documents[0], documents[1]);
    const mixed = await diff(documents[0], recordings[1]);
    expect({ ...mixed, b: null }).toEqual({ ...told, b: null });
  });

  it('turned round is the negative, and a document against itself is zero', async () => {
    const [there, back] = [await diff(documents[0], documents[1]), await diff(documents[1], documents[0])];
    const signs = ({ lines }: Told): string[] =>
      lines.map(({ place, difference }) => `${place} ${Math.abs(difference)}`).sort();
    expect(back.requested!.difference).toBe(-there.requested!.difference);
    expect(signs(back)).toEqual(signs(there));
    const same = await diff(documents[0], documents[0]);
    expect([same.lines, sum(same.ledger), same.requested!.difference]).toEqual([[], 0, 0]);
    expect(same.sentence).toBe('B holds as much as A at its peak, line by line.');
  });

  it('prints it, the sentence first', async () => {
    const { code, out } = await run('diff', documents[0], documents[1]);
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toBe((await diff(documents[0], documents[1])).sentence);
    expect(out).toMatch(/requested, peak/);
  });

  it('refuses other moments, other versions, and half a document', async () => {
    expect((await run('diff', documents[0], documents[1], '--at', 'end')).err).toMatch(
      /tells of its peak alone/,
    );
    const broken = join(folder, 'broken.json');
    writeFileSync(broken, '{"schema": 2, "sources": [], "devices": []}');
    expect(await run('diff', broken, documents[1])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/its schema is 2, not 1/) as string,
    });
    writeFileSync(broken, '{"schema": 1, "sources": [');
    expect(await run('diff', broken, documents[1])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/ends early/) as string,
    });
    writeFileSync(broken, '{"schema": 1, "sources": [], "devices": []}');
    expect(await run('diff', broken, documents[1])).toMatchObject({
      code: 3,
      err: expect.stringMatching(/no device in common/) as string,
    });
  });
});
