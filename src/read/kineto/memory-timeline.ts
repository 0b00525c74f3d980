/**
 * Reads what `prof.export_memory_timeline()` writes: bytes by category over time, of one device.
 * https://docs.pytorch.org/docs/stable/profiler.html#torch.profiler._KinetoProfile.export_memory_timeline
 *
 *   NAME.json      [[t_us, ...], [[0, parameter, optimizer, input, temporary, activation, gradient, autograd, unknown], ...]]
 *   NAME.raw.json  [[t_ns, action, bytes, category], ...]; action 1 there before, 2 created, 3 written, 4 destroyed
 *
 * The raw form is replayed, to the nanosecond and the byte. Not read: NAME.html, which holds a picture (PNG) only.
 */
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger } from '../../base/units.ts';
import { JsonCursor } from '../../file/json-tokens.ts';
import type { Warning } from '../../trace/capture.ts';
import type { Gauge } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { headText, passOver } from '../lines/json-pass.ts';
import { CATEGORIES, CategoryCurves } from './memory-timeline-curves.ts';
import { numbersAt } from './memory-timeline-rows.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from '../reader.ts';

const FORMAT = 'memory-timeline';
const LISTED_WARNINGS = 10;
/** 2001 in ns: earlier "times" are no Unix time. */
const EPOCH_FROM = 1_000_000_000_000_000_000n;

const CREATED = 2;
const WRITTEN = 3;
const DESTROYED = 4;
const THERE_BEFORE = 1;

class TimelineReading {
  readonly curves = new CategoryCurves();
  readonly warnings: Warning[] = [];
  skipped = 0;
  rows = 0;
  granularity_ns = 1n;
  private unsorted = 0;
  private last_ns = -1n;

  constructor(private readonly json: JsonCursor) {}

  /** `[[t_ns, action, bytes, category], ...]`, inside the outer array. */
  async readRaw(): Promise<void> {
    await this.json.restOfItems({
      step: (bytes, at, end, isLast) => {
        const row = numbersAt(bytes, at, end, isLast, 4);
        if (typeof row === 'number') return row;
        const { after, first, rest } = row;
        const [action, size, category] = rest;
        if (first === null || !this.replay(first, action, size, category)) this.skip(this.json.offsetIn(at));
        return after;
      },
      onBroken: (offset) => this.skip(offset),
    });
  }

  private replay(t_ns: bigint, action: number, size: number, category: number): boolean {
    if (!Number.isSafeInteger(size) || !(category in CATEGORIES)) return false;
    // Destroyed is written with its size as it is or negated, depending on the version.
    const change = action === DESTROYED ? -Math.abs(size) : size;
    if (action !== CREATED && action !== DESTROYED && action !== WRITTEN && action !== THERE_BEFORE)
      return false;
    this.rows++;
    if (t_ns < 0n) {
      this.curves.before(category, change);
      return true;
    }
    if (t_ns < this.last_ns) this.unsorted++;
    this.last_ns = t_ns;
    this.curves.change(t_ns, category, change);
    return true;
  }

  /** `[times, sizes]`, inside the outer array. */
  async readCoalesced(): Promise<void> {
    this.granularity_ns = 1000n;
    const { json } = this;
    const times: (bigint | null)[] = [];
    const onBroken = (offset: number): void => this.skip(offset);
    await json.items({
      step: (bytes, at, end, isLast) => {
        const time = numbersAt(bytes, at, end, isLast, 0);
        if (typeof time === 'number') return time;
        times.push(time.first === null ? null : time.first * 1000n);
        return time.after;
      },
      onBroken,
    });
    if (!(await json.nextItem())) return;
    let row = 0;
    await json.items({
      step: (bytes, at, end, isLast) => {
        const sizes = numbersAt(bytes, at, end, isLast, CATEGORIES.length + 1);
        if (typeof sizes === 'number') return sizes;
        const time_ns = times[row];
        if (row < times.length) {
          if (time_ns === null || sizes.first === null) this.skip(json.offsetIn(at));
          else {
            this.rows++;
            this.curves.state(time_ns, sizes.rest);
          }
        }
        row++;
        return sizes.after;
      },
      onBroken,
    });
    if (row !== times.length) {
      this.skipped += Math.abs(row - times.length);
      this.warnings.push({
        message: `There are ${formatInteger(times.length)} times and ${formatInteger(row)} rows of sizes: what has no partner was left out.`,
        offset: null,
      });
    }
    await json.nextItem();
  }

  private skip(offset: number): void {
    if (++this.skipped <= LISTED_WARNINGS)
      this.warnings.push({ message: 'A row that is not of this format was left out.', offset });
  }

  outcome(error: TraceError | null, name: string): ReadOutcome {
    const { warnings, json } = this;
    if (this.skipped > LISTED_WARNINGS)
      warnings.push({ message: `${formatInteger(this.skipped)} rows were left out in all.`, offset: null });
    if (this.unsorted > 0)
      warnings.push({
        message: `${formatInteger(this.unsorted)} rows are earlier than the one before them; they were put in order.`,
        offset: null,
      });
    if (json.isCut && error === null)
      warnings.push({ message: 'The file ends early. What came before was read.', offset: json.offset });
    const { time_ns, values, lowest } = this.curves.finish();
    if (lowest < 0)
      warnings.push({
        message: `More is destroyed than was there: a category falls to ${formatInteger(lowest)} bytes.`,
        offset: null,
      });
    const isRaw = this.granularity_ns === 1n;
    const gauges = CATEGORIES.map(({ id, label }, category): Gauge => ({
      id,
      label,
      unit: 'bytes',
      device: null,
      labels: { category: id },
      time_ns,
      value: values[category],
      granularity: 0,
      note: isRaw ? null : 'Times in whole microseconds, rounded by PyTorch to a quarter of one before.',
    }));
    if (this.rows === 0 && error === null) {
      error = new TraceError('corrupt', 'There is no readable row in this memory timeline.', {
        file: name,
        format: FORMAT,
        offset: json.offset,
        advice: 'Record it again: prof.export_memory_timeline("timeline.raw.json.gz", device="cuda:0").',
      });
    }
    const data = sourceData({
      producer: `PyTorch profiler, memory timeline (${isRaw ? 'raw events' : 'coalesced by microsecond'})`,
      rows: this.rows,
      skipped: this.skipped,
      warnings,
      notRecorded: [
        'A memory timeline names no device: it holds the one it was exported for. It has neither stacks nor reserved memory.',
      ],
      readings: {
        clock: time_ns.length === 0 || time_ns[0] >= EPOCH_FROM ? 'wall' : 'local',
        gauges: this.rows === 0 ? [] : gauges,
      },
    });
    return { data, error };
  }
}

async function read(input: ReaderInput, context: ReaderContext): Promise<ReadOutcome> {
  const json = new JsonCursor(input.chunks(), context);
  const reading = new TimelineReading(json);
  const error = await passOver(json, input, FORMAT, async () => {
    await json.enter();
    // Both begin with "[["; what follows the first number tells: a long list of times, or four numbers.
    if (await json.nextItem()) {
      if (isRawHead(await json.ahead(200))) await reading.readRaw();
      else await reading.readCoalesced();
    }
  });
  return reading.outcome(error, input.name);
}

const RAW = /^\s*\[\s*-?\d+\s*,\s*[1-4]\s*,\s*-?\d+\s*,\s*[0-7]\s*\]/;
/** Times in µs, at least two (or the one, and its sizes): no action stands second. */
const COALESCED = /^\s*\[\s*-?\d{1,17}\s*(?:,\s*\d{3,17}\s*)*(?:,\s*\d{0,17}\s*$|\]\s*,\s*\[\s*\[\s*0\s*,|$)/;

const isRawHead = (text: string): boolean => RAW.test(text);

function sniff(head: Head): Sniff {
  const text = headText(head, 4096);
  const inside = /^\s*\[/.exec(text);
  if (inside === null) return { score: 0, reason: 'no list' };
  const rest = text.slice(inside[0].length);
  if (RAW.test(rest))
    return { score: 0.95, reason: 'a list of [time, action, bytes, category]: a raw memory timeline' };
  if (COALESCED.test(rest))
    return { score: 0.9, reason: 'a list of times and a list of sizes: a memory timeline' };
  return { score: 0, reason: 'a list, but not of times and sizes' };
}

export const memoryTimelineReader: Reader = {
  format: FORMAT,
  title: 'PyTorch memory timeline',
  sniff,
  read,
};
