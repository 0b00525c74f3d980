/**
 * Confidence falls with damage: where a part of a file could not be read, or contradicts the rest, what follows from
 * it is at most "medium", and says why. Says nothing of what would be right.
 */
import { leastConfident } from '../analyze/recording/data-quality.ts';
import type { Confidence, Finding } from './finding.ts';

/** What is wrong with a file. */
export interface Damage {
  readonly file: string;
  /** A clause: "3 values were left out". */
  readonly what: string;
  /** No statement about it is surer than this. */
  readonly most: Confidence;
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** The finding as sure as its files allow; the same finding where none is damaged. */
export function tempered(finding: Finding, damages: readonly Damage[]): Finding {
  if (damages.length === 0) return finding;
  const also = finding.also?.map((one) => tempered(one, damages));
  const confidence = leastConfident([finding.confidence, ...damages.map(({ most }) => most)]);
  const why = damages.map(({ file, what }) => `${file} is damaged: ${what}`).join('; ');
  if (confidence === finding.confidence)
    return { ...finding, ...(also === undefined ? {} : { also }), damage: why };
  const whole = damages.map(({ file }) => file).join(', ');
  return {
    ...finding,
    ...(also === undefined ? {} : { also }),
    damage: why,
    confidence,
    confidenceWhy: `At most ${confidence}, as ${sentence(why)} ${sentence(finding.confidenceWhy)}`,
    wouldChange: `${sentence(finding.wouldChange)} A whole copy of ${whole}, too.`,
  };
}

/** Files that a finding about logs rests on: those that it names; where it names none, any of them. */
export function damagesOf(
  finding: Finding,
  damages: readonly Damage[],
  files: readonly string[],
): readonly Damage[] {
  if (damages.length === 0) return damages;
  const text = [
    finding.title,
    finding.verdict,
    finding.confidenceWhy,
    ...finding.evidence.map((one) => one.text),
  ].join('\n');
  const named = files.filter((file) => text.includes(file));
  return named.length === 0 ? damages : damages.filter(({ file }) => named.includes(file));
}
