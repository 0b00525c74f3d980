/**
 * A run held against an earlier one, from the objects of both (`analyze --json`): what a guard in CI judges. Devices are
 * paired by their number, lines as `diff` matches them, as far as places alone tell.
 *
 * Refuses to judge what one of the two does not know exactly: then the figure is null, and says why.
 */
import { matchSites } from '../../analyze/compare/match-sites.ts';
import { siteOfPlace } from '../../analyze/compare/peak-lines.ts';
import type { Site } from '../../analyze/compare/sites.ts';
import { TraceError } from '../../base/trace-error.ts';
import type { AnalysisDevice } from './analysis.ts';
import type { AnalysisLine, AnalysisLines } from './lines.ts';

/** What of an object a baseline needs; the rest of it is not looked at. */
export interface BaselineDocument {
  readonly devices: readonly Pick<AnalysisDevice, 'source' | 'device' | 'memory_stats'>[];
  readonly lines: readonly AnalysisLines[];
}

export interface BaselineFigure {
  /** allocated, requested, reserved: at the peak. */
  readonly figure: 'allocated' | 'requested' | 'reserved';
  /** null: not known exactly. */
  readonly was_bytes: number | null;
  readonly now_bytes: number | null;
  /** null: one of the two is not known. */
  readonly difference_bytes: number | null;
  readonly note: string | null;
}

export interface BaselineLine {
  readonly place: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly was_bytes: number;
  readonly now_bytes: number;
  readonly difference_bytes: number;
  /** true: the baseline has no such line. */
  readonly is_new: boolean;
}

export interface BaselineDevice {
  readonly source: number;
  readonly device: number;
  readonly figures: readonly BaselineFigure[];
  /** Those that differ, the largest difference first; null: one of the two does not tell lines. */
  readonly lines: readonly BaselineLine[] | null;
}

export interface AnalysisBaseline {
  readonly file: string;
  readonly devices: readonly BaselineDevice[];
  /** Devices of this run that the baseline has not. */
  readonly unknown_devices: readonly number[];
}

const FIGURES = ['allocated', 'requested', 'reserved'] as const;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isLine = (value: unknown): boolean =>
  isRecord(value) &&
  typeof value['place'] === 'string' &&
  Number.isSafeInteger(value['bytes']) &&
  Number.isSafeInteger(value['allocations']) &&
  (value['line'] === null || typeof value['line'] === 'number');

/** The object of `analyze --json`, checked; null: it is none. Throws `unsupported` where it is one that is not understood. */
export function baselineDocument(value: unknown): BaselineDocument | null {
  if (!isRecord(value) || !Array.isArray(value['devices']) || !Array.isArray(value['sources'])) return null;
  const not = (why: string): TraceError =>
    new TraceError('unsupported', `The baseline cannot be used: ${why}.`, {
      advice: 'Write it again with `vramscope analyze FILE --json`.',
    });
  if (value['schema'] !== 1) throw not(`its schema is ${JSON.stringify(value['schema'] ?? null)}, not 1`);
  for (const device of value['devices'])
    if (!isRecord(device) || typeof device['device'] !== 'number' || !isRecord(device['memory_stats']))
      throw not('a device of it has no number or no memory_stats');
  const lines = value['lines'] ?? [];
  if (!Array.isArray(lines)) throw not('its lines are no list');
  for (const one of lines)
    if (
      !isRecord(one) ||
      typeof one['device'] !== 'number' ||
      !Array.isArray(one['lines']) ||
      !one['lines'].every(isLine)
    )
      throw not('its lines are not those of a device');
  return value as unknown as BaselineDocument;
}

function figuresOf(
  was: BaselineDocument['devices'][number],
  now: BaselineDocument['devices'][number],
): BaselineFigure[] {
  return FIGURES.map((figure) => {
    const of = ({ memory_stats: stats }: Pick<AnalysisDevice, 'memory_stats'>): number | null => {
      const value = stats[`${figure}_bytes.all.peak`];
      const bytes = Number(value);
      return value === undefined || !Number.isFinite(bytes) ? null : bytes;
    };
    const [before, after] = [of(was), of(now)];
    const missing = [before === null ? 'the baseline' : null, after === null ? 'this run' : null].filter(
      (one) => one !== null,
    );
    return {
      figure,
      was_bytes: before,
      now_bytes: after,
      difference_bytes: before === null || after === null ? null : after - before,
      note:
        missing.length > 0
          ? `${missing.join(' and ')} does not hold its exact peak`
          : figure === 'reserved'
            ? "varies with the pool's history"
            : null,
    };
  });
}

const siteOf = (line: AnalysisLine, index: number): Site =>
  siteOfPlace(index, {
    label: line.place,
    frame:
      line.file === null || line.line === null || line.function === null
        ? null
        : { name: line.function, filename: line.file, line: line.line },
    bytes: line.bytes,
    allocations: line.allocations,
  });

function linesThatDiffer(was: AnalysisLines, now: AnalysisLines): BaselineLine[] {
  const { pairs } = matchSites(was.lines.map(siteOf), now.lines.map(siteOf));
  const differing = pairs.flatMap(({ a, b }): BaselineLine[] => {
    const [before, after] = [a === null ? null : was.lines[a.index], b === null ? null : now.lines[b.index]];
    const place = (after ?? before)!;
    const difference = (after?.bytes ?? 0) - (before?.bytes ?? 0);
    if (difference === 0) return [];
    return [
      {
        place: place.place,
        file: place.file,
        line: place.line,
        was_bytes: before?.bytes ?? 0,
        now_bytes: after?.bytes ?? 0,
        difference_bytes: difference,
        is_new: before === null,
      },
    ];
  });
  return differing.sort(
    (x, y) => Math.abs(y.difference_bytes) - Math.abs(x.difference_bytes) || (x.place < y.place ? -1 : 1),
  );
}

/** The nth device of each number; where each has one GPU, these whatever their numbers. */
export function pairsOf(was: BaselineDocument, now: BaselineDocument): (readonly [number, number | null])[] {
  const gpus = (all: readonly { readonly device: number }[]): number[] =>
    all.flatMap(({ device }, index) => (device >= 0 ? [index] : []));
  const [before, after] = [gpus(was.devices), gpus(now.devices)];
  const alone = before.length === 1 && after.length === 1;
  const taken = new Set<number>();
  return now.devices.map(({ device }, index) => {
    if (alone && after[0] === index) return [index, before[0]];
    const found = was.devices.findIndex((one, i) => one.device === device && !taken.has(i));
    if (found < 0) return [index, null];
    taken.add(found);
    return [index, found];
  });
}

export function againstBaseline(
  now: BaselineDocument,
  was: BaselineDocument,
  file: string,
): AnalysisBaseline {
  const pairs = pairsOf(was, now);
  const linesOf = (
    all: readonly AnalysisLines[],
    { source, device }: Pick<AnalysisDevice, 'source' | 'device'>,
  ): AnalysisLines | undefined => all.find((one) => one.source === source && one.device === device);
  return {
    file,
    devices: pairs.flatMap(([at, before]): BaselineDevice[] => {
      if (before === null) return [];
      const device = now.devices[at];
      const old = was.devices[before];
      const [oldLines, newLines] = [linesOf(was.lines ?? [], old), linesOf(now.lines, device)];
      return [
        {
          source: device.source,
          device: device.device,
          figures: figuresOf(old, device),
          lines:
            oldLines === undefined || newLines === undefined ? null : linesThatDiffer(oldLines, newLines),
        },
      ];
    }),
    unknown_devices: pairs.flatMap(([at, before]) => (before === null ? [now.devices[at].device] : [])),
  };
}
