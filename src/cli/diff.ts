/** `vramscope diff A B`: what differs between two recordings, and which line of the program does it. */
import type { TraceErrorData } from '../base/trace-error.ts';
import { Engine } from '../engine/engine.ts';
import type { CompareView, DeviceView, SourceView } from '../engine/protocol.ts';
import { type DiffArguments, diffArguments } from './diff-arguments.ts';
import { diffObject } from './diff-object.ts';
import { diffDocuments } from './diff-documents.ts';
import { diffLines } from './diff-print.ts';
import { openPaths } from './open-paths.ts';
import { errorLines } from './print.ts';
import { json, lines } from './terminal.ts';

interface Output {
  write(text: string): unknown;
}

export const DIFF_USAGE = `usage: vramscope diff A B [--at MOMENT[,MOMENT]] [--device N[,N]] [--lines N] [--json]

  diff      what differs between two recordings of one kind, and which line of the program does it
  --at      peak (default), end, the number of an event, or iteration:N; two with a comma: one of A, one of B
  --device  this device of both, or one of A and one of B
  --lines   show so many lines (20)`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

type Pair = readonly [DeviceView, DeviceView];

const devicesOf = (views: readonly SourceView[]): DeviceView[] => views.flatMap(({ devices }) => devices);

/** Which device of A is held against which of B; a string: why none is. */
function pairsOf(
  a: readonly DeviceView[],
  b: readonly DeviceView[],
  asked: DiffArguments,
): readonly Pair[] | string {
  const empty = [a, b].findIndex((devices) => devices.length === 0);
  if (empty >= 0)
    return `${[asked.a, asked.b][empty]} tells of no device: diff compares recordings of memory`;
  if (asked.devices !== null) {
    const found = [a, b].map((devices, i) => devices.find(({ device }) => device === asked.devices![i]));
    const missing = found.indexOf(undefined);
    if (missing >= 0)
      return `${[asked.a, asked.b][missing]} has no device ${asked.devices[missing]}: it has ${[a, b][missing].map(({ device }) => device).join(', ')}`;
    return [[found[0]!, found[1]!]];
  }
  const gpus = [a, b].map((devices) => devices.filter(({ device }) => device >= 0));
  // Of two ranks each has its own GPU, which the file numbers as it likes.
  if (gpus[0].length === 1 && gpus[1].length === 1) return [[gpus[0][0], gpus[1][0]]];
  const pairs = a.flatMap((one): Pair[] => {
    const same = b.find(({ device }) => device === one.device);
    return same === undefined ? [] : [[one, same]];
  });
  return pairs.length > 0 ? pairs : 'the two files have no device in common: give --device N,N';
}

const told = (of: string, error: TraceErrorData): string =>
  lines(errorLines(error).map((line, at) => (at === 0 ? `${of}: ${line}` : line)));

async function run(asked: DiffArguments, out: Output, err: Output): Promise<number> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  let code = EXIT_READ;
  const opened: SourceView[][] = [];
  for (const path of [asked.a, asked.b])
    opened.push([
      ...(await openPaths(engine, [path], (_, views) => {
        for (const { error } of views) {
          if (error === null) continue;
          code = EXIT_FAILED;
          err.write(told(path, error));
        }
      })),
    ]);
  const pairs = pairsOf(devicesOf(opened[0]), devicesOf(opened[1]), asked);
  if (typeof pairs === 'string') {
    err.write(lines([`vramscope: ${pairs}`]));
    return EXIT_FAILED;
  }
  const views: CompareView[] = [];
  for (const [a, b] of pairs) {
    const answer = await engine.compare({
      a: a.key,
      b: b.key,
      at: asked.at[0],
      atB: asked.at[1],
      limit: asked.lines,
    });
    if (answer.ok) views.push(answer.value);
    else {
      code = EXIT_FAILED;
      err.write(told(`${asked.a} and ${asked.b}`, answer.error));
    }
  }
  if (views.length === 0) return code;
  if (asked.json) {
    const objects = views.map(diffObject);
    out.write(json({ schema: 1, ...(objects.length === 1 ? objects[0] : { devices: objects }) }));
  } else {
    const named = views.length > 1;
    out.write(views.map((view) => lines(diffLines(view, named ? `device ${view.a.gpu}` : ''))).join('\n'));
  }
  return code;
}

/** `given`: the arguments behind "diff". Returns the exit code. */
export async function diffCommand(given: readonly string[], out: Output, err: Output): Promise<number> {
  const asked = diffArguments(given);
  if (typeof asked === 'string') {
    err.write(`${lines([`vramscope: ${asked}`])}${DIFF_USAGE}\n`);
    return EXIT_USAGE;
  }
  return (await diffDocuments(asked, out, err)) ?? (await run(asked, out, err));
}
