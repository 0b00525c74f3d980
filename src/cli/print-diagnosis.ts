/** Findings as text for a terminal; the bytes behind their amounts are in the object. */
import { brief } from '../base/amounts.ts';
import { list } from '../base/words.ts';
import { groupSame } from '../base/group-same.ts';
import { formatBytes } from '../base/units.ts';
import type { AnalysisFinding } from '../engine/document/analysis.ts';

const MOST_EVIDENCE = 3;

/** Findings that say the same of several devices of one source, together. */
const grouped = (findings: readonly AnalysisFinding[]): AnalysisFinding[][] =>
  groupSame(
    findings,
    ({ source, device, id, severity, title, confidence }) =>
      device === null ? null : JSON.stringify([source, id, severity, title, confidence]),
    ({ device }) => device,
  );

const nameOf = (device: number): string => (device < 0 ? 'pinned host memory' : `device ${device}`);

function place(group: readonly AnalysisFinding[]): string {
  const devices = group.flatMap(({ device }) => (device === null ? [] : [device]));
  if (devices.length === 0) return '';
  if (devices.length === 1) return ` (${nameOf(devices[0])})`;
  return ` (devices ${list(devices.map(String))})`;
}

/** One line where all say the same, else one for each device. */
function each(
  group: readonly AnalysisFinding[],
  textOf: (finding: AnalysisFinding) => string | null,
): string[] {
  const texts = group.map(textOf);
  const told = texts.every((text) => text === texts[0])
    ? [texts[0]]
    : texts.map((text, i) => (text === null ? null : `${nameOf(group[i].device ?? 0)}: ${text}`));
  return told.flatMap((text) => (text === null ? [] : [`      ${brief(text)}`]));
}

/** Lines of the findings; problems first, as they come. */
export function findingLines(findings: readonly AnalysisFinding[]): string[] {
  if (findings.length === 0) return [];
  const lines = ['', 'Diagnosis'];
  for (const group of grouped(findings)) {
    const [first] = group;
    lines.push(`  [${first.severity}] ${first.title}${place(group)}`);
    lines.push(...each(group, ({ verdict }) => verdict));
    // What lowers it is worth a line; why it is as it is stands in the object.
    lines.push(
      `      confidence: ${first.confidence}${first.damage === undefined ? '' : ` (${first.damage})`}`,
    );
    for (const { text } of first.evidence.slice(0, MOST_EVIDENCE)) lines.push(`      - ${brief(text)}`);
    lines.push(...each(group, ({ remedy }) => (remedy === null ? null : `what to do: ${remedy}`)));
    lines.push(
      ...each(group, ({ gain_bytes: bytes, gain_how: how }) =>
        bytes === null ? null : `gain: ${formatBytes(Number(bytes), 'binary')} (${how})`,
      ),
    );
  }
  return lines;
}
