/** `npm run fuzz -- --seconds N --seed S [--inputs N] [--from N] [--reader NAME] [--out FILE]`: hours of it, with a log by reader. */
import { writeFileSync } from 'node:fs';
import { fuzz, type Log, table } from './fuzz.ts';

const option = (name: string): string | undefined => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
};
const number = (name: string, otherwise: number): number => Number(option(name) ?? otherwise);
const reader = option('reader');
const out = option('out');

const told = (log: Log): string =>
  [
    `seed ${log.seed}, ${log.inputs.toLocaleString('en-US')} inputs, ${Math.round(log.seconds)} s`,
    '',
    table(log),
    '',
    ...log.broken.map(({ reader: of, file, number: at, complaint }) => `${of} ${file} #${at}: ${complaint}`),
    '',
  ].join('\n');

for (const event of ['unhandledRejection', 'uncaughtException'] as const)
  process.on(event, (thrown: unknown) => {
    console.error(`${event}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    process.exitCode = 1;
  });

const log = await fuzz(number('seed', 1), {
  seconds: number('seconds', 60),
  inputs: number('inputs', Infinity),
  from: number('from', 0),
  ...(reader === undefined ? {} : { readers: [reader] }),
  report: (_, now) => {
    if (out !== undefined) writeFileSync(out, told(now()));
  },
});
if (out !== undefined) writeFileSync(out, told(log));
console.log(told(log));
if (log.broken.length > 0) process.exitCode = 1;
