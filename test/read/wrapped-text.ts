/** The same text in the dresses in which people paste it, and what a document says of memory whatever the dress. */
import type { Analysis } from '../../src/engine/document/analysis.ts';

export interface Dress {
  readonly name: string;
  wrap(text: string): string;
}

const lines = (text: string): string[] => text.replace(/\n$/, '').split('\n');
const each =
  (dress: (line: string, at: number) => string) =>
  (text: string): string =>
    `${lines(text).map(dress).join('\n')}\n`;
const stamp = (at: number): string => new Date(Date.UTC(2026, 2, 1, 12, 0, at)).toISOString();

export const DRESSES: readonly Dress[] = [
  { name: 'quoted', wrap: each((line) => `> ${line}`) },
  { name: 'quoted twice', wrap: each((line) => `>> ${line}`) },
  { name: 'fenced', wrap: (text) => `\`\`\`\n${text}\`\`\`\n` },
  { name: 'fenced, with a language', wrap: (text) => `\`\`\`text\n${text}\`\`\`\n` },
  {
    name: 'under a sentence, fenced',
    wrap: (text) => `Hi, this is what I see:\n\n\`\`\`\n${text}\`\`\`\nAny idea?\n`,
  },
  { name: 'line ends of Windows', wrap: (text) => text.replaceAll('\n', '\r\n') },
  { name: 'coloured', wrap: each((line) => `\u001b[32m${line}\u001b[0m`) },
  { name: 'blanks of a page', wrap: (text) => text.replaceAll('  ', ' \u00a0') },
  { name: 'docker logs -t', wrap: each((line, at) => `${stamp(at)} ${line}`) },
  { name: 'containerd', wrap: each((line, at) => `${stamp(at).replace('Z', '000000Z')} stderr F ${line}`) },
  {
    name: 'journald',
    wrap: each((line, at) => `Mar 01 12:00:${String(at % 60).padStart(2, '0')} gpu07 python[4101]: ${line}`),
  },
  { name: 'docker compose', wrap: each((line) => `trainer-1  | ${line}`) },
  { name: 'kubetail', wrap: each((line) => `[trainer-7d9f main] ${line}`) },
  {
    name: 'JSON lines',
    wrap: each((line, at) => JSON.stringify({ time: stamp(at), level: 'info', msg: line })),
  },
  {
    name: 'json-file',
    wrap: each((line, at) => JSON.stringify({ log: `${line}\n`, stream: 'stderr', time: stamp(at) })),
  },
  {
    name: 'one JSON line',
    wrap: (text) => `${JSON.stringify({ severity: 'ERROR', message: text, timestamp: stamp(0) })}\n`,
  },
  { name: 'indented', wrap: each((line) => `    ${line}`) },
];

/** Figures of a document: without times, places and names of files. */
export function figuresOf({
  series,
  summaries,
  tables,
  budgets,
  log_events,
  vllm_memory: memory,
  findings,
}: Analysis): unknown {
  const numbers = (values: readonly unknown[]): unknown[] =>
    values.filter((value) => typeof value === 'number');
  return {
    series: series.map(({ id, device, samples }) => [id, device, samples.map(([, value]) => value)]),
    summaries: summaries.map(({ device, ooms, rows }) => [device, ooms, rows]),
    tables: tables.map(({ id, rows }) => [id, rows.map(numbers)]),
    budgets: budgets.map((budget) => ({ ...budget, source: 0 })),
    events: log_events.map(({ kind, figures }) => [kind, figures]),
    // Without the places that it names.
    memory: JSON.parse(
      JSON.stringify(memory, (key, value: unknown) =>
        key === 'line' || key === 'statements' ? null : value,
      ),
    ) as unknown,
    findings: findings.map(({ id }) => id),
  };
}
