/** Real questions of engineers (test/fixtures/field), opened as a person opens them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withAmounts } from '../../src/base/amounts.ts';
import type { Diagnosis, Finding } from '../../src/engine/protocol.ts';
import { diagnosisOf, openFiles } from './logs-for-test.ts';

export const fieldFile = (name: string): Uint8Array =>
  readFileSync(join(import.meta.dirname, '../fixtures/field', name));

export async function fieldDiagnosis(...names: readonly string[]): Promise<Diagnosis> {
  const { engine } = await openFiles(Object.fromEntries(names.map((name) => [name, fieldFile(name)])));
  return diagnosisOf(engine);
}

/** All that a finding says, in one text, with its amounts in GiB. */
export const textOf = (finding: Finding): string =>
  withAmounts(
    [
      finding.title,
      finding.verdict,
      finding.remedy ?? '',
      ...finding.evidence.map(({ text }) => text),
      finding.wouldChange,
    ].join('\n'),
    'binary',
  );

/** The one finding of a rule. */
export async function fieldFinding(id: string, ...names: readonly string[]): Promise<Finding> {
  const found = (await fieldDiagnosis(...names)).findings.filter((finding) => finding.id === id);
  if (found.length !== 1) throw new Error(`${found.length} findings "${id}" about ${names.join(', ')}`);
  return found[0];
}
