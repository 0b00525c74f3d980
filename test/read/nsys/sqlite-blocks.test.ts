import { describe, expect, it } from 'vitest';
import { TraceError } from '../../../src/base/trace-error.ts';
import { BlockReader } from '../../../src/read/nsys/sqlite-blocks.ts';
import { openSqlite } from '../../../src/read/nsys/sqlite-host.ts';
import { makeSqlite } from './make-sqlite.ts';
import { BytesSource } from '../open-for-test.ts';

const MIB = 1 << 20;

function ramp(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >>> 8) * 17 + (i >>> 16) * 7) & 255;
  return bytes;
}

describe('BlockReader', () => {
  const bytes = ramp(9 * MIB + 123);
  const readAll = (blocks: BlockReader, start: number, length: number): Uint8Array => {
    const target = new Uint8Array(length);
    return target.subarray(0, blocks.read(start, target));
  };

  it('gives the bytes that were asked for, across blocks and at the end', () => {
    const blocks = new BlockReader(new BytesSource('x', bytes));
    for (const [start, length] of [
      [0, 100],
      [65530, 20],
      [MIB - 1, 300_000],
      [9 * MIB + 100, 100],
      [9 * MIB + 123, 10],
      [20 * MIB, 10],
      [5, 9 * MIB],
    ]) {
      expect(Buffer.compare(readAll(blocks, start, length), bytes.subarray(start, start + length))).toBe(0);
    }
  });

  it('reads more at a time in a scan, and little for a look-up', () => {
    const scan = new BlockReader(new BytesSource('x', bytes));
    for (let at = 0; at < bytes.length; at += 4096) readAll(scan, at, 4096);
    expect(scan.bytesRead).toBe(bytes.length);
    expect(scan.reads).toBeLessThan(12);
    const lookUps = new BlockReader(new BytesSource('x', bytes));
    for (let n = 0; n < 20; n++) readAll(lookUps, ((n * 7 + 3) % 20) * 458_752, 4096);
    expect(lookUps.bytesRead).toBeLessThanOrEqual(20 * 65536);
  });

  it('keeps a bounded part of a file that is larger', () => {
    const size = 200 * MIB;
    const source = {
      name: 'large',
      size,
      read: () => Promise.reject(new Error('not used')),
      readSync: (start: number, length: number) =>
        new Uint8Array(Math.min(length, size - start)).fill(start / MIB),
    };
    const blocks = new BlockReader(source);
    for (let at = 0; at < size; at += 32768) readAll(blocks, at, 100);
    const before = blocks.reads;
    readAll(blocks, size - MIB, 100);
    expect(blocks.reads).toBe(before);
    readAll(blocks, 0, 100);
    expect(blocks.reads).toBe(before + 1);
  });
});

describe('openSqlite', () => {
  it('reads every type, NULL, long texts on overflow pages, and sorts in memory', async () => {
    const bytes = makeSqlite(
      `CREATE TABLE t (a, b); INSERT INTO t VALUES (2, 'zwei €'), (1, NULL), (9223372036854775807, 'x'), (1.5, hex(zeroblob(20000)))`,
    );
    const file = await openSqlite(new BytesSource('x', bytes));
    const rows = file.query('SELECT a, b FROM t ORDER BY a DESC');
    const got: [bigint, number, string | null][] = [];
    while (rows.step()) got.push([rows.bigint(0), rows.number(0), rows.isNull(1) ? null : rows.text(1)]);
    rows.close();
    file.close();
    expect(got).toEqual([
      [9223372036854775807n, 2 ** 63, 'x'],
      [2n, 2, 'zwei €'],
      [1n, 1.5, '0'.repeat(40000)],
      [1n, 1, null],
    ]);
  });

  it('grows its memory where a query needs it', async () => {
    const file = await openSqlite(new BytesSource('x', makeSqlite('CREATE TABLE t (a)')));
    const rows = file.query('SELECT length(hex(zeroblob(20000000)))');
    expect(rows.step()).toBe(true);
    expect(rows.number(0)).toBe(40_000_000);
    rows.close();
    file.close();
  });

  it('can write nothing', async () => {
    const file = await openSqlite(new BytesSource('x', makeSqlite('CREATE TABLE t (a)')));
    const insert = (): boolean => file.query('INSERT INTO t VALUES (1)').step();
    // SQLITE_READONLY.
    expect(insert).toThrow(/SQLite's code 8\b/);
    file.close();
  });

  it('does not repeat the words of SQLite, which hold names of the file', async () => {
    const file = await openSqlite(new BytesSource('x', makeSqlite('CREATE TABLE t (a)')));
    expect(() => file.query('SELECT missing FROM t')).toThrow(
      /^The schema of the database cannot be read\.$/,
    );
    file.close();
  });

  it('passes on what the source throws', async () => {
    const bytes = makeSqlite('CREATE TABLE t (a); INSERT INTO t VALUES (hex(zeroblob(200000)))');
    const inner = new BytesSource('x', bytes);
    const source = {
      name: 'x',
      size: bytes.length,
      read: inner.read.bind(inner),
      readSync(start: number, length: number): Uint8Array {
        if (start >= 65536) throw new TraceError('io', 'The disk was pulled out.');
        return inner.readSync(start, length);
      },
    };
    const file = await openSqlite(source);
    const rows = file.query('SELECT length(a), a FROM t');
    expect(() => (rows.step() ? rows.text(1).length : 0)).toThrow('The disk was pulled out.');
    file.close();
  });
});
