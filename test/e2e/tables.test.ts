/**
 * Every table in every format, saved by hand in the built page under its own policy, from disk: what is saved is read
 * back and held against the same tables of the built command.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DECLARATIONS, type TableName } from '../../src/trace/table/declarations.ts';
import type { Declaration } from '../../src/trace/table/fields.ts';
import { TABLE_FORMATS, type TableFormat } from '../../src/trace/table/writer.ts';
import {
  type Cells,
  Duck,
  firstDifference,
  readArrow,
  readJsonLines,
  readParquet,
} from '../trace/table-cells.ts';
import { fixture, type GivenFile, launch, ROOT, sample, Scope, SINGLE_FILE } from './harness.ts';

let browser: Browser;
let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
  browser = await launch();
});
afterAll(async () => {
  duck.close();
  await browser.close();
});

/** The same tables from the built command. */
class Command {
  private readonly folder = mkdtempSync(join(tmpdir(), 'vramscope-e2e-'));

  constructor({ name, bytes }: GivenFile) {
    const file = join(this.folder, name);
    writeFileSync(file, bytes);
    const where = ['--table', 'all', '--format', 'arrow', '-o', this.folder];
    const done = spawnSync(process.execPath, [join(ROOT, 'bin/vramscope.mjs'), 'export', file, ...where]);
    expect([done.status, done.stdout.length]).toEqual([0, 0]);
  }

  wrote(table: TableName): Buffer {
    return readFileSync(join(this.folder, `${table}.arrow`));
  }

  close(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Two tables in the four formats: a multiple of the formats, below Chromium's ten. */
const DOWNLOADS_OF_A_TAB = 8;

const declarationOf = (table: TableName): Declaration => DECLARATIONS.find(({ name }) => name === table)!;

/** Rows of a saved file. */
async function rowsOf(duck: Duck, table: TableName, format: TableFormat, path: string): Promise<Cells[]> {
  const bytes = new Uint8Array(readFileSync(path));
  if (format === 'arrow') return readArrow(bytes).rows;
  if (format === 'parquet') return (await readParquet(bytes)).rows;
  return format === 'jsonl'
    ? readJsonLines(declarationOf(table), bytes)
    : await duck.csv(declarationOf(table), path);
}

/** Browser and Node differ in the last bits of powers of ten, of which the width of a printed digit is made. */
const rounded = (rows: readonly Cells[]): Cells[] =>
  rows.map((cells) =>
    Object.fromEntries(
      Object.entries(cells).map(([name, cell]) => [
        name,
        typeof cell === 'number' ? Number(cell.toPrecision(14)) : cell,
      ]),
    ),
  );

describe.each([
  [sample('train.pickle.gz'), ['annotations', 'events', 'segments', 'blocks', 'stacks', 'findings']],
  [sample('nsys-small.sqlite'), ['events', 'pools', 'findings']],
  [fixture('log/vllm-v1-tp2.log'), ['gauges', 'budgets', 'findings']],
])('$name', (given, must) => {
  it('saves every table in every format', async () => {
    const command = new Command(given);
    const openMenu = async (): Promise<{ scope: Scope; menu: Locator }> => {
      const scope = await Scope.open(browser, SINGLE_FILE);
      await scope.analyse([given]);
      const menu = scope.page.locator('vs-save:visible');
      await menu.locator('summary').click();
      return { scope, menu };
    };
    let { scope, menu } = await openMenu();
    const tables = await menu
      .locator('#table option')
      .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value as TableName));
    for (const name of must) expect(tables).toContain(name);
    for (const [index, table] of tables.entries()) {
      // Chromium asks the person before a tab's eleventh download, and a headless one answers no.
      if (index > 0 && (index * TABLE_FORMATS.length) % DOWNLOADS_OF_A_TAB === 0) {
        await scope.close();
        ({ scope, menu } = await openMenu());
      }
      const expected = readArrow(command.wrote(table)).rows;
      await menu.locator('#table').selectOption(table);
      for (const format of TABLE_FORMATS) {
        await menu.locator('#format').selectOption(format);
        const [download] = await Promise.all([
          scope.page.waitForEvent('download'),
          menu.getByRole('button', { name: 'Save file' }).click(),
        ]);
        expect(download.suggestedFilename()).toMatch(
          new RegExp(`^${given.name}(\\.gpu\\d+)?\\.${table}\\.${format}$`),
        );
        const rows = await rowsOf(duck, table, format, await download.path());
        expect([table, format, firstDifference(rounded(rows), rounded(expected))]).toEqual([
          table,
          format,
          null,
        ]);
      }
    }
    await scope.close();
    command.close();
  });

  it('hands the tables over, and keeps its own', async () => {
    const command = new Command(given);
    const scope = await Scope.open(browser, SINGLE_FILE);
    await scope.analyse([given]);
    const ask = (): Promise<Record<string, string>> =>
      scope.page.evaluate(async () => {
        const element = document.querySelector('vram-scope') as Element & {
          tables(): Promise<Record<string, Uint8Array<ArrayBuffer>>>;
        };
        const read = (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
          new Promise((resolve) => {
            const reader = new FileReader();
            reader.onload = () => resolve((reader.result as string).split(',')[1]);
            reader.readAsDataURL(new Blob([bytes]));
          });
        const tables = Object.entries(await element.tables());
        return Object.fromEntries(
          await Promise.all(tables.map(async ([name, bytes]) => [name, await read(bytes)] as const)),
        );
      });
    // What was handed over is no longer the worker's; a second answer shows that its own columns are still there.
    for (const tables of [await ask(), await ask()]) {
      for (const name of must) expect(Object.keys(tables)).toContain(name);
      for (const [name, base64] of Object.entries(tables)) {
        const expected = readArrow(command.wrote(name as TableName)).rows;
        expect([
          name,
          firstDifference(rounded(readArrow(Buffer.from(base64, 'base64')).rows), rounded(expected)),
        ]).toEqual([name, null]);
      }
    }
    await scope.close();
    command.close();
  });
});
