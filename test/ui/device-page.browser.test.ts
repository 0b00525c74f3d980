/** One device's page in a real browser, over the real engine: what is asked when, and what is shown. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { SourceView } from '../../src/engine/protocol.ts';
import { userEvent } from 'vitest/browser';
import type { VsDevice } from '../../src/ui/device/vs-device.ts';
import '../../src/ui/device/vs-device.ts';
import type { VsKernels } from '../../src/ui/device/vs-kernels.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { madeKernels } from './made-kernels.ts';
import { allIn, textOf } from './shadow-tree.ts';

let engine: EngineForTest;
let page: VsDevice;

/** All text on the page, shadow trees included. */
const seen = (): string => textOf(page).replace(/\s+/g, ' ');
const asked = (what: string): string[] => engine.askedFor(what);
const last = (what: string): string => asked(what).at(-1) ?? '';

/** First match in the page or in the shadow trees below it. */
function find(selector: string): HTMLElement {
  const [found] = allIn(page, selector);
  if (found === undefined) throw new Error(`Nothing on the page is ${selector}.`);
  return found;
}

const button = (words: string): HTMLElement => {
  const found = allIn(page, 'button').find((one) => one.textContent.trim() === words);
  if (found === undefined) throw new Error(`There is no button "${words}".`);
  return found;
};

interface Opened {
  readonly engine: Engine;
  readonly source: SourceView;
}

async function opened(file: File): Promise<Opened> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const [source] = await engine.open(1, file, () => undefined);
  return { engine, source };
}

/** The file's device on a page of its own, whose questions are noted. */
function show({ engine: asked, source }: Opened): void {
  engine = new EngineForTest(asked);
  page = document.createElement('vs-device') as VsDevice;
  Object.assign(page, { source, device: source.devices[0], api: () => Promise.resolve(engine.api) });
  page.style.width = '1200px';
  document.body.append(page);
}

function point(type: string, share: number, init: PointerEventInit & WheelEventInit = {}): void {
  const over = find('.u-over');
  const box = over.getBoundingClientRect();
  const place = {
    clientX: box.left + share * box.width,
    clientY: box.top + 40,
    bubbles: true,
    cancelable: true,
  };
  const event =
    type === 'wheel'
      ? new WheelEvent(type, { ...place, ...init })
      : new PointerEvent(type, { ...place, pointerId: 1, button: 0, ...init });
  // A pointer that is not down cannot be captured: events here are made by hand.
  over.setPointerCapture = () => undefined;
  over.dispatchEvent(event);
}

let train: Opened;

beforeAll(async () => {
  train = await opened(await fileAt('samples/train.pickle.gz', 'train.pickle'));
});

function choose(from: number, to: number): void {
  point('pointerdown', from, { shiftKey: true });
  point('pointermove', (from + to) / 2);
  point('pointermove', to);
  point('pointerup', to);
}

beforeEach(async () => {
  show(train);
  await expect.poll(() => asked('timeline').length).toBeGreaterThan(0);
  await expect.poll(seen).toContain('Whole recording');
  await expect.poll(() => page.shadowRoot?.querySelector('vs-histograms')).not.toBeNull();
});

afterEach(() => page.remove());

it('asks for one column a pixel of the plot', () => {
  const width = find('.u-over').getBoundingClientRect().width;
  expect(last('timeline').split(' ').at(-1)).toBe(String(Math.round(width)));
});

it('zooms about the pointer and asks again for what is in view', async () => {
  point('wheel', 0.25, { deltaY: -120, ctrlKey: true });
  await expect.poll(() => asked('timeline').length).toBeGreaterThan(1);
  const [, axis, from, to] = last('timeline').split(' ');
  const whole = Number(asked('timeline')[0].split(' ')[3]);
  expect(axis).toBe('time');
  const factor = Math.exp(-0.3);
  expect(Number(from) / whole).toBeCloseTo(0.25 * (1 - factor), 3);
  expect((Number(to) - Number(from)) / whole).toBeCloseTo(factor, 3);
});

describe('a wheel over a chart', () => {
  /** Whether the page scrolls. */
  const scrolls = (init: WheelEventInit): boolean =>
    find('.u-over').dispatchEvent(new WheelEvent('wheel', { bubbles: true, cancelable: true, ...init }));
  const hint = (): string | undefined =>
    find('vs-timeline').shadowRoot!.querySelector('uplot-chart')!.shadowRoot!.querySelector('.hint')
      ?.textContent;

  it('scrolls the page up and down, zoomed or not, and says once how to zoom', async () => {
    for (const deltaY of [120, -120]) expect(scrolls({ deltaY })).toBe(true);
    await expect.poll(hint).toMatch(/^(Ctrl|⌘) \+ wheel zooms the chart$/);
    page.act('zoom-in');
    await expect.poll(() => asked('timeline').length).toBe(2);
    for (const deltaY of [120, -120]) expect(scrolls({ deltaY })).toBe(true);
    expect(asked('timeline')).toHaveLength(2);
    await expect.poll(hint, { timeout: 5000 }).toBeUndefined();
  });

  it('says nothing where somebody has said it', async () => {
    page.addEventListener('chart-scrolled-past', (event) => event.preventDefault());
    scrolls({ deltaY: 120 });
    await page.updateComplete;
    expect(hint()).toBeUndefined();
  });

  it.each(['ctrlKey', 'metaKey'])('zooms with %s', async (key) => {
    expect(scrolls({ deltaY: -120, [key]: true })).toBe(false);
    await expect.poll(() => asked('timeline').length).toBe(2);
  });

  it('zooms plainly where the reader chose so, and scrolls where there is nothing to zoom out to', async () => {
    page.style.setProperty('--chart-wheel', 'zooms');
    expect(scrolls({ deltaY: 120 })).toBe(true);
    expect(scrolls({ deltaY: -120 })).toBe(false);
    await expect.poll(() => asked('timeline').length).toBe(2);
    expect(hint()).toBeUndefined();
  });

  it('with Shift moves along a timeline that is zoomed, and no other', async () => {
    expect(scrolls({ deltaY: 120, shiftKey: true })).toBe(true);
    page.act('zoom-in');
    await expect.poll(() => asked('timeline').length).toBe(2);
    expect(scrolls({ deltaY: 120, shiftKey: true })).toBe(false);
    await expect.poll(() => asked('timeline').length).toBe(3);
  });
});

it('Shift + drag narrows histograms and tables, and says to what; Escape takes it back', async () => {
  choose(0.25, 0.5);
  await expect.poll(seen).toMatch(/Chosen range: [\d.]+ s to [\d.]+ s/);
  await expect.poll(() => last('range')).toMatch(/^range \d+[\d.]* \d+[\d.]*$/);
  page.act('clear');
  await expect.poll(() => last('range')).toBe('range');
  await expect.poll(seen).toContain('Whole recording');
});

it('a drag moves the timeline, a click shows the event there', async () => {
  page.act('zoom-in');
  await expect.poll(() => asked('timeline').length).toBe(2);
  const before = Number(last('timeline').split(' ')[2]);
  point('pointerdown', 0.5);
  point('pointermove', 0.4);
  point('pointerup', 0.4);
  await expect.poll(() => Number(last('timeline').split(' ')[2])).toBeGreaterThan(before);
  expect(asked('moment')).toEqual([]);

  point('pointerdown', 0.5);
  point('pointerup', 0.5);
  await expect.poll(seen).toMatch(/(alloc|free_requested|free_completed), event [\d,]+/);
  expect(seen()).toContain('rec/record.py:77');
  expect(asked('moment')).toHaveLength(1);
});

it('keys zoom, fit and step from event to event', async () => {
  page.act('zoom-in');
  await expect.poll(() => asked('timeline').length).toBe(2);
  page.act('fit');
  await expect.poll(() => last('timeline')).toBe(asked('timeline')[0]);
  point('pointerdown', 0.97);
  point('pointerup', 0.97);
  await expect.poll(() => asked('moment').length).toBe(1);
  await expect.poll(seen).toMatch(/(alloc|free_requested|free_completed), event [\d,]+/);
  page.act('next-event');
  await expect.poll(() => last('moment')).toMatch(/^moment event \d+$/);
});

it('a peak in the headline takes the timeline there', async () => {
  find('vs-headline').shadowRoot?.querySelector<HTMLElement>('[data-figure="requested"] button')?.click();
  await expect.poll(() => last('moment')).toMatch(/^moment event \d+$/);
  const row = Number(last('moment').split(' ')[2]);
  const moment = await engine.api.moment(page.device.key, 'event', row);
  if (!moment.ok) throw new Error('no moment');
  const { xNs } = moment.value;
  await expect.poll(() => Number(last('timeline').split(' ')[2])).toBeGreaterThan(0);
  const [, , from, to] = last('timeline').split(' ').map(Number);
  expect(xNs).toBeGreaterThanOrEqual(from);
  expect(xNs).toBeLessThan(to);
});

it('the axis of events shows the same stretch, counted', async () => {
  button('Events').click();
  await expect.poll(() => last('timeline')).toMatch(/^timeline event 0 21851 /);
  await expect.poll(seen).toContain('Whole recording: events 0 to 21,850');
});

it('a chosen range means the same events on both axes', async () => {
  choose(0.9, 0.98);
  await expect.poll(seen).toMatch(/Chosen range: .* s \([\d.]+ m?s\), \d{2,}[\d,]* events/);
  const events = (): string => /Chosen range:.*?, ([\d,]+) events/.exec(seen())?.[1] ?? '';
  await expect.poll(() => asked('range').length).toBeGreaterThan(1);
  await page.updateComplete;
  const before = events();
  button('Events').click();
  await expect.poll(seen).toMatch(/Chosen range: events [\d,]+ to/);
  await expect.poll(events).toBe(before);
});

describe('the tables', () => {
  it('draw a stream with nothing nowhere but in the list of streams', async () => {
    const drawn = (): (string | null)[] =>
      allIn(page, '[data-stream]').map((one) => one.getAttribute('data-stream'));
    expect(drawn()).toEqual(['0', '471809168']);
    // Here the second stream holds a block, and asks for nothing.
    choose(0.88, 0.92);
    await expect.poll(drawn).toEqual(['0']);
    expect(seen()).toMatch(/ 471809168 0 0 B 0 [\d.]+ KiB 1 /);
  });

  it('open a holder with its whole stack', async () => {
    find('tbody.opens button').click();
    await expect.poll(seen).toContain('Holds 130 MiB in 100 allocations');
    expect(seen()).toContain('torch/optim/optimizer.py:533');
  });

  it('say how many rows there are', async () => {
    engine.instead('range', (query) => train.engine.range({ ...query, limit: 40 }));
    choose(0.9, 0.98);
    await expect.poll(seen).toMatch(/Showing 12 of 89 ?\. The largest 40 can be shown/);
  });
});

describe('who allocated an address', () => {
  const field = (): HTMLInputElement => find('input[aria-label="Address to find"]') as HTMLInputElement;

  async function enter(text: string): Promise<void> {
    await userEvent.click(field());
    await userEvent.fill(field(), text);
    await userEvent.keyboard('{Enter}');
  }
  const shown = (): number => Number(/ alloc, event ([\d,]+) /.exec(seen())?.[1].replace(/,/g, '') ?? NaN);

  /** The address that most events allocated, and their rows. */
  async function reused(): Promise<{ address: string; rows: number[] }> {
    const rows = new Map<string, number[]>();
    for (let row = 21_000; row < 21_851; row++) {
      const moment = await train.engine.moment(page.device.key, 'event', row);
      if (!moment.ok || moment.value.action !== 'alloc') continue;
      const { address } = moment.value;
      rows.set(address, [...(rows.get(address) ?? []), row]);
    }
    const [[address, found]] = [...rows].sort(([, a], [, b]) => b.length - a.length);
    return { address, rows: found };
  }

  it('is typed into a field: Enter shows the newest event, and again the one before', async () => {
    const { address, rows } = await reused();
    expect(rows.length).toBeGreaterThan(1);
    await enter(address);
    await expect.poll(shown).toBe(rows.at(-1));
    expect(textOf(find('vs-detail'))).toContain(address);
    expect(last('allocationAt')).toBe(`allocationAt ${address} 21850`);
    await userEvent.keyboard('{Enter}');
    await expect.poll(shown).toBe(rows.at(-2));
    await enter(String(BigInt(address) + 1n));
    await expect.poll(shown).toBe(rows.at(-1));
  });

  it('is not shown another event where there is none: it is said why', async () => {
    const before = asked('timeline').length;
    await enter('0xf');
    await expect.poll(seen).toContain('No event of this recording allocated 0xf.');
    expect(seen()).toContain('What was allocated before the recording began has no event here.');
    await enter('tensor+1');
    await expect.poll(seen).toContain('"tensor+1" is no address.');
    expect(asked('timeline')).toHaveLength(before);
    expect(asked('moment')).toEqual([]);
  });
});

it('a curve that is switched off is not drawn', async () => {
  find('[data-curve="reserved"]').click();
  await expect.poll(() => find('[data-curve="reserved"]').getAttribute('aria-pressed')).toBe('false');
  const chart = find('uplot-chart') as HTMLElement & { model: { curves: { id: string }[] } };
  await expect
    .poll(() => chart.model.curves.map(({ id }) => id))
    .toEqual(['active', 'allocated', 'requested']);
});

it('saves a table in a format, named after the file and the GPU', async () => {
  const saved: string[] = [];
  const click = (event: Event): void => {
    const link = event.composedPath()[0];
    if (!(link instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    saved.push(`${link.download} ${link.protocol}`);
  };
  // The link is not in the page: its click is seen on the link alone.
  const create = document.createElement.bind(document);
  document.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = create(name, options);
    if (name === 'a') element.addEventListener('click', click);
    return element;
  };
  try {
    const menu = find('vs-save').shadowRoot!;
    menu.querySelector('details')!.open = true;
    await expect
      .poll(() => [...menu.querySelectorAll('option')].map(({ text }) => text))
      .toEqual([
        'events (21,851 rows)',
        'segments (89 rows)',
        'blocks (383 rows)',
        'stacks (70 rows)',
        'annotations (72 rows)',
        'findings',
        ...['Arrow', 'Parquet', 'CSV', 'JSON lines'],
      ]);
    const format = menu.querySelector<HTMLSelectElement>('#format')!;
    format.value = 'parquet';
    format.dispatchEvent(new Event('change'));
    menu.querySelector('button')!.click();
    await expect.poll(() => saved).toEqual(['train.pickle.gpu0.events.parquet blob:']);
  } finally {
    document.createElement = create;
  }
});

describe('kernels', () => {
  const track = (): HTMLElement => find('.track');
  const words = (): string => track().getAttribute('aria-valuetext') ?? '';
  const press = (key: string): boolean =>
    track().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));

  let ran: Opened;

  beforeAll(async () => {
    ran = await opened(await madeKernels());
  });

  beforeEach(async () => {
    page.remove();
    show(ran);
    await expect.poll(seen).toContain('4,000 kernels in view, busy 49.9 % of the time');
  });

  it('are asked for with the timeline, a column a pixel of the plot', async () => {
    const width = find('.u-over').getBoundingClientRect().width;
    expect(last('kernels').split(' ').at(-1)).toBe(String(Math.round(width)));
    page.act('zoom-in');
    await expect.poll(() => asked('kernels').length).toBe(2);
    expect(last('kernels').split(' ').slice(1)).toEqual(last('timeline').split(' ').slice(2));
  });

  it('lie under the curves, column by column: the strip is as wide as the plot and begins where it does', () => {
    const [plot, strip] = [find('.u-over'), track()].map((element) => element.getBoundingClientRect());
    expect(Math.abs(strip.left - plot.left)).toBeLessThan(1);
    expect(Math.abs(strip.width - plot.width)).toBeLessThan(1);
    expect(strip.top).toBeGreaterThanOrEqual(plot.bottom);
  });

  it('tell what ran under the pointer, wherever in the charts it is', async () => {
    point('pointermove', 0.2);
    await expect
      .poll(seen)
      .toMatch(/ms: \d+ kernels, busy [\d.]+ %, longest ampere_sgemm_128x64_tn \([\d.]+ [mµ]s, stream 20\)/);
    point('pointermove', 0.8);
    await expect.poll(seen).toContain('no kernel ran');
  });

  it('are single bars with names once zoomed in, reached by arrow keys and shown by Enter', async () => {
    point('pointermove', 0.2);
    for (let i = 0; i < 14; i++) page.act('zoom-in');
    await expect.poll(() => find('vs-kernels').shadowRoot?.querySelector('.bar')).not.toBeNull();
    await expect.poll(seen).toMatch(/ampere_sgemm_128x64_tn\s/);
    track().focus();
    press('Home');
    await expect.poll(words).not.toBe('');
    const places: string[] = [];
    for (let i = 0; i < 3; i++) {
      press('ArrowRight');
      await page.updateComplete;
      await (find('vs-kernels') as VsKernels).updateComplete;
      places.push(track().getAttribute('aria-valuenow') ?? '');
    }
    expect(new Set(places).size, places.join()).toBe(3);
    expect(press('Enter')).toBe(false);
    await expect.poll(seen).toContain('Runs for');
    expect(seen()).toMatch(/Stream\s+(7|20)/);
  });

  it('are a matter of time: the axis of events has none', async () => {
    button('Events').click();
    await expect.poll(() => page.shadowRoot?.querySelector('vs-kernels')).toBeNull();
  });

  it('Nsight shows who holds memory where the file has stacks', async () => {
    await expect.poll(seen).toContain('by the API call and, where it was recorded, the call chain');
  });
});
