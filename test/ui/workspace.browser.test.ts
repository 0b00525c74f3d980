/** The workspace of a device's page over the real engine: its views, the filter, the table of allocations, its address. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { userEvent } from 'vitest/browser';
import { Engine } from '../../src/engine/engine.ts';
import type { LifeRow, SourceView } from '../../src/engine/protocol.ts';
import type { VsDevice } from '../../src/ui/device/vs-device.ts';
import '../../src/ui/device/vs-device.ts';
import { addressOf } from '../../src/view/workspace/address.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

let real: Engine;
let source: SourceView;
let engine: EngineForTest;
let page: VsDevice;
let largest: readonly LifeRow[];

const seen = (): string => textOf(page).replace(/\s+/g, ' ');

function find<Found extends HTMLElement>(selector: string): Found {
  const [found] = allIn(page, selector);
  if (found === undefined) throw new Error(`Nothing on the page is ${selector}.`);
  return found as Found;
}

const tab = (name: string): HTMLElement => {
  const found = allIn(page, '[role=tab]').find((one) => one.textContent.includes(name));
  if (found === undefined) throw new Error(`There is no view "${name}".`);
  return found;
};

const rows = (): HTMLElement[] => allIn(page, '.body .row');

function type(text: string): void {
  const input = find<HTMLInputElement>('input[type=search]');
  input.value = text;
  input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true }));
}

async function livesOf(filter: string, limit = 3): Promise<readonly LifeRow[]> {
  const query = { device: source.devices[0].key, sort: 'size', descending: true, from: 0, limit } as const;
  const answer = await real.lives({ ...query, filter });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value.rows;
}

beforeAll(async () => {
  real = new Engine();
  await real.start({ gpu: 'off' });
  [source] = await real.open(1, await fileAt('samples/train.pickle.gz', 'train.pickle'), () => undefined);
  largest = await livesOf('');
});

beforeEach(async () => {
  engine = new EngineForTest(real);
  page = document.createElement('vs-device') as VsDevice;
  Object.assign(page, { source, device: source.devices[0], api: () => Promise.resolve(engine.api) });
  page.style.width = '1200px';
  document.body.append(page);
  await expect.poll(seen).toContain('Whole recording');
});

afterEach(() => page.remove());

describe('the views', () => {
  it('are chosen by a click, by a digit and by the arrows, and the page before stays as it was', async () => {
    expect(find('.overview').hidden).toBe(false);
    tab('Events').click();
    await expect.poll(() => rows().length).toBeGreaterThan(5);
    expect(find('.overview').hidden).toBe(true);
    page.act('view-1');
    await page.updateComplete;
    expect(find('.overview').hidden).toBe(false);
    tab('Answer').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    await page.updateComplete;
    expect(tab('Allocations').getAttribute('aria-selected')).toBe('true');
  });

  it('keep the strip in step with the timeline', async () => {
    page.act('view-5');
    await expect.poll(() => allIn(page, 'vs-strip').length).toBe(1);
    const before = page.address.span;
    page.act('zoom-in');
    expect(before).toBeNull();
    expect(page.address.span).not.toBeNull();
  });
});

describe('the table of allocations', () => {
  beforeEach(async () => {
    page.act('view-5');
    await expect.poll(() => rows().length).toBeGreaterThan(5);
    await expect.poll(seen).toContain('7,457 allocations');
  });

  it('lists the largest first, and pins one by a click', async () => {
    const [first] = rows();
    expect(first.textContent).toContain(largest[0].address);
    first.click();
    await expect.poll(seen).toContain(`${largest[0].requested.toLocaleString('en')} bytes`);
    expect(page.address.selected).toEqual({ kind: 'life', life: largest[0].life });
    page.act('clear');
    await expect.poll(() => page.address.selected).toBeNull();
  });

  it('is walked with the arrows, to the last row of all', async () => {
    find('[role=grid]').focus();
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    await expect.poll(() => page.address.selected).toEqual({ kind: 'life', life: largest[1].life });
    await userEvent.keyboard('{End}');
    await expect.poll(() => find('.row.current').getAttribute('aria-rowindex')).toBe('7458');
  });

  it('sorts by a header, both ways', async () => {
    const header = allIn(page, '.head button').find((one) => one.textContent.startsWith('Allocated'));
    header?.click();
    await expect.poll(() => rows()[0].textContent).not.toContain(largest[0].address);
    expect(engine.askedFor('lives').length).toBeGreaterThan(1);
    header?.click();
    await expect.poll(() => find('[aria-sort]').getAttribute('aria-sort')).toBe('descending');
  });

  it('follows the filter, counts what passes, and says where it is none', async () => {
    type('frame:attention size>1MiB');
    const passed = await livesOf('frame:attention size>1MiB');
    await expect.poll(() => rows()[0].textContent).toContain(passed[0].address);
    await expect.poll(seen).toContain('961 of 7,457 allocations');
    type('size>lots');
    await expect.poll(seen).toContain('"lots" is no size');
    type('frame:nowhere');
    await expect.poll(seen).toContain('None of 7,457 allocations passes the filter');
  });

  it('shows the events that begin and end what passes', async () => {
    type(largest[0].address);
    [...(find('vs-events').shadowRoot?.querySelectorAll<HTMLElement>('.group button') ?? [])]
      .find((one) => one.textContent.trim() === 'Events')
      ?.click();
    await expect.poll(() => rows()[0]?.textContent ?? '').toContain('alloc');
    await expect.poll(seen).toMatch(/\d+ of 21,851 events/);
  });
});

describe('the address', () => {
  it('gives the view back on a page that is opened anew', async () => {
    page.act('view-5');
    await expect.poll(() => rows().length).toBeGreaterThan(5);
    type('stream:0 size>32MiB');
    await expect.poll(seen).toMatch(/\d+ of 7,457 allocations/);
    await expect.poll(() => rows()[2].textContent).toContain('MiB');
    rows()[2].click();
    page.act('zoom-in');
    await expect.poll(() => page.address.selected).not.toBeNull();
    const { address } = page;
    page.remove();
    page = document.createElement('vs-device') as VsDevice;
    Object.assign(page, { source, device: source.devices[0], api: () => Promise.resolve(engine.api) });
    page.style.width = '1200px';
    document.body.append(page);
    await page.restore({ ...address, file: null, device: null, unit: null, unknown: [] });
    expect(page.address).toEqual(address);
    await expect.poll(() => find('.row.current').textContent).toContain('MiB');
    expect(addressOf('#1')).not.toBeNull();
  });
});
