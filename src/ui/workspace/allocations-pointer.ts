/**
 * What the hand does on the picture of all allocations, beside what it does on every chart: where it is in bytes, moving
 * the bytes while they are zoomed, and zooming them by a drag on their axis.
 */
import { ChartPointer, type PointerTarget } from '../parts/chart-pointer.ts';

export interface AllocationsTarget extends Omit<
  PointerTarget,
  'hover' | 'click' | 'doubleClick' | 'scrolledPast'
> {
  /** Pixels from the left and from the bottom of the plot; null: the pointer left. */
  hover(at: { readonly x: number; readonly y: number } | null): void;
  click(at: { readonly x: number; readonly y: number }): void;
  doubleClick(at: { readonly x: number; readonly y: number }): void;
  /** The plot was dragged up by so many pixels. */
  panUp(pixels: number): void;
  /** The axis was dragged: more than 1 shows more. `y`: pixels from the bottom that keep their bytes. */
  zoomBytes(y: number, factor: number): void;
}

export class AllocationsPointer {
  private readonly stop = new AbortController();
  private readonly chart: ChartPointer;
  private at = { x: 0, y: 0 };
  private last: number | null = null;

  constructor(plot: HTMLElement, axis: HTMLElement, target: AllocationsTarget) {
    const { signal } = this.stop;
    // Before those of the chart: what it tells is told with the height of the same event.
    const place = (event: MouseEvent): void => {
      const box = plot.getBoundingClientRect();
      this.at = { x: event.clientX - box.left, y: box.bottom - event.clientY };
    };
    plot.addEventListener(
      'pointerdown',
      (event) => {
        place(event);
        this.last = event.button === 0 && !event.shiftKey && !target.selects() ? event.clientY : null;
      },
      { signal },
    );
    plot.addEventListener(
      'pointermove',
      (event) => {
        place(event);
        if (this.last === null) return;
        target.panUp(this.last - event.clientY);
        this.last = event.clientY;
      },
      { signal },
    );
    const end = (): void => void (this.last = null);
    for (const name of ['pointerup', 'pointercancel'] as const) plot.addEventListener(name, end, { signal });
    plot.addEventListener('dblclick', place, { signal });
    this.chart = new ChartPointer(plot, {
      ...target,
      hover: (pixel) => target.hover(pixel === null ? null : { ...this.at, x: pixel }),
      click: (pixel) => target.click({ ...this.at, x: pixel }),
      doubleClick: () => target.doubleClick(this.at),
      scrolledPast: () => undefined,
    });
    this.connectAxis(axis, target, signal);
  }

  private connectAxis(axis: HTMLElement, target: AllocationsTarget, signal: AbortSignal): void {
    let drag: { readonly y: number; last: number } | null = null;
    axis.addEventListener(
      'pointerdown',
      (event) => {
        const box = axis.getBoundingClientRect();
        drag = { y: box.bottom - event.clientY, last: event.clientY };
        axis.setPointerCapture(event.pointerId);
        event.preventDefault();
      },
      { signal },
    );
    axis.addEventListener(
      'pointermove',
      (event) => {
        if (drag === null) return;
        target.zoomBytes(drag.y, Math.exp((event.clientY - drag.last) * 0.01));
        drag.last = event.clientY;
      },
      { signal },
    );
    const end = (): void => void (drag = null);
    for (const name of ['pointerup', 'pointercancel'] as const) axis.addEventListener(name, end, { signal });
  }

  dispose(): void {
    this.stop.abort();
    this.chart.dispose();
  }
}
