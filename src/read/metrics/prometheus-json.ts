/**
 * Reads answers of Prometheus' HTTP API (`/api/v1/query_range`, `/api/v1/query`): one gauge a series, in bytes.
 * https://prometheus.io/docs/prometheus/latest/querying/api/
 * Several answers may follow each other in one file (a loop of curl); the same series goes on then.
 *
 * Not read: native histograms and string results (counted), annotations other than warnings. Metrics that are
 * about neither a GPU nor its memory are left out and counted.
 */
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger, formatNumber } from '../../base/units.ts';
import { CLOSE_ARRAY, CLOSE_OBJECT, OPEN_ARRAY, OPEN_OBJECT } from '../../file/json-bytes.ts';
import { JsonCursor } from '../../file/json-tokens.ts';
import { isList, isObject, type JsonValue } from '../../file/json-value.ts';
import type { Gauge } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { headText, passOver } from '../lines/json-pass.ts';
import { sampleAt, SeriesSet, type OpenSeries } from './prometheus-series.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';

const FORMAT = 'prometheus-json';
const MAX_LABELS = 64;
const MAX_LABEL = 500;
const MAX_MESSAGES = 20;

/** From so many samples on, and so large a share of what was, a rise is told. */
const LEAST_SAMPLES = 4;
const LEAST_RISE = 0.001;

/**
 * What curves without a name say: sum() and its like drop the name of the metric, and the unit with it. A rise that
 * stays is told in the values as they are, and in bytes should they be DCGM's MiB.
 */
function namelessSentences(gauges: readonly Gauge[]): string[] {
  const own = gauges.filter(({ id, value }) => id === 'nameless' && value.length > 0);
  if (own.length === 0) return [];
  const told = own.slice(0, 8).flatMap(({ value, labels }) => {
    const known = Array.from(value).filter((one) => !Number.isNaN(one));
    if (known.length < LEAST_SAMPLES) return [];
    const quarter = Math.max(1, Math.floor(known.length / 4));
    const level = (values: readonly number[]): number =>
      [...values].sort((a, b) => a - b)[values.length >> 1];
    const [before, after] = [level(known.slice(0, quarter)), level(known.slice(-quarter))];
    const rise = after - before;
    if (!(rise > LEAST_RISE * Math.abs(before))) return [];
    const at = known.findIndex((one) => one >= before + rise / 2);
    const stays = known.slice(at).every((one) => one >= before + rise / 2);
    const who = Object.values(labels).join(', ');
    return [
      `${who === '' ? 'The curve' : who} rises from ${formatNumber(before)} to ${formatNumber(after)}, by ${formatNumber(rise)}${stays ? ', and stays there' : ''}; in MiB that were ${(rise / 1024).toFixed(2)} GiB.`,
    ];
  });
  return [
    `${own.length === 1 ? 'A curve has' : `${own.length} curves have`} no name: sum() and other arithmetic of a query drop it, and the unit with it. The query tells: DCGM_FI_DEV_FB_USED is in MiB, nvidia_smi_memory_used_bytes and vLLM's in bytes. Save the answer without sum(), or name the file for the metric (DCGM_FI_DEV_FB_USED.json), to have bytes.`,
    ...told,
  ];
}

class AnswerReading {
  readonly series: SeriesSet;
  /** What the server itself says against its answer. */
  readonly messages: string[] = [];
  serverError: string | null = null;
  answers = 0;
  otherResults = 0;
  histograms = 0;

  constructor(
    private readonly json: JsonCursor,
    file: string,
  ) {
    this.series = new SeriesSet(file);
  }

  async readAnswer(): Promise<void> {
    const { json } = this;
    this.answers++;
    let status: string | null = null;
    let error: string | null = null;
    await json.enter();
    for (let key; (key = await json.nextKey()) !== null;) {
      if (key === 'status') status = wordOf(await json.take());
      else if (key === 'error') error = wordOf(await json.take());
      else if (key === 'data' && (await json.peek()) === OPEN_OBJECT) await this.readData();
      else if (key === 'warnings' || key === 'infos') this.onMessages(await json.take());
      else await json.skip();
    }
    if (status === 'error' || error !== null) this.serverError ??= error ?? 'it does not say which';
  }

  private async readData(): Promise<void> {
    const { json } = this;
    let type: string | null = null;
    await json.enter();
    for (let key; (key = await json.nextKey()) !== null;) {
      if (key === 'resultType') type = wordOf(await json.take());
      else if (key !== 'result' || (await json.peek()) !== OPEN_ARRAY) await json.skip();
      else if (type === 'scalar' || type === 'string') await this.readScalar(type);
      else await this.readSeriesList();
    }
  }

  private async readScalar(type: string): Promise<void> {
    const offset = this.json.offset;
    const value = await this.json.take();
    if (type === 'string' || !isList(value)) {
      this.otherResults++;
      return;
    }
    const series = this.series.open(offset);
    // A scalar's time has milliseconds: exact in a double as it is written.
    this.series.add(series, plainText(value[0]), plainText(value[1]));
    this.series.close(series, {});
  }

  private async readSeriesList(): Promise<void> {
    const { json } = this;
    await json.enter();
    while (await json.nextItem()) {
      if ((await json.peek()) === OPEN_OBJECT) await this.readSeries();
      else {
        this.otherResults++;
        await json.skip();
      }
    }
  }

  /** `{"metric": {...}, "values": [[t, "v"], ...]}`, or "value" with one sample. */
  private async readSeries(): Promise<void> {
    const { json, series } = this;
    const open = series.open(json.offset);
    let labels: Record<string, string> = {};
    await json.enter();
    for (let key; (key = await json.nextKey()) !== null;) {
      if (key === 'metric') labels = labelsOf(await json.take());
      else if (key === 'values' && (await json.peek()) === OPEN_ARRAY) await this.readSamples(open);
      else if (key === 'value' && (await json.peek()) === OPEN_ARRAY) await this.readSample(open);
      else {
        if (key === 'histogram' || key === 'histograms') this.histograms++;
        await json.skip();
      }
    }
    series.close(open, labels);
  }

  private async readSamples(open: OpenSeries): Promise<void> {
    const { json, series } = this;
    await json.items({
      step: (bytes, at, end, isLast) => {
        const sample = sampleAt(bytes, at, end, isLast);
        if (typeof sample === 'number') return sample;
        if (sample.time === null) series.skip(json.offsetIn(at));
        else series.add(open, sample.time, sample.value);
        return sample.after;
      },
      onBroken: (offset) => series.skip(offset),
    });
  }

  private async readSample(open: OpenSeries): Promise<void> {
    const { json, series } = this;
    await json.enter();
    const offset = json.offset;
    const time = (await json.nextItem()) ? await json.takeText() : undefined;
    const value = time !== undefined && (await json.nextItem()) ? await json.takeText() : undefined;
    if (time === undefined || value === undefined) series.skip(offset);
    else series.add(open, time, value.replaceAll('"', ''));
    while (!json.isCut && (await json.nextItem())) await json.skip();
  }

  private onMessages(value: JsonValue | undefined): void {
    if (!isList(value)) return;
    for (const message of value)
      if (typeof message === 'string' && this.messages.length < MAX_MESSAGES)
        this.messages.push(message.slice(0, MAX_LABEL));
  }

  outcome(error: TraceError | null, file: string): ReadOutcome {
    const { json, series } = this;
    const { gauges, warnings, settings, samples, skipped, damaged } = series.finish();
    for (const message of this.messages)
      warnings.push({ message: `Prometheus says: ${message}`, offset: null });
    if (this.histograms > 0)
      warnings.push({
        message: `${formatInteger(this.histograms)} native histograms were left out: they are no series of values.`,
        offset: null,
      });
    if (this.otherResults > 0)
      warnings.push({
        message: `${formatInteger(this.otherResults)} results that are no series were left out.`,
        offset: null,
      });
    if (json.isCut && error === null)
      error = new TraceError('truncated', 'The file ends early. What came before was read.', {
        file,
        offset: json.offset,
      });
    if (error === null && gauges.length === 0) error = this.nothingError(file, series);
    const data = sourceData({
      producer: 'Prometheus HTTP API',
      rows: samples,
      skipped: skipped + this.histograms + this.otherResults,
      // Series of other things are left out on purpose.
      damage: damaged > 0 ? `${formatInteger(damaged)} samples could not be read` : null,
      warnings,
      notRecorded: [
        ...namelessSentences(gauges),
        'These are samples, taken every so often: what came and went between two of them is not in them, nor who holds the memory.',
      ],
      settings,
      readings: { clock: 'wall', gauges },
    });
    return { data, error };
  }

  private nothingError(file: string, series: SeriesSet): TraceError {
    const at = { file, format: FORMAT, offset: 0 };
    if (this.serverError !== null) {
      return new TraceError(
        'unsupported',
        `This answer of Prometheus is an error: ${this.serverError.slice(0, MAX_LABEL)}`,
        {
          ...at,
          advice: 'Repair the query and save the answer again.',
        },
      );
    }
    return new TraceError(
      'unsupported',
      series.others > 0
        ? `None of the ${formatInteger(series.others)} series in this answer is about a GPU or its memory.`
        : 'This answer of Prometheus holds no samples.',
      {
        ...at,
        advice:
          "Ask for GPU memory: curl -G http://HOST:9090/api/v1/query_range --data-urlencode 'query=DCGM_FI_DEV_FB_USED' -d start=... -d end=... -d step=15.",
      },
    );
  }
}

const wordOf = (value: JsonValue | undefined): string | null => (typeof value === 'string' ? value : null);

const plainText = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

function labelsOf(value: JsonValue | undefined): Record<string, string> {
  if (!isObject(value)) return {};
  const labels = Object.entries(value).slice(0, MAX_LABELS);
  return Object.fromEntries(
    labels.map(([name, told]) => [name.slice(0, MAX_LABEL), plainText(told).slice(0, MAX_LABEL)]),
  );
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const json = new JsonCursor(input.chunks(), context);
  const reading = new AnswerReading(json, input.name);
  const error = await passOver(json, input, FORMAT, async () => {
    for (;;) {
      const byte = await json.peek();
      if (byte === OPEN_OBJECT) await reading.readAnswer();
      // A list of answers (jq -s): its items are read as answers that follow each other.
      else if (byte === OPEN_ARRAY && reading.answers === 0) await json.enter();
      else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || byte === -1) break;
      else await json.skip();
    }
  });
  return reading.outcome(error, input.name);
}

function sniff(head: Head): Sniff {
  const text = headText(head);
  if (!/^\s*(\[\s*)?\{/.test(text)) return { score: 0, reason: 'no JSON object' };
  const hasStatus = /^\s*(\[\s*)?\{\s*"status"\s*:\s*"(success|error)"/.test(text);
  const hasType = /"resultType"\s*:\s*"(matrix|vector|scalar|string)"/.test(text);
  if (hasStatus && hasType) return { score: 0.97, reason: 'an answer of the Prometheus HTTP API' };
  if (hasType && /"result"\s*:\s*\[/.test(text))
    return { score: 0.85, reason: '"resultType" and "result" of the Prometheus HTTP API' };
  if (hasStatus && /"errorType"\s*:/.test(text))
    return { score: 0.8, reason: 'an error of the Prometheus HTTP API' };
  return { score: 0, reason: 'JSON without "resultType"' };
}

export const prometheusJsonReader: Reader = {
  format: FORMAT,
  title: 'Prometheus query result',
  sniff,
  read,
};
