/** SQL in the page: the numbers of the analysis, a row that leads to its event, and what is refused. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findings } from './axe.ts';
import { launch, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe('Ask with SQL', () => {
  it('answers what the analysis says, shows an event, and refuses to write', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE, { colorScheme: 'dark' });
    const { page } = scope;
    const analysis = await scope.analyse([sample('train.pickle.gz')]);
    await page.getByRole('button', { name: 'SQL', exact: true }).click();
    const sheet = page.getByRole('dialog', { name: 'Ask with SQL' });
    const box = sheet.getByRole('textbox', { name: 'Question' });
    const ask = async (sql: string): Promise<void> => {
      await box.fill(sql);
      await box.press('Control+Enter');
      await scope.idle();
    };
    const cells = (): Promise<string[]> => sheet.locator('tbody td').allInnerTexts();

    await ask("select count(*) as n from events where action = 'alloc'");
    const { events } = analysis.devices[0];
    await expect.poll(cells).toEqual([events['alloc'].toLocaleString('en-US')]);
    await ask('select finding from findings');
    await expect.poll(cells).toEqual(analysis.findings.map(({ id }) => id));
    expect(await findings(page, ['vram-scope', 'vs-device', 'vs-file-bar', 'vs-sql'])).toEqual([]);
    await ask('drop table events');
    await expect.poll(() => sheet.getByRole('status').innerText()).toMatch(/only questions are answered/);

    await sheet
      .getByRole('combobox', { name: 'Examples' })
      .selectOption('The largest allocations, with their event');
    const first = sheet.getByRole('button', { name: /^[\d,]+$/ }).first();
    await first.waitFor();
    const row = (await first.innerText()).trim();
    await first.click();
    await expect.poll(() => sheet.isVisible()).toBe(false);
    await scope.sees(new RegExp(`Event ${row}\\b`, 'i'));
    await scope.close();
  }, 60_000);
});
