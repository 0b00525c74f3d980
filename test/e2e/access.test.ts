/** Reachable by keyboard, and without a finding of axe: empty, loaded and in trouble, in light and dark, narrow and wide. */
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ALL_LOOKS,
  checkEmpty,
  checkError,
  checkSample,
  checkUnfolded,
  inEach,
  inspect,
  LOOKS,
  PAGES,
  SAMPLES,
} from './axe.ts';
import { launch, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe('axe, light on a laptop and dark on a large screen', () => {
  it('finds nothing on the empty page', async () => {
    await checkEmpty(browser, ALL_LOOKS);
  });

  it.each(SAMPLES.once)('finds nothing with %s', async (name) => {
    await checkSample(browser, name, LOOKS);
  });

  it.each(PAGES.once)('finds nothing with %s', async (path) => {
    await checkUnfolded(browser, path, LOOKS);
  });

  it('finds nothing on an error', async () => {
    await checkError(browser, LOOKS);
  });

  it('looks at a page that has changed its colours and its width', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const seen: string[] = [];
    await inEach(scope, LOOKS, async () => {
      seen.push(
        await scope.page
          .locator('vram-scope')
          .evaluate((element) => `${getComputedStyle(element).backgroundColor} ${element.clientWidth}`),
      );
    });
    expect(new Set(seen.map((one) => one.replace(/ \d+$/, ''))).size, seen.join('; ')).toBe(2);
    expect(new Set(seen.map((one) => one.replace(/.* /, ''))).size, seen.join('; ')).toBe(2);
    await scope.close();
  });

  it('finds something where there is something to find', async () => {
    const scope = await Scope.open(
      browser,
      'data:text/html,<html><title>x</title><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">',
    );
    expect((await inspect(scope.page)).violations.map(({ id }) => id)).toContain('image-alt');
    await scope.close();
  });
});

const SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, µs: 1e-6, ms: 1e-3, s: 1 };

/** The range that the timeline says it shows, in seconds. */
async function shown(page: Page): Promise<{ from: number; to: number }> {
  const label =
    (await page
      .getByRole('img', { name: / from .* to .*at the end/ })
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
