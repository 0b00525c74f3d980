/**
 * Requests wait while the KV cache has room: as many run as the server admits, so its limit of requests binds and not
 * memory. What is left when it is ready tells how much more the KV cache could be given. Where the log does not print the limit, one
 * number that runs in every sample in which others wait stands for it, and no more than medium confidence comes of it.
 */
import { count, percent } from '../base/words.ts';
import { settingOf } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import { alignSamples, type EngineSamples, type UsageSample } from '../analyze/server/kv-usage-samples.ts';
import { evidence, type Finding } from './finding.ts';
import { rankWithMost, stepOf } from './server-budget-words.ts';
import { flagsOf, isSglang } from './server-flags.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { rankOf } from './server-usage-words.ts';
import { size } from './words.ts';

/** Above it the cache itself is about to bind. */
const ROOM = 0.9;
/** Fewer samples are a moment. */
const LEAST_SAMPLES = 3;

/** Requests that one rank or engine admits at once; null: not printed. */
function limitOf(log: ServerLog): number | null {
  const printed = (log.source.readings?.budgets ?? []).flatMap(({ parts }) =>
    parts.filter(({ id }) => id === 'requests_at_once').map(({ value }) => value),
  );
  if (printed.length > 0) return printed[printed.length - 1];
  if (isSglang(log.source)) return null;
  const setting = Number(settingOf(log.settings, 'max_num_seqs') ?? NaN);
  return setting > 0 ? setting : null;
}

/** What runs in every sample in which others wait while the cache has room, where that is one number; null: it is not. */
function impliedLimit({ samples }: EngineSamples): number | null {
  const waiting = samples.filter((one) => (one.waiting ?? 0) > 0);
  const [first] = waiting;
  if (first?.running == null || waiting.length < LEAST_SAMPLES) return null;
  return waiting.every(({ running }) => running === first.running) ? first.running : null;
}

/** Samples at which as many run as are admitted, others wait, and the cache has room. */
const bindsAt = ({ samples }: EngineSamples, limit: number): UsageSample[] =>
  samples.filter(
    ({ running, waiting, usage }) =>
      running !== null && running === limit && (waiting ?? 0) > 0 && usage < ROOM,
  );

function findingOf(log: ServerLog): Finding[] {
  const { readings } = log.source;
  if (readings === null) return [];
  const engines = alignSamples(readings.gauges, readings.events);
  const printed = limitOf(log);
  // A log that begins after the start does not say it; several engines of one log could have several.
  const limit = printed ?? (engines.length === 1 ? impliedLimit(engines[0]) : null);
  if (limit === null || limit === 0) return [];
  const isPrinted = printed !== null;
  const bound = engines.flatMap((engine) => {
    const at = bindsAt(engine, limit);
    // More than are admitted: those samples are of an earlier start with another limit.
    const isOther = engine.samples.some(({ running }) => (running ?? 0) > limit);
    return isOther || at.length < LEAST_SAMPLES || engine.samples.some(({ usage }) => usage >= ROOM)
      ? []
      : [{ engine, at }];
  });
  if (bound.length === 0) return [];
  const flags = flagsOf(log.source);
  const peaks = bound.map(({ at }) => Math.max(...at.map(({ usage }) => usage)));
  const low = Math.min(...bound.flatMap(({ at }) => at.map(({ usage }) => usage)));
  const [least, most] = [percent(low), percent(Math.max(...peaks))];
  const waiting = Math.max(...bound.flatMap(({ at }) => at.map((one) => one.waiting ?? 0)));
  const rank = rankWithMost(log.latest, (one) => {
    const left = stepOf(one, 'available');
    return left === null ? null : -left.value;
  });
  const left = rank === null ? null : stepOf(rank, 'available');
  const share = settingOf(log.settings, 'mem_fraction_static');
  const whole = settingOf(log.settings, 'max_running_requests');
  const where =
    bound.length > 1 ? ` on each of ${count(bound.length, 'rank or engine', 'ranks or engines')}` : '';
  const ofAll =
    isSglang(log.source) && whole !== null && whole !== 'None' && Number(whole) !== limit
      ? ` (${whole} for the whole server, divided by dp_size)`
      : '';
  return [
    aboutServer({
      id: 'request-limit',
      severity: 'info',
      title: isPrinted
        ? `${flags.requests} binds, not memory: ${limit} run${where} while up to ${waiting} wait`
        : `Requests wait while the KV cache has room: ${limit} run, up to ${waiting} wait`,
      verdict: `${isPrinted ? `As many requests run as the server admits, ${limit}${where}${ofAll},` : `Whenever others wait, ${limit} run, neither more nor fewer: by its looks the server admits no more (${flags.requests}),`} and up to ${waiting} wait, while ${least === most ? most : `${least} to ${most}`} of the KV cache are in use. Memory is not what they wait for.${
        left === null || share === null
          ? ''
          : ` When ready ${size(left.value)} of a GPU were left besides, which --mem-fraction-static ${share} does not use.`
      }`,
      confidence: isPrinted ? 'high' : 'medium',
      confidenceWhy: isPrinted
        ? 'The server prints its limit, what runs, what waits and the usage of the KV cache side by side.'
        : 'What runs, what waits and the usage stand side by side; the limit itself is printed at the start, which is not in this log.',
      evidence: bound
        .slice(0, 3)
        .map(({ engine, at }) =>
          evidence(
            `${log.source.file}${rankOf(engine)}: at ${at.length} of ${count(engine.samples.length, 'sample')} ${limit} run and others wait, with ${percent(Math.max(...at.map(({ usage }) => usage)))} of the cache in use at most.`,
          ),
        ),
      remedy: `Admit more: a higher ${flags.requests}${ofAll === '' ? ` than ${limit}` : ` than ${whole}`}, until the KV cache is full${share === null ? '' : '; a higher --mem-fraction-static then gives it what is left, less what activations and graphs need'}.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A KV cache that is full, or nobody waiting.',
    }),
  ];
}

export const requestLimit: ServerRule = ({ servers }) => servers.flatMap(findingOf);
