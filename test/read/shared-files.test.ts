/**
 * Every file of ../shared/traces and ../shared/public, opened as the page opens it: it is read without an error, or
 * refused with the code and the advice that the table below expects. Where the folders are absent this is skipped.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TraceErrorCode } from '../../src/base/trace-error.ts';
import { sourceAt } from '../../src/cli/node-source.ts';
import { loadFile, loadFolder, type LoadedSource } from '../../src/engine/load-source.ts';
import type { Format } from '../../src/read/reader.ts';
import { sharedTraces } from '../shared-traces.ts';

/** Larger ones take longer than all others together; `npm run bench` reads that one. */
const LARGEST = 60e6;

interface Expected {
  readonly pattern: RegExp;
  /** The first source is of this format. */
  readonly format?: Format;
  /** It holds nothing to read: the code of the error, and what its advice names. */
  readonly refused?: { readonly code: TraceErrorCode; readonly advice: RegExp };
}

/** By path; the first pattern that fits counts. */
const EXPECTED: readonly Expected[] = [
  { pattern: /\.pickle$/, format: 'torch-snapshot' },
  { pattern: /\.memory_stats\.json$/, format: 'memory-stats' },
  { pattern: /memory_summary|summaries\.log$/, format: 'memory-summary' },
  { pattern: /\.report\.log$/, format: 'memory-lines' },
  { pattern: /requests\.log$/, format: 'request-log' },
  { pattern: /nvidia-smi\.log$|dmon|pmon/, format: 'nvidia-smi' },
  { pattern: /^nvidia_smi\//, format: 'nvidia-smi' },
  {
    pattern: /kineto_timeline\.html$/,
    refused: { code: 'refused', advice: /export_memory_timeline\("timeline\.raw\.json\.gz"/ },
  },
  { pattern: /timeline(\.raw)?\.json/, format: 'memory-timeline' },
  { pattern: /^kineto\//, format: 'kineto-trace' },
  { pattern: /\.sqlite$/, format: 'nsys-sqlite' },
  { pattern: /\.arrow$/, format: 'nsys-arrow' },
  { pattern: /^nsys\/\w+\.json$/, format: 'nsys-json' },
  { pattern: /^nsys\/.*\.csv$/, format: 'nsys-stats' },
  { pattern: /^vllm\//, format: 'vllm-log' },
  { pattern: /^sglang\//, format: 'sglang-log' },
  { pattern: /^prometheus\//, format: 'prometheus-text' },
  { pattern: /^jax\//, format: 'jax-memory-profile' },
  { pattern: /oom.*\.txt$/, format: 'oom-text' },
  // The allocator settings of a run, in words.
  {
    pattern: /CONF\.txt$/,
    refused: { code: 'unrecognised', advice: /^To see who holds memory, record a snapshot/ },
  },
];

const options = { isCancelled: () => false, onProgress: () => undefined };

async function open(path: string): Promise<LoadedSource[]> {
  if (!statSync(path).isDirectory()) {
    const source = sourceAt(path);
    try {
      return await loadFile(source, options);
    } finally {
      source.close();
    }
  }
  const files = readdirSync(path).map((name) => sourceAt(join(path, name)));
  try {
    return await loadFolder('folder', files, options);
  } finally {
    for (const file of files) file.close();
  }
}

function filesOf(root: string): string[] {
  return (
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)))
      // Tables of a folder are read as one source, below; the README tells of the files and quotes their lines.
      .filter((path) => !/dir\/[^/]*$|^README\.md$/.test(path))
      .sort()
  );
}

async function check(root: string, path: string): Promise<void> {
  const expected = EXPECTED.find(({ pattern }) => pattern.test(path));
  expect(expected, `${path} is of no kind that the table knows`).toBeDefined();
  const sources = await open(join(root, path));
  const errors = sources.flatMap(({ error }) => (error === null ? [] : [error]));
  if (expected!.refused !== undefined) {
    expect(errors).toHaveLength(1);
    expect(errors[0].code).toBe(expected!.refused.code);
    expect(errors[0].advice).toMatch(expected!.refused.advice);
    return;
  }
  expect(errors).toEqual([]);
  expect(sources[0].format).toBe(expected!.format);
  // None of these files is of several kinds.
  expect(sources.slice(1).map(({ format }) => format)).toEqual([]);
}

const traces = sharedTraces();
describe.skipIf(traces === null)('every file of ../shared/traces', () => {
  const files = traces === null ? [] : filesOf(traces);
  it.each(files.filter((path) => statSync(join(traces!, path)).size <= LARGEST))('%s', async (path) => {
    await check(traces!, path);
  });

  it('leaves out one only, for its size', () => {
    expect(files.filter((path) => statSync(join(traces!, path)).size > LARGEST)).toEqual(['big/big.pickle']);
  });

  it.each([
    ['nsys/small.arrowdir', 'nsys-arrowdir'],
    ['nsys/torch.arrowdir', 'nsys-arrowdir'],
    ['nsys/small.parquetdir', 'nsys-parquetdir'],
    ['nsys/torch.parquetdir', 'nsys-parquetdir'],
  ])('%s, as one source', async (path, format) => {
    const sources = await open(join(traces!, path));
    expect(sources.map((source) => [source.format, source.error])).toEqual([[format, null]]);
  });
});

const PUBLIC = join(import.meta.dirname, '../../../shared/public');
describe.skipIf(!existsSync(PUBLIC))('every file of ../shared/public', () => {
  it.each(existsSync(PUBLIC) ? filesOf(PUBLIC) : [])('%s', async (path) => {
    await check(PUBLIC, path);
  });
});
