/** What the README promises of the terminal: `npm start` and the command, as separate processes. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatInteger } from '../../src/base/units.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { launch, recordedStats, ROOT, Scope } from './harness.ts';

const vramscope = (...args: string[]): ReturnType<typeof run> =>
  run('npm', ['run', '--silent', 'vramscope', '--', ...args]);

function run(command: string, args: readonly string[]): { status: number | null; stdout: string } {
  return spawnSync(command, args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
}

describe('the command', () => {
  it('prints one object, and nothing beside it', () => {
    const { status, stdout } = vramscope(
      'analyze',
      'samples/leak.pickle.gz',
      'samples/nsys-small.sqlite',
      '--json',
    );
    expect(status).toBe(0);
    const analysis = JSON.parse(stdout) as Analysis;
    expect(analysis.schema).toBe(1);
    const recorded = recordedStats('leak');
    const stats = analysis.devices[0].memory_stats;
    expect(Object.keys(stats).length).toBeGreaterThanOrEqual(36);
    expect(stats).toEqual(Object.fromEntries(Object.keys(stats).map((key) => [key, recorded[key]])));
  });

  it.each([
    ['no arguments', [], 2],
    ['an option that is none', ['analyze', 'samples/leak.pickle.gz', '--jsn'], 2],
    ['a file that is not there', ['analyze', 'none.pickle'], 3],
    ['a file that is none of the formats', ['analyze', 'LICENSE', '--json'], 3],
  ])('ends with its own code on %s', (_what, args, status) => {
    expect(vramscope(...args).status).toBe(status);
  });
});

describe('npm start', () => {
  it('prints the headline and an address where the sample is, and ends on Ctrl-C', async () => {
    const server = spawn(process.execPath, ['scripts/start.mjs'], { cwd: ROOT });
    let printed = '';
    server.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    try {
      await expect.poll(() => printed, { timeout: 60_000 }).toMatch(/http:\/\/localhost:\d+\/\?src=\S+/);
      const recorded = recordedStats('leak');
      expect(printed).toContain(formatInteger(recorded['reserved_bytes.all.current']));
      expect(printed).toContain(formatInteger(recorded['requested_bytes.all.peak']));

      const [, origin, src] = /(http:\/\/localhost:\d+)\/\?src=(\S+)/.exec(printed) ?? [];
      const page = await fetch(`${origin}/`);
      expect(await page.text()).toBe(readFileSync(join(ROOT, 'dist/vramscope.html'), 'utf8'));
      const served = await fetch(`${origin}/${src}`);
      expect(Buffer.from(await served.arrayBuffer()).equals(readFileSync(join(ROOT, src)))).toBe(true);
    } finally {
      server.kill('SIGINT');
    }
    const [code] = (await once(server, 'exit')) as [number | null];
    expect(code).toBe(0);
  });
});

describe('vramscope facts', () => {
  it('reads in threads, and each source as one thread does', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vramscope-facts-'));
    try {
      const set = (threads: string): Map<string, string> => {
        const out = join(folder, threads);
        const { status, stdout } = vramscope('facts', 'samples', '--out', out, '--threads', threads);
        // README.md among them is no recording.
        expect([status, stdout]).toEqual([
          3,
          expect.stringMatching(/^5 sources of run samples: 4 read whole, 1 failed/),
        ]);
        const names = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) =>
          name.endsWith('.parquet'),
        );
        return new Map(names.map((name) => [name, readFileSync(join(out, name)).toString('hex')]));
      };
      const one = set('1');
      expect(one.size).toBeGreaterThan(8);
      expect(set('3')).toEqual(one);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('vramscope open', () => {
  it('shows its files in the page, asks for nothing else, and ends on Ctrl-C', async () => {
    const names = ['leak.pickle.gz', 'nsys-small.sqlite'];
    const server = spawn(
      process.execPath,
      ['bin/vramscope.mjs', 'open', ...names.map((name) => `samples/${name}`), '--no-browser'],
      { cwd: ROOT },
    );
    let printed = '';
    server.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const browser = await launch();
    try {
      await expect.poll(() => printed, { timeout: 60_000 }).toMatch(/^http:\S+\n/);
      const url = printed.trim();
      const scope = await Scope.open(browser, url, { origin: new URL(url).origin });
      const files = await scope.page.evaluate(async () => {
        const element = document.querySelector<
          HTMLElement & { analysis: Promise<Analysis>; whenIdle(): Promise<void> }
        >('vram-scope')!;
        await element.whenIdle();
        return (await element.analysis).sources.map(({ file }) => file);
      });
      expect(files).toEqual(names);
      await scope.close();
    } finally {
      await browser.close();
      server.kill('SIGINT');
    }
    const [code] = (await once(server, 'exit')) as [number | null];
    expect(code).toBe(0);
  });
});
