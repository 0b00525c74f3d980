/**
 * A run as SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/): problems, risks and conditions that hold, at
 * the line of the program where one is known. Recordings have paths of the machine that recorded; a path is told from
 * the working directory where a file lies there, or where a file that ends alike does.
 */
import { existsSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { brief } from '../base/amounts.ts';
import { visible } from '../base/visible.ts';
import type { Analysis, AnalysisFinding } from '../engine/document/analysis.ts';
import type { Report } from './checks.ts';
import { VERSION } from './version.ts';

interface Place {
  readonly file: string;
  readonly line: number;
}

/** The path as people of the repository know it. */
export function pathHere(file: string, exists: (path: string) => boolean): string {
  const parts = file
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..');
  for (let from = 0; from < parts.length; from++) {
    const end = parts.slice(from).join('/');
    if (exists(end)) return end;
  }
  return parts.join('/');
}

const here = (file: string): string => {
  const inside = relative(process.cwd(), file);
  if (inside !== '' && !inside.startsWith('..') && existsSync(join(process.cwd(), inside)))
    return inside.split(sep).join('/');
  return pathHere(file, (path) => existsSync(join(process.cwd(), path)));
};

const uri = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

const placeOf = ({ lines }: Analysis, label: string): Place | null => {
  const found = lines.flatMap((device) => device.lines).find(({ place }) => place === label);
  return found === undefined || found.file === null || found.line === null || found.line <= 0
    ? null
    : { file: found.file, line: found.line };
};

/** The line that leaks on a device, where its growth was told by line. */
function leakingLine(analysis: Analysis, finding: AnalysisFinding): Place | null {
  if (finding.id !== 'linear-leak' && finding.id !== 'masked-leak') return null;
  const grows = analysis.growth
    .filter(
      ({ by, kind, source, device }) =>
        by === 'line' && kind === 'linear_leak' && source === finding.source && device === finding.device,
    )
    .sort((a, b) => (b.slope_bytes_per_iteration ?? 0) - (a.slope_bytes_per_iteration ?? 0));
  return grows.length === 0 || grows[0].name === null ? null : placeOf(analysis, grows[0].name);
}

interface Result {
  readonly rule: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly text: string;
  readonly place: Place | null;
  readonly file: string | null;
}

function results({ analysis, baseline, checks }: Report): Result[] {
  const fileOf = (source: number | null): string | null =>
    source === null ? null : (analysis.sources[source]?.file ?? null);
  const all: Result[] = analysis.findings.flatMap((finding): Result[] => {
    const level = finding.severity === 'problem' ? 'error' : finding.severity === 'risk' ? 'warning' : null;
    if (level === null) return [];
    const device = finding.device === null ? '' : ` (device ${finding.device})`;
    const text = `${finding.title}${device}. ${finding.verdict}${finding.remedy === null ? '' : ` What to do: ${finding.remedy}`}`;
    return [
      { rule: finding.id, level, text, place: leakingLine(analysis, finding), file: fileOf(finding.source) },
    ];
  });
  for (const { condition, state, reasons } of checks) {
    if (state !== 'holds') continue;
    for (const reason of reasons) {
      const line = baseline?.devices
        .flatMap(({ lines }) => lines ?? [])
        .find(
          ({ place, file: path, line: at }) =>
            path !== null && at !== null && at > 0 && reason.includes(`${place} holds`),
        );
      all.push({
        rule: `fail-on/${condition.replace(/[^a-z-].*$/, '')}`,
        level: 'error',
        text: `${condition}: ${reason}`,
        place: line === undefined ? null : { file: line.file!, line: line.line! },
        file: fileOf(0),
      });
    }
  }
  return all;
}

export function sarif(report: Report): string {
  const all = results(report);
  const rules = [...new Set(all.map(({ rule }) => rule))].sort();
  const location = ({ place, file }: Result): object[] => {
    const path = place === null ? file : here(place.file);
    if (path === null) return [];
    return [
      {
        physicalLocation: {
          artifactLocation: { uri: uri(path) },
          ...(place === null ? {} : { region: { startLine: place.line } }),
        },
      },
    ];
  };
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'vramscope', version: VERSION, rules: rules.map((id) => ({ id })) } },
        results: all.map((one) => ({
          ruleId: one.rule,
          ruleIndex: rules.indexOf(one.rule),
          level: one.level,
          message: { text: visible(brief(one.text)) },
          locations: location(one),
        })),
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}
