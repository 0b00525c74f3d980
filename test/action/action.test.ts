/** The GitHub Action's steps, run as a script with the inputs in their places: reports, what the job is told, exit codes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';

const ROOT = join(import.meta.dirname, '../..');
const GOLDEN = join(import.meta.dirname, 'golden');
const update = process.env['UPDATE_GOLDEN'] === '1';
const folder = mkdtempSync(join(tmpdir(), 'vramscope-action-'));
afterAll(() => rmSync(folder, { recursive: true }));

const yaml = readFileSync(join(ROOT, 'action/action.yml'), 'utf8');

/** Inputs with their defaults, and the steps, of a composite action as this one is written. */
function parsed(): { defaults: Map<string, string>; steps: { run: string; env: Map<string, string> }[] } {
  const defaults = new Map<string, string>();
  const [inputs] = /^inputs:\n([\s\S]*?)^outputs:/m.exec(yaml)!.slice(1);
  for (const [, name, body] of inputs.matchAll(/^ {2}([\w-]+):\n((?: {4}.*\n)*)/gm))
    defaults.set(name, /^ {4}default: '?([^'\n]*)'?$/m.exec(body)?.[1] ?? '');
  const [, body] = /^ {2}steps:\n([\s\S]*)$/m.exec(yaml)!;
  const steps = body
    .split(/^ {4}- /m)
    .slice(1)
    .map((step) => ({
      run: /^ {6}run: (.*)$/m.exec(step)![1],
      env: new Map([...step.matchAll(/^ {8}(\w+): (.*)$/gm)].map(([, name, value]) => [name, value])),
    }));
  return { defaults, steps };
}

function runAction(name: string, inputs: Record<string, string>): { code: number; told: string } {
  const { defaults, steps } = parsed();
  const work = join(folder, name);
  spawnSync('mkdir', ['-p', work]);
  const [summary, output] = [join(work, 'summary'), join(work, 'output')];
  const valueOf = (text: string): string =>
    text.replace(
      /\$\{\{ inputs\.([\w-]+) \}\}/g,
      (_, input: string) => inputs[input] ?? defaults.get(input) ?? '',
    );
  let log = '';
  for (const { run, env } of steps) {
    const { status, stdout, stderr } = spawnSync('bash', ['-e', '-c', run], {
      cwd: work,
      encoding: 'utf8',
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        GITHUB_ACTION_PATH: join(ROOT, 'action'),
        GITHUB_STEP_SUMMARY: summary,
        GITHUB_OUTPUT: output,
        ...Object.fromEntries([...env].map(([key, value]) => [key, valueOf(value)])),
      },
    });
    log += stdout + stderr;
    const read = (path: string): string => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    };
    const told =
      `exit code ${status}\n== log\n${log}== outputs\n${read(output)}== summary\n${read(summary)}`.replaceAll(
        folder,
        '',
      );
    if (status !== 0) return { code: status ?? -1, told };
    if (steps.at(-1)!.run === run) return { code: 0, told };
  }
  throw new Error('the action has no steps');
}

const side = (name: string): string => join(ROOT, `test/fixtures/pairs/${name}.pickle.gz`);

let baseline = '';
beforeAll(async () => {
  let out = '';
  await main(['analyze', side('score_kept.a'), '--json'], { write: (text) => (out += String(text)) });
  baseline = join(folder, 'baseline.json');
  writeFileSync(baseline, out);
});

describe('the action', () => {
  const CONDITIONS = 'allocated>+1%,leak,new-line>64MiB';

  it('takes every input that it declares, and nothing else', () => {
    const { defaults, steps } = parsed();
    const used = steps.flatMap(({ env }) =>
      [...env.values()].map((value) => /inputs\.([\w-]+)/.exec(value)?.[1]),
    );
    expect(used.sort()).toEqual([...defaults.keys()].sort());
    expect(defaults.get('fail-on')).toBe('leak,oom');
  });

  it.each([
    ['passes', 0, { files: side('score_kept.a'), 'fail-on': CONDITIONS }],
    ['holds', 1, { files: `${side('score_kept.b')}\n`, 'fail-on': CONDITIONS }],
    ['unusable', 2, { files: side('score_kept.a'), 'fail-on': 'speed>3' }],
    ['no-files', 2, { files: ' ' }],
    ['no-baseline', 3, { files: side('score_kept.a'), 'fail-on': CONDITIONS, baseline: 'absent.json' }],
  ] as const)('%s: exit code %i, and all that is told is its golden', (name, code, inputs) => {
    const ran = runAction(name, { baseline, ...inputs });
    expect(ran.code).toBe(code);
    // What cannot be used prints the usage, which is no matter of the action.
    const told = ran.told.replace(/^usage: [\s\S]*?(?=^== outputs)/m, 'usage: ...\n').replaceAll(ROOT, '');
    const golden = join(GOLDEN, `${name}.txt`);
    if (update) writeFileSync(golden, told);
    expect(told).toBe(readFileSync(golden, 'utf8'));
  });
});
