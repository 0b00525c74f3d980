/** Who keeps free memory from going back to the driver: sentences and tables. */
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { PinsView } from '../../engine/protocol.ts';
import type { Cell, Column, TableModel } from '../parts/table.ts';
import { cell } from '../parts/table.ts';

const bytes = (value: number, unit: ByteUnit, share: number | null = null): Cell =>
  cell(formatBytes(value, unit), value, { title: `${formatInteger(value)} bytes`, share });

/** The stack whose blocks set most free for what they take themselves; null: none is worth it. */
export const bestPin = ({ alone }: PinsView): PinsView['alone'][number] | null =>
  alone.find(({ unpinnedBytes, blockBytes }) => unpinnedBytes > blockBytes) ?? null;

/** "One block of 3 MiB keeps 1.2 GiB of free memory from being released"; null: none keeps more than it takes. */
export function pinsHeadline(pins: PinsView, unit: ByteUnit): string | null {
  const best = bestPin(pins);
  if (best === null) return null;
  const own = formatBytes(best.blockBytes, unit);
  const blocks =
    best.blocks === 1 ? `One block of ${own} keeps` : `${count(best.blocks, 'block')} of ${own} in all keep`;
  return `${blocks} ${formatBytes(best.unpinnedBytes, unit)} of free memory from being released`;
}

/** What is pinned, and how it is held, a sentence each. */
export function pinsWords(pins: PinsView, unit: ByteUnit): string[] {
  const { pinnedBytes, aloneBytes, sharedBytes, privateBytes } = pins;
  const size = (value: number): string => formatBytes(value, unit);
  const inPrivate =
    privateBytes === 0
      ? []
      : [
          `${size(privateBytes)} more lie free beside live blocks of private pools: nothing of those goes back while their graphs live.`,
        ];
  if (pinnedBytes === 0)
    return ['No live block keeps free memory of the default pool from going back.', ...inPrivate];
  return [
    `${size(pinnedBytes)} are free and cannot go back to the driver, even once all streams have caught up, because something lives in the same segment or page: ${size(aloneBytes)} held by one stack alone, ${size(sharedBytes)} by several together.`,
    ...(bestPin(pins) === null ? ['No stack alone sets free more than its blocks take themselves.'] : []),
    ...inPrivate,
  ];
}

const RELEASE: readonly Column[] = [
  { id: 'blocks', label: 'Blocks', numeric: true },
  { id: 'blockBytes', label: 'Free these', numeric: true },
  { id: 'released', label: 'Released', numeric: true },
  { id: 'unpinned', label: 'Free memory it pins', numeric: true },
];

const releaseCells = (
  one: Pick<PinsView['alone'][number], 'blocks' | 'blockBytes' | 'releasedBytes' | 'unpinnedBytes'>,
  largest: number,
  unit: ByteUnit,
): Cell[] => [
  cell(formatInteger(one.blocks), one.blocks),
  bytes(one.blockBytes, unit),
  bytes(one.releasedBytes, unit),
  bytes(one.unpinnedBytes, unit, largest > 0 ? one.unpinnedBytes / largest : null),
];

/** What each stack pins by itself. Keys are indices into `alone`. */
export function pinsTable({ alone, aloneTotal }: PinsView, unit: ByteUnit): TableModel {
  const largest = Math.max(0, ...alone.map(({ unpinnedBytes }) => unpinnedBytes));
  return {
    caption: 'Who pins free memory, by stack',
    columns: [{ id: 'label', label: 'Allocated by', numeric: false, wide: true }, ...RELEASE],
    rows: alone.map((pin, index) => ({
      key: String(index),
      cells: [
        cell(pin.label, pin.label, { mono: pin.stack !== null, title: pin.label }),
        ...releaseCells(pin, largest, unit),
      ],
    })),
    total: aloneTotal,
    sort: { column: 'unpinned', direction: 'descending' },
  };
}

/** Stacks that hold segments together, each row with those above it. Keys are indices into `together`. */
export function togetherTable({ together }: PinsView, unit: ByteUnit): TableModel {
  const largest = Math.max(0, ...together.map(({ unpinnedBytes }) => unpinnedBytes));
  return {
    caption: 'Stacks that pin free memory together',
    columns: [
      { id: 'added', label: 'All above, and', numeric: false, wide: true },
      { id: 'holders', label: 'Stacks', numeric: true },
      ...RELEASE,
    ],
    rows: together.map((set, index) => {
      const names = set.added.map(({ label }) => label).join('; ');
      return {
        key: String(index),
        cells: [
          cell(names, index, { mono: set.added.some(({ stack }) => stack !== null), title: names }),
          cell(formatInteger(set.holders), set.holders),
          ...releaseCells(set, largest, unit),
        ],
      };
    }),
    total: null,
    sort: null,
  };
}

export function togetherWords({ together, togetherCut }: PinsView): string {
  const cut = togetherCut ? ' Not every set of stacks was tried.' : '';
  return `Where several stacks lie in one segment, all of them have to go. ${count(together.length, 'row')}, each with the stacks above it, what they pin alone included: chosen step by step for the most bytes a stack; a better choice may exist.${cut}`;
}

/** "forward (model.py:3) pins 20.00 MiB with 1 block of 3.00 MiB" */
export function pinEvidence(pin: PinsView['alone'][number], unit: ByteUnit): string {
  const { label, blocks, blockBytes, unpinnedBytes } = pin;
  return `${label}: ${count(blocks, 'block')} of ${formatBytes(blockBytes, unit)} ${blocks === 1 ? 'pins' : 'pin'} ${formatBytes(unpinnedBytes, unit)} that ${blocks === 1 ? 'is' : 'are'} free.`;
}
