/** CSV and JSON lines: what a spreadsheet would run, what a reader of JSON would round, what is nothing and what is empty. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Row, tableOfRows } from '../../src/trace/table/column.ts';
import { declare, field, optional } from '../../src/trace/table/fields.ts';
import { csvText, csvWriter, jsonLinesWriter } from '../../src/trace/table/text.ts';
import type { OpenWriter } from '../../src/trace/table/writer.ts';
import { cellsOf, Duck, firstDifference, readJsonLines } from './table-cells.ts';

const folder = mkdtempSync(join(tmpdir(), 'vramscope-text-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ODD = declare('odd', 'Odd cells.', {
  whole: field('int64', ''),
  address: field('uint64', ''),
  text: field('utf8', ''),
  maybe: optional('dictionary16', ''),
  size: optional('float64', ''),
  small: optional('int32', ''),
  yes: field('bool', ''),
});
type Odd = Row<typeof ODD.fields>;

const TEXTS = [
  '',
  ' ',
  'plain',
  '=1+1',
  '+1',
  '-1',
  '@SUM(A1)',
  '\tx',
  '\r=x',
  ' =x',
  "'=x",
  "'",
  '"quoted", and more',
  'two\nlines',
  'a;=b',
  'Zoë 🙂',
  'null',
  '\uff1dx',
];
const rows: Odd[] = TEXTS.map((text, at) => ({
  whole: at % 2 === 0 ? 9007199254740993n : -9223372036854775808n,
  address: at % 2 === 0 ? 18446744073709551615n : 9007199254740991n,
  text,
  maybe: at % 3 === 0 ? null : text,
  size: at % 3 === 1 ? null : at === 5 ? Infinity : at * 0.1,
  small: at % 2 === 0 ? null : -at,
  yes: at % 2 === 0,
}));

function written(open: OpenWriter, of: readonly Odd[]): string {
  const table = tableOfRows(ODD, of);
  const parts: Buffer[] = [];
  const writer = open(table, new Map(), (bytes) => parts.push(Buffer.from(bytes)));
  for (const batch of table.batches()) writer.batch(batch);
  writer.finish();
  return Buffer.concat(parts).toString();
}

it('a table of rows is those rows', () => {
  expect(firstDifference(cellsOf(tableOfRows(ODD, rows)), rows)).toBeNull();
  expect(() =>
    cellsOf(tableOfRows(ODD, [{ ...rows[0], whole: 1n, yes: true, small: 2 ** 31 }])),
  ).not.toThrow();
  // A number that the type cannot hold is none, never another one.
  expect(cellsOf(tableOfRows(ODD, [{ ...rows[0], small: 2 ** 31, size: NaN }]))[0]).toMatchObject({
    small: null,
    size: null,
  });
});

describe('csv', () => {
  it.each(TEXTS)('no cell runs: %j', (text) => {
    const cell = csvText(text);
    const inner = cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
    expect(inner.replace(/^'/, '')).toBe(text);
    expect(inner).not.toMatch(/^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/);
  });

  it('is what DuckDB reads', async () => {
    const path = join(folder, 'odd.csv');
    writeFileSync(path, written(csvWriter, rows));
    const duck = await Duck.open();
    try {
      expect(firstDifference(await duck.csv(ODD, path), rows)).toBeNull();
    } finally {
      duck.close();
    }
  });

  it('tells nothing from an empty text', () => {
    const [, line] = written(csvWriter, [
      { ...rows[0], maybe: null, size: null, small: null, text: '' },
    ]).split('\n');
    expect(line).toBe('9007199254740993,18446744073709551615,"",,,,true');
  });
});

describe('json lines', () => {
  const text = written(jsonLinesWriter, rows);

  it('are what was written, but for infinities', () => {
    const read = readJsonLines(ODD, Buffer.from(text)).map((cells) => ({
      ...cells,
      size: cells['size'] === 'Infinity' ? Infinity : cells['size'],
    }));
    expect(firstDifference(read, rows)).toBeNull();
  });

  it('write an integer beyond 2^53 as a string, and no other', () => {
    const lines = text.split('\n');
    expect(lines[0]).toContain('"whole":"9007199254740993","address":"18446744073709551615"');
    expect(lines[1]).toContain('"whole":"-9223372036854775808","address":9007199254740991');
    expect(lines[5]).toContain('"size":"Infinity"');
  });
});
