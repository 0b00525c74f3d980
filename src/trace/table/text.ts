/**
 * Tables as text: CSV and JSON lines. Integers are exact in both: in CSV as digits, in JSON lines as numbers up to
 * 2^53 and as strings of digits beyond, since most readers of JSON would round them.
 *
 * CSV: the first line names the columns; null is nothing at all, an empty text is ""; a text that a spreadsheet would
 * run as a formula gets an apostrophe before it, and so does one that begins with an apostrophe: to have every text
 * back, take one away where one stands first.
 */
import type { Column } from './column.ts';
import { isValid } from './column.ts';
import type { FieldType } from './fields.ts';
import { isText } from './fields.ts';
import type { OpenWriter } from './writer.ts';

/** Text of a cell; what is null is not asked for. */
type Cell = (column: Column, row: number) => string;

/** Characters gathered before they are handed on. */
const PIECE = 1 << 18;

/** Lines gathered into pieces of bytes. */
class Lines {
  private readonly encoder = new TextEncoder();
  private text = '';

  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  add(line: string): void {
    this.text += line;
    if (this.text.length >= PIECE) this.flush();
  }

  flush(): void {
    if (this.text !== '') this.write(this.encoder.encode(this.text));
    this.text = '';
  }
}

/**
 * What begins so is a formula to a spreadsheet, also behind blanks and in the wide forms of the characters; and what
 * begins with an apostrophe would be taken for one that was put there.
 */
const RUNS = /^[\s\0]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n']/;

export function csvText(text: string): string {
  const safe = RUNS.test(text) ? `'${text}` : text;
  return safe === '' || /[",;\t\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const jsonInteger = (value: bigint): string =>
  value <= SAFE && value >= -SAFE ? value.toString() : `"${value}"`;

/** Cells of a text column are made once a name. */
function textCell(encode: (text: string) => string): Cell {
  const cells = new Map<readonly string[], string[]>();
  return ({ values, names }, row) => {
    let known = cells.get(names!);
    if (known === undefined) cells.set(names!, (known = []));
    const code = values[row] as number;
    return (known[code] ??= encode(names![code]));
  };
}

interface Words {
  text(text: string): string;
  integer(value: bigint): string;
  /** Of a number that JSON and CSV do not have: an infinity. */
  infinity(value: number): string;
}

function cellOf(type: FieldType, words: Words): Cell {
  if (isText(type)) return textCell((text) => words.text(text));
  if (type === 'bool') return ({ values }, row) => (values[row] === 0 ? 'false' : 'true');
  if (type === 'int64' || type === 'uint64') return ({ values }, row) => words.integer(values[row] as bigint);
  return ({ values }, row) => {
    const value = values[row] as number;
    return Number.isFinite(value) ? String(value) : words.infinity(value);
  };
}

export const csvWriter: OpenWriter = ({ declaration }, _metadata, write) => {
  const lines = new Lines(write);
  const words: Words = {
    text: csvText,
    integer: String,
    infinity: (value) => (value > 0 ? 'inf' : '-inf'),
  };
  const cells = Object.entries(declaration.fields).map(([name, { type }]) => ({
    name,
    cell: cellOf(type, words),
  }));
  lines.add(`${cells.map(({ name }) => name).join(',')}\n`);
  return {
    batch({ length, columns }) {
      for (let row = 0; row < length; row++) {
        let line = '';
        for (const [index, { name, cell }] of cells.entries()) {
          const column = columns[name];
          if (index > 0) line += ',';
          if (isValid(column, row)) line += cell(column, row);
        }
        lines.add(`${line}\n`);
      }
    },
    finish: () => lines.flush(),
  };
};

export const jsonLinesWriter: OpenWriter = ({ declaration }, _metadata, write) => {
  const lines = new Lines(write);
  const words: Words = {
    text: (text) => JSON.stringify(text),
    integer: jsonInteger,
    infinity: (value) => (value > 0 ? '"Infinity"' : '"-Infinity"'),
  };
  const cells = Object.entries(declaration.fields).map(([name, { type }], index) => ({
    name,
    key: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
    cell: cellOf(type, words),
  }));
  return {
    batch({ length, columns }) {
      for (let row = 0; row < length; row++) {
        let line = '';
        for (const { name, key, cell } of cells) {
          const column = columns[name];
          line += key + (isValid(column, row) ? cell(column, row) : 'null');
        }
        lines.add(`${line}}\n`);
      }
    },
    finish: () => lines.flush(),
  };
};
