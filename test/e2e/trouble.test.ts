/** Files that are none, files that end too early, files that are stopped: the page says what and why, and lives. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import type { GivenFile } from './harness.ts';
import { launch, sample, Scope, SINGLE_FILE, unpackedSample } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const text = (name: string, content: string): GivenFile => ({
  name,
  bytes: new TextEncoder().encode(content),
});

/** 100 MB that take a while: the summaries of ten requests, 2,800 times over. */
const bigLog = (): GivenFile => ({ ...unpackedSample('serve.summaries.log'), name: 'big.log', times: 2800 });

/** Bytes without meaning, the same every time. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0, state = 1; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

describe('a file that cannot be read', () => {
  it.each([
    [
      'noise',
      { name: 'snapshot.pickle', bytes: noise(100_000) },
      'unrecognised',
      /not a file that vramscope knows/,
    ],
    [
      'a Git-LFS pointer',
      text(
        'snapshot.pickle',
        `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 50272260\n`,
      ),
      'refused',
      /git lfs pull/,
    ],
    [
      'a report of Nsight Systems itself',
      { name: 'report.nsys-rep', bytes: Uint8Array.from([...noise(4096)]) },
      'refused',
      /nsys export --type=?\s?sqlite/,
    ],
    ['an empty file', { name: 'empty.pickle', bytes: new Uint8Array(0) }, 'unrecognised', /empty/i],
  ] as const)('%s: what it is and what to do', async (_what, file, code, words) => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const analysis = await scope.analyse([file]);
    expect(analysis.sources[0].error).toMatchObject({ code, file: file.name });
    expect(analysis.devices).toEqual([]);
    await scope.sees(words);
    await scope.close();
  });

  it('a pickle that would run code is refused, and says so', async () => {
    // cos\nsystem\n(S'true'\ntR. : the classic.
    const scope = await Scope.open(browser, SINGLE_FILE);
    const analysis = await scope.analyse([text('snapshot.pickle', "cos\nsystem\n(S'true'\ntR.")]);
    expect(['unsafe-pickle', 'unrecognised']).toContain(analysis.sources[0].error?.code);
    const binary = Uint8Array.from([
      0x80,
      4,
      0x7d,
      0x8c,
      8,
      ...Buffer.from('segments'),
      0x63,
      ...Buffer.from('os\nsystem\n.'),
    ]);
    const second = await scope.analyse([{ name: 'evil.pickle', bytes: binary }]);
    expect(second.sources[1].error).toMatchObject({ code: 'unsafe-pickle' });
    await scope.sees(/would run code/);
    await scope.close();
  });

  it('a snapshot cut in the middle: everything up to the cut, and where it was', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const whole = unpackedSample('leak.pickle');
    const cut = { name: 'cut.pickle', bytes: whole.bytes.subarray(0, 400_000) };
    const analysis = await scope.analyse([whole, cut]);
    const { error, rows, warnings } = analysis.sources.find(({ file }) => file === 'cut.pickle') ?? {};
    expect(error).toMatchObject({ code: 'truncated', offset: expect.any(Number) as number });
    expect(error?.offset).toBeGreaterThan(399_000);
    expect(error?.offset).toBeLessThanOrEqual(400_000);
    expect(rows).toBeGreaterThan(1000);
    expect(rows).toBeLessThan(analysis.sources.find(({ file }) => file === 'leak.pickle')?.rows ?? 0);
    expect(warnings).toBeDefined();
    await scope.page.getByText('cut.pickle').first().click();
    await scope.sees(/ends too early/);
    await scope.close();
  });
});

describe('while a big file loads', () => {
  it('there is a bar in bytes with the stage, and cancel stops it; the page lives on', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    await scope.drop([bigLog()]);
    const bar = scope.page.getByRole('progressbar', { name: /big\.log/ });
    await bar.waitFor();
    await scope.sees(/, [\d.]+ (B|KiB|MiB) of 98\.\d MiB/);
    await scope.page.getByRole('button', { name: 'Cancel' }).click();
    await bar.waitFor({ state: 'detached' });
    await scope.sees(/big\.log was cancelled/);
    const analysis = await scope.analyse([sample('leak.pickle.gz')]);
    expect(analysis.sources.map(({ file }) => file)).toEqual(['leak.pickle.gz']);
    await scope.close();
  });

  it('a second file can be dropped', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    await scope.drop([{ ...bigLog(), times: 1000 }]);
    await scope.page.getByRole('progressbar', { name: /big\.log/ }).waitFor();
    await scope.drop([sample('leak.pickle.gz')]);
    // Asked in the page: 10,000 summaries are too many to carry out of it.
    const told = await scope.page.evaluate(async () => {
      const element: (Element & { analysis?: Promise<Analysis> }) | null =
        document.querySelector('vram-scope');
      for (;;) {
        const analysis = await element?.analysis;
        if (analysis === undefined) throw new Error('There is no <vram-scope> here.');
        if (analysis.sources.length < 2) continue;
        const files = analysis.sources.map(({ file, error }) => [file, error?.code ?? 'read']);
        return { files: files.sort(), summaries: analysis.summaries.length };
      }
    });
    const files = [
      ['big.log', 'read'],
      ['leak.pickle.gz', 'read'],
    ];
    expect(told).toEqual({ files, summaries: 10_000 });
    await scope.close();
  });
});
