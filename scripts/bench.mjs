/**
 * npm run bench: how fast each reader is, as ratios to a floor measured in the same run, every measurement in a
 * process of its own and the rivals taking turns, so that noise of the machine meets both. Medians.
 *
 *   npm run bench [-- --runs 7] [--only "nvidia-smi" | "replay" | "zoom" | "allocations" | "addresses" | "page"] [--megabytes 30]
 *
 * The recordings lie beside the repository (../shared/traces); without them the bundled samples are read.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { bundle } from './bundle.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function run(command, args, cwd = process.cwd()) {
  const result = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (result.error !== undefined || result.status !== 0) return null;
  return result.stdout.trim();
}

const python = run('python3', ['--version']) === null ? null : 'python3';
/** Milliseconds of the floor of this kind in a process of its own, null where it cannot be had here. */
function floors(kind, path) {
  const text =
    kind === 'json'
      ? run(process.execPath, ['--max-old-space-size=8192', join(ROOT, 'test/bench/parse-json.mjs'), path])
      : python === null
        ? null
        : run(python, [join(ROOT, 'test/bench/floors.py'), kind, path]);
  return text === null ? null : Number.parseFloat(text);
}

function row(cells) {
  const widths = [26, 9, 10, 9, 12, 12, 13, 13, 12];
  console.log(
    cells
      .map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i])))
      .join(' '),
  );
}

const fixed = (value, digits = 0) => (value === null || Number.isNaN(value) ? '-' : value.toFixed(digits));

function measure(reader, path, floor, runs) {
  const ours = [];
  const theirs = [];
  for (let i = 0; i < runs; i++) {
    const line = run(process.execPath, [reader, path]);
    if (line === null) throw new Error(`reading ${path} failed`);
    ours.push(JSON.parse(line));
    if (floor !== null) {
      const other = floors(floor, path);
      if (other !== null) theirs.push(other);
    }
  }
  const ms = median(ours.map(({ parseMs }) => parseMs));
  const bytes = ours[0].bytes;
  const other = theirs.length === 0 ? null : median(theirs);
  row([
    path.split('/').at(-1),
    fixed(bytes / 1e6, 1),
    fixed(ms),
    fixed(bytes / 1e3 / ms),
    fixed(ours[0].rows / ms / 1000, 2),
    fixed(other),
    other === null ? '-' : `${fixed(other / ms, 2)}x`,
    `${fixed(median(ours.map(({ rssMiB }) => rssMiB)) / (bytes / 1048576), 2)}x`,
    fixed(median(ours.map(({ timelineMs }) => timelineMs))),
  ]);
}

function option(name, otherwise) {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
}
const runs = Number(option('--runs', 5));
const megabytes = Number(option('--megabytes', 30));
const only = option('--only', '');
if (!Number.isInteger(runs) || runs < 1 || !(megabytes > 0) || only === undefined) {
  console.error('usage: npm run bench [-- --runs N] [--only NAME] [--megabytes M]');
  process.exit(2);
}

const reader = await bundle('read-once', 'test/bench/read-once.ts');
const { sharedTraces } = await import(pathToFileURL(await bundle('traces', 'test/shared-traces.ts')).href);
const traces = sharedTraces();
if (traces === null) console.log('../shared/traces is not here: reading the bundled samples instead.\n');
if (python === null) console.log('python3 is not here: no floors from pickle.load and sqlite3.\n');

console.log(
  `Readers, cold, each in its own process; medians of ${runs}. "floor": Python's pickle.load or sqlite3 fetchall, or JSON.parse, in turn with ours.`,
);
row(['file', 'MB', 'parse ms', 'MB/s', 'Mrows/s', 'floor ms', 'floor/ours', 'RSS/file', 'timeline ms']);
const files =
  traces === null
    ? ['samples/leak.pickle.gz', 'samples/train.pickle.gz'].map((name) => [join(ROOT, name), null])
    : [
        [join(traces, 'serve/serve.pickle'), 'pickle'],
        [join(traces, 'big/big.pickle'), 'pickle'],
        [join(traces, 'train/train.pickle'), 'pickle'],
        [join(traces, 'nsys/small.sqlite'), 'sqlite'],
        [join(traces, 'kineto/kineto_train.json'), 'json'],
        [join(traces, 'nsys/small.json'), 'json'],
        [join(traces, 'nsys/small.arrow'), null],
        [join(traces, 'nsys/small.arrowdir'), null],
        [join(traces, 'nsys/small.parquetdir'), null],
        [join(traces, 'serve/serve.summaries.log'), null],
      ];
for (const [path, floor] of files)
  if (path.includes(only) && existsSync(path)) measure(reader, path, floor, runs);
console.log(
  '\nRSS/file: peak resident memory of the whole process over the size of the file. timeline ms: every curve at 1,200 pixel columns, right after the parse.',
);

/** Formats that have no large recording: fixtures multiplied in memory, each in a process of its own. */
const multiplied = await bundle('read-memory', 'test/bench/read-memory.ts');
console.log(
  `\nFixtures multiplied in memory to about ${megabytes} MB (decompressed), ours and the floor in turn in one process, the least of ${runs}. "floor": what it is compared with: every line as a string, JSON.parse, or what unpacks it in Node.`,
);
const fields = (cells) =>
  console.log(
    cells.map((cell, i) => (i === 0 ? cell.padEnd(26) : String(cell).padStart(i === 1 ? 12 : 11))).join(' '),
  );
fields(['input', 'floor', 'MB', 'ms', 'MB/s', 'Mrows/s', 'floor ms', 'ours/floor']);
for (const name of JSON.parse(run(process.execPath, [multiplied, '--list'], ROOT))) {
  if (!name.includes(only)) continue;
  const line = run(process.execPath, [multiplied, name, String(megabytes), String(runs)], ROOT);
  if (line === null) throw new Error(`reading "${name}" failed`);
  const { floor, bytes, rows, ms, floorMs } = JSON.parse(line);
  fields([
    name,
    floor,
    fixed(bytes / 1e6, 1),
    fixed(ms),
    fixed(bytes / 1e3 / ms, 1),
    fixed(rows / ms / 1000, 3),
    fixed(floorMs),
    `${fixed(ms / floorMs, 1)}x`,
  ]);
}

/** Self-replay, what-if and a sweep of one snapshot; the floor is one pass over its columns in the same process. */
function measureReplay(replayer, path, settings) {
  const line = run(process.execPath, [replayer, path, ...(settings > 0 ? [String(settings)] : [])]);
  if (line === null) throw new Error(`replaying ${path} failed`);
  const { rows, steps, floorMs, selfMs, whatIfMs, sweepMs } = JSON.parse(line);
  row([
    path.split('/').at(-1),
    rows,
    fixed(floorMs, 1),
    fixed(selfMs),
    fixed(rows / selfMs / 1000, 2),
    `${fixed(selfMs / floorMs, 1)}x`,
    fixed(whatIfMs),
    fixed(steps / whatIfMs / 1000, 2),
    settings > 0 ? fixed(sweepMs) : '-',
  ]);
}

console.log('\nReplay of the allocator, warm. "floor": one pass over every column of the same rows.');
row([
  'file',
  'rows',
  'floor ms',
  'self ms',
  'Mrows/s',
  'self/floor',
  'what-if ms',
  'Msteps/s',
  '200 settings',
]);
const replayer = await bundle('replay-once', 'test/bench/replay-once.ts');
const snapshots =
  traces === null
    ? [[join(ROOT, 'samples/train.pickle.gz'), 200]]
    : [
        [join(traces, 'serve/serve.pickle'), 200],
        [join(traces, 'big/big.pickle'), 0],
      ];
for (const [path, settings] of snapshots)
  if (`replay ${path}`.includes(only) && existsSync(path)) measureReplay(replayer, path, settings);

console.log(
  '\nA step of the wheel, warm: curves and ledger over time at 1,150 pixel columns. "floor": looking at every row of the range for the curves alone.',
);
row(['file', 'rows', 'curves', 'first ms', 'p50 ms', 'p95 ms', 'floor ms', 'floor/p50']);
const zoomer = await bundle('zoom-once', 'test/bench/zoom-once.ts');
for (const [path] of snapshots) {
  if (!`zoom ${path}`.includes(only) || !existsSync(path)) continue;
  const line = run(process.execPath, [zoomer, path], ROOT);
  if (line === null) throw new Error(`zooming into ${path} failed`);
  const { rows, curves, firstMs, p50, p95, floorMs } = JSON.parse(line);
  row([
    path.split('/').at(-1),
    rows,
    curves,
    fixed(firstMs),
    fixed(p50, 1),
    fixed(p95, 1),
    fixed(floorMs, 1),
    `${fixed(floorMs / p50, 1)}x`,
  ]);
}

console.log(
  '\nThe picture of all allocations, warm: 1,000 columns of 400 pixels, of the whole recording and at steps of the wheel; stacked by age, by size.',
);
row(['file', 'allocations', 'open', 'first ms', 'whole p50', 'zoom p50', 'zoom p95', 'by size p50']);
const drawer = await bundle('raster-once', 'test/bench/raster-once.ts');
for (const [path] of snapshots) {
  if (!`allocations ${path}`.includes(only) || !existsSync(path)) continue;
  const line = run(process.execPath, [drawer, path], ROOT);
  if (line === null) throw new Error(`drawing ${path} failed`);
  const told = JSON.parse(line);
  row([
    path.split('/').at(-1),
    told.allocations,
    told.mostOpen,
    fixed(told.firstMs),
    fixed(told.whole_p50, 1),
    fixed(told.zoom_p50, 1),
    fixed(told.zoom_p95, 1),
    fixed(told.whole_p50_size, 1),
  ]);
}

console.log(
  '\nThe address map: first map (everything that it rests on is made), a step to the next event, a jump to any row; 400 columns of pictures over time.',
);
row([
  'file',
  'segments',
  'blocks',
  'first ms',
  'step p50',
  'step p95',
  'jump p50',
  'jump p95',
  'addresses ms',
  'sizes first',
  'sizes ms',
]);
const mapper = await bundle('address-once', 'test/bench/address-once.ts');
for (const [path] of snapshots) {
  if (!`addresses ${path}`.includes(only) || !existsSync(path)) continue;
  const line = run(process.execPath, [mapper, path], ROOT);
  if (line === null) throw new Error(`mapping ${path} failed`);
  const told = JSON.parse(line);
  row([
    path.split('/').at(-1),
    told.segments,
    told.blocks,
    fixed(told.firstMs),
    fixed(told.stepMs, 1),
    fixed(told.stepP95, 1),
    fixed(told.jumpMs, 1),
    fixed(told.jumpP95, 1),
    fixed(told.addressTimeMs, 1),
    fixed(told.freeTimeFirstMs, 1),
    fixed(told.freeTimeMs, 1),
  ]);
}

console.log(
  `\nThe built page in Chromium without a GPU, a fresh browser each, medians of ${runs}, by its own measures (docs/performance.md). "load": Python's pickle.load, in turn with ours. Memory: the renderer's peak.`,
);
row(['file', 'first ms', 'read ms', 'answer ms', 'zoom p50', 'zoom p95', 'load ms', 'first/load', 'MiB']);
for (const [path] of snapshots) {
  if (!`page ${path}`.includes(only) || !existsSync(path)) continue;
  if (run(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--quiet'], ROOT) === null)
    throw new Error('the build failed');
  const seen = [];
  const loads = [];
  for (let i = 0; i < runs; i++) {
    const line = run(process.execPath, [join(ROOT, 'test/bench/page-once.mjs'), path], ROOT);
    if (line === null) throw new Error(`opening ${path} in the page failed`);
    seen.push(JSON.parse(line));
    loads.push(floors('pickle', path) ?? NaN);
  }
  const of = (key) => median(seen.map((one) => one[key] ?? NaN));
  row([
    path.split('/').at(-1),
    fixed(of('firstPicture')),
    fixed(of('read')),
    fixed(of('answer')),
    fixed(of('zoomP50')),
    fixed(of('zoomP95')),
    fixed(median(loads)),
    `${fixed(median(seen.map((one, i) => one.firstPicture / loads[i])), 2)}x`,
    fixed(of('rendererMiB')),
  ]);
}
