/**
 * Hostile inputs that are large, made here: one long name used by many frames, words without a blank in lines of a
 * server. What they cost must follow their size. Times are CPU, with room for a slow machine: before, each was quadratic.
 */
import { describe, expect, it } from 'vitest';
import { tryInput } from '../fuzz/try-input.ts';
import { alloc, bytesOf, dict, list, pickle, u32 } from '../read/snapshot/pickle-bytes.ts';

/** A text of any length, remembered by the pickle. */
const longText = (value: string): Uint8Array => bytesOf(0x58, u32(value.length), value, 0x94);
const remembered = (index: number): Uint8Array => bytesOf(0x68, index);
const integer = (value: number): Uint8Array => bytesOf(0x4d, value & 255, value >> 8);

/** As R14: events that each carry a frame of their own, all of one name of `letters` letters. */
function longName(letters: number, events: number): Uint8Array {
  const name = 'n'.repeat(letters);
  const frame = (i: number): Uint8Array =>
    dict({
      name: i === 0 ? longText(name) : remembered(0),
      filename: remembered(0),
      line: integer(i),
    });
  const rows = Array.from({ length: events }, (_, i) =>
    alloc(BigInt(512 * (i + 1)), 512n, { frames: list(frame(i)) }),
  );
  return pickle(dict({ segments: list(), device_traces: list(list(...rows)) }));
}

describe('cost follows the size of the file', () => {
  it('R14 a name of 60 kB in 1,300 frames', async () => {
    const { complaints, milliseconds, analysis } = await tryInput('R14.pickle', longName(60_000, 1300));
    expect(complaints).toEqual([]);
    expect(milliseconds).toBeLessThan(4000);
    expect(analysis?.sources[0].rows).toBe(1300);
    expect(JSON.stringify(analysis)).toContain('(60000 letters)');
  });

  it.each([
    [
      'R15',
      `[2026-01-01 00:00:00] Decode batch. #running-req: 1, ${'a'.repeat(60_000)} mem usage=1.00 GB, avail mem=2.00 GB\n`,
    ],
    [
      'R37',
      `INFO 01-01 00:00:00 worker.py:1] ${'[{"x":['.repeat(9700)} GiB for peak activation, model weights take 14.99GiB; non_torch_memory takes 0.10GiB\n`,
    ],
  ])('%s a word of 60 kB in a line of a server', async (name, line) => {
    const { complaints, milliseconds } = await tryInput(
      `${name}.log`,
      new TextEncoder().encode(line.repeat(2)),
    );
    expect(complaints).toEqual([]);
    expect(milliseconds).toBeLessThan(1500);
  });
});
