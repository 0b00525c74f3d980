/** The text form of `analyze`: what the page says first, for a terminal. */
import { formatBytes, formatDuration, formatInteger } from '../base/units.ts';
import type { TraceErrorData } from '../base/trace-error.ts';
import { count, deviceLabel } from '../base/words.ts';
import { readingsLines } from './print-readings.ts';
import { vllmMemoryLines } from './print-vllm-memory.ts';
import type { DeviceView, RangeAnswer, SourceView } from '../engine/protocol.ts';

export function errorLines(error: TraceErrorData): string[] {
  const place = error.offset === null || error.offset === 0 ? '' : ` at byte ${formatInteger(error.offset)}`;
  // What is refused is not read as anything: the message says what it is.
  const format = error.format === null || error.code === 'refused' ? '' : `, read as ${error.format}`;
  return [
    `error (${error.code}${place}${format}): ${error.message}`,
    ...(error.advice === null ? [] : [`  do: ${error.advice}`]),
  ];
}

const both = (bytes: number): string =>
  `${formatBytes(bytes, 'binary').padStart(11)} (${formatInteger(bytes)} B)`;

function headlineLines(device: DeviceView): string[] {
  const width = Math.max(0, ...device.headline.map(({ label }) => label.length));
  return device.headline.map(({ label, now, peak, peakExact, peakAtNs, peakRow }) => {
    const current = now === null ? 'not told' : both(now);
    const least = peakExact ? '' : 'at least ';
    const when =
      peak !== null && peak > 0 && peakRow === null
        ? ' before the first event'
        : peakAtNs === null || device.clock === 'none'
          ? ''
          : ` at ${formatDuration(peakAtNs)}`;
    return `  ${label.padEnd(width)} now ${current.padEnd(34)} peak ${peak === null ? 'not told' : least + both(peak).trim() + when}`;
  });
}

/** Most out-of-memory events printed one by one. */
const MOST_OOMS = 5;

function oomLines({ ooms, clock }: DeviceView): string[] {
  const lines = ooms.slice(0, MOST_OOMS).map(({ xNs, row, size, deviceFree }) => {
    const when = clock === 'none' ? `event ${formatInteger(row)}` : formatDuration(xNs);
    const free = deviceFree === null ? '' : `, ${both(deviceFree).trim()} free on the device`;
    return `  out of memory at ${when}: requested ${both(size).trim()}${free}`;
  });
  const more = ooms.length - lines.length;
  return more > 0 ? [...lines, `  and ${formatInteger(more)} more out-of-memory events`] : lines;
}

/** Holders printed one by one. */
export const MOST_HOLDERS = 5;

/** Who holds memory at the end of the recording: a line a stack, the largest first, and what all hold. */
function holderLines({ producer }: DeviceView, { holders, holdersTotal, liveBytes }: RangeAnswer): string[] {
  if (holders.length === 0) return [];
  const shown = holders.slice(0, MOST_HOLDERS);
  const width = Math.max(...shown.map(({ allocations }) => formatInteger(allocations).length));
  const sum = shown.reduce((bytes, holder) => bytes + holder.bytes, 0);
  const rest = holdersTotal - shown.length;
  const requested = producer === 'torch' ? ' requested' : '';
  return [
    `  held at the end, by stack: ${both(liveBytes).trim()}${requested} in ${count(holdersTotal, 'group')}${rest > 0 ? `; the ${shown.length} largest hold ${both(sum).trim()}` : ''}`,
    ...shown.map(
      ({ bytes, allocations, label }) =>
        `    ${both(bytes).padEnd(32)} in ${formatInteger(allocations).padStart(width)} ${allocations === 1 ? 'allocation ' : 'allocations'}  ${label}`,
    ),
  ];
}

function deviceLines(device: DeviceView, range: RangeAnswer | undefined): string[] {
  const of = device.totalBytes === null ? '' : ` of ${formatBytes(device.totalBytes, 'binary')}`;
  const lines = [
    `${device.device < 0 ? deviceLabel(device.device) : `device ${device.device}`}${device.name === null ? '' : ` (${device.name}${of})`}`,
    ...device.sentences.map((sentence) => `  ${sentence}`),
  ];
  const events = Object.entries(device.events).map(([action, count]) => `${action} ${formatInteger(count)}`);
  if (events.length > 0) lines.push(`  events: ${events.join(', ')}`);
  lines.push(...oomLines(device), ...headlineLines(device));
  for (const { kind, current, peak } of device.kinds)
    lines.push(`  ${kind.padEnd(24)} now ${both(current).padEnd(34)} peak ${both(peak).trim()}`);
  if (range !== undefined && device.hasStacks) lines.push(...holderLines(device, range));
  return lines;
}

/** `ranges`: what is alive at the end of each device, by its key; a device without one tells no holders. */
export function sourceLines(source: SourceView, ranges: ReadonlyMap<string, RangeAnswer>): string[] {
  const lines = [
    `${source.file}: ${source.format === null ? 'not read' : `${source.formatTitle}${source.producer === 'unknown' ? '' : `, ${source.producer}`}`}, ${formatInteger(source.bytes)} bytes, ${formatInteger(source.rows)} rows in ${formatDuration(source.milliseconds * 1e6)}`,
  ];
  if (source.error !== null) lines.push(...errorLines(source.error));
  for (const { message } of source.warnings) lines.push(`warning: ${message}`);
  for (const sentence of source.notRecorded) lines.push(`not recorded: ${sentence}`);
  for (const device of source.devices) lines.push(...deviceLines(device, ranges.get(device.key)));
  if (source.readings !== undefined) lines.push(...readingsLines(source.readings));
  lines.push(...vllmMemoryLines(source.vllmMemory ?? []));
  const last = source.summaries.at(-1);
  if (last !== undefined) {
    lines.push(
      `${count(source.summaries.length, 'summary', 'summaries')}; the last (${last.device < 0 ? deviceLabel(last.device) : `device ${last.device}`}${last.label === null ? '' : `, "${last.label}"`})${source.format === 'memory-summary' ? ', rounded down by PyTorch' : ''}${last.ooms + last.retries === 0 ? '' : `; out-of-memory errors ${last.ooms}, retries of cudaMalloc ${last.retries}`}:`,
    );
    for (const [metric, rows] of Object.entries(last.rows)) {
      if (rows['all'] === undefined || !/memory|_bytes/i.test(metric)) continue;
      lines.push(
        `  ${metric.padEnd(24)} now ${formatBytes(rows['all'].current, 'binary').padStart(11)}  peak ${formatBytes(rows['all'].peak, 'binary').padStart(11)}`,
      );
    }
  }
  return lines;
}
