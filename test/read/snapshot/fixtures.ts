/** The committed snapshots (test/fixtures/make-snapshots.py) and the recordings beside the repository, by name. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { SnapshotShape } from '../../../src/read/snapshot/shape.ts';
import { torchSnapshotReader } from '../../../src/read/snapshot/torch-snapshot.ts';
import type { ReadOutcome } from '../../../src/read/reader.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { type InputOptions, readBytes } from '../open-for-test.ts';

const FOLDER = join(import.meta.dirname, '../../fixtures/snapshot');

export const fixturePath = (name: string): string => join(FOLDER, name);

/** Bytes of a fixture, decompressed: "oom.pickle" may lie there as oom.pickle.gz. */
export function fixtureBytes(name: string): Uint8Array {
  const path = fixturePath(name);
  return existsSync(path)
    ? new Uint8Array(readFileSync(path))
    : new Uint8Array(gunzipSync(readFileSync(`${path}.gz`)));
}

export const readSnapshot = (bytes: Uint8Array, options: InputOptions = {}): Promise<ReadOutcome> =>
  readBytes(torchSnapshotReader, 'x.pickle', bytes, options);

/** A whole snapshot that must be read without error. */
export async function snapshotOf(bytes: Uint8Array, options: InputOptions = {}): Promise<SourceData> {
  const { data, error } = await readSnapshot(bytes, options);
  if (error !== null) throw error;
  return data;
}

/** Runs `work` while the fast path for events takes nothing, so that the plain machine decodes every opcode. */
export async function withoutFastPath<T>(work: () => Promise<T>): Promise<T> {
  const fast = Object.getOwnPropertyDescriptor(SnapshotShape.prototype, 'decodeRun')!;
  SnapshotShape.prototype.decodeRun = (_buffer, pos) => pos;
  try {
    return await work();
  } finally {
    Object.defineProperty(SnapshotShape.prototype, 'decodeRun', fast);
  }
}

/** Path of a recording in ../shared/traces, "train/train.pickle"; null where it is absent. */
export function recordingPath(name: string): string | null {
  const traces = sharedTraces();
  const path = traces === null ? null : join(traces, name);
  return path !== null && existsSync(path) ? path : null;
}

export const recordingBytes = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(recordingPath(name)!));

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
