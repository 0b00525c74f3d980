import { describe, expect, it } from 'vitest';
import { LineSplitter, MAX_LINE_BYTES, type TextLine } from '../../src/file/text-lines.ts';

const LF = 10;

function split(text: string | Uint8Array, chunkBytes: number, maxBytes?: number): TextLine[] {
  const lines: TextLine[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), maxBytes);
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.slice(at, at + chunkBytes);
    splitter.push(chunk);
    // A reader may reuse its buffer: nothing of a chunk may be needed after push.
    chunk.fill(0x2a);
  }
  splitter.end();
  return lines;
}

describe('LineSplitter', () => {
  const text = 'one\ntwo\r\nthree\rfour\n\n\r\r\nfünf €\n  last';
  const expected: [string, number][] = [
    ['one', 0],
    ['two', 4],
    ['three', 9],
    ['four', 15],
    ['', 20],
    ['', 21],
    ['', 22],
    ['fünf €', 24],
    ['  last', 34],
  ];

  it.each([1, 2, 3, 5, 7, 1000])('splits at \\n, \\r\\n and \\r in chunks of %i bytes', (chunkBytes) => {
    expect(split(text, chunkBytes).map((line) => [line.text, line.offset])).toEqual(expected);
  });

  it('gives byte offsets, not character offsets', () => {
    const bytes = new TextEncoder().encode(text);
    const last = split(text, 4).at(-1)!;
    expect(new TextDecoder().decode(bytes.subarray(last.offset))).toBe('  last');
  });

  it('has no line in an empty text and none after the last line end', () => {
    expect(split('', 4)).toEqual([]);
    expect(split('a\n', 4)).toHaveLength(1);
    expect(split('a\r\n', 2)).toHaveLength(1);
    expect(split('a\r', 2)).toHaveLength(1);
  });

  it.each([1, 3, 64])('cuts a line at the bound and goes on with the next, chunks of %i', (chunkBytes) => {
    expect(split('12345678\n1234567\n123456789', chunkBytes, 7)).toEqual([
      { text: '1234567', offset: 0, cut: true },
      { text: '1234567', offset: 9, cut: false },
      { text: '1234567', offset: 17, cut: true },
    ]);
  });

  it('keeps at most MAX_LINE_BYTES of a line by default', () => {
    const [line] = split('x'.repeat(3 * MAX_LINE_BYTES), 1 << 16);
    expect(line.text).toHaveLength(MAX_LINE_BYTES);
    expect(line.cut).toBe(true);
  });

  it('survives bytes that are not UTF-8', () => {
    expect(split(new Uint8Array([0xff, 0x41, LF, 0xc3]), 1).map((line) => line.text)).toEqual([
      '\ufffdA',
      '\ufffd',
    ]);
  });
});
