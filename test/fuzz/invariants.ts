/**
 * What must hold of every answer, whatever the file: each broken rule is one line, "kind: what and where". The rules
 * know nothing of formats; fuzz.test.ts plants a fault for each of them.
 */
import type { Analysis } from '../../src/engine/document/analysis.ts';
import { HOST_DEVICE } from '../../src/trace/capture.ts';

/** Controls but the program's own line breaks, and marks that turn writing round. */
const CONTROL = /(?!\n)[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/** Words of JavaScript engines and of libraries. */
const NOT_OURS =
  /Cannot (read|set|mix|convert|create|destructure|access)|is not (a function|iterable|defined|a constructor|extensible)|Invalid (typed array|array|string|count) |Invalid time value|out of bounds|Maximum call stack|\[object \w+\]|Unexpected (token|end|identifier)|unterminated|parquet (?:un|in|miss|expect|metadata|column|page)\w* |The first argument|must be an? (integer|instance)|start offset|Offset is outside|can't be converted|byte (NaN|Infinity|undefined|null)/i;

const PLACEHOLDER = /\{(bytes|exact):/;

/** Figures that may be negative: differences, what is left over, and rates. */
const SIGNED =
  /slope|remainder|difference|offset|left_bytes|saved|gain|samples|rows|figures|figure|value|apart|differences|from|to$|tables|time|parts\.\d+\.value|span_ns|stack|row$|window|log_events|labels|budget|non_torch|categories|^vllm_memory\.\d+\.profiling\.\d+\.terms/;

const SAFE = Number.MAX_SAFE_INTEGER;

/** Every value of an object with its path. */
export function* walk(value: unknown, path = ''): Generator<readonly [string, unknown]> {
  if (value !== null && typeof value === 'object') {
    for (const [key, one] of Object.entries(value)) yield* walk(one, path === '' ? key : `${path}.${key}`);
  } else yield [path, value];
}

const number = (value: unknown): number => (typeof value === 'string' ? Number(value) : (value as number));

function* figures(analysis: Analysis): Generator<string> {
  const hasHost = analysis.devices.some(({ device }) => device === HOST_DEVICE);
  for (const [path, value] of walk(analysis)) {
    if (typeof value !== 'number') continue;
    if (!Number.isFinite(value)) yield `not finite: ${path} is ${value}`;
    else if (Number.isInteger(value) && Math.abs(value) > SAFE && !/time|samples|tables|labels/.test(path))
      yield `beyond 2^53: ${path} is ${value}`;
    else if (hasHost && value === HOST_DEVICE && /\.device$/.test(path)) continue;
    else if (value < 0 && !SIGNED.test(path)) yield `below 0: ${path} is ${value}`;
  }
}

function* sums({ devices, ledger, pins }: Analysis): Generator<string> {
  for (const [at, one] of ledger.entries()) {
    const part = (name: string): number => one.parts[name] ?? 0;
    const inside = ['requested', 'rounding', 'pending', 'inactive_split', 'releasable', 'private_idle']
      .map(part)
      .reduce((sum, bytes) => sum + bytes, 0);
    if (inside !== one.reserved_bytes)
      yield `sum: ledger.${at}: parts ${inside}, reserved ${one.reserved_bytes}`;
    for (const name of ['requested', 'rounding', 'pending', 'inactive_split', 'releasable', 'private_idle'])
      if (part(name) < 0) yield `below 0: ledger.${at}.parts.${name} is ${part(name)}`;
    const free = one.free.reduce((sum, row) => sum + row.split_bytes + row.page_bytes + row.whole_bytes, 0);
    const idle = part('inactive_split') + part('releasable') + part('private_idle');
    if (free !== idle) yield `sum: ledger.${at}: free by pool ${free}, parts ${idle}`;
  }
  for (const [at, { alone_bytes: alone, shared_bytes: shared, pinned_bytes: pinned }] of pins.entries())
    if (alone + shared !== pinned) yield `sum: pins.${at}: ${alone} + ${shared} is not ${pinned}`;
  for (const [at, { memory_stats: stats }] of devices.entries()) {
    for (const key of Object.keys(stats)) {
      if (!key.endsWith('.current')) continue;
      const base = key.slice(0, -'.current'.length);
      const [current, peak, allocated, freed] = ['current', 'peak', 'allocated', 'freed'].map((name) =>
        stats[`${base}.${name}`] === undefined ? NaN : number(stats[`${base}.${name}`]),
      );
      if (current > peak) yield `sum: devices.${at}: ${base} ${current} is above its peak ${peak}`;
      if (!Number.isNaN(allocated) && !Number.isNaN(freed) && allocated - freed !== current)
        yield `sum: devices.${at}: ${base} ${allocated} - ${freed} is not ${current}`;
    }
  }
}

function* texts(analysis: Analysis): Generator<string> {
  for (const { error, warnings, file } of analysis.sources) {
    for (const text of [error?.message ?? '', error?.advice ?? '', ...warnings])
      if (NOT_OURS.test(text.split(file).join(''))) yield `not our words: ${text.slice(0, 200)}`;
    if (error?.code === 'internal') yield `internal: ${error.message}`;
    if (error !== undefined && error.offset !== null && !Number.isFinite(error.offset))
      yield `not finite: offset ${error.offset}`;
  }
  for (const { message, code } of analysis.errors ?? [])
    if (code === 'internal') yield `internal: ${message}`;
  for (const [path, value] of walk(analysis.findings))
    if (typeof value === 'string' && (PLACEHOLDER.test(value) || NOT_OURS.test(value)))
      yield `not our words: findings.${path}: ${value.slice(0, 200)}`;
}

/** A statement is no surer than its file allows. */
function* confidence({ findings, sources, growth }: Analysis): Generator<string> {
  const isDamaged = (source: number | null): boolean =>
    source !== null &&
    (sources[source].damage !== undefined ||
      (sources[source].error !== undefined && sources[source].rows > 0));
  for (const { id, source, confidence: sure } of findings)
    if (isDamaged(source) && (sure === 'certain' || sure === 'high'))
      yield `confidence: ${id} is ${sure} on damage`;
  for (const { series, source, confidence: sure } of growth)
    if (isDamaged(source) && (sure === 'certain' || sure === 'high'))
      yield `confidence: growth of ${series} is ${sure} on damage`;
}

/** Terms of vLLM's sums that may be below 0: others give memory back. The sums themselves may not (figures). */
const SIGNED_TERMS = ['non-torch increase', 'consumed'];

function* accounts({ vllm_memory: all }: Analysis): Generator<string> {
  for (const [at, { profiling }] of (all ?? []).entries())
    for (const { terms } of profiling)
      for (const { name, bytes } of terms)
        if (bytes.bytes < -bytes.error_bytes && !SIGNED_TERMS.includes(name))
          yield `below 0: vllm_memory.${at}: ${name} is ${bytes.bytes}`;
}

/** Broken rules of an analysis. */
export const complaintsOf = (analysis: Analysis): string[] => [
  ...figures(analysis),
  ...sums(analysis),
  ...texts(analysis),
  ...confidence(analysis),
  ...accounts(analysis),
];

/** Broken rules of what was printed. */
export function complaintsOfText(text: string): string[] {
  const at = text.search(CONTROL);
  const placeholder = PLACEHOLDER.exec(text);
  return [
    ...(at < 0
      ? []
      : [
          `control: U+${text.codePointAt(at)!.toString(16)} in ${JSON.stringify(text.slice(Math.max(0, at - 30), at + 10))}`,
        ]),
    ...(placeholder === null
      ? []
      : [`placeholder: ${text.slice(placeholder.index, placeholder.index + 60)}`]),
  ];
}
