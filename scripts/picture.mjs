/**
 * Makes the picture of the README from a sample with the built page: node scripts/picture.mjs [SAMPLE [PICTURE]]
 * Nothing is guessed about time: the page says when everything is drawn.
 */
import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright';
import { buildAll } from './build.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [sample = join(ROOT, 'samples/leak.pickle.gz'), picture = join(ROOT, 'docs/page.png')] =
  process.argv.slice(2);

await buildAll({ names: ['page'] });
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-background-networking'],
});
try {
  const page = await browser.newPage({
    viewport: { width: 1280, height: 750 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  await page.goto(pathToFileURL(join(ROOT, 'dist/vramscope.html')).href);
  await page.locator('input[type=file].files').setInputFiles(sample);
  await page.getByRole('heading', { level: 1, name: basename(sample) }).waitFor();
  await page.locator('vram-scope').evaluate((element) => element.whenIdle());
  mkdirSync(dirname(picture), { recursive: true });
  await page.screenshot({ path: picture });
} finally {
  await browser.close();
}
