/** `vramscope fleet report DATASET`: which ranks are unlike the others and at which line, which binds, grows, failed. */
import { TraceError } from '../../base/trace-error.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { takeOption } from '../take-option.ts';
import { json, lines as printed } from '../terminal.ts';
import { textTable } from '../text-table.ts';
import { type Answer, type Cell, damagedParts, type DamagedPart, DataSet, type Held } from './data-set.ts';
import { makeCompared, makeRankGroups } from './groups.ts';
import { QUERIES, type QueryName } from './queries.ts';

interface Output {
  write(text: string): unknown;
}

const EXIT_READ = 0;
const EXIT_FAILED = 3;

export interface ReportArguments {
  readonly path: string;
  /** null: all. */
  readonly run: string | null;
  /** null: nothing is compared. */
  readonly against: string | null;
  readonly json: boolean;
  /** Rows of each table that are printed. */
  readonly rows: number;
}

/** The arguments after "fleet report", or why they cannot be used. */
export function reportArguments(argv: readonly string[]): ReportArguments | string {
  const given = [...argv];
  const [run, against, rows] = ['--run', '--against', '--rows'].map((name) => takeOption(given, name));
  const rest = given.filter((one) => one !== '--json');
  const unknown = rest.find((one) => one.startsWith('-'));
  if (unknown !== undefined) return `unknown option "${unknown}"`;
  if (run === null) return '--run needs the name of a run';
  if (against === null) return '--against needs the name of a run';
  if (against !== undefined && run === undefined)
    return '--against needs --run: the run that is held against it';
  if (rows === null || (rows !== undefined && !/^[1-9]\d{0,5}$/.test(rows)))
    return `--rows needs a number, not "${rows ?? ''}"`;
  if (rest.length !== 1) return 'fleet report needs one data set';
  return {
    path: rest[0],
    run: run ?? null,
    against: against ?? null,
    json: given.includes('--json'),
    rows: rows === undefined ? 10 : Number(rows),
  };
}

type Record_ = Readonly<Record<string, Cell>>;

const recordsOf = ({ columns, rows }: Answer): readonly Record_[] =>
  rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]])));

/** A rank that is unlike the others of its group, and the lines that are farthest from what they hold in the median rank. */
export interface Outlier {
  readonly figures: Record_;
  readonly lines: readonly Record_[];
}

export interface FleetReport {
  readonly schema: 1;
  readonly sentence: string;
  readonly runs: readonly string[];
  readonly ranks: number;
  readonly sources: number;
  readonly groups: readonly Record_[];
  readonly outliers: readonly Outlier[];
  readonly growth: readonly Record_[];
  readonly binding: readonly Record_[];
  readonly failures: readonly Record_[];
  readonly restarts: readonly Record_[];
  readonly findings: readonly Record_[];
  readonly changes: { readonly ranks: readonly Record_[]; readonly lines: readonly Record_[] } | null;
  readonly damaged_parts: readonly DamagedPart[];
}

async function answers(set: DataSet, { run, against }: ReportArguments): Promise<FleetReport> {
  const { rows: runRows } = await set.ask('select distinct run from ranks order by run');
  const runs = runRows.map(([name]) => String(name));
  for (const asked of [run, against])
    if (asked !== null && !runs.includes(asked))
      throw new TraceError('refused', `there is no run "${asked}"; there are ${runs.join(', ')}`);
  await makeRankGroups(set);
  const ask = async (name: QueryName): Promise<readonly Record_[]> =>
    recordsOf(await set.ask(QUERIES[name])).filter((row) => run === null || row['run'] === run);
  const outliers = await ask('outliers');
  const sites = outliers.length === 0 ? [] : await ask('outlier_sites');
  const counts = recordsOf(
    await set.ask('select run, count(*) as sources, count(device) as ranks from ranks group by run'),
  ).filter((row) => run === null || row['run'] === run);
  const sum = (name: string): number => counts.reduce((all, row) => all + Number(row[name]), 0);
  const judged = firstFigures(outliers).map((row) => ({
    figures: row,
    lines: sites
      .filter(
        (site) =>
          site['run'] === row['run'] &&
          site['source'] === row['source'] &&
          site['device'] === row['device'] &&
          Math.sign(Number(site['difference_bytes'])) === Math.sign(Number(row['difference_bytes'])),
      )
      .slice(0, 3),
  }));
  let changes: FleetReport['changes'] = null;
  if (run !== null && against !== null) {
    await makeCompared(set, run, against);
    const [byRank, byLine] = [await set.ask(QUERIES.changes), await set.ask(QUERIES.changed_sites)];
    changes = { ranks: recordsOf(byRank), lines: recordsOf(byLine) };
  }
  const report = {
    runs,
    ranks: sum('ranks'),
    sources: sum('sources'),
    groups: await ask('summary'),
    outliers: judged,
    growth: await ask('growth'),
    binding: await ask('binding'),
    failures: await ask('failures'),
    restarts: await ask('restarts'),
    findings: await ask('findings'),
    changes,
    damaged_parts: [],
  };
  return { schema: 1, sentence: sentenceOf(report), ...report };
}

/** A rank that stands out in several figures does so once: in allocated, which reserved and requested follow. */
function firstFigures(outliers: readonly Record_[]): readonly Record_[] {
  const order = ['allocated', 'requested', 'reserved'];
  const first = new Map<string, Record_>();
  for (const row of outliers) {
    const key = `${row['run']}\n${row['source']}\n${row['device']}`;
    const known = first.get(key);
    if (known === undefined || order.indexOf(String(row['figure'])) < order.indexOf(String(known['figure'])))
      first.set(key, row);
  }
  return [...first.values()].sort(
    (a, b) => Math.abs(Number(b['difference_bytes'])) - Math.abs(Number(a['difference_bytes'])),
  );
}

const bytes = (cell: Cell | undefined): string =>
  cell == null ? 'not known' : formatBytes(Math.round(Number(cell)), 'binary');
const change = (cell: Cell | undefined): string =>
  `${bytes(Math.abs(Number(cell)))} ${Number(cell) < 0 ? 'less' : 'more'}`;
const signed = (cell: Cell | undefined): string =>
  `${Number(cell) < 0 ? '−' : '+'}${bytes(Math.abs(Number(cell)))}`;
const line = (cell: Cell | undefined): string => String(cell).replace(/ {2}(.*)/, ' ($1)');

function sentenceOf(report: Omit<FleetReport, 'schema' | 'sentence'>): string {
  const { outliers, ranks, growth } = report;
  const many = `${formatInteger(ranks)} ${ranks === 1 ? 'rank' : 'ranks'}`;
  const leaks = growth.filter((row) => row['growth'] === 'linear_leak');
  const grows =
    leaks.length === 0
      ? ''
      : ` ${leaks.length === 1 ? '1 rank leaks' : `${formatInteger(leaks.length)} ranks leak`}, ${leaks[0]['source']} fastest: ${bytes(leaks[0]['growth_bytes_per_iteration'])} an iteration${leaks[0]['line_place'] == null ? '' : `, at \`${line(leaks[0]['line_place'])}\``}.`;
  if (outliers.length === 0) return `${many}, none of them unlike the others of its group.${grows}`;
  const [{ figures: first, lines }, ...more] = outliers;
  const at = lines.at(0);
  return `${first['source']} (device ${first['device']}) is unlike the others: ${first['figure']} at its peak is ${change(first['difference_bytes'])} than in the median of ${formatInteger(Number(first['rank_count']))} ranks${at === undefined ? '' : `: \`${line(at['line_place'])}\` holds ${change(at['difference_bytes'])}`}.${more.length === 0 ? '' : ` ${formatInteger(more.length)} more of ${many} ${more.length === 1 ? 'is' : 'are'} unlike the others.`}${grows}`;
}

function section(
  title: string,
  names: readonly string[],
  rows: readonly (readonly string[])[],
  shown: number,
): string[] {
  if (rows.length === 0) return [];
  const left = rows.length - shown;
  return [
    '',
    title,
    ...textTable(names, rows.slice(0, shown)).map((row) => `  ${row}`),
    ...(left > 0 ? [`  and ${formatInteger(left)} more (--rows ${rows.length}, or --json)`] : []),
  ];
}

const text = (cell: Cell | undefined): string => (cell == null ? '' : String(cell));

function printedReport(report: FleetReport, asked: ReportArguments): string[] {
  const { rows } = asked;
  return [
    report.sentence,
    ...section(
      'Groups',
      ['run', 'group', 'ranks', 'reserved at the peak, least', 'most', 'out of memory'],
      report.groups.map((row) => [
        text(row['run']),
        text(row['group_name']) || 'all',
        formatInteger(Number(row['rank_count'])),
        bytes(row['least_reserved_peak']),
        bytes(row['most_reserved_peak']),
        Number(row['out_of_memory']) === 0 ? '' : formatInteger(Number(row['out_of_memory'])),
      ]),
      rows,
    ),
    ...section(
      'Unlike the others',
      ['rank', 'device', 'group', 'figure', 'difference', 'line', 'of it'],
      report.outliers.map(({ figures: row, lines }) => [
        text(row['source']),
        text(row['device']),
        text(row['group_name']) || 'all',
        text(row['figure']),
        signed(row['difference_bytes']),
        lines.length === 0 ? '' : line(lines[0]['line_place']),
        lines.length === 0 ? '' : signed(lines[0]['difference_bytes']),
      ]),
      rows,
    ),
    ...section(
      'Growth',
      ['rank', 'device', 'growth', 'confidence', 'an iteration', 'line'],
      report.growth.map((row) => [
        text(row['source']),
        text(row['device']),
        text(row['growth']).replaceAll('_', ' '),
        text(row['growth_confidence']),
        row['growth_bytes_per_iteration'] == null ? '' : bytes(row['growth_bytes_per_iteration']),
        row['line_place'] == null ? '' : line(row['line_place']),
      ]),
      rows,
    ),
    ...section(
      'Least room to the limit',
      ['rank', 'device', 'room', 'limit', 'reserved at the peak', 'out of memory'],
      report.binding.map((row) => [
        text(row['source']),
        text(row['device']),
        bytes(row['room_bytes']),
        bytes(row['limit_bytes']),
        bytes(row['reserved_peak_bytes']),
        Number(row['out_of_memory']) === 0 ? '' : text(row['out_of_memory']),
      ]),
      Math.min(rows, 3),
    ),
    ...section(
      'Not read whole',
      ['source', 'status', 'why'],
      report.failures.map((row) => [text(row['source']), text(row['status']), text(row['why'])]),
      rows,
    ),
    ...section(
      'Restarted',
      ['source', 'what the log tells'],
      report.restarts.map((row) => [text(row['source']), text(row['verdict'])]),
      rows,
    ),
    ...(report.changes === null
      ? []
      : [
          ...section(
            `Changed lines, run ${asked.run} less run ${asked.against}, sums at the peaks`,
            ['line', 'difference', asked.run!, asked.against!, 'sources'],
            report.changes.lines.map((row) => [
              line(row['line_place']),
              signed(row['difference_bytes']),
              bytes(row['bytes_a']),
              bytes(row['bytes_b']),
              text(row['source_count']),
            ]),
            rows,
          ),
          ...section(
            'Changed ranks',
            ['rank', 'device', 'requested', 'allocated', 'reserved'],
            report.changes.ranks.map((row) => [
              text(row['source']),
              text(row['device']),
              ...['requested_difference', 'allocated_difference', 'reserved_difference'].map((name) =>
                row[name] == null ? 'not known' : signed(row[name]),
              ),
            ]),
            rows,
          ),
          ...(report.changes.lines.length + report.changes.ranks.length === 0
            ? ['', `Nothing differs at the peaks of runs ${asked.run} and ${asked.against}.`]
            : []),
        ]),
    ...section(
      'Parts of the data set that cannot be read',
      ['part', 'why'],
      report.damaged_parts.map(({ path, why }) => [path, why]),
      rows,
    ),
  ];
}

/** What the questions of a report ask for. */
const HELD: Held = {
  ranks: [
    ...['run', 'rank', 'source', 'device', 'group_label', 'program', 'status', 'why', 'exact'],
    ...['requested_peak_bytes', 'allocated_peak_bytes', 'reserved_peak_bytes'],
    ...['room_bytes', 'limit_bytes', 'limit_how', 'out_of_memory'],
    ...['growth', 'growth_confidence', 'growth_bytes_per_iteration', 'iterations'],
  ],
  sites: [
    ...[
      'run',
      'source',
      'device',
      'place',
      'peak_requested_bytes',
      'peak_count',
      'growth_bytes_per_iteration',
    ],
  ],
  findings: ['run', 'rank', 'source', 'finding', 'severity', 'confidence', 'verdict'],
};

/** Asks; where a part of the data set is damaged, once more without it, and says so. */
async function reportOf(asked: ReportArguments): Promise<FleetReport> {
  let set = await DataSet.open(asked.path, [], HELD).catch((thrown: unknown) => {
    if (thrown instanceof TraceError) throw thrown;
    return null;
  });
  try {
    if (set !== null) return await answers(set, asked);
    throw new TraceError('corrupt', 'a part of the data set cannot be read');
  } catch (thrown) {
    const damaged = await damagedParts(asked.path);
    if (damaged.length === 0) throw thrown;
    set?.close();
    set = await DataSet.open(
      asked.path,
      damaged.map(({ path }) => path),
      HELD,
    );
    return { ...(await answers(set, asked)), damaged_parts: damaged };
  }
}

/** Returns the exit code: 3 where there is no data set, or a part of it cannot be read. */
export async function reportCommand(asked: ReportArguments, out: Output, err: Output): Promise<number> {
  try {
    const report = await reportOf(asked);
    out.write(
      asked.json
        ? json({ ...report, outliers: report.outliers.map(({ figures, lines }) => ({ ...figures, lines })) })
        : printed(printedReport(report, asked)),
    );
    return report.damaged_parts.length > 0 ? EXIT_FAILED : EXIT_READ;
  } catch (thrown) {
    if (!(thrown instanceof TraceError)) throw thrown;
    const { message, advice } = thrown.toData();
    err.write(printed([`vramscope: ${message}`, ...(advice == null ? [] : [`  ${advice}`])]));
    return EXIT_FAILED;
  }
}
