/**
 * Real people's inputs whose answers were once wrong or of no use (test/fixtures/field): what each must say and must never
 * say, and how sure its findings may be at most, as data (field-inputs.json). `says`: in the text of the command. `json`: in its
 * object, written without spaces. `never`: in neither. Patterns are regular expressions. A further finding is a change of the
 * answer, too.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { Analysis } from '../../src/engine/document/analysis.ts';

const CONFIDENCE = ['low', 'medium', 'high', 'certain'] as const;

interface Expected {
  /** Exit code of `analyze`. */
  readonly code: number;
  readonly formats: readonly (string | null)[];
  /** id, severity, most confidence. */
  readonly findings: readonly (readonly [string, string, (typeof CONFIDENCE)[number]])[];
  readonly says: readonly string[];
  readonly json: readonly string[];
  readonly never: readonly string[];
  /** Exit code by condition of `--fail-on`. */
  readonly fail_on?: Readonly<Record<string, number>>;
}

const expected = JSON.parse(readFileSync(new URL('field-inputs.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Expected>
>;

const pathOf = (name: string): string => join(import.meta.dirname, '../fixtures/field', name);

async function run(...argv: readonly string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const stream = { write: (more: string) => (text += more) };
  return { code: await main(argv, stream, stream), text };
}

interface Now {
  readonly code: number;
  readonly text: string;
  readonly analysis: Analysis;
}

async function now(name: string): Promise<Now> {
  const { code, text } = await run('analyze', pathOf(name));
  const { text: json } = await run('analyze', '--json', pathOf(name));
  return {
    code,
    text,
    analysis: JSON.parse(json.slice(json.indexOf('{'), json.lastIndexOf('}') + 1)) as Analysis,
  };
}

/** What does not hold; empty: all holds. */
function faultsOf(told: Expected, { code, text, analysis }: Now): string[] {
  const json = JSON.stringify(analysis);
  const has = (pattern: string, where: string): boolean => new RegExp(pattern, 's').test(where);
  const faults: string[] = [];
  if (code !== told.code) faults.push(`ends with ${code}`);
  const formats = analysis.sources.map(({ format }) => format);
  if (formats.join() !== told.formats.join()) faults.push(`formats: ${formats.join()}`);
  const found = analysis.findings.map(({ id, severity }) => `${id} ${severity}`);
  if (found.join() !== told.findings.map(([id, severity]) => `${id} ${severity}`).join())
    faults.push(`findings: ${found.join()}`);
  else
    for (const [i, [id, , most]] of told.findings.entries()) {
      const { confidence } = analysis.findings[i];
      if ((CONFIDENCE as readonly string[]).indexOf(confidence) > CONFIDENCE.indexOf(most))
        faults.push(`${id}: ${confidence}, more than ${most}`);
    }
  faults.push(...told.says.filter((one) => !has(one, text)).map((one) => `does not say ${one}`));
  faults.push(...told.json.filter((one) => !has(one, json)).map((one) => `has not ${one}`));
  faults.push(...told.never.filter((one) => has(one, text) || has(one, json)).map((one) => `says ${one}`));
  return faults;
}

describe('what a real input must say and must never say', () => {
  it.each(Object.keys(expected))('%s', async (name) => {
    expect(faultsOf(expected[name], await now(name))).toEqual([]);
    for (const [condition, code] of Object.entries(expected[name].fail_on ?? {}))
      expect([condition, (await run('analyze', '--fail-on', condition, pathOf(name))).code]).toEqual([
        condition,
        code,
      ]);
  });

  it('a word, a figure, a finding, a confidence and an exit code that change are seen', async () => {
    const name = 'T20-hip-fraction-allowed.txt';
    const was = await now(name);
    const told = expected[name];
    const [[id, severity]] = told.findings;
    const faults = (changed: Partial<Expected>): string[] => faultsOf({ ...told, ...changed }, was);
    expect(faults({ code: 3 })).toEqual(['ends with 0']);
    expect(faults({ formats: ['vllm-log'] })).toEqual(['formats: oom-text']);
    expect(faults({ findings: [] })).toEqual([`findings: ${id} ${severity}`]);
    expect(faults({ findings: [[id, severity, 'low']] })).toEqual([`${id}: medium, more than low`]);
    expect(faults({ says: ['a leak'] })).toEqual(['does not say a leak']);
    expect(faults({ json: ['"requested":1,'] })).toEqual(['has not "requested":1,']);
    expect(faults({ never: ['limit of 1\\.05 GiB'] })).toEqual(['says limit of 1\\.05 GiB']);
  });
});
