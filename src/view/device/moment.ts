/** The panel at the right as data: one event, or one stack. */
import type { ByteUnit } from '../../base/units.ts';
import { formatDuration, formatInteger } from '../../base/units.ts';
import type { DeviceView, MomentAnswer, MomentNote, SeriesView } from '../../engine/protocol.ts';
import { boundSign, formatValue } from '../parts/curves.ts';
import { formatInstant, wallTime } from '../parts/words.ts';

const MEANING: Readonly<Record<string, string>> = {
  alloc: 'Memory was handed out',
  free_requested: 'The program let go of it',
  free_completed: 'The allocator took it back',
  free: 'Memory was freed',
  segment_alloc: 'Memory was taken from the driver',
  segment_free: 'Memory was given back to the driver',
  segment_map: 'Memory was mapped into an expandable segment',
  segment_unmap: 'Memory was unmapped from an expandable segment',
  snapshot: 'A snapshot was taken',
  oom: 'Out of memory: the request failed',
  annotate: 'The program noted something of an allocation that lives',
  user_defined: 'An event of the program',
};

const NOTE: Readonly<Record<MomentNote, string>> = {
  compile_context: 'Compiled region',
  user_metadata: 'Metadata of the program',
  internal_metadata: 'Metadata of PyTorch',
};

export interface Fact {
  readonly name: string;
  readonly value: string;
  readonly title: string | null;
  readonly mono: boolean;
}

export interface MomentModel {
  readonly heading: string;
  readonly meaning: string | null;
  readonly facts: readonly Fact[];
  readonly values: readonly Fact[];
  /** What the file says of it beside its figures; each may be long. */
  readonly notes: readonly Fact[];
  readonly partner: { readonly row: number; readonly text: string } | null;
}

const fact = (name: string, value: string, more: Partial<Pick<Fact, 'title' | 'mono'>> = {}): Fact => ({
  name,
  value,
  title: null,
  mono: false,
  ...more,
});

function partnerText(moment: MomentAnswer, clock: DeviceView['clock']): string {
  const verb = moment.action === 'alloc' ? 'Freed' : 'Allocated';
  if (clock === 'none' || moment.partnerNs === null) {
    return `${verb} at event ${formatInteger(moment.partnerRow ?? 0)}`;
  }
  const apart = formatDuration(Math.abs(moment.partnerNs - moment.xNs));
  return `${verb} ${apart} ${moment.partnerNs >= moment.xNs ? 'later' : 'earlier'}`;
}

export function momentModel(
  moment: MomentAnswer,
  clock: DeviceView['clock'],
  series: readonly SeriesView[],
  unit: ByteUnit,
): MomentModel {
  const sign = (id: string, exact: boolean): string =>
    boundSign({ exact, bound: series.find((one) => one.id === id)?.bound ?? null });
  const wall = wallTime(moment.timeNs, clock);
  const facts = [
    clock === 'none'
      ? null
      : fact('Time', formatInstant(moment.xNs, 1000), { title: `${formatInteger(moment.xNs)} ns` }),
    wall === null ? null : fact('Clock', wall),
    fact('Size', formatValue(moment.size, 'bytes', unit), { title: `${formatInteger(moment.size)} bytes` }),
    fact('Exactly', `${formatInteger(moment.size)} bytes`),
    fact('Address', moment.address, { mono: true }),
    fact('Stream', moment.stream, { mono: true }),
    moment.group === '' ? null : fact('Pool or kind', moment.group.replaceAll('_', ' ')),
    moment.pool === null
      ? null
      : moment.pool === ''
        ? fact('Private pool', 'none')
        : fact('Private pool', moment.pool, { mono: true }),
  ];
  const notes = [
    ...(moment.actionName === null ? [] : [fact('Action in the file', moment.actionName, { mono: true })]),
    ...moment.notes.map(({ id, text }) => fact(NOTE[id], text)),
    ...moment.annotations.map(({ row, text }) => fact(`Noted at event ${formatInteger(row)}`, text)),
  ];
  return {
    notes,
    heading: `${moment.actionName ?? moment.action}, event ${formatInteger(moment.row)}`,
    meaning: MEANING[moment.action] ?? null,
    facts: facts.filter((item) => item !== null),
    values: moment.values.map(({ id, label, value, unit: scale, exact }) =>
      fact(label, sign(id, exact) + formatValue(value, scale, unit), {
        title: `${sign(id, exact)}${formatInteger(value)}${scale === 'bytes' ? ' bytes' : ''}`,
      }),
    ),
    partner: moment.partnerRow === null ? null : { row: moment.partnerRow, text: partnerText(moment, clock) },
  };
}
