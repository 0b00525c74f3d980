/** All sources on one clock in words: each state of a clock, what contradicts, what cannot be known. */
import { describe, expect, it } from 'vitest';
import type { ClocksAnswer, SourceClock } from '../../../src/engine/protocol.ts';
import { formatMoment } from '../../../src/view/readings/clock.ts';
import type { ClockRow, ClocksModel } from '../../../src/view/diagnosis/clocks.ts';
import { clocksModel } from '../../../src/view/diagnosis/clocks.ts';
import { clock, disagreement, HOUR_NS, monitorClock, placeless } from './clocks-for-test.ts';

const answer = (changes: Partial<ClocksAnswer> = {}): ClocksAnswer => ({
  clocks: [clock(), monitorClock()],
  contradictions: [],
  observations: [],
  compared: 40,
  ...changes,
});

function model(changes: Partial<ClocksAnswer> = {}): ClocksModel {
  const made = clocksModel(answer(changes), 'binary');
  if (made === null) throw new Error('There is nothing to show.');
  return made;
}

const rowOf = (view: SourceClock): ClockRow => model({ clocks: [clock(), view] }).rows[1];

it('one source alone needs no common clock', () => {
  expect(clocksModel(answer({ clocks: [clock()] }), 'binary')).toBeNull();
  expect(clocksModel(answer({ clocks: [] }), 'binary')).toBeNull();
});

describe('a row', () => {
  it('of an offset that was found', () => {
    expect(rowOf(monitorClock())).toMatchObject({
      sources: [1],
      clock: 'local time',
      status: 'found from the curves',
      known: true,
      confidence: 'confidence: high',
      offset: '-2 h',
      offsetTitle: '-7,200,000,000,000 ns',
      within: 'within 500.0 ms',
      matched: '12 of 14 steps',
      matchedTitle: 'Matched with serve.pickle, apart by 20.0 ms in the median and 1.50 s at most.',
      sentence: 'Times of UTC+02:00; 12 of 14 steps match.',
      byHand: false,
      editable: true,
      written: '',
      suggestion: null,
    });
  });

  it('of the reference', () => {
    const [row] = model().rows;
    expect(row).toMatchObject({ status: 'the reference', offset: '+0 s', matched: '–', confidence: null });
    // The sentence is the engine's own where it does not begin with the file and a colon.
    expect(row.sentence).toBe('serve.pickle is the reference.');
  });

  it('of an offset set by hand: what was set can be edited', () => {
    const row = rowOf(monitorClock({ status: 'override', offsetNs: HOUR_NS + 1n, offsetText: '+1 h 0 s' }));
    expect(row).toMatchObject({
      status: 'set by hand',
      byHand: true,
      written: '+1 h 0.000000001 s',
      within: null,
      confidence: null,
    });
  });

  it('of an offset that is not known, and one that is likely', () => {
    const unknown = { offsetNs: null, offsetText: null, uncertaintyNs: null, matched: 0, of: 0 };
    expect(rowOf(monitorClock({ ...unknown, status: 'not found' }))).toMatchObject({
      status: 'not found',
      known: false,
      offset: 'not known',
      offsetTitle: '',
      suggestion: null,
    });
    const suggested = { suggestedNs: -HOUR_NS, suggestedText: '-1 h' };
    expect(rowOf(monitorClock({ ...unknown, ...suggested, status: 'ambiguous' }))).toMatchObject({
      status: 'not known: several offsets fit',
      suggestion: { text: '-1 h', offsetNs: -HOUR_NS },
    });
  });

  it('of lines without times', () => {
    expect(rowOf(placeless())).toMatchObject({
      clock: 'no times',
      status: 'has no place on a clock',
      offset: 'not known',
      editable: false,
      known: false,
    });
    const placed = { status: 'placed', matched: 1, of: 1, reference: 'serve.pickle' };
    expect(rowOf(placeless(placed))).toMatchObject({
      status: 'placed by what its lines print',
      offset: 'none needed',
      matched: '1 of 1 line',
      known: true,
    });
  });

  it('of a session, and of a state that is new', () => {
    expect(rowOf(clock({ clock: 'session', status: 'stated' }))).toMatchObject({
      clock: 'since a start',
      status: 'as the file says',
    });
    expect(rowOf(monitorClock({ status: 'guessed' })).status).toBe('guessed');
  });

  it('of several sources that were dated together', () => {
    const { rows } = model({
      clocks: [
        monitorClock(),
        clock(),
        monitorClock({ sourceId: 5 }),
        monitorClock({ sourceId: 6, sentence: 'smi.csv (2): times of UTC.' }),
      ],
    });
    expect(rows.map(({ sources }) => sources)).toEqual([[1, 5], [0], [6]]);
  });
});

describe('the summary', () => {
  it('counts what has its place, and what was compared', () => {
    expect(model().summary).toBe('Both have their place on it. 40 samples compared, none contradicts.');
    const clocks = [clock(), monitorClock({ status: 'override' }), placeless()];
    expect(model({ clocks, compared: 1, contradictions: [disagreement()] }).summary).toBe(
      '2 of 3 have their place on it, 1 set by hand. 1 sample compared, 1 contradiction.',
    );
  });

  it('does not praise what was never compared', () => {
    expect(model({ compared: 0 }).compared).toBe('Nothing of one file could be compared with another.');
  });

  it.each([
    ['nothing', {}, false],
    ['a contradiction', { contradictions: [disagreement()] }, true],
    ['an observation', { observations: [disagreement({ kind: 'non_torch_drift' })] }, false],
    ['set by hand', { clocks: [clock(), monitorClock({ status: 'override' })] }, true],
    ['not found', { clocks: [clock(), monitorClock({ offsetNs: null, status: 'not found' })] }, true],
    ['without times: nobody can help it', { clocks: [clock(), placeless()] }, false],
  ] as const)('asks for a look: %s', (_, changes, needsCare) => {
    expect(model(changes).needsCare).toBe(needsCare);
  });
});

describe('a contradiction', () => {
  it('says what, where, and by how much, to the byte', () => {
    const [one] = model({ contradictions: [disagreement()] }).contradictions;
    const moment = (ns: bigint): string => formatMoment('wall', ns);
    expect(one).toEqual({
      severity: 'risk',
      title: 'Less in use than was reserved',
      sentence: 'smi.csv says that less of the device is used than serve.pickle had reserved on it.',
      where: `GPU 0, ${moment(1_795_252_313_500_000_000n)} to ${moment(1_795_252_314_500_000_000n)}, seen 2 times`,
      values: [
        {
          label: 'used',
          text: '1 GiB',
          title: '1,073,741,824 to 1,074,790,400 bytes',
        },
        { label: 'reserved', text: '2 GiB', title: '2,147,483,648 bytes' },
        { label: 'more than can be explained', text: '-1023 MiB', title: '-1,072,693,248 bytes' },
        { label: 'rounding and times explain', text: '1 MiB', title: '1,048,576 bytes' },
      ],
    });
  });

  it('without a time or a device says neither', () => {
    const bare = disagreement({ fromNs: null, toNs: null, device: null, count: 1 });
    expect(model({ contradictions: [bare] }).contradictions[0].where).toBe('seen once');
  });

  it("counts from a session's start where the common clock does", () => {
    const session = [clock({ clock: 'session', status: 'override' }), placeless()];
    const seen = disagreement({ fromNs: 2_500_000_000n, toNs: 2_500_000_000n, device: null, count: 1 });
    expect(model({ clocks: session, observations: [seen] }).observations[0]).toMatchObject({
      severity: 'info',
      where: 'at 2.500 s, seen once',
    });
  });
});
