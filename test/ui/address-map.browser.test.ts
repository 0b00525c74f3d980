/** The address map with the real engine: hover, click, keys, stepping, and what its accessible names say. */
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { AddressMapAnswer, DeviceView, LifeAnswer } from '../../src/engine/protocol.ts';
import type { VsAddressMap } from '../../src/ui/workspace/vs-address-map.ts';
import '../../src/ui/workspace/vs-address-map.ts';
import { LINE_HEIGHT, type MapLayout } from '../../src/view/workspace/address-map.ts';
import type { ViewContext, WorkspaceChange } from '../../src/view/workspace/context.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

/** What it holds beside its properties, to find on the screen what is drawn there. */
interface Inside {
  readonly answer: AddressMapAnswer | null;
  readonly layout: MapLayout | null;
}
type Shown = Omit<VsAddressMap, keyof Inside> & HTMLElement & Inside;

let frame: HTMLDivElement;
let map: Shown;
let engine: EngineForTest;
let changes: WorkspaceChange[];

const told = (): AddressMapAnswer => map.answer!;
const find = (selector: string): HTMLElement => {
  const [found] = allIn(map, selector);
  if (found === undefined) throw new Error(`Nothing is ${selector}.`);
  return found;
};
const text = (selector: string): string => textOf(find(selector)).replace(/\s+/g, ' ').trim();

async function start(path: string, more: Partial<ViewContext> = {}): Promise<DeviceView> {
  engine = new EngineForTest(new Engine());
  changes = [];
  const [source] = await engine.api.open(1, await fileAt(path), () => undefined);
  const [device] = source.devices;
  if (device === undefined) throw new Error(source.error?.message ?? 'no device');
  frame = document.createElement('div');
  frame.style.cssText = 'width: 1100px; height: 760px; color-scheme: light';
  map = document.createElement('vs-address-map') as unknown as Shown;
  map.api = () => Promise.resolve(engine.api);
  map.context = {
    device,
    unit: 'binary',
    dark: false,
    axis: 'event',
    span: { from: 0, to: Math.max(1, device.rows) },
    range: null,
    moment: null,
    filter: '',
    selected: null,
    colour: 'line',
    iterations: null,
    ...more,
  };
  // As the frame does: what a view asks for comes back as its context.
  frame.addEventListener('workspace-change', (event) => {
    const { detail } = event as CustomEvent<WorkspaceChange>;
    changes.push(detail);
    map.context = { ...map.context, ...detail };
  });
  frame.append(map);
  document.body.append(frame);
  await expect.poll(() => map.layout?.boxes.length ?? -1).toBeGreaterThanOrEqual(device.rows === 0 ? -1 : 1);
  return device;
}

afterEach(() => frame.remove());

const press = (key: string, shiftKey = false): boolean =>
  find('canvas[role=slider]').dispatchEvent(
    new KeyboardEvent('keydown', { key, shiftKey, bubbles: true, composed: true, cancelable: true }),
  );
const settled = (row: number): Promise<void> => expect.poll(() => told().row).toBe(row);

/** Middle of a block on the screen; null: it is below a pixel or out of view. */
function pointOf(block: number): { clientX: number; clientY: number } | null {
  const { segments, blocks } = told();
  const layout = map.layout!;
  let segment = 0;
  while (segments.blockStart[segment + 1] <= block) segment++;
  const middle = blocks.address[block] - segments.address[segment] + blocks.size[block] / 2;
  const box = layout.boxes.find((one) => one.segment === segment && one.to > middle && one.from <= middle)!;
  if (blocks.size[block] / layout.bytesPerPixel < 3) return null;
  const canvas = find('canvas[role=slider]').getBoundingClientRect();
  if (box.y + LINE_HEIGHT > canvas.height) return null;
  const x = box.x + ((middle - box.from) / (box.to - box.from)) * box.width;
  return { clientX: canvas.left + x, clientY: canvas.top + box.y + LINE_HEIGHT / 2 };
}

/** First block of a kind that can be pointed at. */
function seen(passes: (block: number) => boolean): {
  block: number;
  at: { clientX: number; clientY: number };
} {
  const many = told().blocks.life.length;
  for (let block = 0; block < many; block++) {
    const at = passes(block) ? pointOf(block) : null;
    if (at !== null) return { block, at };
  }
  throw new Error('no such block is in view');
}

const isLive = (block: number): boolean => told().blocks.life[block] >= 0;
const canvas = (): HTMLElement => find('canvas[role=slider]');

describe('the address map of a training run', () => {
  it('begins at the last event, with the figures of the engine in its name', async () => {
    const device = await start('samples/train.pickle.gz');
    const { totals } = told();
    expect(told().row).toBe(device.rows - 1);
    const moment = await engine.api.moment(device.key, 'event', device.rows - 1);
    const reserved = moment.ok ? moment.value.values.find(({ id }) => id === 'reserved')?.value : null;
    expect(totals.size).toBe(reserved);
    const name = canvas().getAttribute('aria-label') ?? '';
    expect(name).toContain(`just after event ${(device.rows - 1).toLocaleString('en')}`);
    expect(name).toContain(`reserved in ${totals.segments} segments`);
    expect(canvas().getAttribute('aria-valuenow')).toBe(String(device.rows - 1));
    // Something is drawn: more than one colour.
    const drawn = (canvas() as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, 800, 120).data;
    const colours = new Set<number>();
    for (let at = 0; at < drawn.length; at += 4)
      colours.add((drawn[at] << 16) | (drawn[at + 1] << 8) | drawn[at + 2]);
    expect(colours.size).toBeGreaterThan(5);
  });

  it('previews what is under the pointer, and pins what is clicked', async () => {
    const device = await start('samples/train.pickle.gz');
    const { block, at } = seen((one) => isLive(one) && told().blocks.state[one] === 0);
    canvas().dispatchEvent(new PointerEvent('pointermove', { ...at, bubbles: true }));
    await expect.poll(() => text('p.hover')).toContain('allocated');
    const life = told().blocks.life[block];
    const answer = (await engine.api.life(device.key, life)) as { ok: true; value: LifeAnswer };
    expect(text('p.hover')).toContain(answer.value.address);
    expect(text('p.hover')).toContain(answer.value.label);
    canvas().dispatchEvent(new MouseEvent('click', { ...at, bubbles: true }));
    expect(changes).toEqual([{ selected: { kind: 'life', life } }]);
    canvas().dispatchEvent(new PointerEvent('pointerleave'));
    await expect.poll(() => text('p.hover')).toContain('Point at a block');
  });

  it('tells what pins a hole that is clicked, and leads to it', async () => {
    await start('samples/train.pickle.gz');
    const { block, at } = seen((one) => told().blocks.state[one] === 2);
    canvas().dispatchEvent(new MouseEvent('click', { ...at, bubbles: true }));
    await expect.poll(() => allIn(map, '.hole').length).toBe(1);
    const asked = engine.given('addressHole').at(-1)![0];
    const answer = await engine.api.addressHole(asked);
    const hole = answer.ok ? answer.value! : null;
    expect(hole?.size).toBe(told().blocks.size[block]);
    expect(text('.hole')).toContain(hole!.address);
    expect(text('.hole')).toMatch(/keeps? it from going back/);
    expect(text('.hole')).toContain(hole!.pins[0].label);
    find('.hole .pins button').click();
    expect(changes.at(-1)).toEqual({ selected: { kind: 'life', life: hole!.pins[0].life } });
    press('Escape');
    await expect.poll(() => allIn(map, '.hole').length).toBe(0);
  });

  it('steps by keys through events, with Shift through those that change segments, and says what changed', async () => {
    await start('samples/train.pickle.gz', { moment: 1000 });
    await settled(1000);
    press('.');
    await settled(1001);
    press('ArrowRight');
    await settled(1002);
    press(',');
    press('ArrowLeft');
    press('ArrowLeft');
    await settled(999);
    expect(changes.map(({ moment }) => moment)).toEqual([1001, 1002, 1001, 1000, 999]);
    await expect.poll(() => textOf(find('.visually-hidden[role=status]'))).toContain('Event 999 of');
    const before = told().segmentRowBefore!;
    press('<', true);
    await settled(before);
    const next = told().segmentRowAfter!;
    expect(next).toBeGreaterThan(999);
    press('ArrowRight', true);
    await settled(next);
    expect(told().event?.action).toMatch(/^segment_/);
    expect(textOf(find('.visually-hidden[role=status]'))).toMatch(/Reserved [+−]/);
    expect(press('x')).toBe(true);
  });

  it('plays with space, and stops with it', async () => {
    await start('samples/train.pickle.gz', { moment: 500 });
    await settled(500);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    press(' ');
    expect(vi.getTimerCount()).toBe(1);
    for (const row of [501, 502, 503]) {
      vi.advanceTimersToNextTimer();
      await settled(row);
    }
    press(' ');
    expect(vi.getTimerCount()).toBe(0);
    expect(map.context.moment).toBe(503);
  });

  it('goes from segment to segment, zooms, and keeps its scale from event to event', async () => {
    await start('samples/train.pickle.gz', { moment: 4000 });
    await settled(4000);
    press('ArrowDown');
    const [first] = map.layout!.order;
    const addressOf = (segment: number): string =>
      `0x${((BigInt(told().origin) << 32n) + BigInt(told().segments.address[segment])).toString(16)}`;
    expect(changes.at(-1)).toEqual({ selected: { kind: 'segment', address: addressOf(first) } });
    await map.updateComplete;
    press('ArrowDown');
    expect(changes.at(-1)).toEqual({
      selected: { kind: 'segment', address: addressOf(map.layout!.order[1]) },
    });
    await expect.poll(() => text('aside')).toContain(addressOf(map.layout!.order[1]));
    const scale = map.layout!.bytesPerPixel;
    press('+');
    await expect.poll(() => map.layout!.bytesPerPixel).toBe(scale / 2);
    press('.');
    await settled(4001);
    expect(map.layout!.bytesPerPixel).toBe(scale / 2);
    press('0');
    await expect.poll(() => map.layout!.bytesPerPixel).toBe(scale);
  });

  it('shows free memory below, over time and at the moment, and goes to a moment that is clicked', async () => {
    await start('samples/train.pickle.gz');
    await expect.poll(() => allIn(map, 'vs-heat').length).toBe(2);
    const free = told().free.reduce((sum, { blocks }) => sum + blocks, 0);
    expect(text('.headline')).toContain(`${free} blocks`);
    const heat = find('#sizes');
    const picture = allIn(heat, 'canvas')[0];
    await expect
      .poll(() => picture.getAttribute('aria-label'))
      .toMatch(/^Free blocks by size over time, from/);
    const box = picture.getBoundingClientRect();
    expect(box.height).toBeGreaterThan(40);
    const at = { clientX: box.left + box.width / 2, clientY: box.top + 5, bubbles: true };
    picture.dispatchEvent(new PointerEvent('pointermove', at));
    await expect.poll(() => text('vs-free-memory')).toMatch(/none free|free blocks?,/);
    picture.dispatchEvent(new MouseEvent('click', at));
    const moment = changes.at(-1)?.moment ?? -1;
    const rows = map.context.device.rows;
    expect(Math.abs(moment - rows / 2)).toBeLessThan(rows / 50);
    await settled(moment);
  });
});

describe('other files', () => {
  it('dims what the filter leaves out, and colours by what all views do', async () => {
    await start('samples/train.pickle.gz', { filter: 'size>1MiB', colour: 'size' });
    const { passes } = told().blocks;
    expect(new Set(passes)).toEqual(new Set([0, 1]));
    expect(told().colours.by).toBe('size');
    expect(text('aside')).toContain('≤ 4 KiB');
  });

  it('a state without events: its own segments, and how to record a history', async () => {
    await start('test/fixtures/field/U05-state-only-empty-segments.pickle');
    await expect.poll(() => map.answer !== null).toBe(true);
    expect(canvas().getAttribute('aria-label')).toMatch(
      /^Address map of the recorded state\. .* reserved in/,
    );
    expect(press('.')).toBe(false);
    expect(changes).toEqual([]);
    expect(text('vs-free-memory')).toContain('_record_memory_history');
  });

  it('Nsight: allocations without segments, which is said', async () => {
    const device = await start('test/fixtures/nsys-forms/torch.json', { moment: 200 });
    expect(device.producer).toBe('nsys');
    await settled(200);
    expect(text('.totals')).toMatch(/in \d+ allocations?\. Nsight records allocations of the driver/);
    expect(allIn(map, '#sizes')).toEqual([]);
  });

  it('says what went wrong', async () => {
    await start('samples/leak.pickle.gz');
    engine.fail('addressMap', 'the worker is gone');
    press(',');
    await expect.poll(() => text('[role=status]')).toContain('the worker is gone');
  });
});
