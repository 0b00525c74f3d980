import { describe, expect, it } from 'vitest';
import { splitCsv } from '../../src/file/csv.ts';

describe('splitCsv', () => {
  it.each([
    ['a,b,,c', ['a', 'b', '', 'c']],
    ['', ['']],
    ['"a,b",c', ['a,b', 'c']],
    ['"he said ""no""",1', ['he said "no"', '1']],
    ['"",x,""', ['', 'x', '']],
    ['a "quoted" word,b', ['a "quoted" word', 'b']],
    ['x,"', ['x', '']],
  ])('%j', (line, cells) => {
    expect(splitCsv(line).cells).toEqual(cells);
  });

  it('takes another separator', () => {
    expect(splitCsv('a;"b;c"', ';').cells).toEqual(['a', 'b;c']);
  });

  it('says in bytes where a line goes wrong, and gives the cells that can be told apart', () => {
    expect(splitCsv('é,"b,c')).toEqual({
      cells: ['é', 'b,c'],
      error: { message: 'a quote that is never closed', at: 3 },
    });
    expect(splitCsv('"a"b,c')).toEqual({
      cells: ['ab', 'c'],
      error: { message: 'text after a closing quote', at: 3 },
    });
    expect(splitCsv('"a","b"').error).toBeNull();
  });
});
