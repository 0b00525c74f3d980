/**
 * Replays one snapshot and prints one JSON line: milliseconds (medians) of one pass over the columns, of self-replay
 * and of what-if under a few settings; with a second argument, of a sweep over so many settings one after the other.
 */
import { baselineOf } from '../../src/aggregate/baseline.ts';
import { u64Above, u64At } from '../../src/base/u64.ts';
import { sourcesAt } from '../../src/cli/node-source.ts';
import { loadFile } from '../../src/engine/load-source.ts';
import { settingsOfSnapshot } from '../../src/replay/alloc-conf-snapshot.ts';
import { selfReplay } from '../../src/replay/self-replay.ts';
import { type AllocatorSettings, ROUNDUP_CLASSES } from '../../src/replay/settings.ts';
import { addressOrigin } from '../../src/replay/starting-state.ts';
import { whatIf } from '../../src/replay/what-if.ts';

const MIB = 2 ** 20;
const ROUNDS = 5;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function timed(work: () => void): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

/** So many settings, all different: rounding, then max_split_size, then its rounding; every fifth expandable. */
function grid(base: AllocatorSettings, count: number): AllocatorSettings[] {
  const all: AllocatorSettings[] = [];
  const divisions = [0, 2, 4, 8].map((n) => new Array<number>(ROUNDUP_CLASSES).fill(n));
  for (let i = 0; all.length < count; i++) {
    const split = Math.floor(i / divisions.length);
    all.push({
      ...base,
      roundupDivisions: divisions[i % divisions.length],
      maxSplitSize: split === 0 ? Infinity : (20 + 4 * split) * MIB,
      expandableSegments: i % 5 === 4,
    });
  }
  return all;
}

const [path, sweep] = process.argv.slice(2);
const { sources } = sourcesAt(path);
const [{ data }] = await loadFile(sources[0], { isCancelled: () => false, onProgress: () => undefined });
const [trace] = data.devices;
const { events } = trace;
const { settings } = settingsOfSnapshot(data.settings);
const { fromEmpty } = baselineOf(trace);
const origin = addressOrigin(trace);

let check = 0;
/** The least that any replay has to do: read every column of every row once. */
const pass = (): void => {
  for (let row = 0; row < events.length; row++)
    check +=
      events.action[row] +
      u64Above(events.address, row, origin) +
      u64At(events.size, row) +
      events.stream_index[row] +
      events.stack_index[row] +
      events.group[row];
};

let replay = selfReplay(trace, settings, fromEmpty);
const place = {
  streamRank: replay.streamRank,
  pools: 1 + replay.privatePools.length,
  addresses: replay.addresses,
};
const under = (other: AllocatorSettings): void => {
  check += whatIf(replay.requests, place, { settings: other, limit: Infinity, capacity: Infinity }).stats[
    'num_device_alloc'
  ];
};
const floor: number[] = [];
const self: number[] = [];
const other: number[] = [];
const changes = [{}, { maxSplitSize: 64 * MIB }, { expandableSegments: true }];
for (let round = 0; round < ROUNDS; round++) {
  floor.push(timed(pass));
  self.push(timed(() => (replay = selfReplay(trace, settings, fromEmpty))));
  for (const change of changes) other.push(timed(() => under({ ...settings, ...change })));
}
const many = sweep === undefined ? [] : grid(settings, Number(sweep));
const sweepMs = timed(() => many.forEach(under));
console.log(
  JSON.stringify({
    rows: events.length,
    steps: replay.requests.length,
    floorMs: median(floor),
    selfMs: median(self),
    whatIfMs: median(other),
    settings: many.length,
    sweepMs,
    check,
  }),
);
