/** What newer versions of PyTorch write, in a real browser over the real engine: an event's panel, and the host's page. */
import { afterEach, expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { VsDevice } from '../../src/ui/device/vs-device.ts';
import '../../src/ui/device/vs-device.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn, textOf } from './shadow-tree.ts';

let page: VsDevice;
const seen = (): string => textOf(page).replace(/\s+/g, ' ');

async function show(device: number): Promise<void> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const file = await fileAt('test/fixtures/snapshot/torch214.unknown.pickle');
  const [source] = await engine.open(1, file, () => undefined);
  const { api } = new EngineForTest(engine);
  page = document.createElement('vs-device') as VsDevice;
  Object.assign(page, {
    source,
    device: source.devices.find((one) => one.device === device),
    api: () => Promise.resolve(api),
  });
  page.style.width = '1200px';
  document.body.append(page);
  await expect.poll(() => page.shadowRoot?.querySelector('vs-histograms')).not.toBeNull();
  await expect.poll(seen).toContain('in classes that double');
}

/** A click at the left end of the timeline. */
function clickFirst(): void {
  const [over] = allIn(page, '.u-over');
  const box = over.getBoundingClientRect();
  // A pointer that is not down cannot be captured: events here are made by hand.
  over.setPointerCapture = () => undefined;
  for (const type of ['pointerdown', 'pointerup'])
    over.dispatchEvent(
      new PointerEvent(type, {
        clientX: box.left,
        clientY: box.top + 40,
        bubbles: true,
        cancelable: true,
        pointerId: 1,
        button: 0,
      }),
    );
}

afterEach(() => page.remove());

it('an event tells its pool, metadata, annotations, forward pass and an action of its own', async () => {
  await show(0);
  clickFirst();
  await expect.poll(seen).toContain(', event 0');
  const step = async (words: RegExp): Promise<void> => {
    for (let i = 0; i < 40 && !words.test(seen()); i++) {
      const [, row] = /, event (\d+) /.exec(seen())!;
      page.act('next-event');
      await expect.poll(seen).toContain(`, event ${Number(row) + 1} `);
    }
    expect(seen()).toMatch(words);
  };
  await step(/defragment, event \d+/);
  expect(seen()).toContain('Action in the file');
  await step(/Metadata of the program request 7/);
  expect(seen()).toMatch(/Noted at event \d+ saved for backward/);
  expect(seen()).toMatch(/Forward pass, innermost first forward \S*model\.py:33/);
  expect(seen()).toContain('Private pool none');
  await step(/Private pool \(0, 1\)/);
  await step(/Compiled region Torch-Compiled Region: 0\/0/);
  expect(seen()).toContain('Private pool (300, 0)');
});

it('the host has a page of its own: pinned, in use, who holds it, and nothing that only a GPU has', async () => {
  await show(-1);
  await expect.poll(seen).toContain('Who holds it');
  expect(seen()).toContain('In use, or waiting for a copy');
  expect(seen()).toContain('Bytes of the blocks that were given');
  expect(seen()).toContain('What PyTorch had pinned at the end of the range');
  expect(seen()).toContain('run/data.py:25');
  expect(seen()).not.toContain('Fragmentation');
  expect(page.shadowRoot?.querySelector('vs-replay')).toBeNull();
});
