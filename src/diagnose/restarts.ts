/** A process that ended and came back: start lines that repeat, memory that falls to nothing, a new process ID. */
import { count, list, seconds } from '../base/words.ts';
import { settingOf, settingsOfStart } from '../analyze/server/kv-cache-log.ts';
import type { ServerLog } from '../analyze/server/facts-log.ts';
import type { Card, CardProcess } from '../analyze/server/facts-cards.ts';
import type { ReadSource } from '../analyze/read-source.ts';
import type { ServerFacts } from '../analyze/server-facts.ts';
import { evidence, type Evidence, type Finding } from './finding.ts';
import { aboutServer, type ServerRule } from './server-rule.ts';
import { exactSize, size } from './words.ts';

/** So many falls, each with so few samples, are no restarts. */
const TURNS = 4;
const SAMPLES_A_TURN = 6;

type Succession = readonly [CardProcess, CardProcess];

/** One process after another, in every list of a source: one listed elsewhere meanwhile did not end, or was there before. */
function successionsOf(cards: readonly Card[]): { readonly source: ReadSource; readonly pair: Succession }[] {
  const listed = (source: ReadSource, pid: string): CardProcess[] =>
    cards
      .flatMap((card) => (card.source.id === source.id ? card.processes : []))
      .filter((one) => one.pid === pid);
  return cards.flatMap(({ source, successions }) =>
    successions
      .filter(([gone, next]) =>
        listed(source, next.pid).every(({ firstNs }) =>
          listed(source, gone.pid).every(({ lastNs }) => firstNs > lastNs),
        ),
      )
      .map((pair) => ({ source, pair })),
  );
}

/** Use that falls and comes back within a few samples, again and again: two GPUs (of two hosts) under one number. */
function takesTurns(falls: ServerFacts['falls'], source: ReadSource, device: number | null): boolean {
  const own = falls.filter((one) => one.source.id === source.id && one.device === device);
  const samples = (source.readings?.gauges ?? [])
    .filter((gauge) => gauge.device === device && gauge.id === 'memory.used')
    .reduce((most, { value }) => Math.max(most, value.length), 0);
  return own.length >= TURNS && own.length * SAMPLES_A_TURN > samples;
}

function proofsOf({ servers, falls, cards, ooms }: ServerFacts): {
  starts: number;
  proofs: Evidence[];
  /** Different models that one log starts. */
  models: readonly string[];
  falls: number;
  successions: number;
} {
  const proofs: Evidence[] = [];
  let starts = 0;
  const models: string[] = [];
  for (const log of servers) {
    const { starts: times, source, settled } = log;
    for (const { text } of settled.slice(0, 2))
      proofs.push(evidence(`${source.file}: an earlier start was refused, and a later one went on: ${text}`));
    if (times < 2) {
      starts += settled.length;
      continue;
    }
    starts += times - 1;
    const named = modelsOf(log);
    if (named.length > 1) models.push(...named);
    proofs.push(
      evidence(
        `${source.file}: the server started ${often(times)}${named.length > 1 ? `, with ${list(named)}` : ''}.`,
      ),
    );
  }
  // A server that was put to sleep gives its memory back and stays.
  const isAsleep = servers.some(({ sleeps }) => sleeps.length > 0);
  const told = isAsleep ? [] : falls.filter(({ source, device }) => !takesTurns(falls, source, device));
  for (const { source, label, before, low, again } of told.slice(0, 4)) {
    proofs.push(
      evidence(
        `${source.file}: ${label.toLowerCase()} fell from ${size(before.bytes)} to ${size(low.bytes)} and was ${size(again.bytes)} again${source.readings?.clock === 'none' ? '' : ` ${seconds(again.time_ns - before.time_ns, 0)} later`}.`,
      ),
    );
  }
  const successions = successionsOf(cards);
  for (const { source, pair } of successions.slice(0, 4)) {
    const [gone, next] = pair;
    proofs.push(
      evidence(
        `${source.file}: process ${gone.pid} (${gone.name}) ended, process ${next.pid} of the same name came.`,
      ),
    );
  }
  if (proofs.length > 0 && ooms.length > 0)
    proofs.push(evidence(`${count(ooms.length, 'out-of-memory message')} in the logs: the likely cause.`));
  return { starts, proofs, models, falls: told.length, successions: successions.length };
}

/** Models of the starts of a log, each once. */
function modelsOf({ source, starts }: ServerLog): string[] {
  const named = Array.from({ length: starts }, (_, i) => {
    const settings = settingsOfStart(source.settings, i + 1);
    return settingOf(settings, 'model') ?? settingOf(settings, 'model_path');
  });
  return [...new Set(named.flatMap((one) => one ?? []))];
}

const often = (times: number): string =>
  times === 1 ? 'once' : times === 2 ? 'twice' : count(times, 'time');

const clockOf = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString().slice(11, 19);

/** What was in use went to nothing and stayed there: a process that ended with that much, or was ended. */
function endings({ ends, servers }: ServerFacts): Finding[] {
  if (servers.some(({ sleeps }) => sleeps.length > 0)) return [];
  return ends.map(({ source, device, label, before, after }) => {
    const when = source.readings?.clock === 'none' ? '' : ` at ${clockOf(after.time_ns)}`;
    return aboutServer({
      id: 'restarts',
      device,
      severity: 'info',
      title: `${label} fell to ${size(after.bytes)}${when} and did not come back`,
      verdict: `${source.file}: ${size(before.bytes)} were in use, then ${size(after.bytes)}${when}, to the end of the log: the process ended, or was ended, with ${size(before.bytes)} in use.`,
      confidence: 'medium',
      confidenceWhy: 'A monitor shows that the memory was given back; not by whom, and not why.',
      evidence: [
        evidence(
          `${source.file}: ${label.toLowerCase()} ${exactSize(before.bytes)}, then ${exactSize(after.bytes)}.`,
        ),
      ],
      remedy:
        'Where it was not meant to end, look at its own last lines, its exit code (137: killed) and dmesg (an Xid error, the out-of-memory killer of the host).',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'A later sample in which it is in use again.',
    });
  });
}

export const restarts: ServerRule = (facts): Finding[] => {
  const { proofs, starts, models, falls, successions } = proofsOf(facts);
  if (proofs.length === 0) return endings(facts);
  const times = Math.max(starts, falls, successions);
  const isSure = starts > 0 || successions > 0;
  return [
    aboutServer({
      id: 'restarts',
      severity: 'risk',
      title: models.length > 1 ? `Started with ${models.length} models` : `Restarted ${often(times)}`,
      verdict: `${
        models.length > 1
          ? 'The log holds starts of different models: a process that came back with another, or several servers that write into one log.'
          : `The process ended and came back ${often(times)}.`
      } Figures before and after belong to two processes: growth across a restart is none, and a probe or an out-of-memory error that restarts a server hides what happened.`,
      confidence: models.length > 1 ? 'low' : isSure ? 'high' : 'medium',
      confidenceWhy:
        models.length > 1
          ? 'The log shows the starts, not whether one had ended before the next.'
          : isSure
            ? 'The log or the list of processes shows the second start itself.'
            : 'A monitor shows that the memory was given back and taken again; not by whom.',
      evidence: proofs,
      remedy:
        'Find why it ended: the last lines before the start, liveness probes that give it too little time to load, the exit code (137: killed).',
      gainBytes: null,
      gainHow: null,
      wouldChange: 'Starts that were meant.',
    }),
  ];
};
