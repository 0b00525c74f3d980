/**
 * vLLM's own memory figures for the page: what is wrong first, then snapshots and differences, the three categories,
 * and what is not KV cache as the snapshots give it and as vLLM printed it.
 */
import { amountsIn } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger, formatNumber } from '../../base/units.ts';
import { type Measured, exactMeasured, formatMeasured } from '../../base/measured.ts';
import { rankText } from '../../base/rank.ts';
import { SNAPSHOT_FIELDS, type SnapshotField } from '../../base/vllm-fields.ts';
import type { AccountSnapshot, VllmMemoryAccount, VllmMemorySnapshot } from '../../engine/protocol.ts';
import { cell, type Cell, type Column, type TableModel } from '../parts/table.ts';

export interface VllmMemoryModel {
  /** "TP0"; "" where there is but one. */
  readonly rank: string;
  readonly problems: readonly string[];
  readonly statements: readonly string[];
  readonly missing: readonly string[];
  readonly tables: readonly TableModel[];
}

const ROLES: Readonly<Record<AccountSnapshot['role'], string>> = {
  before_create: 'before creation',
  before_profile: 'before profiling',
  after_profile: 'after profiling',
  before: 'before',
  after: 'after',
  difference: 'a difference',
  other: 'neither',
};

const NOTHING: Cell = cell('', -Infinity);

const bytesCell = (figure: Measured | null, unit: ByteUnit): Cell =>
  figure === null
    ? NOTHING
    : cell(formatMeasured(figure, unit), figure.value, { title: exactMeasured(figure) });

const number = (id: string, label: string): Column => ({ id, label, numeric: true });
const text = (id: string, label: string): Column => ({ id, label, numeric: false, breaks: true });

/** Only the fields that any of them has. */
const fieldsIn = (all: readonly VllmMemorySnapshot[]): SnapshotField[] =>
  SNAPSHOT_FIELDS.filter((name) => all.some((one) => one[name] !== null));

function snapshotsTable(snapshots: readonly AccountSnapshot[], unit: ByteUnit): TableModel {
  const fields = fieldsIn(snapshots.map(({ snapshot }) => snapshot));
  return {
    caption: 'Snapshots',
    columns: [
      { id: 'name', label: 'Snapshot', numeric: false, wide: true, wraps: true },
      number('line', 'Line'),
      ...fields.map((name) => number(name, name)),
    ],
    rows: snapshots.map(({ name, role, roleFrom: from, line, snapshot }, index) => ({
      key: String(index),
      cells: [
        cell(from === 'order' ? `${name}: ${ROLES[role]}` : name, index, {
          title:
            role === 'other' ? 'Neither its name nor its place tells what it is' : `Taken as ${ROLES[role]}`,
        }),
        cell(formatInteger(line), line),
        ...fields.map((field) => bytesCell(snapshot[field], unit)),
      ],
    })),
    total: null,
    sort: null,
  };
}

function differencesTable({ snapshots, differences }: VllmMemoryAccount, unit: ByteUnit): TableModel | null {
  if (differences.length === 0) return null;
  const fields = fieldsIn(differences.map(({ difference }) => difference));
  return {
    caption: 'Differences: after less before',
    columns: [
      { id: 'name', label: 'Over', numeric: false, wide: true, wraps: true },
      number('seconds', 'Seconds'),
      ...fields.map((name) => number(name, name)),
    ],
    rows: differences.map(({ from, to, name, difference }, index) => ({
      key: String(index),
      cells: [
        cell(name, index, { title: `${snapshots[to].name} less ${snapshots[from].name}` }),
        difference.timestamp_s === null
          ? NOTHING
          : cell(formatNumber(difference.timestamp_s, 2), difference.timestamp_s),
        ...fields.map((field) => bytesCell(difference[field], unit)),
      ],
    })),
    total: null,
    sort: null,
  };
}

function categoriesTable({ snapshots, peak }: VllmMemoryAccount, unit: ByteUnit): TableModel | null {
  const rows = snapshots.flatMap(({ name, categories }) =>
    categories === null ? [] : [{ name, categories }],
  );
  if (peak !== null) rows.push({ name: 'At the peak of profiling', categories: { ...peak, addsUp: null } });
  if (rows.length === 0) return null;
  return {
    caption: "vLLM's three categories",
    columns: [
      text('moment', 'Moment'),
      number('others', '1: anything but this instance'),
      number('torch', '2: torch in this instance'),
      number('non_torch', '3: this instance, not torch'),
      number('sum', 'In use'),
    ],
    rows: rows.map(({ name, categories: { others, torch, nonTorch, sum } }, index) => ({
      key: String(index),
      cells: [cell(name, index), ...[others, torch, nonTorch, sum].map((one) => bytesCell(one, unit))],
    })),
    total: null,
    sort: null,
  };
}

const RULES = {
  increase: 'Not KV cache: weights + activation peak + non-torch increase',
  consumed: 'Not KV cache: consumed + peak over what stays allocated',
} as const;

/** One row for a figure: from the snapshots, as printed, or both. */
function profilingTable(account: VllmMemoryAccount, unit: ByteUnit): TableModel | null {
  const { profiling, results, kv } = account;
  const printed = results.findLast(({ result }) => result.non_kv_cache_memory !== null)?.result;
  if (profiling.length === 0 && printed === undefined) return null;
  const rows: (readonly [string, Measured | null, Measured | null])[] = [];
  const increase = profiling.find(({ rule }) => rule === 'increase');
  const consumed = profiling.find(({ rule }) => rule === 'consumed');
  const rule = printed?.total_consumed == null ? 'increase' : 'consumed';
  const total = printed?.non_kv_cache_memory ?? null;
  const term = (of: typeof increase, index: number): Measured | null => of?.terms[index].bytes ?? null;
  const add = (label: string, computed: Measured | null, said: Measured | null): void => {
    if (computed !== null || said !== null) rows.push([label, computed, said]);
  };
  // Weights are in no snapshot: where they are known, somebody printed them.
  add('Weights', null, printed?.weights_memory ?? term(increase, 0));
  add('Activation peak', term(increase, 1), printed?.torch_peak_increase ?? null);
  add('Non-torch increase', term(increase, 2), printed?.non_torch_increase ?? null);
  // Without snapshots there is still the sum of what was printed.
  const sum = results.findLast(({ result }) => result === printed)?.check?.sum ?? null;
  const sumBy = (one: typeof rule): Measured | null => (one === rule ? sum : null);
  const totalBy = (one: typeof rule): Measured | null => (one === rule ? total : null);
  add(RULES.increase, increase?.nonKvCacheMemory ?? sumBy('increase'), totalBy('increase'));
  add(
    'Consumed: free before creation less free after profiling',
    term(consumed, 0),
    printed?.total_consumed ?? null,
  );
  add('Peak over what stays allocated', term(consumed, 1), printed?.transient_peak_headroom ?? null);
  add(RULES.consumed, consumed?.nonKvCacheMemory ?? sumBy('consumed'), totalBy('consumed'));
  if (kv !== null) {
    add('Requested: total x utilization', null, kv.requested);
    add('CUDA graphs, estimated and set aside', null, kv.graphs);
    add(`KV cache: requested - non-KV${kv.graphs === null ? '' : ' - CUDA graphs'}`, kv.kvCache, kv.printed);
  }
  return {
    caption: 'What is not KV cache',
    columns: [text('figure', 'Figure'), number('computed', 'Computed'), number('printed', 'Printed')],
    rows: rows.map(([label, computed, said], index) => ({
      key: String(index),
      cells: [cell(label, index), bytesCell(computed, unit), bytesCell(said, unit)],
    })),
    total: null,
    sort: null,
  };
}

export function vllmMemoryModel(account: VllmMemoryAccount, unit: ByteUnit): VllmMemoryModel {
  const { rank, problems, statements, missing, snapshots } = account;
  const tables = [
    snapshots.length === 0 ? null : snapshotsTable(snapshots, unit),
    differencesTable(account, unit),
    categoriesTable(account, unit),
    profilingTable(account, unit),
  ];
  return {
    rank: rankText(rank),
    ...amountsIn({ problems, statements, missing }, unit),
    tables: tables.filter((one) => one !== null),
  };
}
