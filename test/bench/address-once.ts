/**
 * Steps through the address map of one snapshot as keys do, and prints one JSON line: milliseconds of the first map (lives,
 * segments, sizes of blocks, groups are made; the allocator is led along the recording), of a step to the next event
 * and of a jump to any row (median, 95th percentile), of the pictures of addresses and of free blocks over time.
 */
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { AddressMapAnswer } from '../../src/engine/protocol.ts';

const STEPS = 200;

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

const engine = new Engine();
await engine.start({ gpu: 'off' });
const { sources } = sourcesAt(process.argv[2]);
const [source] = await engine.open(1, sources[0], () => undefined);
const [device] = source.devices;

async function timed(work: () => Promise<{ readonly ok: boolean }>): Promise<number> {
  const begun = performance.now();
  if (!(await work()).ok) throw new Error('the question failed');
  return performance.now() - begun;
}

let last: AddressMapAnswer | null = null;
const map = (row: number) => async (): Promise<{ readonly ok: boolean }> => {
  const answer = await engine.addressMap({
    device: device.key,
    row,
    addresses: null,
    colour: 'line',
    filter: '',
  });
  if (answer.ok) last = answer.value;
  return answer;
};
const picture = { device: device.key, range: null, axis: 'event', columns: 400 } as const;

const result: Record<string, number> = { rows: device.rows, firstMs: await timed(map(device.rows - 1)) };
const stepped: number[] = [];
const jumped: number[] = [];
let [blocks, segments] = [0, 0];
for (let i = 0; i < STEPS; i++) {
  stepped.push(await timed(map(Math.floor(device.rows * 0.6) + i)));
  blocks = Math.max(blocks, last!.totals.blocks);
  segments = Math.max(segments, last!.totals.segments);
}
for (let i = 0; i < STEPS; i++) jumped.push(await timed(map((i * 7919) % device.rows)));
Object.assign(result, {
  blocks,
  segments,
  stepMs: quantile(stepped, 0.5),
  stepP95: quantile(stepped, 0.95),
  jumpMs: quantile(jumped, 0.5),
  jumpP95: quantile(jumped, 0.95),
  addressTimeMs: await timed(() => engine.addressTime({ ...picture, rows: 96 })),
  freeTimeFirstMs: await timed(() => engine.freeTime(picture)),
  freeTimeMs: await timed(() => engine.freeTime(picture)),
});
console.log(JSON.stringify(result));
