/** The diagnosis on the page, over the real engine with findings of the test's own: when it comes, what it says, where a click on it leads. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fail, ok } from '../../src/base/result.ts';
import type { EngineApi } from '../../src/engine/engine-api.ts';
import type { Diagnosis } from '../../src/engine/protocol.ts';
import type { VramScope } from '../../src/ui/vram-scope.ts';
import '../../src/ui/vram-scope.ts';
import { deviceDiagnosis, diagnosis, finding, holders } from '../view/diagnosis/diagnosis-for-test.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';
import { toldOfDevice } from './told-of-device.ts';

type Answer = Awaited<ReturnType<EngineApi['diagnosis']>>;

/** The diagnosis is the test's, and comes when the test lets it. */
class Diagnosing {
  readonly engine = new EngineForTest();
  private waiting: ((answer: Answer) => void)[] = [];

  constructor() {
    this.engine.instead('diagnosis', () => new Promise((resolve) => this.waiting.push(resolve)));
  }

  answer(told: Answer): void {
    for (const resolve of this.waiting.splice(0)) resolve(told);
  }

  says(changes: Partial<Diagnosis> = {}): void {
    this.answer(ok(toldOfDevice(diagnosis(changes))));
  }
}

let engine: Diagnosing;
let scope: VramScope;

const all = (selector: string, root: Element | ShadowRoot = scope): HTMLElement[] => allIn(root, selector);

function find(selector: string): HTMLElement {
  const [found] = all(selector);
  if (found === undefined) throw new Error(`Nothing on the page is ${selector}.`);
  return found;
}

const told = (selector = 'vs-diagnosis'): string =>
  all(selector).map(textOf).join(' ').replace(/\s+/g, ' ').trim();
const asked = (what: string): string[] => engine.engine.askedFor(what);
const button = (words: string): HTMLElement => {
  const found = all('button').find((one) => textOf(one).replace(/\s+/g, ' ').trim() === words);
  if (found === undefined) throw new Error(`There is no button "${words}".`);
  return found;
};
/** 1,223 events over 3.5 s. */
const open = async (name: string): Promise<void> =>
  scope.openFiles([await fileAt('test/fixtures/growth-truth/algorithms_tried.pickle.gz', name)]);

beforeEach(async () => {
  engine = new Diagnosing();
  scope = document.createElement('vram-scope');
  scope.engine = engine.engine.api;
  scope.style.width = '1280px';
  document.body.append(scope);
  await open('leak.pickle');
  await expect.poll(() => asked('timeline').length).toBeGreaterThan(0);
});

afterEach(() => {
  scope.remove();
  // The unit that a test chose is remembered.
  localStorage.clear();
});

describe('while it is worked out', () => {
  it('the page is there already, and says that it comes', async () => {
    await expect.poll(() => told()).toBe('Diagnosis Diagnosing…');
    expect(all('vs-diagnosis progress')).toEqual([]);
    expect(find('progress').getAttribute('aria-label')).toBe('Diagnosing');
    expect(all('vs-timeline').length).toBeGreaterThan(0);
    engine.says();
    await expect.poll(() => told()).toContain('What grows?');
    expect(told()).not.toContain('Diagnosing');
    expect(all('progress')).toEqual([]);
  });

  it('closing the file drops its answer', async () => {
    await expect.poll(() => told()).toContain('Diagnosing');
    button('Close file').click();
    engine.says();
    await expect.poll(() => all('vs-diagnosis')).toEqual([]);
    expect(asked('diagnosis')).toHaveLength(1);
    await open('again.pickle');
    await expect.poll(() => told()).toContain('Diagnosing');
    expect(told()).not.toContain('What grows?');
  });

  it('another file keeps the answer there is, and asks again', async () => {
    engine.says();
    await expect.poll(() => told()).toContain('What grows?');
    await open('second.pickle');
    await expect.poll(() => asked('diagnosis')).toHaveLength(2);
    expect(told()).toContain('Diagnosing');
    expect(told()).toContain('What grows?');
    engine.says({ findings: [holders()] });
    await expect.poll(() => told()).not.toContain('Diagnosing');
  });
});

it('an error is shown, and the page stays', async () => {
  engine.answer(
    fail({
      code: 'internal',
      message: 'The rule broke.',
      file: null,
      format: null,
      offset: null,
      advice: null,
    }),
  );
  await expect.poll(() => told()).toContain('The rule broke.');
  expect(told()).not.toContain('Nothing to report');
  expect(all('vs-timeline').length).toBeGreaterThan(0);
});

describe('nothing to report', () => {
  it('is said where the diagnosis has no finding', async () => {
    engine.says({ findings: [], devices: [] });
    await expect.poll(() => told()).toBe('Diagnosis Nothing to report.');
  });

  it('does not take the answers away', async () => {
    engine.says({ findings: [], devices: [deviceDiagnosis({ conclusion: null, growth: [], ledgers: [] })] });
    await expect.poll(() => told()).toContain('Nothing to report.');
    expect(told()).toContain('Who holds the memory? Not known');
    expect(told()).toContain('Will it keep growing? Cannot tell');
    expect(told()).toContain('How do I get it back? Nothing found');
  });
});

describe('the findings', () => {
  beforeEach(async () => {
    engine.says();
    await expect.poll(() => told()).toContain('What grows?');
  });

  it('say how much they matter in a word beside a shape', () => {
    expect(all('vs-finding').map((one) => textOf(one).trim().split(/\s+/)[0])).toEqual(['Problem', 'Note']);
    expect(all('vs-finding svg').length + all('.severity svg').length).toBeGreaterThanOrEqual(2);
  });

  it('have numbers in the unit of the user', async () => {
    expect(told('vs-finding')).toContain('gives back 128 MiB');
    button('GB').click();
    await expect.poll(() => told('vs-finding')).toContain('gives back 134 MB');
  });

  it('open the view at their window, with the stack', async () => {
    const before = asked('timeline').length;
    button('append_output (serve.py:41): 32 MiB per iteration in 64 allocations.').click();
    await expect.poll(() => told('vs-detail')).toContain('growth_truth.py');
    expect(told('vs-detail')).toContain('append_output (serve.py:41)');
    // Rows 120 to 850: the range is theirs, the timeline shows it, the event is pinned.
    await expect.poll(() => told('.range')).toMatch(/Chosen range: .* 731 events/);
    await expect.poll(() => asked('timeline').length).toBeGreaterThan(before);
    expect(all('.pinned').length).toBeGreaterThan(0);
    button('Show event 850').click();
    await expect.poll(() => told('vs-detail')).toContain('event 850');
  });

  it('open the view at their moment', async () => {
    button('forward (model.py:103): 512.00 MiB in 60 allocations.').click();
    await expect.poll(() => told('vs-detail')).toContain('forward (model.py:103)');
    expect(asked('moment event 700')).not.toEqual([]);
    expect(told('.range')).toContain('Whole recording');
  });

  it('mean the same window on the axis of events', async () => {
    button('Events').click();
    await expect.poll(() => asked('timeline event').length).toBeGreaterThan(0);
    button('4 iterations found.').click();
    await expect.poll(() => told('.range')).toContain('Chosen range: events 100 to 900');
  });

  it('reach the clipboard with what can be run', async () => {
    await open('second.pickle');
    const remedy = 'PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True';
    engine.says({ findings: [finding({ remedy: `\`${remedy}\`` })] });
    const copy = `button[aria-label="Copy ${remedy}"]`;
    await expect.poll(() => all(copy).length).toBeGreaterThan(0);
    const copied: string[] = [];
    const write = navigator.clipboard.writeText.bind(navigator.clipboard);
    navigator.clipboard.writeText = (text) => Promise.resolve(void copied.push(text));
    try {
      find(copy).click();
      await expect.poll(() => told('vs-finding-code')).toContain('Copied');
    } finally {
      navigator.clipboard.writeText = write;
    }
    expect(copied).toEqual([remedy]);
  });
});

describe('growth', () => {
  beforeEach(async () => {
    engine.says();
    await expect.poll(() => told('vs-growth')).toContain('4 iterations');
  });

  it('has a verdict and a line for each series', () => {
    expect(all('[data-series]').map((one) => one.dataset['series'])).toEqual([
      'allocated',
      'active',
      'reserved',
    ]);
    expect(told('[data-series="reserved"]')).toContain('Grows on 32 MiB per iteration');
    expect(all('polyline')).toHaveLength(3);
    expect(find('.chart').getAttribute('aria-label')).toContain('Reserved from 40 MiB to 160 MiB');
  });

  it('opens the window of an iteration', async () => {
    const [row] = all('vs-growth-tables')
      .flatMap((one) => all('tbody button', one.shadowRoot ?? one))
      .slice(1);
    row.click();
    await expect.poll(() => told('.range')).toMatch(/Chosen range: .* 200 events/);
  });

  it('marks where iterations begin, and can be told not to', async () => {
    // On the fragmentation below, too: the charts share their axis.
    const marks = (): number => all('.mark.iteration').length / all('vs-timeline').length;
    const chart = find('vs-timeline') as HTMLElement & { iterations: readonly number[] };
    // More than a quarter of the time is one idle stretch: events are the axis until time is chosen.
    await expect.poll(() => chart.iterations).toEqual([100, 300, 500, 700, 900]);
    button('Time').click();
    await expect.poll(() => chart.iterations).toEqual([1e8, 3e8, 5e8, 7e8, 9e8]);
    await expect.poll(marks).toBe(5);
    button('Iterations').click();
    await expect.poll(marks).toBe(0);
    expect(button('Iterations').getAttribute('aria-pressed')).toBe('false');
  });
});

describe('the ledger', () => {
  beforeEach(async () => {
    engine.says();
    await expect.poll(() => told('vs-ledger')).toContain('Live (requested)');
  });

  it('is that of the end, and of the peak on demand', async () => {
    expect(told('[data-part="requested"]')).toBe('Live (requested) 600 MiB 58.6 %');
    expect(told('tfoot')).toContain('Sum 1 GiB');
    button('At the peak').click();
    await expect.poll(() => told('tfoot')).toContain('Sum 2 GiB');
    expect(told('vs-diagnosis-ledger')).toContain('Just after event 700, where most was reserved.');
  });

  it('shows its moment on the timeline', async () => {
    button('At the peak').click();
    await expect.poll(() => told('tfoot')).toContain('2 GiB');
    button('Show this moment').click();
    await expect.poll(() => told('vs-detail')).toContain('event 700');
  });
});

it('the quality of the recording is a line', async () => {
  engine.says();
  await expect
    .poll(() => told('.quality summary'))
    .toMatch(/^Figures: certain ?, recorded from the start ?, every live byte has its stack/);
});
