/**
 * What is said of a text in which nothing is known: how much of it looks like figures of memory, what it is most like,
 * and what to record. A guess is called one. Bytes in hexadecimal help nobody who pasted text.
 */
import { count } from '../base/words.ts';

interface Likeness {
  readonly pattern: RegExp;
  /** "It looks like ..." */
  readonly name: string;
  readonly advice: string;
}

const SNAPSHOT =
  "record a snapshot: torch.cuda.memory._record_memory_history() at the start of the program, torch.cuda.memory._dump_snapshot('snapshot.pickle') where memory is high";
const PRINT =
  'print memory beside it, e.g. print(f"[step {i}] Allocated: {torch.cuda.memory_allocated()/2**20:.1f} MiB | Reserved: {torch.cuda.memory_reserved()/2**20:.1f} MiB")';

/** The first that fits is named. */
const LIKE: readonly Likeness[] = [
  {
    pattern: /^\s*(?:<\?xml|<nvidia_smi_log)/,
    name: 'XML (nvidia-smi -x?)',
    advice:
      'vramscope reads nvidia-smi as a table, with -q, or as CSV: nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total --format=csv -l 1.',
  },
  {
    pattern: /^\s*(?:<!doctype html|<html)/i,
    name: 'a page (HTML)',
    advice: 'Save the file itself (the log, the snapshot) instead of the page that shows it.',
  },
  {
    pattern: /^Traceback \(most recent call last\)|^[ \t]{1,200}File "[^"\n]{1,500}", line \d+/m,
    name: 'a traceback of Python without an out-of-memory message',
    advice: `Paste the last line of the error, too; where memory is the matter, ${SNAPSHOT}.`,
  },
  {
    pattern: /\b(?:loss|lr|learning_rate|grad_norm|epoch|it\/s|tokens\/s)\b.{0,40}\d/i,
    name: 'the log of a training loop',
    advice: `To see memory, ${PRINT}; to see who holds it, ${SNAPSHOT}.`,
  },
  {
    pattern:
      /\b(?:prompt_tokens|completion_tokens|latency|ttft|tokens per second|HTTP\/1\.1" \d{3}|uvicorn|requests?)\b/i,
    name: 'the log of a server',
    advice:
      'The server prints its memory at its start: keep the log from there on (vLLM, SGLang, llama.cpp and others are read). Requests are read with input_tokens= and output_tokens=.',
  },
  {
    pattern: /^(?:import |from \w+ import |def |class |#!\/)/m,
    name: 'source code',
    advice: `vramscope reads what programs print and record, not programs: ${SNAPSHOT}.`,
  },
  {
    pattern: /^\s*\{[\s\S]*:[\s\S]*/,
    name: 'JSON of no kind that is known',
    advice:
      'Of JSON, traces of torch.profiler (export_chrome_trace), memory timelines, torch.cuda.memory_stats(), Nsight Systems exports and answers of Prometheus are read.',
  },
  {
    pattern: /^\ufeff?"?Wall time"?,"?Step"?,"?Value"?/,
    name: 'a curve that TensorBoard saved as CSV (Wall time, Step, Value), which does not say what it is of',
    advice:
      'Name its column after what it is and in which unit, e.g. "Wall time,Step,memory_allocated_bytes"; or print memory in the loop.',
  },
  {
    pattern: /^[^\n,;]{1,60}(?:[,;][^\n,;]{0,60}){2,}\n[^\n,;]{1,60}(?:[,;][^\n,;]{0,60}){2,}/,
    name: 'a table (CSV) whose columns name no memory of a GPU',
    advice:
      'Of tables, those of nvidia-smi, nsys stats and monitors with columns such as memory_used_mb are read; name the unit in the header.',
  },
];

const LISTED = 3;
const LISTED_LENGTH = 100;

/** `figures`: lines that look like figures of memory. */
export function describeText(
  text: string,
  lines: number,
  figures: readonly string[],
  isHead = false,
): { readonly message: string; readonly advice: string } {
  const like = LIKE.find(({ pattern }) => pattern.test(text)) ?? null;
  const many = `${isHead ? 'a text, of which the first' : 'a text of'} ${count(lines, 'line')}${isHead ? ' were looked at' : ''}`;
  const shown = figures.slice(0, LISTED).map((line) => `"${line.trim().slice(0, LISTED_LENGTH)}"`);
  const told =
    figures.length === 0
      ? 'none of them holds a figure of GPU memory that is known'
      : `${figures.length === 1 ? 'this one looks' : `${figures.length} look`} like figures of memory, in a form that is not known: ${shown.join(', ')}${figures.length > LISTED ? ', ...' : ''}`;
  const most = like === null ? '' : ` It looks like ${like.name}.`;
  const advice =
    like?.advice ??
    (figures.length > 0
      ? `Lines such as "allocated: 1.5 GiB, reserved: 2.0 GiB" are read: name the figure and its unit. To see who holds memory, ${SNAPSHOT}.`
      : `To see who holds memory, ${SNAPSHOT}; of a whole GPU: nvidia-smi --query-gpu=timestamp,index,memory.used,memory.total --format=csv -l 1.`);
  return { message: `This is ${many}; ${told}.${most}`, advice };
}
