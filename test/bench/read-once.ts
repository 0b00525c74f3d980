/**
 * Reads one file cold, as the command line does, and prints one JSON line: milliseconds and rows of the parse,
 * then of the first timeline (lifetimes and every curve's columns at 1,200 pixels), and the peak RSS in MiB.
 */
import { readFileSync } from 'node:fs';
import { sourcesAt } from '../../src/cli/node-source.ts';
import { Engine } from '../../src/engine/engine.ts';

/** Peak resident memory of this process in MiB. Not from resourceUsage(): a child's maxRSS starts at its parent's. */
function peakRss(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

const [path] = process.argv.slice(2);
const engine = new Engine();
await engine.start({ gpu: 'off' });
const { sources, folder } = sourcesAt(path);
const started = performance.now();
const views = folder
  ? await engine.openFolder(1, path, sources, () => undefined)
  : await engine.open(1, sources[0], () => undefined);
const [view] = views;
const opened = performance.now();
const rssMiB = peakRss();
for (const device of view.devices) {
  const series = device.series.filter(({ chart }) => chart === 'usage').map(({ id }) => id);
  const answer = await engine.timeline({
    device: device.key,
    series,
    range: null,
    axis: 'time',
    columns: 1200,
  });
  if (!answer.ok) throw new Error(answer.error.message);
}
const drawn = performance.now();
if (view.error !== null) throw new Error(view.error.message);
console.log(
  JSON.stringify({
    parseMs: view.milliseconds,
    timelineMs: drawn - started - view.milliseconds,
    openMs: opened - started,
    rows: views.reduce((sum, { rows }) => sum + rows, 0),
    bytes: view.bytes,
    rssMiB,
  }),
);
