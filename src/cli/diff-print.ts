/** The text form of `vramscope diff`: the sentence, the figures, the lines. */
import { brief, withAmounts } from '../base/amounts.ts';
import { formatBytes, formatInteger } from '../base/units.ts';
import type { CompareAmount, CompareBoth, CompareView } from '../engine/protocol.ts';
import { textTable } from './text-table.ts';

const bytes = (value: number): string => formatBytes(value, 'binary');
const change = (value: number): string =>
  value === 0 ? '0' : `${value < 0 ? '−' : '+'}${bytes(Math.abs(value))}`;
const number = (value: number): string =>
  `${value < 0 ? '−' : value > 0 ? '+' : ''}${formatInteger(Math.abs(value))}`;

const figures = ({ a, b, difference }: CompareBoth): string[] => [bytes(a), bytes(b), change(difference)];
const text = (sentence: string): string => brief(withAmounts(sentence, 'binary'));

const amounts = (one: CompareAmount): string[] => [...figures(one), number(one.allocations.difference)];

function place({ a, b }: CompareView): string {
  const of = (side: CompareView['a']): string =>
    `${side.file}, ${side.gpu < 0 ? 'pinned host memory' : `device ${side.gpu}`}, after event ${formatInteger(side.row)}${side.iteration === null ? '' : ` (iteration ${side.iteration})`}`;
  return `A: ${of(a)}; B: ${of(b)}`;
}

function figureRows(view: CompareView): string[][] {
  const rows: string[][] = [];
  for (const name of ['requested', 'allocated', 'reserved'] as const) {
    const figure = view[name];
    if (figure === null) rows.push([`${name}`, 'not known of both', '', '']);
    else
      rows.push(
        [`${name} at its peak`, ...figures(figure.peak)],
        [`${name} at the end`, ...figures(figure.end)],
      );
  }
  return rows;
}

/** `name`: of the pair of devices, where there are several; "" where there is one. */
export function diffLines(view: CompareView, name: string): string[] {
  const lines = [
    ...(name === '' ? [] : [name]),
    text(view.sentence),
    ...view.notes.map((note) => `  ${text(note)}`),
  ];
  lines.push('', `  ${place(view)}`, '');
  lines.push(...textTable(['', 'A', 'B', 'B less A'], figureRows(view)));
  const differing = view.lines.filter(
    ({ difference, allocations }) => difference !== 0 || allocations.difference !== 0,
  );
  const head = ['A', 'B', 'B less A', 'allocations'];
  if (differing.length > 0) {
    const rows = differing.map((line) => [
      line.placeInA !== null && line.placeInB !== null && line.placeInA !== line.placeInB
        ? `${line.place} (A: ${line.placeInA})`
        : line.place,
      ...amounts(line),
      line.iterationSince === null
        ? ''
        : line.iterationSince === 0
          ? 'from the start'
          : `iteration ${line.iterationSince}`,
    ]);
    const equal = view.lines.length - differing.length;
    if (view.rest.lines > 0)
      rows.push([`${formatInteger(view.rest.lines)} other lines`, ...amounts(view.rest), '']);
    if (equal > 0) rows.push([`${formatInteger(equal)} lines hold the same`, '', '', '0', '', '']);
    rows.push(['all of requested', ...figures(view.requested.at), '', '']);
    lines.push('', 'Lines', ...textTable(['line', ...head, 'since'], rows));
  }
  const part = (title: string, rows: readonly (readonly string[])[], column: string): void => {
    if (rows.length > 0) lines.push('', title, ...textTable([column, 'A', 'B', 'B less A'], rows));
  };
  const differs = (one: CompareBoth): boolean => one.difference !== 0;
  part(
    'Where the reserved bytes are',
    (view.ledger ?? []).filter(differs).map((one) => [one.label, ...figures(one)]),
    'part',
  );
  const streams = view.streams.filter(differs);
  if (view.streams.length > 1)
    part(
      'Streams',
      streams.map((one) => [one.stream, ...figures(one)]),
      'stream',
    );
  part(
    'Sizes',
    view.sizeClasses
      .filter(differs)
      .slice(0, 8)
      .map((one) => [`${bytes(one.from)} to ${bytes(one.to)}`, ...figures(one)]),
    'allocations of',
  );
  if (view.settings.length > 0)
    lines.push(
      '',
      'Settings',
      ...textTable(
        ['setting', 'A', 'B'],
        view.settings.map(({ name: setting, a, b }) => [setting, a ?? 'not recorded', b ?? 'not recorded']),
      ),
    );
  return lines;
}
