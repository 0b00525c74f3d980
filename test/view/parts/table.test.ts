import { describe, expect, it } from 'vitest';
import type { TableModel } from '../../../src/view/parts/table.ts';
import { cell, nextSort, sortRows } from '../../../src/view/parts/table.ts';

const model: TableModel = {
  caption: 'Test',
  columns: [
    { id: 'name', label: 'Name', numeric: false },
    { id: 'bytes', label: 'Bytes', numeric: true },
  ],
  rows: [
    { key: 'a', cells: [cell('stream 10'), cell('1 KiB', 1024)] },
    { key: 'b', cells: [cell('stream 9'), cell('2 B', 2)] },
    { key: 'c', cells: [cell('stream 1'), cell('1 KiB', 1024)] },
  ],
  total: null,
  sort: null,
};

const keys = (column: string, direction: 'ascending' | 'descending'): string =>
  sortRows(model, { column, direction })
    .map(({ key }) => key)
    .join('');

describe('sorting', () => {
  it('goes by value, not by what is printed', () => {
    expect(keys('bytes', 'ascending')).toBe('bac');
  });

  it('keeps the order of rows that tie, both ways', () => {
    expect(keys('bytes', 'descending')).toBe('acb');
  });

  it('reads numbers inside words', () => {
    expect(keys('name', 'ascending')).toBe('cba');
  });

  it('leaves rows alone for no order and for a column that is not there', () => {
    expect(sortRows(model, null)).toBe(model.rows);
    expect(sortRows(model, { column: 'gone', direction: 'ascending' })).toBe(model.rows);
  });
});

it('a header sorts figures from the largest and words from A, then turns round', () => {
  const [name, bytes] = model.columns;
  expect(nextSort(null, bytes)).toEqual({ column: 'bytes', direction: 'descending' });
  expect(nextSort(null, name)).toEqual({ column: 'name', direction: 'ascending' });
  expect(nextSort({ column: 'bytes', direction: 'descending' }, bytes).direction).toBe('ascending');
  expect(nextSort({ column: 'name', direction: 'ascending' }, bytes).direction).toBe('descending');
});
