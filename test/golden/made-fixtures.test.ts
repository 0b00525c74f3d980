/**
 * Fixtures that scripts of ours make are what the scripts make; UPDATE_FIXTURES=1 writes them. (serve.log.zst is log/serve.report.log
 * by `zstd -19`, nsys-forms and snapshots have their own scripts in Python beside them.)
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { tarEnd, tarFile } from '../file/make-archives.ts';
import { join, utf8 } from '../file/pieces.ts';
import { makeProfile } from '../fixtures/make-jax-profile.ts';
import { memoryVizPage } from '../fixtures/make-memory-viz.ts';

const at = (path: string): URL => new URL(`../fixtures/${path}`, import.meta.url);
const fixture = (path: string): Uint8Array => new Uint8Array(readFileSync(at(path)));

const SEVERAL = ['log/serve.requests.log', 'nvidia-smi/query.csv', 'snapshot/oom.pickle'];

const MADE: Readonly<Record<string, () => Uint8Array>> = {
  'jax-memory-profile/live.prof.gz': () => gzipSync(makeProfile(24), { level: 9 }),
  'memory-viz/trace_plot.html': () => utf8(memoryVizPage([fixture('snapshot/oom.pickle')])),
  'archives/several.tar': () => join(...SEVERAL.map((path) => tarFile(path, fixture(path))), tarEnd()),
  'archives/several.zip': () =>
    zipSync(Object.fromEntries(SEVERAL.map((path) => [path, fixture(path)])), { mtime: '2026-11-21T09:12:00' }),
};

/** Compressed by another zlib it is other bytes. */
const plain = (path: string, bytes: Uint8Array): Uint8Array =>
  path.endsWith('.gz') ? new Uint8Array(gunzipSync(bytes)) : bytes;

describe('fixtures', () => {
  it.each(Object.keys(MADE))('%s is what its script makes', (path) => {
    const made = MADE[path]();
    if (process.env['UPDATE_FIXTURES'] === '1') {
      mkdirSync(dirname(at(path).pathname), { recursive: true });
      writeFileSync(at(path), made);
    }
    const [kept, again] = [fixture(path), made].map((bytes) => Buffer.from(plain(path, bytes)));
    expect(kept.equals(again)).toBe(true);
  });
});
