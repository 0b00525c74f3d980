/** Text form of vLLM's own snapshots and profiling results. */
import { withAmounts } from '../base/amounts.ts';
import { formatMeasured } from '../base/measured.ts';
import { rankText } from '../base/rank.ts';
import type { VllmMemoryAccount, VllmMemorySnapshot } from '../engine/protocol.ts';

/** Snapshots printed one by one: the rest is counted. */
const MOST_SNAPSHOTS = 12;

type Figure = Parameters<typeof formatMeasured>[0];
const bytes = (figure: Figure): string => formatMeasured(figure, 'binary').replace('−', '-');

const words = (text: string): string => withAmounts(text, 'binary');

const fieldsText = ({ timestamp_s: _, ...fields }: VllmMemorySnapshot): string =>
  Object.entries(fields)
    .flatMap(([name, figure]) => (figure === null ? [] : [`${name} ${bytes(figure)}`]))
    .join(', ');

const categoriesText = ({
  others,
  torch,
  nonTorch,
}: {
  readonly others: Figure;
  readonly torch: Figure;
  readonly nonTorch: Figure;
}): string => `others ${bytes(others)}, torch ${bytes(torch)}, not torch ${bytes(nonTorch)}`;

function accountLines(account: VllmMemoryAccount): string[] {
  const { rank, snapshots, differences, results, profiling, peak, kv } = account;
  const left = snapshots.length - MOST_SNAPSHOTS;
  return [
    `vLLM's own memory figures${rankText(rank) === '' ? '' : ` of ${rankText(rank)}`}:`,
    ...account.problems.map((one) => `  wrong: ${words(one)}`),
    ...snapshots
      .slice(0, MOST_SNAPSHOTS)
      .flatMap(({ name, line, snapshot, categories }) => [
        `  ${name} (line ${line}): ${fieldsText(snapshot)}`,
        ...(categories === null ? [] : [`    categories: ${categoriesText(categories)}`]),
      ]),
    ...(left > 0 ? [`  and ${left} more (--json has all)`] : []),
    ...differences
      .slice(0, MOST_SNAPSHOTS)
      .map(({ name, difference }) => `  difference, ${name}: ${fieldsText(difference)}`),
    ...(peak === null ? [] : [`  at the peak of profiling: ${categoriesText(peak)}`]),
    ...profiling.map(
      ({ nonKvCacheMemory: total, terms }) =>
        `  not KV cache, computed: ${bytes(total)} = ${terms.map((one) => `${one.name} ${bytes(one.bytes)}`).join(' + ')}`,
    ),
    ...results.flatMap(({ line, result: { non_kv_cache_memory: total } }) =>
      total === null ? [] : [`  not KV cache, printed (line ${line}): ${bytes(total)}`],
    ),
    ...(kv === null
      ? []
      : [
          `  KV cache: ${bytes(kv.kvCache)} = requested ${bytes(kv.requested)} - not KV cache ${bytes(kv.nonKvCacheMemory)}${kv.graphs === null ? '' : ` - CUDA graphs ${bytes(kv.graphs)}`}${kv.printed === null ? '' : `; printed ${bytes(kv.printed)}`}`,
        ]),
    ...account.statements.map((one) => `  ${words(one)}`),
    ...account.missing.map((one) => `  not known: ${words(one)}`),
  ];
}

export const vllmMemoryLines = (accounts: readonly VllmMemoryAccount[]): string[] =>
  accounts.flatMap(accountLines);
