/** The application in other people's pages: as an element over http, in a frame that may only run scripts, by ?src=. */
import { execFileSync } from 'node:child_process';
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

describe('a page that says what it wants', () => {
  const example = (name: string): string => readFileSync(join(ROOT, 'examples', name), 'utf8');
  let pages: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    pages = await serve({
      '/wiki.html': example('wiki.html'),
      '/panel.html': `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Panel</title><link rel="icon" href="data:,"></head><body>${example('grafana-text-panel.html')}</body></html>`,
      '/heard.html': HOST.replace(
        '<vram-scope',
        '<vram-scope message-origins="https://else.example" theme="dark" unit="decimal"',
      ),
    });
  });
  afterAll(() => pages.close());
  const open = (path: string): Promise<Scope> =>
    Scope.open(browser, `${pages.origin}${path}`, { origin: pages.origin });

  it('examples/wiki.html: a file, a view', async () => {
    const scope = await open('/wiki.html');
    await scope.page.getByRole('tab', { name: 'Stacks', selected: true }).waitFor();
    expect((await readAnalysis(scope.page)).devices[0].memory_stats[PEAK]).toBe(recordedStats('leak')[PEAK]);
    await scope.page.evaluate(() => document.querySelector('vram-scope')!.setAttribute('view', 'events'));
    await scope.page.getByRole('tab', { name: 'Events', selected: true }).waitFor();
    await scope.page.evaluate(() => document.querySelector('vram-scope')!.setAttribute('view', 'nowhere'));
    await scope.sees(/There is no view "nowhere"; there are overview, allocations/);
    await scope.close();
  });

  it('examples/grafana-text-panel.html: a frame answers, and takes what is handed over', async () => {
    const scope = await open('/panel.html');
    await expect.poll(() => scope.page.frames().length).toBe(2);
    const frame = scope.page.frames()[1];
    await scope.sees(/leak\.pickle\.gz was handed over by http:\/\/127\.0\.0\.1/, frame);
    expect((await readAnalysis(frame)).devices[0].memory_stats[PEAK]).toBe(recordedStats('leak')[PEAK]);
    await scope.close();
  });

  it('theme and unit, which are not kept; and silence for whoever is not listed', async () => {
    const scope = await open('/heard.html');
    await scope.analyse([sample('leak.pickle.gz')]);
    await scope.sees(/1\.57 GB/);
    const [dark, kept, answers] = await scope.page.evaluate(async () => {
      const heard: unknown[] = [];
      addEventListener('message', ({ data }) => heard.push(data));
      postMessage('PING', location.origin);
      postMessage({ vramscope: { buffer: new ArrayBuffer(4), title: 'x' } }, location.origin);
      // Both have been delivered when a third one is.
      await new Promise((resolve) => {
        addEventListener('message', ({ data }) => data === 'last' && resolve(null));
        postMessage('last', location.origin);
      });
      return [
        document.querySelector('vram-scope')!.hasAttribute('dark'),
        localStorage.length,
        heard.includes('PONG'),
      ] as const;
    });
    expect([dark, kept, answers]).toEqual([true, 0, false]);
    expect((await readAnalysis(scope.page)).sources).toHaveLength(1);
    await scope.close();
  });

  it('examples/notebook.ipynb: the page with a recording inside, in a frame without an origin', async () => {
    const notebook = JSON.parse(example('notebook.ipynb')) as {
      cells: { cell_type: string; source: string[] }[];
    };
    const code = notebook.cells.find(({ cell_type: type }) => type === 'code')!.source.join('');
    const program = `import sys, types
display = types.ModuleType('IPython.display')
display.HTML = lambda text: text
sys.modules['IPython'] = types.ModuleType('IPython')
sys.modules['IPython.display'] = display
${code.slice(0, code.lastIndexOf("show('snapshot.pickle')"))}
print(show('samples/leak.pickle.gz', 'dist/vramscope.html', note='from a notebook'))`;
    const html = execFileSync('python3', ['-c', program], {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const notebookPages = await serve({
      '/lab.html': `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lab</title><link rel="icon" href="data:,"></head><body>${html}</body></html>`,
    });
    const scope = await Scope.open(browser, `${notebookPages.origin}/lab.html`, {
      origin: notebookPages.origin,
    });
    await expect.poll(() => scope.page.frames().length).toBe(2);
    const frame = scope.page.frames()[1];
    await scope.sees(/from a notebook/, frame);
    expect((await readAnalysis(frame)).devices[0].memory_stats[PEAK]).toBe(recordedStats('leak')[PEAK]);
    await scope.close();
    notebookPages.close();
  });
});
