/** Pages of the built application, each looked at by axe in a theme and at a width. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright';
import { expect } from 'vitest';
import { diagnosed, fixture, sample, Scope, SINGLE_FILE } from './harness.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Theme, and width in CSS pixels. */
export type View = readonly [colorScheme: 'light' | 'dark', width: number];

export const VIEWS = [
  ['light', 1280],
  ['dark', 1280],
  ['light', 1920],
  ['dark', 1920],
] as const satisfies readonly View[];

export const SAMPLES = [
  'leak.pickle.gz',
  'train.pickle.gz',
  'serve.summaries.log.gz',
  'nsys-small.sqlite',
] as const;

/** A page of each kind: logs with budgets, series, events and tables, summaries, reports, kernels. */
export const PAGES = [
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

/** What axe says of a page, or of a part of it: a path through shadow roots. */
export async function inspect(page: Page, part: readonly string[] | null = null): Promise<AxeResults> {
  await page.evaluate(AXE);
  return page.evaluate(
    (path) =>
      (globalThis as unknown as { axe: { run(context?: unknown): Promise<AxeResults> } }).axe.run(
        path === null ? undefined : { include: [{ fromShadowDom: path }], exclude: [] },
      ),
    part,
  );
}

/** "color-contrast: <p class=...> what is wrong", over a page on which axe has something to look at. */
export async function findings(page: Page, part: readonly string[] | null = null): Promise<string[]> {
  const { passes, violations } = await inspect(page, part);
  // A run that looked at nothing finds nothing.
  expect(passes.length).toBeGreaterThan(5);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** Pixels that the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
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

const open = (browser: Browser, [colorScheme, width]: View): Promise<Scope> =>
  Scope.open(browser, SINGLE_FILE, { colorScheme, width });

export async function checkEmpty(browser: Browser, view: View): Promise<void> {
  const scope = await open(browser, view);
  await scope.page
    .getByRole('button', { name: /open files/i })
    .first()
    .waitFor();
  expect(await findings(scope.page)).toEqual([]);
  await scope.close();
}

export async function checkSample(browser: Browser, name: string, view: View): Promise<void> {
  const scope = await open(browser, view);
  await scope.analyse([sample(name)]);
  await scope.page.getByRole('heading', { level: 1, name }).waitFor();
  await scope.idle();
  expect(await findings(scope.page)).toEqual([]);
  expect(await overflow(scope.page)).toBe(0);
  await scope.close();
}

/** A fixture, with everything that is folded unfolded. */
export async function checkUnfolded(browser: Browser, path: string, view: View): Promise<void> {
  const scope = await open(browser, view);
  const { page } = scope;
  await scope.analyse([fixture(path)]);
  await page
    .getByRole('heading', { level: 1, name: basename(path) })
    .first()
    .waitFor();
  await page.locator('details').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
  await scope.idle();
  expect(await findings(page)).toEqual([]);
  expect(await overflow(page)).toBe(0);
  expect(await scrolled(page)).toEqual([]);
  await scope.close();
}

export async function checkError(browser: Browser, view: View): Promise<void> {
  const scope = await open(browser, view);
  await scope.analyse([{ name: 'x.pickle', bytes: new TextEncoder().encode('nothing known') }]);
  await scope.page.getByRole('alert').first().waitFor();
  expect(await findings(scope.page)).toEqual([]);
  await scope.close();
}

/** Pages of the diagnosis, by name. */
export const DIAGNOSED = {
  'leak.pickle.gz': () => sample('leak.pickle.gz'),
  'train.pickle.gz': () => sample('train.pickle.gz'),
  'oom.pickle': () => fixture('snapshot/oom.pickle'),
  'vllm-v1-tp2.log': () => fixture('log/vllm-v1-tp2.log'),
} as const;

/** A diagnosis with everything that is folded unfolded. */
export async function checkDiagnosis(
  browser: Browser,
  name: keyof typeof DIAGNOSED,
  view: View,
): Promise<void> {
  const scope = await open(browser, view);
  const { page } = scope;
  await scope.analyse([DIAGNOSED[name]()]);
  await diagnosed(page);
  await page
    .locator('vs-diagnosis details, vs-ledger-chart details, vs-diagnosis-ledger details, vs-pins details')
    .evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
  await scope.idle();
  expect(await findings(page)).toEqual([]);
  const wide = await page
    .locator('vs-diagnosis, vs-ledger, vs-ledger-chart, vs-pins, vs-waterfall')
    .evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 2).length);
  expect(wide).toBe(0);
  if (view[1] >= 1280)
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
  await scope.close();
}
