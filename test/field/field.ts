/** Inputs of test/fixtures/field through the command, as a user has them: what it says as an object and in words. */
import { join } from 'node:path';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

export const FIELD = join(import.meta.dirname, '../fixtures/field');

export interface Said {
  readonly code: number;
  readonly text: string;
  readonly json: Analysis;
}

async function run(...argv: string[]): Promise<{ readonly code: number; readonly out: string }> {
  let out = '';
  const code = await main(argv, { write: (text) => (out += String(text)) }, { write: () => undefined });
  return { code, out };
}

/** `name`: a file of test/fixtures/field, or a path. */
export async function say(name: string, ...options: string[]): Promise<Said> {
  const path = name.startsWith('/') ? name : join(FIELD, name);
  const { code, out } = await run('analyze', path, ...options);
  const json = JSON.parse((await run('analyze', '--json', path)).out) as Analysis;
  return { code, text: out, json };
}

export const finding = ({ json }: Said, id: string): Analysis['findings'][number] => {
  const found = json.findings.find((one) => one.id === id);
  if (found === undefined) throw new Error(`no ${id} among ${json.findings.map((one) => one.id).join(', ')}`);
  return found;
};

/** Values of a series, by its id and rank. */
export function valuesOf({ json }: Said, id: string, rank?: string): readonly (string | number | null)[] {
  const found = json.series.find(
    (one) => one.id === id && (rank === undefined || one.labels['rank'] === rank),
  );
  if (found === undefined)
    throw new Error(`no series ${id} among ${json.series.map((one) => one.id).join(', ')}`);
  return found.samples.map(([, value]) => value);
}

export const steps = ({ json }: Said, name: string): readonly (string | number | null)[] => {
  const table = json.tables.find(({ id }) => id === 'memory-lines');
  const at = table?.columns.findIndex((column) => column.name === name) ?? -1;
  return (table?.rows ?? []).map((row) => row[at]);
};
