/** The command: exit codes, what goes to which stream, and the object that scripts read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { fixtureBytes, fixturePath } from '../read/snapshot/fixtures.ts';

const ROOT = join(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

const objectOf = (out: string): Analysis => JSON.parse(out) as Analysis;
const oom = fixturePath('oom.pickle');

describe('arguments', () => {
  it.each([
    [],
    ['analyse'],
    ['analyze'],
    ['analyze', '--jsno', 'x'],
    ['analyze', '--json'],
    ['analyze', '--'],
    ['analyze', '--gpus-per-pod', '0', 'x'],
    ['analyze', '--gpus-per-pod', '--json', 'x'],
    ['analyze', 'x', '--gpus-per-pod'],
  ])('unusable: %j', async (...argv) => {
    const { code, out, err } = await run(...argv.flat());
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain('usage: vramscope analyze');
  });

  it.each([['--help'], ['-h'], ['help'], ['analyze', '--help']])('help: %j', async (...argv) => {
    const { code, out, err } = await run(...argv);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('exit code: 0 read');
  });

  it('a path after "--" may begin with a dash', async () => {
    const { code, out } = await run('analyze', '--json', '--', '--json');
    expect(code).toBe(3);
    expect(objectOf(out).sources.map(({ file }) => file)).toEqual(['--json']);
  });
});

describe('--gpus-per-pod', () => {
  const log =
    'INFO 03-20 19:40:50 worker.py:267] model weights take 42.59GiB; non_torch_memory takes 2.30GiB\n';

  it.each([['--gpus-per-pod', '8'], ['--gpus-per-pod=8']])(
    'sums a budget for a pod: %j',
    async (...option) => {
      const path = fileOf('pod.log', log);
      const { code, out } = await run('analyze', ...option, '--json', path);
      expect(code).toBe(0);
      const [{ rank_count: ranks, steps }] = objectOf(out).budget_sums;
      expect(ranks).toBe(8);
      const weights = steps.find(({ id }) => id === 'weights')!.all_ranks!;
      expect((weights.bytes / 2 ** 30).toFixed(2)).toBe('340.72');
    },
  );

  it('changes nothing where it is not given, and nothing of files that are no logs', async () => {
    const { out } = await run('analyze', '--json', fileOf('pod.log', log));
    expect(objectOf(out).budget_sums[0].rank_count).toBe(1);
    expect((await run('analyze', '--gpus-per-pod', '8', oom)).code).toBe(0);
  });
});

describe('--json', () => {
  it('prints one object, alone', async () => {
    const { code, out, err } = await run('analyze', '--json', oom);
    expect([code, err]).toEqual([0, '']);
    const analysis = objectOf(out);
    expect(analysis.schema).toBe(1);
    expect(analysis.sources).toHaveLength(1);
    expect(analysis.sources[0]).toMatchObject({
      file: 'oom.pickle',
      format: 'torch-snapshot',
      bytes: 12296,
      rows: 140,
      skipped: 0,
      warnings: [],
    });
    expect(analysis.sources[0]).not.toHaveProperty('error');
    const [device] = analysis.devices;
    expect(device).toMatchObject({ source: 0, device: 0, from_empty: true });
    expect(device.events).toEqual({
      alloc: 64,
      free_requested: 28,
      free_completed: 28,
      segment_alloc: 19,
      oom: 1,
    });
    // Beyond 2^53, so as text: exact to the nanosecond.
    expect(device.span_ns).toEqual(['1795252341996097000', expect.stringMatching(/^\d{19}$/)]);
    expect(device.memory_stats['reserved_bytes.all.peak']).toBe(4242538496);
  });

  it('several files keep their order and their numbers', async () => {
    const { code, out } = await run(
      'analyze',
      oom,
      fixturePath('graphs.pickle.gz'),
      fixturePath('oom.devices.pickle'),
      '--json',
    );
    expect(code).toBe(0);
    const { sources, devices } = objectOf(out);
    expect(sources.map(({ file }) => file)).toEqual(['oom.pickle', 'graphs.pickle.gz', 'oom.devices.pickle']);
    expect(devices.map(({ source, device }) => [source, device])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [2, 2],
    ]);
  });

  it('a truncated file: what could be read, the offset, and exit code 3', async () => {
    const path = fileOf('cut.pickle', fixtureBytes('oom.pickle').subarray(0, 9000));
    const { code, out, err } = await run('analyze', '--json', path);
    expect(code).toBe(3);
    expect(err).toContain('truncated');
    const [source] = objectOf(out).sources;
    expect(source.rows).toBeGreaterThan(80);
    expect(source.error).toMatchObject({ code: 'truncated', file: 'cut.pickle', format: 'torch-snapshot' });
    expect(source.warnings.join()).toContain(`byte ${source.error?.offset}`);
    expect(objectOf(out).devices[0].memory_stats).toEqual({});
  });

  it('a file that is not there is in the result, and the others are read', async () => {
    const { code, out, err } = await run('analyze', '--json', join(folder, 'nowhere.pickle'), oom);
    expect(code).toBe(3);
    expect(err).toContain('nowhere.pickle');
    const { sources, devices } = objectOf(out);
    expect(sources.map(({ file, format, error }) => [file, format, error?.code])).toEqual([
      ['nowhere.pickle', null, 'io'],
      ['oom.pickle', 'torch-snapshot', undefined],
    ]);
    expect(devices.map(({ source }) => source)).toEqual([1]);
  });

  it('a program is not run, and exit code 3 says it was not read', async () => {
    const path = fileOf('evil.pickle', "cposix\nsystem\n(S'true'\ntR.");
    const { code, out } = await run('analyze', '--json', path);
    expect(code).toBe(3);
    expect(['unsafe-pickle', 'unrecognised']).toContain(objectOf(out).sources[0].error?.code);
  });
});

describe('text', () => {
  it('says its version, which is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect((await run('--version')).out).toBe(`vramscope ${version}\n`);
  });

  it('says what was found, what the file is, then the figures', async () => {
    const { code, out, err } = await run('analyze', oom);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(
      /^Diagnosis\n[^]*\n\noom\.pickle: PyTorch allocator snapshot, PyTorch 2\.10 or newer \(by its layout\), 12,296 bytes, 140 rows in /,
    );
    expect(out).toContain('device 0\n  140 events over 1.8 ms on 1 stream.');
    expect(out).toMatch(
      /Reserved +now +3\.95 GiB \(4,242,538,496 B\) +peak 3\.95 GiB \(4,242,538,496 B\) at 1\.5 ms/,
    );
    expect(out).toContain(
      '  out of memory at 1.8 ms: requested 300 MiB (314,572,800 B), 74.7 GiB (80,222,552,064 B) free on the device',
    );
    // memory_stats of the same process has this peak: the replay knows every block.
    expect(out).toMatch(/Allocated +now .* peak 3\.87 GiB \(4,153,409,536 B\)/);
    expect(out.endsWith('\n')).toBe(true);
  });

  it('says who holds memory at the end, by stack, and of how much', async () => {
    const { out } = await run('analyze', oom);
    expect(out).toContain(
      '  held at the end, by stack: 3.87 GiB (4,153,409,536 B) requested in 1 group\n       3.87 GiB (4,153,409,536 B)    in 36 allocations  s_oom  ',
    );
  });

  it('an Nsight export: the API call, five lines of many, no line number where there is none', async () => {
    const { out } = await run('analyze', join(ROOT, 'test/fixtures/nsys-forms/torch.sqlite'));
    const lines = out.split('\n');
    const at = lines.findIndex((line) => line.includes('held at the end'));
    expect(lines[at]).toBe(
      '  held at the end, by stack: 188 MiB (197,134,442 B) in 203 groups; the 5 largest hold 188 MiB (197,132,760 B)',
    );
    const rest = lines.slice(at + 1);
    const listed = rest.slice(
      0,
      rest.findIndex((line) => !line.startsWith('    ')),
    );
    expect(listed).toHaveLength(5);
    expect(listed[0]).toMatch(/188 MiB \(197,132,288 B\) +in 15 allocations {2}cudaMalloc {2}CUDA API$/);
    expect(out).not.toMatch(/:0$/m);
  });

  it('without stacks nobody is named', async () => {
    const { out } = await run('analyze', join(ROOT, 'samples/nsys-small.sqlite'));
    expect(out).toContain('Memory usage (device, array)');
    expect(out).not.toContain('held at the end');
  });

  it('a truncated file: the error with its place, a warning, and what was kept', async () => {
    const path = fileOf('cut.pickle', fixtureBytes('oom.pickle').subarray(0, 9000));
    const { code, out } = await run('analyze', path);
    expect(code).toBe(3);
    expect(out).toMatch(
      /error \(truncated at byte [89],\d{3}, read as torch-snapshot\): the file ends inside a value/,
    );
    expect(out).toContain('do: Copy the file again');
    expect(out).toContain('warning: reading ended at byte');
    expect(out).toContain('The file is cut inside the events');
  });

  it('what is refused, or is no snapshot after all, is not described as one', async () => {
    const pointer = await run(
      'analyze',
      fileOf('lfs.pickle', 'version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n'),
    );
    expect(pointer.out).toContain('error (refused): This is a Git-LFS pointer');
    const other = await run('analyze', fileOf('list.pickle', '\x80\x04](K\x01K\x02e.'));
    expect(other.code).toBe(3);
    expect(other.out).not.toMatch(/by its layout|not recorded/);
  });

  it('a file that is not there: one error, once', async () => {
    const { code, out, err } = await run('analyze', join(folder, 'nowhere.pickle'));
    expect(code).toBe(3);
    expect(`${out}${err}`.match(/no such file/g)).toHaveLength(1);
    expect(out).toContain('nowhere.pickle: not read');
  });
});
