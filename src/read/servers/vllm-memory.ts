/**
 * Puts lines together that one `MemorySnapshot` or `MemoryProfilingResult` runs over, and says on which line each was
 * found. What is in the text is for vllm-memory-text.ts.
 *
 *   (Pdb) p before                                        a name on the line before
 *   MemorySnapshot(torch_peak=0,                          open: a parenthesis is
 *                  cuda_memory=524288000)
 */
import type { Rank } from '../../base/rank.ts';
import type { Warning } from '../../trace/capture.ts';
import type { VllmMemoryPrint } from '../../trace/vllm-memory.ts';
import type { LogLine } from '../lines/log-line.ts';
import { findVllmMemory } from './vllm-memory-text.ts';

/** A line without any of these begins none. The scanner's needles hold them, too. */
const MARK =
  /torch_peak|MemorySnapshot\(|MemoryProfilingResult\(|Total non KV cache memory:|weights_memory|non_kv_cache_memory/;
export const VLLM_MEMORY_NEEDLES = [
  'torch_peak',
  'MemorySnapshot(',
  'MemoryProfilingResult(',
  'Total non KV cache memory:',
  'weights_memory',
  'non_kv_cache_memory',
] as const;
/** What goes on in the next line ends in a comma or a semicolon, and the next line begins like this. */
const GOES_ON =
  /^\s{0,80}(?:['"]?[a-z_]{3,40}['"]?\s?[=:]\s?\S|MemorySnapshot\(|torch peak memory|non-torch forward|total consumed|weights memory:)/;
const LOGGED = /\b(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d/;
/** A name for what the next line holds. */
const NAMES = /\b(?:before|after|init|initial|baseline|start|end|diff)(?:\b|_)/i;
const LONGEST_NAME = 100;
const MOST_LINES = 60;
const MOST_CHARACTERS = 8000;
const MOST_PRINTS = 2000;
/** Figures that could not be read and are told one by one. */
const MOST_PROBLEMS = 20;

interface Open {
  readonly rank: Rank;
  /** The line before, where it is a name. */
  readonly name: string;
  text: string;
  /** Where each line begins in `text`. */
  readonly lines: { readonly from: number; readonly number: number; readonly offset: number }[];
}

const balance = (text: string): number => text.split('(').length - text.split(')').length;

export class VllmMemoryLines {
  readonly prints: VllmMemoryPrint[] = [];
  readonly warnings: Warning[] = [];
  private open: Open | null = null;
  private before: LogLine | null = null;
  private left = 0;
  private problems = 0;

  /** The next line may belong to what was begun. */
  get isOpen(): boolean {
    return this.open !== null;
  }

  /** A line that holds nothing of it may name what follows. */
  pass(line: LogLine): void {
    this.before = line;
  }

  /** true: the line holds one, or goes on with one. `rank`: whose budget the line belongs to. */
  take(line: LogLine, rank: (text: string) => Rank): boolean {
    const text = line.text.length > MOST_CHARACTERS ? line.text.slice(0, MOST_CHARACTERS) : line.text;
    if (this.open !== null) {
      if (this.goesOn(this.open, text)) {
        this.add(this.open, line, text);
        return true;
      }
      this.close();
    }
    if (!MARK.test(text)) {
      this.before = line;
      return false;
    }
    const count = this.prints.length;
    this.open = { rank: rank(text), name: this.nameBefore(), text: '', lines: [] };
    this.before = null;
    this.add(this.open, line, text);
    return this.isOpen || this.prints.length > count;
  }

  end(): void {
    this.close();
    if (this.problems > MOST_PROBLEMS) {
      this.warnings.push({
        message: `${this.problems - MOST_PROBLEMS} more figures of memory snapshots could not be taken as printed.`,
        offset: null,
      });
    }
    if (this.left > 0) {
      this.warnings.push({
        message: `More than ${MOST_PRINTS} memory snapshots; ${this.left} were left out.`,
        offset: null,
      });
    }
  }

  private goesOn({ text, lines }: Open, next: string): boolean {
    if (lines.length >= MOST_LINES || text.length + next.length > MOST_CHARACTERS) return false;
    if (LOGGED.test(next)) return false;
    return balance(text) > 0 || GOES_ON.test(next);
  }

  private add(open: Open, line: LogLine, text: string): void {
    if (open.text !== '') open.text += '\n';
    open.lines.push({ from: open.text.length, number: line.number ?? 0, offset: line.offset });
    open.text += text;
    if (balance(open.text) <= 0 && !/[,;]\s*$/.test(text)) this.close();
  }

  private close(): void {
    const { open } = this;
    if (open === null) return;
    this.open = null;
    const placeOf = (index: number): Open['lines'][number] =>
      open.lines.findLast(({ from }) => from <= index) ?? open.lines[0];
    const { prints, problems } = findVllmMemory(open.text);
    for (const { index, ...print } of prints) {
      if (this.prints.length >= MOST_PRINTS) {
        this.left++;
        continue;
      }
      const { number, offset } = placeOf(index);
      const isFirst = prints[0].index === index;
      const label = print.label === '' && isFirst ? open.name : print.label;
      this.prints.push({ ...print, label, rank: open.rank, line: number, offset });
    }
    for (const { message, index } of problems)
      if (++this.problems <= MOST_PROBLEMS) this.warnings.push({ message, offset: placeOf(index).offset });
  }

  private nameBefore(): string {
    const text = this.before?.text.trim() ?? '';
    if (text.length > LONGEST_NAME || !NAMES.test(text)) return '';
    return text
      .replace(/^(?:\(Pdb\+*\)|ipdb>|>>>|In ?\[\d{1,5}\]:|#+)\s*/, '')
      .replace(/^(?:pp?|print)\s+/, '')
      .replace(/(?<![\s:=])[\s:=]+$/, '')
      .trim();
  }
}
