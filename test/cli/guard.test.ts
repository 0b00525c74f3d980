/** A guard in CI: a run against a baseline, in every form, with its exit code. Goldens: test/golden/guard. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { pathHere } from '../../src/cli/report-sarif.ts';
import type { AnalysisBaseline } from '../../src/engine/document/baseline.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const PAIRS = join(import.meta.dirname, '../fixtures/pairs');
const GOLDEN = join(import.meta.dirname, '../golden/guard');
const update = process.env['UPDATE_GOLDEN'] === '1';
const folder = mkdtempSync(join(tmpdir(), 'vramscope-guard-'));
afterAll(() => rmSync(folder, { recursive: true }));

const side = (name: string): string => join(PAIRS, `${name}.pickle.gz`);

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  // The folder of a test is another one each time.
  return { code, out, err: err.replaceAll(folder, '') };
}

async function baselineOf(
  name: string,
  change: (analysis: Analysis) => unknown = (same) => same,
): Promise<string> {
  const { code, out } = await run('analyze', side(name), '--json');
  expect(code).toBe(0);
  const path = join(folder, `${name}.${Math.random()}.json`);
  writeFileSync(path, JSON.stringify(change(JSON.parse(out) as Analysis)));
  return path;
}

const guard = (
  name: string,
  baseline: string,
  conditions: string,
  ...more: string[]
): ReturnType<typeof run> =>
  run('analyze', side(name), '--baseline', baseline, '--fail-on', conditions, '-q', ...more);

const withStats = (stats: Record<string, number>) => (analysis: Analysis) => ({
  ...analysis,
  devices: analysis.devices.map((device) => ({
    ...device,
    memory_stats: { ...device.memory_stats, ...stats },
  })),
});

let kept = '';
beforeAll(async () => {
  kept = await baselineOf('score_kept.a');
});

describe('against a baseline', () => {
  it('a run like it passes', async () => {
    expect(
      await guard('score_kept.a', kept, 'allocated>+1%,requested>+0%,leak,new-line>64MiB,line>+0'),
    ).toEqual({
      code: 0,
      out: '',
      err: '',
    });
  });

  it.each([
    ['allocated>+1%', /allocated .* at its peak, .* in the baseline \(\+128 MiB, \+\d+\.\d %\)/],
    ['requested>+64MiB', /requested .* in the baseline/],
    ['line>+64MiB', /forward {2}score_kept\/model\.py:45 holds .* at the peak, .* in the baseline/],
  ])('%s holds where one output in ten is kept', async (condition, why) => {
    const { code, err } = await guard('score_kept.b', kept, condition);
    expect(code).toBe(1);
    expect(err).toMatch(why);
  });

  it.each(['allocated>+300%', 'requested>+1GiB', 'new-line>1MiB', 'line>+126MiB'])(
    '%s does not',
    async (condition) => {
      expect(await guard('score_kept.b', kept, condition)).toEqual({ code: 0, out: '', err: '' });
    },
  );

  it('a line that the baseline has not is new, and lines that moved are not', async () => {
    const baseline = await baselineOf('rank_loads_twice.a');
    const { code, err } = await guard('rank_loads_twice.b', baseline, 'new-line>8MiB');
    expect([code, err]).toEqual([
      1,
      expect.stringContaining(
        'main  rank_loads_twice/train.py:34 holds 12.7 MiB at the peak, and is not in the baseline',
      ),
    ]);
    const moved = await guard('moved_keeps.b', await baselineOf('moved_keeps.a'), 'new-line>1');
    expect([moved.code, moved.err]).toEqual([0, '']);
  });

  it('what is reserved is reported, and judged only where it is asked for', async () => {
    const baseline = await baselineOf('expandable.b');
    const plain = await guard(
      'expandable.a',
      baseline,
      'requested>+0%,new-line>0,line>+0',
      '--json',
      '-o',
      join(folder, 'reserved.json'),
    );
    expect([plain.code, plain.err]).toEqual([0, '']);
    const { baseline: told } = JSON.parse(readFileSync(join(folder, 'reserved.json'), 'utf8')) as {
      baseline: AnalysisBaseline;
    };
    const reserved = told.devices[0].figures.find(({ figure }) => figure === 'reserved')!;
    expect(reserved.difference_bytes).toBeGreaterThan(100 * 2 ** 20);
    expect(reserved.note).toBe("varies with the pool's history");
    const asked = await guard('expandable.a', baseline, 'reserved>+10%');
    expect([asked.code, asked.err]).toEqual([
      1,
      expect.stringContaining("it varies with the pool's history"),
    ]);
  });

  it.each([35926, 36410, 37002, 38114, 39026])('%i MiB reserved with equal allocated passes', async (mib) => {
    const baseline = await baselineOf(
      'score_kept.a',
      withStats({ 'reserved_bytes.all.peak': mib * 2 ** 20 }),
    );
    expect(
      (await guard('score_kept.a', baseline, 'allocated>+1%,requested>+1%,leak,new-line>64MiB')).code,
    ).toBe(0);
  });

  it('a recording is a baseline, too', async () => {
    const { code, err } = await guard('score_kept.b', side('score_kept.a'), 'allocated>+1%');
    expect([code, err]).toEqual([1, expect.stringContaining('+128 MiB')]);
  });

  it('what one of the two does not know does not hold, and is said', async () => {
    const baseline = await baselineOf('score_kept.a', (analysis) => ({
      ...analysis,
      lines: [],
      devices: analysis.devices.map((device) => ({ ...device, memory_stats: {} })),
    }));
    const { code, err } = await guard('score_kept.b', baseline, 'allocated>+1%,new-line>1');
    expect(code).toBe(0);
    expect(err).toContain('allocated>+1%: device 0: not known, the baseline does not hold its exact peak');
    expect(err).toContain('new-line>1: device 0: not known, one of the two does not tell its lines');
  });

  it.each([
    ['is not there', null, 'ENOENT'],
    ['is cut', '{"schema": 1, "sources": [', 'ends early'],
    ['is of another schema', '{"schema": 2, "sources": [], "devices": []}', 'its schema is 2'],
    ['is of another shape', '{"schema": 1, "sources": [], "devices": [{}]}', 'no number or no memory_stats'],
    [
      'has lines that are none',
      '{"schema": 1, "sources": [], "devices": [], "lines": [{"device": 0, "lines": [3]}]}',
      'its lines are not',
    ],
  ])('a baseline that %s ends with 3, and nothing passes', async (what, text, why) => {
    const path = join(folder, `${what.replaceAll(' ', '-')}.json`);
    if (text !== null) writeFileSync(path, text);
    const { code, err } = await guard('score_kept.a', path, 'allocated>+1%');
    expect(code).toBe(3);
    expect(err).toContain(why);
    expect(err).toContain('--fail-on allocated>+1%: not known: there is no baseline');
  });
});

describe('arguments', () => {
  it.each([
    ['--fail-on', 'allocated>+1%', 'needs --baseline FILE'],
    ['--fail-on', 'fullness>+1%', 'is no figure'],
    ['--fail-on', 'allocated>+lots', 'is neither a share nor a size'],
    ['--fail-on', 'new-line>lots', 'is no size'],
    ['--format', 'xml', 'there is no format "xml"'],
    ['--format=md', '--format=sarif', 'each but one needs -o'],
    ['-o', 'a', '-o', 'b', 'each -o needs a --format'],
    ['--baseline'],
  ])('unusable: %j', async (...argv) => {
    const why = argv.length > 1 ? argv.pop()! : '--baseline needs a file';
    const { code, out, err } = await run('analyze', side('score_kept.a'), ...argv);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(why);
  });

  it('the result never takes the place of a file that is read', async () => {
    const path = join(folder, 'input.pickle.gz');
    writeFileSync(path, readFileSync(side('score_kept.a')));
    const { code, err } = await run('analyze', path, '--format', 'md', '-o', path);
    expect([code, err]).toEqual([4, expect.stringContaining('is one of the files to read')]);
    expect(readFileSync(path)).toEqual(readFileSync(side('score_kept.a')));
  });

  it('a path that cannot be written ends with 4', async () => {
    const { code, err } = await run(
      'analyze',
      side('score_kept.a'),
      '--format',
      'md',
      '-o',
      join(folder, 'no/such/a.md'),
    );
    expect([code, err]).toEqual([4, expect.stringContaining('could not be written')]);
  });
});

describe('forms', () => {
  const CONDITIONS = 'allocated>+1%,leak,new-line>64MiB,line>+64MiB';

  it.each(['md', 'junit', 'sarif'])('%s is its golden', async (format) => {
    const path = join(folder, 'baseline.json');
    writeFileSync(path, readFileSync(kept));
    const { code, out } = await run(
      'analyze',
      side('score_kept.b'),
      '--baseline',
      path,
      '--fail-on',
      CONDITIONS,
      '--format',
      format,
    );
    expect(code).toBe(1);
    const golden = join(GOLDEN, `score_kept.${format}`);
    if (update) writeFileSync(golden, out);
    expect(existsSync(golden)).toBe(true);
    expect(out).toBe(readFileSync(golden, 'utf8'));
  });

  it('several at once, each into its file, and one of them to standard output', async () => {
    const [one, two] = [join(folder, 'a.sarif'), join(folder, 'b.md')];
    const { code, out } = await run(
      'analyze',
      side('score_kept.a'),
      '--format=sarif',
      '-o',
      one,
      '--format=md',
      '-o',
      two,
      '--format=junit',
    );
    expect(code).toBe(0);
    expect(readFileSync(one, 'utf8')).toContain('"version": "2.1.0"');
    expect(readFileSync(two, 'utf8')).toMatch(/^### GPU memory\n/);
    expect(out).toMatch(/^<\?xml/);
  });

  it('sarif: valid as far as a consumer looks, with the line of the program', async () => {
    const { out } = await run(
      'analyze',
      side('score_kept.b'),
      '--baseline',
      kept,
      '--fail-on',
      CONDITIONS,
      '--format',
      'sarif',
    );
    const { runs } = JSON.parse(out) as {
      runs: {
        tool: { driver: { rules: { id: string }[] } };
        results: {
          ruleId: string;
          ruleIndex: number;
          locations: {
            physicalLocation: { artifactLocation: { uri: string }; region?: { startLine: number } };
          }[];
        }[];
      }[];
    };
    for (const result of runs[0].results)
      expect(runs[0].tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
    const line = runs[0].results.find(({ ruleId }) => ruleId === 'fail-on/line')!;
    expect(line.locations[0].physicalLocation.region).toEqual({ startLine: 45 });
    expect(line.locations[0].physicalLocation.artifactLocation.uri).toMatch(/model\.py$/);
  });

  it('a path of another machine is told as the repository knows it', () => {
    const has = (path: string): boolean => path === 'src/app/model.py';
    expect(pathHere('/job/7/checkout/src/app/model.py', has)).toBe('src/app/model.py');
    expect(pathHere('C:\\work\\src\\app\\model.py', has)).toBe('src/app/model.py');
    expect(pathHere('/elsewhere/x.py', has)).toBe('elsewhere/x.py');
  });

  it('text of a file never becomes markup', async () => {
    const path = join(folder, '<img src=x>|@someone`[a](b).txt');
    writeFileSync(path, 'nothing of memory\n');
    const { out } = await run('analyze', path, '--format', 'md');
    // All of it is code: the backtick that would end it is another mark.
    expect(out).toContain("- `<img src=x>\\|@someone'[a](b).txt` was not read whole");
    const { out: xml } = await run('analyze', path, '--format', 'junit');
    expect(xml).toContain('&lt;img src=x&gt;');
  });

  it('json: checks and the baseline beside all else', async () => {
    const { out } = await run(
      'analyze',
      side('score_kept.b'),
      '--baseline',
      kept,
      '--fail-on',
      CONDITIONS,
      '--format',
      'json',
    );
    const { checks, lines } = JSON.parse(out) as Analysis & {
      checks: { condition: string; state: string }[];
    };
    expect(checks.map(({ condition, state }) => [condition, state])).toEqual([
      ['allocated>+1%', 'holds'],
      ['leak', expect.any(String)],
      ['new-line>64MiB', 'passes'],
      ['line>+64MiB', 'holds'],
    ]);
    const [{ requested_bytes: requested, lines: all, others }] = lines;
    expect(all.reduce((sum, { bytes }) => sum + bytes, others.bytes)).toBe(requested);
  });
});
