/**
 * What vLLM's loggers put before a message: who prints, how grave, when, from which line of source.
 *
 *   (EngineCore_DP1 pid=7) (Worker_TP0_EP0 pid=9) INFO 08-01 23:20:02 [gpu_worker.py:538] Available KV cache ...
 */

const PROCESS = /\(([A-Za-z_][\w]*)((?: [\w=.:,-]+)*)\)/g;
const PREFIX = /^.{0,200}?(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d [\d:.]+ \[?[^\]\s]{1,200}\] ?/;
const TEXT_LENGTH = 1000;

export interface Place {
  /** '' or "DP1": the engine that the line speaks for. */
  readonly engine: string;
  /** The rank whose budget the line belongs to; the engine where it names no worker. */
  readonly rank: string;
}

/** Who prints: "(EngineCore_DP1 pid=7) (Worker_TP0_EP0 pid=9) INFO 08-01 ...". */
export function placeOf(text: string): Place {
  let engine = '';
  let worker = '';
  const level = /\b(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d /.exec(text);
  const head = text.slice(0, Math.min(level?.index ?? 200, 300));
  for (const [, name, details] of head.matchAll(PROCESS)) {
    const dp = /_DP(\d+)/.exec(name);
    if (/^EngineCore|^CoreEngine/.test(name)) engine = dp ? `DP${dp[1]}` : engine;
    if (!/Worker/.test(name)) continue;
    const ranks = /Worker_((?:[A-Z]+\d+_?)+)$/.exec(name)?.[1];
    const rank = /\brank=(\d+)/.exec(details)?.[1];
    if (ranks !== undefined) worker = ranks.replaceAll('_', ' ').trim();
    else if (rank !== undefined) worker = `rank ${rank}`;
    else worker = `${name}${details}`;
  }
  if (engine === '') engine = /\bDP\d+/.exec(worker)?.[0] ?? '';
  if (worker === '') return { engine, rank: engine };
  return { engine, rank: engine === '' || worker.includes(engine) ? worker : `${engine} ${worker}` };
}

/** What follows the prefix, white space included; the line itself where it has none. */
export const withoutPrefix = (text: string): string => text.replace(PREFIX, '');

/** The message alone, at most so much of it as a person reads. */
export const messageOf = (text: string): string => withoutPrefix(text).slice(0, TEXT_LENGTH).trim();
