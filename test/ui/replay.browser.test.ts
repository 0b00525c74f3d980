/** The replay panel in a real browser, over the real engine: what is asked when, and what is shown. */
import { afterEach, expect, it } from 'vitest';
import type { WhatIfQuery } from '../../src/engine/protocol.ts';
import type { VsReplay } from '../../src/ui/replay/vs-replay.ts';
import '../../src/ui/replay/vs-replay.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';

const MIB = 2 ** 20;
/** 335 segments and 3,774 requests under the defaults, with stacks. */
const LEAK = 'samples/leak.pickle.gz';
/** Three streams; many settings make it worse. */
const WIDE = 'test/fixtures/allocator-truth/wide21_0.pickle.gz';
/** Ends in an out-of-memory error. */
const OOM = 'test/fixtures/snapshot/oom.pickle';
/** The same with addresses that the model does not give. */
const UNLED = 'test/fixtures/snapshot/oom.high.pickle';

let engine: EngineForTest;
let panel: VsReplay;
let device: string;

async function open(path = LEAK): Promise<void> {
  engine = new EngineForTest();
  await engine.api.start({ gpu: 'off' });
  const [source] = await engine.api.open(1, await fileAt(path), () => undefined);
  device = source.devices[0].key;
  panel = document.createElement('vs-replay') as VsReplay;
  let job = 40;
  Object.assign(panel, { device, api: () => Promise.resolve(engine.api), newJob: () => job++ });
  panel.style.width = '900px';
  document.body.append(panel);
  await expect.poll(seen).toMatch(/Replayed|Not replayed|Not offered/);
}

const asked = (): string[] => engine.asked.filter((one) => /^(replays|cancel)/.test(one));
const queries = (): WhatIfQuery[] => engine.given('replays.whatIf').map(([query]) => query);

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
  // The empty string of the form is judged; nothing is run.
  expect(asked()).toEqual(['replays.replay', 'replays.conf ']);
  expect(engine.given('replays.replay')).toEqual([[device]]);
  expect(seen()).toMatch(/^ ?Replay the allocator .*Replayed exactly\. All 3,774 requests/);
  expect(seen()).toContain('Recorded under the default settings.');
});

it('offers nothing where the model does not follow the recording', async () => {
  await open(UNLED);
  expect(seen()).toContain('Not replayed. 3 events fit no state of the model');
  const controls = all<HTMLInputElement | HTMLButtonElement>('input, select, button[type=submit], .primary');
  expect(controls.length).toBeGreaterThan(8);
  expect(controls.filter(({ disabled }) => !disabled)).toEqual([]);
});

it('asks for nothing where there is nothing to replay, and says why', async () => {
  await open('test/fixtures/field/U05-state-only-empty-segments.pickle');
  expect(seen()).toContain(
    'Not offered: there are no allocations to replay: the file holds no history. Call torch.cuda.memory._record_memory_history()',
  );
  expect(all('input')).toEqual([]);
  expect(asked()).toEqual(['replays.replay']);
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
  type('expandable_segments', 'True');
  panel.cursor = 123;
  await expect.poll(() => button('Add: after event 123')).not.toBeNull();
  button('Add: after event 123').click();
  await run();
  await expect.poll(seen).toContain('The reserved peak is 1.4 GiB instead of 1.46 GiB');
  expect(queries()).toHaveLength(1);
  expect(queries()[0]).toMatchObject({
    device,
    settings: 'expandable_segments:True',
    cap: 7000 * MIB,
    capacity: null,
    emptyCacheAfter: [123],
    edits: [],
  });
  expect(queries()[0].curve?.columns).toBeGreaterThan(500);
  expect(seen()).toContain(
    'under expandable_segments:True; at most 6.84 GiB; empty_cache() after event 123.',
  );
  expect(seen()).toMatch(/Reserved, peak 1\.46 GiB 1\.4 GiB −64 MiB −67,108,864 −4\.3/);
  await expect.poll(() => all('canvas').length).toBe(1);
});

it('starts from the limit that the recording met', async () => {
  await open(OOM);
  expect(field('cap').value).toBe('4046');
  await run();
  await expect.poll(() => queries()[0]?.cap).toBe(4046 * MIB);
});

it('keeps runs to compare; a row shows its run again, and runs can be forgotten', async () => {
  await open();
  await run();
  await expect.poll(() => queries().length).toBe(1);
  type('expandable_segments', 'True');
  await run();
  await expect.poll(seen).toContain('All runs');
  expect(seen()).toContain('(4.3 %) less, under expandable_segments:True.');
  const rows = (): HTMLTableRowElement[] =>
    all<HTMLTableRowElement>('vs-replay-runs vs-table:last-of-type tbody tr');
  await expect
    .poll(() => all('tr.open').map((row) => row.textContent.includes('expandable_segments:True')))
    .toEqual([true]);
  button('the defaults').click();
  await expect.poll(seen).toContain('stays the same, 1.46 GiB to the byte, under the defaults.');
  button('Forget the shown run').click();
  await expect.poll(seen).not.toContain('All runs');
  expect(rows().length).toBe(0);
  expect(seen()).toContain('under expandable_segments:True.');
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
  await open(WIDE);
  button('Sweep').click();
  await expect.poll(() => button('Start the sweep')).not.toBeNull();
  button('Start the sweep').click();
  await expect.poll(() => all('progress').length).toBe(1);
  await expect.poll(seen, { timeout: 30_000 }).toMatch(/243 settings in [\d.]+ m?s with 1 worker\./);
  expect(engine.given('replays.sweep')[0][0]).toEqual({ job: 40, device, cap: null, capacity: null });
  expect(seen()).toContain('A setting helps');
  expect(seen()).toContain(
    "PYTORCH_CUDA_ALLOC_CONF='expandable_segments:True,roundup_power2_divisions:[8:8]'",
  );
  expect(seen()).toContain('The popular max_split_size_mb:128 makes it worse: 8.32 GiB');
  // Those far away are left out at first.
  const near = all('svg.plot g').length;
  expect(seen()).toContain('172 settings cost more and lie beyond.');
  button('All settings').click();
  await expect.poll(() => all('svg.plot g').length).toBe(near + 172);
  button('expandable_segments:True').click();
  await expect.poll(seen).toContain('expandable_segments:True: 5.12 GiB (5,494,538,240 bytes)');
  button('Replay it to compare').click();
  await expect.poll(() => queries()[0]?.settings).toBe('expandable_segments:True');
});

it('cancels a sweep and keeps the points that came, without a winner', async () => {
  await open(WIDE);
  button('Sweep').click();
  await expect.poll(() => button('Start the sweep')).not.toBeNull();
  button('Start the sweep').click();
  await expect.poll(seen).toMatch(/[1-9]\d* of \d+ settings/);
  button('Cancel the sweep').click();
  await expect.poll(seen).toMatch(/Cancelled after \d+ of \d+ settings: there is no front and no winner\./);
  expect(asked()).toContain('cancel 40');
  expect(seen()).not.toContain('A setting helps');
  expect(all('svg.plot g').length).toBeGreaterThan(0);
  expect(button('Start the sweep').disabled).toBe(false);
});

it('a panel that goes away cancels its sweep', async () => {
  await open(WIDE);
  button('Sweep').click();
  await expect.poll(() => button('Start the sweep')).not.toBeNull();
  button('Start the sweep').click();
  await expect.poll(seen).toMatch(/[1-9]\d* of \d+ settings/);
  panel.remove();
  await expect.poll(asked).toContain('cancel 40');
});

it('ranks sites, asks what freeing early saves, and replays what is ticked', async () => {
  await open();
  button('Allocation sites').click();
  await expect.poll(() => button('Rank the sites')).not.toBeNull();
  type('steps', '25');
  button('Rank the sites').click();
  await expect.poll(() => button('Rank again'), { timeout: 5000 }).not.toBeNull();
  const early = queries().map(({ edits, curve }) => [edits, curve]);
  expect(early).toHaveLength(10);
  expect(early.slice(0, 2)).toEqual([
    [[{ site: { label: 'attention  rec/record.py:49' }, kind: 'shorten', steps: 25 }], null],
    [[{ site: { label: 'mlp  rec/record.py:53' }, kind: 'shorten', steps: 25 }], null],
  ]);
  expect(seen()).toMatch(/attention rec\/record\.py:49 480 MiB 800 −528 MiB −256 MiB −[\d.]+ MiB/);
  expect(button('Replay the ticked changes').disabled).toBe(true);
  const tick = (label: string): void =>
    all<HTMLInputElement>('input[type=checkbox]')
      .find((one) => one.getAttribute('aria-label') === label)!
      .click();
  tick('Leave out attention  rec/record.py:49');
  tick('Halve the bytes of mlp  rec/record.py:53');
  await expect.poll(() => button('Replay the ticked changes').disabled).toBe(false);
  button('Replay the ticked changes').click();
  await expect.poll(() => queries().length).toBe(11);
  expect(queries()[10].edits).toEqual([
    { site: { label: 'attention  rec/record.py:49' }, kind: 'drop' },
    { site: { label: 'mlp  rec/record.py:53' }, kind: 'shrink', factor: 0.5 },
  ]);
  await expect
    .poll(seen)
    .toContain('without attention rec/record.py:49; half the bytes of mlp rec/record.py:53.');
  type('cap', '100');
  await expect.poll(seen).toContain('what was asked has changed since');
});
