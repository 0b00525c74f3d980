/**
 * What charts are called holds figures of the recording, to be compared with the JSON, and never those that a pointer
 * happens to be over. Real files, the real engine.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { formatBytes } from '../../src/base/units.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import type { VramScope } from '../../src/ui/vram-scope.ts';
import '../../src/ui/vram-scope.ts';
import { EngineForTest } from './engine-for-test.ts';
import { fileAt } from './fixture-file.ts';
import { allIn } from './shadow-tree.ts';

let scope: VramScope;

async function start(path: string, name: string): Promise<Analysis> {
  scope = document.createElement('vram-scope');
  scope.engine = new EngineForTest().api;
  scope.style.width = '1280px';
  document.body.append(scope);
  await scope.openFiles([await fileAt(path, name)]);
  await scope.whenIdle();
  return await scope.analysis;
}

afterEach(() => {
  scope.remove();
  localStorage.clear();
});

const below = (selector: string): HTMLElement[] => allIn(scope, selector);
const nameOf = (element: Element): string => element.getAttribute('aria-label') ?? '';
const spoken = (element: Element): string =>
  `${nameOf(element)} ${element.getAttribute('aria-valuetext') ?? ''} ${element.getAttribute('aria-valuenow') ?? ''}`;
/** Names, and values of sliders, of everything that is drawn, and the names of the curves beside it. */
const names = (): string[] =>
  [...below('[role=img]'), ...below('[role=slider]'), ...below('.legend button')].map(spoken);

async function pointAt(share: number): Promise<void> {
  for (const over of below('.u-over')) {
    const box = over.getBoundingClientRect();
    const at = { clientX: box.left + share * box.width, clientY: box.top + 20 };
    over.dispatchEvent(new PointerEvent('pointermove', { ...at, pointerId: 1, bubbles: true }));
  }
  await scope.whenIdle();
}

describe('names of charts', () => {
  it('hold what the JSON says of the end and of the peak, with the pointer elsewhere', async () => {
    const { devices } = await start('samples/train.pickle.gz', 'train.pickle.gz');
    const stats = devices[0].memory_stats;
    const before = names();
    await pointAt(0.3);
    // The pointer is there: the line, and what the legend shows to the eye, moved.
    expect(below('.hover').length).toBeGreaterThan(1);
    const chart = below('[role=img]')
      .map(nameOf)
      .find((name) => name.startsWith('Memory over time'));
    for (const [label, key] of [
      ['Reserved', 'reserved_bytes'],
      ['Allocated', 'allocated_bytes'],
      ['Requested', 'requested_bytes'],
    ]) {
      const said = (which: string): string => formatBytes(Number(stats[`${key}.all.${which}`]), 'binary');
      expect(chart).toContain(`${label} ${said('current')} at the end, highest ${said('peak')}`);
    }
    const slider = below('[role=slider]')[0].getAttribute('aria-valuetext');
    expect(slider).toContain(
      `${formatBytes(Number(stats['reserved_bytes.all.current']), 'binary')} reserved.`,
    );
    expect(names()).toEqual(before);
    // It can fail: what the eye sees under the pointer is another figure.
    const seen = below('.legend button[data-curve=reserved] .value')[0]?.textContent;
    expect(seen).not.toBe(formatBytes(Number(stats['reserved_bytes.all.current']), 'binary'));
  });

  it.each([
    ['test/fixtures/nsys-forms/pools.json', 'pools.json'],
    ['test/fixtures/nvidia-smi/query.csv', 'query.csv'],
    ['samples/serve.summaries.log.gz', 'serve.summaries.log.gz'],
  ])('of %s stay as they are wherever the pointer is', async (path, name) => {
    await start(path, name);
    const before = names();
    expect(before.length).toBeGreaterThan(1);
    await pointAt(0.3);
    expect(names()).toEqual(before);
  });

  it('of a log of summaries hold the last and the highest figure that was printed', async () => {
    const { summaries } = await start('samples/serve.summaries.log.gz', 'serve.summaries.log.gz');
    const reserved = summaries.map(({ rows }) => Number(rows['GPU reserved memory'].all.current));
    const [chart] = below('[role=img]').map(nameOf);
    const [last, most] = [reserved.at(-1) ?? 0, Math.max(...reserved)].map((one) =>
      formatBytes(one, 'binary'),
    );
    expect(chart).toContain(`Reserved ${last} at the end, highest ${most}`);
  });
});
