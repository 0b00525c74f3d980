/** Plain sentences about sources, devices and ranges. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatDuration, formatInteger } from '../../base/units.ts';
import { count, deviceLabel } from '../../base/words.ts';
import type {
  Axis,
  DeviceView,
  EngineStatus,
  Progress,
  RangeAnswer,
  RanOn,
  SourceView,
} from '../../engine/protocol.ts';
import type { Span } from './viewport.ts';

/**
 * A moment from the start of the recording: "12.346 s", "121.9 ms". Neighbours `step` ns apart, two pixels of a view say,
 * are told apart; without one, to the millisecond and to three digits below it.
 */
export function formatInstant(ns: number, step = 1e6): string {
  if (ns === 0) return '0 s';
  const size = Math.abs(ns);
  if (size < 1e3 || (size < 1e6 && step >= 1e5)) return formatDuration(ns);
  const [unit, name] = size < 1e6 ? [1e3, 'µs'] : size < 1e9 ? [1e6, 'ms'] : [1e9, 's'];
  const needed = Math.ceil(-Math.log10(step / unit) - 1e-9);
  const least = size < 1e9 ? 1 : 0;
  return `${(ns / unit).toFixed(Math.min(9, Math.max(least, needed)))} ${name}`;
}

/** Pixels that a view is taken to have where moments of it are written. */
const PIXELS = 1000;
export const stepOf = ({ from, to }: Span): number => Math.max(1, (to - from) / PIXELS);

/** Local wall-clock time of an absolute moment, to the microsecond; null on other clocks. */
export function wallTime(timeNs: bigint, clock: DeviceView['clock']): string | null {
  if (clock !== 'wall') return null;
  const date = new Date(Number(timeNs / 1_000_000n));
  if (Number.isNaN(date.getTime())) return null;
  const two = (value: number): string => String(value).padStart(2, '0');
  const micro = String((timeNs / 1000n) % 1_000_000n).padStart(6, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${micro}`;
}

/** `view`: to its precision. */
export const formatX = (axis: Axis, x: number, view?: Span): string =>
  axis === 'time'
    ? formatInstant(x, view === undefined ? undefined : stepOf(view))
    : `event ${formatInteger(Math.floor(x))}`;

/** "vLLM log, written by vLLM 0.10.2"; what one of the two says already is said once. */
function titleAndWriter({ formatTitle, producer }: SourceView): string {
  const title = formatTitle === '' ? 'A file of unknown format' : formatTitle;
  if (producer === '' || title.startsWith(producer)) return title;
  return producer.startsWith(title) ? producer : `${title}, written by ${producer}`;
}

export function describeSource(source: SourceView, unit: ByteUnit): string {
  const size = formatBytes(source.bytes, unit);
  return `${titleAndWriter(source)}. ${size}, ${count(source.rows, 'row')}, read in ${formatDuration(source.milliseconds * 1e6)}.`;
}

function deviceName(device: DeviceView, unit: ByteUnit): string {
  const facts = [device.name, device.totalBytes === null ? null : formatBytes(device.totalBytes, unit)];
  const known = facts.filter((fact) => fact !== null);
  return known.length === 0
    ? deviceLabel(device.device)
    : `${deviceLabel(device.device)} (${known.join(', ')})`;
}

/** "GPU 0 (NVIDIA H100, 79.18 GiB), recorded from 2026-11-21 09:11:53.", and then what the engine knows. */
export function describeDevice(device: DeviceView, unit: ByteUnit): string {
  const started = wallTime(device.base, device.clock);
  const from = started === null ? '' : `, recorded from ${started.slice(0, 19)}`;
  const clock = device.clock === 'none' ? 'The file has no times: events are counted instead.' : '';
  return [`${deviceName(device, unit)}${from}.`, ...device.sentences, clock]
    .filter((text) => text !== '')
    .join(' ');
}

/** What can be clicked on a device's page. */
export function deviceHint({ producer, hasStacks, kernels }: DeviceView): string {
  const holders = producer !== 'nsys' || hasStacks;
  return [
    "Click the timeline to see the event there, its stack and every curve's value at that moment.",
    kernels === null ? '' : 'Click the kernels below it to see what ran.',
    holders ? 'Click a row of "Who holds it" to see the whole stack.' : '',
  ]
    .filter((text) => text !== '')
    .join(' ');
}

/** "9,412 alloc, 9,230 free_completed": most frequent first, none that never came. */
export function describeEvents(events: Readonly<Record<string, number>>): string {
  return Object.entries(events)
    .filter(([, n]) => n > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([action, n]) => `${formatInteger(n)} ${action}`)
    .join(', ');
}

/** What the tables and histograms speak of; always said in words. */
export function describeRange(
  selection: Span | null,
  axis: Axis,
  whole: Span,
  answer: RangeAnswer | null,
): string {
  const span = selection ?? whole;
  const rows = answer === null ? '' : `, ${count(Math.max(0, answer.rows[1] - answer.rows[0]), 'event')}`;
  if (axis === 'event') {
    const text = `events ${formatInteger(Math.floor(span.from))} to ${formatInteger(Math.ceil(span.to) - 1)}`;
    return selection === null ? `Whole recording: ${text}` : `Chosen range: ${text}${rows}`;
  }
  const length = formatDuration(span.to - span.from);
  return selection === null
    ? `Whole recording: ${length}${rows}`
    : `Chosen range: ${formatInstant(span.from, stepOf(span))} to ${formatInstant(span.to, stepOf(span))} (${length})${rows}`;
}

/** "indexing train.pickle: 1.20 MiB of 1.82 MiB". */
export function describeProgress(progress: Progress, unit: ByteUnit): string {
  const done = formatBytes(progress.doneBytes, unit);
  return progress.totalBytes > 0
    ? `${progress.stage}, ${done} of ${formatBytes(progress.totalBytes, unit)}`
    : `${progress.stage}, ${done}`;
}

export function describeStatus(status: EngineStatus | null): string {
  if (status === null) return 'Starting the engine';
  switch (status.gpu) {
    case 'ready':
      return `GPU: ${status.adapter}`;
    case 'software':
      return `GPU: ${status.adapter}, in software`;
    case 'off':
      return 'GPU: switched off';
    case 'lost':
      return `GPU: lost (${status.adapter})`;
    case 'absent':
      return `GPU: none (${status.adapter})`;
  }
}

/** "Timeline on the CPU in 12.4 ms: fewer than 65,536 rows". */
export function describeRanOn(ranOn: RanOn): string {
  const reason = ranOn.reason === '' ? '' : `: ${ranOn.reason}`;
  return `Timeline on the ${ranOn.where.toUpperCase()} in ${formatDuration(ranOn.milliseconds * 1e6)}${reason}`;
}
