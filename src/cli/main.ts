/** `vramscope analyze PATH... [--json]`, `diff A B`, `replay FILE` and `export PATH...` on Node: the same engine as the page, without a worker and without a GPU. */
import { Engine } from '../engine/engine.ts';
import type { RangeAnswer, SourceView } from '../engine/protocol.ts';
import { DIFF_USAGE, diffCommand } from './diff.ts';
import { EXPORT_USAGE, exportCommand } from './export.ts';
import { exportArguments } from './export-arguments.ts';
import { type Condition, parseFailOn } from './fail-on.ts';
import { openPaths } from './open-paths.ts';
import { budgetLines } from './print-budget.ts';
import { findingLines } from './print-diagnosis.ts';
import { pinLines } from './print-pins.ts';
import { errorLines, MOST_HOLDERS, sourceLines } from './print.ts';
import { REPLAY_USAGE, replayCommand } from './replay.ts';
import { takeOption } from './take-option.ts';
import { json, lines } from './terminal.ts';
import { VERSION } from './version.ts';

const USAGE = `usage: vramscope analyze PATH... [--json] [--fail-on CONDITIONS] [--gpus-per-pod N]

  analyze   read files of every kind in docs/formats.md; a folder is read as one where its files belong together;
            - reads standard input
  --json    print one JSON object (docs/cli.md) instead of text
  --fail-on end with exit code 1 where a condition holds: leak, growth, oom, problem, peak>70GiB, ... (comma between)
  --gpus-per-pod   sums of a server's budget for pods of N GPUs, where its log names fewer ranks

${DIFF_USAGE}

${REPLAY_USAGE}

${EXPORT_USAGE}

exit code: 0 read; 1 a condition of --fail-on holds; 2 unusable arguments; 3 a file could not be read, or not to its end;
           4 the result could not be written`;

const EXIT_READ = 0;
const EXIT_CONDITION = 1;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

interface Output {
  write(text: string): unknown;
}

function usage(err: Output, why: string): number {
  err.write(`${lines([`vramscope: ${why}`])}${USAGE}\n`);
  return EXIT_USAGE;
}

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

async function analyze(
  files: readonly string[],
  asJson: boolean,
  conditions: readonly Condition[],
  gpusPerPod: number | null,
  out: Output,
  err: Output,
): Promise<number> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  let failed = false;
  const views = await openPaths(engine, files, (path, opened) => {
    for (const { error } of opened) {
      if (error === null) continue;
      failed = true;
      if (asJson) err.write(lines(errorLines(error).map((line, i) => (i === 0 ? `${path}: ${line}` : line))));
    }
  });
  if (gpusPerPod !== null)
    for (const { id } of views) await engine.setServer(id, { gpusPerPod, modelConfig: null });
  const analysis = await engine.analysis();
  const late = analysis.errors ?? [];
  if (late.length > 0) failed = true;
  if (asJson) {
    out.write(json(analysis));
    err.write(lines(late.flatMap(errorLines)));
  } else {
    const ranges = await rangesOf(engine, views);
    // What one asks first comes first: the answer, then the counters that it rests on.
    const answer = lines([
      ...late.flatMap(errorLines),
      ...findingLines(analysis.findings),
      ...pinLines(analysis.pins),
    ]).replace(/^\n/, '');
    const counters = views.map((view) => lines(sourceLines(view, ranges)));
    out.write([...(answer === '' ? [] : [answer]), ...counters].join('\n'));
    out.write(lines(budgetLines(analysis)));
  }
  let holds = false;
  for (const { text, met, open } of conditions) {
    for (const what of met(analysis)) {
      holds = true;
      err.write(lines([`vramscope: --fail-on ${text}: ${what}`]));
    }
    for (const what of open(analysis)) err.write(lines([`vramscope: --fail-on ${text}: ${what}`]));
  }
  if (holds) return EXIT_CONDITION;
  return failed ? EXIT_FAILED : EXIT_READ;
}

/** Runs a command line (without node and script) and returns the exit code. */
export async function main(
  argv: readonly string[],
  out: Output = process.stdout,
  err: Output = process.stderr,
): Promise<number> {
  const [command, ...rest] = argv;
  if (command === '--version' || command === '-V') {
    out.write(`vramscope ${VERSION}\n`);
    return EXIT_READ;
  }
  if (command === '--help' || command === '-h' || command === 'help') {
    out.write(`${USAGE}\n`);
    return EXIT_READ;
  }
  if (command === 'replay' || command === 'diff') {
    const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
    if (!options.some((option) => option === '--help' || option === '-h'))
      return await (command === 'diff' ? diffCommand : replayCommand)(rest, out, err);
    out.write(`${USAGE}\n`);
    return EXIT_READ;
  }
  if (command === 'export') {
    const asked = exportArguments(rest);
    const options = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
    if (options.some((option) => option === '--help' || option === '-h')) {
      out.write(`${USAGE}\n`);
      return EXIT_READ;
    }
    if (typeof asked === 'string') return usage(err, asked);
    const isBinary = asked.format === 'arrow' || asked.format === 'parquet';
    if (asked.output === null && isBinary && process.stdout.isTTY === true)
      return usage(err, `a terminal cannot show ${asked.format}: -o FILE, or a pipe`);
    return await exportCommand(asked, out, err);
  }
  if (command !== 'analyze')
    return usage(err, command === undefined ? 'no command' : `unknown command "${command}"`);
  // What follows "--" is a path, whatever it begins with.
  const end = rest.indexOf('--');
  const given = end < 0 ? [...rest] : rest.slice(0, end);
  const failOn = takeOption(given, '--fail-on');
  if (failOn === null) return usage(err, '--fail-on needs conditions');
  const gpus = takeOption(given, '--gpus-per-pod');
  if (gpus === null || (gpus !== undefined && !/^[1-9]\d{0,3}$/.test(gpus)))
    return usage(
      err,
      `--gpus-per-pod needs a whole number from 1 to 9999${gpus === null ? '' : `, not "${gpus}"`}`,
    );
  const conditions = failOn === undefined ? [] : parseFailOn(failOn);
  if (typeof conditions === 'string') return usage(err, conditions);
  const isOption = (argument: string): boolean => argument.startsWith('-') && argument !== '-';
  const options = given.filter(isOption);
  if (options.some((option) => option === '--help' || option === '-h')) {
    out.write(`${USAGE}\n`);
    return EXIT_READ;
  }
  const unknown = options.find((option) => option !== '--json');
  if (unknown !== undefined) return usage(err, `unknown option "${unknown}"`);
  const files = given.filter((argument) => !isOption(argument));
  if (end >= 0) files.push(...rest.slice(end + 1));
  if (files.length === 0) return usage(err, 'analyze needs at least one file');
  return await analyze(
    files,
    options.includes('--json'),
    conditions,
    gpus === undefined ? null : Number(gpus),
    out,
    err,
  );
}
