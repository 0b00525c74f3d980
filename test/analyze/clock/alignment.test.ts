/** Planted offsets are found, others are not made up. */
import { describe, expect, it } from 'vitest';
import {
  alignClocks,
  chooseReference,
  offsetText,
  shiftOf,
  zoneText,
} from '../../../src/analyze/clock/alignment.ts';
import { fitOf } from '../../../src/analyze/clock/alignment-pair.ts';
import type { StepCurve } from '../../../src/analyze/step-curve.ts';
import {
  eventCurve,
  madeUpRun,
  monitored,
  randomOf,
  sampleCurve,
  SECOND,
  sourceOf,
} from '../step-curve-for-test.ts';

const EPOCH = 1_795_252_349_838_851_000n;
const seconds = (value: number): bigint => BigInt(Math.round(value * 1e9));
const run = madeUpRun(1, 40, 120);
const recording = sourceOf('run.pickle', 'wall', EPOCH, [run]);
/** A monitor of that run whose clock runs `ahead` of the recording's. */
const monitor = (
  ahead: bigint,
  clock: 'local' | 'session' | 'wall' = 'local',
  curve = monitored(run, 1, () => 612),
) => sourceOf('nvidia-smi.log', clock, EPOCH + ahead, [curve]);

/** The same steps as another profiler of the process notes them: with a jitter, from `fromNs` on. */
function notedAgain(curve: StepCurve, jitter_ns: number, fromNs = 0): StepCurve {
  const random = randomOf(5);
  const rows = Array.from(curve.time_ns.keys()).filter((row) => curve.time_ns[row] >= fromNs);
  return {
    ...curve,
    label: 'Memory usage',
    measures: 'driver_allocated',
    time_ns: Float64Array.from(rows, (row) => curve.time_ns[row] - fromNs + random() * jitter_ns),
    value: Float64Array.from(rows, (row) => curve.value[row]),
    endNs: curve.endNs - fromNs + jitter_ns,
  };
}

describe('a monitor that samples once a second', () => {
  const planted: readonly (readonly [string, bigint])[] = [
    ['3 h 12 min 7.5 s', seconds(3 * 3600 + 12 * 60 + 7.5)],
    ['minus 4 days and 0.25 s', -seconds(4 * 86400 + 0.25)],
    ['1.7 s', seconds(1.7)],
    ['5 min', seconds(300)],
  ];
  it.each(planted)('%s ahead is found', (_, ahead) => {
    const [, found] = alignClocks([recording, monitor(ahead)]);
    expect(found).toMatchObject({ status: 'found', reference: 'run.pickle', zoneMinutes: null });
    expect(found.matched).toBeGreaterThanOrEqual(20);
    expect(found.matched).toBe(found.of);
    const apart = Math.abs(Number(found.offsetNs! + ahead));
    expect(apart).toBeLessThanOrEqual(found.uncertaintyNs!);
    expect(found.uncertaintyNs).toBeLessThan(0.2 * SECOND);
    expect(found.residual!.maxNs).toBeLessThanOrEqual(50e6);
    expect(found.runnerUp!.matched).toBeLessThan(found.matched / 2);
  });

  const zones: readonly (readonly [string, number])[] = [
    ['UTC', 0],
    ['UTC+02:00', 120],
    ['UTC+05:45', 345],
    ['UTC-09:30', -570],
    ['UTC+14:00', 840],
  ];
  it.each(zones)('a local clock of %s', (zone, minutes) => {
    const [, found] = alignClocks([recording, monitor(seconds(minutes * 60))]);
    expect(found).toMatchObject({
      status: 'found',
      offsetNs: -seconds(minutes * 60),
      zoneMinutes: minutes,
      uncertaintyNs: 0,
      confidence: 'high',
    });
    expect(found.sentence).toContain(`times of ${zone}; `);
  });

  it('whole seconds are enough', () => {
    const coarse = monitored(run, 1, () => 612);
    const curve = {
      ...coarse,
      time_ns: coarse.time_ns.map((time) => Math.floor(time / SECOND) * SECOND),
      timeGranularityNs: SECOND,
    };
    const [, found] = alignClocks([recording, monitor(seconds(7200), 'local', curve)]);
    expect(found).toMatchObject({ status: 'found', zoneMinutes: 120 });
  });

  it('memory besides reserved may change, and other processes come and go', () => {
    const curve = monitored(run, 1, (at) => 612 + Math.floor(at / 10) * 2 + (at > 50 && at < 70 ? 9000 : 0));
    const [, found] = alignClocks([recording, monitor(seconds(3600), 'local', curve)]);
    expect(found).toMatchObject({ status: 'found', zoneMinutes: 60 });
    expect(found.of - found.matched).toBe(2);
  });

  it('a wall clock that is right is confirmed, and one that is off is found out', () => {
    expect(alignClocks([recording, monitor(0n, 'wall')])[1]).toMatchObject({
      status: 'found',
      offsetNs: 0n,
    });
    const [, off] = alignClocks([recording, monitor(seconds(40), 'wall')]);
    expect(Math.abs(Number(off.offsetNs! + seconds(40)))).toBeLessThanOrEqual(off.uncertaintyNs!);
    expect(off.sentence).toContain('its clock is off, -4');
  });

  it('a GPU that has another index there (CUDA_VISIBLE_DEVICES) is found', () => {
    const idle = sampleCurve([0, 1, 2, 3].map((at) => [at, 4]));
    const curves = [idle, { ...monitored(run, 1, () => 612), device: 3 }];
    const [, found] = alignClocks([recording, sourceOf('smi', 'local', EPOCH, curves)]);
    expect(found).toMatchObject({ status: 'found', devices: [3, 0] });
  });
});

describe('two records of every step', () => {
  const ahead = -EPOCH + seconds(1.671615646);

  it('the clock of a session, to the jitter', () => {
    const nsys = sourceOf('report', 'session', EPOCH + ahead, [notedAgain(run, 40e3)]);
    const [, found] = alignClocks([recording, nsys]);
    expect(found).toMatchObject({ status: 'found', matched: 40, of: 40, confidence: 'high' });
    expect(Math.abs(Number(found.offsetNs! + ahead))).toBeLessThanOrEqual(40e3);
    expect(found.residual!.maxNs).toBeLessThanOrEqual(40e3);
    expect(found.residual!.medianNs).toBeLessThanOrEqual(found.residual!.maxNs);
  });

  it('a recording that begins later', () => {
    const nsys = sourceOf('report', 'session', 0n, [notedAgain(run, 40e3, 60 * SECOND)]);
    const [, found] = alignClocks([recording, nsys]);
    expect(Math.abs(Number(found.offsetNs! - EPOCH - seconds(60)))).toBeLessThanOrEqual(40e3);
  });

  it('the start that a file states is refined where steps allow, and kept where they do not', () => {
    const statedNs = EPOCH + 400_000n;
    const nsys = sourceOf('report', 'session', 0n, [notedAgain(run, 20e3)], { statedNs });
    const [, found] = alignClocks([recording, nsys]);
    expect(found.status).toBe('found');
    expect(Math.abs(Number(found.offsetNs! - EPOCH))).toBeLessThanOrEqual(20e3);
    const other = sourceOf('report', 'session', 0n, [madeUpRun(9, 40, 120)], { statedNs });
    expect(alignClocks([recording, other])[1]).toMatchObject({
      status: 'stated',
      offsetNs: statedNs,
      confidence: 'low',
    });
  });

  it('another run of the same program, its pauses a little different, is not taken for this one', () => {
    const random = randomOf(3);
    let late = 0;
    const again = { ...run, time_ns: run.time_ns.map((time) => time + (late += random() * 30e6)) };
    const [, found] = alignClocks([
      recording,
      sourceOf('again', 'session', 0n, [{ ...again, endNs: 130e9 }]),
    ]);
    expect(found).toMatchObject({ status: 'not found', offsetNs: null });
  });
});

describe('nothing is made up', () => {
  it.each([2, 3, 4, 5, 6, 7, 8, 9])('another run (%i) has no offset', (seed) => {
    const curve = monitored(madeUpRun(seed, 40, 120), 1, () => 612);
    for (const clock of ['local', 'session'] as const) {
      const [, found] = alignClocks([recording, monitor(0n, clock, curve)]);
      expect(found).toMatchObject({ status: 'not found', offsetNs: null, confidence: 'none' });
      expect(found.sentence).toMatch(/not found; .*(too few to tell|nothing in its curves)/);
    }
    const events = madeUpRun(seed, 40, 120);
    expect(alignClocks([recording, sourceOf('x', 'session', 0n, [events])])[1].status).toBe('not found');
  });

  it('a wall clock without evidence is taken at its word, and that is said', () => {
    const curve = monitored(madeUpRun(2, 40, 120), 1, () => 612);
    expect(alignClocks([recording, monitor(0n, 'wall', curve)])[1]).toMatchObject({
      status: 'assumed',
      offsetNs: 0n,
      confidence: 'low',
    });
  });

  it('equal steps at equal distances are ambiguous', () => {
    const rows = Array.from({ length: 60 }, (_, i): [number, number] => [
      i * 10 + 3,
      i % 2 === 0 ? 500 : 900,
    ]);
    const periodic = eventCurve([[0, 500], ...rows, [620, 500]]);
    const part = { ...monitored(periodic, 1, () => 612) };
    const cut = {
      ...part,
      time_ns: part.time_ns.slice(0, 200),
      value: part.value.slice(0, 200),
      endNs: part.time_ns[199],
    };
    const [, found] = alignClocks([
      sourceOf('periodic', 'wall', EPOCH, [periodic]),
      sourceOf('part', 'session', 0n, [cut]),
    ]);
    expect(found).toMatchObject({ status: 'ambiguous', offsetNs: null });
    expect(found.runnerUp).not.toBeNull();
    expect(found.suggestedNs).not.toBeNull();
  });

  it('sources without times, without curves, without steps', () => {
    const [, lines, requests, flat] = alignClocks([
      recording,
      sourceOf('lines', 'none', 0n, [sampleCurve([[0, 1]])]),
      sourceOf('requests', 'local', EPOCH, []),
      sourceOf('flat', 'local', EPOCH, [sampleCurve([[0, 7]])]),
    ]);
    expect(lines.sentence).toBe('lines: not found; it carries no times.');
    expect(requests.sentence).toBe('requests: not found; it has no curve of bytes to compare.');
    expect(flat.sentence).toBe('flat: not found; its curves have no step.');
  });

  it('a log without curves gets the zone of another as a suggestion, not as an offset', () => {
    const [, , requests] = alignClocks([
      recording,
      monitor(seconds(7200)),
      sourceOf('requests.log', 'local', EPOCH, []),
    ]);
    expect(requests).toMatchObject({ status: 'not found', offsetNs: null, suggestedNs: -seconds(7200) });
    expect(requests.sentence).toContain('If it is of the same machine as nvidia-smi.log: UTC+02:00.');
  });

  it('no sources', () => {
    expect(alignClocks([])).toEqual([]);
    expect(chooseReference([sourceOf('lines', 'none', 0n, [])])).toBeNull();
  });
});

describe('an offset set by hand', () => {
  it('wins over what the steps say, is marked, and is judged', () => {
    const overrideNs = -seconds(7200) + 1n;
    const [, right] = alignClocks([recording, { ...monitor(seconds(7200)), overrideNs }]);
    expect(right).toMatchObject({ status: 'override', offsetNs: overrideNs });
    expect(right.matched).toBe(right.of);
    const [, wrong] = alignClocks([recording, { ...monitor(seconds(7200)), overrideNs: -seconds(7203) }]);
    expect(wrong).toMatchObject({ status: 'override', offsetNs: -seconds(7203) });
    expect(wrong.matched).toBeLessThan(wrong.of / 3);
    expect(wrong.sentence).toContain('set by hand');
  });

  it('of the reference moves all that was found by it', () => {
    const [first, second] = alignClocks([{ ...recording, overrideNs: seconds(900) }, monitor(seconds(7200))]);
    expect(first).toMatchObject({ status: 'override', offsetNs: seconds(900) });
    expect(second).toMatchObject({ status: 'found', offsetNs: seconds(900) - seconds(7200) });
  });
});

describe('the reference and the way to it', () => {
  it('is a wall clock with every step where there is one', () => {
    const wallMonitor = monitor(0n, 'wall');
    expect(chooseReference([monitor(0n), wallMonitor, recording])).toBe(recording);
    expect(chooseReference([monitor(0n), wallMonitor])).toBe(wallMonitor);
    expect(chooseReference([sourceOf('s', 'session', 0n, [run]), monitor(0n)])?.clock).toBe('local');
  });

  it('a source that ends where another begins is found through a third', () => {
    const all = monitored(run, 1, () => 612);
    const early = Array.from(run.time_ns.keys()).filter((row) => run.time_ns[row] < 60 * SECOND);
    const short = {
      ...run,
      time_ns: run.time_ns.slice(0, early.length),
      value: run.value.slice(0, early.length),
      endNs: 60 * SECOND,
    };
    const dcgm = monitored(run, 0.7, () => 612);
    const from = dcgm.time_ns.findIndex((time) => time > 61 * SECOND);
    const late = { ...dcgm, time_ns: dcgm.time_ns.slice(from), value: dcgm.value.slice(from) };
    const [, smi, other] = alignClocks([
      sourceOf('run.pickle', 'wall', EPOCH, [short]),
      monitor(seconds(7200), 'local', all),
      sourceOf('dcgm', 'session', 5n, [late]),
    ]);
    expect(smi).toMatchObject({ status: 'found', reference: 'run.pickle' });
    expect(other).toMatchObject({ status: 'found', reference: 'nvidia-smi.log' });
    expect(Math.abs(Number(other.offsetNs! - EPOCH + 5n))).toBeLessThanOrEqual(other.uncertaintyNs!);
  });

  it('the fit of a shifted curve falls: what judges an offset can fail', () => {
    const curve = monitored(run, 1, () => 612);
    const right = fitOf([curve], [run], 0)!;
    expect(right.score.matched).toBe(right.score.of);
    for (const shift of [-20, -3, -1.2, 1.2, 3, 20]) {
      const wrong = fitOf([curve], [run], shift * SECOND)!;
      expect(wrong.score.matched).toBeLessThan(0.7 * wrong.score.of);
      expect(wrong.score.bits).toBeLessThan(0);
    }
  });

  it('shiftOf puts a curve on the common clock', () => {
    const source = monitor(seconds(7200));
    const [, found] = alignClocks([recording, source]);
    expect(shiftOf(source, found, EPOCH)).toBe(0);
    expect(shiftOf(source, { ...found, offsetNs: null }, EPOCH)).toBeNull();
  });
});

describe('in words', () => {
  it('offsets and zones', () => {
    expect(offsetText(seconds(3 * 3600 + 12 * 60 + 7.5))).toBe('+3 h 12 min 7.5 s');
    expect(offsetText(-seconds(7200))).toBe('-2 h');
    expect(offsetText(0n)).toBe('+0 s');
    expect(offsetText(1_795_252_437_716_376_883n)).toBe('+1795252437.716376883 s');
    expect([zoneText(0n), zoneText(seconds(20700)), zoneText(-seconds(34200))]).toEqual([
      'UTC',
      'UTC+05:45',
      'UTC-09:30',
    ]);
  });
});

describe('the ranks of a large job', () => {
  it('cost time in proportion to their number, and a monitor that knows one of them finds it', () => {
    const ranks = Array.from({ length: 300 }, (_, rank) =>
      sourceOf(`rank${rank}.pickle`, 'wall', EPOCH, [madeUpRun(1, 40, 120)]),
    );
    const before = process.cpuUsage();
    const aligned = alignClocks([...ranks, monitor(seconds(300))]);
    const { user, system } = process.cpuUsage(before);
    expect(aligned).toHaveLength(301);
    expect(aligned.at(-1)).toMatchObject({ status: 'found' });
    // Each against each took a minute and more.
    expect((user + system) / 1e6).toBeLessThan(20);
  });
});
