/**
 * Printed lines (`[tag] Allocated | Reserved`, memory summaries) placed in the open recordings by what they say.
 * Lines that hardly fit belong to another run: of those nothing is said.
 */
import {
  linesOfGauges,
  lineOfSummary,
  type PlacedLine,
  placeSequence,
  recordedRows,
  type RecordedRows,
  type SequenceLine,
} from './alignment-sequence.ts';
import type { Recording, TimedSource } from './timed-source.ts';

/** Of the lines that many must have their place, or they are of another run. */
const LEAST_SHARE = 0.5;
const LEAST_PLACED = 2;
/** Placing is a walk over all rows for each line. */
const MOST_LINES = 1000;

export interface PlacedSource {
  readonly sourceId: number;
  /** That they were placed in. */
  readonly recording: Recording;
  readonly file: string;
  readonly lines: readonly SequenceLine[];
  readonly placed: readonly PlacedLine[];
  readonly placedCount: number;
}

interface Lines {
  readonly device: number | null;
  readonly lines: readonly SequenceLine[];
}

function linesOf({ readings, summaries }: TimedSource): Lines[] {
  const found: Lines[] = [];
  const gauges = readings?.gauges ?? [];
  const tags = readings?.tables.find(({ id }) => id === 'memory-lines')?.rows.map((row) => String(row[1]));
  for (const allocated of gauges.filter(({ id }) => id === 'memory_allocated')) {
    const reserved = gauges.find(({ id, device }) => id === 'memory_reserved' && device === allocated.device);
    if (reserved?.value.length !== allocated.value.length) continue;
    // The table's rows are those of all devices.
    const names = tags?.length === allocated.value.length ? tags : [];
    found.push({ device: allocated.device, lines: linesOfGauges(allocated, reserved, names) });
  }
  for (const device of new Set(summaries.map((summary) => summary.device)))
    found.push({
      device,
      lines: summaries.filter((summary) => summary.device === device).map(lineOfSummary),
    });
  return found;
}

/** The recording in which most of the lines have their place. */
export function placeLines(sources: readonly TimedSource[]): PlacedSource[] {
  const rows = new Map<Recording, RecordedRows>();
  const recordings = sources.flatMap((source) =>
    source.recordings
      .filter(({ trace, rows: count }) => trace.producer === 'torch' && count > 0)
      .map((recording) => ({ recording, file: source.file })),
  );
  return sources.flatMap((source) =>
    linesOf(source).flatMap(({ device, lines }) => {
      if (lines.length === 0 || lines.length > MOST_LINES) return [];
      let best: PlacedSource | null = null;
      for (const { recording, file } of recordings) {
        if (device !== null && recording.trace.device !== device) continue;
        const recorded = rows.get(recording) ?? recordedRows(recording.trace, recording.baseline);
        rows.set(recording, recorded);
        const placed = placeSequence(lines, recorded);
        const placedCount = placed.filter(({ status }) => status === 'placed').length;
        if (placedCount > (best?.placedCount ?? 0))
          best = { sourceId: source.id, recording, file, lines, placed, placedCount };
      }
      const isOwn =
        best !== null && best.placedCount >= LEAST_PLACED && best.placedCount >= LEAST_SHARE * lines.length;
      return isOwn ? [best!] : [];
    }),
  );
}
