/** `vramscope fleet slurm` with programs that stand for Slurm's, and `fleet k8s`. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { k8sArguments, k8sManifest } from '../../../src/cli/fleet/k8s.ts';
import { shellWords } from '../../../src/cli/fleet/shell-words.ts';
import { rangesOf, slurmArguments, slurmScript } from '../../../src/cli/fleet/slurm.ts';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-slurm-'));
const path = process.env['PATH'];
const bin = join(folder, 'bin');
const job = join(folder, "it's a job");
const set = join(folder, 'set');

/** Slurm for a test: tasks run one after the other as they are submitted, and the queue is empty. */
const SBATCH = `#!/bin/sh
script=$(cat)
for option; do case $option in --array=*) array=\${option#--array=} ;; esac; done
echo "$array" >>"${folder}/submitted"
for part in $(echo "$array" | tr , ' '); do
  task=\${part%-*}
  while [ "$task" -le "\${part#*-}" ]; do
    echo "$script" | SLURM_ARRAY_TASK_ID=$task sh || true
    task=$((task + 1))
  done
done
echo 41
`;
/** A task: every source of its share is "read"; the one named in \`dies\` ends before that, once. */
const TASK = `#!/bin/sh
while [ $# -gt 1 ]; do
  case $1 in --task) task=$2 ;; --state) state=$2 ;; esac
  shift
done
if [ "$(cat "${folder}/dies")" = "$task" ]; then echo none >"${folder}/dies"; exit 137; fi
echo '{"whole":2,"damaged":0,"failed":0,"kept":0}' >"$state"
`;

function program(name: string, text: string): void {
  writeFileSync(join(bin, name), text);
  chmodSync(join(bin, name), 0o755);
}

beforeAll(() => {
  mkdirSync(bin);
  mkdirSync(job);
  for (let rank = 0; rank < 8; rank++) writeFileSync(join(job, `rank${rank}.pickle`), 'x');
  program('sbatch', SBATCH);
  program('squeue', '#!/bin/sh\n');
  program('sacct', '#!/bin/sh\necho "41_2|OUT_OF_MEMORY"\necho "41_0|COMPLETED"\n');
  program('task', TASK);
  process.env['PATH'] = `${bin}:${path}`;
});
afterEach(() => {
  rmSync(set, { recursive: true, force: true });
  rmSync(join(folder, 'submitted'), { force: true });
});
afterAll(() => {
  process.env['PATH'] = path;
  rmSync(folder, { recursive: true });
});

const slurm = (dies: string, ...more: string[]) => {
  writeFileSync(join(folder, 'dies'), dies);
  return run(
    'fleet',
    'slurm',
    job,
    '--out',
    set,
    '--tasks',
    '4',
    '--run',
    'r',
    '--command',
    join(bin, 'task'),
    ...more,
  );
};

describe('fleet slurm', () => {
  it('submits, waits and adds up what the tasks say', async () => {
    const { code, out, err } = await slurm('none');
    expect([code, out]).toEqual([0, `8 sources of run r: 8 read whole. Data set: ${set}\n`]);
    expect(err).toBe('job 41: 4 tasks\n');
    expect(readFileSync(join(folder, 'submitted'), 'utf8')).toBe('0-3\n');
    expect(readdirSync(join(set, '_slurm')).sort()).toEqual(
      [0, 1, 2, 3].map((task) => `r-${task}-of-4.json`),
    );
  });

  it('names the sources of a task that died, says of what, and submits that one again', async () => {
    const { code, out, err } = await slurm('2/4');
    expect(code).toBe(0);
    expect(err).toContain(
      'task 2 of 4 did not come to its end (OUT_OF_MEMORY): missing rank2.pickle, rank6.pickle\n',
    );
    expect(readFileSync(join(folder, 'submitted'), 'utf8')).toBe('0-3\n2\n');
    expect(out).toMatch(/^8 sources of run r: 8 read whole/);
  });

  it('--again 0 submits nothing again, and says that it is not all', async () => {
    const { code, out } = await slurm('2/4', '--again', '0');
    expect(code).toBe(3);
    expect(out).toMatch(/^1 task did not come to its end\. Logs: /);
    expect(readFileSync(join(folder, 'submitted'), 'utf8')).toBe('0-3\n');
  });

  it('--no-wait returns the number, --job gathers it later', async () => {
    const { code, out } = await slurm('none', '--no-wait');
    expect([code, out]).toEqual([0, '41\n']);
    expect((await slurm('none', '--job', '41')).out).toMatch(/^8 sources of run r/);
    expect(readFileSync(join(folder, 'submitted'), 'utf8')).toBe('0-3\n');
  });

  it('--dry-run prints what would be done, and does nothing', async () => {
    const { out } = await slurm('none', '--dry-run', '--sbatch=--partition=gpu', '--sbatch', '--time=10');
    expect(out).toMatch(
      /^sbatch --parsable --array=0-3 .* --partition=gpu --time=10 <<'SCRIPT'\n#!\/bin\/sh\nexec /,
    );
    expect(existsSync(set)).toBe(false);
  });

  it('says where Slurm is not there, or refuses', async () => {
    process.env['PATH'] = '/nowhere';
    const missing = await slurm('none');
    process.env['PATH'] = `${bin}:${path}`;
    expect(missing.code).toBe(3);
    expect(missing.err).toMatch(/sbatch cannot be run here/);
    program('sbatch', '#!/bin/sh\necho "invalid partition" >&2; exit 1\n');
    const refused = await slurm('none');
    program('sbatch', SBATCH);
    expect(refused.err).toMatch(/sbatch failed: invalid partition/);
  });

  it('arguments', () => {
    const asked = ['/a', '--out', '/o', '--tasks', '4'];
    for (const [argv, why] of [
      [['/a', '--out', '/o'], /--tasks N/],
      [[...asked, '--task', '1/4'], /sets --task/],
      [[...asked, '--again', 'x'], /--again needs/],
      [[...asked, '--sbatch', 'rm'], /--sbatch needs an option/],
      [[...asked, '--job', 'x;y'], /--job needs the number/],
    ] as const)
      expect(slurmArguments(argv)).toMatch(why);
    expect(rangesOf([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7-8');
  });

  it('no path is more than one word of the script', () => {
    const asked = slurmArguments(["/x/$(touch y) 'z'", '--out', '/o', '--tasks', '2', '--group', 'a b']);
    if (typeof asked === 'string') throw new Error(asked);
    const script = slurmScript({ ...asked, command: 'vramscope' });
    expect(script).toContain(`'/x/$(touch y) '\\''z'\\'''`);
    expect(script).toContain("--group 'a b'");
    expect(shellWords(['a', "b'c", ''])).toBe(`a 'b'\\''c' ''`);
  });
});

describe('fleet k8s', () => {
  const asked = [
    '/data/run 1',
    '--out',
    '/data/facts',
    '--tasks',
    '64',
    '--image',
    'registry/x:1',
    '--claim',
    'traces',
  ];
  it('prints an Indexed Job that reads a share a pod', async () => {
    const { code, out } = await run('fleet', 'k8s', ...asked, '--run', 'Monday_1');
    expect(code).toBe(0);
    expect(out).toMatch(/completionMode: Indexed\n {2}completions: 64\n {2}parallelism: 16\n/);
    expect(out).toContain('name: "vramscope-facts-monday-1"');
    expect(out).toContain(`--task \\"$JOB_COMPLETION_INDEX/64\\"`);
    expect(out).toContain(`'/data/run 1'`);
    const arguments_ = k8sArguments(asked);
    if (typeof arguments_ === 'string') throw new Error(arguments_);
    // No tab, and every line is a key, an item or a comment.
    for (const line of k8sManifest(arguments_).trimEnd().split('\n'))
      expect(line).toMatch(/^(?:#.*| *(?:- )?[A-Za-z]+:(?: .+)?)$/);
  });

  it('refuses what a pod would not see', async () => {
    for (const [argv, why] of [
      [asked.slice(0, 5), /--image NAME/],
      [[...asked, '--mount', '/mnt'], /does not lie below \/mnt/],
      [[...asked.slice(0, -1), 'No Claim'], /PersistentVolumeClaim/],
      [[...asked, '--memory', 'much'], /size like 4Gi/],
    ] as const) {
      const { code, err } = await run('fleet', 'k8s', ...argv);
      expect(code).toBe(2);
      expect(err).toMatch(why);
    }
  });
});
