/**
 * `npm run fuzz -- --seconds N --seed S [--processes N] [--inputs N] [--from N] [--reader NAME] [--out FILE]`: hours of
 * it, with a log by reader. Several processes take the seeds from S on, each with limits of its own; their logs are one.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fuzz, joined, type Log, table } from './fuzz.ts';

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const number = (name: string, otherwise: number): number => Number(option(name) ?? otherwise);
const reader = option('reader');
const out = option('out');
/** A process that was started by another hands its log over in this file. */
const part = option('part');

const told = (log: Log): string =>
  [
    `${log.seeds.length === 1 ? 'seed' : 'seeds'} ${log.seeds.join(', ')}: ${log.inputs.toLocaleString('en-US')} inputs, ${Math.round(log.seconds)} s`,
    '',
    table(log),
    '',
    ...log.broken.map(
      ({ seed, reader: of, file, number: at, complaint }) =>
        `${of} ${file} --seed ${seed} --from ${at} --inputs 1: ${complaint}`,
    ),
    '',
  ].join('\n');

const asText = (log: Log): string => JSON.stringify({ ...log, readers: [...log.readers] });
const fromText = (text: string): Log => {
  const { readers, ...log } = JSON.parse(text) as Omit<Log, 'readers'> & { readers: [string, never][] };
  return { ...log, readers: new Map(readers) };
};

function report(log: Log): void {
  if (part !== undefined) writeFileSync(part, asText(log));
  else if (out !== undefined) writeFileSync(out, told(log));
}

/** This program again with another seed; what it wrote, and what went wrong with the process itself. */
async function child(folder: string, seed: number): Promise<{ log: Log | null; fault: string | null }> {
  const file = join(folder, `${seed}.json`);
  const given = process.argv.slice(2);
  // The last of several options of a name is not looked at: ours go first.
  const run = spawn(
    process.execPath,
    [process.argv[1], '--seed', String(seed), '--processes', '1', '--part', file, ...given],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    run.on('close', (...ended) => resolve(ended)),
  );
  let log: Log | null = null;
  try {
    log = fromText(readFileSync(file, 'utf8'));
  } catch {
    // It ended before its first thousand inputs.
  }
  const isWell = code === 0 || (code === 1 && (log?.broken.length ?? 0) > 0);
  return { log, fault: isWell ? null : `seed ${seed}: the process ended with ${signal ?? code}` };
}

async function several(processes: number): Promise<{ log: Log; faults: readonly string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'vramscope-fuzz-'));
  try {
    const seeds = Array.from({ length: processes }, (_, at) => number('seed', 1) + at);
    const all = await Promise.all(seeds.map((seed) => child(folder, seed)));
    return {
      log: joined(all.flatMap(({ log }) => log ?? [])),
      faults: all.flatMap(({ fault }) => fault ?? []),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const event of ['unhandledRejection', 'uncaughtException'] as const)
  process.on(event, (thrown: unknown) => {
    console.error(`${event}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    process.exitCode = 2;
  });

const processes = number('processes', 1);
const { log, faults } =
  processes > 1
    ? await several(processes)
    : {
        log: await fuzz(number('seed', 1), {
          seconds: number('seconds', 60),
          inputs: number('inputs', Infinity),
          from: number('from', 0),
          ...(reader === undefined ? {} : { readers: [reader] }),
          report: (_, now) => report(now()),
        }),
        faults: [],
      };
report(log);
if (part === undefined) console.log([told(log), ...faults].join('\n'));
if (faults.length > 0) process.exitCode = 2;
else if (log.broken.length > 0) process.exitCode = 1;
