/** The command in this process, and files of a folder by path. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { main } from '../../../src/cli/main.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...argv: string[]): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await main(
    argv,
    { write: (text) => (out += String(text)) },
    { write: (text) => (err += String(text)) },
  );
  return { code, out, err };
}

/** Every file below a folder with its bytes in hexadecimal, by path. */
export function filesOf(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort())
    if (statSync(join(folder, name)).isFile())
      files.set(name, readFileSync(join(folder, name)).toString('hex'));
  return files;
}

/** Rows that a question gives. */
export async function ask(path: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const { code, out, err } = await run('query', path, sql, '--json');
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as Record<string, unknown>[];
}
