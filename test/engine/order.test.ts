/** Sources stand in the order in which they were given, or in that in which people count; never in that of chance. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { naturalOrder } from '../../src/base/natural-order.ts';
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { ByteSource } from '../../src/file/byte-source.ts';
import { tarEnd, tarFile } from '../file/make-archives.ts';
import { join as bytesOf } from '../file/pieces.ts';

const OOM = readFileSync(new URL('../fixtures/snapshot/oom.pickle', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'vramscope-order-'));
afterAll(() => rmSync(folder, { recursive: true }));

const sourceOf = (
  name: string,
  bytes: Uint8Array,
  ready: Promise<unknown> = Promise.resolve(),
): ByteSource => ({
  name,
  size: bytes.length,
  read: async (start, length) => {
    await ready;
    return bytes.subarray(start, start + length);
  },
  readSync: (start, length) => bytes.subarray(start, start + length),
});

const filesOf = async (engine: Engine): Promise<string[]> =>
  (await engine.analysis()).sources.map(({ file }) => file);

it('rank2 comes before rank10, capitals do not part what belongs together, and no two names are one', () => {
  const names = ['rank10', 'rank2', 'Rank3', 'rank2/b', 'rank02', 'a', 'á'];
  expect([...names].sort(naturalOrder)).toEqual(['a', 'á', 'rank02', 'rank2', 'rank2/b', 'Rank3', 'rank10']);
  expect(naturalOrder('rank02', 'rank2')).not.toBe(0);
});

describe('the analysis', () => {
  it('has files in the order in which they were given, whichever was read first', async () => {
    const engine = new Engine();
    let go!: () => void;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const slow = engine.open(1, sourceOf('rank0.pickle', OOM, gate), () => undefined);
    await engine.open(2, sourceOf('rank1.pickle', OOM), () => undefined);
    expect(await filesOf(engine)).toEqual(['rank1.pickle']);
    go();
    await slow;
    expect(await filesOf(engine)).toEqual(['rank0.pickle', 'rank1.pickle']);
  });

  it('has the files of a folder in natural order', async () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    for (const rank of [10, 2, 1]) writeFileSync(join(run, `rank${rank}.pickle`), OOM);
    const engine = new Engine();
    const { sources } = sourcesAt(run);
    await engine.openFolder(0, 'run', sources, () => undefined);
    for (const source of sources) source.close();
    expect(await filesOf(engine)).toEqual(['run/rank1.pickle', 'run/rank2.pickle', 'run/rank10.pickle']);
  });

  it('has the files of an archive in natural order, and the notes of the archive at the first of them', async () => {
    const names = ['rank10.pickle', 'rank2.pickle', '__MACOSX/._rank2.pickle', 'rank1.pickle'];
    const tar = bytesOf(...names.map((name) => tarFile(name, OOM)), tarEnd());
    const engine = new Engine();
    await engine.open(0, sourceOf('run.tar', tar), () => undefined);
    const { sources } = await engine.analysis();
    expect(sources.map(({ file }) => file)).toEqual(
      ['rank1', 'rank2', 'rank10'].map((rank) => `run.tar/${rank}.pickle`),
    );
    expect(sources.map(({ warnings }) => warnings.some((one) => one.includes('macOS')))).toEqual([
      true,
      false,
      false,
    ]);
  });
});
