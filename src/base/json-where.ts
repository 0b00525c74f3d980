/**
 * Where a text stops being JSON, and what was expected there. Engines say it in words of their own or not at all.
 */

export interface JsonFault {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** "a comma or } after the value", "the end". */
  readonly expected: string;
  /** What stands there: "]", "the end". */
  readonly found: string;
}

const DEEPEST = 500;
const SPACE = /[ \t\n\r]/;
const STRING = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;
const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/y;

class Fault extends Error {
  constructor(
    readonly at: number,
    readonly expected: string,
  ) {
    super(expected);
  }
}

class Walk {
  private at = 0;

  constructor(private readonly text: string) {}

  all(): void {
    this.value(0, 'a value');
    this.space();
    if (this.at < this.text.length) throw new Fault(this.at, 'the end');
  }

  private space(): void {
    while (this.at < this.text.length && SPACE.test(this.text[this.at])) this.at++;
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match === null) return false;
    this.at += match[0].length;
    return true;
  }

  private value(depth: number, expected: string): void {
    this.space();
    const open = this.text[this.at];
    if (depth > DEEPEST) throw new Fault(this.at, `no more than ${DEEPEST} levels`);
    if (open === '{') return this.items(depth, '}', true);
    if (open === '[') return this.items(depth, ']', false);
    if (this.take(open === '"' ? STRING : LITERAL)) return;
    throw new Fault(this.at, open === '"' ? 'a text that ends on its line' : expected);
  }

  private items(depth: number, close: '}' | ']', isObject: boolean): void {
    this.at++;
    this.space();
    if (this.text[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      if (isObject) this.name();
      this.value(depth + 1, isObject ? 'a value after the colon' : 'a value');
      this.space();
      const next = this.text[this.at];
      if (next !== ',' && next !== close) throw new Fault(this.at, `a comma or ${close} after the value`);
      this.at++;
      if (next === close) return;
    }
  }

  private name(): void {
    this.space();
    if (!this.take(STRING)) throw new Fault(this.at, 'a name in double quotes');
    this.space();
    if (this.text[this.at] !== ':') throw new Fault(this.at, 'a colon after the name');
    this.at++;
  }
}

/** null: the text is JSON. */
export function findJsonFault(text: string): JsonFault | null {
  try {
    new Walk(text).all();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown;
    const before = text.slice(0, thrown.at).split('\n');
    return {
      line: before.length,
      column: before[before.length - 1].length + 1,
      expected: thrown.expected,
      found: thrown.at >= text.length ? 'the end' : JSON.stringify(text.slice(thrown.at, thrown.at + 12)),
    };
  }
}
