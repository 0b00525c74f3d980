/**
 * Zoom and pan as arithmetic: spans of the x axis in, spans out. A span never leaves the recording and never
 * becomes narrower than `minimum`.
 */
import type { Axis, Range } from '../../engine/protocol.ts';

/** Half-open interval of x: nanoseconds or rows. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Narrowest useful span: a microsecond, or eight rows. */
export const minimumWidth = (axis: Axis): number => (axis === 'time' ? 1000 : 8);

/** The same width moved inside `whole`; no wider than it, no narrower than `minimum`. */
export function clampSpan(span: Span, whole: Span, minimum: number): Span {
  const full = whole.to - whole.from;
  const width = Math.min(full, Math.max(span.to - span.from, Math.min(minimum, full)));
  const middle = (span.from + span.to) / 2;
  const wanted = width === span.to - span.from ? span.from : middle - width / 2;
  const from = Math.min(Math.max(wanted, whole.from), whole.to - width);
  return { from, to: from + width };
}

/** `factor` < 1 zooms in; the point `at` keeps its place on the screen. */
export function zoomAbout(span: Span, at: number, factor: number, whole: Span, minimum: number): Span {
  const width = span.to - span.from;
  const target = Math.min(whole.to - whole.from, Math.max(width * factor, minimum));
  const share = width > 0 ? (at - span.from) / width : 0.5;
  const from = at - share * target;
  return clampSpan({ from, to: from + target }, whole, minimum);
}

export function panBy(span: Span, delta: number, whole: Span): Span {
  return clampSpan({ from: span.from + delta, to: span.to + delta }, whole, 0);
}

export const pixelToX = (pixel: number, span: Span, width: number): number =>
  span.from + (pixel / Math.max(1, width)) * (span.to - span.from);

export const xToPixel = (x: number, span: Span, width: number): number =>
  ((x - span.from) / (span.to - span.from || 1)) * width;

/** Two ends in any order, cut to the recording; null where nothing is left between them. */
export function spanBetween(a: number, b: number, whole: Span): Span | null {
  const from = Math.max(Math.min(a, b), whole.from);
  const to = Math.min(Math.max(a, b), whole.to);
  return to > from ? { from, to } : null;
}

/** What the engine is asked: whole numbers that cover the span. */
export function toRange(axis: Axis, span: Span): Range {
  const from = Math.floor(span.from);
  return { axis, from, to: Math.max(from + 1, Math.ceil(span.to)) };
}

export const sameSpan = (a: Span, b: Span): boolean => a.from === b.from && a.to === b.to;
