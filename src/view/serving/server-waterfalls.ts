/**
 * The budgets of a server as waterfalls: the sum over all of its ranks, over those of each host, and each rank. Ranks
 * that print the same figures are one waterfall: "TP0 to TP7, each".
 */
import { count, list } from '../../base/words.ts';
import { type Rank, startText } from '../../base/rank.ts';
import type { PodStep, PodWaterfall, RankWaterfall, ServerView } from '../../engine/protocol.ts';
import type { DrawnStep, WaterfallView } from './diagnosis-waterfall.ts';

/** Steps of a pod that are not steps down. */
const WHOLES: ReadonlySet<string> = new Set(['total', 'requested', 'graphs_on_top']);
const BEYOND = 'CUDA graphs beyond the budget';
/** Names before "and 5 more". */
const MOST_NAMES = 3;

function podWaterfall(told: PodWaterfall, name: string): WaterfallView {
  const { start, rankCount, ranks, sentence } = told;
  const total = told.steps.find(({ id }) => id === 'total');
  const graphs = told.steps.find(({ id }) => id === 'graphs_on_top');
  const down = told.steps.filter(({ id }) => !WHOLES.has(id));
  // What was printed and what all ranks take if the others are alike are two sums: never a mixture.
  const allAlike = [...down, ...(total === undefined ? [] : [total])].every(
    ({ allRanks }) => allRanks !== null,
  );
  const figure = ({ printed, allRanks }: PodStep): PodStep['printed'] =>
    allAlike && allRanks !== null ? allRanks : printed;
  // The remainder is what all ranks leave of their total: without one, the steps stand for themselves.
  const sums = allAlike && total !== undefined && down.some(({ id }) => id === 'remainder');
  const steps = down.filter(({ id }) => sums || id !== 'remainder');
  const assumed = allAlike
    ? steps.filter(({ id, printedRanks }) => id !== 'remainder' && printedRanks < rankCount)
    : [];
  const stepOf = (step: PodStep): DrawnStep => ({
    id: step.id,
    label: step.label,
    bytes: figure(step),
    note:
      step.printedRanks < rankCount && step.id !== 'remainder'
        ? `Printed by ${step.printedRanks} of ${rankCount} ranks`
        : '',
  });
  // A sum is not named after ranks that are not in it.
  const few = ranks.length === 1 ? 'the one' : `the ${ranks.length}`;
  const of =
    ranks.length >= rankCount
      ? name
      : allAlike
        ? `${name}, were all ranks like ${few} in this log`
        : `${count(ranks.length, 'rank')} in this log, of ${name.slice(0, 1).toLowerCase()}${name.slice(1)}`;
  const names = [of, startText(start)].filter((one) => one !== '');
  return {
    rank: `${names.join(', ')} (${count(rankCount, 'rank')})`,
    total: total === undefined ? null : figure(total),
    totalWord: total === undefined || total.label === 'Total' ? '' : total.label.toLowerCase(),
    steps: steps.map(stepOf),
    beyond: graphs === undefined ? null : { ...stepOf(graphs), label: BEYOND },
    addsUp: sums,
    statement: [
      sentence,
      assumed.length === 0
        ? ''
        : `Not printed by every rank, and taken as alike for the others: ${list(assumed.map(({ label }) => label))}.`,
    ]
      .filter((one) => one !== '')
      .join(' '),
  };
}

/** Sums of several ranks: of the whole server where it spans more than one host's log, and of each host. */
export function podWaterfalls({ pods, whole }: ServerView): WaterfallView[] {
  const sums = pods
    .filter(({ rankCount }) => rankCount > 1)
    .map((pod) =>
      podWaterfall(
        pod,
        pod.isWholeServer
          ? 'The whole server'
          : pod.pod === ''
            ? 'All ranks of this host'
            : `Host ${pod.pod}`,
      ),
    );
  const all = whole === null ? [] : [podWaterfall(whole, 'The whole server')];
  return [...all, ...sums.reverse()];
}

/** "TP0 to TP7", "rank 0 to rank 3"; else names, and how many more. */
function namesOf(ranks: readonly string[]): string {
  const numbered = ranks.map((rank) => /^(|.*\D)(\d+)$/.exec(rank));
  const [prefix, first] = [numbered[0]?.[1], Number(numbered[0]?.[2])];
  const isRow = numbered.every((one, i) => one !== null && one[1] === prefix && Number(one[2]) === first + i);
  if (ranks.length > 2 && isRow) return `${ranks[0]} to ${ranks[ranks.length - 1]}`;
  if (ranks.length <= MOST_NAMES) return list(ranks);
  return `${ranks.slice(0, MOST_NAMES - 1).join(', ')} and ${ranks.length - MOST_NAMES + 1} more`;
}

/** "TP0 to TP7, start 2, each (8 ranks)". */
function headingOf(ranks: readonly Rank[], all: number): string {
  const [{ start, pod }] = ranks;
  // Ray names the host of a worker: it is said once for all of a heading.
  const bare = ranks.map((rank) => rank.name.replace(`, ip=${rank.pod}`, ''));
  // In a log of several, the driver is the process that puts no name before its lines.
  const named = bare.map((rank) => (rank !== '' || all === 1 ? rank : 'Driver'));
  const each = ranks.length === 1 ? '' : `, each (${count(ranks.length, 'rank')})`;
  const host = pod === '' ? '' : `host ${pod}`;
  return [namesOf(named), host, startText(start)].filter((one) => one !== '').join(', ') + each;
}

const sameFigures = (rank: RankWaterfall): string =>
  JSON.stringify([
    rank.rank.start,
    rank.rank.pod,
    rank.basis,
    rank.total,
    rank.steps.map(({ id, label, bytes }) => [id, label, bytes]),
    rank.graphsOnTop,
    rank.statement,
    rank.graphsStatement,
  ]);

function rankWaterfall(ranks: readonly RankWaterfall[], all: number): WaterfallView {
  const [{ whole, total, basis, steps, graphsOnTop, statement, graphsStatement }] = ranks;
  return {
    rank: headingOf(
      ranks.map(({ rank }) => rank),
      all,
    ),
    total: whole,
    totalWord: whole === null || total !== null ? '' : basis === 'free' ? 'free at the start' : 'requested',
    steps,
    beyond: graphsOnTop === null ? null : { id: 'graphs_on_top', label: BEYOND, bytes: graphsOnTop },
    addsUp: whole !== null,
    statement: [statement, graphsStatement].filter((one) => one !== '').join(' '),
  };
}

/** Where one rank is printed and it is not known to be the only one, its reader can tell how many a pod has. */
const ASK_FOR_POD =
  'The log names one rank. For the sums of a pod, write how many GPUs it has under "Tell what the log does not say" below.';

const isAlone = ({ waterfalls, gpusPerPod, worldSize }: ServerView): boolean =>
  waterfalls.length === 1 && gpusPerPod === null && worldSize !== 1;

/** A waterfall for each rank, the last start of the server first; ranks with the same figures together. */
export function rankWaterfalls(server: ServerView): WaterfallView[] {
  const { waterfalls } = server;
  const groups = new Map<string, RankWaterfall[]>();
  for (const rank of waterfalls) {
    const key = sameFigures(rank);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [rank]);
    else group.push(rank);
  }
  return [...groups.values()]
    .filter(([{ steps }]) => steps.length > 0)
    .sort(([one], [other]) => other.rank.start - one.rank.start)
    .map((group) => rankWaterfall(group, waterfalls.length))
    .map((one) =>
      isAlone(server) ? { ...one, statement: `${one.statement ?? ''} ${ASK_FOR_POD}`.trim() } : one,
    );
}
