/** One finding as the page shows it. Texts are the rules' own; numbers that come as numbers take the user's unit. */
import { brief } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { Evidence, Finding, Severity } from '../../engine/protocol.ts';

export const SEVERITY_WORD: Readonly<Record<Severity, string>> = {
  problem: 'Problem',
  risk: 'Risk',
  info: 'Note',
  good: 'In order',
};

/** What to do: in words, and what of it can be copied and run. */
export interface Remedy {
  /** null: the code says it all. */
  readonly words: string | null;
  /** null: there is nothing to run, only something to do. */
  readonly code: string | null;
}

export interface Gain {
  /** "462 MiB". */
  readonly text: string;
  /** "484,442,112 bytes". */
  readonly title: string;
  /** How it was computed. */
  readonly how: string | null;
}

/** "Certain", "Confidence: medium". */
export const confidenceWords = (confidence: string): string =>
  confidence === 'certain' ? 'Certain' : `Confidence: ${confidence}`;

/** Evidence in short; `exact` with every byte, for its title. */
export interface Proof extends Evidence {
  readonly exact: string;
}

export interface FindingModel {
  readonly id: string;
  readonly severity: Severity;
  readonly word: string;
  readonly title: string;
  readonly verdict: string;
  /** The same with every byte. */
  readonly verdictExact: string;
  /** "Confidence: high", and why that much and no more. */
  readonly confidence: string;
  readonly confidenceWhy: string;
  readonly evidence: readonly Proof[];
  /** "7 facts": what is folded away. */
  readonly facts: string;
  readonly remedy: Remedy | null;
  readonly gain: Gain | null;
  readonly wouldChange: string;
}

/** What rules mark as a line to run or set as it is. */
const MARKED = /`([^`]+)`/;

export function remedyOf(text: string | null): Remedy | null {
  if (text === null || text === '') return null;
  const code = MARKED.exec(text)?.[1] ?? null;
  const plain = text.replaceAll('`', '');
  if (code === null) return { words: plain, code };
  // What ends with the line need not say it twice.
  const words = plain.endsWith(code) ? plain.slice(0, -code.length).trim() : plain;
  return { words: words === '' ? null : words, code };
}

/** A setting lowers the peak of another run, a larger instance adds; everything else gives memory back in this one. */
const GAIN_VERBS: Readonly<Record<string, string>> = {
  'better-setting': 'saves',
  'setting-in-force': 'saves',
  'mig-slice-too-small': 'adds',
};

export const gainVerb = (id: string): string =>
  Object.hasOwn(GAIN_VERBS, id) ? GAIN_VERBS[id] : 'gives back';

export function gainOf({ gainBytes, gainHow }: Finding, unit: ByteUnit): Gain | null {
  if (gainBytes === null) return null;
  return {
    text: formatBytes(gainBytes, unit),
    title: `${formatInteger(gainBytes)} bytes`,
    how: gainHow,
  };
}

/** Whether there is something of the evidence to look at. */
export const isPlaced = ({ row, rows, stack }: Evidence): boolean =>
  row !== null || rows !== null || stack !== null;

/** What a click on it shows: "Shows the window and the stack". */
export function placeWords({ row, rows, stack }: Evidence): string {
  const shown = [
    rows === null ? null : 'the window on the timeline',
    row === null || rows !== null ? null : 'the moment on the timeline',
    stack === null ? null : 'the stack',
  ].filter((one) => one !== null);
  return `Show ${shown.join(' and ')}`;
}

export function findingModel(finding: Finding, unit: ByteUnit): FindingModel {
  const { id, severity, title, verdict, confidence, confidenceWhy, wouldChange } = finding;
  const evidence = finding.evidence.map((one): Proof => ({ ...one, text: brief(one.text), exact: one.text }));
  return {
    id,
    severity,
    word: SEVERITY_WORD[severity],
    title: brief(title),
    verdict: brief(verdict),
    verdictExact: verdict,
    confidence: confidenceWords(confidence),
    confidenceWhy,
    evidence,
    facts: count(evidence.length, 'fact'),
    remedy: remedyOf(finding.remedy),
    gain: gainOf(finding, unit),
    wouldChange,
  };
}
