/** The list of ids, the rules and the documentation tell of the same findings. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FINDING_IDS } from '../../src/diagnose/finding-ids.ts';

const ROOT = join(import.meta.dirname, '../..');
const RULES = join(ROOT, 'src/diagnose');

/** Ids that the rules write. */
function written(): string[] {
  const sources = readdirSync(RULES).map((name) => readFileSync(join(RULES, name), 'utf8'));
  const ids = sources.flatMap((text) => [...text.matchAll(/\bid: '([a-z-]+)'/g)].map(([, id]) => id));
  return [...new Set(ids)].sort();
}

describe('ids of findings', () => {
  it('are those of the rules', () => {
    expect([...FINDING_IDS]).toEqual(written());
  });

  it.each(FINDING_IDS)('%s is explained in docs/diagnosis.md', (id) => {
    expect(readFileSync(join(ROOT, 'docs/diagnosis.md'), 'utf8')).toContain(`\`${id}\``);
  });
});
