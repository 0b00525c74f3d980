/** The workspace of the built page: views, filter, selection, their address, and Back through all of it. */
import type { Browser, Page } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothing, LOOKS } from './axe.ts';
import { launch, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const TRAIN = sample('train.pickle.gz');
const view = (page: Page): Promise<string | null> =>
  page.locator('vs-workspace-bar [role=tab][aria-selected=true]').textContent();

async function opened(url = SINGLE_FILE, options: Parameters<typeof Scope.open>[2] = {}): Promise<Scope> {
  const scope = await Scope.open(browser, url, options);
  await scope.analyse([TRAIN]);
  await scope.idle();
  return scope;
}

const tab = (page: Page, name: string): ReturnType<Page['getByRole']> =>
  page.locator('vs-workspace-bar').getByRole('tab', { name });

async function filter(scope: Scope, text: string): Promise<void> {
  await scope.page.getByRole('searchbox', { name: 'Filter allocations' }).fill(text);
  await scope.page.keyboard.press('Enter');
  await scope.idle();
}

describe('the address of a view', () => {
  it('brings back view, filter and selection when the file is opened, and says which file until then', async () => {
    const first = await opened();
    await tab(first.page, 'Events').click();
    await filter(first, 'frame:attention size>1MiB');
    await first.page.getByRole('row').nth(3).click();
    await first.page.getByRole('button', { name: 'Copy name' }).waitFor();
    const name = await first.page.locator('vs-detail dd.mono').nth(1).textContent();
    const link = first.page.url();
    expect(link).toContain('#1;src=train.pickle.gz;gpu=0;view=events');
    await first.close();

    const second = await Scope.open(browser, link);
    await second.sees(/This link shows train\.pickle\.gz in the view Events/);
    await second.analyse([TRAIN]);
    await second.idle();
    expect(await view(second.page)).toContain('Events');
    expect(await second.page.getByRole('searchbox', { name: 'Filter allocations' }).inputValue()).toBe(
      'frame:attention size>1MiB',
    );
    await second.sees(/961 of 7,457 allocations/);
    await expect.poll(() => second.page.locator('vs-detail dd.mono').nth(1).textContent()).toBe(name);
    await second.close();
  });

  it('is a step of Back for each view, filter and selection', async () => {
    const scope = await opened();
    const { page } = scope;
    const addresses: string[] = [];
    const step = async (act: () => Promise<unknown>): Promise<void> => {
      addresses.push(page.url());
      await act();
      await scope.idle();
      expect(page.url()).not.toBe(addresses.at(-1));
    };
    await page.keyboard.press('2');
    await scope.idle();
    await step(() => page.keyboard.press('5'));
    await step(() => filter(scope, 'size>32MiB'));
    await step(() => page.getByRole('row').nth(2).click());
    await step(() => filter(scope, 'stream:0'));
    for (const address of addresses.reverse()) {
      await page.goBack();
      await scope.idle();
      expect(page.url()).toBe(address);
    }
    expect(await view(page)).toContain('Allocations');
    await scope.close();
  });
});

describe('the page', () => {
  it('leads with the answer, and no view moves it', async () => {
    const scope = await opened();
    const { page } = scope;
    const lead = await page.locator('vs-diagnosis-answers').boundingBox();
    expect(lead?.y).toBeLessThan(200);
    for (const name of ['Allocations', 'Address map', 'Stacks', 'Events', 'Settings', 'Compare', 'Answer']) {
      await tab(page, name).click();
      await scope.idle();
      expect(await page.evaluate(() => Math.abs(scrollY))).toBeLessThan(100);
    }
    await scope.close();
  });

  it('has nothing that axe finds in any view', async () => {
    const scope = await opened();
    for (const name of ['Allocations', 'Address map', 'Stacks', 'Events', 'Settings', 'Compare']) {
      await tab(scope.page, name).click();
      await scope.idle();
      if (name === 'Events') {
        await filter(scope, 'size>1MiB');
        await scope.page.getByRole('row').nth(2).click();
        await scope.idle();
      }
      await expectNothing(scope, LOOKS, ['vram-scope', 'vs-device']);
    }
    await scope.close();
  });

  it('saves what the filter lets pass as CSV', async () => {
    const scope = await opened();
    await tab(scope.page, 'Events').click();
    await filter(scope, 'frame:attention size>1MiB');
    const [download] = await Promise.all([
      scope.page.waitForEvent('download'),
      scope.page.getByRole('button', { name: 'Save as CSV' }).click(),
    ]);
    const stream = await download.createReadStream();
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    const lines = Buffer.concat(pieces).toString('utf8').trim().split('\n');
    expect(lines).toHaveLength(962);
    expect(lines[0]).toBe(
      'allocation,requested_bytes,line,allocated_event,allocated_ns,freed_event,freed_ns,address,stream,pool',
    );
    await scope.close();
  });
});
