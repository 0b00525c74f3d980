/** Figures over time: which curves there are, what they are called, what is drawn of them at any zoom. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Gauge, Readings } from '../../../src/engine/protocol.ts';
import { clockTicks, clockWords, formatMoment } from '../../../src/view/readings/clock.ts';
import {
  describeChart,
  gaugeChartModel,
  gaugeLegend,
  metricWords,
  momentFacts,
} from '../../../src/view/readings/gauge-chart.ts';
import {
  columnStarts,
  sampleAt,
  sampleColumns,
  statisticsOf,
  usualStep,
} from '../../../src/view/readings/gauge-columns.ts';
import { gaugeNames } from '../../../src/view/readings/gauge-names.ts';
import { gaugesTable, singlesTable } from '../../../src/view/readings/gauge-table.ts';
import { gaugeSet } from '../../../src/view/readings/gauges.ts';
import { formatGranularity, formatQuantity, quantityTicks } from '../../../src/view/parts/quantity.ts';
import { readingsCards, readingsOfDevice } from '../../../src/view/readings/readings.ts';
import type { SourceView } from '../../../src/engine/protocol.ts';
import { Engine } from '../../../src/engine/engine.ts';
import { dcgmText, smiText, vllmText } from '../../made-monitors.ts';
import { BytesSource } from '../../read/open-for-test.ts';

/** What the engine reads of a monitor's text; of several sources the first. */
async function readingsOf(name: string, text: string): Promise<Readings> {
  const [source] = await new Engine().open(
    1,
    new BytesSource(name, new TextEncoder().encode(text)),
    () => undefined,
  );
  return source.readings!;
}

let smi: Readings;
let dcgm: Readings;
let scrape: Readings;
let vllm: Readings;

beforeAll(async () => {
  smi = await readingsOf('smi.csv', smiText());
  dcgm = await readingsOf('dcgm.json', dcgmText());
  scrape = await readingsOf('scrape.json', dcgmText(1));
  vllm = await readingsOf('vllm.log', vllmText(1));
});

const gauge = (more: Partial<Gauge> = {}, values = [1, 2, 3]): Gauge => ({
  id: 'memory.used',
  label: 'Memory used',
  unit: 'bytes',
  device: null,
  labels: {},
  time_ns: BigInt64Array.from(values, (_, i) => BigInt(i) * 1_000_000_000n),
  value: Float64Array.from(values),
  granularity: 0,
  note: null,
  ...more,
});
const readings = (gauges: readonly Gauge[], clock: Readings['clock'] = 'local'): Readings => ({
  clock,
  gauges,
  tables: [],
  budgets: [],
  events: [],
});

describe('pixel columns', () => {
  const samples = {
    x: Float64Array.of(0, 10, 20, 30),
    value: Float64Array.of(5, 7, NaN, 6),
    end: 40,
  };
  const columns = (from: number, to: number, count: number) =>
    sampleColumns(samples, columnStarts({ from, to }, count), to);

  it('hold a value until the next sample; a missing one is a gap', () => {
    expect([...columns(0, 40, 4).max]).toEqual([5, 7, NaN, 6]);
    expect([...columns(0, 40, 8).last]).toEqual([5, 5, 7, 7, NaN, NaN, 6, 6]);
    expect([...columns(12, 20, 2).first]).toEqual([7, 7]);
  });

  it('end with the series, and begin with it', () => {
    expect([...columns(30, 60, 3).max]).toEqual([6, NaN, NaN]);
    expect([...columns(-20, 20, 4).max]).toEqual([NaN, NaN, 5, 7]);
  });

  it('miss no peak and no low at any width: each is that of the samples inside', () => {
    const { gauges } = smi;
    const used = gauges.filter(({ id, device }) => id === 'memory.used' && device === 2)[0];
    const x = Float64Array.from(used.time_ns, (time) => Number(time - used.time_ns[0]));
    const of = { x, value: used.value, end: x[x.length - 1] + 1e9 };
    const spike = Math.max(...used.value);
    for (const width of [1, 7, 333, 800, 2499, 6000]) {
      const { min, max } = sampleColumns(of, columnStarts({ from: 0, to: of.end }, width), of.end);
      expect(Math.max(...max)).toBe(spike);
      expect(Math.min(...min)).toBe(Math.min(...used.value));
      // The spike is one sample: one column has it, or the few that it spans when samples are wider.
      expect(max.filter((value) => value === spike).length).toBeLessThanOrEqual(Math.ceil(width / 2500) + 1);
    }
  });

  it('are those of a plain scan, for samples anywhere', () => {
    let seed = 3;
    const random = (): number => (seed = (Math.imul(seed, 48271) >>> 0) % 2147483647) / 2147483647;
    for (let round = 0; round < 60; round++) {
      const x = Float64Array.from({ length: 40 }, () => Math.floor(random() * 100)).sort();
      const value = Float64Array.from(x, () => (random() < 0.2 ? NaN : Math.floor(random() * 50)));
      const starts = columnStarts({ from: 10, to: 90 }, 16);
      const made = sampleColumns({ x, value, end: 100 }, starts, 90);
      starts.forEach((start, i) => {
        const until = i + 1 < starts.length ? starts[i + 1] : 90;
        const inside = [...value].filter((_, at) => x[at] >= start && x[at] < until);
        const known = inside.filter((one) => !Number.isNaN(one));
        const held = [...value].filter((_, at) => x[at] < start).at(-1) ?? NaN;
        const expected = inside.length === 0 ? held : known.length === 0 ? NaN : Math.max(...known);
        expect(made.max[i]).toBe(expected);
      });
    }
  });

  it('the value at a moment is the one printed last; after the end there is none', () => {
    expect([-1, 0, 15, 39, 40].map((at) => sampleAt(samples, at))).toEqual([-1, 0, 1, 3, -1]);
    expect(usualStep(Float64Array.of(0, 10, 20, 90))).toBe(10);
    expect(usualStep(Float64Array.of(3))).toBe(1);
  });

  it('statistics count what is missing and leave it out', () => {
    expect(statisticsOf(samples, { from: 0, to: 40 })).toEqual({
      count: 4,
      missing: 1,
      min: 5,
      max: 7,
      last: 6,
      maxAt: 10,
    });
    expect(statisticsOf(samples, { from: 20, to: 30 })).toMatchObject({
      count: 1,
      missing: 1,
      max: NaN,
      min: NaN,
    });
  });
});

describe('names', () => {
  it('tell GPUs apart by number, and nothing where there is nothing to tell', () => {
    expect(gaugeNames([gauge()])).toEqual(['']);
    expect(gaugeNames([gauge({ device: 0 }), gauge({ device: 1 })])).toEqual(['GPU 0', 'GPU 1']);
  });

  it('add a label that differs, and no more than are needed', () => {
    const of = (device: number, host: string, uuid: string): Gauge =>
      gauge({ device, labels: { UUID: uuid, Hostname: host, modelName: 'H100' } });
    expect(gaugeNames([of(0, 'a', 'u1'), of(1, 'a', 'u2')])).toEqual(['GPU 0', 'GPU 1']);
    expect(gaugeNames([of(0, 'a', 'u1'), of(0, 'b', 'u2')])[0]).toMatch(/^GPU 0 · (a|u1)$/);
  });

  it('show a pod wherever pods differ', () => {
    const { gauges } = dcgm;
    expect(gaugeNames(gauges)[0]).toBe('GPU 0 · llama-70b-0');
    expect(new Set(gaugeNames(gauges)).size).toBe(64);
  });

  it('number what no label tells apart', () => {
    expect(gaugeNames([gauge({ device: 0 }), gauge({ device: 0 })])).toEqual(['GPU 0', 'GPU 0 #2']);
    expect(gaugeNames([gauge(), gauge()])).toEqual(['', '#2']);
  });

  it('are the same for two metrics of one place', () => {
    const free = { id: 'memory.free', label: 'Memory free' };
    expect(gaugeNames([gauge({ device: 0 }), gauge({ device: 0, ...free })])).toEqual(['GPU 0', 'GPU 0']);
  });
});

describe('charts', () => {
  it('are one a unit; what is used comes first, the bus and what is free last', () => {
    const set = gaugeSet(smi);
    expect(set.charts.map(({ unit, aside }) => `${unit}${aside ? ' aside' : ''}`)).toEqual([
      'bytes',
      'ratio',
      'watts aside',
      'celsius aside',
    ]);
    expect(set.charts[0].metrics.map(({ label }) => label)).toEqual([
      'Memory used',
      'Memory total',
      'Memory free',
    ]);
    expect(set.charts[1].metrics.map(({ label }) => label)).toEqual(['GPU busy', 'Memory bus busy']);
  });

  it('draw at most twelve curves at first', () => {
    const shown = (all: Readings): number[] => {
      const set = gaugeSet(all);
      return set.charts.map(({ series }) => series.filter(({ id }) => !set.hidden.has(id)).length);
    };
    expect(shown(smi)).toEqual([8, 8, 8, 8]);
    expect(shown(dcgm)).toEqual([12]);
  });

  it('of too many, draw those that reach highest, each in a colour of its own', () => {
    const set = gaugeSet(dcgm);
    const [{ series }] = set.charts[0].metrics;
    const top = (id: string): number =>
      Math.max(...set.charts[0].series.filter((one) => one.id === id)[0].samples.value);
    const drawn = series.filter(({ id }) => !set.hidden.has(id));
    const rest = series.filter(({ id }) => set.hidden.has(id));
    expect(Math.min(...drawn.map(({ id }) => top(id)))).toBeGreaterThanOrEqual(
      Math.max(...rest.map(({ id }) => top(id))),
    );
    expect(new Set(drawn.map(({ color, dashed }) => `${color} ${dashed}`)).size).toBe(12);
  });

  it('keep the colour of a GPU in every chart, and dash its second metric', () => {
    const [bytes, ratio] = gaugeSet(smi).charts;
    const colors = ({ series }: (typeof bytes.metrics)[0]): string => series.map(({ color }) => color).join();
    expect(colors(bytes.metrics[0])).toBe(colors(ratio.metrics[0]));
    expect(bytes.metrics[0].series[0].dashed).toBe(false);
    expect(bytes.metrics[1].series[0].dashed).toBe(true);
  });

  it('put single samples into a table', () => {
    const set = gaugeSet(scrape);
    expect(set.charts).toEqual([]);
    const { rows } = singlesTable(set, 'binary');
    expect(rows).toHaveLength(128);
    expect(rows[0].cells[2].text).toMatch(/GiB$/);
  });

  it('an empty gauge breaks nothing', () => {
    const set = gaugeSet(readings([gauge({}, []), gauge({ device: 1 })]));
    expect(set.charts[0].series).toHaveLength(1);
    expect(gaugeSet(readings([])).charts).toEqual([]);
  });

  it('hold first, lowest, highest and last of what is in view, gaps as gaps', () => {
    const set = gaugeSet(readings([gauge({}, [1, NaN, 9, 4])]));
    const input = {
      set,
      chart: set.charts[0],
      hidden: set.hidden,
      unit: 'binary',
      width: 4,
      height: 100,
    } as const;
    const model = gaugeChartModel({ ...input, span: set.whole });
    expect([...model.curves[0].max]).toEqual([1, NaN, 9, 4]);
    expect(model.leftTicks.at(-1)?.at).toBeGreaterThanOrEqual(9);
    const near = gaugeChartModel({ ...input, span: { from: 2e9, to: 3e9 } });
    expect([...near.curves[0].max]).toEqual([9, 9, 9, 9]);
    expect(gaugeChartModel({ ...input, span: set.whole, hidden: new Set(['0']) }).curves).toEqual([]);
    expect(
      describeChart({ set, chart: set.charts[0], hidden: set.hidden, unit: 'binary', span: set.whole }),
    ).toBe('Memory used from 00:00:00 to 00:00:04. Last values: Memory used  4 B.');
  });

  it('the legend tells the value under the pointer, how coarse it is and whose', () => {
    const set = gaugeSet(
      readings([gauge({ device: 3, granularity: 2 ** 20, labels: { pod: 'x' } }, [2 ** 30, NaN])]),
    );
    const [metric] = set.charts[0].metrics;
    expect(gaugeLegend(metric, set.hidden, 5e8, 'binary')[0]).toMatchObject({
      label: 'Memory used · GPU 3',
      value: '1 GiB',
      title: 'Memory used: 1,073,741,824 bytes · printed to 1 MiB · GPU 3 · pod x',
    });
    expect(gaugeLegend(metric, set.hidden, 1.5e9, 'binary')[0].value).toBe('missing');
    expect(metricWords(metric, 'binary')).toBe('printed to 1 MiB');
    expect(metricWords({ ...metric, note: 'bandwidth, not fill.' }, 'binary')).toBe(
      'bandwidth, not fill; printed to 1 MiB',
    );
  });

  it('a click tells every figure that is drawn', () => {
    const set = gaugeSet(vllm);
    const { heading, groups } = momentFacts(set, new Set(), 0, 'binary');
    expect(heading).toBe('11-21 09:12:33');
    expect(groups.flatMap(({ facts }) => facts.map(({ name }) => name))).toContain('GPU KV cache usage');
  });

  it('as a table: lowest, highest, when, last, missing', () => {
    const set = gaugeSet(readings([gauge({ granularity: 1e5 }, [100e6, NaN, 300e6, 200e6])], 'none'));
    const text = (range: { from: number; to: number } | null): string =>
      gaugesTable(set, range, 'decimal')
        .rows[0].cells.map((cell) => cell.text)
        .join(' | ');
    expect(text(null)).toBe('Memory used | 100 MB | 300 MB | sample 2,000,000,001 | 200 MB | 4 | 1');
    expect(gaugesTable(set, null, 'decimal').rows[0].cells[0].title).toContain('printed to 0.1 MB');
    expect(text({ from: 3e9, to: 4e9 })).toMatch(/^Memory used \| 200 MB \| 200 MB/);
  });
});

describe('units', () => {
  it.each([
    [2 ** 20, 'bytes', '1 MiB'],
    [1e5, 'bytes', '0.1 MB'],
    [0.01 * 2 ** 30, 'bytes', '0.01 GiB'],
    [1e6, 'bytes', '1 MB'],
    [0.1 * 2 ** 20, 'bytes', '0.1 MiB'],
    [0.01, 'ratio', '1 %'],
    [0.001, 'ratio', '0.1 %'],
    [0.1, 'tokens_per_second', '0.1 tokens/s'],
    [0, 'bytes', ''],
  ] as const)('a last digit of %d %s is "%s"', (width, unit, words) => {
    expect(formatGranularity(width, unit, 'binary')).toBe(words);
  });

  it.each([
    [0.997, 'ratio', '99.7 %'],
    [1.5 * 2 ** 30, 'bytes', '1.5 GiB'],
    [1234.5, 'tokens_per_second', '1,234.5 tokens/s'],
    [41, 'celsius', '41 °C'],
    [NaN, 'count', 'missing'],
    [2.5e9, 'nanoseconds', '2.50 s'],
  ] as const)('%d as %s is %s', (value, unit, words) => {
    expect(formatQuantity(value, unit, 'binary')).toBe(words);
  });

  it('shares go to 100 % unless all of them are small', () => {
    const top = (max: number): string | undefined => quantityTicks(max, 5, 'ratio', 'binary').at(-1)?.label;
    expect([top(0.6), top(0.03), top(0)]).toEqual(['100 %', '3 %', '100 %']);
  });
});

describe('clocks', () => {
  const at = BigInt(Date.UTC(2026, 10, 21, 23, 59, 58)) * 1_000_000n;

  it('a clock without a zone shows the digits that were printed', () => {
    expect(formatMoment('local', at + 250_000_000n)).toBe('2026-11-21 23:59:58.25');
    expect(formatMoment('none', 11n)).toBe('sample 12');
    expect(clockWords('local')).toMatch(/no time zone/);
    expect(clockWords('wall')).toBe('');
  });

  it('ticks are at round times of day, and say when a day begins', () => {
    const ticks = clockTicks('local', at, { from: 0, to: 6e9 }, 6);
    expect(ticks.map(({ label }) => label)).toEqual([
      '11-21 23:59:58',
      '23:59:59',
      '11-22 00:00:00',
      '00:00:01',
      '00:00:02',
      '00:00:03',
      '00:00:04',
    ]);
    expect(ticks.map((tick) => tick.at)).toEqual([0, 1e9, 2e9, 3e9, 4e9, 5e9, 6e9]);
    const hours = clockTicks('local', at, { from: 0, to: 86_400e9 }, 8).map(({ label }) => label);
    expect(hours[0]).toBe('11-22 00:00');
    expect(hours.every((label) => /\d\d:00$/.test(label))).toBe(true);
  });

  it('close up, they have fractions', () => {
    const ticks = clockTicks('local', at, { from: 0, to: 5e8 }, 5);
    expect(ticks[1].label).toBe('23:59:58.1');
  });

  it('without a clock, samples are counted from one', () => {
    expect(clockTicks('none', 0n, { from: 0, to: 4 }, 4).map(({ label }) => label)).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
  });
});

describe('the headline', () => {
  it('tells the fullest GPU, at the end and at the peak', () => {
    const [card] = readingsCards(gaugeSet(smi), 'binary');
    expect(card).toMatchObject({
      label: 'Memory used',
      peak: '79.1 GiB',
      note: 'Highest of 8 series: GPU 7 at the end, GPU 2 at the peak.',
    });
  });

  it('says nothing of what never moves', () => {
    expect(readingsCards(gaugeSet(dcgm), 'binary').map(({ label }) => label)).toEqual(['Memory used']);
  });
});

it('readings of a device: its own, those of none, and those that have no page', () => {
  const of = (device: number | null): Gauge => gauge({ device });
  const source = {
    devices: [{ device: 0 }, { device: 1 }],
    readings: readings([of(0), of(1), of(null), of(7)]),
  } as unknown as SourceView;
  expect(readingsOfDevice(source, 1)?.gauges.map(({ device }) => device)).toEqual([1, null, 7]);
  expect(readingsOfDevice({ ...source, readings: readings([]) }, 1)).toBeNull();
});
