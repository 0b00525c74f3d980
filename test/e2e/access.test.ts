/** Reachable by keyboard, and without a finding of axe: empty, loaded and in trouble, light and dark, narrow and wide. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureBuilt, fixture, launch, sample, Scope, SINGLE_FILE } from './harness.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launch();
});
afterAll(() => browser.close());

/** "color-contrast: 2 of <p class=...>": what axe found. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const results = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  expect(results.passes.length).toBeGreaterThan(5);
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** A page of each kind: logs with budgets, series, events and tables, summaries, reports, kernels. */
const PAGES = [
  'log/vllm-v1-tp2.log',
  'log/vllm-memory.txt',
  'log/sglang-tp2.log',
  'log/serve.requests.log',
  'log/oom.txt',
  'nvidia-smi/query.csv',
  'nvidia-smi/table.txt',
  'prometheus-text/vllm.prom',
  'prometheus-json/range.json',
  'nsys-stats/stdout.csv',
  'memory-summary/train.memory_summary.txt',
  'memory-summary/train.memory_stats.json',
  'kineto-trace/h100.json',
  'nsys-forms/torch.sqlite',
] as const;

describe.each([
  ['light', 1280],
  ['dark', 1280],
  ['light', 1920],
  ['dark', 1920],
] as const)('axe, %s, %i px', (colorScheme, width) => {
  it('finds nothing on the empty page', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE, { colorScheme, width });
    await scope.page
      .getByRole('button', { name: /open files/i })
      .first()
      .waitFor();
    expect(await findings(scope.page)).toEqual([]);
    await scope.close();
  });

  // diagnosis.test.ts has these two unfolded in the other two combinations.
  const snapshots =
    (colorScheme === 'light') === (width === 1280) ? [] : ['leak.pickle.gz', 'train.pickle.gz'];
  it.each([...snapshots, 'serve.summaries.log.gz', 'nsys-small.sqlite'])(
    'finds nothing with %s',
    async (name) => {
      const scope = await Scope.open(browser, SINGLE_FILE, { colorScheme, width });
      await scope.analyse([sample(name)]);
      await scope.page.getByRole('heading', { level: 1, name }).waitFor();
      await scope.idle();
      expect(await findings(scope.page)).toEqual([]);
      expect(await overflow(scope.page)).toBe(0);
      await scope.close();
    },
  );

  // Every page once in each theme and at each width; all four combinations are for the samples.
  const both = (colorScheme === 'light') === (width === 1280);
  it.each(both ? PAGES : [])('finds nothing with %s', async (path) => {
    const scope = await Scope.open(browser, SINGLE_FILE, { colorScheme, width });
    const { page } = scope;
    await scope.analyse([fixture(path)]);
    await page
      .getByRole('heading', { level: 1, name: basename(path) })
      .first()
      .waitFor();
    // What is folded is looked at, too.
    await page.locator('details').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
    await scope.idle();
    expect(await findings(page)).toEqual([]);
    expect(await overflow(page)).toBe(0);
    expect(await scrolled(page)).toEqual([]);
    await scope.close();
  });

  it('finds nothing on an error', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE, { colorScheme, width });
    await scope.analyse([{ name: 'x.pickle', bytes: new TextEncoder().encode('nothing known') }]);
    await scope.page.getByRole('alert').first().waitFor();
    expect(await findings(scope.page)).toEqual([]);
    await scope.close();
  });
});

/** Pixels that the page is wider than the window. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

/** Tables of the page that are wider than their place: "Streams: 900 > 842". */
function scrolled(page: Page): Promise<string[]> {
  return page
    .locator('vs-table .scroll')
    .evaluateAll((all) =>
      all
        .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
        .map((one) => `${one.getAttribute('aria-label')}: ${one.scrollWidth} > ${one.clientWidth}`),
    );
}

it('axe finds something where there is something to find', async () => {
  const scope = await Scope.open(
    browser,
    'data:text/html,<html><title>x</title><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
  );
  await scope.page.evaluate(AXE);
  const results = await scope.page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  expect(results.violations.map(({ id }) => id)).toContain('image-alt');
  await scope.close();
});

const SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1 };

/** The range that the timeline says it shows, in seconds. */
async function shown(page: Page): Promise<{ from: number; to: number }> {
  const label =
    (await page
      .getByRole('img', { name: / from .* to .*At the end/ })
      .first()
      .getAttribute('aria-label')) ?? '';
  const found = / from (-?[\d.]+) (ns|µs|ms|s) to (-?[\d.]+) (ns|µs|ms|s)\./.exec(label);
  if (found === null) throw new Error(`The timeline is labelled "${label}".`);
  return { from: Number(found[1]) * SECONDS[found[2]], to: Number(found[3]) * SECONDS[found[4]] };
}

describe('the keyboard', () => {
  it('zooms, pans and fits the timeline', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    await scope.analyse([sample('train.pickle.gz')]);
    await expect.poll(async () => (await shown(page)).to).toBeGreaterThan(0);
    const whole = await shown(page);
    const press = async (key: string): Promise<{ from: number; to: number; length: number }> => {
      const before = await shown(page);
      await page.keyboard.press(key);
      await expect.poll(() => shown(page), { message: `key ${key}` }).not.toEqual(before);
      await scope.idle();
      const now = await shown(page);
      return { ...now, length: now.to - now.from };
    };
    const once = await press('w');
    expect(once.length).toBeLessThan(whole.to - whole.from);
    const twice = await press('w');
    expect(twice.length).toBeLessThan(once.length);
    const right = await press('d');
    expect(right.from).toBeGreaterThan(twice.from);
    expect(right.length).toBeCloseTo(twice.length, 5);
    const left = await press('a');
    expect(left.from).toBeLessThan(right.from);
    const out = await press('s');
    expect(out.length).toBeGreaterThan(left.length);
    expect(await press('f')).toMatchObject(whole);
    await scope.close();
  });

  it('reaches the way in: the first stops of the Tab key open files', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    await page
      .getByRole('button', { name: /open files/i })
      .first()
      .waitFor();
    const names: string[] = [];
    for (let stop = 0; stop < 12; stop++) {
      await page.keyboard.press('Tab');
      names.push(
        await page.evaluate(() => {
          let active = document.activeElement;
          while (active?.shadowRoot?.activeElement != null) active = active.shadowRoot.activeElement;
          return active?.textContent?.trim().replace(/\s+/g, ' ') ?? '';
        }),
      );
    }
    expect(names.some((name) => /open files/i.test(name))).toBe(true);
    expect(names.some((name) => /sample/i.test(name))).toBe(true);
    await scope.close();
  });
});
