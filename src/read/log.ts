/**
 * Reads logs: one pass over the lines, every line to every scanner, one source for each kind of line that was met.
 * The kind that most of the understood text belongs to comes first. Lines that look like figures of memory and that
 * nobody understood are listed in the warnings of the first source.
 *
 * Not read: text in UTF-16, and logs in which nothing is of a kind below.
 */
import { TraceError } from '../base/trace-error.ts';
import type { SourceData } from '../trace/capture.ts';
import { sourceData } from '../trace/source-data.ts';
import { unwrap } from './lines/unwrap.ts';
import { readLines, type Found, looksLikeMemory, UNREAD } from './lines/log-pass.ts';
import type { LineScanner } from './lines/log-scanner.ts';
import { memoryStatsScanner } from './torch-text/memory-stats.ts';
import { stripColours } from './lines/colours.ts';
import { memorySummaryScanner } from './torch-text/memory-summary.ts';
import { nvidiaSmiScanner } from './nvidia-smi/nvidia-smi.ts';
import { oomTextScanner } from './torch-text/oom-text.ts';
import type { Head, Reader, ReaderContext, ReaderInput, ReadOutcome, Sniff } from './reader.ts';
import { requestLogScanner } from './servers/request-log.ts';
import { sglangLogScanner } from './servers/sglang-log.ts';
import { tensorListingScanner } from './torch-text/tensor-listing.ts';
import { looksLikeText } from './lines/text-pass.ts';
import { describeText } from './unknown-text.ts';
import { tokenPairsScanner } from './servers/token-pairs.ts';
import { trackerCsvScanner } from './metrics/tracker-csv.ts';
import { vllmLogScanner } from './servers/vllm-log.ts';
import { engineLogScanner } from './engines/engine-log.ts';
import { foreignOomScanner } from './engines/foreign-oom.ts';
import { llamaLogScanner } from './engines/llama-log.ts';
import { deviceToolsScanner } from './vendors/device-tools.ts';
import { msMemScopeScanner } from './vendors/msmemscope.ts';
import { memoryLinesScanner } from './training/memory-lines.ts';

/** Every kind of line that is known. */
export const LOG_SCANNERS: readonly LineScanner[] = [
  vllmLogScanner,
  sglangLogScanner,
  memorySummaryScanner,
  memoryStatsScanner,
  oomTextScanner,
  llamaLogScanner,
  engineLogScanner,
  foreignOomScanner,
  tensorListingScanner,
  requestLogScanner,
  tokenPairsScanner,
  trackerCsvScanner,
  nvidiaSmiScanner,
  deviceToolsScanner,
  msMemScopeScanner,
  // The last: what others understood it leaves alone.
  memoryLinesScanner,
];

/** A head of this length has a file behind it. */
const HEAD_BYTES = 65536;
/** Lines of a log carry a time or a level; this share of them is enough to read on. */
const LOG_SHARE = 0.3;
const LOG_LINE =
  /\d\d:\d\d:\d\d|\b(?:DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b|\b(?:loss|epoch|step|iter)\b.{0,20}\d/i;

/** What the line carries; and the line itself where figures may stand in fields beside a message. */
function carriedLines(line: string): readonly string[] {
  const carried = unwrap(line);
  if (carried === null) return [line];
  return carried.isJson && !carried.lines.some(looksLikeMemory) ? [...carried.lines, line] : carried.lines;
}

function sniffWith(scanners: readonly LineScanner[], head: Head): Sniff {
  if (!looksLikeText(head.bytes)) return { score: 0, reason: 'not text' };
  const text = new TextDecoder().decode(head.bytes);
  const lines = text
    .split(/\r\n|\n|\r/)
    .map(stripColours)
    .flatMap(carriedLines);
  const best = scanners.map((scanner) => scanner.sniff(lines)).reduce((a, b) => (b.score > a.score ? b : a));
  // Markup and JSON may quote such lines; then it is for their readers to say so first.
  const isMarkup = /^\ufeff?\s*(?:[{<]|\[\s*(?:[[{"]|-?\d+\s*,))/.test(text);
  if (best.score > 0) return isMarkup ? { ...best, score: Math.min(best.score, 0.55) } : best;
  if (head.bytes.length < HEAD_BYTES)
    return { score: 0, reason: 'text without a line that tells of GPU memory' };
  const some = lines.slice(0, 200);
  const isLog = !isMarkup && some.filter((line) => LOG_LINE.test(line)).length >= some.length * LOG_SHARE;
  return {
    score: isLog ? 0.5 : 0.05,
    reason: 'text; no line that tells of GPU memory in its first 64 KiB, though one may follow',
  };
}

const isUseful = ({ data }: Found): boolean => data.rows > 0 || data.summaries.length > 0;

function outcomeOf(found: readonly Found[], warnings: SourceData['warnings']): ReadOutcome | null {
  const [first, ...rest] = found.filter(isUseful).sort((a, b) => b.taken - a.taken);
  if (first === undefined) return null;
  const broken = found.filter((each) => !isUseful(each)).flatMap(({ data }) => data.warnings);
  const told = new Set<string>();
  const all = [...first.data.warnings, ...broken, ...warnings].filter(({ message, offset }) => {
    const said = `${offset} ${message}`;
    return !told.has(said) && told.add(said);
  });
  return {
    data: { ...first.data, warnings: all },
    error: null,
    as: { format: first.scanner.format, title: first.title },
    also: rest.map(({ scanner, title, data }) => ({ format: scanner.format, title, data })),
  };
}

async function readWith(
  scanners: readonly LineScanner[],
  input: ReaderInput,
  context: ReaderContext,
): Promise<ReadOutcome> {
  const { found, error, lines, warnings, head } = await readLines(input, context, scanners);
  const outcome = outcomeOf(found, warnings);
  if (outcome !== null) return { ...outcome, error };
  const all = [...found.flatMap(({ data }) => data.warnings), ...warnings];
  const { message, advice } = describeText(
    head.join('\n'),
    lines,
    warnings.flatMap(({ message: text }) => (text.startsWith(UNREAD) ? [text.slice(UNREAD.length)] : [])),
  );
  const nothing = new TraceError('unrecognised', message, {
    file: input.name,
    format: 'log',
    offset: all[0]?.offset ?? null,
    tried: scanners.map(({ title }) => title).join(', '),
    advice,
  });
  return { data: sourceData({ producer: 'Text', warnings: all }), error: error ?? nothing };
}

/** A reader of texts whose lines any of these scanners may understand. */
export const logReaderOf = (scanners: readonly LineScanner[]): Reader => ({
  format: 'log',
  title: 'Log',
  sniff: (head) => sniffWith(scanners, head),
  read: (input, context) => readWith(scanners, input, context),
});

export const logReader: Reader = logReaderOf(LOG_SCANNERS);
