/**
 * One line of CSV as cells (RFC 4180, and what Python's csv module writes): quoted cells, doubled quotes,
 * commas inside quotes. Cells are not trimmed. A damaged line still gives the cells that can be told apart,
 * and says at which byte of the line it went wrong. Line ends inside quotes are not read: a line is a row.
 */
export interface CsvError {
  readonly message: string;
  /** Byte offset in the line. */
  readonly at: number;
}

export interface CsvLine {
  readonly cells: readonly string[];
  readonly error: CsvError | null;
}

const QUOTE = '"';

const byteAt = (line: string, index: number): number => new TextEncoder().encode(line.slice(0, index)).length;

export function splitCsv(line: string, separator = ','): CsvLine {
  if (!line.includes(QUOTE)) return { cells: line.split(separator), error: null };
  const cells: string[] = [];
  let error: CsvError | null = null;
  let at = 0;
  for (;;) {
    let cell = '';
    if (line[at] === QUOTE) {
      const opened = at++;
      for (;;) {
        const quote = line.indexOf(QUOTE, at);
        if (quote < 0) {
          error ??= { message: 'a quote that is never closed', at: byteAt(line, opened) };
          cell += line.slice(at);
          at = line.length;
          break;
        }
        cell += line.slice(at, quote);
        at = quote + 1;
        if (line[at] !== QUOTE) break;
        cell += QUOTE;
        at++;
      }
    }
    let end = line.indexOf(separator, at);
    if (end < 0) end = line.length;
    const rest = line.slice(at, end);
    if (cell !== '' && rest !== '') error ??= { message: 'text after a closing quote', at: byteAt(line, at) };
    cells.push(cell + rest);
    if (end === line.length) return { cells, error };
    at = end + separator.length;
  }
}
