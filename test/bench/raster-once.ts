/**
 * Asks for the picture of all allocations of one snapshot as the wheel and the hand do, and prints one JSON line:
 * milliseconds of the first one (lives, groups, totals are made), and of those after it (median, 95th percentile), at
 * 1,000 columns of 400 pixels; of the whole recording; and the most lives that are open at once.
 */
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { RasterAnswer, StackOrder } from '../../src/engine/protocol.ts';

const STEPS = 24;

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

const engine = new Engine();
await engine.start({ gpu: 'off' });
const { sources } = sourcesAt(process.argv[2]);
const [source] = await engine.open(1, sources[0], () => undefined);
const [device] = source.devices;

async function step(from: number, to: number, order: StackOrder): Promise<RasterAnswer> {
  const range = { axis: 'event', from, to } as const;
  const answer = await engine.raster({
    device: device.key,
    range,
    axis: 'event',
    columns: 1000,
    rows: 400,
    bytes: null,
    filter: '',
    order,
    by: 'line',
  });
  if (!answer.ok) throw new Error(answer.error.message);
  return answer.value;
}

const timed = async (from: number, to: number, order: StackOrder): Promise<number> => {
  const begun = performance.now();
  await step(from, to, order);
  return performance.now() - begun;
};

const firstMs = await timed(0, device.rows, 'age');
const { all, open } = await step(0, device.rows, 'age');
const result: Record<string, number> = {
  rows: device.rows,
  allocations: all,
  mostOpen: open.reduce((a, b) => Math.max(a, b), 0),
  firstMs,
};
for (const order of ['age', 'size', 'line'] as const) {
  await step(0, device.rows, order);
  const whole: number[] = [];
  const zoomed: number[] = [];
  for (let i = 0; i < STEPS; i++) {
    whole.push(await timed(0, device.rows, order));
    const length = device.rows * 0.8 ** (i % 12);
    const from = Math.floor((device.rows - length) * 0.66);
    zoomed.push(await timed(from, Math.floor(from + length), order));
  }
  const name = order === 'age' ? '' : `_${order}`;
  result[`whole_p50${name}`] = quantile(whole, 0.5);
  result[`zoom_p50${name}`] = quantile(zoomed, 0.5);
  result[`zoom_p95${name}`] = quantile(zoomed, 0.95);
}
console.log(JSON.stringify(result));
