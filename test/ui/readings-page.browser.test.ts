/** The page of a log in a real browser: what is drawn, what a click tells, what the keys do; folders that are chosen. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { SourceView } from '../../src/engine/protocol.ts';
import type { ChartModel } from '../../src/view/parts/curves.ts';
import { pickedFolders } from '../../src/ui/shell/dropped-files.ts';
import type { VsLog } from '../../src/ui/readings/vs-log.ts';
import '../../src/ui/readings/vs-log.ts';
import type { VsTabs } from '../../src/ui/shell/vs-tabs.ts';
import '../../src/ui/shell/vs-tabs.ts';
import { tabsOf } from '../../src/view/shell/tabs.ts';
import { smiText, vllmText } from '../made-monitors.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

const all = (selector: string, root: Element): HTMLElement[] => allIn(root, selector);

/** What the real engine makes of a text: a log may hold several sources. */
async function sourcesOf(name: string, text: string): Promise<readonly SourceView[]> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  return engine.open(1, new File([text], name), () => undefined);
}

async function show(source: SourceView): Promise<VsLog> {
  const page = document.createElement('vs-log') as VsLog;
  Object.assign(page, { source });
  page.style.width = '1200px';
  document.body.append(page);
  await page.updateComplete;
  return page;
}

let page: VsLog;
const seen = (): string => textOf(page).replace(/\s+/g, ' ');
const charts = (): (HTMLElement & { model: ChartModel | null })[] => all('uplot-chart', page) as never;
const model = (index: number): ChartModel => {
  const found = charts()[index].model;
  if (found === null) throw new Error('nothing is drawn yet');
  return found;
};

afterEach(() => page.remove());

describe('a monitor of eight GPUs', () => {
  let source: SourceView;

  beforeAll(async () => {
    [source] = await sourcesOf('smi.csv', smiText());
  });

  beforeEach(async () => {
    page = await show(source);
    await expect.poll(() => charts()[0]?.model?.curves.length).toBe(8);
  });

  it('draws the spike of one sample, and the gap where a GPU was lost', () => {
    const { curves } = model(0);
    const spike = 81_000 * 2 ** 20;
    expect(curves.filter(({ max }) => max.includes(spike)).map(({ label }) => label)).toEqual(['GPU 2']);
    expect(curves.filter(({ max }) => max.some(Number.isNaN)).map(({ label }) => label)).toEqual(['GPU 6']);
  });

  it('says what a curve is not, how coarse it is and what clock it has', () => {
    expect(seen()).toContain('not how full the memory is: see memory.used for that; printed to 1 %');
    expect(seen()).toContain('printed to 1 MiB');
    expect(seen()).toContain('Times are as printed: the file names no time zone.');
  });

  it('switches curves off, one or a whole metric', async () => {
    all('[data-curve]', page)[0].click();
    await expect.poll(() => model(0).curves.length).toBe(7);
    const hide = all('button', page).find((one) => one.getAttribute('aria-label') === 'hide: Memory used');
    hide?.click();
    await expect.poll(() => model(0).curves.length).toBe(0);
    expect(seen()).toContain('Every curve is switched off');
    all('button', page)
      .find((one) => one.getAttribute('aria-label') === 'show: Memory free')
      ?.click();
    await expect.poll(() => model(0).curves.length).toBe(8);
  });

  it('zooms all charts together, by key, and fits again', async () => {
    const whole = model(0).span;
    page.act('zoom-in');
    await expect
      .poll(() => model(0).span.to - model(0).span.from)
      .toBeCloseTo((whole.to - whole.from) / 1.5, -3);
    await expect.poll(() => model(1).span).toEqual(model(0).span);
    page.act('fit');
    await expect.poll(() => model(0).span).toEqual(whole);
  });

  it('a click tells every figure of that moment; a range narrows the table', async () => {
    const [chart] = charts();
    expect(textOf(all('vs-detail', page)[0])).toContain('Click a chart to see every figure at that moment.');
    chart.dispatchEvent(
      new CustomEvent('chart-pick', { detail: { x: 1e12 }, bubbles: true, composed: true }),
    );
    await expect.poll(seen).toContain('2026-11-21 09:28:33');
    expect(textOf(all('vs-detail', page)[0])).toMatch(/GPU 6\s+missing/);
    chart.dispatchEvent(
      new CustomEvent('chart-select', {
        detail: { from: 5e11, to: 1e12, done: true },
        bubbles: true,
        composed: true,
      }),
    );
    await expect.poll(seen).toContain('Chosen range: 2026-11-21 09:20:13 to 2026-11-21 09:28:33');
    expect(textOf(all('vs-table', page)[0])).toMatch(/\b500\b/);
    page.act('clear');
    await expect.poll(seen).toContain('Whole file');
  });
});

describe('a server’s log', () => {
  let log: SourceView;
  let refused: SourceView;

  beforeAll(async () => {
    [log, refused] = await sourcesOf('vllm8.log', vllmText(8));
  });

  it('has a bar a rank, and names the one that does not add up', async () => {
    page = await show(log);
    await expect.poll(seen).toContain('Memory budget');
    expect(all('.bar', page)).toHaveLength(8);
    expect(seen()).toContain('Does not add up. DP0 TP5: 1.3 GiB unexplained.');
  });

  it('tells an out-of-memory error in words, and its figures on a click', async () => {
    page = await show(refused);
    await expect.poll(seen).toContain('2 GiB requested, 1.12 GiB of 79.2 GiB free');
    all('tbody.opens button', page)[0].click();
    await expect.poll(() => textOf(all('vs-detail', page)[0])).toContain('Tried to allocate 2.00 GiB');
    all('button', all('vs-detail', page)[0])[0].click();
    await expect.poll(() => textOf(all('vs-detail', page)[0])).not.toContain('Tried to allocate');
  });
});

describe('folders', () => {
  const picked = (path: string): File => {
    const file = new File(['x'], path.split('/').at(-1) ?? '');
    Object.defineProperty(file, 'webkitRelativePath', { value: path });
    return file;
  };

  it('keep their files together, in order, without hidden ones', () => {
    page = document.createElement('vs-log') as VsLog;
    const folders = pickedFolders(['run/b10.pickle', 'run/b9.pickle', 'run/.git/x', 'run/sub/c'].map(picked));
    expect(folders.map(({ name, files }) => [name, ...files.map(({ path }) => path)])).toEqual([
      ['run', 'b9.pickle', 'b10.pickle', 'sub/c'],
    ]);
  });

  it('of a hundred ranks: tabs in one strip, and a list to choose from', async () => {
    page = document.createElement('vs-log') as VsLog;
    const snapshot = await fileAt('test/fixtures/device-side/process.pickle');
    const files = Array.from({ length: 100 }, (_, i) => ({
      path: `rank${i}.pickle`,
      file: new File([snapshot], `rank${i}.pickle`),
    }));
    const engine = new Engine();
    await engine.start({ gpu: 'off' });
    const sources = await engine.openFolder(1, 'ranks', files, () => undefined);
    const strip = document.createElement('vs-tabs') as VsTabs;
    strip.tabs = tabsOf(sources);
    strip.current = strip.tabs[0].id;
    const chosen: string[] = [];
    strip.addEventListener('choose-tab', (event) =>
      chosen.push((event as CustomEvent<{ tab: string }>).detail.tab),
    );
    document.body.append(strip);
    await strip.updateComplete;
    expect(all('[role=tab]', strip)).toHaveLength(100);
    const list = strip.shadowRoot?.querySelector('select');
    if (list === null || list === undefined) throw new Error('There is no list.');
    list.value = list.options[42].value;
    list.dispatchEvent(new Event('change'));
    expect(chosen).toEqual([strip.tabs[42].id]);
    strip.remove();
  });
});
