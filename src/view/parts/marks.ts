/** What lies on the timeline beside curves: annotations in lanes, out-of-memory marks. */
import type { Axis, DeviceView, IterationsView } from '../../engine/protocol.ts';
import { formatBytes, formatDuration, formatInteger } from '../../base/units.ts';
import type { ByteUnit } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { Span } from './viewport.ts';
import { xToPixel } from './viewport.ts';
import { formatInstant } from './words.ts';

export interface AnnotationBar {
  readonly name: string;
  readonly lane: number;
  readonly left: number;
  readonly width: number;
  readonly span: Span;
  readonly title: string;
}

export interface AnnotationLanes {
  readonly lanes: number;
  readonly bars: readonly AnnotationBar[];
  /** How many are too narrow at this zoom, or find no lane. */
  readonly hidden: number;
}

const NARROWEST = 4;
const MOST_LANES = 3;
const MOST_BARS = 400;

/** Widest first come into lanes; what is narrower than a few pixels waits for zooming in. */
export function annotationLanes(device: DeviceView, span: Span, width: number): AnnotationLanes {
  const ends: number[] = [];
  const bars: AnnotationBar[] = [];
  let hidden = 0;
  for (const annotation of device.annotations) {
    const from = Number(annotation.start_ns - device.base);
    const to = annotation.end_ns === null ? device.spanNs : Number(annotation.end_ns - device.base);
    if (to <= span.from || from >= span.to) continue;
    const left = Math.max(0, xToPixel(from, span, width));
    const right = Math.min(width, xToPixel(to, span, width));
    const lane = ends.findIndex((end) => end <= left);
    const free = lane >= 0 ? lane : ends.length;
    if (right - left < NARROWEST || free >= MOST_LANES || bars.length >= MOST_BARS) {
      hidden++;
      continue;
    }
    ends[free] = right;
    const open = annotation.end_ns === null ? ', never closed' : '';
    bars.push({
      name: annotation.name,
      lane: free,
      left,
      width: Math.max(1, right - left - 1),
      span: { from, to },
      title: `${annotation.name}: ${formatDuration(to - from)} from ${formatInstant(from)}${open}`,
    });
  }
  return { lanes: ends.length, bars, hidden };
}

export const hiddenAnnotations = (hidden: number): string =>
  hidden === 0 ? '' : `${count(hidden, 'annotation')} too narrow here: zoom in`;

export interface OomMark {
  readonly x: number;
  readonly row: number;
  readonly xNs: number;
  readonly title: string;
  /** "at 1.832000 s", "at event 139". */
  readonly when: string;
}

export function oomMarks(device: DeviceView, axis: Axis, unit: ByteUnit): OomMark[] {
  return device.ooms.map(({ xNs, row, size, deviceFree }) => {
    const free = deviceFree === null ? '' : `, ${formatBytes(deviceFree, unit)} free on the device`;
    return {
      x: axis === 'time' ? xNs : row,
      xNs,
      row,
      when: axis === 'time' ? `at ${formatInstant(xNs)}` : `at event ${formatInteger(row)}`,
      title: `Out of memory: ${formatBytes(size, unit)} requested${free}`,
    };
  });
}

/** Closer together than this, marks would be a grey area. */
const CLOSEST = 5;

/** x of the beginnings of iterations in view, and of the end of the last; none where two would stand too close. */
export function iterationMarks(
  iterations: IterationsView | null,
  axis: Axis,
  span: Span,
  width: number,
): readonly number[] {
  if (iterations === null) return [];
  const all = axis === 'time' ? iterations.startsNs : iterations.rows;
  const shown = all.filter((x) => x > span.from && x < span.to);
  const nearest = (CLOSEST * (span.to - span.from)) / Math.max(1, width);
  return shown.some((x, i) => i > 0 && x - shown[i - 1] < nearest) ? [] : shown;
}
