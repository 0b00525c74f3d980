/**
 * Reads PyTorch's out-of-memory messages (oom-message.ts), alone or in any log or traceback, on one line or wrapped
 * over several. https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management
 *
 * Not read: out-of-memory errors of other programs (XLA, ggml, the kernel's OOM killer), which hold other figures: engines/foreign-oom.ts.
 */
import type { SourceData, Warning } from '../../trace/capture.ts';
import type { LogEvent } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { withoutPrefix } from '../lines/log-prefix.ts';
import { LogTimes, type Stamp } from '../lines/log-time.ts';
import { OOM_START, readOom } from './oom-message.ts';
import type { Sniff } from '../reader.ts';

/** Lines that a terminal or an editor may have made of one message. */
const MOST_LINES = 16;
const TEXT_LENGTH = 2000;
const SAME_WARNING = 20;
/** The message ends with the advice, from 1.8 on. */
const COMPLETE = /ALLOC_CONF|See documentation for Memory|\((?:GPU|[A-Z]{3,4}) \d+;[^)]*\)/;
/** What a continuation speaks of; the lines of the asynchronous allocator have a colon. */
const CONTINUES =
  /\b(?:GPU|NPU|GiB|MiB|KiB|bytes|PyTorch|allocated|reserved|unallocated|capacity|capacty|free|process|memory|fragmentation|documentation|allocate|allowed|max_split_size_mb|expandable_segments)\b|^\s*: /;
/** Another line begins: a time, a level, a frame of a traceback, a table. */
const BEGINS =
  /^\s*(?:File "|Traceback|During handling|\[?\d{4}-\d\d-\d\d|(?:\(\w+[^)]*\) ?)*(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b|\||[A-Z]\w*(?:Error|Exception)\b)/;

interface Message {
  readonly stamp: Stamp | null;
  readonly offset: number;
  readonly lines: string[];
}

interface PendingEvent extends Omit<LogEvent, 'time_ns'> {
  readonly stamp: Stamp | null;
}

class OomScan implements LineScan {
  private readonly times: LogTimes;
  private open: Message | null = null;
  private readonly events: PendingEvent[] = [];
  private readonly warnings: Warning[] = [];
  private readonly backends = new Set<string>();
  private readonly seen = new Set<string>();
  private repeats = 0;

  constructor(times: LogTimes) {
    this.times = times;
  }

  /** A message that is open may go on in any line. */
  wants(): boolean {
    return this.open !== null;
  }

  take(line: LogLine): boolean {
    const start = OOM_START.exec(line.text);
    if (start !== null) {
      this.close();
      this.open = { stamp: this.times.of(line), offset: line.offset, lines: [line.text.slice(start.index)] };
      if (COMPLETE.test(line.text)) this.close();
      return true;
    }
    if (this.open === null) return false;
    const { lines } = this.open;
    const text = withoutPrefix(line.text).slice(0, TEXT_LENGTH);
    const isOwn = text.trim() !== '' && CONTINUES.test(text) && !BEGINS.test(text);
    if (isOwn && lines.length < MOST_LINES) {
      lines.push(text);
      if (COMPLETE.test(text)) this.close();
      return true;
    }
    this.close();
    return false;
  }

  end(): SourceData | null {
    this.close();
    if (this.events.length === 0) return null;
    const dated = this.events.some((event) => event.stamp !== null);
    const assumption = dated ? this.times.assumption() : null;
    const notRecorded = assumption === null ? [] : [assumption];
    if (this.repeats > 0) {
      notRecorded.push(
        `${this.repeats} of these ${this.events.length} messages repeat an earlier one word for word: one error is often printed several times.`,
      );
    }
    notRecorded.push(
      "The figures are rounded to two digits; which allocations hold the memory is in a snapshot taken when it happens: torch.cuda.memory._record_memory_history() before, torch._C._cuda_attach_out_of_memory_observer(...) to call torch.cuda.memory._dump_snapshot('snapshot.pickle').",
    );
    return sourceData({
      producer: `PyTorch, out of memory (${[...this.backends].join(', ')})`,
      rows: this.events.length,
      warnings: this.warnings,
      notRecorded,
      readings: {
        clock: dated ? this.times.clock : 'none',
        events: this.events.map(({ stamp, ...event }) => ({
          ...event,
          time_ns: stamp === null ? null : this.times.resolve(stamp),
        })),
      },
    });
  }

  private close(): void {
    const message = this.open;
    this.open = null;
    if (message === null) return;
    // A terminal breaks lines anywhere, an editor between words: the way that gives more figures was it.
    const spaced = message.lines
      .map((line) => line.trim())
      .join(' ')
      .slice(0, TEXT_LENGTH);
    const joined = message.lines.join('').slice(0, TEXT_LENGTH);
    const ways = [spaced, joined].map((text) => ({ text, oom: readOom(text) }));
    const figures = ways.map(({ oom }) => Object.keys(oom?.figures ?? {}).length);
    const { text, oom } = figures[1] > figures[0] ? ways[1] : ways[0];
    if (oom === null) return;
    this.backends.add(oom.backend);
    if (this.seen.has(text)) this.repeats++;
    else this.seen.add(text);
    if (oom.underflows.length > 0) {
      this.warn(
        `A figure (${oom.underflows.join(', ')}) is printed as nearly 2^64 bytes: a negative number in unsigned arithmetic, read as that.`,
        message.offset,
      );
    }
    if (Object.keys(oom.figures).length === 0) {
      this.warn('An out-of-memory message without figures.', message.offset);
    }
    const { stamp, offset } = message;
    this.events.push({ kind: 'oom', stamp, device: oom.device, text, figures: oom.figures, offset });
  }

  private warn(message: string, offset: number): void {
    if (this.warnings.length < SAME_WARNING) this.warnings.push({ message, offset });
  }
}

function sniff(lines: readonly string[]): Sniff {
  const at = lines.findIndex((line) => OOM_START.test(line));
  if (at < 0) return { score: 0, reason: 'no out-of-memory message' };
  const isPyTorch = /Tried to allocate|would exceed allowed memory|OutOfMemoryError/.test(lines[at]);
  return { score: isPyTorch ? 0.8 : 0.5, reason: `an out-of-memory message in line ${at + 1}` };
}

export const oomTextScanner: LineScanner = {
  format: 'oom-text',
  title: 'Out-of-memory message',
  // What every alternative of OOM_START holds.
  needles: ['out of memory', 'Allocation on device'],
  sniff,
  start: (_fileName, times = new LogTimes()) => new OomScan(times),
};
