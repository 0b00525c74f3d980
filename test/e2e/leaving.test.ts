/** Leaving the page: never without a question while files are open, never with one while none are. */
import type { Browser, Frame, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, sample, Scope, serve, SINGLE_FILE } from './harness.ts';

const HOST = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>A wiki page</title><link rel="icon" href="data:," />
    <script type="module" src="/vramscope.js"></script></head>
  <body><h1>Our memory</h1><vram-scope style="display: block; height: 700px"></vram-scope></body>
</html>`;
const framed = (sandbox: string): string => `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8" /><title>A wiki page</title><link rel="icon" href="data:," /></head>
  <body><iframe sandbox="${sandbox}" src="/vramscope.html" title="GPU memory" width="1200" height="700"></iframe></body>
</html>`;

let browser: Browser;
let server: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  browser = await launch();
  server = await serve({
    '/wiki': HOST,
    '/framed': framed('allow-scripts allow-modals'),
  });
});
afterAll(async () => {
  server.close();
  await browser.close();
});

const LEAK = sample('leak.pickle.gz');
const NSYS = sample('nsys-small.sqlite');

/** Dialogs that the page showed; each is answered with "stay". */
function dialogsOf(page: Page): string[] {
  const seen: string[] = [];
  page.on('dialog', (dialog) => {
    seen.push(dialog.type());
    void dialog.dismiss();
  });
  return seen;
}

/** Begun from within, after this call has returned: a reload that is refused has no end to wait for. */
const begin = (page: Page, what: 'reload' | 'back'): Promise<void> =>
  page.evaluate((how) => {
    setTimeout(() => (how === 'reload' ? location.reload() : history.back()));
  }, what);

/** Browsers ask on behalf of pages that somebody has used, and of no others. */
const use = (target: Page | Frame): Promise<void> =>
  target.locator('vram-scope').click({ position: { x: 640, y: 300 } });

const selected = (page: Page): Promise<string | null> =>
  page.locator('vs-tabs [role=tab][aria-selected=true]').getAttribute('title');

describe('from disk', () => {
  it('with nothing open, a reload asks nothing', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const dialogs = dialogsOf(scope.page);
    await use(scope.page);
    await Promise.all([scope.page.waitForEvent('load'), begin(scope.page, 'reload')]);
    expect(dialogs).toEqual([]);
    await scope.close();
  });

  it('with a file open, a reload asks, and asks no more when it is closed', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const dialogs = dialogsOf(scope.page);
    await use(scope.page);
    await scope.analyse([LEAK]);
    await scope.idle();
    await begin(scope.page, 'reload');
    await expect.poll(() => dialogs).toEqual(['beforeunload']);
    await scope.sees(/leak\.pickle\.gz/);
    await scope.page.getByRole('button', { name: 'Close file' }).click();
    await Promise.all([scope.page.waitForEvent('load'), begin(scope.page, 'reload')]);
    expect(dialogs).toEqual(['beforeunload']);
    await scope.close();
  });

  it('Back goes through the tabs, then says what comes, then asks', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    const dialogs = dialogsOf(page);
    await use(page);
    await scope.analyse([LEAK]);
    await scope.analyse([NSYS]);
    await scope.idle();
    expect(await selected(page)).toMatch(/nsys-small/);
    await begin(page, 'back');
    await expect.poll(() => selected(page)).toMatch(/leak\.pickle/);
    expect(dialogs).toEqual([]);
    await begin(page, 'back');
    await scope.sees(/2 files are still open/);
    expect(await selected(page)).toMatch(/leak\.pickle/);
    expect(dialogs).toEqual([]);
    await begin(page, 'back');
    await expect.poll(() => dialogs).toEqual(['beforeunload']);
    expect(page.url()).toBe(SINGLE_FILE);
    await scope.sees(/nsys-small/);
    // Forward leads to the tabs again.
    await page.evaluate(() => history.go(2));
    await expect.poll(() => selected(page)).toMatch(/nsys-small/);
    await scope.close();
  });

  it('Back never shows a tab whose file was closed', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    await use(page);
    await scope.analyse([LEAK]);
    await scope.analyse([NSYS]);
    await scope.idle();
    await page.locator('vs-tabs [role=tab]', { hasText: 'leak.pickle' }).click();
    await page.getByRole('button', { name: 'Close file' }).filter({ visible: true }).click();
    await expect.poll(() => selected(page)).toMatch(/nsys-small/);
    await begin(page, 'back');
    await expect.poll(() => page.evaluate(() => JSON.stringify(history.state))).toMatch(/vramscopeTab/);
    expect(await selected(page)).toMatch(/nsys-small/);
    await scope.close();
  });
});

describe('in a page of somebody else', () => {
  it.each(['/wiki', '/framed'])('%s: asks, and leaves the history alone', async (path) => {
    const scope = await Scope.open(browser, `${server.origin}${path}`, { origin: server.origin });
    const dialogs = dialogsOf(scope.page);
    const frame = scope.page.frames().at(-1);
    if (frame === undefined) throw new Error('There is no frame.');
    await frame.locator('vram-scope').waitFor();
    await use(frame);
    const before = await scope.page.evaluate(() => history.length);
    await scope.analyse([LEAK], frame);
    await scope.idle(frame);
    expect(await scope.page.evaluate(() => history.length)).toBe(before);
    await begin(scope.page, 'reload');
    await expect.poll(() => dialogs).toEqual(['beforeunload']);
    expect(scope.page.url()).toBe(`${server.origin}${path}`);
    await scope.close();
  });
});
