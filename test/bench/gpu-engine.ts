/**
 * The whole engine on a real GPU against itself on the CPU, over real recordings: node gpu-engine.mjs FILE...
 * with Dawn's module in $DAWN. Every answer must be equal, number for number; times are medians of the same
 * questions asked again and again, as zooming and panning does. Prints one line a file, exits 1 on a difference.
 */
import { createRequire } from 'node:module';
import { sourceAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { GpuMode, SourceView } from '../../src/engine/protocol.ts';

interface Dawn {
  create(options: string[]): GPU;
  globals: Record<string, unknown>;
}

const dawn = createRequire(import.meta.url)(process.env['DAWN'] ?? '') as Dawn;
Object.assign(globalThis, dawn.globals);
const gpu = dawn.create([
  'enable-dawn-features=allow_unsafe_apis',
  'disable-dawn-features=timestamp_quantization',
]);
Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
Object.defineProperty(globalThis, 'isSecureContext', { value: true, configurable: true });

const ZOOMS = 24;
const COLUMNS = 1200;

async function open(
  mode: GpuMode,
  path: string,
): Promise<{ engine: Engine; view: SourceView; openMs: number }> {
  const engine = new Engine();
  const status = await engine.start({ gpu: mode });
  if (mode === 'on') console.log(`  ${status.gpu}: ${status.adapter}`);
  const source = sourceAt(path);
  const started = performance.now();
  const [view] = await engine.open(1, source, () => undefined);
  const openMs = performance.now() - started - view.milliseconds;
  source.close();
  return { engine, view, openMs };
}

/** The same zooms, ranges and the analysis; times taken out of the answers so that the rest can be compared. */
async function ask(
  engine: Engine,
  view: SourceView,
): Promise<{ answers: string; zoomMs: number; rangeMs: number; freeMs: number }> {
  const told: unknown[] = [];
  const zooms: number[] = [];
  const ranges: number[] = [];
  const frees: number[] = [];
  for (const device of view.devices) {
    const series = device.series.filter(({ chart }) => chart === 'usage').map(({ id }) => id);
    for (let zoom = 0; zoom < ZOOMS; zoom++) {
      const width = device.spanNs / 2 ** (zoom / 3);
      const from = ((device.spanNs - width) * zoom) / ZOOMS;
      const range = { axis: 'time' as const, from, to: from + width };
      let started = performance.now();
      const timeline = await engine.timeline({
        device: device.key,
        series,
        range,
        axis: 'time',
        columns: COLUMNS,
      });
      zooms.push(performance.now() - started);
      started = performance.now();
      const answer = await engine.range({ device: device.key, range, limit: 20 });
      ranges.push(performance.now() - started);
      if (!timeline.ok || !answer.ok) throw new Error('a question failed');
      started = performance.now();
      const free = await engine.freeTime({ device: device.key, range, axis: 'time', columns: 512 });
      frees.push(performance.now() - started);
      told.push({ ...timeline.value, ranOn: null }, { ...answer.value, ranOn: null }, free);
    }
  }
  told.push(await engine.analysis());
  const median = (times: number[]): number => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  const plain = (_: string, value: unknown): unknown =>
    typeof value === 'bigint'
      ? `${value}n`
      : ArrayBuffer.isView(value)
        ? Array.from(value as Float64Array)
        : value;
  return {
    answers: JSON.stringify(told, plain),
    zoomMs: median(zooms),
    rangeMs: median(ranges),
    freeMs: median(frees),
  };
}

let different = 0;
for (const path of process.argv.slice(2)) {
  console.log(path);
  const cpu = await open('off', path);
  const onCpu = await ask(cpu.engine, cpu.view);
  const card = await open('on', path);
  const onGpu = await ask(card.engine, card.view);
  const equal = onCpu.answers === onGpu.answers;
  if (!equal) different++;
  const pair = (a: number, b: number): string => `${a.toFixed(1)} / ${b.toFixed(1)} ms`;
  console.log(
    `  ${cpu.view.rows} rows, ${equal ? 'equal' : 'DIFFERENT'} (${onCpu.answers.length} characters); CPU / GPU: open ${pair(cpu.openMs, card.openMs)}, zoom ${pair(onCpu.zoomMs, onGpu.zoomMs)}, range ${pair(onCpu.rangeMs, onGpu.rangeMs)}, free blocks ${pair(onCpu.freeMs, onGpu.freeMs)}`,
  );
}
process.exit(different > 0 ? 1 : 0);
