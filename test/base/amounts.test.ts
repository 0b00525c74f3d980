/** Amounts of bytes in sentences: shown in the unit of the reader, and everything else left as it is. */
import { describe, expect, it } from 'vitest';
import { amount, amountsIn, brief, exactAmount, termAmount, withAmounts } from '../../src/base/amounts.ts';

describe('withAmounts', () => {
  it.each([
    [amount(4_901_044_224), '4.56 GiB', '4.9 GB'],
    [exactAmount(4_901_044_224), '4.56 GiB (4,901,044,224 bytes)', '4.9 GB (4,901,044,224 bytes)'],
    [termAmount(4_901_044_224 / 2), '2.28 GiB', '2.45 GB'],
    [termAmount(15_225_000_000), '14.18 GiB', '15.22 GB'],
    [amount(-(2 ** 20)), '-1 MiB', '-1.05 MB'],
    // Below one unit of either kind the bytes are said once.
    [exactAmount(466), '466 bytes', '466 bytes'],
    [exactAmount(1), '1 byte', '1 byte'],
    [exactAmount(1000), '1000 B (1,000 bytes)', '1 kB (1,000 bytes)'],
    [amount(0), '0 B', '0 B'],
    // Arithmetic may leave parts of a byte.
    [amount(2 ** 30 / 3), '341 MiB', '358 MB'],
  ])('%s', (text, binary, decimal) => {
    expect(withAmounts(`from ${text} on, ${text}.`, 'binary')).toBe(`from ${binary} on, ${binary}.`);
    expect(withAmounts(text, 'decimal')).toBe(decimal);
  });

  it('leaves what only looks like one', () => {
    for (const text of ['{bytes:}', '{bytes:12 }', '{exact:NaN}', 'bytes:12', '{other:12}'])
      expect(withAmounts(text, 'binary')).toBe(text);
  });
});

it('brief leaves out the bytes behind an amount, and nothing else', () => {
  const text = withAmounts(
    `${exactAmount(4_901_044_224)} of ${exactAmount(-4096)} and ${exactAmount(466)}`,
    'binary',
  );
  expect(brief(text)).toBe('4.56 GiB of -4 KiB and 466 bytes');
  for (const other of ['block (512 bytes)', 'reads 4 GiB (of 8)', 'GiB (12 bytes)'])
    expect(brief(other)).toBe(other);
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
    title: '1 KiB',
    list: [{ text: '2 KiB (2,048 bytes)' }],
    n: 7,
    none: null,
    big: 3n,
    values,
  });
  expect(shown.values).toBe(values);
  // The data itself keeps its amounts for another unit.
  expect(amountsIn(data, 'decimal').title).toBe('1.02 kB');
});
