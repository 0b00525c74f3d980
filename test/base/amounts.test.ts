/** Amounts of bytes in sentences: shown in the unit of the reader, and everything else left as it is. */
import { describe, expect, it } from 'vitest';
import { amount, amountsIn, exactAmount, withAmounts } from '../../src/base/amounts.ts';

describe('withAmounts', () => {
  it.each([
    [amount(4_901_044_224), '4.56 GiB', '4.90 GB'],
    [exactAmount(4_901_044_224), '4.56 GiB (4,901,044,224 bytes)', '4.90 GB (4,901,044,224 bytes)'],
    [amount(-(2 ** 20)), '-1.00 MiB', '-1.05 MB'],
    // Below one unit of either kind the bytes are said once.
    [exactAmount(466), '466 bytes', '466 bytes'],
    [exactAmount(1), '1 byte', '1 byte'],
    [exactAmount(1000), '1000 B (1,000 bytes)', '1.00 kB (1,000 bytes)'],
    [amount(0), '0 B', '0 B'],
    // Arithmetic may leave parts of a byte.
    [amount(2 ** 30 / 3), '341.33 MiB', '357.91 MB'],
  ])('%s', (text, binary, decimal) => {
    expect(withAmounts(`from ${text} on, ${text}.`, 'binary')).toBe(`from ${binary} on, ${binary}.`);
    expect(withAmounts(text, 'decimal')).toBe(decimal);
  });

  it('leaves what only looks like one', () => {
    for (const text of ['{bytes:}', '{bytes:12 }', '{exact:NaN}', 'bytes:12', '{other:12}'])
      expect(withAmounts(text, 'binary')).toBe(text);
  });
});

it('amountsIn goes through plain data, and leaves what is none', () => {
  const values = Float64Array.of(1, 2);
  const data = {
    title: amount(1024),
    list: [{ text: exactAmount(2048) }],
    n: 7,
    none: null,
    big: 3n,
    values,
  };
  const shown = amountsIn(data, 'binary');
  expect(shown).toEqual({
    title: '1.00 KiB',
    list: [{ text: '2.00 KiB (2,048 bytes)' }],
    n: 7,
    none: null,
    big: 3n,
    values,
  });
  expect(shown.values).toBe(values);
  // The data itself keeps its amounts for another unit.
  expect(amountsIn(data, 'decimal').title).toBe('1.02 kB');
});
