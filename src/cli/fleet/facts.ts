/** `vramscope facts PATH... --out DATASET`: each source in a few tables, for questions over thousands of them. */
import { basename, resolve } from 'node:path';
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger } from '../../base/units.ts';
import { kindOf, NewFile } from '../new-file.ts';
import { takeOption } from '../take-option.ts';
import { lines, visible } from '../terminal.ts';
import { runPool } from './facts-pool.ts';
import { listSources, type ListedSource, type NamingRules } from './list-sources.ts';
import type { FactsDone } from './write-facts.ts';

interface Output {
  write(text: string): unknown;
}

export const FACTS_USAGE = `usage: vramscope facts PATH... --out DATASET [--run NAME] [--resume] [--threads N] [--task I/N]
                       [--state FILE] [--rank REGEX] [--group REGEX] [-q]

  facts     read many sources (a file each: rank17.pickle, logs) into a data set of Parquet files, split by run and rank
            (docs/fleet.md); vramscope fleet report and vramscope query ask it
  --run     name of the run; otherwise the name of the folder
  --resume  leave sources whose facts are there already, of the same bytes
  --threads sources read at once; otherwise as many as there are cores, and as memory allows
  --task    read every Nth source, beginning with the Ith (from 0): a share of an array job
  --state   write at the end how many sources were read, failed, ... as JSON
  --rank, --group   find rank and group in the path of a source; otherwise rank17, rank-17, and stage3, pp3 or group3
  -q        print nothing but what failed`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;
const EXIT_UNWRITTEN = 4;

export interface FactsArguments {
  readonly paths: readonly string[];
  readonly out: string;
  readonly run: string;
  readonly resume: boolean;
  readonly threads: number | null;
  /** Share [i, n). */
  readonly task: readonly [number, number] | null;
  readonly rules: NamingRules;
  /** The patterns of `rules` as they were given; null: none was. */
  readonly rankText: string | null;
  readonly groupText: string | null;
  /** Written at the end; null: nothing is. */
  readonly state: string | null;
  readonly quiet: boolean;
}

/** A pattern of a user; a text says what is wrong with it. */
function patternOf(name: string, text: string | null | undefined): RegExp | null | string {
  if (text === undefined) return null;
  if (text === null || text === '') return `${name} needs a pattern`;
  try {
    return new RegExp(text);
  } catch {
    return `${name} "${text}" is no regular expression`;
  }
}

const RUN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const runOf = (path: string): string =>
  basename(resolve(path))
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._-]+/, '') || 'run';

/** The arguments after "facts", or why they cannot be used. */
export function factsArguments(argv: readonly string[]): FactsArguments | string {
  const end = argv.indexOf('--');
  const given = end < 0 ? [...argv] : argv.slice(0, end);
  const [out, run, threads, task, rankText, groupText, state] = [
    '--out',
    '--run',
    '--threads',
    '--task',
    '--rank',
    '--group',
    '--state',
  ].map((name) => takeOption(given, name));
  const flags = ['--resume', '-q'].map((name) => given.includes(name));
  const rest = given.filter((one) => one !== '--resume' && one !== '-q');
  const unknown = rest.find((argument) => argument.startsWith('-'));
  if (unknown !== undefined) return `unknown option "${unknown}"`;
  const paths = [...rest, ...(end < 0 ? [] : argv.slice(end + 1))];
  if (paths.length === 0) return 'facts needs a folder, or files';
  if (out == null || out === '') return 'facts needs a place for the data set: --out DATASET';
  if (run === null || (run !== undefined && !RUN.test(run)))
    return `--run needs a name of letters, digits, ".", "_" and "-", not "${run ?? ''}"`;
  if (threads === null || (threads !== undefined && !/^[1-9]\d{0,2}$/.test(threads)))
    return `--threads needs a number from 1 to 999, not "${threads ?? ''}"`;
  const share = task == null ? null : /^(\d{1,6})\/([1-9]\d{0,6})$/.exec(task);
  if (task !== undefined && (share === null || Number(share[1]) >= Number(share[2])))
    return `--task needs I/N with I from 0 to N - 1, not "${task ?? ''}"`;
  if (state === null || state === '') return '--state needs a file';
  const [rank, group] = [patternOf('--rank', rankText), patternOf('--group', groupText)];
  if (typeof rank === 'string') return rank;
  if (typeof group === 'string') return group;
  return {
    paths,
    out,
    run: run ?? runOf(paths[0]),
    resume: flags[0],
    threads: threads === undefined ? null : Number(threads),
    task: share === null ? null : [Number(share[1]), Number(share[2])],
    rules: { rank, group },
    rankText: rankText ?? null,
    groupText: groupText ?? null,
    state: state ?? null,
    quiet: flags[1],
  };
}

/** Sources of this share. */
export const sourcesOfTask = (
  all: readonly ListedSource[],
  task: readonly [number, number] | null,
): readonly ListedSource[] => (task === null ? all : all.filter((_, at) => at % task[1] === task[0]));

const counted = (count: number, one: string, more = `${one}s`): string =>
  `${formatInteger(count)} ${count === 1 ? one : more}`;

/** Returns the exit code: 3 where a source failed or is damaged, 4 where the data set cannot be written. */
export async function factsCommand(rest: readonly string[], out: Output, err: Output): Promise<number> {
  const asked = factsArguments(rest);
  if (typeof asked === 'string') {
    err.write(`${lines([`vramscope: ${asked}`])}${FACTS_USAGE}\n`);
    return EXIT_USAGE;
  }
  let sources: readonly ListedSource[];
  try {
    sources = sourcesOfTask(listSources(asked.paths, asked.rules, asked.out), asked.task);
    if (kindOf(asked.out) === 'file') throw new TraceError('refused', `${asked.out} is a file, not a folder`);
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    const { message, advice } = thrown.toData();
    err.write(lines([`vramscope: ${message}`, ...(advice == null ? [] : [`  ${advice}`])]));
    return EXIT_FAILED;
  }
  const counts = { whole: 0, damaged: 0, failed: 0, kept: 0 };
  let done = 0;
  const isShown = process.stderr.isTTY === true && !asked.quiet;
  const onDone = ({ source, status, why }: FactsDone): void => {
    counts[status]++;
    done++;
    if (isShown) process.stderr.write('\r\x1b[K');
    if (status === 'failed' || status === 'damaged') err.write(lines([`${source}: ${why ?? status}`]));
    if (isShown)
      process.stderr.write(
        `${formatInteger(done)} of ${counted(sources.length, 'source')}: ${visible(source)}${done === sources.length ? '\r\x1b[K' : ''}`,
      );
  };
  const jobs = sources.map((source) => ({
    ...source,
    ...{ out: asked.out, run: asked.run, resume: asked.resume },
  }));
  try {
    await runPool(jobs, { threads: asked.threads, onDone });
  } catch (thrown) {
    err.write(lines([`vramscope: ${thrown instanceof Error ? thrown.message : String(thrown)}`]));
    return EXIT_UNWRITTEN;
  }
  if (asked.state !== null) {
    const file = new NewFile(asked.state);
    file.write(new TextEncoder().encode(`${JSON.stringify(counts)}\n`));
    file.finish();
  }
  if (!asked.quiet) out.write(lines([summaryOf(asked, sources.length, counts)]));
  return counts.failed + counts.damaged > 0 ? EXIT_FAILED : EXIT_READ;
}

function summaryOf(
  { out, run, task }: FactsArguments,
  all: number,
  { whole, damaged, failed, kept }: Readonly<Record<FactsDone['status'], number>>,
): string {
  const parts = [
    `${formatInteger(whole)} read whole`,
    ...(damaged > 0 ? [`${formatInteger(damaged)} damaged`] : []),
    ...(failed > 0 ? [`${formatInteger(failed)} failed`] : []),
    ...(kept > 0 ? [`${formatInteger(kept)} left as they were`] : []),
  ];
  const share = task === null ? '' : `, task ${task[0]} of ${task[1]}`;
  return `${counted(all, 'source')} of run ${run}${share}: ${parts.join(', ')}. Data set: ${out}`;
}
