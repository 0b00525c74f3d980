import { describe, expect, it } from 'vitest';
import pixelColumnsWgsl from '../../shaders/pixel-columns.wgsl?raw';
import { packStruct, readConstant, readStruct } from '../../src/kernel/wgsl.ts';

const source = `
const ROWS = 12u;
struct Mixed {
  a: u32,
  b: vec2<u32>,
  c: u32,
}
struct Odd {
  f: f32,
}
`;

describe('reading WGSL', () => {
  it('lays a struct out by WGSL rules: members aligned, the whole rounded up', () => {
    expect(readStruct(source, 'Mixed')).toEqual({ words: 6, at: { a: 0, b: 2, c: 4 } });
  });

  it('reads a struct of a shader', () => {
    const { words, at } = readStruct(pixelColumnsWgsl, 'Extremes');
    expect(words).toBe(10);
    expect(at).toEqual({ first: 0, last: 2, min: 4, max: 6, max_index: 8 });
  });

  it('packs values into words', () => {
    const words = packStruct(readStruct(source, 'Mixed'), { a: 7, b: -2n, c: 9 });
    expect(Array.from(words)).toEqual([7, 0, 0xfffffffe, 0xffffffff, 9, 0]);
  });

  it('reads a constant', () => {
    expect(readConstant(source, 'ROWS')).toBe(12);
  });

  it('refuses what is not there and types it does not know', () => {
    expect(() => readStruct(source, 'Absent')).toThrow('no struct Absent');
    expect(() => readConstant(source, 'COLUMNS')).toThrow('no constant COLUMNS');
    expect(() => readStruct(source, 'Odd')).toThrow('f32');
    expect(() => packStruct(readStruct(source, 'Mixed'), { a: 7, b: 1n })).toThrow('c has no value');
  });
});
