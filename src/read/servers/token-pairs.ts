/**
 * Reads bare pairs of numbers, one request a line: input and output tokens, as
 *
 *   awk '{ for (i = 1; i <= NF; i++) { if ($i ~ /^input_tokens=/) ...; if ($i ~ /^output_tokens=/) ... } print in, out }'
 *
 * prints them (llm_request_profile.sh). Nothing in the text says what they are, so it holds such pairs and nothing
 * else, and it is said that they were taken for tokens.
 *
 * Not read: pairs among other lines.
 */
import type { SourceData } from '../../trace/capture.ts';
import { sourceData } from '../../trace/source-data.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';

const PAIR = /^\s{0,8}(\d{1,9})[ \t]{1,4}(\d{1,9})\s{0,8}$/;
const LEAST_PAIRS = 3;
const MOST_ROWS = 100_000;
const INPUT: GaugeKind = { id: 'input_tokens', label: 'Input tokens of a request', unit: 'tokens' };
const OUTPUT: GaugeKind = { id: 'output_tokens', label: 'Output tokens of a request', unit: 'tokens' };

class PairScan implements LineScan {
  private readonly gauges: GaugeSet;
  private readonly rows: (string | number | null)[][] = [];
  private isPure = true;
  private count = 0;
  private repeats = 0;
  private before = '';

  constructor(times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  wants(): boolean {
    return this.isPure;
  }

  take(line: LogLine): boolean {
    if (!this.isPure || line.text.trim() === '') return false;
    const pair = line.text.length > 40 ? null : PAIR.exec(line.text);
    if (pair === null) {
      this.isPure = false;
      return false;
    }
    const [input, output] = [Number(pair[1]), Number(pair[2])];
    this.count++;
    if (`${input} ${output}` === this.before) this.repeats++;
    this.before = `${input} ${output}`;
    this.gauges.at(line);
    this.gauges.add(INPUT, input);
    this.gauges.add(OUTPUT, output);
    if (this.rows.length < MOST_ROWS) this.rows.push([null, null, input, output]);
    return true;
  }

  end(): SourceData | null {
    if (!this.isPure || this.count < LEAST_PAIRS) return null;
    const { gauges, clock, notRecorded } = this.gauges.build();
    return sourceData({
      producer: 'Pairs of input and output tokens (inferred)',
      rows: this.count,
      notRecorded: [
        'The text holds pairs of numbers and no names: they were taken for input and output tokens of requests, in this order, as llm_request_profile.sh prints them. The log itself (input_tokens=... output_tokens=...) has their times, too.',
        ...(this.repeats * 2 > this.count
          ? [
              `${this.repeats} of ${this.count} pairs are the one before again: the script prints the last pair once more for a line without tokens, so these may be no requests.`,
            ]
          : []),
        ...notRecorded,
      ],
      readings: {
        clock,
        gauges,
        tables: [
          {
            id: 'requests',
            title: 'Requests',
            note: 'pairs of numbers, taken for input and output tokens',
            columns: [
              { name: 'time', unit: 'text' },
              { name: 'since the first', unit: 'nanoseconds' },
              { name: 'input_tokens', unit: 'count' },
              { name: 'output_tokens', unit: 'count' },
            ],
            rows: this.rows,
          },
        ],
      },
    });
  }
}

export const tokenPairsScanner: LineScanner = {
  format: 'request-log',
  title: 'Pairs of input and output tokens',
  needles: [],
  sniff(lines) {
    const full = lines.filter((line) => line.trim() !== '');
    const pairs = full.filter((line) => line.length <= 40 && PAIR.test(line)).length;
    // The last line of a head may be cut.
    if (pairs < LEAST_PAIRS || pairs < full.length - 1)
      return { score: 0, reason: 'no list of pairs of numbers' };
    return { score: 0.6, reason: `${pairs} pairs of numbers and nothing else` };
  },
  start: (_fileName, times = new LogTimes()) => new PairScan(times),
};
