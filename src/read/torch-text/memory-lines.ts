/**
 * Reads lines that a program prints about itself, most often with this function:
 *
 *   def report_gpu_memory(tag=""):
 *       allocated = torch.cuda.memory_allocated() / 1e6
 *       reserved = torch.cuda.memory_reserved() / 1e6
 *       print(f"[{tag}] Allocated: {allocated:.1f} MB | Reserved: {reserved:.1f} MB")
 *
 * "MB" is 10^6 there, 2^20 with others who divide by 1024**2. The figures tell which: reserved memory comes in
 * steps of 2 MiB, so only the right unit makes every one of them a multiple. Where they do not tell, it is 10^6.
 *
 * Not read: lines with other words, or with only one of the two figures.
 */
import type { SourceData } from '../../trace/capture.ts';
import type { DataTable } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';
import { figureOf, unitBytes } from '../lines/printed-figure.ts';

const SIZE = String.raw`(-?\d+(?:\.\d+)?) ?([KMGT]i?B|bytes|B)\b`;
const LINE = new RegExp(
  String.raw`(?:\[([^\]]{0,200})\])?[^\[\]]{0,40}?\ballocated\s{0,3}[:=] ?${SIZE}[\s|,;/]{1,5}(?:[A-Za-z]{1,10} ){0,2}(?:reserved|cached)\s{0,3}[:=] ?${SIZE}`,
  'i',
);
/** Without it, LINE is not there; LINE itself is slow to find that out in long lines. */
const FIRST = /allocated\s{0,3}[:=]/i;
const SEGMENT_STEP = 2 * 1024 ** 2;
const MOST_ROWS = 100_000;
/** Printed figures that tell the unit: each agrees with the wrong one by chance in about one of twenty. */
const ENOUGH = 3;

interface Sample {
  readonly line: LogLine;
  readonly tag: string;
  readonly device: number | null;
  readonly allocated: readonly [digits: string, unit: string];
  readonly reserved: readonly [digits: string, unit: string];
}

type Unit = 'decimal' | 'binary';

/** Bytes of a unit; `ambiguous` says how to read MB and its like. */
function bytesOf(unit: string, ambiguous: Unit): number {
  const decimal = unitBytes(unit) ?? 1;
  if (ambiguous === 'decimal' || !/^[KMGT]B$/i.test(unit)) return decimal;
  return unitBytes(`${unit[0]}iB`) ?? decimal;
}

/** Whether every distinct figure of reserved memory is a multiple of 2 MiB, within the printed digits. */
function fits(samples: readonly Sample[], unit: Unit): boolean {
  return samples.every(({ reserved: [digits, name] }) => {
    const figure = figureOf(digits, bytesOf(name, unit));
    if (figure === null) return false;
    const apart = Math.abs(figure.value - Math.round(figure.value / SEGMENT_STEP) * SEGMENT_STEP);
    return apart <= figure.granularity / 2 + 1;
  });
}

function unitOf(samples: readonly Sample[]): { readonly unit: Unit; readonly because: string } {
  const ambiguous = samples.filter(({ reserved }) => /^[KMGT]B$/i.test(reserved[1]));
  if (ambiguous.length === 0) return { unit: 'decimal', because: '' };
  const name = ambiguous[0].reserved[1];
  const distinct = [...new Map(ambiguous.map((sample) => [sample.reserved.join(' '), sample])).values()];
  const decimal = fits(distinct, 'decimal');
  const binary = fits(distinct, 'binary');
  const powers = { decimal: '1000', binary: '1024' };
  if (decimal !== binary && distinct.length >= ENOUGH) {
    const unit = decimal ? 'decimal' : 'binary';
    const because = `"${name}" was taken in powers of ${powers[unit]}: in these units, and not in the others, all ${distinct.length} reserved figures are multiples of 2 MiB, as PyTorch's are.`;
    return { unit, because };
  }
  return {
    unit: 'decimal',
    because: `"${name}" was taken in powers of 1000, as the usual report_gpu_memory() prints it; the figures themselves do not tell.`,
  };
}

class MemoryLinesScan implements LineScan {
  private readonly samples: Sample[] = [];
  private readonly gauges: GaugeSet;

  constructor(times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  take(line: LogLine): boolean {
    if (!FIRST.test(line.text)) return false;
    const match = LINE.exec(line.text.length > 2000 ? line.text.slice(0, 2000) : line.text);
    if (match === null) return false;
    const [, tag, allocated, allocatedUnit, reserved, reservedUnit] = match;
    const device = /\b(?:cuda:|GPU[ :]?|device )(\d+)\b/.exec(line.text);
    this.gauges.at(line);
    this.samples.push({
      line: { text: '', offset: line.offset },
      tag: tag ?? '',
      device: device === null ? null : Number(device[1]),
      allocated: [allocated, allocatedUnit],
      reserved: [reserved, reservedUnit],
    });
    return true;
  }

  end(): SourceData | null {
    const { samples } = this;
    if (samples.length === 0) return null;
    const { unit, because } = unitOf(samples);
    const set = this.gauges;
    const rows: (string | number | null)[][] = [];
    const kinds = new Map<number | null, readonly GaugeKind[]>();
    samples.forEach(({ tag, device, allocated, reserved }, moment) => {
      const cells = [allocated, reserved].map(([digits, name]) => figureOf(digits, bytesOf(name, unit)));
      const ofDevice =
        kinds.get(device) ?? NAMES.map(([id, label]) => ({ id, label, unit: 'bytes', device }));
      kinds.set(device, ofDevice);
      cells.forEach((figure, at) => {
        if (figure !== null) set.addAt(moment, ofDevice[at], figure.value, figure.granularity);
      });
      if (rows.length < MOST_ROWS) {
        rows.push([moment, tag, cells[0]?.value ?? null, cells[1]?.value ?? null]);
      }
    });
    const { gauges, clock, notRecorded } = set.build();
    return sourceData({
      producer: 'Lines of allocated and reserved memory, printed by the program',
      rows: samples.length,
      warnings:
        samples.length > MOST_ROWS
          ? [
              {
                message: `The table shows the first ${MOST_ROWS} of ${samples.length} lines; the curves hold all.`,
                offset: samples[MOST_ROWS].line.offset,
              },
            ]
          : [],
      notRecorded: [
        ...(because === '' ? [] : [because]),
        ...notRecorded,
        'Two totals a line; which allocations make them up is in a snapshot: torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot("snapshot.pickle") after.',
      ],
      readings: { clock, gauges, tables: [tableOf(rows)], budgets: [], events: [] },
    });
  }
}

const NAMES = [
  ['memory_allocated', 'Allocated'],
  ['memory_reserved', 'Reserved'],
] as const;

const tableOf = (rows: DataTable['rows']): DataTable => ({
  id: 'memory-lines',
  title: 'Allocated and reserved memory, line by line',
  note: 'as printed, in bytes; rounded to the last printed digit',
  columns: [
    { name: 'line', unit: 'count' },
    { name: 'tag', unit: 'text' },
    { name: 'allocated', unit: 'bytes' },
    { name: 'reserved', unit: 'bytes' },
  ],
  rows,
});

export const memoryLinesScanner: LineScanner = {
  format: 'memory-lines',
  title: 'Lines of allocated and reserved memory',
  needles: ['allocated'],
  sniff(lines) {
    const count = lines.filter((line) => LINE.test(line.slice(0, 2000))).length;
    if (count === 0) return { score: 0, reason: 'no "Allocated: ... | Reserved: ..." line' };
    return { score: 0.85, reason: `${count} lines "Allocated: ... | Reserved: ..."` };
  },
  start: (_fileName, times = new LogTimes()) => new MemoryLinesScan(times),
};
