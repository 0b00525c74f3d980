/** A run: inputs made from a seed, one after another over all subjects, tried and counted by reader. */
import { type Subject, subjects } from './corpus.ts';
import { cut } from './mutate-bytes.ts';
import { Random } from './random.ts';
import { tryInput } from './try-input.ts';

/** Complaints kept with their inputs; more of a kind are counted. */
const KEPT_PER_KIND = 3;

export interface Broken {
  readonly seed: number;
  readonly reader: string;
  /** `input(seed, number)` makes the input again. */
  readonly number: number;
  readonly file: string;
  readonly complaint: string;
}

export interface ReaderCount {
  inputs: number;
  read: number;
  told: number;
  broken: number;
  /** CPU, ms. */
  slowest: number;
  total: number;
  /** Resident memory that one input took beside what was there, bytes; what a collection gave back meanwhile hides some. */
  most: number;
}

export interface Log {
  readonly seeds: readonly number[];
  readonly inputs: number;
  readonly seconds: number;
  readonly readers: ReadonlyMap<string, ReaderCount>;
  readonly broken: readonly Broken[];
}

/** The so-manieth input of a seed. */
export function input(
  all: readonly Subject[],
  seed: number,
  number: number,
): { subject: Subject; bytes: Uint8Array; isCut: boolean } {
  return damaged(all[number % all.length], seed, number);
}

/** The same of a subject that is known: other subjects that come and go change nothing in it. */
export function damaged(
  subject: Subject,
  seed: number,
  number: number,
): { subject: Subject; bytes: Uint8Array; isCut: boolean } {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
  // One in twelve is cut and nothing else: that must never go unsaid where the file knows its end.
  if (random.chance(1 / 12)) return { subject, bytes: cut(subject.bytes, random), isCut: true };
  let { bytes } = subject;
  for (let n = 1 + random.below(random.chance(0.5) ? 1 : 4); n > 0 && bytes.length > 0; n--)
    bytes = random.of(subject.mutations)(bytes, random);
  return { subject, bytes, isCut: false };
}

/** The kind of a complaint, without its figures. */
const kindOf = (complaint: string): string => complaint.replace(/[-\d.e+]+/g, '#').slice(0, 90);

export interface Limits {
  readonly seconds: number;
  readonly inputs: number;
  /** First number: a run goes on where another ended. */
  readonly from?: number;
  /** Only these readers; absent: all. */
  readonly readers?: readonly string[];
  readonly report?: (done: number, log: () => Log) => void;
}

export async function fuzz(seed: number, limits: Limits): Promise<Log> {
  const all = subjects().filter(({ reader }) => limits.readers?.includes(reader) ?? true);
  const readers = new Map<string, ReaderCount>();
  const broken: Broken[] = [];
  const kinds = new Map<string, number>();
  const started = performance.now();
  const first = limits.from ?? 0;
  let done = 0;
  const log = (): Log => ({
    seeds: [seed],
    inputs: done,
    seconds: (performance.now() - started) / 1000,
    readers,
    broken,
  });
  const intact = await Promise.all(all.map(async ({ name, bytes }) => (await tryInput(name, bytes)).rows));
  for (; done < limits.inputs && performance.now() - started < 1000 * limits.seconds; done++) {
    const number = first + done;
    const { subject, bytes, isCut } = input(all, seed, number);
    const { complaints, milliseconds, took, rows, told } = await tryInput(subject.name, bytes);
    const count = readers.get(subject.reader) ?? {
      inputs: 0,
      read: 0,
      told: 0,
      broken: 0,
      slowest: 0,
      total: 0,
      most: 0,
    };
    readers.set(subject.reader, count);
    count.inputs++;
    if (rows > 0) count.read++;
    if (told) count.told++;
    count.slowest = Math.max(count.slowest, milliseconds);
    count.total += milliseconds;
    count.most = Math.max(count.most, took);
    const silent =
      isCut && subject.knowsItsEnd && !told && rows < intact[number % all.length]
        ? [
            `silent: cut to ${bytes.length} of ${subject.bytes.length} bytes, ${rows} rows of ${intact[number % all.length]}, and nothing is said`,
          ]
        : [];
    const found = [...complaints, ...silent];
    if (found.length > 0) count.broken++;
    for (const complaint of found) {
      const kind = `${subject.reader} ${kindOf(complaint)}`;
      const known = (kinds.get(kind) ?? 0) + 1;
      kinds.set(kind, known);
      if (known <= KEPT_PER_KIND)
        broken.push({ seed, reader: subject.reader, number, file: subject.name, complaint });
    }
    if (done % 1000 === 999) {
      limits.report?.(done + 1, log);
      // Timers and messages of what was tried are let through.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return log();
}

/** Logs of several processes as one; their seconds ran side by side. */
export function joined(logs: readonly Log[]): Log {
  const readers = new Map<string, ReaderCount>();
  for (const [reader, one] of logs.flatMap((log) => [...log.readers])) {
    const sum = readers.get(reader);
    if (sum === undefined) readers.set(reader, { ...one });
    else {
      for (const name of ['inputs', 'read', 'told', 'broken', 'total'] as const) sum[name] += one[name];
      for (const name of ['slowest', 'most'] as const) sum[name] = Math.max(sum[name], one[name]);
    }
  }
  return {
    seeds: logs.flatMap(({ seeds }) => seeds),
    inputs: logs.reduce((sum, { inputs }) => sum + inputs, 0),
    seconds: Math.max(...logs.map(({ seconds }) => seconds)),
    readers,
    broken: logs.flatMap(({ broken }) => broken),
  };
}

/** The log by reader, as a table of Markdown. */
export function table({ readers }: Log): string {
  const rows = [...readers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([reader, { inputs, read, told, broken, slowest, total, most }]) =>
        `| ${reader} | ${inputs.toLocaleString('en-US')} | ${read.toLocaleString('en-US')} | ${told.toLocaleString('en-US')} | ${broken.toLocaleString('en-US')} | ${(total / inputs).toFixed(1)} | ${Math.round(slowest).toLocaleString('en-US')} | ${Math.round(most / 2 ** 20).toLocaleString('en-US')} |`,
    );
  return [
    '| reader | inputs | with rows | damage told | rule broken | mean ms | slowest ms | most MiB |',
    '| --- | --: | --: | --: | --: | --: | --: | --: |',
    ...rows,
  ].join('\n');
}
