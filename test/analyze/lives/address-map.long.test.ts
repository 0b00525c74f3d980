/** The address map of the recordings beside the repository: half a million events, two GPUs, expandable segments. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { baselineOf } from '../../../src/aggregate/baseline.ts';
import { settingsOf, snapshotAt } from '../../replay/recordings.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { chosenRows, led, linesOf, linesOfSnapshot, spaceOf, undone, unlike } from './address-for-test.ts';

const traces = sharedTraces();
const paths =
  traces === null
    ? []
    : readdirSync(traces, { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.pickle'))
        .sort();

describe.skipIf(traces === null)('recordings in ../shared/traces', () => {
  it('are there', () => {
    expect(paths.length).toBeGreaterThan(5);
  });

  it.each(paths)('%s: addresses are those of its state and of naive replays', async (path) => {
    const data = await snapshotAt(join(traces!, path));
    for (const trace of data.devices) {
      if (trace.producer !== 'torch' || trace.segments === null || trace.cut) continue;
      const space = spaceOf(data, trace);
      const { origin } = space.lives;
      const end = linesOf(space.at(space.rows - 1), origin);
      expect(unlike(end, linesOfSnapshot(trace))).toEqual([]);
      const rows = chosenRows(space.rows, 100);
      const back = rows.toReversed();
      let at = 0;
      for (const lines of undone(trace, back))
        expect(unlike(linesOf(space.at(back[at++]), origin, false), lines)).toEqual([]);
      const settings = settingsOf(data);
      if (!baselineOf(trace).fromEmpty || settings.roundupDivisions.some((divisions) => divisions > 1))
        continue;
      at = 0;
      for (const lines of led(trace, rows, settings))
        expect(unlike(linesOf(space.at(rows[at++]), origin), lines)).toEqual([]);
    }
  });
});
