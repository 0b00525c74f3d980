/** A case file: saved from the built page, opened from disk in a page that can reach nobody, with the same figures. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings } from './axe.ts';
import { launch, readAnalysis, sample, Scope, SINGLE_FILE, unpackedSample } from './harness.ts';

let browser: Browser;
const folder = mkdtempSync(join(tmpdir(), 'vramscope-case-'));
beforeAll(async () => {
  browser = await launch();
}, 120_000);
afterAll(async () => {
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** Saves what is open as a case file; gives its path. */
async function saved(
  scope: Scope,
  name: string,
  { note = '', redact = false, functions = false } = {},
): Promise<string> {
  const { page } = scope;
  await page.getByRole('button', { name: 'Case file', exact: true }).click();
  const sheet = page.getByRole('dialog', { name: 'Save as a case file' });
  await sheet.getByRole('textbox', { name: 'Note for its reader' }).fill(note);
  if (redact) await sheet.getByRole('checkbox', { name: /Folders, hosts/ }).check();
  if (functions) await sheet.getByRole('checkbox', { name: /functions/ }).check();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    sheet.getByRole('button', { name: 'Save case file' }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/\.case\.html$/);
  const path = join(folder, name);
  await download.saveAs(path);
  await expect.poll(() => sheet.isVisible()).toBe(false);
  return path;
}

/** Bytes of the files inside of a case file. */
const inside = (path: string): Buffer[] =>
  [...readFileSync(path, 'utf8').matchAll(/id="vramscope-file-\d+">([A-Za-z0-9+/=]*)</g)].map(([, text]) =>
    gunzipSync(Buffer.from(text, 'base64')),
  );

describe('a case file', () => {
  it('opens from disk and shows the same figures, the view, and the note', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const files = [unpackedSample('leak.pickle'), sample('nsys-small.sqlite')];
    const before = await scope.analyse(files);
    await scope.page.getByRole('tab', { name: 'Stacks' }).click();
    await scope.idle();
    const note = 'It grows </script><b>since</b> step 40.\nWho keeps it?';
    const path = await saved(scope, 'plain.html', { note });
    await scope.close();

    expect(inside(path).map((bytes) => bytes.length)).toEqual(files.map(({ bytes }) => bytes.length));
    expect(inside(path)[0].equals(Buffer.from(files[0].bytes))).toBe(true);
    const opened = await Scope.open(browser, pathToFileURL(path).href);
    await opened.idle();
    expect(await readAnalysis(opened.page)).toEqual(before);
    await opened.sees(
      /Case file, saved on \d{4}-\d\d-\d\d \d\d:\d\d UTC ?\. It grows <\/script><b>since<\/b> step 40\. Who keeps it\?/,
    );
    expect(await opened.page.getByRole('tab', { name: 'Stacks' }).getAttribute('aria-selected')).toBe('true');
    // A case of a case is the same.
    const again = await saved(opened, 'again.html', { note: 'second' });
    await opened.close();
    expect(inside(again).map((bytes) => bytes.toString('hex'))).toEqual(
      inside(path).map((bytes) => bytes.toString('hex')),
    );
  }, 120_000);

  it('without names has none of them, in any of its bytes, and the same figures', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const before = await scope.analyse([unpackedSample('leak.pickle'), sample('serve.summaries.log.gz')]);
    // As an extension of the browser does it.
    await scope.page.evaluate(() => {
      const meta = document.createElement('meta');
      meta.content = 'planted-by-an-extension';
      document.head.append(meta, document.createComment('planted-by-an-extension'));
    });
    await scope.page.getByRole('button', { name: 'Case file', exact: true }).click();
    const sheet = scope.page.getByRole('dialog');
    await sheet.getByRole('checkbox', { name: /Folders, hosts/ }).check();
    await expect.poll(() => sheet.textContent()).toMatch(/serve\.summaries\.log\.gz is left out/);
    expect(await findings(scope.page, ['vram-scope', 'vs-case'])).toEqual([]);
    await sheet.getByRole('button', { name: 'Cancel' }).click();
    const path = await saved(scope, 'redacted.html', { redact: true, functions: true });
    await scope.close();

    const [bytes, ...others] = inside(path);
    expect(others).toEqual([]);
    const page = readFileSync(path, 'utf8').replace(/<script type="module">[^]*?<\/script>/, '');
    // Paths, and a function of the program's own: "forward" is PyTorch's name, too.
    const names = new Set(before.lines.flatMap(({ lines }) => lines.flatMap(({ file }) => file ?? [])));
    for (const name of ['s_leak', 'leak.pickle', '/opt/', '/home/', 'planted-by-']) names.add(name);
    expect(names.size).toBeGreaterThan(4);
    const original = Buffer.from(unpackedSample('leak.pickle').bytes).toString('latin1');
    expect(original).toContain('s_leak');
    for (const text of [bytes.toString('latin1'), page])
      expect([...names].filter((name) => text.includes(name))).toEqual([]);
    const opened = await Scope.open(browser, pathToFileURL(path).href);
    await opened.idle();
    const after = await readAnalysis(opened.page);
    expect(after.devices[0].memory_stats).toEqual(before.devices[0].memory_stats);
    expect(after.ledger.map(({ parts }) => parts)).toEqual(
      before.ledger.filter(({ source }) => source === 0).map(({ parts }) => parts),
    );
    await opened.sees(/names taken out/);
    await opened.close();
  }, 120_000);

  it('that is damaged says what is, and the page goes on', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    await scope.analyse([unpackedSample('leak.pickle')]);
    const path = await saved(scope, 'whole.html');
    await scope.close();
    const text = readFileSync(path, 'utf8');
    const broken = [
      [
        text.replace(/(id="vramscope-file-0">.{1000})/, '$1####'),
        /leak\.pickle in this case file is damaged/,
      ],
      [
        text.replace('"version":1', '"version":2'),
        /This case file is of version 2; this page reads version 1/,
      ],
      [
        text.replace('"files":[', '"files":['.replace('[', '{')),
        /What this case file says of itself is damaged/,
      ],
    ] as const;
    for (const [index, [html, why]] of broken.entries()) {
      const damaged = join(folder, `damaged-${index}.html`);
      writeFileSync(damaged, html);
      const opened = await Scope.open(browser, pathToFileURL(damaged).href);
      await opened.sees(why);
      await opened.analyse([unpackedSample('leak.pickle')]);
      await opened.close();
    }
  }, 120_000);
});
