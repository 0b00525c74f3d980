/**
 * Reads Prometheus' text exposition, as `curl http://server:8000/metrics` gives it, once or many times into one
 * file: https://prometheus.io/docs/instrumenting/exposition_formats/ and OpenMetrics. A series that comes again
 * begins the next scrape. Times are those printed with samples, else those of a line like
 * `=== 2026-11-21 09:12:29 ===` or of `date` between scrapes; without either, scrapes are numbered.
 *
 * Not read: buckets of histograms and quantiles of summaries (counted), exemplars, help texts. Metrics that are
 * not about a GPU, its memory or a KV cache are one table with their last values. What metrics mean:
 * metric-names.ts.
 *
 * Long because the series, tables and times of a scrape are one state that every line may change.
 */
import { formatInteger } from '../../base/units.ts';
import { emptyTable } from '../../base/lookup.ts';
import { TraceError } from '../../base/trace-error.ts';
import type { TextLine } from '../../file/text-lines.ts';
import type { SourceData } from '../../trace/capture.ts';
import type { DataTable, Gauge } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { CountedWarnings } from '../lines/counted-warnings.ts';
import { deviceOf, isBlank, metricOf, type Metric } from './metric-names.ts';
import { nanoseconds, separatorTime } from '../lines/printed-time.ts';
import { parseSample, type Sample } from './prometheus-line.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';
import { headLines, looksLikeText, passOverLines, withoutHome } from '../lines/text-pass.ts';

const LINE_LENGTH = 65536;
const MOST_SERIES = 20_000;
const MOST_OTHERS = 5000;
const MOST_INFO_ROWS = 1000;
const MOST_INFO_COLUMNS = 200;

interface Series {
  readonly metric: Metric;
  readonly sample: Sample;
  /** ms; NaN: the scrape has no time. */
  readonly times: number[];
  readonly scrapes: number[];
  readonly values: number[];
}

interface Other {
  readonly sample: Sample;
  value: number;
  count: number;
}

class Exposition {
  readonly warnings = new CountedWarnings();
  rows = 0;
  skipped = 0;
  scrapes = 0;
  buckets = 0;
  quantiles = 0;
  otherLines = 0;
  private readonly kinds = new Map<string, string>();
  private readonly series = new Map<string, Series>();
  private readonly others = new Map<string, Other>();
  private readonly infos = new Map<string, Sample[]>();
  private readonly devices = new Map<string, number | null>();
  /** Series of the scrape that is going on. */
  private inScrape = new Set<string>();
  private scrapeMs = NaN;
  private hasWall = false;
  private hasLocal = false;

  readonly onLine = ({ text, offset, cut }: TextLine): void => {
    if (cut || text.length > LINE_LENGTH) {
      this.skip('A line too long for a sample was left out.', offset);
      return;
    }
    const line = text.trim();
    if (line === '') return;
    if (line.startsWith('#')) {
      const type = /^#\s*TYPE\s+(\S+)\s+(\w+)/.exec(line);
      if (type) this.kinds.set(type[1], type[2]);
      else if (!/^#\s*(?:HELP|UNIT|EOF)\b/.test(line)) this.time(line);
      return;
    }
    const sample = parseSample(line);
    if (sample !== null) this.sample(sample, offset);
    else if (!this.time(line)) {
      this.otherLines++;
      if (/^[a-zA-Z_:][\w:]*\{/.test(line)) {
        this.skip('A sample that cannot be read was left out.', offset);
      }
    }
  };

  describe(): SourceData {
    const clock = this.hasWall ? 'wall' : this.hasLocal ? 'local' : 'none';
    const gauges = [...this.series.values()].map((series) => this.gauge(series, clock));
    const tables = [...this.infoTables(), ...this.otherTable()];
    const settings: [string, string][] = [['Scrapes', formatInteger(this.scrapes)]];
    if (this.buckets > 0) {
      settings.push(['Samples of histogram buckets, not shown', formatInteger(this.buckets)]);
    }
    if (this.quantiles > 0) {
      settings.push(['Samples of summary quantiles, not shown', formatInteger(this.quantiles)]);
    }
    if (this.otherLines > 0) {
      settings.push(['Lines that are no samples', formatInteger(this.otherLines)]);
    }
    return sourceData({
      producer: this.producer(gauges),
      rows: this.rows,
      skipped: this.skipped,
      warnings: this.warnings.list(),
      notRecorded: this.notRecorded(gauges, clock),
      settings,
      readings: { clock, gauges, tables },
    });
  }

  private skip(message: string, offset: number): void {
    this.skipped++;
    this.warnings.add(message, offset);
  }

  /** A line that is a time: that of the scrape after it. */
  private time(line: string): boolean {
    const time = separatorTime(line);
    if (time === null) return false;
    this.scrapeMs = time.ms;
    this.inScrape.clear();
    if (time.clock === 'wall') this.hasWall = true;
    else this.hasLocal = true;
    return true;
  }

  private sample(sample: Sample, offset: number): void {
    const { name, labels } = sample;
    this.rows++;
    if ('le' in labels && (name.endsWith('_bucket') || this.kinds.get(name) === 'histogram')) {
      this.buckets++;
      return;
    }
    if ('quantile' in labels) {
      this.quantiles++;
      return;
    }
    let key = name;
    for (const label in labels) key += `\t${label}=${labels[label]}`;
    if (this.inScrape.size === 0) this.scrapes++;
    if (this.inScrape.has(key)) {
      this.inScrape.clear();
      this.scrapes++;
      // The time of a line above belongs to the scrape that it heads, not to those after.
      this.scrapeMs = NaN;
    }
    this.inScrape.add(key);
    if (sample.ms !== null) {
      this.hasWall = true;
      if (Number.isNaN(this.scrapeMs)) this.scrapeMs = sample.ms;
    }
    if (name === 'nvidia_smi_index' || name === 'nvidia_smi_gpu_info') this.identify(sample);
    if (name.endsWith('_info') && sample.value === 1) {
      this.info(sample, offset);
      return;
    }
    const metric = metricOf(name);
    if (metric === null) this.other(key, sample, offset);
    else this.add(key, metric, sample, offset);
  }

  private add(key: string, metric: Metric, sample: Sample, offset: number): void {
    let value = sample.value;
    if (isBlank(sample.name, value)) {
      this.warnings.add(
        `${sample.name} has the value that stands for "not available" (${value}); it was taken as missing.`,
        offset,
      );
      value = NaN;
    } else if (!Number.isFinite(value)) {
      this.warnings.add(`${sample.name} reads ${value}; it was taken as missing.`, offset);
      value = NaN;
    }
    let series = this.series.get(key);
    if (series === undefined) {
      if (this.series.size >= MOST_SERIES) {
        this.skip(`More than ${formatInteger(MOST_SERIES)} series: further ones were left out.`, offset);
        return;
      }
      series = { metric, sample, times: [], scrapes: [], values: [] };
      this.series.set(key, series);
    }
    series.times.push(sample.ms ?? this.scrapeMs);
    series.scrapes.push(this.scrapes - 1);
    // A percentage is a hundredth: dividing rounds once, multiplying by 0.01 twice.
    series.values.push(metric.scale === 0.01 ? value / 100 : value * metric.scale);
  }

  private other(key: string, sample: Sample, offset: number): void {
    const known = this.others.get(key);
    if (known !== undefined) {
      known.value = sample.value;
      known.count++;
    } else if (this.others.size < MOST_OTHERS) {
      this.others.set(key, { sample, value: sample.value, count: 1 });
    } else {
      this.skip(
        `More than ${formatInteger(MOST_OTHERS)} series that are not about GPU memory: further ones were left out.`,
        offset,
      );
    }
  }

  private info(sample: Sample, offset: number): void {
    const rows = this.infos.get(sample.name) ?? [];
    this.infos.set(sample.name, rows);
    const text = JSON.stringify(sample.labels);
    if (rows.some(({ labels }) => JSON.stringify(labels) === text)) return;
    if (rows.length < MOST_INFO_ROWS) rows.push(sample);
    else
      this.skip(
        `More than ${formatInteger(MOST_INFO_ROWS)} rows of ${sample.name}: further ones were left out.`,
        offset,
      );
  }

  /** nvidia_gpu_exporter names GPUs by UUID, and tells their index beside it. */
  private identify({ name, labels, value }: Sample): void {
    const { uuid } = labels;
    const index = name === 'nvidia_smi_index' ? value : Number(labels['index'] ?? NaN);
    if (uuid === undefined || !Number.isInteger(index) || index < 0 || index > 9999) return;
    const known = this.devices.get(uuid);
    this.devices.set(uuid, known === undefined || known === index ? index : null);
  }

  private gauge({ metric, sample, times, scrapes, values }: Series, clock: 'wall' | 'local' | 'none'): Gauge {
    const labels = emptyTable<string>();
    for (const label in sample.labels) labels[label] = withoutHome(sample.labels[label]);
    let device = deviceOf(sample.labels);
    if (device !== null) delete labels['gpu'];
    device ??= this.devices.get(sample.labels['uuid']) ?? null;
    let order = Array.from(times.keys());
    if (clock !== 'none') {
      const timed = order.filter((i) => !Number.isNaN(times[i]));
      if (timed.length < order.length) {
        this.warnings.add(
          `Samples of ${sample.name} have no time while others of the file have one; they were left out.`,
          null,
          order.length - timed.length,
        );
        this.skipped += order.length - timed.length;
      }
      if (timed.some((i, n) => n > 0 && times[i] < times[timed[n - 1]])) {
        this.warnings.add('Times run backwards: samples were sorted by time.', null);
        timed.sort((a, b) => times[a] - times[b] || a - b);
      }
      order = timed;
    }
    return {
      id: sample.name,
      label: metric.label,
      unit: metric.unit,
      device,
      labels,
      time_ns: BigInt64Array.from(order, (i) =>
        clock === 'none' ? BigInt(scrapes[i]) : nanoseconds(times[i]),
      ),
      value: Float64Array.from(order, (i) => values[i]),
      granularity: metric.granularity,
      note: metric.note,
    };
  }

  private infoTables(): DataTable[] {
    return [...this.infos].map(([name, samples]) => {
      const columns = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].slice(
        0,
        MOST_INFO_COLUMNS,
      );
      const note = 'What the server tells of itself in labels.';
      const value = (text: string | undefined): string | null =>
        text === undefined ? null : withoutHome(text);
      // One row of thirty columns is read better on its side.
      if (samples.length === 1) {
        return {
          id: name,
          title: name,
          note,
          columns: [
            { name: 'Label', unit: 'text' },
            { name: 'Value', unit: 'text' },
          ],
          rows: columns.map((column) => [column, value(samples[0].labels[column])]),
        };
      }
      return {
        id: name,
        title: name,
        note,
        columns: columns.map((column) => ({ name: column, unit: 'text' as const })),
        rows: samples.map(({ labels }) => columns.map((column) => value(labels[column]))),
      };
    });
  }

  private otherTable(): DataTable[] {
    if (this.others.size === 0) return [];
    return [
      {
        id: 'prometheus.others',
        title: 'Other metrics',
        note: 'Metrics that are not about a GPU, its memory or a KV cache, with the last value of each.',
        columns: [
          { name: 'Metric', unit: 'text' },
          { name: 'Labels', unit: 'text' },
          { name: 'Samples', unit: 'count' },
          { name: 'Last value', unit: 'number' },
        ],
        rows: [...this.others.values()].map(({ sample, value, count }) => [
          sample.name,
          Object.entries(sample.labels)
            .map(([label, text]) => `${label}=${withoutHome(text)}`)
            .join(', '),
          count,
          Number.isFinite(value) ? value : null,
        ]),
      },
    ];
  }

  private producer(gauges: readonly Gauge[]): string {
    const makers = [
      ['DCGM exporter', /^DCGM_FI_/],
      ['nvidia_gpu_exporter', /^nvidia_smi_/],
      ['vLLM', /^vllm:/],
      ['SGLang', /^sglang:/],
    ] as const;
    const met = makers
      .filter(([, pattern]) => gauges.some(({ id }) => pattern.test(id)))
      .map(([maker]) => maker);
    return met.length === 0 ? 'Prometheus metrics' : `Prometheus metrics (${met.join(', ')})`;
  }

  private notRecorded(gauges: readonly Gauge[], clock: 'wall' | 'local' | 'none'): string[] {
    const told: string[] = [];
    if (this.scrapes <= 1 && gauges.length > 0) {
      told.push(
        'One scrape is one moment. For a curve, scrape again and again: while sleep 1; do date +"=== %F %T ==="; curl -s http://HOST:PORT/metrics; done > metrics.txt',
      );
    } else if (clock === 'none') {
      told.push(
        'The scrapes carry no times, so they are numbered. To have them: date +"=== %F %T ===" before each.',
      );
    }
    if (gauges.length === 0) {
      told.push(
        'No metric in here is about a GPU, its memory or a KV cache (DCGM_FI_DEV_FB_USED, nvidia_smi_*, vllm:*).',
      );
    } else if (!gauges.some(({ unit }) => unit === 'bytes')) {
      told.push(
        'No metric in here tells memory in bytes. DCGM exporter (DCGM_FI_DEV_FB_USED) or nvidia_gpu_exporter do.',
      );
    }
    return told;
  }
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const exposition = new Exposition();
  const pass = await passOverLines(input, context, exposition.onLine);
  const data = exposition.describe();
  if (exposition.rows > 0 || pass.error !== null) return { data, error: pass.error };
  const error = new TraceError(
    'unrecognised',
    `No sample can be read in the ${pass.lines} lines of this text.`,
    {
      file: input.name,
      format: 'prometheus-text',
      offset: data.warnings[0]?.offset ?? 0,
      advice: 'Save what the exporter serves: curl -s http://HOST:PORT/metrics > metrics.txt',
    },
  );
  return { data, error };
}

function sniff(head: Head): Sniff {
  if (!looksLikeText(head.bytes)) return { score: 0, reason: 'not text' };
  const lines = headLines(head.bytes).slice(0, 2000);
  let described = 0;
  let samples = 0;
  let labelled = 0;
  let telling = 0;
  let others = 0;
  for (const line of lines) {
    if (/^# (?:HELP|TYPE) [a-zA-Z_:]/.test(line)) described++;
    else if (line.trim() === '' || line.startsWith('#')) continue;
    else {
      const sample = line.length < LINE_LENGTH ? parseSample(line) : null;
      if (sample === null) others++;
      else {
        samples++;
        if (line.includes('{')) labelled++;
        if (sample.name.includes('_') && metricOf(sample.name) !== null) telling++;
      }
    }
  }
  const found = `${samples} samples of metrics`;
  if (samples === 0)
    return { score: 0, reason: described > 0 ? 'metrics described, none given' : 'no samples of metrics' };
  if (described > 0 && samples >= others)
    return { score: 0.95, reason: `# HELP or # TYPE lines and ${found}` };
  if (others * 4 > samples) return { score: 0, reason: `${others} lines that are no samples of metrics` };
  if (labelled > 0 && telling > 0) return { score: 0.9, reason: `${found}, with labels` };
  if (telling > 0) return { score: 0.6, reason: `${found} about GPUs` };
  return labelled > 0
    ? { score: 0.5, reason: `${found}, none about GPUs` }
    : { score: 0, reason: 'no metrics about GPUs' };
}

export const prometheusTextReader: Reader = {
  format: 'prometheus-text',
  title: 'Prometheus metrics',
  sniff,
  read,
};
