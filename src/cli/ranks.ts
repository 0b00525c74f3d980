/** `vramscope ranks PATH...`: many ranks of one job side by side, and which of them is unlike the others, at which line. */
import { count } from '../base/words.ts';
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { naturalOrder } from '../base/natural-order.ts';
import { formatBytes, formatInteger } from '../base/units.ts';
import { Engine } from '../engine/engine.ts';
import { groupsOfRanks } from '../engine/rank-groups.ts';
import { lineOf, outliersOf } from '../engine/ranks.ts';
import type { OverviewView } from '../engine/protocol.ts';
import { openPaths } from './open-paths.ts';
import { errorLines } from './print.ts';
import { takeOption } from './take-option.ts';
import { json, lines } from './terminal.ts';
import { textTable } from './text-table.ts';

interface Output {
  write(text: string): unknown;
}

export const RANKS_USAGE = `usage: vramscope ranks PATH... [--lines N] [--json]

  ranks     a recording of each rank of one job (files, or a folder of them) side by side: peaks, the largest lines,
            whether it grows, and which rank is unlike the others
  --lines   show so many lines of each rank (1)`;

const EXIT_READ = 0;
const EXIT_USAGE = 2;
const EXIT_FAILED = 3;

/** Lines of a rank that are kept, to tell ranks apart by. */
const KEPT_LINES = 60;

export interface RankRow extends OverviewView {
  readonly file: string;
}

export interface RankOutlier {
  readonly file: string;
  readonly device: number;
  /** allocated, requested or reserved, at the peak. */
  readonly figure: string;
  /** Ranks that it is held against: those that run the same lines and hold about the same, itself among them. */
  readonly group_ranks: number;
  /** From the median of these ranks. */
  readonly difference_bytes: number;
  /** In usual distances; null: all others are alike to the byte. */
  readonly distance: number | null;
  /** The line that is farthest from what it holds in the median rank; null: none is. */
  readonly line: { readonly place: string; readonly difference_bytes: number } | null;
}

/** Files of a folder, in the order of their numbers. */
function filesOf(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [path];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort(naturalOrder)
    .map((name) => join(path, name));
}

/** A rank's figures; its columns are let go before the next one is read. */
async function rowsOf(path: string, failed: (text: string) => void): Promise<RankRow[]> {
  const engine = new Engine();
  await engine.start({ gpu: 'off' });
  const views = await openPaths(engine, [path], (_, opened) => {
    for (const { error } of opened)
      if (error !== null)
        failed(lines(errorLines(error).map((line, at) => (at === 0 ? `${path}: ${line}` : line))));
  });
  const rows: RankRow[] = [];
  for (const { id, devices } of views) {
    for (const { key, device } of devices) {
      if (device < 0) continue;
      const answer = await engine.overview(key, KEPT_LINES);
      if (answer.ok) rows.push({ ...answer.value, file: basename(path) });
      else failed(lines([`${path}: ${answer.error.message}`]));
    }
    await engine.close(id);
  }
  return rows;
}

const FIGURES: readonly (readonly [string, (row: RankRow) => number | null])[] = [
  ['allocated', ({ allocated }) => allocated?.peak ?? null],
  ['requested', ({ requestedPeak }) => requestedPeak],
  ['reserved', ({ reserved }) => reserved?.peak ?? null],
];

/** A line that holds less of the peak says little of what a rank does. */
const LEAST_SHARE = 0.01;

/** Ranks that do the same, each group by itself. */
function groupsAmong(rows: readonly RankRow[]): readonly (readonly RankRow[])[] {
  const names = groupsOfRanks(
    rows.map(({ file, gpu, requestedPeak, lines }) => ({
      name: `${file} ${gpu}`,
      label: '',
      program: lines
        .filter(({ bytes }) => bytes > 0 && bytes >= LEAST_SHARE * requestedPeak)
        .map(({ place }) => place)
        .sort()
        .join('\n'),
      peak: requestedPeak,
      lines,
    })),
  );
  return [...new Set(names)].map((name) => rows.filter((_, at) => names[at] === name));
}

/** The farthest first. A figure is judged among the ranks of a group that tell it exactly: a recording that is cut has lower bounds. */
export function outliersAmong(rows: readonly RankRow[]): RankOutlier[] {
  const found = new Map<RankRow, RankOutlier>();
  for (const group of groupsAmong(rows.filter(({ exact }) => exact)))
    for (const [figure, of] of FIGURES) {
      const judged = group.filter((row) => of(row) !== null);
      outliersOf(judged.map((row) => of(row)!)).forEach((far, rank) => {
        // What is asked for follows what is allocated; one line for a rank, by the first figure that it stands out in.
        if (far === null || found.has(judged[rank])) return;
        const line = lineOf(
          judged.map((row) => row.lines),
          rank,
          far.bytes,
        );
        found.set(judged[rank], {
          file: judged[rank].file,
          device: judged[rank].gpu,
          figure,
          group_ranks: judged.length,
          difference_bytes: far.bytes,
          distance: Number.isFinite(far.distance) ? far.distance : null,
          line: line === null ? null : { place: line.place, difference_bytes: line.bytes },
        });
      });
    }
  return [...found.values()].sort((a, b) => Math.abs(b.difference_bytes) - Math.abs(a.difference_bytes));
}

const bytes = (value: number | null | undefined): string =>
  value == null ? 'not known' : formatBytes(value, 'binary');
/** A peak of the table; a recording without its state at the end knows the least that it was. */
const bound = ({ exact }: RankRow, value: number | null | undefined): string =>
  value == null || exact ? bytes(value) : `at least ${bytes(value)}`;
const change = (value: number): string =>
  `${formatBytes(Math.abs(value), 'binary')} ${value < 0 ? 'less' : 'more'}`;

const VERDICTS: Readonly<Record<string, string>> = {
  none: 'no growth',
  warm_up_plateau: 'no growth after its start',
  steps_with_largest_request: 'with the largest request',
  linear_leak: 'leaks',
  sub_linear: 'grows, ever slower',
  cannot_tell: 'cannot tell',
};

/** Ranks of which figures are lower bounds: they are in the table and judged by none. */
function boundedWords(rows: readonly RankRow[]): string {
  const bounded = rows.filter(({ exact }) => !exact);
  if (bounded.length === 0) return '';
  const names = bounded.slice(0, 3).map(({ file }) => file);
  const more = bounded.length > names.length ? ` and ${bounded.length - names.length} more` : '';
  return ` Not judged, as ${bounded.length === 1 ? 'its figures are' : 'their figures are'} lower bounds (the recording does not say what was there before it): ${names.join(', ')}${more}.`;
}

const sentenceOf = (rows: readonly RankRow[], outliers: readonly RankOutlier[]): string =>
  `${judgement(rows, rows.filter(({ exact }) => exact).length, outliers)}${boundedWords(rows)}`;

function judgement(rows: readonly RankRow[], judged: number, outliers: readonly RankOutlier[]): string {
  if (judged < 4 && judged < rows.length)
    return `${formatInteger(judged)} of ${formatInteger(rows.length)} ranks with exact figures are too few to tell which is unlike the others.`;
  if (rows.length < 4)
    return `${count(rows.length, 'rank is', 'ranks are')} too few to tell which is unlike the others: vramscope diff holds two against each other.`;
  const [first, ...more] = outliers;
  if (first === undefined) return `${formatInteger(judged)} ranks, none of them unlike the others.`;
  const line =
    first.line === null
      ? ''
      : `: \`${first.line.place.replace(/ {2}(.*)/, ' ($1)')}\` holds ${change(first.line.difference_bytes)}`;
  const others =
    more.length === 0 ? '' : ` ${count(more.length, 'more rank is', 'more ranks are')} unlike the others.`;
  return `${first.file} (device ${first.device}) is unlike the others: ${first.figure} at its peak is ${change(first.difference_bytes)} than in the median of ${formatInteger(first.group_ranks)} ranks${line}.${others}`;
}

function printed(rows: readonly RankRow[], outliers: readonly RankOutlier[], shown: number): string[] {
  const marked = new Map(outliers.map((one) => [`${one.file} ${one.device}`, one]));
  const table = textTable(
    ['rank', 'device', 'allocated', 'requested', 'reserved', 'growth', 'unlike by', 'largest line'],
    rows.map((row) => {
      const far = marked.get(`${row.file} ${row.gpu}`);
      return [
        row.file,
        String(row.gpu),
        bound(row, row.allocated?.peak),
        bound(row, row.requestedPeak),
        bound(row, row.reserved?.peak),
        row.outOfMemory > 0
          ? 'out of memory'
          : row.growth === null
            ? 'no iterations'
            : (VERDICTS[row.growth] ?? row.growth),
        far === undefined
          ? ''
          : `${far.difference_bytes < 0 ? '−' : '+'}${bytes(Math.abs(far.difference_bytes))}`,
        row.lines
          .slice(0, shown)
          .map((line) => `${line.place} ${bytes(line.bytes)}`)
          .join(', '),
      ];
    }),
  );
  const why = outliers.map(
    ({ file, device, figure, difference_bytes: difference, line }) =>
      `  ${file} (device ${device}): ${figure} ${change(difference)} than the median${line === null ? '' : `; ${line.place} ${change(line.difference_bytes)}`}`,
  );
  return [
    sentenceOf(rows, outliers),
    '',
    ...table,
    ...(why.length === 0 ? [] : ['', 'Unlike the others', ...why]),
  ];
}

/** `rest`: the arguments behind "ranks". Returns the exit code. */
export async function ranksCommand(rest: readonly string[], out: Output, err: Output): Promise<number> {
  const usage = (why: string): number => {
    err.write(`${lines([`vramscope: ${why}`])}${RANKS_USAGE}\n`);
    return EXIT_USAGE;
  };
  const end = rest.indexOf('--');
  const given = end < 0 ? [...rest] : rest.slice(0, end);
  const shown = takeOption(given, '--lines');
  if (shown === null || (shown !== undefined && !/^[1-9]\d?$/.test(shown)))
    return usage(`--lines needs a number from 1 to 99, not "${shown ?? ''}"`);
  const unknown = given.find((argument) => argument.startsWith('-') && argument !== '--json');
  if (unknown !== undefined) return usage(`unknown option "${unknown}"`);
  const paths = [
    ...given.filter((argument) => !argument.startsWith('-')),
    ...(end < 0 ? [] : rest.slice(end + 1)),
  ];
  if (paths.length === 0) return usage('ranks needs a folder, or files');
  let code = EXIT_READ;
  const rows: RankRow[] = [];
  for (const path of paths.flatMap(filesOf))
    rows.push(
      ...(await rowsOf(path, (text) => {
        code = EXIT_FAILED;
        err.write(text);
      })),
    );
  if (rows.length === 0) {
    err.write(lines(['vramscope: no file tells of a device: ranks compares recordings of memory']));
    return EXIT_FAILED;
  }
  const outliers = outliersAmong(rows);
  if (given.includes('--json'))
    out.write(
      json({
        schema: 1,
        sentence: sentenceOf(rows, outliers),
        ranks: rows.map((row) => ({
          file: row.file,
          device: row.gpu,
          requested_peak_bytes: row.requestedPeak,
          allocated_peak_bytes: row.allocated?.peak ?? null,
          allocated_end_bytes: row.allocated?.end ?? null,
          reserved_peak_bytes: row.reserved?.peak ?? null,
          reserved_end_bytes: row.reserved?.end ?? null,
          exact: row.exact,
          iterations: row.iterations,
          growth: row.growth,
          out_of_memory: row.outOfMemory,
          lines: row.lines.slice(0, shown === undefined ? 10 : Number(shown)),
        })),
        outliers,
      }),
    );
  else out.write(lines(printed(rows, outliers, shown === undefined ? 1 : Number(shown))));
  return code;
}
