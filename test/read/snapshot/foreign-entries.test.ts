/** Entries of traces without an "action": what a newer PyTorch may write is counted, and never "not recorded". */
import { expect, it } from 'vitest';
import { torchSnapshotReader } from '../../../src/read/snapshot/torch-snapshot.ts';
import { readBytes } from '../open-for-test.ts';
import { bytesOf, dict, list, long, snapshot, text } from './pickle-bytes.ts';

it('says how many there are, and their keys', async () => {
  const entry = dict({ what: text('alloc'), addr: long(512n), bytes: long(4096n), stream: bytesOf(0x4b, 0) });
  const { data, error } = await readBytes(
    torchSnapshotReader,
    'new.pickle',
    snapshot(list(entry, entry, entry)),
  );
  expect(error).toBeNull();
  expect(data.skipped).toBe(3);
  expect(data.warnings.map(({ message }) => message).join()).toContain(
    '3 entries of device_traces are not understood: their keys are what, addr, bytes, stream.',
  );
  expect(data.notRecorded.join()).not.toContain('No history was recorded');
});
