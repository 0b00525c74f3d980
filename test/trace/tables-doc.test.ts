/** docs/tables.md says what the declarations say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factsDoc, tablesDoc } from '../../scripts/tables-doc.mjs';
import { DECLARATIONS, SCHEMA_VERSION } from '../../src/trace/table/declarations.ts';
import { FACT_TABLES, FACTS_VERSION } from '../../src/trace/table/facts.ts';
import type { Declaration } from '../../src/trace/table/fields.ts';

const written = readFileSync(join(import.meta.dirname, '../../docs/tables.md'), 'utf8');

describe('docs/tables.md', () => {
  it('is made of the declarations: else run scripts/tables-doc.mjs', () => {
    expect(written).toBe(tablesDoc(DECLARATIONS, SCHEMA_VERSION));
  });

  it('would differ for another type, name or sentence', () => {
    const [first, ...rest] = DECLARATIONS as readonly Declaration[];
    const own = first.fields['row'];
    const changes = [{ type: 'int32' }, { doc: 'Another sentence' }, { nullable: true }];
    for (const change of changes) {
      const fields = { ...first.fields, row: { ...own, ...change } };
      expect(tablesDoc([{ ...first, fields }, ...rest], SCHEMA_VERSION)).not.toBe(written);
    }
    expect(tablesDoc([{ ...first, name: 'event' }, ...rest], SCHEMA_VERSION)).not.toBe(written);
  });
});

describe('docs/facts.md', () => {
  const facts = readFileSync(join(import.meta.dirname, '../../docs/facts.md'), 'utf8');
  it('is made of the declarations: else run scripts/tables-doc.mjs', () => {
    expect(facts).toBe(factsDoc(FACT_TABLES, FACTS_VERSION));
    expect(facts).not.toBe(factsDoc(FACT_TABLES.slice(1), FACTS_VERSION));
  });
});
