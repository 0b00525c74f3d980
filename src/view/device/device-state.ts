/** The view of one device as plain state, and the moves that people make on it. All pure. */
import type { Axis, DeviceView, SeriesView } from '../../engine/protocol.ts';
import type { Span } from '../parts/viewport.ts';
import { clampSpan, minimumWidth, panBy, sameSpan, zoomAbout } from '../parts/viewport.ts';

export interface DeviceState {
  readonly axis: Axis;
  /** What the timeline shows. */
  readonly span: Span;
  /** What histograms and tables speak of; null: the whole recording. */
  readonly selection: Span | null;
  readonly hidden: ReadonlySet<string>;
}

/** Everything there is on an axis; never empty, so that nothing divides by zero. */
export function wholeOf(device: DeviceView, axis: Axis): Span {
  // The last event lies at spanNs; intervals are half-open.
  return { from: 0, to: axis === 'time' ? device.spanNs + 1 : Math.max(1, device.rows) };
}

/** From so much of the time axis on an idle stretch leaves too little room for what happens. */
const IDLE_SHARE = 0.25;

/**
 * The share of the time axis in which nothing happens at all, in one stretch; null: it leaves room enough, or what is drawn
 * under the axis (kernels, annotations) has times alone.
 */
export function idleShare({
  clock,
  producer,
  annotations,
  kernels,
  spanNs,
  longestIdleNs = 0,
}: DeviceView): number | null {
  if (clock === 'none' || producer !== 'torch' || annotations.length > 0 || kernels !== null) return null;
  const share = spanNs > 0 ? longestIdleNs / spanNs : 0;
  return share > IDLE_SHARE ? share : null;
}

export function initialState(device: DeviceView): DeviceState {
  const axis: Axis = device.clock === 'none' || idleShare(device) !== null ? 'event' : 'time';
  return { axis, span: wholeOf(device, axis), selection: null, hidden: new Set() };
}

export const isFull = (state: DeviceState, device: DeviceView): boolean =>
  sameSpan(state.span, wholeOf(device, state.axis));

const withSpan = (state: DeviceState, span: Span): DeviceState => ({ ...state, span });

export function zoomed(state: DeviceState, device: DeviceView, at: number, factor: number): DeviceState {
  const whole = wholeOf(device, state.axis);
  return withSpan(state, zoomAbout(state.span, at, factor, whole, minimumWidth(state.axis)));
}

export const panned = (state: DeviceState, device: DeviceView, delta: number): DeviceState =>
  withSpan(state, panBy(state.span, delta, wholeOf(device, state.axis)));

/** A stretch of the axis in view, as far as there is one. */
export const shown = (state: DeviceState, device: DeviceView, span: Span): DeviceState =>
  withSpan(state, clampSpan(span, wholeOf(device, state.axis), minimumWidth(state.axis)));

/** The chosen range; where it is in view already, or none is chosen, the whole recording. */
export function fitted(state: DeviceState, device: DeviceView): DeviceState {
  const whole = wholeOf(device, state.axis);
  if (state.selection === null) return withSpan(state, whole);
  const wanted = clampSpan(state.selection, whole, minimumWidth(state.axis));
  return withSpan(state, sameSpan(state.span, wanted) ? whole : wanted);
}

/** Around a moment, close enough to see what led to it. */
export function centred(state: DeviceState, device: DeviceView, at: number): DeviceState {
  const whole = wholeOf(device, state.axis);
  const half = Math.min(state.span.to - state.span.from, (whole.to - whole.from) / 8) / 2;
  return withSpan(state, clampSpan({ from: at - half, to: at + half }, whole, minimumWidth(state.axis)));
}

/** A window chosen, and in view with a little of what is around it. */
export function framed(state: DeviceState, device: DeviceView, window: Span): DeviceState {
  const whole = wholeOf(device, state.axis);
  const room = (window.to - window.from) / 12;
  const span = { from: window.from - room, to: window.to + room };
  const shown = {
    from: Math.max(whole.from, span.from),
    to: Math.min(whole.to, span.to),
  };
  return { ...withSpan(state, clampSpan(shown, whole, minimumWidth(state.axis))), selection: window };
}

export function toggled(state: DeviceState, id: string): DeviceState {
  const hidden = new Set(state.hidden);
  if (!hidden.delete(id)) hidden.add(id);
  return { ...state, hidden };
}

/** The other axis, with the places that were looked up on it. */
export function onAxis(
  state: DeviceState,
  device: DeviceView,
  axis: Axis,
  span: Span,
  selection: Span | null,
): DeviceState {
  const whole = wholeOf(device, axis);
  return { ...state, axis, selection, span: clampSpan(span, whole, minimumWidth(axis)) };
}

export const seriesOf = (device: DeviceView, chart: SeriesView['chart']): SeriesView[] =>
  device.series.filter((series) => series.chart === chart);
