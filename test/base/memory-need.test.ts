/** What a file will take in memory, told before it is read: an order, by kind and size. */
import { describe, expect, it } from 'vitest';
import { fitsInBrowser, fitsInProcess, memoryNeed } from '../../src/base/memory-need.ts';

const GIB = 2 ** 30;
const head = (...bytes: number[]): Uint8Array => Uint8Array.of(...bytes);
const none = new Uint8Array(4);

describe('the need of a file', () => {
  it('follows its kind', () => {
    const pickle = memoryNeed(GIB, head(0x80, 4, 0x95), none);
    expect(pickle).toMatchObject({ kind: 'a PyTorch snapshot' });
    // 1.86 GB took 9.07 GB, 2.70 GB of SQLite 5.21 GB, 3 GB of a log 0.16 GB.
    expect(pickle.bytes / GIB).toBeCloseTo(5, 0);
    expect(memoryNeed(GIB, new TextEncoder().encode('SQLite format 3'), none).bytes / GIB).toBeCloseTo(2, 0);
    expect(memoryNeed(3 * GIB, new TextEncoder().encode('INFO 01-01 '), none).bytes).toBeLessThan(GIB);
  });

  it('of a gzip is that of what it holds', () => {
    const tail = new Uint8Array(4);
    new DataView(tail.buffer).setUint32(0, GIB, true);
    expect(memoryNeed(GIB / 10, head(0x1f, 0x8b), tail).bytes).toBe(5 * GIB);
    // More than 4 GiB have gone round in those four bytes.
    expect(memoryNeed(GIB, head(0x1f, 0x8b), none).bytes).toBeGreaterThan(20 * GIB);
  });
});

describe('what is said before it is read', () => {
  const need = (gib: number) => ({ bytes: gib * GIB, kind: 'a PyTorch snapshot' });

  it('nothing where it fits', () => {
    expect(fitsInBrowser(need(0.5), 0.5)).toBeNull();
    expect(fitsInBrowser(need(3), 8)).toBeNull();
    expect(fitsInProcess(need(3), 8 * GIB)).toBeNull();
  });

  it('that it will not, or may not, and what to do instead', () => {
    expect(fitsInBrowser(need(9), 4)).toMatch(/will not fit.*9 GiB.*4 GiB.*vramscope analyze/s);
    expect(fitsInBrowser(need(9), 8)).toMatch(/may not fit.*at least 8 GiB/);
    expect(fitsInBrowser(need(9), undefined)).toMatch(/may not fit.*does not tell/);
    expect(fitsInProcess(need(9), 8 * GIB)).toMatch(/will not fit.*max_entries/);
  });
});
