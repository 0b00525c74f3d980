/**
 * Every file of ../shared/field/hostile, those too large for the repository among them: what each NAME.expect.md asks of
 * all of them (read or refused in our own words, nothing believed that cannot be, no order to the terminal, within its
 * time). What single ones must say besides is in hostile.test.ts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tryInput } from '../fuzz/try-input.ts';

const FOLDER = join(import.meta.dirname, '../../../shared/field/hostile');
const names = existsSync(FOLDER)
  ? readdirSync(FOLDER).filter((name) => /^R\d/.test(name) && !name.endsWith('.md'))
  : [];

describe.skipIf(names.length === 0)('the hostile files in ../shared/field', () => {
  it('have an expectation each', () => {
    expect(names.filter((name) => !existsSync(join(FOLDER, `${name}.expect.md`)))).toEqual([]);
  });

  it.each(names.length === 0 ? ['none'] : names)('%s', async (name) => {
    const bytes = new Uint8Array(readFileSync(join(FOLDER, name)));
    const { complaints, told, milliseconds } = await tryInput(name, bytes);
    expect(complaints).toEqual([]);
    expect(milliseconds).toBeLessThan(6000);
    // Names, words and labels alone are not damage; everything else here is, and is said.
    if (!/^R(10|11|12|13|14|15|17|22|25|27|37)/.test(name)) expect(told).toBe(true);
  });
});
