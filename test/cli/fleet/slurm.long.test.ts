/**
 * `vramscope fleet slurm` on a real Slurm of four nodes (scripts/slurm-cluster.sh): 64 tasks give what one machine gives,
 * byte for byte; a task killed in the middle loses its own sources alone, and the next submission makes up for it.
 * Needs root and Debian's slurmctld, slurmd, slurm-client and munge; where they are not, it says so.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeRanks } from '../../bench/make-ranks.ts';
import { filesOf } from './run.ts';

const ROOT = join(import.meta.dirname, '../../..');
const hasSlurm =
  existsSync('/usr/sbin/slurmctld') && existsSync('/usr/sbin/slurmd') && process.getuid?.() === 0;
const folder = mkdtempSync(join(tmpdir(), 'vramscope-cluster-'));
const cluster = join(folder, 'slurm');
const job = join(folder, 'job');
const program = join(ROOT, 'bin/vramscope.mjs');
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, SLURM_CONF: join(cluster, 'slurm.conf') });

const vramscope = (...argv: string[]) =>
  spawnSync(process.execPath, [program, ...argv], { encoding: 'utf8', env: environment() });
const tables = (set: string) => new Map([...filesOf(set)].filter(([path]) => !path.startsWith('_slurm/')));

describe.skipIf(!hasSlurm)('a cluster of four nodes', () => {
  beforeAll(() => {
    execFileSync('sh', [join(ROOT, 'scripts/slurm-cluster.sh'), 'start', cluster, '4'], { encoding: 'utf8' });
    makeRanks(job, 128, 20_000);
    expect(vramscope('facts', job, '--out', join(folder, 'one'), '--run', 'job').status).toBe(0);
  }, 300_000);
  afterAll(() => {
    spawnSync('sh', [join(ROOT, 'scripts/slurm-cluster.sh'), 'stop', cluster]);
    rmSync(folder, { recursive: true, force: true });
  });

  it('64 tasks are one machine, byte for byte', () => {
    const { status, stdout } = vramscope(
      'fleet',
      'slurm',
      job,
      '--out',
      join(folder, 'many'),
      '--run',
      'job',
      '--tasks',
      '64',
    );
    expect([status, stdout]).toEqual([
      0,
      `128 sources of run job: 128 read whole. Data set: ${join(folder, 'many')}\n`,
    ]);
    expect(tables(join(folder, 'many'))).toEqual(tables(join(folder, 'one')));
  }, 600_000);

  it('a task that is killed loses its own sources, which are named and made up for', async () => {
    const set = join(folder, 'killed');
    const asked = ['fleet', 'slurm', job, '--out', set, '--run', 'job', '--tasks', '4'];
    const child = spawn(process.execPath, [program, ...asked, '--again', '0'], { env: environment() });
    let told = '';
    child.stderr.on('data', (bytes) => (told += String(bytes)));
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    // Until a part of task 1 is there: it is in the middle of its share.
    const inMiddle = (): boolean =>
      [...filesOf(set).keys()].some((path) => path.startsWith('ranks/run=job/rank=1/'));
    while (!existsSync(join(set, 'ranks')) || !inMiddle())
      await new Promise((resolve) => setTimeout(resolve, 20));
    const queue = execFileSync('squeue', ['-h', '-r', '-o', '%i'], { encoding: 'utf8', env: environment() });
    const victim = queue.split('\n').find((line) => line.endsWith('_1'))!;
    execFileSync('scancel', ['-s', 'KILL', victim], { env: environment() });
    expect(await ended).toBe(3);
    expect(told).toMatch(/task 1 of 4 did not come to its end: missing rank\d+\.pickle/);
    expect(told).not.toMatch(/task [023] of 4/);
    const missing = /missing (.*)/
      .exec(told)![1]
      .split(/, | and /)
      .filter((name) => name.startsWith('rank'));
    for (const name of missing) expect(Number(/\d+/.exec(name)![0]) % 4).toBe(1);
    expect(tables(set)).not.toEqual(tables(join(folder, 'one')));
    expect(vramscope(...asked).status).toBe(0);
    expect(tables(set)).toEqual(tables(join(folder, 'one')));
  }, 600_000);
});

describe.runIf(!hasSlurm)('without Slurm', () => {
  it('is not tested here: install slurmctld, slurmd, slurm-client and munge, and run as root', () => {
    expect(hasSlurm).toBe(false);
  });
});
