/** docs/tables.md says what the declarations say. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tablesDoc } from '../../scripts/tables-doc.mjs';
import { DECLARATIONS, SCHEMA_VERSION } from '../../src/trace/table/declarations.ts';
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
