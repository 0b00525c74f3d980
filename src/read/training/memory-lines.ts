/**
 * Reads lines of memory figures that programs print about themselves: training loops and trainers (programs.ts), and
 * anyone who prints what PyTorch's functions return:
 *
 *   def report_gpu_memory(tag=""):
 *       allocated = torch.cuda.memory_allocated() / 1e6
 *       reserved = torch.cuda.memory_reserved() / 1e6
 *       print(f"[{tag}] Allocated: {allocated:.1f} MB | Reserved: {reserved:.1f} MB")
 *
 * A line that another reader understood is left alone. Units: printed-units.ts, and by program.
 *
 * Not read: differences, shares, what was asked for or planned; figures without a unit, unless their program is
 * known or they are whole bytes.
 */
import { count } from '../../base/words.ts';
import type { Printed } from '../../base/measured.ts';
import type { SourceData } from '../../trace/capture.ts';
import type { DataTable, TableColumn } from '../../trace/readings.ts';
import { sourceData } from '../../trace/source-data.ts';
import { type GaugeKind, GaugeSet } from '../lines/gauge-set.ts';
import type { LogLine, RawLine } from '../lines/log-line.ts';
import type { LineScan, LineScanner } from '../lines/log-scanner.ts';
import { LogTimes } from '../lines/log-time.ts';
import { figureOf } from '../lines/printed-figure.ts';
import { figuresOf, type PrintedFigure } from './printed-figures.ts';
import { type Place, placeOf, tagOf, tagOfLine } from './printed-place.ts';
import { DEVICE_USED, kindOf, type SeriesName, seriesOf } from './printed-series.ts';
import { bytesOfUnit, powersOf } from './printed-units.ts';
import { type Program, PROGRAMS } from './programs.ts';
import {
  AXOLOTL,
  memGetInfoOf,
  progressRowOf,
  sumsOf,
  TENSORRT,
  tensorRtOf,
  ULTRALYTICS,
} from './special-rows.ts';

const SEARCHED = 2000;
const MOST_ROWS = 100_000;
/** So many lines of a server's own make it a server's log: only plain words are taken beside them. */
const SERVER_LINES = 3;
/** Cheap: a line without any of these has no figure of memory. */
const HINT = /mem|alloc|reserved|cached|vram|hbm|gb_free|free|gpu|\dG /i;

interface Sample {
  readonly offset: number;
  readonly program: Program | null;
  readonly figures: readonly PrintedFigure[];
  readonly place: Place;
  readonly tag: string;
}

interface ReadLine extends Omit<Sample, 'offset' | 'tag'> {
  readonly tag: string | null;
}

const isPlain = ({ meaning }: PrintedFigure): boolean =>
  meaning.quantity === 'allocated' || meaning.quantity === 'reserved';

/** "Free: 10.5 GB / Total: 79.15 GB": what mem_get_info() returns. */
const isFreeOfTotal = (figures: readonly PrintedFigure[]): boolean =>
  figures.some(({ meaning }) => meaning.quantity === 'free') &&
  figures.some(({ meaning }) => meaning.quantity === 'total') &&
  figures.every(({ meaning, unit }) => meaning.scope !== 'host' && unit !== null);

/** Lines below "Allocated: ...", of the same list. */
const isOfBlock = (figures: readonly PrintedFigure[]): boolean =>
  figures.every(({ meaning, unit }) => meaning.scope !== 'host' && unit !== null);

/** "GPU 0: used 12345 MiB / 81920 MiB": of a GPU by its own words. */
const isUsedOfTotal = (text: string, figures: readonly PrintedFigure[]): boolean =>
  /\b(?:GPU|CUDA|VRAM)\b/i.test(text) &&
  isOfBlock(figures) &&
  figures.some(({ meaning }) => meaning.quantity === 'used') &&
  figures.some(({ meaning }) => meaning.quantity === 'total');

const ofGpu = (text: string, figures: readonly PrintedFigure[]): ReadLine => ({
  program: null,
  figures,
  place: placeOf(text),
  tag: tagOf(text, figures[0].from),
});

/** "GPU 0: NVIDIA A100-SXM4-80GB", above lines that are about it. */
const HEADING = /^[\s=#*[-]{0,8}GPU[ :#]{0,2}(\d{1,2})\b(?!.{0,200}\d ?[KMG]i?B\s*[/|,])/;
/** A list goes on at most so far, in bytes. */
const BLOCK_BYTES = 600;

/** What one line says; null: nothing. `strict`: only of allocated and reserved, where no program is known. */
function readLine(whole: string, strict: boolean, isInside = false): ReadLine | null {
  const text = whole.length > SEARCHED ? whole.slice(0, SEARCHED) : whole;
  if (!HINT.test(text) && !isInside) return null;
  const row = progressRowOf(text);
  if (row !== null)
    return {
      program: ULTRALYTICS,
      figures: [row.figure],
      place: { ...placeOf(text), device: null, step: row.step, stepWord: 'epoch' },
      tag: '',
    };
  const trt = tensorRtOf(text);
  // "GPU 820" is its figure and no number of a GPU.
  if (trt !== null)
    return {
      program: TENSORRT,
      figures: [trt],
      place: { ...placeOf(text), device: null },
      tag: tagOf(text, 0),
    };
  const device = memGetInfoOf(text);
  if (device !== null) return ofGpu(text, device);
  const sums = sumsOf(text);
  if (sums !== null) return { program: AXOLOTL, figures: sums.figures, place: placeOf(text), tag: sums.tag };
  const program = PROGRAMS.find(({ sign }) => sign.test(text)) ?? null;
  const figures = figuresOf(text, {
    ...(program?.aliases === undefined ? {} : { aliases: program.aliases }),
    ...(program?.bare === undefined ? {} : { bare: program.bare }),
  });
  if (figures.length === 0)
    return program === null ? null : { program, figures, place: placeOf(text), tag: '' };
  if (program === null) {
    if (
      !figures.some(({ meaning }) => meaning.named) &&
      !isFreeOfTotal(figures) &&
      !(isInside && isOfBlock(figures))
    )
      return isUsedOfTotal(text, figures) ? ofGpu(text, figures) : null;
    if (strict && !figures.some(isPlain)) return null;
  }
  const tag = program?.tag?.exec(text)?.[1] ?? tagOf(text, figures[0].from);
  return { program, figures, place: placeOf(text), tag: program?.tagBefore ? null : tag };
}

const decimalsOf = (digits: string): number => /\.(\d+)$/.exec(digits)?.[1].length ?? 0;

/** Numbers of unlike lengths, one of many digits, are whole floats as Python prints them ("3270.16064453125", "6406.0"). */
function isUnrounded(line: readonly string[]): boolean {
  const decimals = line.map(decimalsOf);
  return Math.max(0, ...decimals) >= 6 && new Set(decimals).size > 1;
}

class MemoryLinesScan implements LineScan {
  private readonly samples: Sample[] = [];
  private readonly gauges: GaugeSet;
  private before = '';
  private others = 0;
  private heading: { readonly device: number; readonly offset: number } | null = null;
  /** Of the last line that was taken. */
  private lastOffset = -Infinity;
  /** Lines of a known program that hold differences or shares alone. */
  private differences = 0;

  constructor(times: LogTimes) {
    this.gauges = new GaugeSet(times);
  }

  /** A list goes on in lines without a word of memory: "Total: 79.15 GB". */
  wants(line: RawLine): boolean {
    return line.offset - this.lastOffset < BLOCK_BYTES;
  }

  take(line: LogLine, isTaken = false): boolean {
    if (isTaken) {
      if (HINT.test(line.text.slice(0, SEARCHED))) this.others++;
      return false;
    }
    const isInside = line.offset - this.lastOffset < BLOCK_BYTES;
    let read = readLine(line.text, this.others >= SERVER_LINES, isInside);
    if (read === null) {
      const heading = HEADING.exec(line.text.slice(0, SEARCHED));
      if (heading !== null) {
        this.heading = { device: Number(heading[1]), offset: line.offset };
        return true;
      }
      // DeepSpeed prints what it measures in a line of its own, before the figures.
      if (!/\bsee_memory_usage\]/.test(line.text)) return false;
      this.before = tagOfLine(line.text);
      return true;
    }
    if (read.figures.length === 0) {
      this.differences++;
      return true;
    }
    this.gauges.at(line);
    this.lastOffset = line.offset;
    const { heading } = this;
    const isUnder = heading !== null && line.offset - heading.offset < BLOCK_BYTES;
    if (isUnder && read.place.device === null && Object.keys(read.place.labels).length === 0)
      read = { ...read, place: { ...read.place, device: heading.device } };
    this.samples.push({ ...read, tag: read.tag ?? this.before, offset: line.offset });
    return true;
  }

  end(): SourceData | null {
    const { samples, gauges: set } = this;
    if (samples.length === 0) return null;
    const { powers, because } = powersOf(
      samples
        .filter(({ program }) => program === null)
        .flatMap(({ figures }) =>
          figures.map(({ meaning, digits, unit }) => ({
            quantity: meaning.quantity,
            digits,
            unit: unit ?? 'B',
          })),
        ),
    );
    const kinds = new Map<string, GaugeKind>();
    const table = new PrintedTable();
    samples.forEach(({ program, figures, place, tag }, moment) => {
      const told = new Map<SeriesName, Printed>();
      const since = program?.since ?? null;
      const exact = isUnrounded(figures.map(({ digits }) => digits));
      for (const { meaning, digits, unit } of figures) {
        const figure = figureOf(digits.replace('+', ''), bytesOfUnit(unit ?? 'B', program?.units ?? powers));
        const series = seriesOf(meaning);
        if (figure === null || [...told.keys()].some(({ column }) => column === series.column)) continue;
        told.set(series, figure);
        const key = `${series.id}\n${place.device}\n${JSON.stringify(place.labels)}\n${since}`;
        const kind = kinds.get(key) ?? kindOf(meaning, place, since);
        kinds.set(key, kind);
        set.addAt(moment, kind, figure.value, exact ? 0 : figure.granularity);
      }
      const used = usedOf(told);
      if (used !== null) {
        const key = `${DEVICE_USED.id}\n${place.device}\n${JSON.stringify(place.labels)}`;
        const kind = kinds.get(key) ?? {
          ...kindOf({ quantity: 'used', peak: false, scope: 'device', named: true }, place, null),
          note: 'computed: total - free',
        };
        kinds.set(key, kind);
        set.addAt(moment, kind, used.value, used.granularity);
      }
      table.add(moment, tag, place, told);
    });
    const { gauges, clock, notRecorded } = set.build();
    return sourceData({
      producer: producerOf(samples),
      rows: samples.length,
      warnings:
        samples.length > MOST_ROWS
          ? [
              {
                message: `The table shows the first ${MOST_ROWS} of ${samples.length} lines; the curves hold all.`,
                offset: samples[MOST_ROWS].offset,
              },
            ]
          : [],
      notRecorded: [
        ...(because === '' ? [] : [because]),
        ...unitSentences(samples),
        ...(this.differences === 0
          ? []
          : [
              `${count(this.differences, 'more line holds', 'more lines hold')} differences or shares of memory and no level: not drawn.`,
            ]),
        ...notRecorded,
        `${isPlainThroughout(samples) ? 'Two totals a line' : 'Totals of a moment'}; which allocations make them up is in a snapshot: torch.cuda.memory._record_memory_history() before, torch.cuda.memory._dump_snapshot("snapshot.pickle") after.`,
      ],
      readings: { clock, gauges, tables: [table.build(isPlainThroughout(samples))] },
    });
  }

  title(): string {
    return isPlainThroughout(this.samples) ? TITLE : 'Lines of memory that a program prints';
  }
}

/** mem_get_info() gives what is free and what there is: the rest is used, by whomever. */
function usedOf(told: ReadonlyMap<SeriesName, Printed>): Printed | null {
  const of = (column: string): Printed | null =>
    [...told].find(([series]) => series.column === column)?.[1] ?? null;
  const [free, total] = [of('free'), of('total')];
  if (
    free === null ||
    total === null ||
    of('device_used') !== null ||
    of('used') !== null ||
    total.value < free.value
  )
    return null;
  return { value: total.value - free.value, granularity: free.granularity + total.granularity };
}

const isPlainThroughout = (samples: readonly Sample[]): boolean =>
  samples.every(({ figures }) => figures.some(isPlain));

const programNames = (samples: readonly Sample[]): string[] => [
  ...new Set(samples.flatMap(({ program }) => (program === null ? [] : [program.name]))),
];

function producerOf(samples: readonly Sample[]): string {
  const names = programNames(samples);
  const printed = isPlainThroughout(samples) ? 'Lines of allocated and reserved memory' : 'Lines of memory';
  return `${printed}, printed by ${names.length === 0 ? 'the program' : names.join(' and ')}`;
}

const POWERS = { binary: { base: '2^', step: 10 }, decimal: { base: '10^', step: 3 } } as const;
const DIVISOR = { binary: 'powers of 1024', decimal: 'powers of 1000' } as const;

/** What the units of known programs are, and why. */
function unitSentences(samples: readonly Sample[]): string[] {
  const told = new Map<string, string>();
  for (const { program, figures } of samples) {
    if (program === null) continue;
    for (const { unit } of figures) {
      if (unit === null || !/^[KMGT](?:B|b)?$/.test(unit)) continue;
      const { base, step } = POWERS[program.units];
      const power = step * (1 + 'KMGT'.indexOf(unit[0]));
      told.set(
        `${program.name} ${unit}`,
        `"${unit}" was taken as ${base}${power} bytes, as ${program.name} divides by ${DIVISOR[program.units]}${program.unitsNote === undefined ? '' : `; ${program.unitsNote}`}.`,
      );
    }
  }
  return [...told.values()];
}

/** The lines as a table; its columns are what was printed. */
class PrintedTable {
  private readonly rows: {
    readonly moment: number;
    readonly tag: string;
    readonly place: Place;
    readonly told: ReadonlyMap<SeriesName, Printed>;
  }[] = [];
  private readonly columns = new Map<string, SeriesName>();
  private readonly stepWords = new Set<string>();
  private readonly places = new Set<string>();

  add(moment: number, tag: string, place: Place, told: ReadonlyMap<SeriesName, Printed>): void {
    for (const series of told.keys()) this.columns.set(series.column, series);
    if (place.step !== null) this.stepWords.add(place.stepWord);
    for (const name of Object.keys(place.labels)) this.places.add(name);
    if (this.rows.length < MOST_ROWS) this.rows.push({ moment, tag, place, told });
  }

  build(plain: boolean): DataTable {
    const columns = [...this.columns.keys()];
    const places = [...this.places];
    // Lines of an epoch between those of steps: the column is named for the steps.
    const hasSteps = this.stepWords.size > 0;
    const stepName = this.stepWords.has('step') ? 'step' : [...this.stepWords][0];
    const head: TableColumn[] = [
      { name: 'line', unit: 'count' },
      { name: 'tag', unit: 'text' },
      ...columns.map((name): TableColumn => ({ name, unit: 'bytes' })),
      ...(hasSteps ? [{ name: stepName, unit: 'count' } as const] : []),
      ...places.map((name): TableColumn => ({ name, unit: 'text' })),
    ];
    return {
      id: 'memory-lines',
      title: plain ? 'Allocated and reserved memory, line by line' : 'Memory, line by line',
      note: 'as printed, in bytes; rounded to the last printed digit',
      columns: head,
      rows: this.rows.map(({ moment, tag, place, told }) => {
        const byColumn = new Map([...told].map(([{ column }, figure]) => [column, figure.value]));
        return [
          moment,
          tag,
          ...columns.map((name) => byColumn.get(name) ?? null),
          ...(hasSteps ? [place.stepWord === stepName ? place.step : null] : []),
          ...places.map((name) => place.labels[name] ?? null),
        ];
      }),
    };
  }
}

const TITLE = 'Lines of allocated and reserved memory';

export const memoryLinesScanner: LineScanner = {
  format: 'memory-lines',
  title: TITLE,
  needles: ['mem', 'alloc', 'reserved', 'cached', 'vram', 'hbm', 'gb_free', 'max_ma', '0g ', 'free', 'gpu'],
  sniff(lines) {
    let [plain, known, count] = [0, 0, 0];
    for (const line of lines) {
      const read = readLine(line, false);
      if (read === null || read.figures.length === 0) continue;
      count++;
      if (read.program !== null) known++;
      else if (read.figures.filter(isPlain).length > 1) plain++;
    }
    if (count === 0) return { score: 0, reason: 'no line with figures of memory' };
    const score = plain > 0 ? 0.85 : known > 0 ? 0.8 : 0.6;
    return { score, reason: `${count} lines with figures of memory` };
  },
  start: (_fileName, times = new LogTimes()) => new MemoryLinesScan(times),
};
