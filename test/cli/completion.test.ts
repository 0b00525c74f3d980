/** Completion and help: of every verb, with every option that its usage names. */
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completion, optionsOf, SHELLS } from '../../src/cli/completion.ts';
import { main } from '../../src/cli/main.ts';
import { USAGES } from '../../src/cli/usage.ts';

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

/** What bash offers for the last word. */
function offered(...words: string[]): string[] {
  const script = `${completion('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_vramscope; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8', cwd: '/' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((word) => word !== '');
}

describe('help', () => {
  it.each(Object.keys(USAGES))('%s --help prints its own usage and the exit codes', async (verb) => {
    for (const argv of [
      [verb, '--help'],
      [verb, '-h'],
      ['help', verb],
    ]) {
      const { code, out, err } = await run(...argv);
      expect([code, err]).toEqual([0, '']);
      expect(out.startsWith(USAGES[verb])).toBe(true);
      expect(out).toContain('exit code: 0 read');
      expect(out.match(/^usage:/gm)).toHaveLength(1);
    }
  });

  it.each(['--version', '-V'])('%s', async (option) => {
    expect((await run(option)).out).toMatch(/^vramscope \d+\.\d+\.\d+\n$/);
  });

  it('no colour is printed, so that NO_COLOR has nothing to switch off', async () => {
    for (const argv of [
      ['--help'],
      ['samples/leak.pickle.gz'],
      ['diff', 'samples/leak.pickle.gz', 'samples/leak.pickle.gz'],
    ])
      expect((await run(...argv)).out).not.toContain('\x1b');
  });

  it('a file without a verb is analyzed, and what is neither is refused', async () => {
    const plain = await run('samples/leak.pickle.gz', '--json');
    const verb = await run('analyze', 'samples/leak.pickle.gz', '--json');
    expect([plain.code, plain.out.replace(/"milliseconds.*/g, '')]).toEqual([
      0,
      verb.out.replace(/"milliseconds.*/g, ''),
    ]);
    const { code, err } = await run('no-such-file');
    expect([code, err]).toEqual([
      2,
      expect.stringContaining('unknown command "no-such-file", and there is no such file'),
    ]);
  });
});

describe('completion', () => {
  it('needs a shell that it knows', async () => {
    expect((await run('completion')).code).toBe(2);
    expect((await run('completion', 'csh')).code).toBe(2);
    for (const shell of SHELLS) expect((await run('completion', shell)).out).toBe(completion(shell));
  });

  it('names every option of a usage', () => {
    expect(optionsOf('analyze').sort()).toEqual(
      ['--baseline', '--fail-on', '--format', '--gpus-per-pod', '--help', '--json', '-o', '-q'].sort(),
    );
    expect(optionsOf('diff').sort()).toEqual(['--at', '--device', '--help', '--json', '--lines'].sort());
    expect(optionsOf('replay')).toContain('--empty-cache-at');
  });

  it('bash: verbs, options, values of an option, shells', () => {
    expect(offered('vramscope', 'ana')).toEqual(['analyze']);
    expect(offered('vramscope', 'analyze', '--f').sort()).toEqual(['--fail-on', '--format']);
    expect(offered('vramscope', 'analyze', '--format', 's')).toEqual(['sarif']);
    expect(offered('vramscope', 'completion', '').sort()).toEqual([...SHELLS].sort());
    expect(offered('vramscope', 'diff', '/et')).toContain('/etc');
  });

  it.each(SHELLS)('%s: says how it is taken up', (shell) => {
    expect(completion(shell)).toContain(`vramscope completion ${shell}`);
    for (const verb of Object.keys(USAGES)) expect(completion(shell)).toContain(verb);
  });
});
