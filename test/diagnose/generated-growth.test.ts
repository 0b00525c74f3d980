/**
 * The verdict on generated programs of known growth (generated-programs.ts), beside three tests that people use. The
 * simple tests get the program's own iterations; the product finds its own. Its table stands in docs/diagnosis.md and
 * is held against what is counted here.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mannKendall, rSquared, theilSen } from '../../src/analyze/growth/statistics.ts';
import { fragmentationGrowth } from '../../src/diagnose/fragmentation-growth.ts';
import { growthUnclear } from '../../src/diagnose/growth-unclear.ts';
import { linearLeak } from '../../src/diagnose/linear-leak.ts';
import { maskedLeak } from '../../src/diagnose/masked-leak.ts';
import { FAMILIES, type Family, prefixesByZipf, type Truth } from './generated-programs.ts';

const SEEDS = 12;

type Told = 'leak' | 'none' | 'cannot tell';

interface Judged {
  readonly family: Family;
  readonly ours: Told;
  /** Of what is told: 'high' only counts where it is wrong. */
  readonly confidence: string;
  readonly mannKendall: Told;
  readonly rSquared: Told;
  readonly firstLast: Told;
}

/** Rises that simple tests take for a leak. */
function simple(marks: readonly number[]): Pick<Judged, 'mannKendall' | 'rSquared' | 'firstLast'> {
  const y = Float64Array.from(marks);
  const x = Float64Array.from(marks.keys());
  const { tau, p } = mannKendall(y);
  const up = theilSen(x, y).slope > 0 || y[y.length - 1] > y[0];
  const told = (leaks: boolean): Told => (leaks ? 'leak' : 'none');
  return {
    mannKendall: told(p < 0.05 && tau > 0),
    rSquared: told(up && y.some((value) => value !== y[0]) && rSquared(x, y) > 0.6),
    firstLast: told(y[y.length - 1] > 1.01 * y[0]),
  };
}

function judged(family: Family, seed: number): Judged {
  const { recording, marks } = family.make(seed);
  const facts = recording.facts();
  const leaks = [...linearLeak(facts), ...maskedLeak(facts)];
  const open = [...growthUnclear(facts), ...fragmentationGrowth(facts)];
  const growth = facts.growthOf('allocated')?.atEnd ?? null;
  const ours: Told =
    leaks.length > 0
      ? 'leak'
      : growth === null || growth.kind === 'cannot_tell' || open.some(({ severity }) => severity === 'risk')
        ? 'cannot tell'
        : 'none';
  return {
    family,
    ours,
    confidence: leaks[0]?.confidence ?? growth?.confidence ?? 'low',
    ...simple(marks),
  };
}

/** Of what slows down both answers are wrong: it is no leak, and it has no end in sight. */
const isWrong = (leak: Truth, told: Told): boolean =>
  told !== 'cannot tell' &&
  (leak === null ? told === 'leak' : leak === 'slows' || (leak === false) === (told === 'leak'));

const all = FAMILIES.flatMap((family) =>
  Array.from({ length: SEEDS }, (_, seed) => judged(family, seed + 1)),
);

const METHODS = ['ours', 'mannKendall', 'rSquared', 'firstLast'] as const;

/** "9 / 3 / 0": right, cannot tell, wrong. */
function counts(some: readonly Judged[], method: (typeof METHODS)[number]): string {
  const open = some.filter((one) => one[method] === 'cannot tell').length;
  const wrong = some.filter((one) => isWrong(one.family.leak, one[method])).length;
  return `${some.length - open - wrong} / ${open} / ${wrong}`;
}

describe('generated programs', () => {
  it('are at least two hundred', () => {
    expect(all.length).toBeGreaterThanOrEqual(200);
  });

  it('no verdict of high confidence is wrong', () => {
    const wrong = all.filter(
      ({ family, ours, confidence }) => confidence === 'high' && isWrong(family.leak, ours),
    );
    expect(wrong.map(({ family, ours }) => `${family.name}: ${ours}`)).toEqual([]);
  });

  it.each(FAMILIES.map((family) => [family.name, family] as const))('%s: none is wrong', (_, family) => {
    const wrong = all.filter((one) => one.family === family && isWrong(family.leak, one.ours));
    expect(wrong.map(({ ours, confidence }) => `${ours}, ${confidence}`)).toEqual([]);
  });

  it('the keys of prefixes_by_zipf (test/record/real_growth.py): thirty misses in 160 requests are no leak', () => {
    const facts = prefixesByZipf().recording.facts();
    expect(facts.iterations.count).toBeGreaterThanOrEqual(28);
    expect([...linearLeak(facts), ...maskedLeak(facts)]).toEqual([]);
    const { kind, confidence, why } = facts.growthOf('allocated')!.atEnd;
    expect([kind, confidence]).toEqual(['cannot_tell', 'low']);
    expect(why[0]).toMatch(/always by code that runs only then: that is how a cache fills/);
    const lines = facts.growthParts.filter(({ by }) => by === 'line');
    expect(lines.map(({ growth }) => growth.atEnd.kind)).not.toContain('linear_leak');
  });

  it('stand in the docs with what is counted here', () => {
    const docs = readFileSync(new URL('../../docs/diagnosis.md', import.meta.url), 'utf8');
    const cells = (line: string): string[] => line.split('|').map((cell) => cell.trim());
    const rows = new Map(
      docs
        .split('\n')
        .map(cells)
        .filter((row) => row.length === 7)
        .map((row) => [row[1], row.slice(2, 6)] as const),
    );
    const expected = new Map<string, string[]>();
    for (const family of FAMILIES)
      expected.set(
        family.name,
        METHODS.map((method) =>
          counts(
            all.filter((one) => one.family === family),
            method,
          ),
        ),
      );
    expected.set(
      `all ${all.length}`,
      METHODS.map((method) => counts(all, method)),
    );
    // Printed, so that the table can be renewed from it.
    if (process.env['PRINT_TABLE'] !== undefined)
      console.log([...expected].map(([name, row]) => `| ${name} | ${row.join(' | ')} |`).join('\n'));
    for (const [name, row] of expected) expect(rows.get(name), name).toEqual(row);
  });
});
