/** The questions of sql/ are understood by the other engines that docs/fleet.md names. */
import { parse } from '@polyglot-sql/sdk';
import { describe, expect, it } from 'vitest';
import { QUERIES } from '../../../src/cli/fleet/queries.ts';

type Dialect = Parameters<typeof parse>[1];
const ENGINES = ['duckdb', 'spark', 'trino', 'clickhouse'] as const;

describe.each(ENGINES)('%s', (engine) => {
  it.each(Object.entries(QUERIES))('parses %s', (_name, sql) => {
    const { success, error } = parse(sql, engine as Dialect);
    expect([success, error ?? null]).toEqual([true, null]);
  });

  it('refuses what is no SQL', () => {
    expect(parse('select ) from', engine as Dialect).success).toBe(false);
  });
});

it('nothing in them is of one engine alone', () => {
  // Written otherwise, or not there, in at least one of the four.
  const own =
    /\b(?:median\(|arg_max|max_by|qualify|group by all|exclude|replace\s*\(|pivot|unnest|struct|list_|regexp_|::|ilike|filter\s*\()/i;
  for (const sql of Object.values(QUERIES)) expect(sql.replace(/^--.*$/gm, '')).not.toMatch(own);
  expect('select median(x)').toMatch(own);
});
