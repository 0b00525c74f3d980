/**
 * The lines of `torch.cuda.memory_summary()`, one at a time: what a line says, and nothing of its
 * neighbours. A table line is found by its end, so that whatever a logger wrote before it stays out:
 *
 *   (Worker pid=7) | Allocated memory      |   5624 MiB |   5673 MiB |  22536 MiB |  16912 MiB |
 *   '---prefix---' '-------metric--------' '--current-' '---peak---' '-allocated' '--freed---'
 *
 * The figures are rounded down to the unit beside them (torch/cuda/memory.py, memory_summary()).
 */
import { lookup } from '../../base/lookup.ts';
import type { SummaryCell } from '../../trace/capture.ts';
import { stripColours } from '../lines/colours.ts';

export type TableLine =
  | { readonly kind: 'border'; readonly prefix: string; readonly double: boolean }
  | { readonly kind: 'title'; readonly prefix: string; readonly backend: string; readonly device: number }
  | { readonly kind: 'ooms'; readonly prefix: string; readonly ooms: number; readonly retries: number }
  | { readonly kind: 'header'; readonly prefix: string }
  | {
      readonly kind: 'row';
      readonly prefix: string;
      /** As printed, or "large_pool" / "small_pool". */
      readonly name: string;
      readonly isPool: boolean;
      /** Printed figures times their units. */
      readonly figures: SummaryCell;
      /** Bytes or count of one unit of each figure. */
      readonly units: SummaryCell;
    }
  /** Has the shape of a row, and cannot be read. */
  | { readonly kind: 'broken'; readonly prefix: string; readonly isPool: boolean };

const BORDER = /\|(={40,}|-{40,})\|$/;
const TITLE = /\|\s*PyTorch (\w+) memory summary, device ID (\d+)\s*\|$/;
const OOMS = /\|\s*\w+ OOMs: (\d+)\s*\|\s*\w+ retries: (\d+)\s*\|$/;
const HEADER = /\|\s*Metric\s*\|\s*Cur Usage\s*\|\s*Peak Usage\s*\|\s*Tot Alloc\s*\|\s*Tot Freed\s*\|$/;
const FIGURE = String.raw`\s*(-?\d+)\s*([A-Za-z]{0,3})\s*\|`;
const ROW = new RegExp(String.raw`\|\s*([A-Za-z][A-Za-z -]*?)\s*\|${FIGURE.repeat(4)}$`);
/** Five cells of about the right width at the end of a line. */
const ROW_SHAPE = /\|[^|]{20,30}(\|[^|]{9,15}){4}\|$/;
const POOL = /^from (large|small) pool$/;

const UNITS: Readonly<Record<string, number>> = lookup({
  '': 1,
  K: 1e3,
  M: 1e6,
  B: 1,
  // torch 1.4 to 1.12 divided by 1024 and printed these.
  KB: 1024,
  MB: 1024 ** 2,
  GB: 1024 ** 3,
  TB: 1024 ** 4,
  PB: 1024 ** 5,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
  PiB: 1024 ** 5,
});

/** What JSON and notebooks write after the last bar of a string. */
const QUOTED_END = /\|["'}\],]{1,8}$/;
const METRIC = /^(Allocated|Active|Requested|GPU reserved|Non-releasable|Oversize|Allocations)/;
/** Width of a table as PyTorch prints it, bars included. */
const WIDTH = 77;

/** Without colours, white space at the end and the quotes around a string that holds the line. */
export function cleanLine(text: string): string {
  const plain = stripColours(text).trimEnd();
  return plain.endsWith('|') ? plain : plain.replace(QUOTED_END, '|');
}

const cell = (values: readonly number[]): SummaryCell => ({
  current: values[0],
  peak: values[1],
  allocated: values[2],
  freed: values[3],
});

function parseRow(match: RegExpExecArray, prefix: string): TableLine | null {
  const pool = POOL.exec(match[1]);
  // A metric that is not known yet is told from rows of other tables by the width that PyTorch gives its own.
  if (!pool && !METRIC.test(match[1]) && match[0].length !== WIDTH) return null;
  const figures: number[] = [];
  const units: number[] = [];
  for (let column = 0; column < 4; column++) {
    const unit = UNITS[match[3 + 2 * column]];
    if (unit === undefined) return { kind: 'broken', prefix, isPool: pool !== null };
    figures.push(Number(match[2 + 2 * column]) * unit);
    units.push(unit);
  }
  return {
    kind: 'row',
    prefix,
    name: pool ? `${pool[1]}_pool` : match[1],
    isPool: pool !== null,
    figures: cell(figures),
    units: cell(units),
  };
}

/** No table line is wider; what stands before is a prefix that no pattern needs to search. */
const WIDEST = 200;

/** What a clean line says, or null where it is no line of a summary. */
export function parseTableLine(line: string): TableLine | null {
  if (!line.endsWith('|')) return null;
  const from = Math.max(0, line.length - WIDEST);
  const tail = line.slice(from);
  const prefixOf = (match: RegExpExecArray): string => line.slice(0, from + match.index);
  let match = BORDER.exec(tail);
  if (match) return { kind: 'border', prefix: prefixOf(match), double: match[1].startsWith('=') };
  match = ROW.exec(tail);
  if (match) return parseRow(match, prefixOf(match));
  match = TITLE.exec(tail);
  if (match) {
    return { kind: 'title', prefix: prefixOf(match), backend: match[1], device: Number(match[2]) };
  }
  match = OOMS.exec(tail);
  if (match) {
    return { kind: 'ooms', prefix: prefixOf(match), ooms: Number(match[1]), retries: Number(match[2]) };
  }
  match = HEADER.exec(tail);
  if (match) return { kind: 'header', prefix: prefixOf(match) };
  match = ROW_SHAPE.exec(tail);
  return match && { kind: 'broken', prefix: prefixOf(match), isPool: match[0].includes(' from ') };
}
