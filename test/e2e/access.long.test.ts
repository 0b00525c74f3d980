/** Every page in both themes at both widths: access.test.ts looks at a page of each kind, in each theme at one width. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { checkError, checkSample, checkUnfolded, PAGES, SAMPLES, ALL_LOOKS } from './axe.ts';
import { launch } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe('axe, in every theme at every width', () => {
  it.each([...SAMPLES.once, ...SAMPLES.more])('finds nothing with %s', async (name) => {
    await checkSample(browser, name, ALL_LOOKS);
  });

  it.each([...PAGES.once, ...PAGES.more])('finds nothing with %s', async (path) => {
    await checkUnfolded(browser, path, ALL_LOOKS);
  });

  it('finds nothing on an error', async () => {
    await checkError(browser, ALL_LOOKS);
  });
});
