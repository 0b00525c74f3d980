/** What an array job of `vramscope facts` has in common wherever it runs: its arguments, and what each task left. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { takeOption } from '../take-option.ts';
import { type FactsArguments, factsArguments, sourcesOfTask } from './facts.ts';
import { listSources, type ListedSource, partName } from './list-sources.ts';

export interface ArrayArguments {
  readonly facts: FactsArguments;
  readonly tasks: number;
}

/** Takes --tasks out; the rest are arguments of `facts`. A text says what is wrong. */
export function arrayArguments(given: readonly string[], what: string): ArrayArguments | string {
  const rest = [...given];
  const tasks = takeOption(rest, '--tasks');
  if (tasks == null || !/^[1-9]\d{0,5}$/.test(tasks))
    return `${what} needs the number of tasks: --tasks N${tasks === undefined ? '' : `, not "${tasks ?? ''}"`}`;
  const own = rest.find((one) => /^--(?:task|threads|resume|state)(?:=|$)/.test(one));
  if (own !== undefined) return `${what} sets ${own} for each task`;
  const facts = factsArguments(rest);
  if (typeof facts === 'string') return facts;
  return { facts, tasks: Number(tasks) };
}

/** The arguments of one task, but for its number: paths are whole, as a task may begin elsewhere. */
export const taskArguments = ({ paths, out, run, rankText, groupText }: FactsArguments): string[] => [
  'facts',
  ...paths.map((path) => resolve(path)),
  '--out',
  resolve(out),
  '--run',
  run,
  ...(rankText === null ? [] : ['--rank', rankText]),
  ...(groupText === null ? [] : ['--group', groupText]),
  '--resume',
];

/** Sources of each task whose `ranks` part is not there. */
export function missingByTask({
  facts,
  tasks,
}: ArrayArguments): ReadonlyMap<number, readonly ListedSource[]> {
  const { out, run, rules, paths } = facts;
  const all = listSources(paths, rules, out);
  const missing = new Map<number, readonly ListedSource[]>();
  for (let task = 0; task < tasks; task++) {
    const left = sourcesOfTask(all, [task, tasks]).filter(
      ({ rank, source }) => !existsSync(join(out, 'ranks', `run=${run}`, `rank=${rank}`, partName(source))),
    );
    if (left.length > 0) missing.set(task, left);
  }
  return missing;
}

/** What a task says of itself at its end. */
export interface TaskState {
  readonly whole: number;
  readonly damaged: number;
  readonly failed: number;
  readonly kept: number;
}

/** null: the task did not come to its end. */
export function taskState(path: string): TaskState | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as TaskState;
  } catch {
    return null;
  }
}
