/**
 * NVTX ranges and marks, which tell what the program was doing. They belong to threads of processes, not to
 * devices: each is shown with every device that its process used.
 *
 * Not read: payloads, colours, categories, and the older text-file ranges (nvtxt).
 */
import type { Annotation, Warning } from '../../trace/capture.ts';
import { processPart } from './calls.ts';
import { NVTX_TABLE } from './schema.ts';
import { shorten } from './stacks.ts';
import type { NsysTables } from './tables.ts';
import type { ReaderContext } from '../reader.ts';

/** NSYS_EVENT_TYPE. */
const MARK = 34;
const PUSH_POP = 59;
const START_END = 60;
const MOST_RANGES = 200_000;
const BREATH_ROWS = 1 << 16;

export interface RawRange {
  readonly start: bigint;
  readonly end: bigint | null;
  /** Part of globalTid that its process has too. */
  readonly process: number;
  /** null: see `textId`. */
  readonly text: string | null;
  readonly textId: number;
}

export interface RawRanges {
  readonly ranges: RawRange[];
  readonly warnings: Warning[];
}

export async function readRanges(tables: NsysTables, context: ReaderContext): Promise<RawRanges> {
  const ranges: RawRange[] = [];
  const warnings: Warning[] = [];
  if (!tables.names.has(NVTX_TABLE)) return { ranges, warnings };
  let n = 0;
  let left = 0;
  let timeless = 0;
  const columns = ['eventType', 'start', 'end', 'text', 'textId', 'globalTid'];
  for await (const rows of tables.rows(NVTX_TABLE, columns)) {
    while (rows.step()) {
      if (++n % BREATH_ROWS === 0) {
        context.progress('reading NVTX ranges', tables.bytesRead());
        await context.breathe();
      }
      const type = rows.int(0);
      if (type !== MARK && type !== PUSH_POP && type !== START_END) continue;
      if (rows.isNull(1)) {
        timeless++;
        continue;
      }
      if (ranges.length === MOST_RANGES) {
        left++;
        continue;
      }
      const start = rows.bigint(1);
      ranges.push({
        start,
        end: type === MARK ? start : rows.isNull(2) ? null : rows.bigint(2),
        process: processPart(rows.number(5)),
        text: rows.isNull(3) ? null : shorten(rows.text(3)),
        textId: rows.isNull(4) ? NaN : rows.number(4),
      });
    }
  }
  const say = (message: string): void => void warnings.push({ message, offset: null });
  if (left > 0)
    say(`${left} NVTX ranges are not shown: only the first ${MOST_RANGES} of the table were kept.`);
  if (timeless > 0) say(`${timeless} NVTX ranges have no time and were left out.`);
  return { ranges, warnings };
}

export function stringsOfRanges({ ranges }: RawRanges, wanted: Set<number>): void {
  for (const { text, textId } of ranges) if (text === null && !Number.isNaN(textId)) wanted.add(textId);
}

/** Ranges of these processes, for one device, in time order. */
export function annotationsOf(
  { ranges }: RawRanges,
  strings: ReadonlyMap<number, string>,
  device: number,
  isHere: (process: number) => boolean,
): Annotation[] {
  return ranges
    .filter(({ process }) => isHere(process))
    .map(({ start, end, text, textId }) => ({
      name: text ?? strings.get(textId) ?? '(without a name)',
      device,
      start_ns: start,
      end_ns: end,
    }))
    .sort((a, b) => (a.start_ns < b.start_ns ? -1 : a.start_ns > b.start_ns ? 1 : 0));
}
