/**
 * What a file is, is told by its content: every fixture and sample, opened under the name "unknown", is of the same
 * format and gives the same as under its own name, error and advice included.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadFile, type LoadedSource } from '../../src/engine/load-source.ts';
import { LOG_SCANNERS } from '../../src/read/log.ts';
import { READERS } from '../../src/read/readers.ts';
import { BytesSource } from './open-for-test.ts';

const ROOT = join(import.meta.dirname, '../..');

/** What is no input but text about the inputs, or makes them. */
const NO_INPUT = /\.(md|py|ts)$/;

/** Files that give something else under another name, and why that cannot be otherwise. */
const BY_NAME: readonly { readonly pattern: RegExp; readonly reason: string }[] = [
  {
    pattern: /\.parquetdir\/\w+\.parquet$/,
    reason: 'a table of parquetdir is named by its file alone: nothing inside says which table it is',
  },
];

const FILES = ['test/fixtures', 'samples']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !NO_INPUT.test(entry.name))
      .map((entry) => relative(ROOT, join(entry.parentPath, entry.name))),
  )
  .sort();
const isByName = (path: string): boolean => BY_NAME.some(({ pattern }) => pattern.test(path));

/** Everything that was read, without the names and how long it took. */
function told(sources: readonly LoadedSource[], name: string): unknown[] {
  return sources.map(({ file, milliseconds, error, data, ...rest }) => ({
    ...rest,
    entry: file.slice(name.length),
    took: milliseconds >= 0,
    // Advice may hold the command to run, with the file's name in it.
    error: error === null ? null : { ...error, file: null, advice: error.advice?.replaceAll(name, 'FILE') },
    data: { ...data, stacks: data.stacks.frames },
  }));
}

async function open(path: string, name: string): Promise<LoadedSource[]> {
  const source = new BytesSource(name, new Uint8Array(readFileSync(join(ROOT, path))));
  return loadFile(source, { isCancelled: () => false, onProgress: () => undefined });
}

describe('under the name "unknown"', () => {
  it.each(FILES.filter((path) => !isByName(path)))('%s', async (path) => {
    const own = basename(path);
    const known = await open(path, own);
    expect(known.length).toBeGreaterThan(0);
    const [ours, theirs] = [told(await open(path, 'unknown'), 'unknown'), told(known, own)];
    // The runner's own comparison takes seconds for columns of thousands; it tells what differs.
    if (!isDeepStrictEqual(ours, theirs)) expect(ours).toEqual(theirs);
  });

  it('every exception still is one: no file is left out that need not be', async () => {
    const same: string[] = [];
    for (const { pattern } of BY_NAME) {
      const files = FILES.filter((path) => pattern.test(path));
      let differ = false;
      for (const path of files) {
        const own = told(await open(path, basename(path)), basename(path));
        const unknown = told(await open(path, 'unknown'), 'unknown');
        differ ||= JSON.stringify(own, plain) !== JSON.stringify(unknown, plain);
      }
      if (!differ) same.push(String(pattern));
    }
    expect(same).toEqual([]);
  });

  it('there are fixtures of every format', async () => {
    const formats = new Set<string | null>();
    for (const path of FILES) for (const { format } of await open(path, 'unknown')) formats.add(format);
    const wanted = [...READERS, ...LOG_SCANNERS]
      .map(({ format }) => format)
      .filter((format) => format !== 'log');
    expect(wanted.filter((format) => !formats.has(format))).toEqual([]);
  });
});

const plain = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
