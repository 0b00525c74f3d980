/** The main job: a recording is dropped on the page opened from disk, and the page says what torch said. */
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatBytes, formatInteger } from '../../src/base/units.ts';
import type { AnalysisDevice } from '../../src/engine/document/analysis.ts';
import {
  launch,
  readAnalysis,
  recordedStats,
  sample,
  Scope,
  SINGLE_FILE,
  unpackedSample,
} from './harness.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

const POOLS = ['all', 'large_pool', 'small_pool'];
const FIGURES = ['current', 'peak', 'allocated', 'freed'];
/** What follows from the events alone: these keys must be there, and every key that is there must be right. */
const EXACT = ['requested_bytes', 'reserved_bytes', 'segment'].flatMap((metric) =>
  POOLS.flatMap((pool) => FIGURES.map((figure) => `${metric}.${pool}.${figure}`)),
);

function expectRecorded(device: AnalysisDevice, recorded: Record<string, number>): void {
  expect(Object.keys(device.memory_stats)).toEqual(expect.arrayContaining(EXACT));
  const expected = Object.fromEntries(Object.keys(device.memory_stats).map((key) => [key, recorded[key]]));
  expect(device.memory_stats).toEqual(expected);
}

describe.each(['leak', 'train'])('%s.pickle dropped on the file from disk', (name) => {
  it('gives what memory_stats() said, to the byte, packed or not', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const recorded = recordedStats(name);
    const packed = await scope.analyse([sample(`${name}.pickle.gz`)]);
    expect(packed.sources).toHaveLength(1);
    expect(packed.sources[0]).toMatchObject({
      file: `${name}.pickle.gz`,
      format: 'torch-snapshot',
      skipped: 0,
    });
    expectRecorded(packed.devices[0], recorded);

    const both = await scope.analyse([unpackedSample(`${name}.pickle`)]);
    expect(both.sources).toHaveLength(2);
    expectRecorded(both.devices[1], recorded);
    expect({ ...both.devices[1], source: 0 }).toEqual(both.devices[0]);
    await scope.close();
  });

  it('shows those figures on screen', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    await scope.analyse([sample(`${name}.pickle.gz`)]);
    const recorded = recordedStats(name);
    for (const id of ['reserved', 'requested']) {
      const card = scope.page.locator(`[data-figure="${id}"]`);
      const now = recorded[`${id}_bytes.all.current`];
      const peak = recorded[`${id}_bytes.all.peak`];
      await card.waitFor();
      const text = await card.innerText();
      expect(text).toContain(formatBytes(now, 'binary'));
      expect(text).toContain(`Peak ${formatBytes(peak, 'binary')}`);
      // The title has every digit.
      await card
        .locator(`[title="${formatInteger(now)} bytes"]`)
        .first()
        .waitFor();
      await card
        .locator(`[title="${formatInteger(peak)} bytes"]`)
        .first()
        .waitFor();
    }
    await scope.close();
  });
});

/** Every chart's label and pixels. */
async function drawnCharts(scope: Scope): Promise<(string | null)[][]> {
  await scope.idle();
  return scope.page.locator('uplot-chart').evaluateAll((charts) =>
    charts.map((chart) => {
      const canvas = (chart.shadowRoot ?? chart).querySelector('canvas');
      return [chart.getAttribute('aria-label'), canvas?.toDataURL() ?? null];
    }),
  );
}

it('shows a first picture before all is worked out, and measures itself', async () => {
  const scope = await Scope.open(browser, SINGLE_FILE);
  const { page } = scope;
  // Noted by the page itself: the picture may be gone before anyone outside has looked.
  await page.evaluate(() => {
    const shell = document.querySelector('vram-scope')!.shadowRoot!;
    const seen = new MutationObserver(() => {
      const preview = shell.querySelector('vs-preview');
      if (preview !== null) document.documentElement.dataset['preview'] = 'seen';
    });
    seen.observe(shell, { childList: true, subtree: true });
  });
  await scope.analyse([sample('train.pickle.gz')]);
  await scope.idle();
  expect(await page.evaluate(() => document.documentElement.dataset['preview'])).toBe('seen');
  const ends = (name: string): Promise<number[]> =>
    page.evaluate(
      (asked) => performance.getEntriesByName(asked).map(({ startTime, duration }) => startTime + duration),
      name,
    );
  await expect.poll(() => ends('vramscope:answer')).toHaveLength(1);
  const [picture, read, answer] = (
    await Promise.all(['vramscope:first-picture', 'vramscope:read', 'vramscope:answer'].map(ends))
  ).flat();
  expect(picture).toBeLessThan(answer);
  expect(read).toBeLessThan(answer);
  await scope.close();
});

describe('kernels', () => {
  it('give the same analysis and the same curves on the GPU and on the CPU', async () => {
    const answers = [];
    for (const gpu of ['off', 'on']) {
      const scope = await Scope.open(browser, `${SINGLE_FILE}?gpu=${gpu}`);
      await scope.analyse([sample('leak.pickle.gz')]);
      // The status line says where the picture was computed.
      await scope.page
        .locator(`[data-ran-on="${gpu === 'on' ? 'gpu' : 'cpu'}"]`)
        .waitFor({ timeout: 120_000 });
      answers.push({ analysis: await readAnalysis(scope.page), charts: await drawnCharts(scope) });
      await scope.close();
    }
    expect(answers[0].charts.length).toBeGreaterThanOrEqual(2);
    // Charts without curves would be equal, too.
    for (const [, pixels] of answers[0].charts) expect(pixels?.length).toBeGreaterThan(5000);
    expect(answers[1]).toEqual(answers[0]);
    expectRecorded(answers[1].analysis.devices[0], recordedStats('leak'));
  });
});

describe('the other inputs', () => {
  it('opens a log of memory summaries', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const analysis = await scope.analyse([sample('serve.summaries.log.gz')]);
    expect(analysis.sources[0]).toMatchObject({ format: 'memory-summary' });
    expect(analysis.summaries).toHaveLength(10);
    expect(analysis.summaries.map(({ label }) => label)).toEqual(
      Array.from({ length: 10 }, (_, step) => expect.stringContaining(`step ${step}`) as string),
    );
    const mebibyte = 1048576;
    expect(analysis.summaries[0].rows['Allocated memory']['all']).toEqual({
      current: 2978 * mebibyte,
      peak: 3523 * mebibyte,
      allocated: 30827 * mebibyte,
      freed: 27849 * mebibyte,
    });
    await scope.sees(/Allocated memory/);
    await scope.close();
  });

  it('opens an Nsight Systems export', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    const analysis = await scope.analyse([sample('nsys-small.sqlite')]);
    expect(analysis.sources[0]).toMatchObject({ format: 'nsys-sqlite', rows: 3026, skipped: 0 });
    expect(analysis.devices[0].name).toBe('NVIDIA H100 80GB HBM3');
    // SELECT memKind, memoryOperationType, sum(bytes) FROM CUDA_GPU_MEMORY_USAGE_EVENTS GROUP BY 1, 2
    const host = { allocated: 606_076_928, freed: 90_177_536, current: 515_899_392 };
    expect(analysis.devices[0].kinds).toMatchObject({
      device: { allocated: 11_823_228_416, freed: 10_205_406_208, current: 1_617_822_208 },
      managed: host,
      pinned: host,
    });
    await scope.sees(/H100/);
    await scope.close();
  });

  it('opens several at once, and the sample that is built in', async () => {
    const scope = await Scope.open(browser, SINGLE_FILE);
    await scope.page
      .getByRole('button', { name: /sample/i })
      .first()
      .click();
    await expect.poll(async () => (await readAnalysis(scope.page)).sources.length).toBe(1);
    const analysis = await scope.analyse([sample('train.pickle.gz'), sample('nsys-small.sqlite')]);
    expect(analysis.sources.map(({ file }) => file).sort()).toEqual([
      'leak.pickle.gz',
      'nsys-small.sqlite',
      'train.pickle.gz',
    ]);
    await scope.close();
  });
});
