/** Every diagnosis in both themes and at every width: what diagnosis.test.ts looks at in two looks each. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ALL_LOOKS, checkDiagnosis, DIAGNOSED } from './axe.ts';
import { launch } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe('unfolded, in every theme at every width', () => {
  it.each(Object.keys(DIAGNOSED) as (keyof typeof DIAGNOSED)[])('axe finds nothing with %s', async (name) => {
    await checkDiagnosis(browser, name, [...ALL_LOOKS, ['light', 640], ['dark', 640]]);
  });
});
