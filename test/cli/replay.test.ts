/** `vramscope replay`: arguments, the object, and the figures that the real allocator had. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { bytesFrom, replayArguments } from '../../src/cli/replay-arguments.ts';
import { fixturePath } from '../read/snapshot/fixtures.ts';
import { sharedTraces } from '../shared-traces.ts';

const SAMPLE = join(import.meta.dirname, '../../samples/leak.pickle.gz');
const OOM = fixturePath('oom.pickle');

interface Told {
  readonly recorded: Record<string, number>;
  readonly self: {
    readonly memory_stats: Record<string, number>;
    readonly fidelity: Record<string, unknown>;
  };
  readonly replayed: readonly {
    readonly settings: string;
    readonly memory_stats: Record<string, number>;
    readonly first_failure: unknown;
  }[];
  readonly sweep: { readonly rows: unknown[]; readonly line: string | null; readonly verdict: string };
  readonly sites: { readonly tried: number; readonly rows: { readonly site: string }[] };
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    ['replay', ...argv],
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

const toldBy = async (...argv: string[]): Promise<Told> =>
  JSON.parse((await run(...argv, '--json')).out) as Told;

describe('arguments', () => {
  it.each([
    [[], 'replay needs one file'],
    [['a', 'b'], 'replay needs one file'],
    [['a', '--sets', 'x'], 'unknown option "--sets"'],
    [['a', '--set'], '--set needs a value'],
    [['a', '--cap', '7 apples'], '--cap needs a size such as 8000MiB, or "recorded", not "7 apples"'],
    [['a', '--card=x'], '--card needs a size such as 24GiB, not "x"'],
    [['a', '--empty-cache-at', '-1'], '--empty-cache-at needs the number of an event, not "-1"'],
    [['a', '--device', 'all'], '--device needs a number, not "all"'],
    [['a', '--sites=0'], '--sites needs the number of sites to try, not "0"'],
    [['a', '--sweep=1'], '--sweep takes no value'],
  ])('unusable: %j', async (argv, why) => {
    const { code, out, err } = await run(...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(`vramscope: ${why}\nusage: vramscope replay`);
  });

  it('are read in any order, with "=" or without', () => {
    expect(
      replayArguments(['--set', 'a:1,b:2', '--cap=7000MiB', 'x.pickle', '--set=', '--sites', '--json']),
    ).toEqual({
      file: 'x.pickle',
      settings: ['a:1,b:2', ''],
      cap: 7000 * 2 ** 20,
      card: null,
      emptyCacheAt: [],
      device: null,
      sweep: false,
      sites: 20,
      json: true,
    });
    expect(replayArguments(['--sites=3', '--', '--x'])).toMatchObject({ file: '--x', sites: 3 });
  });

  it.each([
    ['24GiB', 24 * 2 ** 30],
    ['1.5 gb', 1.5e9],
    ['7340032000', 7340032000],
    ['12B', 12],
    ['', null],
    ['-1', null],
    ['3 apples', null],
    ['99999999999TiB', null],
  ])('"%s" is %s bytes', (text, bytes) => {
    expect(bytesFrom(text)).toBe(bytes);
  });

  it("refuses a string with PyTorch's message", async () => {
    const { code, out, err } = await run(SAMPLE, '--set', 'max_split_sizemb:32');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain("Unrecognized key 'max_split_sizemb' in Accelerator allocator config.");
    expect(err).toContain('did you mean max_split_size_mb?');
  });

  it('help names the command', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    expect(out).toContain('usage: vramscope replay FILE');
  });
});

describe('errors', () => {
  it.each([
    [['no-such-file'], 'error (io)'],
    [[join(import.meta.dirname, '../../samples/nsys-small.sqlite')], 'there is nothing to replay'],
    [[OOM, '--device', '4'], 'there is no device 4: it holds 0'],
    [[SAMPLE, '--cap', 'recorded'], 'the recording met no memory limit'],
  ])('%j', async (argv, why) => {
    const { code, out, err } = await run(...argv, '--json');
    expect([code, out]).toEqual([3, '']);
    expect(err).toContain(why);
  });
});

describe('the object', () => {
  it('holds what was recorded, the model led along, and every setting asked for', async () => {
    const told = await toldBy(SAMPLE, '--set', '', '--set', 'expandable_segments:True');
    expect(Object.keys(told)).toEqual(['schema', 'device', 'recorded', 'self', 'replayed']);
    expect(told.self.fidelity).toMatchObject({
      faithful: true,
      requests: 3774,
      requests_chosen: 3774,
      blocks: 2895,
      blocks_equal: 2895,
      unled_largest_difference: 0,
    });
    const { recorded, self } = told;
    expect(Object.keys(recorded).every((key) => self.memory_stats[key] === recorded[key])).toBe(true);
    expect(told.replayed.map(({ settings }) => settings)).toEqual(['', 'expandable_segments:True']);
    // Of the recording itself it is not told how often all streams were waited for; of a replay it is.
    expect(told.replayed[0].memory_stats).toEqual({ ...self.memory_stats, num_sync_all_streams: 0 });
    expect(told.replayed[1].memory_stats['reserved_bytes.all.peak']).toBe(1501560832);
  });

  it('holds a sweep and sites where asked for, and the limit acts on them', async () => {
    const told = await toldBy(OOM, '--sweep', '--sites=2', '--cap', 'recorded');
    expect(told.replayed).toHaveLength(1);
    expect(told.replayed[0].first_failure).toBeNull();
    expect(told.replayed[0].memory_stats['num_ooms']).toBe(1);
    expect(told.sweep.rows.length).toBeGreaterThan(100);
    expect(told.sites.tried).toBe(Math.min(2, told.sites.rows.length));
  });

  it('is one of several devices', async () => {
    const path = fixturePath('oom.devices.pickle');
    const both = JSON.parse((await run(path, '--json')).out) as { devices: { device: number }[] };
    expect(both.devices.length).toBeGreaterThan(1);
    const { device } = both.devices[1];
    expect(await toldBy(path, '--device', String(device))).toMatchObject({ device });
  });
});

describe('the text', () => {
  it('says how well the model follows, then the figures, the sweep and the sites', async () => {
    const { code, out, err } = await run(SAMPLE, '--set', 'expandable_segments:True', '--sites=1', '--sweep');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('it reserves what was recorded, after every request.');
    expect(out).toMatch(/as recorded \(defaults\) +1\.46 GiB +1,568,669,696/);
    expect(out).toMatch(/\n {2}expandable_segments:True +1\.4 GiB +1,501,560,832/);
    expect(out).toContain('\n  export PYTORCH_CUDA_ALLOC_CONF=');
    expect(out).toMatch(
      /10 hold memory when the reserved peak is reached .*; the 1 that hold most were tried/,
    );
  });
});

const traces = sharedTraces();

// Needs the recordings beside the repository (../shared/traces).
describe.skipIf(traces === null)('the requests of churn_0', () => {
  const folder = join(traces ?? '', 'churn');
  /** Every key but the one that is a setting. */
  const recordedOf = (name: string): Record<string, number> => {
    const text = readFileSync(join(folder, `${name}.memory_stats.json`), 'utf8');
    const stats = JSON.parse(text) as Record<string, number>;
    return Object.fromEntries(Object.entries(stats).filter(([key]) => key !== 'max_split_size'));
  };
  const conf = (name: string): string =>
    new RegExp(`^${name} .*PYTORCH_CUDA_ALLOC_CONF=(.*)$`, 'm').exec(
      readFileSync(join(folder, 'CONF.txt'), 'utf8'),
    )![1];
  const check = (told: Told, names: readonly string[]): void => {
    expect(told.replayed).toHaveLength(names.length);
    names.forEach((name, at) => {
      expect(told.replayed[at].memory_stats).toEqual(recordedOf(name));
    });
  };

  it('have the statistics of churn_0 to churn_7 under their settings, all keys', async () => {
    const names = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => `churn_${at}`);
    const told = await toldBy(
      join(folder, 'churn_0.pickle'),
      ...names.flatMap((name) => ['--set', conf(name)]),
    );
    check(told, names);
    const { num_sync_all_streams, ...recorded } = recordedOf('churn_0');
    expect(num_sync_all_streams).toBe(0);
    expect(told.self.memory_stats).toEqual(recorded);
  });

  it('and of capped_8 to capped_11 under a cap of 7000 MiB', async () => {
    const names = [8, 9, 10, 11].map((at) => `capped_${at}`);
    const settings = names.flatMap((name) => ['--set', conf(name)]);
    check(await toldBy(join(folder, 'churn_0.pickle'), '--cap', '7000MiB', ...settings), names);
  });
});
