/** `vramscope analyze PATH...`, `diff A B`, `replay FILE` and `export PATH...` on Node: the same engine as the page, without a worker and without a GPU. */
import { existsSync } from 'node:fs';
import { RECORDER } from '../base/recorder.ts';
import { analyzeCommand } from './analyze.ts';
import { analyzeArguments } from './analyze-arguments.ts';
import { completion, SHELLS } from './completion.ts';
import { diffCommand } from './diff.ts';
import { exportCommand } from './export.ts';
import { exportArguments } from './export-arguments.ts';
import { factsCommand } from './fleet/facts.ts';
import { fleetCommand } from './fleet/fleet.ts';
import { queryCommand } from './fleet/query.ts';
import { mcpCommand } from './mcp/mcp.ts';
import { openCommand } from './open/open.ts';
import { ranksCommand } from './ranks.ts';
import { replayCommand } from './replay.ts';
import { lines } from './terminal.ts';
import { EXIT_CODES, USAGE, USAGES } from './usage.ts';
import { VERSION } from './version.ts';

const EXIT_READ = 0;
const EXIT_USAGE = 2;

interface Output {
  write(text: string | Uint8Array): unknown;
}

function usage(err: Output, why: string, verb?: string): number {
  const told = verb === undefined ? USAGE : `${USAGES[verb]}\n\n${EXIT_CODES}`;
  err.write(`${lines([`vramscope: ${why}`])}${told}\n`);
  return EXIT_USAGE;
}

/** What follows "--" is a path, whatever it is called. */
const asksForHelp = (rest: readonly string[]): boolean =>
  (rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest).some(
    (option) => option === '--help' || option === '-h',
  );

async function analyze(rest: readonly string[], out: Output, err: Output): Promise<number> {
  const asked = analyzeArguments(rest);
  return typeof asked === 'string' ? usage(err, asked, 'analyze') : await analyzeCommand(asked, out, err);
}

async function exportTables(rest: readonly string[], out: Output, err: Output): Promise<number> {
  const asked = exportArguments(rest);
  if (typeof asked === 'string') return usage(err, asked, 'export');
  const isBinary = asked.format === 'arrow' || asked.format === 'parquet';
  if (asked.output === null && isBinary && process.stdout.isTTY === true)
    return usage(err, `a terminal cannot show ${asked.format}: -o FILE, or a pipe`, 'export');
  return await exportCommand(asked, out, err);
}

function complete(rest: readonly string[], out: Output, err: Output): number {
  const shell = SHELLS.find((name) => rest.length === 1 && name === rest[0]);
  if (shell === undefined) return usage(err, `completion needs one of ${SHELLS.join(', ')}`, 'completion');
  out.write(completion(shell));
  return EXIT_READ;
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
    const verb = command === 'help' && Object.hasOwn(USAGES, rest[0] ?? '') ? rest[0] : null;
    out.write(`${verb === null ? USAGE : `${USAGES[verb]}\n\n${EXIT_CODES}`}\n`);
    return EXIT_READ;
  }
  if (command === undefined) return usage(err, 'no command');
  if (Object.hasOwn(USAGES, command) && asksForHelp(rest)) {
    out.write(`${USAGES[command]}\n\n${EXIT_CODES}\n`);
    return EXIT_READ;
  }
  switch (command) {
    case 'analyze':
      return await analyze(rest, out, err);
    case 'diff':
      return await diffCommand(rest, out, err);
    case 'ranks':
      return await ranksCommand(rest, out, err);
    case 'facts':
      return await factsCommand(rest, out, err);
    case 'fleet':
      return await fleetCommand(rest, out, err);
    case 'open':
      return await openCommand(rest, out, err);
    case 'mcp':
      return await mcpCommand(rest, out, err);
    case 'query':
      return await queryCommand(rest, out, err);
    case 'replay':
      return await replayCommand(rest, out, err);
    case 'export':
      return await exportTables(rest, out, err);
    case 'recorder':
      if (rest.length > 0) return usage(err, `recorder takes no arguments, not "${rest[0]}"`, 'recorder');
      out.write(RECORDER);
      return EXIT_READ;
    case 'completion':
      return complete(rest, out, err);
  }
  // A file without a verb: what everybody tries first.
  if (existsSync(command)) return await analyze(argv, out, err);
  return usage(err, `unknown command "${command}", and there is no such file`);
}
