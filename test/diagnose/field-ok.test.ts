/**
 * Real inputs whose answers were right (test/fixtures/field, T50 to T62): they stay as they are. What each must give is
 * data (field-ok.json): its figures, its findings with what they say and never say, and how sure they may be at most. Another
 * finding than those is a change of the answer, too.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Analysis } from '../../src/engine/document/analysis.ts';
import type { Finding } from '../../src/engine/protocol.ts';
import { fieldFile, textOf } from './field-for-test.ts';
import { diagnosisOf, openFiles } from './logs-for-test.ts';

const CONFIDENCE = ['low', 'medium', 'high', 'certain'] as const;

interface Expected {
  readonly formats: readonly (string | null)[];
  readonly rows: readonly number[];
  /** id, unit, device, labels that tell series apart, samples, least, most, last. */
  readonly series: readonly (readonly unknown[])[];
  /** device, label, allocated, reserved. */
  readonly summaries: readonly (readonly unknown[])[];
  readonly budgets: readonly (readonly [rank: string | null, parts: Readonly<Record<string, number>>])[];
  readonly events: readonly (readonly [kind: string, device: number | null, figures: unknown])[];
  readonly findings: readonly {
    readonly id: string;
    readonly severity: string;
    readonly at_most: (typeof CONFIDENCE)[number];
    readonly says: readonly string[];
    readonly never: readonly string[];
  }[];
}

const expected = JSON.parse(readFileSync(new URL('field-ok.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Expected>
>;

const TELLING = ['pid', 'mig.gi', 'row'];

function factsOf({ sources, series, summaries, budgets, log_events }: Analysis): Omit<Expected, 'findings'> {
  return {
    formats: sources.map(({ format }) => format),
    rows: sources.map(({ rows }) => rows),
    series: series.map(({ id, unit, device, labels, samples }) => {
      const values = samples.map(([, value]) => Number(value));
      const telling = Object.fromEntries(Object.entries(labels).filter(([name]) => TELLING.includes(name)));
      return [
        id,
        unit,
        device,
        telling,
        values.length,
        Math.min(...values),
        Math.max(...values),
        values[values.length - 1],
      ];
    }),
    summaries: summaries.map(({ device, label, rows }) => [
      device,
      label,
      rows['Allocated memory']['all'].current,
      rows['GPU reserved memory']['all'].current,
    ]),
    budgets: budgets.map(({ rank, parts }) => [
      rank,
      Object.fromEntries(parts.map(({ id, value }) => [id, value])),
    ]),
    events: log_events.map(({ kind, device, figures }) => [kind, device, figures]),
  };
}

interface Now {
  readonly analysis: Analysis;
  readonly findings: readonly Finding[];
}

/** What is not as it was; empty: nothing. */
function changed(told: Expected, { analysis, findings }: Now): string[] {
  const faults: string[] = [];
  const facts = factsOf(analysis);
  // A further figure of the same lines changes no answer; one that is gone or differs does.
  const series = new Set(facts.series.map((one) => JSON.stringify(one)));
  if (!told.series.every((one) => series.has(JSON.stringify(one)))) faults.push('series');
  for (const [name, value] of Object.entries({ ...facts, series: told.series }))
    if (JSON.stringify(value) !== JSON.stringify(told[name as keyof typeof facts])) faults.push(name);
  const ids = findings.map(({ id }) => id).join();
  if (ids !== told.findings.map(({ id }) => id).join()) return [...faults, `findings: ${ids}`];
  for (const [i, { severity, at_most, says, never }] of told.findings.entries()) {
    const found = findings[i];
    const text = textOf(found);
    if (found.severity !== severity) faults.push(`${found.id} is a ${found.severity}`);
    if (CONFIDENCE.indexOf(found.confidence) > CONFIDENCE.indexOf(at_most))
      faults.push(`${found.id}: ${found.confidence}, more than ${at_most}`);
    for (const one of says)
      if (!new RegExp(one, 's').test(text)) faults.push(`${found.id} does not say ${one}`);
    for (const one of never) if (new RegExp(one, 's').test(text)) faults.push(`${found.id} says ${one}`);
  }
  return faults;
}

async function now(name: string): Promise<Now> {
  const { engine } = await openFiles({ [name]: fieldFile(name) });
  return { analysis: await engine.analysis(), findings: (await diagnosisOf(engine)).findings };
}

describe('answers that were right', () => {
  it.each(Object.keys(expected))('%s stays as it is', async (name) => {
    expect(changed(expected[name], await now(name))).toEqual([]);
  });

  it('a figure, a word, a finding and a confidence that change are seen', async () => {
    const name = 'T57a-torch13.txt';
    const was = await now(name);
    const told = expected[name];
    const [finding] = told.findings;
    const events = [['oom', 0, { requested: 1 }]] as const;
    expect(changed({ ...told, events }, was)).toEqual(['events']);
    expect(changed({ ...told, series: [['memory.used', 'bytes', 0, {}, 1, 5, 5, 5]] }, was)).toEqual([
      'series',
    ]);
    expect(changed({ ...told, findings: [] }, was)).toEqual(['findings: log-out-of-memory']);
    expect(changed({ ...told, findings: [{ ...finding, at_most: 'low' }] }, was)).toEqual([
      'log-out-of-memory: medium, more than low',
    ]);
    expect(changed({ ...told, findings: [{ ...finding, says: ['a leak'] }] }, was)).toHaveLength(1);
    expect(changed({ ...told, findings: [{ ...finding, never: ['fragmentation'] }] }, was)).toHaveLength(1);
  });
});
