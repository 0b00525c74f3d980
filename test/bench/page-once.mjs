/**
 * Opens one file in the built page and prints one JSON line: the page's own measures (docs/performance.md) in
 * milliseconds, the last one after turns of the wheel over the timeline, and the renderer's peak memory in MiB.
 */
/* global document */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright';

const TURNS = 20;
const [path] = process.argv.slice(2);
const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.goto(pathToFileURL(join(process.cwd(), 'dist/vramscope.html')).href);
await page.locator('input.files').setInputFiles(path);
const measured = (name) =>
  page.evaluate((asked) => performance.getEntriesByName(asked).map(({ duration }) => duration), name);
const waitFor = (name, count = 1) =>
  page.waitForFunction(
    ([asked, least]) => performance.getEntriesByName(asked).length >= least,
    [name, count],
    {
      timeout: 280_000,
    },
  );
await waitFor('vramscope:answer');
await page.evaluate(() => document.querySelector('vram-scope').whenIdle());
const chart = page.locator('vs-timeline uplot-chart').first();
await chart.scrollIntoViewIfNeeded();
const box = await chart.boundingBox();
await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
await page.keyboard.down('Control');
for (let turn = 0; turn < TURNS; turn++) {
  await page.mouse.wheel(0, turn % 10 < 7 ? -120 : 240);
  await waitFor('vramscope:zoom', turn + 1).catch(() => undefined);
}
await page.keyboard.up('Control');

/** Most memory that any renderer process of this browser held: they are children of its zygotes. */
function rendererMiB() {
  let most = 0;
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const command = readFileSync(`/proc/${id}/cmdline`, 'utf8');
      if (!command.includes('--type=renderer')) continue;
      const kB = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1] ?? 0);
      most = Math.max(most, kB / 1024);
    } catch {
      // It ended while it was looked at.
    }
  return process.platform === 'linux' ? most : null;
}

const zoom = (await measured('vramscope:zoom')).sort((a, b) => a - b);
const [read] = await measured('vramscope:read');
const [firstPicture = null] = await measured('vramscope:first-picture');
const [answer] = await measured('vramscope:answer');
console.log(
  JSON.stringify({
    firstPicture,
    read,
    answer,
    zoomP50: zoom[Math.floor(zoom.length / 2)] ?? null,
    zoomP95: zoom[Math.floor(zoom.length * 0.95)] ?? null,
    rendererMiB: rendererMiB(),
  }),
);
await browser.close();
