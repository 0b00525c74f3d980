/** The view of all allocations on a page of its own, over the real engine: what hand and keys do, and what it asks for. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceView, LifeAnswer, RasterAnswer } from '../../src/engine/protocol.ts';
import type { VsAllocations } from '../../src/ui/workspace/vs-allocations.ts';
import '../../src/ui/workspace/vs-allocations.ts';
import { wholeOf } from '../../src/view/device/device-state.ts';
import type { ViewContext, WorkspaceChange } from '../../src/view/workspace/context.ts';
import { placeOfLife } from '../../src/view/workspace/raster-paint.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

const SAMPLE = 'samples/train.pickle.gz';

let engine: EngineForTest;
let view: VsAllocations;
let device: DeviceView;
/** What the view asked to be otherwise, one after the other; each is done at once. */
let changes: WorkspaceChange[];
/** The newest full answer. */
let seen: RasterAnswer | null;

async function start(path = SAMPLE, more: Partial<ViewContext> = {}): Promise<void> {
  engine = new EngineForTest();
  changes = [];
  seen = null;
  const [source] = await engine.api.open(1, await fileAt(path), () => undefined);
  [device] = source.devices;
  const api = new Proxy(engine.api, {
    get: (target, name): unknown => {
      if (name !== 'raster') return Reflect.get(target, name);
      return async (query: Parameters<typeof target.raster>[0]) => {
        const answer = await target.raster(query);
        if (answer.ok) seen = answer.value;
        return answer;
      };
    },
  });
  view = document.createElement('vs-allocations') as VsAllocations;
  view.api = () => Promise.resolve(api);
  view.context = {
    device,
    unit: 'binary',
    dark: false,
    axis: 'event',
    span: wholeOf(device, 'event'),
    range: null,
    moment: null,
    filter: '',
    selected: null,
    colour: 'line',
    iterations: null,
    ...more,
  };
  view.style.cssText = 'width: 900px; height: 480px';
  view.addEventListener('workspace-change', (event) => {
    const { detail } = event as CustomEvent<WorkspaceChange>;
    changes.push(detail);
    view.context = { ...view.context, ...detail };
  });
  document.body.append(view);
  await answered();
}

const answered = (): Promise<void> =>
  expect
    .poll(
      () => seen !== null && seen.rows === plot().clientHeight && textOf(find('footer')).includes('in view'),
    )
    .toBe(true);

const find = (selector: string): HTMLElement => {
  const [found] = allIn(view, selector);
  if (found === undefined) throw new Error(`Nothing in the view is ${selector}.`);
  return found;
};
const plot = (): HTMLElement => find('.plot');
const spoken = (): string => textOf(find('[data-spoken]')).replace(/\s+/g, ' ').trim();
const tip = (): string => allIn(view, '.tip').map(textOf).join(' ').replace(/\s+/g, ' ').trim();
const press = (key: string, more: KeyboardEventInit = {}): boolean =>
  plot().dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more }),
  );

/** In the page, of a share of the plot from the left and from the bottom. */
function at(x: number, y: number): { clientX: number; clientY: number } {
  const box = plot().getBoundingClientRect();
  return { clientX: box.left + x * box.width, clientY: box.bottom - y * box.height };
}
function send(type: string, where: { clientX: number; clientY: number }, more: PointerEventInit = {}): void {
  const event = {
    ...where,
    button: 0,
    pointerId: 1,
    bubbles: true,
    composed: true,
    cancelable: true,
    ...more,
  };
  plot().dispatchEvent(new PointerEvent(type, event));
}
function click(where: { clientX: number; clientY: number }): void {
  send('pointermove', where);
  send('pointerdown', where);
  send('pointerup', where);
}

/** The middle of what the picture has of a life, as shares of the plot. */
function middleOf(life: number): { clientX: number; clientY: number } {
  const place = placeOfLife(seen!, life)!;
  return at((place.column + 0.5) / seen!.x.length, (place.row + 0.5) / seen!.rows);
}

async function lifeOf(life: number): Promise<LifeAnswer> {
  const told = await engine.api.life(device.key, life);
  if (!told.ok) throw new Error(told.error.message);
  return told.value;
}

/** The life that owns most pixels. */
function largest(): number {
  const counts = new Map<number, number>();
  for (const life of seen!.pixels) if (life >= 0) counts.set(life, (counts.get(life) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0][0];
}

beforeEach(() => {
  // A capture that a made-up pointer cannot have.
  HTMLElement.prototype.setPointerCapture = () => undefined;
});
afterEach(() => view.remove());

describe('all allocations over time', () => {
  beforeEach(() => start());

  it('says the figures of the recording in its name', () => {
    const { peak, all } = seen!;
    const name = plot().getAttribute('aria-label')!;
    expect(name).toContain(`${all.toLocaleString('en-US')} allocations`);
    expect(name).toContain(`${peak.bytes.toLocaleString('en-US')} bytes`);
    expect(name).toContain(`in ${peak.open.toLocaleString('en-US')} allocations`);
  });

  it('draws what the engine answered: a pixel of the canvas for each', () => {
    const canvas = find('canvas') as HTMLCanvasElement;
    expect([canvas.width, canvas.height]).toEqual([seen!.x.length, seen!.rows]);
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    let [drawn, owned] = [0, 0];
    for (let column = 0; column < seen!.x.length; column++)
      for (let row = 0; row < seen!.rows; row++) {
        if (seen!.pixels[column * seen!.rows + row] < 0) continue;
        owned++;
        if (data[4 * ((seen!.rows - 1 - row) * canvas.width + column) + 3] === 255) drawn++;
      }
    expect(owned).toBeGreaterThan(1000);
    expect(drawn).toBe(owned);
  });

  it('tells what is under the pointer, and pins it by a click', async () => {
    const life = largest();
    const told = await lifeOf(life);
    send('pointermove', middleOf(life));
    await expect.poll(tip).toContain(`${told.requested.toLocaleString('en-US')} bytes`);
    expect(tip()).toContain(told.label.replace(/\s+/g, ' '));
    expect(tip()).toContain(`b${told.address.slice(2)}_${told.reuse}`);
    click(middleOf(life));
    expect(changes).toEqual([{ selected: { kind: 'life', life } }]);
    click(at(0.001, 0.999));
    expect(changes.at(-1)).toEqual({ selected: null });
  });

  it('zooms to the life of what is double-clicked', async () => {
    const life = largest();
    const told = await lifeOf(life);
    const where = middleOf(life);
    plot().dispatchEvent(new MouseEvent('dblclick', { ...where, bubbles: true, composed: true }));
    await expect.poll(() => changes.length).toBe(1);
    const { span, axis } = changes[0];
    expect(axis).toBe('event');
    expect(span!.from).toBeLessThanOrEqual(Math.max(0, told.madeRow ?? 0));
    expect(span!.to).toBeGreaterThanOrEqual(Math.min(device.rows, told.endedRow ?? device.rows));
  });

  it('chooses a range by Shift and a drag, moves by a drag, zooms by Ctrl and the wheel', async () => {
    send('pointerdown', at(0.25, 0.5), { shiftKey: true });
    send('pointermove', at(0.4, 0.5), { shiftKey: true });
    send('pointermove', at(0.5, 0.5), { shiftKey: true });
    send('pointerup', at(0.5, 0.5), { shiftKey: true });
    expect(changes).toHaveLength(1);
    expect(changes[0].range!.from / device.rows).toBeCloseTo(0.25, 2);
    expect(changes[0].range!.to / device.rows).toBeCloseTo(0.5, 2);
    const turn = (more: WheelEventInit): boolean =>
      plot().dispatchEvent(
        new WheelEvent('wheel', { ...at(0.5, 0.5), deltaY: -120, bubbles: true, cancelable: true, ...more }),
      );
    expect(turn({})).toBe(true);
    expect(changes).toHaveLength(1);
    expect(turn({ ctrlKey: true })).toBe(false);
    const zoomed = changes.at(-1)!.span!;
    expect(zoomed.to - zoomed.from).toBeLessThan(device.rows);
    send('pointerdown', at(0.5, 0.5));
    send('pointermove', at(0.6, 0.5));
    send('pointerup', at(0.6, 0.5));
    expect(changes.at(-1)!.span!.from).toBeLessThan(zoomed.from);
    await expect.poll(() => seen!.range.from).toBeLessThan(zoomed.from);
  });

  it('zooms the bytes by keys and by a drag on their axis, and back', async () => {
    const [, top] = seen!.bytes;
    expect(press('W', { shiftKey: true })).toBe(false);
    await expect.poll(() => seen!.bytes[1] - seen!.bytes[0]).toBeLessThan(top);
    const between = seen!.bytes[1] - seen!.bytes[0];
    const bytes = find('.bytes');
    bytes.setPointerCapture = () => undefined;
    const move = (type: string, dy: number): boolean =>
      bytes.dispatchEvent(
        new PointerEvent(type, { clientY: at(0, 0.5).clientY + dy, bubbles: true, pointerId: 2 }),
      );
    move('pointerdown', 0);
    move('pointermove', -60);
    move('pointerup', -60);
    await expect.poll(() => seen!.bytes[1] - seen!.bytes[0]).toBeLessThan(between);
    find('[data-all-bytes]').click();
    await expect.poll(() => seen!.bytes).toEqual([0, top]);
  });

  it('is walked by keys: up and down the stack, along time, along a line, to the first and the last', async () => {
    press('ArrowUp');
    await expect.poll(spoken).toMatch(/from .*stack were alive then\.$/);
    const first = spoken();
    press('ArrowUp');
    await expect.poll(spoken).not.toBe(first);
    press('Enter');
    const pinned = changes.at(-1)!.selected;
    expect(pinned?.kind).toBe('life');
    press('ArrowRight');
    press('End');
    await expect.poll(() => engine.given('life').at(-1)?.[1]).toBe(seen!.all - 1);
    press('Home');
    await expect.poll(() => engine.given('life').at(-1)?.[1]).toBe(0);
    await expect.poll(spoken).not.toBe('');
    const { label } = await lifeOf(0);
    press(']');
    await expect.poll(() => engine.given('lifePlace').at(-1)?.[0].sameLine).toBe(true);
    await expect.poll(() => engine.given('life').at(-1)?.[1]).toBeGreaterThan(0);
    expect((await lifeOf(engine.given('life').at(-1)![1])).label).toBe(label);
    expect(press('x')).toBe(true);
  });

  it('shows one group alone by a click on its entry, and all again', async () => {
    const [entry] = allIn(view, 'ul button') as HTMLButtonElement[];
    entry.click();
    expect(changes.at(-1)!.filter).toMatch(/^made-by:"/);
    await expect.poll(() => seen!.lives).toBeLessThan(seen!.all);
    await expect.poll(() => entry.getAttribute('aria-pressed')).toBe('true');
    entry.click();
    await expect.poll(() => seen!.lives).toBe(seen!.all);
  });

  it('takes other colours, and stacks in another order', async () => {
    const choose = (selector: string, value: string): void => {
      const select = find(selector) as HTMLSelectElement;
      select.value = value;
      select.dispatchEvent(new Event('change'));
    };
    view.context = { ...view.context, colour: 'stream' };
    await expect.poll(() => seen!.by).toBe('stream');
    choose('[data-order]', 'size');
    await expect.poll(() => seen!.order).toBe('size');
  });

  it('drops an answer of a device that is no longer shown', async () => {
    const held = engine.hold('raster');
    view.context = { ...view.context, span: { from: 0, to: 100 } };
    await expect.poll(() => engine.askedFor('raster').length).toBeGreaterThan(1);
    const before = textOf(find('footer'));
    view.context = { ...view.context, device: { ...device, key: '9:0' } };
    held.release();
    await expect.poll(() => allIn(view, 'vs-error').length).toBe(1);
    expect(textOf(find('footer'))).not.toBe(before);
  });

  it('says of a filter that lets nothing pass, and of one that is none', async () => {
    view.context = { ...view.context, filter: 'size>1TiB' };
    await expect.poll(() => textOf(view)).toContain('passes the filter');
    view.context = { ...view.context, filter: 'size>1Mib5' };
    await expect.poll(() => textOf(view)).toContain('This is no filter');
  });
});

it('shows the state at the end as one column where there is no history', async () => {
  await start('test/fixtures/field/U05-state-only-empty-segments.pickle');
  expect([device.rows, seen!.lives]).toEqual([0, seen!.all]);
  expect(seen!.all).toBeGreaterThan(0);
  expect(textOf(view)).toContain('Only the state at the end');
  expect(plot().getAttribute('aria-label')).toContain(`${seen!.peak.bytes.toLocaleString('en-US')} bytes`);
  expect(seen!.total[0]).toBe(seen!.peak.bytes);
});
