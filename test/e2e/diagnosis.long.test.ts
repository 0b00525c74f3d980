/** Every diagnosis in both themes and at every width: what diagnosis.test.ts looks at in one combination each. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { checkDiagnosis, DIAGNOSED } from './axe.ts';
import { ensureBuilt, launch } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  ensureBuilt();
  browser = await launch();
});
afterAll(() => browser.close());

describe.each([
  ['light', 1280],
  ['dark', 1920],
  ['light', 640],
] as const)('unfolded, %s, %i px', (...view) => {
  it.each(Object.keys(DIAGNOSED) as (keyof typeof DIAGNOSED)[])('axe finds nothing with %s', async (name) => {
    await checkDiagnosis(browser, name, view);
  });
});
