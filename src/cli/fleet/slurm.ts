/**
 * `vramscope fleet slurm PATH... --out DATASET --tasks N`: an array job that reads the sources, a share a task, on a file
 * system that all nodes see. A task that dies loses its own sources alone: they are named, and submitted once more.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { TraceError } from '../../base/trace-error.ts';
import { formatInteger } from '../../base/units.ts';
import { takeOption } from '../take-option.ts';
import { lines } from '../terminal.ts';
import {
  type ArrayArguments,
  arrayArguments,
  missingByTask,
  taskArguments,
  type TaskState,
  taskState,
} from './array-job.ts';
import { shellWord, shellWords } from './shell-words.ts';

interface Output {
  write(text: string): unknown;
}

const EXIT_READ = 0;
const EXIT_FAILED = 3;

export interface SlurmArguments extends ArrayArguments {
  /** Times that tasks which died are submitted again. */
  readonly again: number;
  /** false: the job is submitted, and nothing is waited for. */
  readonly waits: boolean;
  /** A job that was submitted before: only what it left is gathered. */
  readonly job: string | null;
  /** More options for sbatch: "--partition=gpu". */
  readonly sbatch: readonly string[];
  /** How a node starts this program; null: as it was started here. */
  readonly command: string | null;
  readonly isDry: boolean;
}

/** The arguments after "fleet slurm", or why they cannot be used. */
export function slurmArguments(argv: readonly string[]): SlurmArguments | string {
  const given = [...argv];
  const flags = ['--no-wait', '--dry-run'].map((name) => given.includes(name));
  const rest = given.filter((one) => one !== '--no-wait' && one !== '--dry-run');
  const [again, job, command] = ['--again', '--job', '--command'].map((name) => takeOption(rest, name));
  const sbatch: string[] = [];
  for (let one = takeOption(rest, '--sbatch'); one !== undefined; one = takeOption(rest, '--sbatch')) {
    if (one === null || !one.startsWith('-'))
      return '--sbatch needs an option of sbatch: --sbatch=--partition=gpu';
    sbatch.push(one);
  }
  if (again === null || (again !== undefined && !/^\d$/.test(again)))
    return `--again needs a number from 0 to 9, not "${again ?? ''}"`;
  if (job === null || (job !== undefined && !/^\d{1,12}$/.test(job)))
    return '--job needs the number of a job';
  if (command === null || command === '') return '--command needs what starts vramscope on a node';
  const array = arrayArguments(rest, 'fleet slurm');
  if (typeof array === 'string') return array;
  return {
    ...array,
    again: again === undefined ? 1 : Number(again),
    waits: !flags[0],
    job: job ?? null,
    sbatch,
    command: command ?? null,
    isDry: flags[1],
  };
}

/** Beside the tables, where nothing looks for rows. */
const folderOf = ({ facts }: SlurmArguments): string => join(resolve(facts.out), '_slurm');
const stateOf = (asked: SlurmArguments, task: number): string =>
  join(folderOf(asked), `${asked.facts.run}-${task}-of-${asked.tasks}.json`);

/** The script of a task, which sbatch takes from standard input. */
export function slurmScript(asked: SlurmArguments): string {
  const start = asked.command ?? shellWords([process.execPath, process.argv[1]]);
  const state = `${shellWord(`${folderOf(asked)}/${asked.facts.run}`)}-"$SLURM_ARRAY_TASK_ID"-of-${asked.tasks}.json`;
  return [
    '#!/bin/sh',
    `exec ${start} ${shellWords(taskArguments(asked.facts))} --threads "\${SLURM_CPUS_PER_TASK:-1}" --task "$SLURM_ARRAY_TASK_ID/${asked.tasks}" --state ${state}`,
    '',
  ].join('\n');
}

function called(program: string, args: readonly string[], input?: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...(input === undefined ? {} : { input }),
  });
  // One that ends before it has read its input leaves an error, too, and says itself why.
  if (status === null)
    throw new TraceError('io', `${program} cannot be run here (${error?.message ?? 'it was ended'}).`, {
      advice: 'Run this on a node of the cluster, or see --dry-run.',
    });
  if (status !== 0)
    throw new TraceError('io', `${program} failed: ${stderr.trim() || `exit code ${status}`}`);
  return stdout;
}

function submit(asked: SlurmArguments, tasks: readonly number[]): string {
  mkdirSync(folderOf(asked), { recursive: true });
  // What an earlier job said of these tasks is not so of this one.
  for (const task of tasks) rmSync(stateOf(asked, task), { force: true });
  const answer = called('sbatch', [...sbatchOptions(asked, tasks)], slurmScript(asked));
  const job = /^(\d+)/.exec(answer.trim())?.[1];
  if (job === undefined) throw new TraceError('io', `sbatch gave no number of a job: ${answer.trim()}`);
  return job;
}

export const sbatchOptions = (asked: SlurmArguments, tasks: readonly number[]): readonly string[] => [
  '--parsable',
  `--array=${rangesOf(tasks)}`,
  '--job-name=vramscope-facts',
  `--output=${folderOf(asked)}/%A_%a.log`,
  ...asked.sbatch,
];

/** "0-63", "3,17,20-22". */
export function rangesOf(tasks: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const task of tasks) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === task - 1) last[1] = task;
    else ranges.push([task, task]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}

const PACE_MS = 1000;

/** Until no task of the job is in the queue. */
async function waitFor(job: string): Promise<void> {
  for (;;) {
    const { status, stdout } = spawnSync('squeue', ['-h', '-j', job, '-o', '%T'], { encoding: 'utf8' });
    // A job that ended some time ago is not known any more.
    if (status !== 0 || stdout.trim() === '') return;
    await wait(PACE_MS);
  }
}

/** States by task, where the cluster keeps accounts; else none. */
function accountOf(job: string): ReadonlyMap<number, string> {
  const states = new Map<number, string>();
  const { status, stdout } = spawnSync('sacct', ['-n', '-P', '-X', '-j', job, '-o', 'JobID,State'], {
    encoding: 'utf8',
  });
  if (status !== 0) return states;
  for (const line of stdout.split('\n')) {
    const match = /^\d+_(\d+)\|([A-Z_]+)/.exec(line);
    if (match !== null) states.set(Number(match[1]), match[2]);
  }
  return states;
}

interface Gathered {
  /** Tasks that did not come to their end, with what the cluster says of them. */
  readonly died: readonly { readonly task: number; readonly state: string | null }[];
  readonly counts: TaskState;
}

function gather(asked: SlurmArguments, job: string, tasks: readonly number[]): Gathered {
  const account = accountOf(job);
  const counts = { whole: 0, damaged: 0, failed: 0, kept: 0 };
  const died: { task: number; state: string | null }[] = [];
  for (const task of tasks) {
    const told = taskState(stateOf(asked, task));
    if (told === null) died.push({ task, state: account.get(task) ?? null });
    else for (const key of ['whole', 'damaged', 'failed', 'kept'] as const) counts[key] += told[key];
  }
  return { died, counts };
}

const MOST_NAMED = 20;

/** Returns the exit code: 3 where a source is missing, failed or is damaged. */
export async function slurmCommand(asked: SlurmArguments, out: Output, err: Output): Promise<number> {
  const say = (text: string): unknown => err.write(lines([text]));
  try {
    let tasks: readonly number[] = Array.from({ length: asked.tasks }, (_, task) => task);
    if (asked.isDry) {
      out.write(
        `sbatch ${shellWords(sbatchOptions(asked, tasks))} <<'SCRIPT'\n${slurmScript(asked)}SCRIPT\n`,
      );
      return EXIT_READ;
    }
    const total = { whole: 0, damaged: 0, failed: 0, kept: 0 };
    for (let round = 0; ; round++) {
      const job = round === 0 && asked.job !== null ? asked.job : submit(asked, tasks);
      if (round > 0 || asked.job === null) say(`job ${job}: ${counted(tasks.length, 'task')}`);
      if (!asked.waits) {
        out.write(lines([job]));
        say(`gather it with the same arguments and --job ${job}`);
        return EXIT_READ;
      }
      await waitFor(job);
      const { died, counts } = gather(asked, job, tasks);
      for (const key of ['whole', 'damaged', 'failed', 'kept'] as const) total[key] += counts[key];
      if (died.length === 0) break;
      const missing = missingByTask(asked);
      for (const { task, state } of died)
        say(
          `task ${task} of ${asked.tasks} did not come to its end${state === null ? '' : ` (${state})`}: ${named(missing.get(task) ?? [])}`,
        );
      if (round >= asked.again) {
        out.write(
          lines([
            `${counted(died.length, 'task')} did not come to ${died.length === 1 ? 'its' : 'their'} end. Logs: ${folderOf(asked)}`,
          ]),
        );
        return EXIT_FAILED;
      }
      tasks = died.map(({ task }) => task);
    }
    const { whole, damaged, failed, kept } = total;
    out.write(
      lines([
        `${counted(whole + damaged + failed + kept, 'source')} of run ${asked.facts.run}: ${[
          `${formatInteger(whole)} read whole`,
          ...(damaged > 0 ? [`${formatInteger(damaged)} damaged`] : []),
          ...(failed > 0 ? [`${formatInteger(failed)} failed`] : []),
          ...(kept > 0 ? [`${formatInteger(kept)} left as they were`] : []),
        ].join(', ')}. Data set: ${asked.facts.out}`,
      ]),
    );
    return damaged + failed > 0 ? EXIT_FAILED : EXIT_READ;
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    const { message, advice } = thrown.toData();
    err.write(lines([`vramscope: ${message}`, ...(advice == null ? [] : [`  ${advice}`])]));
    return EXIT_FAILED;
  }
}

const counted = (count: number, one: string): string =>
  `${formatInteger(count)} ${count === 1 ? one : `${one}s`}`;

const named = (sources: readonly { readonly source: string }[]): string =>
  sources.length === 0
    ? 'all of its sources are there'
    : `missing ${sources
        .slice(0, MOST_NAMED)
        .map(({ source }) => source)
        .join(
          ', ',
        )}${sources.length > MOST_NAMED ? ` and ${formatInteger(sources.length - MOST_NAMED)} more` : ''}`;
