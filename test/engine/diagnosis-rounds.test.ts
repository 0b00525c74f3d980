/** A diagnosis under way when files come or go, and what it keeps from one to the next. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFiles } from '../diagnose/logs-for-test.ts';
import { BytesSource } from '../read/open-for-test.ts';

const FOLDER = join(import.meta.dirname, '..', 'fixtures', 'device-side');
const pickle = new Uint8Array(readFileSync(join(FOLDER, 'process.pickle')));

it('is given up when a file comes, and who waits is given the new one', async () => {
  const { engine } = await openFiles({ 'a.pickle': pickle });
  const early = engine.diagnosis();
  await engine.open(9, new BytesSource('b.pickle', pickle), () => undefined);
  const [first, second] = [await early, await engine.diagnosis()];
  if (!first.ok || !second.ok) throw new Error('no diagnosis');
  expect(first.value.devices.map(({ deviceKey }) => deviceKey)).toEqual(['1:0', '2:0']);
  expect(second.value).toBe(first.value);
});

it('without any of the files that were closed', async () => {
  const { engine, ids } = await openFiles({ 'a.pickle': pickle, 'b.pickle': pickle });
  const early = engine.diagnosis();
  await engine.close(ids.get('a.pickle')!);
  const answer = await early;
  if (!answer.ok) throw new Error('no diagnosis');
  expect(answer.value.devices.map(({ deviceKey }) => deviceKey)).toEqual(['2:0']);
});
