/** The recordings in ../shared: whole exports against SQL, public files of other versions; skipped where absent. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { exactKindFigures } from '../../../src/analyze/nsys-kinds.ts';
import { nsysSqliteReader } from '../../../src/read/nsys/sqlite.ts';
import { MEM_KINDS } from '../../../src/trace/schema.ts';
import { sharedTraces } from '../../shared-traces.ts';
import { kindsBySql } from './make-sqlite.ts';
import { readPath } from '../open-for-test.ts';

const traces = sharedTraces();
const publicFiles = fileURLToPath(new URL('../../../../shared/public/nsys', import.meta.url));

describe.skipIf(traces === null)('exports in ../shared/traces', () => {
  it.each(['small', 'torch'])('%s: every kind as SQL has it', async (name) => {
    const path = join(traces!, `nsys/${name}.sqlite`);
    const { data, error } = await readPath(nsysSqliteReader, path);
    expect(error).toBeNull();
    expect(data.warnings).toEqual([]);
    const truth = kindsBySql(new Uint8Array(readFileSync(path)));
    const figures = exactKindFigures(data.devices[0]).filter(({ kind }) => !kind.startsWith('pool'));
    expect(
      figures.map(({ kind, allocated, freed, current, peak }) => [kind, { allocated, freed, current, peak }]),
    ).toEqual([...truth].sort((a, b) => a[0] - b[0]).map(([kind, row]) => [MEM_KINDS[kind], row]));
  });
});

describe.skipIf(!existsSync(publicFiles))('public exports in ../shared/public', () => {
  const files = existsSync(publicFiles)
    ? readdirSync(publicFiles).filter((name) => name.endsWith('.sqlite'))
    : [];

  it.each(files)('%s opens; it has no memory events, and says what to record', async (name) => {
    const { data, error } = await readPath(nsysSqliteReader, join(publicFiles, name));
    expect(error).toBeNull();
    expect(data.producer).toMatch(/^Nsight Systems \d{4}\.\d\.\d, schema \d/);
    expect(data.devices).toEqual([]);
    expect(data.notRecorded[0]).toContain('--cuda-memory-usage=true');
  });
});
