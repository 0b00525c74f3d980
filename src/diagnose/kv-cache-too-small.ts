/**
 * The KV cache holds too little: not one request of full length, or fewer requests than come, so that they wait. Long
 * contexts times many sequences is what it is; the cache itself does not grow.
 */
import { pipelineFinding } from './kv-cache-pipeline.ts';
import { rankWithMost, stepOf } from './server-budget-words.ts';
import { isSglang } from './server-flags.ts';
import { windowText } from './server-usage-words.ts';
import { count, percent } from '../base/words.ts';
import type { KvWhatIf } from '../analyze/server/kv-cache-what-if.ts';
import type { EngineUsage } from '../analyze/server/kv-usage.ts';
import { type ServerKv, type ServerLog, tokensText } from '../analyze/server/facts-log.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { flagsOf, settingFor } from './server-flags.ts';
import { code, size } from './words.ts';

const NEEDS = /KV cache is needed|larger than the maximum number of tokens/i;

/** Share of the cache in use from which it is full. */
const FULL = 0.9;
/** Fewer samples are a moment. */
const LEAST_SAMPLES = 3;

/** Requests wait while the cache is full. */
export const waitsFull = ({ windows }: EngineUsage): boolean =>
  windows.some(
    ({ state, waiting, usage }) =>
      (state === 'full' || (state === 'preempting' && usage.max >= FULL)) && (waiting?.max ?? 0) > 0,
  );

/** The longest that the server by its own words can hold. */
const ESTIMATED = /estimated maximum model length is ([\d,]+)/i;

/** Settings whose effect was computed and that hold more tokens, or serve more at once, than now. */
function helping({ facts, whatIfs }: ServerKv, { source }: ServerLog): KvWhatIf[] {
  const { tokens, concurrency } = facts;
  const own = whatIfs.flatMap((one) => {
    const setting = one.setting.startsWith('--') ? settingFor(source, one.setting) : one.setting;
    return setting === null ? [] : [{ ...one, setting }];
  });
  return own.filter(
    ({ refused, tokens: then, concurrency: served, setting }) =>
      refused === null &&
      !setting.startsWith('weights in') &&
      ((then !== null && tokens !== null && then.least > tokens * 1.05) ||
        (served !== null && concurrency !== null && served.least > concurrency.value * 1.05)),
  );
}

const effect = ({ setting, tokens, concurrency }: KvWhatIf): string => {
  const parts = [
    tokens === null ? null : tokensText(tokens.least),
    concurrency === null ? null : `${concurrency.least.toFixed(2)} requests of full length at once`,
  ].filter((part) => part !== null);
  return `${setting}: at least ${parts.join(', ')}`;
};

/** Usage, running and waiting of the window in which the cache is full. */
const fullText = ({ source }: ServerLog, usage: EngineUsage): string => {
  const window = usage.windows.find(({ state }) => state === 'full' || state === 'preempting');
  return window === undefined ? usage.sentence : `${source.file}: ${windowText(window)}`;
};

/** Requests that a server's metrics count as taken back for want of room. */
const RETRACTED = /^sglang:num_retracted_req|^vllm:num_preemptions/;

function thrownOut({ source }: ServerLog): Evidence[] {
  const series = (source.readings?.gauges ?? []).map(({ id, value }): [string, number] => [
    id,
    value.findLast((one) => !Number.isNaN(one)) ?? 0,
  ]);
  // What is printed once stands in a table: name, labels, samples, value.
  const rows = (source.readings?.tables ?? []).flatMap(({ rows: all }) =>
    all.map((row): [string, number] => [String(row[0]), Number(row[row.length - 1])]),
  );
  return [...series, ...rows]
    .filter(([name, last]) => RETRACTED.test(name) && last > 0)
    .map(([name, last]) =>
      evidence(
        `${source.file}: ${count(last, 'request')} taken back for want of KV blocks, to be computed anew (${name}).`,
      ),
    );
}

function proofs({ facts }: ServerKv, log: ServerLog): Evidence[] {
  const { bytes, tokens, concurrency, maxModelLen, maxNumSeqs } = facts;
  const flags = flagsOf(log.source);
  const parts = [
    bytes === null ? null : `${size(Math.round(bytes.value))} of KV cache on a rank`,
    tokens === null ? null : tokensText(tokens),
    maxModelLen === null ? null : `${flags.modelLength} ${maxModelLen}`,
    concurrency === null ? null : `${concurrency.value} requests of that length fit at once`,
    maxNumSeqs === null ? null : `${flags.requests} ${maxNumSeqs}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? [] : [evidence(`${log.source.file}: ${parts.join(', ')}.`)];
}

/** Below this share of what is used, weights in fewer bits bring little. */
const MANY_WEIGHTS = 0.4;

/** ", quantised weights" where weights are much of the memory, or their share is not known. */
function quantised({ latest }: ServerLog): string {
  const rank = rankWithMost(latest, (one) => stepOf(one, 'weights')?.value ?? null);
  const weights = rank === null ? null : (stepOf(rank, 'weights')?.value ?? null);
  const whole = rank === null ? null : ((rank.requested ?? rank.whole)?.value ?? null);
  const kv = rank === null ? 0 : (stepOf(rank, 'kv_cache')?.value ?? 0);
  if (weights === null) return ', quantised weights';
  return weights / (whole ?? weights + kv) < MANY_WEIGHTS ? '' : ', quantised weights';
}

/** How sure it is that the cache is what requests wait for. */
function sureness(
  isTooLong: boolean,
  window: EngineUsage['windows'][number] | undefined,
  admitted: number | null,
  flag: string,
): Pick<Finding, 'confidence' | 'confidenceWhy'> {
  if (isTooLong) return { confidence: 'certain', confidenceWhy: "These are the server's own figures." };
  if (admitted !== null && (window?.running?.max ?? 0) >= admitted)
    return {
      confidence: 'medium',
      confidenceWhy: `As many run as the server admits (${flag} ${admitted}): that limit binds as well, and a larger cache alone lets nobody else in.`,
    };
  return (window?.samples ?? 0) < LEAST_SAMPLES
    ? {
        confidence: 'medium',
        confidenceWhy: `The server prints usage and who waits side by side, at ${count(window?.samples ?? 0, 'moment')}; whether its limit of requests (${flag}) is reached as well is not in these figures.`,
      }
    : { confidence: 'high', confidenceWhy: 'The server prints usage and who waits side by side.' };
}

function findingOf(log: ServerLog): Finding[] {
  const kv = log.kv.at(-1);
  const refusal = log.refused.findLast(({ text }) => NEEDS.test(text));
  const staged = refusal === undefined ? null : pipelineFinding(log, refusal);
  if (staged !== null) return [staged];
  const waiting = log.usage.find(waitsFull);
  const few = kv?.facts.concurrency != null && kv.facts.concurrency.value < 1;
  if (refusal === undefined && waiting === undefined && !few) return [];
  const helps = kv === undefined ? [] : helping(kv, log);
  const flags = flagsOf(log.source);
  const isTooLong = refusal !== undefined || few;
  const longest = refusal === undefined ? undefined : ESTIMATED.exec(refusal.text)?.[1].replaceAll(',', '');
  const { requested, free } = refusal?.figures ?? {};
  const window = waiting?.windows.find(({ state }) => state === 'full' || state === 'preempting');
  return [
    aboutServer({
      id: 'kv-cache-too-small',
      severity: isTooLong ? 'problem' : 'risk',
      title: isTooLong
        ? 'The KV cache cannot hold one request of full length'
        : 'The KV cache is full and requests wait',
      verdict:
        refusal !== undefined
          ? `One request of the longest length needs ${requested === undefined ? 'more' : size(requested)} of KV cache${free === undefined ? ' than there is' : ` and ${size(free)} are left for it`}: the server refuses to start.`
          : few
            ? `By the log ${kv?.facts.concurrency?.value ?? 0} requests of full length fit: the longest ones can never finish.`
            : `KV blocks run out (usage up to ${percent(window?.usage.max ?? 1)}) while up to ${window?.waiting?.max ?? 0} requests wait: contexts and concurrency ask for more tokens than the cache holds. Its memory was taken at the start, so the device's use does not show it.`,
      ...sureness(isTooLong, window, kv?.facts.maxNumSeqs ?? null, flags.requests),
      evidence: [
        ...(refusal === undefined ? [] : [evidence(refusal.text)]),
        ...(waiting === undefined ? [] : [evidence(fullText(log, waiting))]),
        ...thrownOut(log),
        ...(kv === undefined ? [] : proofs(kv, log)),
        ...helps.map((one) => evidence(`${effect(one)}.`)),
      ],
      remedy:
        longest !== undefined
          ? `${code(`${flags.modelLength} ${longest}`)}, the longest that fits by the server's own words; or more memory for the KV cache (a higher ${isSglang(log.source) ? '--mem-fraction-static' : '--gpu-memory-utilization'}, ${flags.kvDtype}${quantised(log)}, more GPUs).`
          : helps.length > 0
            ? `One of: ${helps.map(({ setting }) => (setting.startsWith('--') ? code(setting) : setting)).join('; ')}. Long requests can go to a pool of servers of their own.`
            : isTooLong
              ? `Limit the length of requests (${flags.modelLength}), or give the KV cache more (${flags.kvDtype}${quantised(log)}, more GPUs): fewer requests at once do not help. What each would bring does not follow from this log.`
              : `Limit the length of requests (${flags.modelLength}), admit fewer at once (${flags.requests}), give the KV cache more (${isSglang(log.source) ? '--mem-fraction-static, ' : ''}${flags.kvDtype}), or send long ones to servers of their own; what each would bring does not follow from ${log.source.format === null || log.source.format.endsWith('-log') ? 'this log' : 'these figures'}.`,
      gainBytes: null,
      gainHow: null,
      wouldChange: isTooLong
        ? 'A KV cache that holds a request of full length.'
        : 'No request waiting while usage is high.',
    }),
  ];
}

export const kvCacheTooSmall: ServerRule = ({ servers }) => servers.flatMap(findingOf);
