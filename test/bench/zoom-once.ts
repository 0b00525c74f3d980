/**
 * Zooms into one snapshot as the wheel does and prints one JSON line: milliseconds (median, 95th percentile) of a step's
 * two answers, the curves and the ledger over time, at 1,150 pixel columns; and of looking at every row of the range
 * for the same curves, which is what an answer costs that keeps nothing (taken in turn with ours).
 */
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import { reducePixelColumns } from '../../src/kernel/pixel-columns.cpu.ts';

const COLUMNS = 1150;
const STEPS = 24;

const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];

const engine = new Engine();
await engine.start({ gpu: 'off' });
const { sources } = sourcesAt(process.argv[2]);
const [source] = await engine.open(1, sources[0], () => undefined);
const [device] = source.devices;
const series = device.series.map(({ id }) => id);
/** Stands for a curve: as many words, falling and rising. */
const words = new Uint32Array(2 * device.rows);
for (let i = 0; i < device.rows; i++) words[2 * i] = (i * 2654435761) >>> 8;

const first = performance.now();
await step(0, device.rows);
const firstMs = performance.now() - first;

async function step(from: number, to: number): Promise<void> {
  const range = { axis: 'event', from, to } as const;
  const asked = { device: device.key, range, axis: 'event', columns: COLUMNS } as const;
  const curves = await engine.timeline({ ...asked, series });
  const ledger = await engine.ledgerColumns(asked);
  if (!curves.ok || !ledger.ok) throw new Error('a question was not answered');
}

const ours: number[] = [];
const theirs: number[] = [];
for (let i = 0; i < STEPS; i++) {
  // Every step shows less, around two thirds of the recording.
  const length = device.rows * 0.8 ** (i % 12);
  const from = Math.floor((device.rows - length) * 0.66);
  const to = Math.floor(from + length);
  let begun = performance.now();
  await step(from, to);
  ours.push(performance.now() - begun);
  const offsets = Uint32Array.from({ length: COLUMNS + 1 }, (_, c) =>
    Math.floor(from + ((to - from) * c) / COLUMNS),
  );
  begun = performance.now();
  for (let curve = 0; curve < series.length; curve++) reducePixelColumns(words, offsets);
  theirs.push(performance.now() - begun);
}
console.log(
  JSON.stringify({
    rows: device.rows,
    curves: series.length,
    firstMs,
    p50: quantile(ours, 0.5),
    p95: quantile(ours, 0.95),
    floorMs: quantile(theirs, 0.5),
  }),
);
