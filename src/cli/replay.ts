/** `vramscope replay FILE`: the recording's allocator, and what other settings would have done. */
import { TraceError, type TraceErrorData, toErrorData } from '../base/trace-error.ts';
import type { Result } from '../base/result.ts';
import { Engine } from '../engine/engine.ts';
import type { ReplayProgress, SourceView } from '../engine/protocol.ts';
import { sourceAt } from './node-source.ts';
import { errorLines } from './print.ts';
import { json, lines } from './terminal.ts';
import { replayArguments, type ReplayArguments } from './replay-arguments.ts';
import { type DeviceReplay, replayObject } from './replay-object.ts';
import { replayLines } from './replay-print.ts';

interface Output {
  write(text: string): unknown;
}

export const REPLAY_USAGE = `usage: vramscope replay FILE [--set CONF]... [--cap SIZE|recorded] [--card SIZE]
                        [--empty-cache-at EVENT]... [--sweep] [--sites[=N]] [--device N] [--json]

  replay    replay a snapshot through a model of PyTorch's caching allocator, as recorded or with other settings
  --set     use this PYTORCH_CUDA_ALLOC_CONF, "max_split_size_mb:32"; "" is the defaults; repeatable
  --cap     limit reserved memory, "8000MiB"; "recorded": the smallest limit that the recording shows
  --card    limit what the GPU can give to the allocator, "24GiB"
  --empty-cache-at   call torch.cuda.empty_cache() after this event; repeatable
  --sweep   compare a few hundred settings
  --sites   compare the N lines of code that hold most (20), each without its allocations and at half their size
  --device  only this device`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

class Failure extends Error {
  constructor(readonly data: TraceErrorData) {
    super(data.message);
  }
}

function orThrow<T>(result: Result<T, TraceErrorData>): T {
  if (!result.ok) throw new Failure(result.error);
  return result.value;
}

/** One line on a terminal, overwritten; nothing on a pipe. */
function showProgress(what: string, { done, total }: ReplayProgress): void {
  if (process.stderr.isTTY !== true) return;
  process.stderr.write(`\r\x1b[K${what}: ${done} of ${total}`);
  if (done >= total) process.stderr.write('\r\x1b[K');
}

const errorText = (of: string, error: TraceErrorData): string =>
  lines(errorLines(error).map((line, at) => (at === 0 ? `${of}: ${line}` : line)));

async function replayDevice(
  engine: Engine,
  key: string,
  device: number,
  asked: ReplayArguments,
): Promise<DeviceReplay> {
  const { replays } = engine;
  const answer = orThrow(await replays.replay(key));
  if (asked.cap === 'recorded' && answer.limitBounds === null)
    throw new Failure(
      new TraceError('refused', 'the recording met no memory limit', {
        advice: 'Give --cap a size, or leave it out.',
      }).toData(),
    );
  const cap = asked.cap === 'recorded' ? answer.limitBounds![0] : asked.cap;
  const query = { device: key, cap, capacity: asked.card };
  const changes = cap !== null || asked.card !== null || asked.emptyCacheAt.length > 0;
  const confs: (string | null)[] = [...asked.settings];
  // Limits and empty_cache alone act under the recorded settings.
  if (confs.length === 0 && changes) confs.push(null);
  const replayed: DeviceReplay['replayed'][number][] = [];
  for (const settings of confs)
    replayed.push(
      orThrow(
        await replays.whatIf({
          ...query,
          settings,
          emptyCacheAfter: asked.emptyCacheAt,
          edits: [],
          curve: null,
        }),
      ),
    );
  const sweep = asked.sweep
    ? orThrow(await replays.sweep({ ...query, job: 1 }, (progress) => showProgress('sweep', progress)))
    : null;
  const sites =
    asked.sites === null
      ? null
      : orThrow(
          await replays.sites({ ...query, job: 2, settings: null, most: asked.sites }, (progress) =>
            showProgress('sites', progress),
          ),
        );
  return { device, answer, replayed, sweep, sites };
}

/** Opens the one file; a source that could not be read, or not to its end, still holds what could. */
async function openFile(engine: Engine, path: string): Promise<readonly SourceView[]> {
  const source = sourceAt(path);
  try {
    return await engine.open(0, source, () => undefined);
  } finally {
    source.close();
  }
}

async function run(asked: ReplayArguments, out: Output, err: Output): Promise<number> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const views = await openFile(engine, asked.file);
  let code = EXIT_READ;
  for (const { error } of views) {
    if (error === null) continue;
    err.write(errorText(asked.file, error));
    code = EXIT_FAILED;
  }
  const all = views.flatMap(({ devices }) => devices);
  // Pinned host memory has no allocator to replay: it is named where nothing else is there.
  const gpus = all.filter(({ device }) => device >= 0);
  const chosen =
    asked.device === null
      ? gpus.length > 0
        ? gpus
        : all
      : all.filter(({ device }) => device === asked.device);
  if (chosen.length === 0) {
    if (code === EXIT_READ) {
      const held = all.length === 0 ? '' : `: it holds ${all.map(({ device }) => device).join(', ')}`;
      err.write(
        lines([
          `${asked.file}: ${asked.device === null ? 'it tells of no device' : `there is no device ${asked.device}${held}`}`,
        ]),
      );
    }
    return EXIT_FAILED;
  }
  const replays: DeviceReplay[] = [];
  for (const { key, device } of chosen) {
    try {
      replays.push(await replayDevice(engine, key, device, asked));
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      code = EXIT_FAILED;
      err.write(errorText(`${asked.file}, device ${device}`, thrown.data));
    }
  }
  if (asked.json && replays.length > 0) {
    const objects = replays.map(replayObject);
    const told = chosen.length === 1 ? objects[0] : { devices: objects };
    out.write(json({ schema: 1, ...told }));
  } else if (!asked.json) out.write(replays.map((one) => lines(replayLines(one))).join('\n'));
  return code;
}

/** `given`: the arguments behind "replay". Returns the exit code. */
export async function replayCommand(given: readonly string[], out: Output, err: Output): Promise<number> {
  const asked = replayArguments(given);
  if (typeof asked === 'string') {
    err.write(`${lines([`vramscope: ${asked}`])}${REPLAY_USAGE}\n`);
    return EXIT_USAGE;
  }
  const checker = new Engine().replays;
  for (const text of asked.settings) {
    const conf = await checker.conf(text);
    if (conf.ok) {
      for (const { message } of conf.notes) err.write(lines([`--set ${text}: ${message}`]));
      continue;
    }
    err.write(
      lines([
        `vramscope: PyTorch refuses --set "${text}": ${conf.message}`,
        `  ${conf.problem}`,
        ...(conf.advice === null ? [] : [`  do: ${conf.advice}`]),
      ]),
    );
    return EXIT_USAGE;
  }
  try {
    return await run(asked, out, err);
  } catch (thrown) {
    err.write(errorText(asked.file, toErrorData(thrown, asked.file)));
    return EXIT_FAILED;
  }
}
