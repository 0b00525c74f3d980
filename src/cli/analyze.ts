/** `vramscope analyze PATH...`: what the files tell, judged by the conditions of --fail-on, in every form that was asked for. */
import {
  againstBaseline,
  type AnalysisBaseline,
  type BaselineDocument,
} from '../engine/document/baseline.ts';
import { Engine } from '../engine/engine.ts';
import type { RangeAnswer, SourceView } from '../engine/protocol.ts';
import type { AnalyzeArguments, ReportFormat } from './analyze-arguments.ts';
import { readBaseline } from './baseline.ts';
import { checksOf, type Report } from './checks.ts';
import { NewFile, refuseInputs } from './new-file.ts';
import { reasonOf } from './open-files.ts';
import { openPaths } from './open-paths.ts';
import { budgetLines } from './print-budget.ts';
import { findingLines } from './print-diagnosis.ts';
import { pinLines } from './print-pins.ts';
import { errorLines, MOST_HOLDERS, sourceLines } from './print.ts';
import { baselineLines } from './report-baseline.ts';
import { junit } from './report-junit.ts';
import { markdown } from './report-md.ts';
import { sarif } from './report-sarif.ts';
import { json, lines } from './terminal.ts';

interface Output {
  write(text: string): unknown;
}

const EXIT_READ = 0;
const EXIT_CONDITION = 1;
const EXIT_FAILED = 3;
const EXIT_UNWRITTEN = 4;

/** What is alive at the end of each device that has stacks. */
async function rangesOf(engine: Engine, views: readonly SourceView[]): Promise<Map<string, RangeAnswer>> {
  const ranges = new Map<string, RangeAnswer>();
  for (const { key, hasStacks } of views.flatMap(({ devices }) => devices)) {
    if (!hasStacks) continue;
    const asked = await engine.range({ device: key, range: null, limit: MOST_HOLDERS });
    if (asked.ok) ranges.set(key, asked.value);
  }
  return ranges;
}

async function asText(
  engine: Engine,
  views: readonly SourceView[],
  { analysis, baseline }: Report,
): Promise<string> {
  const ranges = await rangesOf(engine, views);
  // What one asks first comes first: the answer, then the counters that it rests on.
  const answer = lines([
    ...(analysis.errors ?? []).flatMap(errorLines),
    ...findingLines(analysis.findings),
    ...pinLines(analysis.pins),
    ...(baseline === null ? [] : baselineLines(baseline)),
  ]).replace(/^\n/, '');
  const counters = views.map((view) => lines(sourceLines(view, ranges)));
  return [...(answer === '' ? [] : [answer]), ...counters].join('\n') + lines(budgetLines(analysis));
}

const asJson = ({ analysis, baseline, checks }: Report): string =>
  json({
    ...analysis,
    ...(baseline === null ? {} : { baseline }),
    ...(checks.length === 0 ? {} : { checks }),
  });

const FORMS: Readonly<Record<Exclude<ReportFormat, 'text'>, (report: Report) => string>> = {
  json: asJson,
  junit,
  sarif: (report) => `${sarif(report)}\n`,
  md: markdown,
};

/** true: written. */
function write(path: string, text: string, inputs: readonly string[], err: Output): boolean {
  try {
    refuseInputs(path, inputs);
    const file = new NewFile(path);
    try {
      file.write(new TextEncoder().encode(text));
    } catch (thrown) {
      file.giveUp();
      throw thrown;
    }
    file.finish();
    return true;
  } catch (thrown) {
    err.write(lines([`vramscope: ${path} could not be written: ${reasonOf(thrown)}`]));
    return false;
  }
}

export async function analyzeCommand(asked: AnalyzeArguments, out: Output, err: Output): Promise<number> {
  const { files, conditions, gpusPerPod, reports, quiet } = asked;
  const toPeople = reports.some(({ format, path }) => format === 'text' && path === null) && !quiet;
  let failed = false;
  let was: BaselineDocument | null = null;
  if (asked.baseline !== null)
    try {
      was = await readBaseline(asked.baseline);
    } catch (thrown) {
      failed = true;
      err.write(lines([`vramscope: --baseline: ${reasonOf(thrown)}`]));
    }
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const views = await openPaths(engine, files, (path, opened) => {
    for (const { error } of opened) {
      if (error === null) continue;
      failed = true;
      // The text has it itself.
      if (!toPeople)
        err.write(lines(errorLines(error).map((line, i) => (i === 0 ? `${path}: ${line}` : line))));
    }
  });
  if (gpusPerPod !== null)
    for (const { id } of views) await engine.setServer(id, { gpusPerPod, modelConfig: null });
  const analysis = await engine.analysis();
  const late = analysis.errors ?? [];
  if (late.length > 0) {
    failed = true;
    if (!toPeople) err.write(lines(late.flatMap(errorLines)));
  }
  const baseline: AnalysisBaseline | null =
    was === null || asked.baseline === null ? null : againstBaseline(analysis, was, asked.baseline);
  const checks = checksOf(conditions, analysis, baseline);
  const report = { analysis, baseline, checks };
  let written = true;
  for (const { format, path } of reports) {
    if (path === null && quiet) continue;
    const text = format === 'text' ? await asText(engine, views, report) : FORMS[format](report);
    if (path === null) out.write(text);
    else if (!write(path, text, [...files, ...(asked.baseline === null ? [] : [asked.baseline])], err))
      written = false;
  }
  for (const { condition, reasons, not_known: unknown } of checks)
    err.write(lines([...reasons, ...unknown].map((what) => `vramscope: --fail-on ${condition}: ${what}`)));
  if (checks.some(({ state }) => state === 'holds')) return EXIT_CONDITION;
  return failed ? EXIT_FAILED : written ? EXIT_READ : EXIT_UNWRITTEN;
}
