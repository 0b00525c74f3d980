/**
 * The ledger over time and who pins free memory, on the page: what pointer and keys do, what is read out, and what a
 * click asks the engine.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ok } from '../../src/base/result.ts';
import { exactly } from '../../src/base/measured.ts';
import type { PinsView } from '../../src/engine/protocol.ts';
import type { VsDevice } from '../../src/ui/device/vs-device.ts';
import type { VramScope } from '../../src/ui/vram-scope.ts';
import '../../src/ui/vram-scope.ts';
import { deviceDiagnosis, diagnosis, MIB, pins } from '../view/diagnosis/diagnosis-for-test.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';
import { toldOfDevice } from './told-of-device.ts';

const SPLIT = ['0', '7'].map((stream) => ({
  stream,
  parts: [
    { id: 'own_large', label: `Of stream ${stream}`, bytes: exactly(MIB), note: null },
    { id: 'other_streams', label: 'Of others', bytes: exactly(MIB), note: null },
  ],
}));

/** Has a diagnosis with pins at once, and other pins at any row; the ledger over time is the engine's. */
class Ledgers {
  readonly engine = new EngineForTest();
  told: PinsView | null = { ...pins(), row: 700, pinnedBytes: 5 * MIB };

  constructor() {
    const ledgers = deviceDiagnosis().ledgers.map(({ when, ledger }) => ({
      when,
      ledger: {
        ...ledger,
        splitFor: SPLIT,
        parts: ledger.parts.map((part) =>
          part.id === 'releasable' ? { ...part, id: 'inactive_split', children: SPLIT[0].parts } : part,
        ),
        free: [{ pool: '', stream: '7', small: false, splitBytes: MIB, pageBytes: 0, wholeBytes: 0 }],
      },
    }));
    const told = toldOfDevice(diagnosis({ devices: [deviceDiagnosis({ ledgers, pins: pins() })] }));
    this.engine.instead('diagnosis', () => Promise.resolve(ok(told)));
    this.engine.instead('pins', () => Promise.resolve(ok(this.told)));
  }
}

let ledgers: Ledgers;
let scope: VramScope;

const all = (selector: string, root: Element | ShadowRoot = scope): HTMLElement[] => allIn(root, selector);

function find(selector: string, root: Element | ShadowRoot = scope): HTMLElement {
  const [found] = all(selector, root);
  if (found === undefined) throw new Error(`Nothing on the page is ${selector}.`);
  return found;
}

/** Text of what matches; `within`: in the shadow tree of this element alone. */
const told = (selector: string, within?: string): string =>
  all(selector, within === undefined ? scope : find(within))
    .map(textOf)
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
const asked = (what: string): string[] => ledgers.engine.askedFor(what);
const button = (within: string, words: string): HTMLElement => {
  const found = all('button', find(within)).find((one) => textOf(one).replace(/\s+/g, ' ').trim() === words);
  if (found === undefined) throw new Error(`There is no button "${words}" in ${within}.`);
  return found;
};
const plot = (): HTMLElement => find('[role=slider]', find('vs-ledger-chart'));
const press = (key: string): boolean =>
  plot().dispatchEvent(
    new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true }),
  );
const column = (): number => Number(plot().getAttribute('aria-valuenow'));
const drawn = (): Promise<void> =>
  expect.poll(() => told('.readout', 'vs-ledger-chart')).toMatch(/= [\d,]+ bytes reserved\.$/);

async function start(change: (engine: EngineForTest) => void = () => undefined): Promise<void> {
  ledgers = new Ledgers();
  change(ledgers.engine);
  scope = document.createElement('vram-scope');
  scope.engine = ledgers.engine.api;
  scope.style.width = '1280px';
  document.body.append(scope);
  await scope.openFiles([
    await fileAt('test/fixtures/growth-truth/algorithms_tried.pickle.gz', 'run.pickle'),
  ]);
  await expect.poll(() => asked('ledgerColumns').length).toBeGreaterThan(0);
}

afterEach(() => {
  scope.remove();
  localStorage.clear();
});

describe('the ledger over time', () => {
  beforeEach(async () => {
    await start();
    await drawn();
  });

  it('is asked for what the timeline shows, and again after a zoom', async () => {
    const last = (what: string): string[] => asked(what).at(-1)?.split(' ').slice(1) ?? [];
    expect(last('ledgerColumns')).toEqual(last('timeline'));
    const before = asked('ledgerColumns').length;
    (find('vs-device') as VsDevice).act('zoom-in');
    await expect.poll(() => asked('ledgerColumns').length).toBeGreaterThan(before);
    await expect.poll(() => last('ledgerColumns')).toEqual(last('timeline'));
  });

  it('reads out every byte of an event, and their sum', () => {
    const [, sum, whole] = /: ([\d, +]+) = ([\d,]+) bytes reserved\.$/.exec(
      told('.readout', 'vs-ledger-chart'),
    )!;
    const number = (text: string): number => Number(text.replace(/,/g, ''));
    expect(
      sum
        .split(' + ')
        .map(number)
        .reduce((a, b) => a + b),
    ).toBe(number(whole));
  });

  it('goes from column to column by keys, on every chart at once; Enter shows the event', async () => {
    press('End');
    await expect.poll(column).toBe(Number(plot().getAttribute('aria-valuemax')));
    const end = column();
    press('ArrowLeft');
    await expect.poll(column).toBe(end - 1);
    press('PageDown');
    await expect.poll(column).toBe(end - 51);
    const timelines = all('vs-timeline') as (HTMLElement & { hoverX: number | null })[];
    expect(timelines.map(({ hoverX }) => hoverX !== null)).toEqual(timelines.map(() => true));
    const words = plot().getAttribute('aria-valuetext') ?? '';
    const [, row] = /^just after event ([\d,]+): .* reserved\. Live \(requested\) /.exec(words)!;
    press('Enter');
    await expect.poll(() => asked('moment').at(-1)).toBe(`moment event ${row.replace(/,/g, '')}`);
    plot().dispatchEvent(new FocusEvent('blur'));
    await expect.poll(() => timelines.every(({ hoverX }) => hoverX === null)).toBe(true);
  });

  it('leaves keys that are not its own to the page', () => {
    expect(press('x')).toBe(true);
    expect(press('ArrowLeft')).toBe(false);
  });

  it('takes a part out of the stack', async () => {
    const chart = find('uplot-chart', find('vs-ledger-chart')) as HTMLElement & {
      model: { curves: { id: string; max: Float64Array }[] };
    };
    expect(chart.model.curves.map(({ id }) => id)).toEqual([
      'requested',
      'rounding',
      'inactive_split',
      'releasable',
    ]);
    find('[data-curve=requested]', find('vs-ledger-chart')).click();
    await expect
      .poll(() => chart.model.curves.map(({ id }) => id))
      .toEqual(['rounding', 'inactive_split', 'releasable']);
    expect(told('vs-ledger-chart')).toContain('One part is left out of the stack.');
  });

  it('is a table on demand', async () => {
    const details = find('details', find('vs-ledger-chart')) as HTMLDetailsElement;
    expect(all('vs-table', find('vs-ledger-chart'))).toEqual([]);
    details.open = true;
    await expect.poll(() => told('vs-table', 'vs-ledger-chart')).toContain('Reserved: their sum');
  });
});

it('says why there is no ledger over time', async () => {
  await start((engine) =>
    engine.instead('ledgerColumns', ({ device, axis, range }) => {
      const why = 'The allocator could not be led along this recording to the byte.';
      const whole = range ?? { axis, from: 0, to: 1 };
      return Promise.resolve(ok({ device, range: whole, x: new Float64Array(0), parts: null, why }));
    }),
  );
  await expect.poll(() => told('vs-ledger-chart')).toContain('could not be led along this recording');
  expect(all('[role=slider]', find('vs-ledger-chart'))).toEqual([]);
});

describe('what is free', () => {
  it('is seen from the stream that is chosen', async () => {
    await start();
    await expect.poll(() => told('[data-part=own_large]')).toContain('Of stream 0');
    const choice = find('select', find('vs-diagnosis-ledger')) as HTMLSelectElement;
    choice.value = '7';
    choice.dispatchEvent(new Event('change'));
    await expect.poll(() => told('[data-part=own_large]')).toContain('Of stream 7');
  });
});

describe('what is pinned', () => {
  beforeEach(async () => {
    await start();
    await expect
      .poll(() => told('vs-pins'))
      .toContain('One block of 3 MiB keeps 1.2 GiB of free memory from being released');
  });

  it('shows the stack and the event of a row', async () => {
    button('vs-pins', 'forward model.py:97').click();
    await expect.poll(() => asked('moment').at(-1)).toBe('moment event 850');
    await expect
      .poll(() => told('vs-detail'))
      .toContain('forward model.py:97: 1 block of 3 MiB pins 1.2 GiB');
    expect(told('tr.open', 'vs-pins')).toContain('forward model.py:97');
  });

  it('is that of the peak, or of the event shown, on demand', async () => {
    button('vs-pins', 'At the peak').click();
    await expect.poll(() => told('vs-pins')).toContain('Just after event 700, where most was reserved.');
    expect(asked('pins')).toEqual(['pins 700']);
    expect(told('vs-pins')).toContain('5 MiB are free');
    button('vs-pins', 'At the event shown').click();
    await expect.poll(() => told('[role=status]', 'vs-pins')).toContain('Click the timeline first');
    button('vs-pins', 'At the end').click();
    await expect.poll(() => told('vs-pins')).toContain('3 GiB are free');
    expect(told('[role=status]', 'vs-pins')).toBe('');
  });

  it('says where the allocator could not be replayed', async () => {
    ledgers.told = null;
    button('vs-pins', 'At the peak').click();
    await expect.poll(() => told('[role=status]', 'vs-pins')).toContain('could not be replayed');
    expect(told('vs-pins')).toContain('3 GiB are free');
  });
});
