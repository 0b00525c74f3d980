/** What `vramscope analyze` was asked: options to plain values. */
import type { Condition } from './condition.ts';
import { parseFailOn } from './fail-on.ts';
import { takeOption } from './take-option.ts';

export const REPORT_FORMATS = ['text', 'json', 'junit', 'sarif', 'md'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** One form of the result; `path` null: standard output. */
export interface ReportTo {
  readonly format: ReportFormat;
  readonly path: string | null;
}

export interface AnalyzeArguments {
  readonly files: readonly string[];
  readonly conditions: readonly Condition[];
  readonly baseline: string | null;
  readonly gpusPerPod: number | null;
  readonly reports: readonly ReportTo[];
  /** Nothing goes to standard output. */
  readonly quiet: boolean;
}

/** Every value of an option that may be given again; null: one is missing. */
function takeAll(given: string[], ...names: readonly string[]): string[] | null {
  const values: string[] = [];
  for (const name of names)
    for (;;) {
      const value = takeOption(given, name);
      if (value === undefined) break;
      if (value === null) return null;
      values.push(value);
    }
  return values;
}

/** Formats beside their paths, in order; the one without a path goes to standard output. A string: why not. */
function reportsOf(
  formats: readonly string[],
  paths: readonly string[],
  json: boolean,
): readonly ReportTo[] | string {
  const all = [...(json ? ['json'] : []), ...formats];
  const unknown = all.find((format) => !(REPORT_FORMATS as readonly string[]).includes(format));
  if (unknown !== undefined) return `there is no format "${unknown}"; there are ${REPORT_FORMATS.join(', ')}`;
  if (all.length === 0) all.push('text');
  if (paths.length > all.length) return 'each -o needs a --format of its own';
  if (all.length - paths.length > 1) return 'of several formats each but one needs -o FILE';
  return all.map((format, at) => ({ format: format as ReportFormat, path: paths[at] ?? null }));
}

/** The arguments after "analyze"; a string is why they cannot be used. */
export function analyzeArguments(rest: readonly string[]): AnalyzeArguments | string {
  // What follows "--" is a path, whatever it begins with.
  const end = rest.indexOf('--');
  const given = end < 0 ? [...rest] : rest.slice(0, end);
  const failOn = takeOption(given, '--fail-on');
  if (failOn === null) return '--fail-on needs conditions';
  const gpus = takeOption(given, '--gpus-per-pod');
  if (gpus === null || (gpus !== undefined && !/^[1-9]\d{0,3}$/.test(gpus)))
    return `--gpus-per-pod needs a whole number from 1 to 9999${gpus === null ? '' : `, not "${gpus}"`}`;
  const baseline = takeOption(given, '--baseline');
  if (baseline === null) return '--baseline needs a file: the object of an earlier run, or a recording';
  const formats = takeAll(given, '--format');
  if (formats === null) return `--format needs one of ${REPORT_FORMATS.join(', ')}`;
  const paths = takeAll(given, '-o', '--output');
  if (paths === null) return '-o needs a path';
  const conditions = failOn === undefined ? [] : parseFailOn(failOn);
  if (typeof conditions === 'string') return conditions;
  const held = conditions.find(({ needsBaseline }) => needsBaseline === true);
  if (held !== undefined && baseline === undefined) return `--fail-on ${held.text} needs --baseline FILE`;
  const isOption = (argument: string): boolean => argument.startsWith('-') && argument !== '-';
  const flags = given.filter(isOption);
  const unknown = flags.find((option) => !['--json', '-q', '--quiet'].includes(option));
  if (unknown !== undefined) return `unknown option "${unknown}"`;
  const reports = reportsOf(formats, paths, flags.includes('--json'));
  if (typeof reports === 'string') return reports;
  const files = given.filter((argument) => !isOption(argument));
  if (end >= 0) files.push(...rest.slice(end + 1));
  if (files.length === 0) return 'analyze needs at least one file';
  return {
    files,
    conditions,
    baseline: baseline ?? null,
    gpusPerPod: gpus === undefined ? null : Number(gpus),
    reports,
    quiet: flags.includes('-q') || flags.includes('--quiet'),
  };
}
