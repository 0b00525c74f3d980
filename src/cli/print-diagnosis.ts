/** Findings as text for a terminal. */
import type { AnalysisFinding } from '../engine/analysis.ts';

const MOST_EVIDENCE = 3;

/** Lines of the findings; problems first, as they come. */
export function findingLines(findings: readonly AnalysisFinding[]): string[] {
  if (findings.length === 0) return [];
  const lines = ['', 'Diagnosis'];
  for (const finding of findings) {
    const where = finding.device === null ? '' : ` (device ${finding.device})`;
    lines.push(`  [${finding.severity}] ${finding.title}${where}`, `      ${finding.verdict}`);
    lines.push(`      confidence: ${finding.confidence}`);
    for (const { text } of finding.evidence.slice(0, MOST_EVIDENCE)) lines.push(`      - ${text}`);
    if (finding.remedy !== null) lines.push(`      what to do: ${finding.remedy}`);
    if (finding.gain_bytes !== null)
      lines.push(`      gain: ${finding.gain_bytes.toLocaleString('en')} bytes (${finding.gain_how})`);
  }
  return lines;
}
