/** Text of every kind that is read, in the dresses in which people paste it: the figures are found all the same. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { DRESSES, figuresOf } from './wrapped-text.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures');
const folder = mkdtempSync(join(tmpdir(), 'vramscope-wrapped-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function documentOf(text: string): Promise<Analysis> {
  const path = join(folder, 'pasted');
  writeFileSync(path, text);
  let out = '';
  await main(
    ['analyze', '--json', path],
    { write: (piece) => (out += String(piece)) },
    { write: () => undefined },
  );
  return JSON.parse(out) as Analysis;
}

/** Some of each room of readers; what is longer is cut. */
const TEXTS: readonly string[] = [
  'field/T02-deepspeed-see-memory-usage.log',
  'field/T04-torchtitan.log',
  'field/T06-llama-cpp-oom.log',
  'field/T12-sglang-weights-leave-nothing.log',
  'field/T18-container-own-pid.txt',
  'field/T28-rocm-smi.txt',
  'field/T34-ranks-on-gpu0.txt',
  'field/T36-ultralytics.log',
  'field/T45a-gpustat.txt',
  'field/T62-vllm-free-on-startup.log',
  'log/tensors.txt',
  'log/vllm-memory.txt',
  'memory-summary/churn_5.memory_summary.txt',
  'nvidia-smi/detail.txt',
  'nvidia-smi/query.csv',
];
const LINES = 120;

describe.each(TEXTS)('%s', (name) => {
  const text = `${readFileSync(join(FIXTURES, name), 'utf8').split('\n').slice(0, LINES).join('\n').trimEnd()}\n`;

  it('has the figures of the plain text in every dress', async () => {
    const plain = figuresOf(await documentOf(text));
    expect(JSON.stringify(plain)).toMatch(/\d{6}|0\.\d\d/);
    for (const dress of DRESSES)
      expect([dress.name, figuresOf(await documentOf(dress.wrap(text)))]).toEqual([dress.name, plain]);
  });
});

describe('what carries a line', () => {
  it('gives it its time', async () => {
    const { series } = await documentOf(
      '{"ts": 1772366400.5, "msg": "allocated: 1.5 GiB, reserved: 2.0 GiB"}\n{"ts": 1772366401.5, "msg": "allocated: 1.6 GiB, reserved: 2.0 GiB"}\n',
    );
    expect(series.map(({ id, clock }) => [id, clock])).toContainEqual(['memory_allocated', 'wall']);
    expect(series[0].samples.map(([time]) => time)).toEqual(['1772366400500000000', '1772366401500000000']);
  });

  it('is no reason to lose figures in fields beside the message', async () => {
    const plain = await documentOf('{"memory_allocated": 1610612736, "memory_reserved": 2147483648}\n');
    const beside = await documentOf(
      '{"message": "step done", "memory_allocated": 1610612736, "memory_reserved": 2147483648}\n',
    );
    expect(plain.series.length).toBe(2);
    expect(figuresOf(beside)).toEqual(figuresOf(plain));
  });

  it('may be two carriers, one in the other', async () => {
    const line = JSON.stringify({
      log: `${JSON.stringify({ message: 'allocated: 1.5 GiB | reserved: 2.0 GiB' })}\n`,
    });
    const { series } = await documentOf(`> 2026-03-01T12:00:00.1Z stdout F ${line}\n`);
    expect(series.map(({ id }) => id)).toEqual(['memory_allocated', 'memory_reserved']);
  });

  it('leaves ranks to who reads them', async () => {
    const { series } = await documentOf(
      '2026-03-01T12:00:00.1Z [rank3]: allocated: 1.5 GiB | reserved: 2.0 GiB\n2026-03-01T12:00:00.2Z [rank4]: allocated: 1.0 GiB | reserved: 2.0 GiB\n',
    );
    expect(series.map(({ labels }) => labels['rank'])).toEqual(['3', '3', '4', '4']);
  });

  it('is no prompt of Python', async () => {
    const { series } = await documentOf('>>> allocated: 1.5 GiB, reserved: 2.0 GiB\n');
    expect(series.length).toBe(2);
  });
});
