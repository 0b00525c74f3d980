/** Two recordings compared on the page, over the real engine: the line is named first, and the tables sum up. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { SourceView } from '../../src/engine/protocol.ts';
import type { VsDevice } from '../../src/ui/device/vs-device.ts';
import '../../src/ui/device/vs-device.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

let engine: Engine;
let sources: readonly SourceView[];
let page: VsDevice;

const seen = (): string => textOf(page).replace(/\s+/g, ' ');
const view = (): HTMLElement => allIn(page, 'vs-compare')[0];
const selects = (): HTMLSelectElement[] => allIn(page, '.choice select') as HTMLSelectElement[];

function choose(select: HTMLSelectElement, value: string): void {
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true, composed: true }));
}

beforeAll(async () => {
  engine = new Engine();
  await engine.start({ gpu: 'off' });
  const paths = ['samples/train.pickle.gz', 'samples/leak.pickle.gz'];
  const opened: SourceView[] = [];
  for (const [job, path] of paths.entries())
    opened.push(...(await engine.open(job + 1, await fileAt(path, path.split('/')[1]), () => undefined)));
  sources = opened;
});

function show(all: readonly SourceView[], source: SourceView): void {
  page = document.createElement('vs-device') as VsDevice;
  Object.assign(page, {
    source,
    device: source.devices[0],
    api: () => Promise.resolve(engine),
    sources: all,
  });
  page.style.width = '1200px';
  document.body.append(page);
}

afterEach(() => page.remove());

describe('two recordings', () => {
  beforeEach(async () => {
    show(sources, sources[1]);
    await expect.poll(seen).toContain('Whole recording');
    page.act('view-7');
    await expect.poll(seen).toContain('B less A');
  });

  it('are told by one sentence, which is what the engine says', async () => {
    const [a, b] = sources.map(({ devices }) => devices[0].key);
    const told = await engine.compare({ a, b, at: 'peak', limit: 10 });
    if (!told.ok) throw new Error(told.error.message);
    const [before] = told.value.sentence.split('{');
    expect(before.length).toBeGreaterThan(5);
    await expect.poll(seen).toContain(before.trim());
    await expect
      .poll(() => allIn(page, '.choice')[0].textContent)
      .toContain('leak.pickle.gz (this recording)');
  });

  it('swap, and every difference has the other sign', async () => {
    const differences = (): string[] =>
      allIn(view(), 'td')
        .map((one) => one.textContent.trim())
        .filter((text) => /^[+−].*B$/.test(text));
    const before = differences();
    expect(before.length).toBeGreaterThan(3);
    const turned = (text: string): string => (text.startsWith('+') ? '−' : '+') + text.slice(1);
    const swap = allIn(page, '.choice button').find((one) => one.textContent.trim() === 'Swap');
    swap?.click();
    await expect.poll(() => differences().sort()).toEqual(before.map(turned).sort());
  });

  it('follow the moments that are chosen', async () => {
    choose(selects()[1], 'end');
    choose(selects()[2], 'end');
    await expect.poll(seen).toMatch(/at the end/);
    expect(
      selects()
        .map(({ value }) => value)
        .slice(1),
    ).toEqual(['end', 'end']);
  });

  it('lead from a line to its stack', async () => {
    const row = allIn(view(), 'tbody.opens tr').find((one) => one.textContent.includes('.py:'));
    row?.click();
    await expect.poll(() => page.address.selected?.kind).toBe('stack');
    await expect.poll(seen).toContain('Copy stack');
  });
});

describe('one recording', () => {
  it('is compared with itself at two moments, and says how to compare two', async () => {
    show([sources[0]], sources[0]);
    await page.updateComplete;
    page.act('view-7');
    await expect.poll(seen).toContain('Open a second recording to compare two runs.');
    await expect.poll(seen).toContain('B less A');
    expect(
      selects()
        .map(({ value }) => value)
        .slice(1),
    ).toEqual(['peak', 'end']);
  });
});
