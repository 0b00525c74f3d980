/** The five forms of one Nsight export, read by their readers. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nsysArrowDirReader, nsysArrowReader } from '../../../src/read/nsys/arrow.ts';
import { nsysJsonReader } from '../../../src/read/nsys/json.ts';
import { nsysParquetDirReader } from '../../../src/read/nsys/parquet.ts';
import { nsysSqliteReader } from '../../../src/read/nsys/sqlite.ts';
import type { FolderReader, Reader, ReadOutcome } from '../../../src/read/reader.ts';
import type { SourceData } from '../../../src/trace/capture.ts';
import { BytesSource, type InputOptions, readBytes, testContext } from '../open-for-test.ts';

export const FORMS = fileURLToPath(new URL('../../fixtures/nsys-forms', import.meta.url));
export const FILES: Readonly<Record<string, Reader>> = {
  sqlite: nsysSqliteReader,
  arrow: nsysArrowReader,
  json: nsysJsonReader,
};
export const FOLDERS: Readonly<Record<string, FolderReader>> = {
  arrowdir: nsysArrowDirReader,
  parquetdir: nsysParquetDirReader,
};

export const entriesOf = (folder: string): BytesSource[] =>
  readdirSync(folder).map((name) => new BytesSource(name, new Uint8Array(readFileSync(join(folder, name)))));

/** Every form of `name` in a folder. `options` count for files. */
export async function readForms(
  folder: string,
  name: string,
  options: InputOptions = {},
): Promise<Map<string, ReadOutcome>> {
  const outcomes = new Map<string, ReadOutcome>();
  for (const [form, reader] of Object.entries(FILES)) {
    const path = join(folder, `${name}.${form}`);
    const isWhole = form === 'sqlite' ? {} : options;
    if (existsSync(path))
      outcomes.set(form, await readBytes(reader, path, new Uint8Array(readFileSync(path)), isWhole));
  }
  for (const [form, reader] of Object.entries(FOLDERS)) {
    const path = join(folder, `${name}.${form}`);
    if (existsSync(path)) outcomes.set(form, await reader.read(name, entriesOf(path), testContext()));
  }
  return outcomes;
}

/** All that JSON cannot tell taken out: the GPU's name and size, versions, the session's start, the sentence about it. */
export const withoutGpu = (data: SourceData): unknown => ({
  ...data,
  producer: '',
  settings: [],
  notRecorded: [],
  devices: data.devices.map((device) => ({ ...device, name: null, total_bytes: null })),
});

/** Everything in it as text, bigints and columns too. */
export const textOf = (data: unknown): string =>
  JSON.stringify(data, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : ArrayBuffer.isView(value) ? undefined : value,
  );
