/**
 * Reads request logs: lines with `input_tokens=` and `output_tokens=`, in any order, among other name=value pairs.
 *
 *   2026-11-21 09:12:32 INFO request id=req-0 batch=2 input_tokens=3000 output_tokens=12 status=ok
 *
 * Not read: request logs as JSON, and values that are not numbers in the two fields.
 */
import type { SourceData, Warning } from '../../trace/capture.ts';
import type { TableColumn } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes, type Stamp } from '../lines/log-time.ts';

const EITHER = /(?:^|[\s,;{("'])(?:input|output)_tokens=/;
const BOTH =
  /(?:^|[\s,;{("'])input_tokens=\d.*[\s,;]output_tokens=\d|[\s,;]?output_tokens=\d.*[\s,;]input_tokens=\d/;
const PAIR = /(?:^|[\s,;{("'])([A-Za-z_][\w.]{0,40})=("[^"]{0,200}"|'[^']{0,200}'|[^\s,;})"']{1,200})/g;
const INPUT: GaugeKind = { id: 'input_tokens', label: 'Input tokens of a request', unit: 'tokens' };
const OUTPUT: GaugeKind = { id: 'output_tokens', label: 'Output tokens of a request', unit: 'tokens' };
const COUNT = /^\d{1,15}$/;
const TIME =
  /\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d\d-\d\d \d\d:\d\d:\d\d/;
const MOST_ROWS = 100_000;
const MOST_COLUMNS = 24;
const SAME_WARNING = 20;

interface Request {
  readonly time: string | null;
  readonly stamp: Stamp | null;
  readonly input: number | null;
  readonly output: number | null;
  readonly others: ReadonlyMap<string, string>;
}

class RequestScan implements LineScan {
  private readonly times: LogTimes;
  private readonly gauges: GaugeSet;
  private readonly requests: Request[] = [];
  private readonly others = new Set<string>();
  private readonly warnings: Warning[] = [];
  private count = 0;
  private unreadable = 0;
  private leftOut = false;

  constructor(times: LogTimes) {
    this.times = times;
    this.gauges = new GaugeSet(times);
  }

  take(line: LogLine): boolean {
    const { text, offset } = line;
    if (!text.includes('_tokens=') || !EITHER.test(text)) return false;
    const pairs = new Map<string, string>();
    for (const [, name, value] of text.slice(0, 8000).matchAll(PAIR)) {
      if (pairs.has(name)) continue;
      const isQuoted = value.endsWith('"') || value.endsWith("'");
      pairs.set(name, isQuoted ? value.replace(/^["']|["']$/g, '') : value);
    }
    const input = this.tokens(pairs, 'input_tokens', offset);
    const output = this.tokens(pairs, 'output_tokens', offset);
    if (input === null && output === null) return false;
    this.count++;
    this.gauges.at(line);
    if (input !== null) this.gauges.add(INPUT, input);
    if (output !== null) this.gauges.add(OUTPUT, output);
    if (this.requests.length === MOST_ROWS) return true;
    pairs.delete('input_tokens');
    pairs.delete('output_tokens');
    for (const name of pairs.keys()) {
      if (this.others.size < MOST_COLUMNS) this.others.add(name);
      else if (!this.others.has(name)) this.leftOut = true;
    }
    const time = TIME.exec(text.slice(0, 160))?.[0] ?? null;
    this.requests.push({ time, stamp: this.times.of(line), input, output, others: pairs });
    return true;
  }

  end(): SourceData | null {
    if (this.count === 0) return null;
    const { gauges, clock, notRecorded } = this.gauges.build();
    if (this.count > MOST_ROWS) {
      const message = `The table shows the first ${MOST_ROWS} of ${this.count} requests; the curves hold all.`;
      this.warnings.push({ message, offset: null });
    }
    if (this.leftOut) {
      const message = `The table shows the first ${MOST_COLUMNS} fields; the lines have more.`;
      this.warnings.push({ message, offset: null });
    }
    return sourceData({
      producer: 'Request log',
      rows: this.count,
      skipped: this.unreadable,
      warnings: this.warnings,
      notRecorded: [
        ...notRecorded,
        'A request log tells what was asked, not what memory it took: open it beside a snapshot or the log of the server.',
      ],
      readings: { clock, gauges, tables: [this.table()] },
    });
  }

  private tokens(pairs: ReadonlyMap<string, string>, name: string, offset: number): number | null {
    const value = pairs.get(name);
    if (value === undefined) return null;
    if (COUNT.test(value)) return Number(value);
    this.unreadable++;
    if (this.warnings.length < SAME_WARNING) {
      this.warnings.push({ message: `${name}=${value.slice(0, 40)} is no count.`, offset });
    }
    return null;
  }

  private table() {
    const first = this.requests.find(({ stamp }) => stamp !== null)?.stamp;
    const start = first == null ? 0n : this.times.resolve(first);
    const names = [...this.others];
    const columns: TableColumn[] = [
      { name: 'time', unit: 'text' },
      { name: 'since the first', unit: 'nanoseconds' },
      { name: 'input_tokens', unit: 'count' },
      { name: 'output_tokens', unit: 'count' },
      ...names.map((name) => ({ name, unit: 'text' as const })),
    ];
    const rows = this.requests.map(({ time, stamp, input, output, others }) => [
      time,
      stamp === null ? null : Number(this.times.resolve(stamp) - start),
      input,
      output,
      ...names.map((name) => others.get(name) ?? null),
    ]);
    return { id: 'requests', title: 'Requests', note: null, columns, rows };
  }
}

export const requestLogScanner: LineScanner = {
  format: 'request-log',
  title: 'Request log',
  needles: ['input_tokens=', 'output_tokens='],
  sniff(lines) {
    const count = lines.filter((line) => BOTH.test(line.slice(0, 8000))).length;
    if (count === 0) return { score: 0, reason: 'no line with input_tokens= and output_tokens=' };
    return { score: 0.85, reason: `${count} lines with input_tokens= and output_tokens=` };
  },
  start: (_fileName, times = new LogTimes()) => new RequestScan(times),
};
