/** Damage to text: its lines, its cells and its numbers, and what hostile hands put into names. */
import type { Mutation } from './mutate-bytes.ts';
import type { Random } from './random.ts';

const decoder = new TextDecoder('latin1');
const text = (bytes: Uint8Array): string => decoder.decode(bytes);
const bytes = (string: string): Uint8Array => new Uint8Array(Buffer.from(string, 'latin1'));

const NUMBERS = [
  '-1',
  '-5',
  '0',
  '-0',
  '1e308',
  '1e400',
  'NaN',
  'inf',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '18446744073709551615',
  '1'.repeat(400),
  '0x10',
  '1_000',
  '1.5.2',
  '',
  ' ',
  '[N/A]',
  '٣',
];

/** Words of hostile hands; as latin-1 of their UTF-8. */
const WORDS = [
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\r',
  '\n',
  '\0',
  '\x9b31m',
  '\u202etxt.exe',
  '\ufeff',
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  'toString',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ',',
  '\t',
  '%s',
  '..\\..\\',
  'a'.repeat(3000),
  ' '.repeat(3000),
  '('.repeat(500),
].map((word) => Buffer.from(word, 'utf8').toString('latin1'));

const UNITS = ['GiB', 'MiB', 'GB', 'MB', 'KiB', 'B', 'bytes', 'TB', 'PiB', '%'];

function matches(string: string, pattern: RegExp): { readonly index: number; readonly text: string }[] {
  return [...string.matchAll(pattern)].map((match) => ({ index: match.index ?? 0, text: match[0] }));
}

/** One match of a pattern replaced. */
function replaceOne(string: string, pattern: RegExp, random: Random, by: string): string {
  const found = matches(string, pattern);
  if (found.length === 0) return string + by;
  const match = random.of(found);
  return string.slice(0, match.index) + by + string.slice(match.index + match.text.length);
}

const number: Mutation = (given, random) =>
  bytes(replaceOne(text(given), /-?\d+(?:\.\d+)?/g, random, random.of(NUMBERS)));
const unit: Mutation = (given, random) =>
  bytes(replaceOne(text(given), /\b(?:[KMGT]i?B|bytes|B|%)/g, random, random.of(UNITS)));
const word: Mutation = (given, random) => bytes(replaceOne(text(given), /\w{2,}/g, random, random.of(WORDS)));

const insert: Mutation = (given, random) => {
  const string = text(given);
  const at = random.below(string.length + 1);
  return bytes(string.slice(0, at) + random.of(WORDS) + string.slice(at));
};

/** Lines, with their ends. */
const linesOf = (string: string): string[] => string.match(/[^\n]*\n|[^\n]+$/g) ?? [];

const byLines =
  (change: (lines: string[], random: Random) => void): Mutation =>
  (given, random) => {
    const lines = linesOf(text(given));
    if (lines.length === 0) return given;
    change(lines, random);
    return bytes(lines.join(''));
  };

const lose = byLines((lines, random) => lines.splice(random.below(lines.length), 1 + random.below(3)));
const double = byLines((lines, random) => {
  const at = random.below(lines.length);
  lines.splice(at, 0, lines[at]);
});
const swap = byLines((lines, random) => {
  const [a, b] = [random.below(lines.length), random.below(lines.length)];
  [lines[a], lines[b]] = [lines[b], lines[a]];
});
const join = byLines((lines, random) => {
  const at = random.below(lines.length);
  lines[at] = lines[at].replace(/\n$/, '');
});
const cells = byLines((lines, random) => {
  const at = random.below(lines.length);
  const parts = lines[at].split(/([,\t|])/);
  parts.splice(
    random.below(parts.length),
    1 + random.below(2),
    ...(random.chance(0.5) ? [] : [random.of(NUMBERS)]),
  );
  lines[at] = parts.join('');
});

/** All line ends, or the whole file in another encoding. */
const ends: Mutation = (given, random) => {
  const string = text(given);
  if (random.chance(0.3)) return bytes(string.replaceAll('\n', random.of(['\r', '\r\n', '\n\n', '\0'])));
  if (random.chance(0.5))
    return new Uint8Array(Buffer.from(`\ufeff${Buffer.from(given).toString('utf8')}`, 'utf16le'));
  return bytes(`\xef\xbb\xbf${string}`);
};

export const TEXT: readonly Mutation[] = [
  number,
  number,
  number,
  unit,
  word,
  word,
  insert,
  lose,
  double,
  swap,
  join,
  cells,
  ends,
];

const JSON_VALUES = [
  'null',
  'true',
  '[]',
  '{}',
  '-5',
  '1e308',
  '1e400',
  '-1e400',
  '18446744073709551615',
  '9007199254740993',
  '"text"',
  '"\\u0000\\u001b[2J"',
  '"\\ud800"',
  '[[[[[]]]]]',
  '{"a":{"b":{}}}',
  '1.5',
  '""',
];

/** Tokens of JSON without a parser: strings, numbers, words, marks. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

const jsonValue: Mutation = (given, random) =>
  bytes(
    replaceOne(
      text(given),
      /(?<=:\s*)(?:"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)/g,
      random,
      random.of(JSON_VALUES),
    ),
  );
const jsonKey: Mutation = (given, random) =>
  bytes(
    replaceOne(
      text(given),
      /"(?:[^"\\]|\\.)*"(?=\s*:)/g,
      random,
      random.of(['"__proto__"', '"constructor"', '"x"', '""', '"bytes"', '"ts"']),
    ),
  );
const jsonToken: Mutation = (given, random) =>
  bytes(replaceOne(text(given), TOKENS, random, random.of(['', ',', ':', '{', '}', '[', ']', '"', 'null'])));
const jsonDouble: Mutation = (given, random) => {
  const string = text(given);
  const found = matches(string, TOKENS);
  if (found.length < 2) return given;
  const [a, b] = [random.of(found).index, random.of(found).index].sort((x, y) => x - y);
  return bytes(string.slice(0, b) + string.slice(a));
};
const jsonNest: Mutation = (given, random) =>
  bytes(replaceOne(text(given), /(?<=:\s*)-?\d[\d.]*/g, random, '['.repeat(2000)));

export const JSON_TEXT: readonly Mutation[] = [
  jsonValue,
  jsonValue,
  jsonValue,
  jsonKey,
  jsonToken,
  jsonDouble,
  jsonNest,
];
