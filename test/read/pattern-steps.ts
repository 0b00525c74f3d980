/**
 * Steps of a regular expression: how often a backtracking engine, as V8's is, looks at a character or goes back. The
 * engine here follows ECMAScript's own account of matching, so that it finds what V8 finds; it is slow and counts.
 * For patterns and texts of ASCII, without the flag v.
 */
import { type AST, RegExpParser } from '@eslint-community/regexpp';

/** More steps than were allowed. */
export class TooManySteps extends Error {}

/** Goes on from `at`: where the whole match ends, or -1. */
type Go = (at: number) => number;
type Matcher = (at: number, go: Go) => number;
/** Whether the character of this code is one of these. */
type Test = (code: number) => boolean;

type Element = AST.Element | AST.QuantifiableElement;

const isOne = (node: Element): boolean =>
  node.type === 'Character' || node.type === 'CharacterClass' || node.type === 'CharacterSet';

/** Fewest and most characters that a node can take. */
function widthOf(node: Element | AST.Alternative): readonly [least: number, most: number] {
  switch (node.type) {
    case 'Alternative':
      return node.elements.map(widthOf).reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
    case 'Group':
    case 'CapturingGroup': {
      const all = node.alternatives.map(widthOf);
      return [Math.min(...all.map(([least]) => least)), Math.max(...all.map(([, most]) => most))];
    }
    case 'Quantifier': {
      const [least, most] = widthOf(node.element);
      return [node.min * least, node.max === 0 || most === 0 ? 0 : node.max * most];
    }
    case 'Assertion':
      return [0, 0];
    case 'Backreference':
      return [0, Infinity];
    default:
      return [1, 1];
  }
}

export class PatternSteps {
  steps = 0;
  private text = '';
  private most = Infinity;
  private readonly match: Matcher;
  private readonly groups = new Map<AST.CapturingGroup, string>();

  constructor(
    readonly source: string,
    private readonly flags: string,
  ) {
    const { alternatives } = new RegExpParser().parsePattern(source, undefined, undefined, {
      unicode: flags.includes('u'),
    });
    this.match = this.anyOf(alternatives);
  }

  /** Start and end of the first match at `from` or behind it; null: there is none. */
  first(text: string, from = 0, most = Infinity): readonly [number, number] | null {
    this.text = text;
    this.most = most;
    const last = this.flags.includes('y') ? from : text.length;
    for (let start = from; start <= last; start++) {
      const end = this.match(start, (at) => at);
      if (end >= 0) return [start, end];
    }
    return null;
  }

  /** Steps for every match in the text where the pattern is global, else for the first. */
  over(text: string, most = Infinity): number {
    this.steps = 0;
    const isGlobal = this.flags.includes('g');
    for (let from = 0; from <= text.length;) {
      const found = this.first(text, from, most);
      if (found === null || !isGlobal) break;
      from = found[1] === found[0] ? found[1] + 1 : found[1];
    }
    return this.steps;
  }

  private step(): void {
    if (++this.steps > this.most) throw new TooManySteps();
  }

  private anyOf(alternatives: readonly AST.Alternative[]): Matcher {
    const each = alternatives.map(({ elements }) => this.sequence(elements));
    if (each.length === 1) return each[0];
    return (at, go) => {
      for (const one of each) {
        const end = one(at, go);
        if (end >= 0) return end;
      }
      return -1;
    };
  }

  private sequence(elements: readonly Element[]): Matcher {
    return elements.reduceRight<Matcher>(
      (rest, node) => this.followed(node, rest),
      (at, go) => go(at),
    );
  }

  /** The node, and then the rest. */
  private followed(node: Element, rest: Matcher): Matcher {
    if (isOne(node)) {
      const test = this.testOf(node);
      return (at, go) => {
        this.step();
        return at < this.text.length && test(this.text.charCodeAt(at)) ? rest(at + 1, go) : -1;
      };
    }
    if (node.type === 'Quantifier') {
      const [least, most] = widthOf(node.element);
      if (least === most && most > 0 && !/\\[1-9k]/.test(this.source)) return this.runOf(node, most, rest);
      const loop = this.loopOf(node);
      return (at, go) => loop(at, 0, (end) => rest(end, go));
    }
    const one = this.matcherOf(node);
    return (at, go) => one(at, (end) => rest(end, go));
  }

  private matcherOf(node: Element): Matcher {
    switch (node.type) {
      case 'Group':
        if (node.modifiers !== null) throw new Error(`modifiers in ${node.raw}`);
        return this.anyOf(node.alternatives);
      case 'CapturingGroup': {
        const inner = this.anyOf(node.alternatives);
        if (node.references.length === 0) return inner;
        return (at, go) =>
          inner(at, (end) => {
            const before = this.groups.get(node);
            this.groups.set(node, this.text.slice(at, end));
            const found = go(end);
            if (found < 0 && before !== undefined) this.groups.set(node, before);
            else if (found < 0) this.groups.delete(node);
            return found;
          });
      }
      case 'Backreference':
        return (at, go) => {
          const { resolved } = node;
          if (Array.isArray(resolved)) throw new Error(`several groups of one name in ${node.raw}`);
          const said = this.groups.get(resolved) ?? '';
          this.steps += said.length;
          this.step();
          return this.text.startsWith(said, at) ? go(at + said.length) : -1;
        };
      case 'Assertion': {
        const holds = this.assertion(node);
        return (at, go) => {
          this.step();
          return holds(at) ? go(at) : -1;
        };
      }
      default:
        return this.followed(node, (at, go) => go(at));
    }
  }

  private assertion(node: AST.Assertion): (at: number) => boolean {
    const isLine = this.flags.includes('m');
    const ends = (at: number): boolean => isLine && this.text[at] === '\n';
    const isWord = (at: number): boolean => /\w/.test(this.text[at] ?? '');
    switch (node.kind) {
      case 'start':
        return (at) => at === 0 || ends(at - 1);
      case 'end':
        return (at) => at === this.text.length || ends(at);
      case 'word':
        return (at) => (isWord(at - 1) !== isWord(at)) !== node.negate;
      case 'lookahead': {
        const inner = this.anyOf(node.alternatives);
        return (at) => inner(at, (end) => end) >= 0 !== node.negate;
      }
      case 'lookbehind': {
        const inner = this.anyOf(node.alternatives);
        const most = Math.max(...node.alternatives.map((one) => widthOf(one)[1]));
        if (most > 100) throw new Error(`a look behind that has no end in ${node.raw}`);
        return (at) => {
          for (let from = at; from >= Math.max(0, at - most); from--)
            if (inner(from, (end) => (end === at ? end : -1)) >= 0) return !node.negate;
          return node.negate;
        };
      }
    }
  }

  /** A run of pieces that are all as long, and then the rest: without a call in a call for each of them. */
  private runOf({ element, min, max, greedy }: AST.Quantifier, width: number, rest: Matcher): Matcher {
    const piece = this.matcherOf(element);
    const fits = (at: number): boolean => piece(at, (end) => end) >= 0;
    return (at, go) => {
      let n = 0;
      if (greedy) {
        while (n < max && fits(at + width * n)) n++;
        for (; n >= min; n--) {
          this.step();
          const end = rest(at + width * n, go);
          if (end >= 0) return end;
        }
        return -1;
      }
      for (; ; n++) {
        if (n >= min) {
          const end = rest(at + width * n, go);
          if (end >= 0) return end;
        }
        if (n >= max || !fits(at + width * n)) return -1;
      }
    };
  }

  private loopOf({ element, min, max, greedy }: AST.Quantifier): (at: number, n: number, go: Go) => number {
    const body = this.matcherOf(element);
    const loop = (at: number, n: number, go: Go): number => {
      this.step();
      const more = (): number =>
        n >= max ? -1 : body(at, (end) => (end === at && n >= min ? -1 : loop(end, n + 1, go)));
      if (n < min) return more();
      const [once, twice] = greedy ? [more, () => go(at)] : [() => go(at), more];
      const end = once();
      return end >= 0 ? end : twice();
    };
    return loop;
  }

  /** What the engine itself says of a single character, once for each. */
  private testOf(node: Element): Test {
    const pattern = new RegExp(`^(?:${node.raw})$`, this.flags.replace(/[gym]/g, ''));
    const known = Array.from({ length: 128 }, (_, code) => pattern.test(String.fromCharCode(code)));
    return (code) => known[code];
  }
}
