/** What an account of vLLM's own memory figures says, in sentences: what is broken, how it was read, what is missing. */
import { amount } from '../../base/amounts.ts';
import { seconds } from '../../base/words.ts';
import type { Measured } from '../../base/measured.ts';
import { rankText } from '../../base/rank.ts';
import type { MemoryBudget } from '../../trace/readings.ts';
import type { VllmMemoryPrint } from '../../trace/vllm-memory.ts';
import {
  accountFigures,
  type AccountFigures,
  type AccountResult,
  type AccountSnapshot,
  type VllmMemoryAccount,
} from './vllm-memory-account.ts';
import { impossibleIn, isBelowZero, type ProfilingCheck } from './vllm-memory-snapshot.ts';

type Figures = AccountFigures['figures'];

const withError = ({ value, error }: Measured): string =>
  `${amount(value)}${error < 0.5 ? '' : ` ± ${amount(Math.ceil(error))}`}`;
/** How far two figures are apart that should be one. */
const apart = ({ value, error }: Measured): string =>
  `${amount(Math.abs(value))} apart${error < 0.5 ? '' : `, of which their digits explain at most ${amount(Math.ceil(error))}`}`;

function snapshotProblems(snapshots: readonly AccountSnapshot[]): string[] {
  return snapshots.flatMap(({ name, role, snapshot: { non_torch_memory: nonTorch }, checks }) => [
    ...(role !== 'difference' && nonTorch !== null && isBelowZero(nonTorch)
      ? [
          `${name}: non_torch_memory is ${withError(nonTorch)}, and memory in use cannot be below 0: a figure is mistyped or of another device.`,
        ]
      : []),
    ...checks.flatMap(({ identity, apart: by, holds }) => {
      if (holds) return [];
      const [left, right] = identity.split(' = ');
      return [`${name}: ${left} is not ${right}: ${apart(by)}: a figure is mistyped or of another device.`];
    }),
  ]);
}

/** Sums that are not shown. */
function impossibleProblems(impossible: AccountFigures['impossible']): string[] {
  return impossible.map((one) => {
    const terms = one.terms.map(({ name, bytes }) => `${name} ${withError(bytes)}`).join(' + ');
    return `${RULES[one.rule]} of these snapshots is ${terms}: ${impossibleIn(one).join(' and ')} cannot be below 0. They are swapped, of different runs, or a figure is mistyped.`;
  });
}

function differenceProblems({ snapshots, differences }: Figures): string[] {
  const said = new Set<string>();
  for (const { from, to, difference } of differences) {
    const [before, after] = [snapshots[from].name, snapshots[to].name];
    const { total_memory: total, free_memory: free, timestamp_s: later } = difference;
    if (total !== null && Math.abs(total.value) > total.error)
      said.add(
        `total_memory of ${after} and of ${before} is not the same: ${apart(total)}: they are of different devices.`,
      );
    else if (free !== null && snapshots[from].role === 'before_create' && free.value > free.error)
      said.add(
        `free_memory grew by ${withError(free)} from ${before} to ${after}: another process gave memory back meanwhile, and what vLLM computes from these two is too low by as much. vLLM stops there with "Error in memory profiling".`,
      );
    if (later !== null && later < 0)
      said.add(
        `${after} was taken ${seconds(BigInt(Math.round(-later * 1e9)), 1)} before ${before}: they are swapped, or of different runs.`,
      );
  }
  return [...said];
}

const RULES: Readonly<Record<ProfilingCheck['rule'], string>> = {
  increase: 'weights + activation peak + non-torch increase',
  consumed: 'what was consumed + the peak over what stays allocated',
};

function resultProblems({ line, check, result }: AccountResult): string[] {
  if (check === null || check.holds) return [];
  if (check.rule === 'consumed' && result.transient_peak_headroom === null)
    return [
      `Line ${line}: the total of what is not KV cache is less than what was consumed: ${apart(check.apart)}. It cannot be: a figure is mistyped.`,
    ];
  return [
    `Line ${line}: the total of what is not KV cache is not ${RULES[check.rule]}: ${apart(check.apart)}: a figure is mistyped or of another run.`,
  ];
}

function problemsOf(account: Figures, impossible: AccountFigures['impossible']): string[] {
  const { snapshots, results, profiling } = account;
  return [
    ...snapshotProblems(snapshots),
    ...differenceProblems(account),
    ...impossibleProblems(impossible),
    ...results.flatMap(resultProblems),
    ...profiling.flatMap(({ rule, printed }) =>
      printed === null || printed.holds
        ? []
        : [
            `The printed total is not ${RULES[rule]} of these snapshots: ${apart(printed.apart)}: they are not of the same profiling.`,
          ],
    ),
  ];
}

function statementsOf({ snapshots, results, profiling, kv }: Figures): string[] {
  const said: string[] = [];
  const byOrder = snapshots.filter(({ roleFrom: from }) => from === 'order');
  if (byOrder.length === 2)
    said.push('Neither snapshot has a name: the first is taken as before, the second as after.');
  else if (byOrder.length > 0)
    said.push(
      'The snapshots have no names: they are taken as before creation, before profiling and after profiling, in this order.',
    );
  for (const role of ['before_create', 'before_profile', 'after_profile'] as const) {
    const same = snapshots.filter((one) => one.role === role);
    if (same.length > 1)
      said.push(
        `${same.length} snapshots are ${role.replace('_', ' ')}: the sums rest on the last one, line ${same[same.length - 1].line}.`,
      );
  }
  const checks = snapshots.flatMap((one) => one.checks);
  if (checks.length > 0 && checks.every(({ holds }) => holds))
    said.push(
      snapshots.length === 1
        ? 'The figures of the snapshot agree with each other.'
        : 'The figures of each snapshot agree with each other.',
    );
  for (const { line, check, result } of results) {
    if (check?.holds !== true) continue;
    said.push(
      check.rule === 'consumed' && result.transient_peak_headroom === null
        ? `Line ${line}: the total holds what was consumed and ${withError(check.apart)} more, the peak over what stays allocated, which is not printed.`
        : `Line ${line}: the total is ${RULES[check.rule]}.`,
    );
  }
  for (const { rule, printed } of profiling)
    if (printed?.holds === true) said.push(`The printed total is ${RULES[rule]} of these snapshots.`);
  if (kv?.holds === true)
    said.push(
      `The printed KV cache is what is left: requested - non-KV${kv.graphs === null ? '' : ' - CUDA graphs, estimated'}.`,
    );
  // No identity: settings that no line tells can stand between the two.
  if (kv?.holds === false && kv.printed !== null)
    said.push(
      `The KV cache is printed as ${withError(kv.printed)}, and requested - non-KV${kv.graphs === null ? '' : ' - CUDA graphs, estimated,'} is ${withError(kv.kvCache)}: no printed figure explains the difference.`,
    );
  if (snapshots.some(({ name }) => /worker init/i.test(name)))
    said.push(
      'vLLM takes its first snapshot when the process is on the device and NCCL is up: the context and the NCCL buffers of this very instance count as category 1 there.',
    );
  return said;
}

function missingOf(
  { snapshots, results, profiling, kv }: Figures,
  weights: Measured | null,
  isImpossible: boolean,
): string[] {
  const has = (role: AccountSnapshot['role']): boolean => snapshots.some((one) => one.role === role);
  const whole = results.some(({ result }) => result.non_kv_cache_memory !== null);
  const missing: string[] = [];
  if (!has('before_create'))
    missing.push(
      'The snapshot from before the instance was created is not here, so what others use and what this instance uses outside of torch cannot be told apart. vLLM prints it at VLLM_LOGGING_LEVEL=DEBUG ("worker init memory snapshot").',
    );
  const isProfiled = has('before_profile') && has('after_profile') && has('before_create');
  if (isProfiled && weights === null)
    missing.push(
      'What the weights took is not here ("Model loading took ..." or weights_memory=...): the sum of the three terms needs it.',
    );
  else if (isProfiled && profiling.length === 0 && !isImpossible)
    missing.push('The snapshots lack fields that the sum of what is not KV cache needs.');
  if (!isProfiled && snapshots.length > 0 && !whole)
    missing.push(
      'What is not KV cache cannot be computed: that takes the snapshots from before creation, before profiling and after profiling, or the line "Memory profiling takes ...".',
    );
  if (isProfiled && !whole)
    missing.push(
      'vLLM\'s own total is not here ("Memory profiling takes ...", at VLLM_LOGGING_LEVEL=DEBUG): nothing holds the sum to account.',
    );
  if ((whole || profiling.length > 0) && kv === null)
    missing.push(
      'What was requested (total memory x --gpu-memory-utilization) is not here, so what was left for the KV cache cannot be computed.',
    );
  return missing;
}

/** One account for each rank (and start) that prints any of it, in the order of the text. */
export function vllmMemoryAccounts(
  prints: readonly VllmMemoryPrint[],
  budgets: readonly MemoryBudget[],
): VllmMemoryAccount[] {
  const byRank = new Map<string, VllmMemoryPrint[]>();
  for (const print of prints) {
    const name = rankText(print.rank);
    const group = byRank.get(name);
    if (group === undefined) byRank.set(name, [print]);
    else group.push(print);
  }
  return [...byRank].map(([name, group]) => {
    const { figures, weights, impossible } = accountFigures(
      group[0].rank,
      group,
      budgets.find(({ rank }) => rankText(rank) === name),
    );
    return {
      ...figures,
      problems: problemsOf(figures, impossible),
      statements: statementsOf(figures),
      missing: missingOf(figures, weights, impossible.length > 0),
    };
  });
}
