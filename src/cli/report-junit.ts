/** A run as JUnit's XML: one test case for each condition of --fail-on and for each file read. */
import { visible } from '../base/visible.ts';
import type { Report } from './checks.ts';

/** Also what XML 1.0 cannot hold at all: `visible` has written it out. */
const escaped = (words: string): string =>
  visible(words)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replace(/[\ud800-\udfff\ufffe\uffff]/gu, '\ufffd');

interface Case {
  readonly name: string;
  readonly group: string;
  readonly outcome: {
    readonly kind: 'failure' | 'error' | 'skipped';
    readonly why: readonly string[];
  } | null;
}

function cases({ analysis, checks }: Report): Case[] {
  return [
    ...analysis.sources.map(({ file, error, damage }): Case => ({
      name: file,
      group: 'vramscope.read',
      outcome:
        error !== undefined
          ? { kind: 'error', why: [error.message] }
          : damage !== undefined
            ? { kind: 'skipped', why: [`not read whole: ${damage}`] }
            : null,
    })),
    ...checks.map(({ condition, state, reasons, not_known: unknown }): Case => ({
      name: condition,
      group: 'vramscope.fail-on',
      outcome:
        state === 'holds'
          ? { kind: 'failure', why: reasons }
          : state === 'not_known'
            ? { kind: 'skipped', why: unknown }
            : null,
    })),
  ];
}

export function junit(report: Report): string {
  const all = cases(report);
  const count = (kind: string): number => all.filter(({ outcome }) => outcome?.kind === kind).length;
  const totals = `tests="${all.length}" failures="${count('failure')}" errors="${count('error')}" skipped="${count('skipped')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="vramscope" ${totals}>`,
    `  <testsuite name="vramscope" ${totals}>`,
    ...all.flatMap(({ name, group, outcome }) =>
      outcome === null
        ? [`    <testcase classname="${group}" name="${escaped(name)}"/>`]
        : [
            `    <testcase classname="${group}" name="${escaped(name)}">`,
            `      <${outcome.kind} message="${escaped(outcome.why.join('; '))}"/>`,
            '    </testcase>',
          ],
    ),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
