/** The replay panel in a real browser, with an engine made of code: what is asked when, and what is shown. */
import { afterEach, expect, it } from 'vitest';
import type { ReplayAnswer } from '../../src/engine/protocol.ts';
import type { VsReplay } from '../../src/ui/replay/vs-replay.ts';
import '../../src/ui/replay/vs-replay.ts';
import { MIB, replayAnswer } from '../view/replay/replay-for-test.ts';
import { ReplayingEngine } from './fake-replay.ts';

let engine: ReplayingEngine;
let panel: VsReplay;

async function open(answer: ReplayAnswer = replayAnswer()): Promise<void> {
  engine = new ReplayingEngine(answer);
  panel = document.createElement('vs-replay') as VsReplay;
  let job = 40;
  Object.assign(panel, { device: '0:0', api: () => Promise.resolve(engine), newJob: () => job++ });
  panel.style.width = '900px';
  document.body.append(panel);
  await expect.poll(seen).toMatch(/Replayed|Not replayed/);
}

afterEach(() => panel.remove());

/** Text on screen, shadow trees included; what is hidden left out. */
function textOf(node: Node): string {
  if (node instanceof Text) return node.data;
  if (node instanceof HTMLStyleElement) return '';
  if (node instanceof HTMLElement && !node.checkVisibility()) return '';
  const root = node instanceof Element && node.shadowRoot !== null ? node.shadowRoot : node;
  return [...root.childNodes].map(textOf).join(' ');
}
const seen = (): string =>
  textOf(panel)
    .replace(/\s+/g, ' ')
    .replace(/ (?=[.,;])/g, '');

function all<T extends Element>(selector: string, root: Element | ShadowRoot = panel): T[] {
  const inside = root instanceof Element ? (root.shadowRoot ?? root) : root;
  return [
    ...inside.querySelectorAll<T>(selector),
    ...[...inside.querySelectorAll('*')].flatMap((child) =>
      child.shadowRoot === null ? [] : all<T>(selector, child.shadowRoot),
    ),
  ];
}

const button = (label: string | RegExp): HTMLButtonElement => {
  const found = all<HTMLButtonElement>('button').find((one) => {
    const text = one.getAttribute('aria-label') ?? one.textContent.trim();
    return one.checkVisibility() && (typeof label === 'string' ? text === label : label.test(text));
  });
  if (found === undefined) throw new Error(`There is no button ${String(label)}.`);
  return found;
};
const field = (name: string): HTMLInputElement => all<HTMLInputElement>(`[name=${name}]`)[0];

function type(name: string, value: string): void {
  const input = field(name);
  input.value = value;
  input.dispatchEvent(new Event(input instanceof HTMLSelectElement ? 'change' : 'input', { bubbles: true }));
}

/** Settings that PyTorch takes are run once it has said so. */
async function run(): Promise<void> {
  await expect.poll(() => button(/^Replay with these settings$/).disabled).toBe(false);
  button(/^Replay with these settings$/).click();
}

it('says how well it matches before anything else', async () => {
  await open();
  expect(engine.asked).toEqual(['replay 0:0']);
  expect(seen()).toMatch(/^ ?Replay the allocator .*Replayed exactly\. All 3,179 requests/);
  expect(seen()).toContain('Recorded under the default settings.');
});

it('offers nothing where the model does not follow the recording', async () => {
  const fidelity = { ...replayAnswer().fidelity, unplaced: 3 };
  await open(replayAnswer({ faithful: false, fidelity }));
  expect(seen()).toContain('Not replayed. 3 events fit no state of the model');
  const controls = all<HTMLInputElement | HTMLButtonElement>('input, select, button[type=submit], .primary');
  expect(controls.length).toBeGreaterThan(8);
  expect(controls.filter(({ disabled }) => !disabled)).toEqual([]);
});

it('asks for nothing where there is nothing to replay, and says why', async () => {
  engine = new ReplayingEngine();
  engine.replay = () => Promise.resolve({ ok: false, error: NOTHING });
  panel = document.createElement('vs-replay') as VsReplay;
  Object.assign(panel, { device: '0:0', api: () => Promise.resolve(engine) });
  document.body.append(panel);
  await expect.poll(seen).toContain('Not offered: the file holds no history. Record it.');
  expect(all('input')).toEqual([]);
});

it('makes one string of the fields and fields of a string', async () => {
  await open();
  type('max_split_size_mb', '64');
  type('expandable_segments', 'True');
  await expect.poll(() => field('conf').value).toBe('expandable_segments:True,max_split_size_mb:64');
  await expect.poll(seen).toContain('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True,max_split_size_mb:64');
  type(
    'conf',
    'export PYTORCH_CUDA_ALLOC_CONF="garbage_collection_threshold:0.6, roundup_power2_divisions:[8:4]"',
  );
  await expect.poll(() => field('garbage_collection_threshold').value).toBe('0.6');
  expect(field('roundup_power2_divisions').value).toBe('[8:4]');
  expect(field('max_split_size_mb').value).toBe('');
  expect(field('expandable_segments').value).toBe('');
  button('Back to the recorded').click();
  await expect.poll(() => field('conf').value).toBe('');
  expect(field('garbage_collection_threshold').value).toBe('');
});

it("shows PyTorch's own error beside what to do, marks the field, and does not run it", async () => {
  await open();
  type('max_split_size_mb', '12');
  await expect.poll(seen).toContain('CachingAllocator option max_split_size_mb too small, must be >= 20');
  expect(seen()).toContain('write 20 or more');
  expect(field('max_split_size_mb').getAttribute('aria-invalid')).toBe('true');
  expect(field('large_segment_size_mb').getAttribute('aria-invalid')).toBe('false');
  expect(button('Replay with these settings').disabled).toBe(true);
  type('max_split_size_mb', '');
  await expect.poll(() => button('Replay with these settings').disabled).toBe(false);
});

it('runs what is asked for under the limits, and shows it beside the recording', async () => {
  await open();
  type('cap', '7000');
  type('max_split_size_mb', '32');
  panel.cursor = 123;
  await expect.poll(() => button('Add: after event 123')).not.toBeNull();
  button('Add: after event 123').click();
  await run();
  await expect.poll(seen).toContain('The reserved peak is 6.00 GiB instead of 8.00 GiB');
  expect(engine.queries).toHaveLength(1);
  expect(engine.queries[0]).toMatchObject({
    device: '0:0',
    settings: 'max_split_size_mb:32',
    cap: 7000 * MIB,
    capacity: null,
    emptyCacheAfter: [123],
    edits: [],
  });
  expect(engine.queries[0].curve?.columns).toBeGreaterThan(500);
  expect(seen()).toContain('under max_split_size_mb:32; at most 6.84 GiB; empty_cache() after event 123.');
  expect(seen()).toMatch(/Reserved, peak 8\.00 GiB 6\.00 GiB −2\.00 GiB −2,147,483,648 −25\.0/);
  await expect.poll(() => all('canvas').length).toBe(1);
});

it('starts from the limit that the recording met', async () => {
  await open(replayAnswer({ limitBounds: [4046 * MIB, 4100 * MIB] }));
  expect(field('cap').value).toBe('4046');
  await run();
  await expect.poll(() => engine.queries[0]?.cap).toBe(4046 * MIB);
});

it('keeps runs to compare; a row shows its run again, and runs can be forgotten', async () => {
  await open();
  await run();
  await expect.poll(() => engine.queries.length).toBe(1);
  type('max_split_size_mb', '64');
  await run();
  await expect.poll(seen).toContain('All runs');
  const rows = (): HTMLTableRowElement[] =>
    all<HTMLTableRowElement>('vs-replay-runs vs-table:last-of-type tbody tr');
  await expect
    .poll(() => all('tr.open').map((row) => row.textContent.includes('max_split_size_mb:64')))
    .toEqual([true]);
  button('the defaults').click();
  await expect.poll(seen).toContain('(25.0 %) less, under the defaults.');
  button('Forget the shown run').click();
  await expect.poll(seen).not.toContain('All runs');
  expect(rows().length).toBe(0);
  expect(seen()).toContain('under max_split_size_mb:64.');
});

it("keeps its charts' events to itself: the page's timeline is another one", async () => {
  await open();
  const heard: string[] = [];
  for (const name of ['chart-size', 'chart-hover', 'chart-pick'])
    document.body.addEventListener(name, () => heard.push(name), { once: true });
  await run();
  await expect.poll(() => all('canvas').length).toBe(1);
  const over = all<HTMLElement>('.u-over')[0];
  const box = over.getBoundingClientRect();
  over.dispatchEvent(
    new PointerEvent('pointermove', {
      clientX: box.left + 9,
      clientY: box.top + 9,
      bubbles: true,
      pointerId: 1,
    }),
  );
  await expect.poll(() => all('.u-over .hover').length).toBe(1);
  expect(heard).toEqual([]);
});

it('sweeps: progress, points, the winner as a line, a row to replay', async () => {
  await open();
  button('Sweep').click();
  await expect.poll(() => button('Start the sweep')).not.toBeNull();
  button('Start the sweep').click();
  await expect.poll(() => all('progress').length).toBe(1);
  await expect.poll(seen, { timeout: 5000 }).toContain('5 settings in 3.05 s with 2 workers.');
  expect(engine.asked).toContain('sweep 40 null');
  expect(seen()).toContain('A setting helps');
  expect(seen()).toContain('PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True');
  expect(seen()).toContain('The popular one makes it worse.');
  // One far away is left out at first.
  expect(all('svg.plot g').length).toBe(4);
  button('All settings').click();
  await expect.poll(() => all('svg.plot g').length).toBe(5);
  button('roundup_power2_divisions:8').click();
  await expect.poll(seen).toContain('roundup_power2_divisions:8: 7.00 GiB (7,516,192,768 bytes)');
  button('Replay it to compare').click();
  await expect.poll(() => engine.queries[0]?.settings).toBe('roundup_power2_divisions:8');
});

it('cancels a sweep and keeps the points that came, without a winner', async () => {
  await open();
  engine.settings = 1000;
  button('Sweep').click();
  await expect.poll(() => button('Start the sweep')).not.toBeNull();
  button('Start the sweep').click();
  await expect.poll(seen).toMatch(/[1-9]\d* of 1,000 settings/);
  button('Cancel the sweep').click();
  await expect.poll(seen).toMatch(/Cancelled after \d+ of 1,000 settings: there is no front and no winner\./);
  expect(engine.asked).toContain('cancel 40');
  expect(seen()).not.toContain('A setting helps');
  expect(all('svg.plot g').length).toBeGreaterThan(0);
  expect(button('Start the sweep').disabled).toBe(false);
});

it('a panel that goes away cancels its sweep', async () => {
  await open();
  engine.settings = 1000;
  button('Sweep').click();
  await expect.poll(() => button('Start the sweep')).not.toBeNull();
  button('Start the sweep').click();
  await expect.poll(seen).toMatch(/[1-9]\d* of 1,000 settings/);
  panel.remove();
  await expect.poll(() => engine.asked).toContain('cancel 40');
});

it('ranks sites, asks what freeing early saves, and replays what is ticked', async () => {
  await open();
  button('Allocation sites').click();
  await expect.poll(() => button('Rank the sites')).not.toBeNull();
  type('steps', '25');
  button('Rank the sites').click();
  await expect.poll(() => button('Rank again'), { timeout: 5000 }).not.toBeNull();
  expect(engine.queries.map(({ edits, curve }) => [edits, curve])).toEqual([
    [[{ site: { label: 'attention model.py:49' }, kind: 'shorten', steps: 25 }], null],
    [[{ site: { label: 'mlp model.py:53' }, kind: 'shorten', steps: 25 }], null],
  ]);
  expect(seen()).toMatch(/attention model\.py:49 3\.00 GiB 480 −4\.00 GiB −2\.00 GiB −2\.00 GiB/);
  expect(button('Replay the ticked changes').disabled).toBe(true);
  const tick = (label: string): void =>
    all<HTMLInputElement>('input[type=checkbox]')
      .find((one) => one.getAttribute('aria-label') === label)!
      .click();
  tick('Leave out attention model.py:49');
  tick('Halve the bytes of mlp model.py:53');
  await expect.poll(() => button('Replay the ticked changes').disabled).toBe(false);
  button('Replay the ticked changes').click();
  await expect.poll(() => engine.queries.length).toBe(3);
  expect(engine.queries[2].edits).toEqual([
    { site: { label: 'attention model.py:49' }, kind: 'drop' },
    { site: { label: 'mlp model.py:53' }, kind: 'shrink', factor: 0.5 },
  ]);
  await expect.poll(seen).toContain('without attention model.py:49; half the bytes of mlp model.py:53.');
  type('cap', '100');
  await expect.poll(seen).toContain('what was asked has changed since');
});

const NOTHING = {
  code: 'refused',
  message: 'the file holds no history',
  file: null,
  format: null,
  offset: null,
  advice: 'Record it.',
} as const;
