/**
 * Pages of the built application, each looked at by axe in both themes and at two widths. A page is opened once, and its
 * theme and width change, as a system does at dusk and a window does: opening costs as much as looking.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import type { AxeResults } from 'axe-core';
import type { Browser, Page } from 'playwright';
import { expect } from 'vitest';
import { diagnosed, fixture, sample, Scope, SINGLE_FILE } from './harness.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Theme, and width of the window in CSS pixels. */
export type Look = readonly [colorScheme: 'light' | 'dark', width: number];

/** Both themes and both widths, each once: contrast depends on the theme, overflow on the width. */
export const LOOKS: readonly Look[] = [
  ['light', 1280],
  ['dark', 1920],
];
export const ALL_LOOKS: readonly Look[] = [...LOOKS, ['light', 1920], ['dark', 1280]];

/** A page of each kind, of which a run looks at the first list; the second shows the same elements once more. */
export const PAGES = {
  once: [
    'log/vllm-memory.txt',
    'log/serve.requests.log',
    'log/oom.txt',
    'nvidia-smi/query.csv',
    'prometheus-text/vllm.prom',
    'nsys-stats/stdout.csv',
    'memory-summary/train.memory_summary.txt',
    'kineto-trace/h100.json',
    'nsys-forms/torch.sqlite',
  ],
  more: [
    'log/vllm-v1-tp2.log',
    'log/sglang-tp2.log',
    'nvidia-smi/table.txt',
    'prometheus-json/range.json',
    'memory-summary/train.memory_stats.json',
  ],
} as const;

export const SAMPLES = {
  once: ['nsys-small.sqlite'],
  more: ['leak.pickle.gz', 'train.pickle.gz', 'serve.summaries.log.gz'],
} as const;

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

/** Looks at the page in one theme and width after the other. */
export async function inEach(
  scope: Scope,
  looks: readonly Look[],
  check: (look: string) => Promise<void>,
): Promise<void> {
  for (const [colorScheme, width] of looks) {
    await scope.page.emulateMedia({ colorScheme });
    await scope.page.setViewportSize({ width, height: 900 });
    await scope.idle();
    await check(`${colorScheme}, ${width} px`);
  }
}

/** Nothing for axe, in each of these looks. */
export const expectNothing = (
  scope: Scope,
  looks: readonly Look[] = LOOKS,
  part: readonly string[] | null = null,
): Promise<void> =>
  inEach(scope, looks, async (look) => expect(await findings(scope.page, part), look).toEqual([]));

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

export async function checkEmpty(browser: Browser, looks: readonly Look[]): Promise<void> {
  const scope = await Scope.open(browser, SINGLE_FILE);
  await scope.page
    .getByRole('button', { name: /open files/i })
    .first()
    .waitFor();
  await expectNothing(scope, looks);
  await scope.close();
}

export async function checkSample(browser: Browser, name: string, looks: readonly Look[]): Promise<void> {
  const scope = await Scope.open(browser, SINGLE_FILE);
  await scope.analyse([sample(name)]);
  await scope.page.getByRole('heading', { level: 1, name }).waitFor();
  await inEach(scope, looks, async (look) => {
    expect(await findings(scope.page), look).toEqual([]);
    expect(await overflow(scope.page), look).toBe(0);
  });
  await scope.close();
}

/** A fixture, with everything that is folded unfolded. */
export async function checkUnfolded(browser: Browser, path: string, looks: readonly Look[]): Promise<void> {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  await scope.analyse([fixture(path)]);
  await page
    .getByRole('heading', { level: 1, name: basename(path) })
    .first()
    .waitFor();
  await page.locator('details').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
  await inEach(scope, looks, async (look) => {
    expect(await findings(page), look).toEqual([]);
    expect(await overflow(page), look).toBe(0);
    expect(await scrolled(page), look).toEqual([]);
  });
  await scope.close();
}

export async function checkError(browser: Browser, looks: readonly Look[]): Promise<void> {
  const scope = await Scope.open(browser, SINGLE_FILE);
  await scope.analyse([{ name: 'x.pickle', bytes: new TextEncoder().encode('nothing known') }]);
  await scope.page.getByRole('alert').first().waitFor();
  await expectNothing(scope, looks);
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
  looks: readonly Look[],
): Promise<void> {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  await scope.analyse([DIAGNOSED[name]()]);
  await diagnosed(page);
  await page
    .locator('vs-diagnosis details, vs-ledger-chart details, vs-diagnosis-ledger details, vs-pins details')
    .evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
  await inEach(scope, looks, async (look) => {
    expect(await findings(page), look).toEqual([]);
    const wide = await page
      .locator('vs-diagnosis, vs-ledger, vs-ledger-chart, vs-pins, vs-waterfall')
      .evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 2).length);
    expect(wide, look).toBe(0);
    if ((page.viewportSize()?.width ?? 0) >= 1280) expect(await overflow(page), look).toBeLessThanOrEqual(0);
  });
  await scope.close();
}
