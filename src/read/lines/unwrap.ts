/**
 * What a program printed, out of what carried it: one step before all readers of lines.
 *
 *   {"time": "2026-03-01T12:00:00Z", "level": "info", "msg": "allocated: 1.5 GiB"}        JSON lines
 *   2026-03-01T12:00:00.123456789Z stdout F allocated: 1.5 GiB                             containerd, docker logs -t
 *   Mar 01 12:00:00 gpu07 python[4101]: allocated: 1.5 GiB                                 journald, syslog
 *   trainer-1  | allocated: 1.5 GiB                                                        docker compose
 *   > allocated: 1.5 GiB                                                                   mail, chat
 *
 * The time that the carrier printed stays the line's. What says who printed it (a rank, a process) is no carrier's and
 * is left to the readers, except where nobody understands the line with it.
 */
import { stripColours } from './colours.ts';

export interface Unwrapped {
  /** A message may hold several lines. */
  readonly lines: readonly string[];
  /** As the carrier printed it; null: it did not. */
  readonly time: string | null;
  /** Where nobody understands what was carried, the line itself is tried. */
  readonly isJson: boolean;
}

/** Where loggers put what was printed, the likelier first; a path goes into objects. */
const MESSAGES: readonly (readonly string[])[] = [
  ['msg'],
  ['message'],
  ['log'],
  ['text'],
  ['textPayload'],
  ['MESSAGE'],
  ['line'],
  ['body'],
  ['event'],
  ['@message'],
  ['short_message'],
  ['Body'],
  ['content'],
  ['fields', 'message'],
  ['jsonPayload', 'message'],
  ['record', 'message'],
  ['log', 'message'],
];
const TIMES: readonly string[] = [
  'time',
  'timestamp',
  '@timestamp',
  'ts',
  'asctime',
  'datetime',
  'date',
  'created',
  't',
];
const LONGEST_JSON = 1 << 18;
const MOST_LINES = 2000;

const CARRIED: readonly RegExp[] = [
  // containerd and CRI-O, docker logs -t, kubectl logs --timestamps, runners of CI
  /^(?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) (?:std(?:out|err) [FP](?: |$))?/,
  // journalctl, /var/log/syslog
  /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? [\w.-]{1,64} [\w.@/:-]{1,64}\[\d{1,9}\]: /,
  /^(?<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) [\w.-]{1,64} [\w.@/:-]{1,64}\[\d{1,9}\]: /,
  // docker compose
  /^[A-Za-z][\w.-]{0,60}[-_]\d{1,4} {1,40}\| ?/,
  // kubetail, stern, kubectl logs --prefix
  /^\[(?:pod\/)?[a-z][\w.-]{1,80}[/ ][a-z][\w.-]{0,80}\] /,
];
const MARKS = /^(?:[ \t]{0,3}>(?!>>) ?){1,6}(?=\S)/;
/** A rank or a stream of a launcher, before lines that readers know from their beginning alone. */
const LAUNCHED =
  /^\s{0,4}(?:\[(?:rank|default|RANK ?)\d{1,5}\]:? ?|\[\d{1,4},\d{1,5}\]<std(?:out|err)>: ?|\d{1,5}: (?=[|+\s\d[])|\(\w{1,60}(?: pid=\d{1,9}(?:, ip=[\d.:a-f]{3,45})?)\) |[a-z][\w.-]{0,60}\d: |[\w.-]{1,60} {1,40}\| )/;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function at(value: Readonly<Record<string, unknown>>, path: readonly string[]): string | null {
  let found: unknown = value;
  for (const key of path) {
    if (!isRecord(found) || !Object.hasOwn(found, key)) return null;
    found = found[key];
  }
  return typeof found === 'string' ? found : null;
}

/** A time as loggers write it: text, or seconds, milliseconds, microseconds or nanoseconds since 1970. */
function timeIn(value: Readonly<Record<string, unknown>>): string | null {
  for (const key of TIMES) {
    const time = Object.hasOwn(value, key) ? value[key] : null;
    if (typeof time === 'string' && /^\d{4}[-/]\d\d[-/]\d\d[T ]/.test(time)) return time.slice(0, 40);
    if (typeof time !== 'number' || !(time > 1e9)) continue;
    const power = time < 1e11 ? 1000 : time < 1e14 ? 1 : time < 1e17 ? 1e-3 : 1e-6;
    const date = new Date(time * power);
    if (!Number.isNaN(date.getTime()) && date.getUTCFullYear() < 2200) return date.toISOString();
  }
  return null;
}

function fromJson(text: string): Unwrapped | null {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{"') && !/^\{\s{0,4}"/.test(trimmed)) return null;
  if (!trimmed.endsWith('}') || trimmed.length > LONGEST_JSON) return null;
  // Cheap: most lines of JSON carry no message.
  if (
    !/"(?:msg|@?message|MESSAGE|log|text|textPayload|line|[bB]ody|event|short_message|content)"/.test(trimmed)
  )
    return null;
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    return null;
  }
  if (!isRecord(value)) return null;
  for (const path of MESSAGES) {
    const message = at(value, path);
    if (message === null) continue;
    const lines = withoutLineEnds(message)
      .split(/\r\n|\n|\r/, MOST_LINES)
      .map(stripColours);
    return {
      lines: lines.flatMap((line) => unwrap(line)?.lines ?? [line]),
      time: timeIn(value),
      isJson: true,
    };
  }
  return null;
}

/** What a line carries; null: it stands for itself. */
export function unwrap(line: string): Unwrapped | null {
  const marks = MARKS.exec(line);
  let text = marks === null ? line : line.slice(marks[0].length);
  const json = fromJson(text);
  if (json !== null) return json;
  let time: string | null = null;
  for (const pattern of CARRIED) {
    const found = pattern.exec(text);
    if (found === null) continue;
    text = text.slice(found[0].length);
    time ??= found.groups?.['time'] ?? null;
  }
  if (text.length === line.length) return null;
  const inner = fromJson(text);
  return inner === null ? { lines: [text], time, isJson: false } : { ...inner, time: inner.time ?? time };
}

/** A line without what a launcher put before it; null: there is nothing of the kind. */
export function withoutLauncher(line: string): string | null {
  const found = LAUNCHED.exec(line);
  return found === null ? null : line.slice(found[0].length);
}

/** Not by a pattern: one that ends in $ is tried again at every line end of a long message. */
function withoutLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === '\n' || text[end - 1] === '\r')) end--;
  return text.slice(0, end);
}
