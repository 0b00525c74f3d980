/** Live memory without a stack: sums to the byte against what is alive, and an Nsight export without call chains has none. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Engine } from '../../src/engine/engine.ts';
import type { DeviceDiagnosis } from '../../src/engine/protocol.ts';

async function diagnosed(path: string): Promise<DeviceDiagnosis> {
  const engine = new Engine();
  const bytes = readFileSync(new URL(`../../${path}`, import.meta.url));
  const source = {
    name: path,
    size: bytes.length,
    read: (start: number, length: number) => Promise.resolve(bytes.subarray(start, start + length)),
    readSync: (start: number, length: number) => bytes.subarray(start, start + length),
  };
  await engine.open(1, source, () => undefined);
  const told = await engine.diagnosis();
  if (!told.ok) throw new Error(told.error.message);
  return told.value.devices[0];
}

it('a recording with stacks has lines to name', async () => {
  const { withoutStack, quality } = await diagnosed('samples/leak.pickle.gz');
  expect(withoutStack).toBeNull();
  expect(quality.shareWithoutFrames).toBe(0);
});

it('an Nsight export without call chains names calls and nobody: every byte is without a stack', async () => {
  const { withoutStack, quality } = await diagnosed('test/fixtures/nsys-forms/pools.json');
  expect(quality.shareWithoutFrames).toBe(1);
  expect(withoutStack?.bytes).toBe(withoutStack?.live);
  expect(withoutStack?.classes.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(withoutStack?.bytes);
  for (const { least, most } of withoutStack?.classes ?? []) {
    expect(least).toBeLessThanOrEqual(most);
    expect(most).toBeLessThan(2 * 2 ** Math.floor(Math.log2(least)));
  }
});
