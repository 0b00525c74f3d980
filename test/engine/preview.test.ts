/** The first picture: there before the source is, and the same to the byte as the timeline that comes later. */
import { expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { Progress, SourceView } from '../../src/engine/protocol.ts';
import { BytesSource } from '../read/open-for-test.ts';
import { fixtureBytes } from '../read/snapshot/fixtures.ts';

async function opened(
  name: string,
): Promise<{ engine: Engine; source: SourceView; told: readonly Progress[]; before: boolean }> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const told: Progress[] = [];
  let done = false;
  let before = true;
  const [source] = await engine
    .open(1, new BytesSource(name, fixtureBytes(name)), (progress) => {
      told.push(progress);
      if (progress.preview !== undefined) before &&= !done;
    })
    .finally(() => (done = true));
  return { engine, source, told, before };
}

it('comes before the source, once for a device, with the curves that need no replay', async () => {
  const { engine, source, told, before } = await opened('oom.pickle');
  const previews = told.flatMap(({ preview }) => preview ?? []);
  expect(before).toBe(true);
  expect(previews.map(({ device, rows }) => ({ device, rows }))).toEqual(
    source.devices.map(({ device, rows }) => ({ device, rows })),
  );
  const [{ answer, series }] = previews;
  expect(series.map(({ id, exact }) => [id, exact])).toEqual([
    ['reserved', true],
    ['requested', true],
  ]);
  const later = await engine.timeline({
    device: source.devices[0].key,
    series: ['reserved', 'requested'],
    range: null,
    axis: 'time',
    columns: answer.x.length,
  });
  if (!later.ok) throw new Error(later.error.message);
  expect({ ...answer, ranOn: null }).toEqual({ ...later.value, ranOn: null });
});

it('is of nothing where there is no recording', async () => {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const told: Progress[] = [];
  const text = new TextEncoder().encode(
    'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.',
  );
  await engine.open(1, new BytesSource('oom.txt', text), (progress) => told.push(progress));
  expect(told.length).toBeGreaterThan(0);
  expect(told.filter(({ preview }) => preview !== undefined)).toEqual([]);
});
