/** The diagnosis of the bundled samples, in the built page opened from disk: the leak is named first, and shown. */
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDiagnosis, LOOKS } from './axe.ts';
import { diagnosed, launch, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** What stands on screen under a question. */
const answer = (page: Page, which: string): Promise<string> =>
  page.locator(`[data-answer="${which}"]`).innerText();

describe('the bundled sample', () => {
  it('has its leak named first, by line', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    await page
      .getByRole('button', { name: /sample/i })
      .first()
      .click();
    await diagnosed(page);
    const first = page.locator('vs-finding').first();
    expect(await first.locator('[data-finding]').getAttribute('data-finding')).toBe('linear-leak');
    expect(await first.locator('.severity').innerText()).toBe('Problem');
    expect(await answer(page, 'who')).toMatch(/What grows\?[^]*s_leak.*record\.py:167/);
    expect(await answer(page, 'ends')).toMatch(
      /Will it keep growing\?\s+.*Yes\. It grows with every iteration/s,
    );
    // What leak.report.log says of each of its 40 requests lies within the figure of the growth.
    expect(await page.locator('[data-series="allocated"]').innerText()).toContain('33.8 MiB per iteration');
    await scope.close();
  });

  it('opens the view at the evidence, with the guilty stack', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    await scope.analyse([sample('leak.pickle.gz')]);
    await diagnosed(page);
    // Of a recording that idles for more than a quarter of its time events are the axis at first.
    await page.getByRole('group', { name: 'Axis' }).first().getByRole('button', { name: 'Time' }).click();
    await scope.idle();
    const chart = page.getByRole('img', { name: /^Memory over time from/ });
    const before = await chart.getAttribute('aria-label');
    await page.locator('vs-finding summary').first().click();
    await page
      .locator('vs-finding')
      .first()
      .getByRole('button', { name: /iterations/ })
      .click();
    await scope.sees(/Chosen range: [\d.]+ ms to [\d.]+ ms/);
    await expect.poll(() => chart.getAttribute('aria-label')).not.toBe(before);
    // The timeline that was far below is on screen.
    await expect
      .poll(() =>
        page
          .locator('vs-timeline')
          .first()
          .evaluate((one) => one.getBoundingClientRect().top),
      )
      .toBeLessThan(900);
    await page.locator('[data-answer="who"] button').first().click();
    await expect.poll(() => page.locator('vs-detail ol').innerText()).toContain('record.py:167');
    await scope.close();
  });

  it('is diagnosed by the keyboard alone', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const { page } = scope;
    await scope.analyse([sample('leak.pickle.gz')]);
    await diagnosed(page);
    await page.locator('vs-finding summary').first().focus();
    await page.keyboard.press('Enter');
    // The remedy's button where it has one, then the evidence.
    for (let stop = 0; stop < 4; stop++) {
      await page.keyboard.press('Tab');
      const title = await page.evaluate(() => {
        let active = document.activeElement;
        while (active?.shadowRoot?.activeElement != null) active = active.shadowRoot.activeElement;
        return active?.getAttribute('title') ?? '';
      });
      if (!title.startsWith('Show ')) continue;
      await page.keyboard.press('Enter');
      await scope.sees(/Chosen range:/);
      await scope.close();
      return;
    }
    throw new Error('No evidence is within four stops of the Tab key.');
  });
});

it('a training run is in order, with its numbers in the unit that was chosen', async () => {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  await scope.analyse([sample('train.pickle.gz')]);
  await diagnosed(page);
  expect(await answer(page, 'ends')).toMatch(
    /Is this a leak\?\s+.*No\. The allocator's cache filled up and stopped/s,
  );
  // reserved_bytes.all.peak of its memory_stats: 4,997,513,216.
  expect(await answer(page, 'ends')).toContain('Reserved at 4.65 GiB');
  await page.getByRole('button', { name: 'GB', exact: true }).click();
  expect(await answer(page, 'ends')).toContain('Reserved at 5 GB');
  expect(await page.locator('[data-finding="linear-leak"]').count()).toBe(0);
  const [parts, sum] = await page.locator('vs-ledger').evaluate((ledger) => {
    const root = ledger.shadowRoot;
    const bytes = (cell: Element): number => Number(cell.getAttribute('title')?.replace(/\D/g, ''));
    return [
      // Rows of their own, not what a part is made of.
      [...(root?.querySelectorAll('tbody tr:not(.inner) td:nth-child(2)') ?? [])].map(bytes),
      bytes(root?.querySelector('tfoot td') ?? document.body),
    ];
  });
  expect(sum).toBe(4_997_513_216);
  expect(parts.reduce((all, one) => all + one, 0)).toBe(sum);
  await scope.close();
});

it('the ledger is of any event that the page shows', async () => {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  await scope.analyse([sample('train.pickle.gz')]);
  await diagnosed(page);
  const atEvent = page.locator('vs-diagnosis-ledger').getByRole('button', { name: 'At the event shown' });
  await atEvent.click();
  expect(await page.locator('vs-diagnosis-ledger [role=status]').innerText()).toMatch(/Click the timeline/);
  const over = page.locator('vs-timeline .u-over').first();
  const box = (await over.boundingBox())!;
  await over.click({ position: { x: box.width / 2, y: box.height / 2 } });
  await page.locator('vs-detail dl').first().waitFor();
  await atEvent.click();
  await page.locator('vs-diagnosis-ledger button[aria-pressed=true]', { hasText: 'event shown' }).waitFor();
  const cells = page.locator('vs-ledger tbody tr:not(.inner) td:nth-child(2), vs-ledger tfoot td');
  const bytes = await cells.evaluateAll((all) =>
    all.map((cell) => Number(cell.getAttribute('title')?.replace(/\D/g, '') || 0)),
  );
  const sum = Math.max(...bytes);
  expect(sum).toBeGreaterThan(0);
  expect(bytes.reduce((total, one) => total + one, 0)).toBe(2 * sum);
  await scope.close();
});

it('the ledger over time tells of an event what the ledger of that event does, by keys alone', async () => {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  await scope.analyse([sample('train.pickle.gz')]);
  await diagnosed(page);
  const chart = page.locator('vs-ledger-chart');
  const plot = chart.getByRole('slider');
  await plot.focus();
  for (const key of ['PageDown', 'PageDown', 'ArrowRight']) await page.keyboard.press(key);
  await expect.poll(() => chart.locator('.hover').count()).toBeGreaterThan(0);
  const readout = await chart.locator('.readout').innerText();
  const [, event, sum, whole] = /^Just after event ([\d,]+) .*?: ([\d, +]+) = ([\d,]+) bytes/.exec(readout)!;
  const number = (text: string): number => Number(text.replace(/,/g, ''));
  await page.keyboard.press('Enter');
  await expect
    .poll(() => page.locator('vs-detail h2, vs-detail h3').allInnerTexts())
    .toContainEqual(expect.stringMatching(new RegExp(`event ${event}$`)));
  const ledger = page.locator('vs-diagnosis-ledger');
  await ledger.getByRole('button', { name: 'At the event shown' }).click();
  await ledger.locator('button[aria-pressed=true]', { hasText: 'event shown' }).waitFor();
  const titles = await page
    .locator('vs-ledger tbody tr:not(.inner) td:nth-child(2)')
    .evaluateAll((all) => all.map((cell) => cell.getAttribute('title') ?? ''));
  const parts = titles.map((title) => number(title.replace(' bytes', ''))).filter((bytes) => bytes > 0);
  expect(
    sum
      .split(' + ')
      .map(number)
      .filter((bytes) => bytes > 0),
  ).toEqual(parts);
  expect(parts.reduce((total, one) => total + one, 0)).toBe(number(whole));
  await scope.close();
});

it('a row of what is pinned shows its stack', async () => {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  await scope.analyse([sample('train.pickle.gz')]);
  await diagnosed(page);
  const pins = page.locator('vs-pins');
  await pins.getByRole('button', { name: 'At the peak' }).click();
  await pins.locator('button[aria-pressed=true]', { hasText: 'At the peak' }).waitFor();
  const row = pins.locator('tbody tr').first();
  const label = (await row.locator('td').first().innerText()).trim();
  await row.locator('button').focus();
  await page.keyboard.press('Enter');
  await expect
    .poll(() => page.locator('vs-detail').locator('*').allInnerTexts())
    .toContainEqual(expect.stringContaining(label));
  await scope.close();
});

/** Each page once, so that both themes and a narrow window are seen; diagnosis.long.test.ts has the other combinations. */
describe('unfolded', () => {
  it.each([
    ['leak.pickle.gz', LOOKS],
    [
      'train.pickle.gz',
      [
        ['light', 640],
        ['dark', 1280],
      ],
    ],
    ['oom.pickle', LOOKS],
    [
      'vllm-v1-tp2.log',
      [
        ['light', 640],
        ['dark', 1280],
      ],
    ],
  ] as const)('axe finds nothing with %s, and nothing is wider than the window', (name, looks) =>
    checkDiagnosis(browser, name, looks),
  );
});
