/**
 * The steps that PyTorch's parsers of PYTORCH_ALLOC_CONF are made of (ConfigTokenizer of c10/core/AllocatorConfig.h,
 * 2.11), with its messages, and with what to say about them in plain words.
 */
import { readDouble, readUnsigned } from './alloc-conf-tokens.ts';
import type { NumberRead, Token } from './alloc-conf-tokens.ts';
import { exampleOf } from './alloc-conf-keys.ts';
import type { Complaint } from './alloc-conf-keys.ts';

export interface AllocConfError {
  /**
   * First line of what PyTorch 2.11 says to the same string; where that is an INTERNAL ASSERT, its reason alone,
   * without condition, file and line.
   */
  readonly message: string;
  /** What is wrong, in plain words. */
  readonly problem: string;
  /** Where, as a character offset in the text as given. */
  readonly offset: number;
  /** What to write instead, or null where that cannot be told. */
  readonly advice: string | null;
}

/** Something that PyTorch accepts and that was hardly meant so. */
export interface AllocConfNote {
  readonly message: string;
  readonly offset: number;
}

/** Ends a parse; does not leave the parser. */
export class Refusal extends Error {
  readonly data: AllocConfError;

  constructor(message: string, complaint: Complaint) {
    super(message);
    this.data = { message, ...complaint };
  }
}

export class ConfReader {
  readonly tokens: readonly Token[];
  /** Character offset at which the string ends. */
  private readonly end: number;
  private readonly noted = new Map<string, AllocConfNote>();
  /** Name of the setting that is being read. */
  private key = '';

  constructor(tokens: readonly Token[], end: number) {
    this.tokens = tokens;
    this.end = end;
  }

  get notes(): AllocConfNote[] {
    return [...this.noted.values()].sort((a, b) => a.offset - b.offset);
  }

  /** Begins a setting: faults are from now on told of the one whose name is token `i`. */
  begin(i: number): string {
    this.key = this.tokens[i].text;
    return this.key;
  }

  text(i: number): string {
    if (i >= this.tokens.length) throw this.missing();
    return this.tokens[i].text;
  }

  /** checkToken: PyTorch compares, and does not look at the outcome. Only the end of the string is an error. */
  skip(i: number, mark: string): void {
    const found = this.text(i);
    if (found === mark) return;
    this.note(i, `PyTorch takes '${found}' for '${mark}' here without a word.`);
  }

  /** Unsigned 64-bit integer. */
  toSize(i: number): bigint {
    return this.number(i, readUnsigned(this.text(i)), 'stoull', 'a whole number');
  }

  toDouble(i: number): number {
    return this.number(i, readDouble(this.text(i)), 'stod', 'a number');
  }

  toBool(i: number): boolean {
    const text = this.text(i);
    if (text === 'True') return true;
    if (text === 'False') return false;
    const meant = /^(true|1|on|yes)$/i.test(text)
      ? 'True'
      : /^(false|0|off|no)$/i.test(text)
        ? 'False'
        : null;
    throw this.refuse(
      i,
      `Expected 'True' or 'False' at index ${i} in ConfigTokenizer but got '${text}'`,
      `'${text}' is neither True nor False.`,
      meant === null ? 'write True or False' : `write ${meant}, not ${text}`,
    );
  }

  /** Index of the last token of the value of the setting that begins at `i`. */
  skipKey(i: number): number {
    this.skip(++i, ':');
    if (this.text(++i) !== '[') return i;
    while (++i < this.tokens.length && this.tokens[i].text !== ']');
    this.closed(i);
    return i;
  }

  /** `i` is where a list's closing bracket should be. */
  closed(i: number): void {
    if (i < this.tokens.length) return;
    throw new Refusal("Expected closing bracket ']' in ConfigTokenizer but reached end of config", {
      problem: 'The list is not closed.',
      advice: "end it with ']'",
      offset: this.end,
    });
  }

  refuse(i: number, message: string, problem: string, advice: string | null): Refusal {
    return new Refusal(message, { problem, advice, offset: this.tokens[i].start });
  }

  note(i: number, message: string): void {
    const offset = this.tokens[i].start;
    // Several passes read the same token.
    this.noted.set(`${offset} ${message}`, { message, offset });
  }

  private number<T>(i: number, read: NumberRead<T> | null, message: string, wanted: string): T {
    const { text } = this.tokens[i];
    if (read === null) {
      const tooLarge = /^[+-]?[\d.]/.test(text);
      throw this.refuse(
        i,
        message,
        tooLarge ? `'${text}' is out of range.` : `'${text}' is not ${wanted}.`,
        `write ${exampleOf(this.key)}`,
      );
    }
    if (read.rest !== '')
      this.note(
        i,
        `PyTorch reads '${text}' as ${text.slice(0, text.length - read.rest.length)} and drops '${read.rest}'.`,
      );
    return read.value;
  }

  private missing(): Refusal {
    const last = this.tokens.at(-1)?.text;
    const open = this.tokens.findLastIndex((token) => token.text === '[');
    const isOpen = open !== -1 && !this.tokens.slice(open).some((token) => token.text === ']');
    const [problem, advice] = isOpen
      ? ['The list is not closed.', "end it with ']'"]
      : last === ']'
        ? ['An interval in the list has no divisions.', 'write size:divisions, as in [256:4]']
        : [`${this.key} has no value.`, `write ${exampleOf(this.key)}`];
    return new Refusal('Index out of bounds in ConfigTokenizer', { problem, advice, offset: this.end });
  }
}
