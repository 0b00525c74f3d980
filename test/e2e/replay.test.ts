/** The replay panel of the built page, on the samples: fidelity, a what-if, a sweep that is cancelled and one that ends. */
import type { Browser, Locator } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectNothing, findings, inEach, LOOKS, overflow } from './axe.ts';
import { launch, recordedStats, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** Opens a sample and brings its panel on screen. */
async function openPanel(
  name: string,
  options: Parameters<typeof Scope.open>[2] = {},
): Promise<[Scope, Locator]> {
  const scope = await Scope.open(browser, SINGLE_FILE, options);
  await scope.analyse([sample(name)]);
  await scope.page.getByRole('tab', { name: 'Settings' }).click();
  const panel = scope.page.locator('vs-replay');
  await panel.scrollIntoViewIfNeeded();
  await panel.getByText('How well it matches, in figures').waitFor();
  return [scope, panel];
}

const PANEL = ['vram-scope', 'vs-device', 'vs-replay'];

/** Texts of a row of the shown run: recorded, replayed, difference, bytes, per cent. */
const figures = (panel: Locator, label: string): Promise<string[]> =>
  panel.locator('vs-replay-runs tbody tr', { hasText: label }).first().locator('td').allInnerTexts();

describe('replay of a sample', () => {
  it('says how well it matches, and replays the recorded settings to the recorded figures', async () => {
    const [scope, panel] = await openPanel('train.pickle.gz');
    await panel.getByText('Replayed exactly.').waitFor();
    await panel.getByRole('button', { name: 'Replay with these settings' }).click();
    await panel.getByRole('heading', { name: 'Recorded and replayed' }).waitFor();
    const stats = recordedStats('train');
    const calls = await figures(panel, 'cudaMalloc calls');
    expect(calls.slice(1, 4)).toEqual([
      String(stats['num_device_alloc']),
      String(stats['num_device_alloc']),
      '0',
    ]);
    const reserved = panel.locator('vs-replay-runs tbody tr').first().locator('td').nth(1);
    expect(await reserved.getAttribute('title')).toBe(
      `${stats['reserved_bytes.all.peak'].toLocaleString('en')} bytes`,
    );
    expect((await figures(panel, 'Reserved, peak'))[4]).toBe('0');
    await scope.close();
  });

  it('runs a what-if from a pasted line, refuses a wrong one with the words of PyTorch', async () => {
    const [scope, panel] = await openPanel('train.pickle.gz');
    const text = panel.getByRole('textbox', { name: /edit or paste/i });
    const run = panel.getByRole('button', { name: 'Replay with these settings' });
    await text.fill('expandable_segments:true');
    await panel
      .getByText("Expected 'True' or 'False' at index 2 in ConfigTokenizer but got 'true'")
      .waitFor();
    expect(await run.isDisabled()).toBe(true);
    await text.fill('export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True');
    await expect.poll(() => run.isDisabled()).toBe(false);
    await text.press('Enter');
    await panel.getByText('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True').nth(1).waitFor();
    const reserved = await figures(panel, 'Reserved, peak');
    expect(reserved[1]).not.toBe(reserved[2]);
    await panel.getByRole('img', { name: /Highest recorded .* highest replayed/ }).waitFor();
    await scope.close();
  });

  it('sweeps without freezing the page; a sweep can be cancelled, and another one ends with a verdict', async () => {
    const [scope, panel] = await openPanel('train.pickle.gz');
    const { page } = scope;
    await panel.getByRole('button', { name: 'Sweep', exact: true }).click();
    await panel.getByRole('button', { name: 'Start the sweep' }).click();
    await panel.getByText(/[1-9]\d* of \d+ settings/).waitFor();
    // A frame comes while the workers are at it: the page is not one of them.
    expect(
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done('a frame')))),
    ).toBe('a frame');
    await panel.getByRole('button', { name: 'Cancel the sweep' }).click();
    await panel.getByText(/Cancelled after \d+ of \d+ settings/).waitFor();
    await panel.getByRole('button', { name: 'Start the sweep' }).click();
    await panel.getByText(/\d+ settings in .* with \d+ workers?\./).waitFor({ timeout: 120_000 });
    await panel.getByRole('heading', { name: /setting helps|avoids the error|is enough/ }).waitFor();
    // The same points by keyboard: a row is opened, and replayed.
    const row = panel.locator('vs-replay-sweep tbody button').nth(1);
    const settings = await row.innerText();
    await row.focus();
    await page.keyboard.press('Enter');
    await panel.getByText(`${settings}: `).first().waitFor();
    await panel.getByRole('button', { name: 'Replay it to compare' }).click();
    await panel.getByRole('heading', { name: 'Recorded and replayed' }).waitFor();
    await scope.close();
  });

  it('axe finds nothing in any part', async () => {
    const [scope, panel] = await openPanel('leak.pickle.gz');
    await panel.locator('details').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
    await panel.getByRole('textbox', { name: /max_split_size_mb/ }).fill('12');
    await panel.getByRole('heading', { name: 'PyTorch refuses it' }).waitFor();
    await expectNothing(scope, LOOKS, PANEL);
    for (const size of ['32', '64']) {
      await panel.getByRole('textbox', { name: /max_split_size_mb/ }).fill(size);
      const run = panel.getByRole('button', { name: 'Replay with these settings' });
      await expect.poll(() => run.isDisabled()).toBe(false);
      await run.click();
      await panel.locator('vs-replay-runs').getByText(`under max_split_size_mb:${size}.`).waitFor();
    }
    await panel.getByRole('button', { name: 'Allocation sites' }).click();
    await panel.getByRole('button', { name: 'Rank the sites' }).click();
    await panel.getByRole('button', { name: 'Rank again' }).waitFor({ timeout: 60_000 });
    await panel.getByRole('checkbox').first().check();
    await expectNothing(scope, LOOKS, PANEL);
    await panel.getByRole('button', { name: 'Sweep', exact: true }).click();
    await panel.getByRole('button', { name: 'Start the sweep' }).click();
    await panel.getByRole('button', { name: 'Sweep again' }).waitFor({ timeout: 120_000 });
    await inEach(scope, LOOKS, async (look) => {
      expect(await findings(scope.page, PANEL), look).toEqual([]);
      expect(await overflow(scope.page), look).toBe(0);
      const wide = await panel
        .locator('.scroll')
        .evaluateAll((all) =>
          all
            .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
            .map((one) => one.getAttribute('aria-label')),
        );
      expect(wide, look).toEqual([]);
    });
    await scope.close();
  });
});
