/**
 * Every regular expression of src/, found by walking the syntax trees, over one character and over its own words again
 * and again: steps follow the size of a text. They are counted (pattern-steps.ts), not timed. A pattern that is tried
 * from every place, and runs on from each, takes sixteen times the steps for four times the text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { PatternSteps, TooManySteps } from './pattern-steps.ts';

const ROOT = join(import.meta.dirname, '../..');
const LENGTH = 200;
/** A letter, a digit, a blank, brackets, and what else stands in rows. */
const CHARACTERS = ['a', '0', ' ', '[', '_', '"', '\n', '='];
interface Pattern {
  readonly place: string;
  readonly source: string;
  readonly flags: string;
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

/** Patterns written as literals; a pattern put together at run time is named by `built`. */
function patternsOf(text: string, place: string): { literals: Pattern[]; built: string[] } {
  const file = ts.createSourceFile(place, text, ts.ScriptTarget.Latest, true);
  const literals: Pattern[] = [];
  const built: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      literals.push({
        place: `${place}:${line}`,
        source: node.text.slice(1, end),
        flags: node.text.slice(end + 1),
      });
    } else if (ts.isNewExpression(node) && node.expression.getText() === 'RegExp') built.push(place);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { literals, built };
}

/** Runs of plain characters in a pattern: "avail mem=", repeated they lead it astray most. */
const wordsOf = (source: string): string[] =>
  source
    .replace(/\[(?:\\.|[^\]\\])*\]|\\[dwsDWSbBnrtpuxk]|\(\?(?:<\w+>|[:=!]|<[=!])/g, '\0')
    .replace(/[*+?{}()|^$.](?<!\\.)/g, '\0')
    .replace(/\\/g, '')
    .split('\0')
    .filter((word) => word.length >= 2 && word.length < 60 && !/^\d+,?\d*$/.test(word));

/** What takes too many steps, in words; "": nothing does. */
function slowIn({ place, source, flags }: Pattern, unit: string): string {
  const pattern = new PatternSteps(source, flags);
  for (const end of ['', '~']) {
    const textOf = (size: number): string => unit.repeat(Math.ceil(size / unit.length)) + end;
    const text = textOf(LENGTH);
    // What counts is a matcher of its own: it has to find what the engine finds.
    const found = new RegExp(source, flags).exec(text);
    expect(pattern.first(text), `${place} /${source}/ over ${unit}`).toEqual(
      found === null ? null : [found.index, found.index + found[0].length],
    );
    let short = pattern.over(text);
    let size = LENGTH;
    // What is bounded grows as a square does up to its bound: it is asked again over a longer text.
    for (let tries = 0; ; tries++) {
      const most = 6 * short + 1000;
      const long = stepsUpTo(pattern, textOf(4 * size), most);
      if (long !== null) break;
      if (tries === 1)
        return `${place} /${source}/ over ${JSON.stringify(unit)}: more than ${most} steps for ${4 * size} characters`;
      size *= 4;
      short = pattern.over(textOf(size));
    }
  }
  return '';
}

/** null: more than that. */
function stepsUpTo(pattern: PatternSteps, text: string, most: number): number | null {
  try {
    return pattern.over(text, most);
  } catch (thrown) {
    if (thrown instanceof TooManySteps) return null;
    throw thrown;
  }
}

const all = [...filesBelow(join(ROOT, 'src'))].map((path) =>
  patternsOf(readFileSync(path, 'utf8'), relative(ROOT, path)),
);
const patterns = [
  ...new Map(
    all.flatMap(({ literals }) => literals).map((one) => [`/${one.source}/${one.flags}`, one]),
  ).values(),
];

describe('every regular expression', () => {
  it.each(CHARACTERS)('is linear over %j again and again', (character) => {
    expect(patterns.length).toBeGreaterThan(400);
    expect(patterns.map((one) => slowIn(one, character)).filter((slow) => slow !== '')).toEqual([]);
  });

  it('is linear over its own words', () => {
    const slow = patterns.flatMap((one) => wordsOf(one.source).map((word) => slowIn(one, word)));
    expect(slow.length).toBeGreaterThan(300);
    expect(slow.filter((one) => one !== '')).toEqual([]);
  });

  it('a pattern that runs on from every place is found', () => {
    const planted: Pattern = { place: 'planted', source: '(\\S+) GiB for peak activation', flags: '' };
    expect(slowIn(planted, 'a')).toContain('planted');
    const word: Pattern = { place: 'planted', source: 'after.*cache', flags: '' };
    expect(wordsOf(word.source)).toEqual(['after', 'cache']);
    expect(slowIn(word, 'after')).toContain('planted');
    expect(patternsOf('const a = /x+/g; const b = new RegExp("y");', 'x.ts')).toMatchObject({
      literals: [{ place: 'x.ts:1', source: 'x+', flags: 'g' }],
      built: ['x.ts'],
    });
  });

  it('is written as a literal, but for those looked through by hand', () => {
    // Bounded or anchored in every part: see each file.
    expect([...new Set(all.flatMap(({ built }) => built))].sort()).toEqual([
      'src/analyze/user-frames.ts',
      'src/base/typed-pattern.ts',
      // What a user gives the command, over names of that user's own jobs.
      'src/cli/fleet/facts.ts',
      'src/diagnose/other-out-of-memory.ts',
      'src/engine/trace-database.ts',
      'src/kernel/wgsl.ts',
      'src/read/engines/foreign-oom.ts',
      'src/read/servers/vllm-memory-text.ts',
      'src/read/torch-text/memory-stats-parse.ts',
      'src/read/torch-text/memory-summary-table.ts',
      'src/read/torch-text/oom-message.ts',
    ]);
  });
});
