import { describe, expect, it } from 'vitest';
import { typedPattern } from '../../src/base/typed-pattern.ts';

describe('a typed pattern', () => {
  it.each([
    ['attn|mlp', 'flash_ATTN', true],
    ['^forward.*attention\\.py', 'forward models/attention.py', true],
    ['model[_-]?\\d+(_v2)?$', 'model_12', true],
    ['a{2}', 'baab', true],
    ['\\+', 'a+b', true],
    ['mlp', 'attention', false],
  ])('%s of %s', (pattern, text, passes) => {
    const test = typedPattern(pattern);
    if (typeof test === 'string') throw new Error(test);
    expect(test(text)).toBe(passes);
  });

  it.each([
    ['(a+)+$', 'repeats a group'],
    ['(a|a)*b', 'repeats a group'],
    ['(?:x){2,}', 'repeats a group'],
    ['.*.*.*x', 'more than 2'],
    ['(a)\\1', 'refers back'],
    ['(', 'no regular expression'],
    ['a'.repeat(201), 'longer than 200'],
  ])('%s is refused: %s', (pattern, why) => {
    expect(typedPattern(pattern)).toContain(why);
  });

  it('ends soon on text that is made to hold it up', () => {
    const test = typedPattern('a*a*b');
    if (typeof test === 'string') throw new Error(test);
    expect(test('a'.repeat(200_000))).toBe(false);
  });
});
