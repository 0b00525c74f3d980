/** Every page in every theme and at every width: what access.test.ts looks at in one combination each. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { checkError, checkSample, checkUnfolded, PAGES, SAMPLES, VIEWS } from './axe.ts';
import { ensureBuilt, launch } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launch();
});
afterAll(() => browser.close());

describe.each(VIEWS)('axe, %s, %i px', (...view) => {
  it.each(SAMPLES)('finds nothing with %s', async (name) => {
    await checkSample(browser, name, view);
  });

  it.each(PAGES)('finds nothing with %s', async (path) => {
    await checkUnfolded(browser, path, view);
  });

  it('finds nothing on an error', async () => {
    await checkError(browser, view);
  });
});
