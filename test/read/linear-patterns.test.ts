/**
 * Every regular expression of src/, found by walking the syntax trees, over 200 kB of one character and over its own
 * words again and again: work follows the size of a text. A pattern that is tried from every place, and runs on from
 * each, takes seconds for what this allows milliseconds.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const LENGTH = 200_000;
/** A letter, a digit, a blank, brackets, and what else stands in rows. */
const CHARACTERS = ['a', '0', ' ', '[', '_', '"', '\n', '='];
/** Below so much for a tenth of the length nothing is judged: the machine may be busy. */
const SHORT_MS = 60;

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

/** Milliseconds for every match in the text; of two tries the quicker one. */
function timeOf({ source, flags }: Pattern, text: string): number {
  let least = Infinity;
  for (let attempt = 0; attempt < 2 && least > 1; attempt++) {
    const pattern = new RegExp(source, flags);
    const started = performance.now();
    if (pattern.global) for (const match of text.matchAll(pattern)) if (match.index > text.length) break;
    if (!pattern.global) pattern.exec(text);
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

/** What takes too long, in words; "": nothing does. */
function slowIn(pattern: Pattern, unit: string, length: number): string {
  for (const end of ['', '~']) {
    const textOf = (size: number): string => unit.repeat(Math.ceil(size / unit.length)) + end;
    const short = timeOf(pattern, textOf(length / 10));
    const told = `${pattern.place} /${pattern.source}/ over ${JSON.stringify(unit)}`;
    // Many matches cost time, too: what is linear takes a quarter for a quarter.
    if (short > SHORT_MS && short > 9 * timeOf(pattern, textOf(length / 40)))
      return `${told}: ${short.toFixed(0)} ms for ${length / 10} characters`;
    // Ten times the text takes ten times as long, not a hundred times; small figures are noise.
    const long = timeOf(pattern, textOf(length));
    if (long > 40 * short + 250) return `${told}: ${long.toFixed(0)} ms, ${short.toFixed(1)} ms for a tenth`;
  }
  return '';
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
  it.each(CHARACTERS)('is linear over 200 kB of %j', (character) => {
    expect(patterns.length).toBeGreaterThan(400);
    expect(patterns.map((one) => slowIn(one, character, LENGTH)).filter((slow) => slow !== '')).toEqual([]);
  });

  it('is linear over its own words', () => {
    const slow = patterns.flatMap((one) => wordsOf(one.source).map((word) => slowIn(one, word, LENGTH / 2)));
    expect(slow.length).toBeGreaterThan(300);
    expect(slow.filter((one) => one !== '')).toEqual([]);
  });

  it('a pattern that runs on from every place is found', () => {
    const planted: Pattern = { place: 'planted', source: '(\\S+) GiB for peak activation', flags: '' };
    expect(slowIn(planted, 'a', LENGTH)).toContain('planted');
    const word: Pattern = { place: 'planted', source: 'after.*cache', flags: '' };
    expect(wordsOf(word.source)).toEqual(['after', 'cache']);
    expect(slowIn(word, 'after', LENGTH)).toContain('planted');
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
      'src/diagnose/other-out-of-memory.ts',
      'src/kernel/wgsl.ts',
      'src/read/engines/foreign-oom.ts',
      'src/read/servers/vllm-memory-text.ts',
      'src/read/torch-text/memory-stats-parse.ts',
      'src/read/torch-text/memory-summary-table.ts',
      'src/read/torch-text/oom-message.ts',
    ]);
  });
});
