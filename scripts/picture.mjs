/**
 * Makes the pictures of the README and the docs from samples with the built page: node scripts/picture.mjs [SAMPLE]
 *
 *   docs/page.png          the answer of samples/leak.pickle.gz
 *   docs/views/NAME.png    every view of SAMPLE (samples/train.pickle.gz)
 *
 * Nothing is guessed about time: the page says when everything is drawn.
 */
import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright';
import { buildAll } from './build.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [sample = join(ROOT, 'samples/train.pickle.gz')] = process.argv.slice(2);
const VIEWS = ['Allocations', 'Address map', 'Stacks', 'Events', 'Compare'];

await buildAll({ names: ['page'] });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
});

/** @param {import('playwright').Page} page */
const idle = (page) => page.locator('vram-scope').evaluate((element) => element.whenIdle());

/** @param {string} file */
async function opened(file) {
  const page = await browser.newPage({
    viewport: { width: 1280, height: 750 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  await page.goto(pathToFileURL(join(ROOT, 'dist/vramscope.html')).href);
  await page.locator('input[type=file].files').setInputFiles(file);
  await page.getByRole('heading', { level: 1, name: basename(file) }).waitFor();
  await idle(page);
  return page;
}

try {
  const answer = await opened(join(ROOT, 'samples/leak.pickle.gz'));
  await answer.screenshot({ path: join(ROOT, 'docs/page.png') });
  await answer.close();
  mkdirSync(join(ROOT, 'docs/views'), { recursive: true });
  const page = await opened(sample);
  // Most of its time is one warm-up: by events every iteration is seen.
  await page
    .locator('vs-device')
    .getByRole('group', { name: 'Axis' })
    .first()
    .getByRole('button', { name: 'Events' })
    .click();
  for (const view of VIEWS) {
    await page.locator('vs-workspace-bar').getByRole('tab', { name: view }).click();
    await idle(page);
    if (view === 'Events') {
      await page.getByRole('row').nth(3).click();
      await idle(page);
    }
    const name = view.toLowerCase().replaceAll(' ', '-');
    await page.screenshot({ path: join(ROOT, `docs/views/${name}.png`) });
  }
} finally {
  await browser.close();
}
