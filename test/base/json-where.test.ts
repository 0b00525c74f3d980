import { describe, expect, it } from 'vitest';
import { findJsonFault } from '../../src/base/json-where.ts';

describe('where a text stops being JSON', () => {
  it.each([
    ['{"a": 1,}', 1, 9, 'a name in double quotes', '"}"'],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, 'a comma or } after the value', '"\\"b\\": 2\\n}"'],
    ["{'a': 1}", 1, 2, 'a name in double quotes', '"\'a\': 1}"'],
    ['{"a" 1}', 1, 6, 'a colon after the name', '"1}"'],
    ['{"a": }', 1, 7, 'a value after the colon', '"}"'],
    ['{"a": None}', 1, 7, 'a value after the colon', '"None}"'],
    ['{"a": 01}', 1, 7, 'a value after the colon', '"01}"'],
    ['[1, 2', 1, 6, 'a comma or ] after the value', 'the end'],
    ['{"a": "b\n"}', 1, 7, 'a text that ends on its line', '"\\"b\\n\\"}"'],
    ['{} x', 1, 4, 'the end', '"x"'],
    ['', 1, 1, 'a value', 'the end'],
  ])('%j', (text, line, column, expected, found) => {
    expect(() => JSON.parse(text) as unknown).toThrow();
    expect(findJsonFault(text)).toEqual({ line, column, expected, found });
  });

  it('is nowhere in JSON', () => {
    for (const text of ['{}', ' [1, -2.5e3, "a\\"\\u00e9ü", true, null, {"b": [[]]}]\n', '"x"', '0']) {
      expect(() => JSON.parse(text) as unknown).not.toThrow();
      expect(findJsonFault(text)).toBeNull();
    }
  });

  it('gives up on what is nested without end, and not with an overflow', () => {
    expect(findJsonFault('['.repeat(100_000))).toMatchObject({ expected: 'no more than 500 levels' });
  });
});
