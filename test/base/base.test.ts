/** 64-bit words, bounds, figures for people, errors as facts. */
import { describe, expect, it } from 'vitest';
import { lowerBound, upperBound } from '../../src/base/binary-search.ts';
import { faultReference, toErrorData, TraceError } from '../../src/base/trace-error.ts';
import {
  asBigInt64,
  asBigUint64,
  i64At,
  leastHigh,
  setI64,
  toJsonInteger,
  u64Above,
  u64At,
} from '../../src/base/u64.ts';
import { byteScale, formatBytes, formatDuration, formatInteger, formatNumber } from '../../src/base/units.ts';
import { seeded } from '../read/snapshot/fixtures.ts';

describe('64-bit words', () => {
  it.each([0, 1, -1, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 2 ** 53, -(2 ** 53), 123456789012345])(
    '%i there and back',
    (value) => {
      const words = new Uint32Array(4);
      setI64(words, 1, value);
      expect(i64At(words, 1)).toBe(value);
      expect(asBigInt64(words)[1]).toBe(BigInt(value));
      if (value >= 0) expect(u64At(words, 1)).toBe(value);
      expect([words[0], words[1]]).toEqual([0, 0]);
    },
  );

  it('are the same memory as 64-bit columns', () => {
    const words = new Uint32Array(2);
    asBigUint64(words)[0] = 0xffff_ffff_ffff_fe00n;
    expect([...words]).toEqual([0xfffffe00, 0xffffffff]);
    expect(i64At(words, 0)).toBe(-512);
  });

  it('addresses far up are exact from the least high word on', () => {
    const words = new Uint32Array(6);
    const column = asBigUint64(words);
    column.set([0n, 0xffff_8000_0000_0200n, 0xffff_8004_1234_5601n]);
    expect(leastHigh(words)).toBe(0xffff8000);
    expect(u64Above(words, 2, leastHigh(words)) - u64Above(words, 1, leastHigh(words))).toBe(
      Number(column[2] - column[1]),
    );
    expect(leastHigh(new Uint32Array(4))).toBe(0xffffffff);
  });

  it('become JSON numbers where they are exact, else text', () => {
    expect(toJsonInteger(2n ** 53n - 1n)).toBe(2 ** 53 - 1);
    expect(toJsonInteger(2n ** 53n)).toBe('9007199254740992');
    expect(toJsonInteger(-(2n ** 60n) - 1n)).toBe('-1152921504606846977');
    expect(toJsonInteger(5)).toBe(5);
  });
});

describe('bounds', () => {
  it('are what a scan finds', () => {
    const random = seeded(1);
    for (let round = 0; round < 300; round++) {
      const sorted = Array.from({ length: Math.floor(random() * 20) }, () => Math.floor(random() * 10)).sort(
        (a, b) => a - b,
      );
      for (let value = -1; value <= 11; value += 0.5) {
        const scan = (test: (element: number) => boolean): number => {
          const at = sorted.findIndex(test);
          return at < 0 ? sorted.length : at;
        };
        expect(lowerBound(sorted, value)).toBe(scan((element) => element >= value));
        expect(upperBound(sorted, value)).toBe(scan((element) => element > value));
      }
    }
  });
});

describe('figures for people', () => {
  it.each([
    [0, '0 B', '0 B'],
    [1023, '1023 B', '1.02 kB'],
    [1024, '1 KiB', '1.02 kB'],
    [999_999, '977 KiB', '1 MB'],
    [1024 ** 2 - 1, '1 MiB', '1.05 MB'],
    [4_997_513_216, '4.65 GiB', '5 GB'],
    [-4096, '-4 KiB', '-4.1 kB'],
    [2 ** 60, '1024 PiB', '1153 PB'],
  ])('%i bytes', (bytes, binary, decimal) => {
    expect(formatBytes(bytes, 'binary')).toBe(binary);
    expect(formatBytes(bytes, 'decimal')).toBe(decimal);
  });

  it('a scale never prints a thousand of itself', () => {
    for (let exponent = 0; exponent < 15; exponent++) {
      for (const near of [-1, 0, 1]) {
        const bytes = 10 ** exponent + near;
        const { step } = byteScale(bytes, 'decimal');
        expect(Number((bytes / step).toFixed(2))).toBeLessThan(1000);
      }
    }
  });

  it('numbers keep what tells them apart from nothing', () => {
    expect([0.00042, -0.5, -1234.567, 12, 1.1].map((value) => formatNumber(value))).toEqual([
      '0.00042',
      '-0.5',
      '-1,234.57',
      '12',
      '1.1',
    ]);
  });

  it.each([
    [0, '0'],
    [999, '999'],
    [1000, '1,000'],
    [-1234567, '-1,234,567'],
    [18446744073709551615n, '18,446,744,073,709,551,615'],
  ])('%s', (value, text) => {
    expect(formatInteger(value)).toBe(text);
  });

  it.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [999.6, '1.0 µs'],
    [1e3, '1.0 µs'],
    [999_960, '1.0 ms'],
    [12.4e6, '12.4 ms'],
    [999.96e6, '1.00 s'],
    [59.99e9, '59.99 s'],
    [59.999e9, '1 min 0.0 s'],
    [119.96e9, '2 min 0.0 s'],
    [125e9, '2 min 5.0 s'],
    [3599.99e9, '1 h 0 min'],
    [7199e9, '2 h 0 min'],
    [5400e9, '1 h 30 min'],
    [-125e9, '-2 min 5.0 s'],
    [-5400e9, '-1 h 30 min'],
  ])('%d ns', (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe('errors as facts', () => {
  it('a TraceError keeps what it knows', () => {
    const error = new TraceError('truncated', 'm', { offset: 5, advice: 'a' });
    expect(toErrorData(error, 'f')).toEqual({
      code: 'truncated',
      message: 'm',
      file: 'f',
      format: null,
      offset: 5,
      advice: 'a',
    });
    expect(toErrorData(new TraceError('io', 'm', { file: 'own' }), 'f').file).toBe('own');
  });

  it('anything else thrown is a fault of ours, but for an abort', () => {
    for (const thrown of [new RangeError('x of y'), new TypeError('x of y'), 'x of y', null, undefined]) {
      const { code, message } = toErrorData(thrown, null);
      expect(code).toBe('internal');
      // A reference to report, and nothing of what was thrown: it may quote the file.
      expect(message).toMatch(/^A fault of vramscope: [\w$ .<]*\(?[0-9a-f]{8}\)?\.$/);
      expect(message).not.toContain('x of y');
    }
    expect(faultReference(new Error('a'))).not.toBe(faultReference(new Error('b')));
    expect(faultReference(new Error('a'))).toBe(faultReference(new Error('a')));
    expect(toErrorData(new DOMException('stop', 'AbortError'), null).code).toBe('cancelled');
  });

  it('a want of memory is told as such, whatever the engine calls it', () => {
    const want = (make: () => unknown): string => {
      try {
        make();
        return 'nothing thrown';
      } catch (thrown) {
        return toErrorData(thrown, null).code;
      }
    };
    expect(want(() => new Uint8Array(2 ** 53 - 1))).toBe('memory');
    expect(want(() => 'x'.repeat(2 ** 30))).toBe('memory');
    // A length that was worked out wrongly is our fault.
    expect(want(() => new Uint8Array(-5))).toBe('internal');
  });
});
