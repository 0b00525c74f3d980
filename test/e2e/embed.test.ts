/** The application in other people's pages: as an element over http, in a frame that may only run scripts, by ?src=. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, readAnalysis, recordedStats, ROOT, sample, Scope, serve } from './harness.ts';

/** A page of somebody else, with styles that must not reach in. */
const HOST = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <title>A wiki page</title>
    <link rel="icon" href="data:," />
    <style>
      body { font: 30px serif; color: red }
      button { display: none }
    </style>
    <script type="module" src="/vramscope.js"></script>
  </head>
  <body>
    <h1>Our memory</h1>
    <vram-scope style="display: block; height: 800px"></vram-scope>
  </body>
</html>`;

const FRAMED = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>A wiki page</title><link rel="icon" href="data:," /></head>
  <body><iframe sandbox="allow-scripts" src="/vramscope.html" title="GPU memory" width="1200" height="850"></iframe></body>
</html>`;

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  browser = await launch();
  server = await serve({ '/wiki': HOST, '/framed': FRAMED });
});
afterAll(async () => {
  server.close();
  await browser.close();
});

const PEAK = 'reserved_bytes.all.peak';

describe('the element in another page', () => {
  it('reads what is dropped on it', async () => {
    const scope = await Scope.open(browser, `${server.origin}/wiki`, { origin: server.origin });
    await scope.page
      .getByRole('button', { name: /open files/i })
      .first()
      .waitFor();
    const analysis = await scope.analyse([sample('leak.pickle.gz')]);
    expect(analysis.devices[0].memory_stats[PEAK]).toBe(recordedStats('leak')[PEAK]);
    await scope.close();
  });

  it('reads Nsight exports there too: the WebAssembly is inside', async () => {
    const scope = await Scope.open(browser, `${server.origin}/wiki`, { origin: server.origin });
    const analysis = await scope.analyse([sample('nsys-small.sqlite')]);
    expect(analysis.sources[0]).toMatchObject({ format: 'nsys-sqlite', rows: 3026, skipped: 0 });
    await scope.close();
  });

  it('opens files and folders that the page hands it', async () => {
    const scope = await Scope.open(browser, `${server.origin}/wiki`, { origin: server.origin });
    const below = join(ROOT, 'test/fixtures/nsys-forms/torch.arrowdir');
    const given = readdirSync(below).map((path) => ({
      path,
      base64: readFileSync(join(below, path)).toString('base64'),
    }));
    await scope.page.locator('vram-scope').waitFor({ state: 'attached' });
    await scope.page.evaluate(async (all) => {
      const element = document.querySelector<
        Element & {
          openFiles(files: File[]): Promise<void>;
          openFolders(folders: { name: string; files: { path: string; file: File }[] }[]): Promise<void>;
        }
      >('vram-scope');
      const files = all.map(({ path, base64 }) => ({
        path,
        file: new File([Uint8Array.from(atob(base64), (one) => one.charCodeAt(0))], path),
      }));
      await element?.openFolders([{ name: 'run 7', files }]);
      await element?.openFiles([new File(['nothing known'], 'notes.txt')]);
    }, given);
    const { sources, devices } = await readAnalysis(scope.page);
    expect(sources.map(({ file, error }) => [file, error?.code])).toEqual([
      ['run 7', undefined],
      ['notes.txt', 'unrecognised'],
    ]);
    expect(devices.map(({ name }) => name)).toEqual(['NVIDIA H100 80GB HBM3']);
    await scope.close();
  });
});

describe('the page in a frame that may only run scripts', () => {
  it.each(['leak.pickle.gz', 'nsys-small.sqlite'])('reads %s', async (name) => {
    const scope = await Scope.open(browser, `${server.origin}/framed`, { origin: server.origin });
    const frame = scope.page.frames().find((candidate) => candidate.url().endsWith('/vramscope.html'));
    if (frame === undefined) throw new Error('The frame did not load.');
    const analysis = await scope.analyse([sample(name)], frame);
    expect(analysis.sources[0].error).toBeUndefined();
    expect(analysis.devices).toHaveLength(1);
    await scope.close();
  });
});

describe('?src=', () => {
  it('opens a file of the same origin', async () => {
    const src = 'samples/leak.pickle.gz';
    const scope = await Scope.open(browser, `${server.origin}/?src=${src}`, { origin: server.origin });
    const analysis = await readAnalysis(scope.page);
    expect(analysis.sources.map(({ file }) => file)).toEqual(['leak.pickle.gz']);
    expect(analysis.devices[0].memory_stats[PEAK]).toBe(recordedStats('leak')[PEAK]);
    await scope.close();
  });

  it('opens nothing of another origin, and says so', async () => {
    const scope = await Scope.open(browser, `${server.origin}/?src=https://example.com/x.pickle`, {
      origin: server.origin,
    });
    await scope.sees(/own origin/);
    await scope.close();
  });

  it('says so where there is no such file', async () => {
    const scope = await Scope.open(browser, `${server.origin}/?src=samples/none.pickle`, {
      origin: server.origin,
    });
    await scope.sees(/404/);
    // The browser tells of the answer 404 on the console.
    expect(scope.errors).toEqual([expect.stringContaining('404')]);
    scope.errors.length = 0;
    await scope.close();
  });
});
