/** The palette: by keyboard alone, from a few letters to what they mean. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findings } from './axe.ts';
import { launch, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

it('Ctrl+Shift+P, a few letters, Enter', async () => {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  const sheet = page.getByRole('dialog', { name: 'Commands' });
  const options = sheet.getByRole('option');
  const type = async (text: string): Promise<void> => {
    await page.keyboard.press('Control+Shift+P');
    await sheet.getByRole('combobox', { name: 'Command' }).fill(text);
  };
  // Without a file there is nothing to zoom.
  await type('zoom');
  await expect.poll(() => options.allInnerTexts()).toEqual(['Wheel: zooms the chart']);
  await page.keyboard.press('Escape');

  await scope.analyse([sample('leak.pickle.gz'), sample('nsys-small.sqlite')]);
  await scope.idle();
  await type('stacks');
  expect(await findings(page, ['vram-scope', 'vs-palette'])).toEqual([]);
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Stacks', selected: true }).waitFor();
  await type('nsys');
  await page.keyboard.press('Enter');
  await expect
    .poll(() =>
      page
        .getByRole('tab', { name: /nsys-small/ })
        .first()
        .getAttribute('aria-selected'),
    )
    .toBe('true');
  await type('theme');
  await page.keyboard.press('ArrowDown');
  await expect.poll(() => sheet.getByRole('option', { selected: true }).innerText()).toBe('Theme: dark');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('vram-scope').getAttribute('theme')).toBe('dark');
  await type('unit gb');
  await options.first().click();
  await scope.sees(/GB/);
  await scope.close();
}, 60_000);
