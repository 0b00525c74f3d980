/**
 * One line of Prometheus' text exposition, or of OpenMetrics:
 *   name{label="value",other="a \"quoted\" one"} 4199 1722500000123
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { emptyTable } from '../../base/lookup.ts';
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** NaN and infinities as printed. */
  readonly value: number;
  /** ms since 1970; null: none printed. */
  readonly ms: number | null;
}

const NAME = /[a-zA-Z_:][a-zA-Z0-9_:.]*/y;
const LABEL = /\s*(?:([a-zA-Z_][a-zA-Z0-9_.]*)|"((?:[^"\\]|\\.)*)")\s*/y;
const VALUE =
  /^([+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[Ii]nf(?:inity)?|NaN|nan))(?:\s+(-?\d+(?:\.\d+)?(?:[eE][+]?\d+)?))?\s*$/;
const MOST_LABELS = 64;
const LABEL_LENGTH = 400;
/** Timestamps below are seconds (OpenMetrics), above milliseconds (Prometheus): 1e11 ms was in 1973. */
const SECONDS_BELOW = 1e11;

/** null: not a sample. */
export function parseSample(line: string): Sample | null {
  let at = 0;
  while (line[at] === ' ' || line[at] === '\t') at++;
  const labels = emptyTable<string>();
  NAME.lastIndex = at;
  let name = NAME.exec(line)?.[0] ?? '';
  at += name.length;
  while (line[at] === ' ' || line[at] === '\t') at++;
  if (line[at] === '{') {
    at++;
    for (let count = 0; ; count++) {
      while (line[at] === ' ' || line[at] === ',' || line[at] === '\t') at++;
      if (line[at] === '}') break;
      if (count >= MOST_LABELS) return null;
      LABEL.lastIndex = at;
      const label = LABEL.exec(line);
      if (!label) return null;
      at = LABEL.lastIndex;
      const key = label[1] ?? unescape(label[2]);
      if (line[at] !== '=') {
        // {"a.name.in.quotes", label="value"}: the name may be the first thing in the braces.
        if (label[2] === undefined || name !== '') return null;
        name = key;
        continue;
      }
      at++;
      while (line[at] === ' ') at++;
      if (line[at] !== '"') return null;
      const end = closingQuote(line, at + 1);
      if (end < 0) return null;
      labels[key] = unescape(line.slice(at + 1, end)).slice(0, LABEL_LENGTH);
      at = end + 1;
    }
    at++;
  }
  if (name === '') return null;
  // What follows " # " is an exemplar of OpenMetrics.
  const exemplar = line.indexOf(' # ', at);
  const value = VALUE.exec(line.slice(at, exemplar < 0 ? undefined : exemplar).trimStart());
  if (!value || (at > 0 && !/[\s}]/.test(line[at - 1]) && line[at] !== ' ')) return null;
  return {
    name,
    labels,
    value: numberOf(value[1]),
    ms: value[2] === undefined ? null : timeOf(Number(value[2])),
  };
}

function closingQuote(line: string, from: number): number {
  for (let at = from; at < line.length; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '"') return at;
  }
  return -1;
}

const unescape = (text: string): string =>
  text.includes('\\')
    ? text.replace(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
    : text;

function numberOf(text: string): number {
  if (/inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  return /nan/i.test(text) ? NaN : Number(text);
}

const timeOf = (printed: number): number => (printed < SECONDS_BELOW ? printed * 1000 : printed);
