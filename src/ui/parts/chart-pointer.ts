/**
 * Wheel and pointer on a plot, told in pixels of the plot: hover, click, drag to pan, Shift + drag to select,
 * Ctrl (or Cmd) + wheel to zoom. A plain wheel is the page's, unless the reader chose otherwise. Knows nothing of what is
 * drawn.
 */
export interface PointerTarget {
  hover(pixel: number | null): void;
  click(pixel: number): void;
  doubleClick(): void;
  pan(pixels: number): void;
  /** `done` at the end of the drag. */
  select(from: number, to: number, done: boolean): void;
  zoom(pixel: number, factor: number): void;
  /** Whether dragging selects without Shift. */
  selects(): boolean;
  /** Nothing is zoomed: there is nowhere to move to, and nothing to zoom out to. */
  isFull(): boolean;
  /** A plain wheel turned here, and was left to the page. */
  scrolledPast(): void;
}

/** A pointer that moved less than this between down and up was a click. */
const CLICK_SLOP = 4;
/** Inherited by every chart from the page: "zooms" where the reader chose that a plain wheel zooms. */
export const WHEEL_PROPERTY = '--chart-wheel';

/** A wheel that is scrolling the page goes on doing so while the plot passes under the pointer. */
const SCROLL_QUIET_MS = 300;

type Drag = { readonly start: number; last: number; moved: boolean; readonly selecting: boolean };

export class ChartPointer {
  private drag: Drag | null = null;
  private scrolledAt = -Infinity;
  private readonly stop = new AbortController();
  private readonly element: HTMLElement;
  private readonly target: PointerTarget;

  constructor(element: HTMLElement, target: PointerTarget) {
    this.element = element;
    this.target = target;
    const { signal } = this.stop;
    element.addEventListener('pointerdown', (event) => this.down(event), { signal });
    element.addEventListener('pointermove', (event) => this.move(event), { signal });
    element.addEventListener('pointerup', (event) => this.up(event), { signal });
    element.addEventListener('pointercancel', () => (this.drag = null), { signal });
    element.addEventListener('pointerleave', () => this.target.hover(null), { signal });
    element.addEventListener('dblclick', () => this.target.doubleClick(), { signal });
    element.addEventListener('wheel', (event) => this.wheel(event), { signal, passive: false });
    window.addEventListener('scroll', () => (this.scrolledAt = performance.now()), {
      signal,
      capture: true,
      passive: true,
    });
  }

  dispose(): void {
    this.stop.abort();
  }

  private pixelOf(event: MouseEvent): number {
    const box = this.element.getBoundingClientRect();
    return Math.min(box.width, Math.max(0, event.clientX - box.left));
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    const start = this.pixelOf(event);
    this.drag = { start, last: start, moved: false, selecting: event.shiftKey || this.target.selects() };
    this.element.setPointerCapture(event.pointerId);
    // Shift + drag would select text.
    event.preventDefault();
  }

  private move(event: PointerEvent): void {
    const pixel = this.pixelOf(event);
    const { drag } = this;
    this.target.hover(pixel);
    if (drag === null) return;
    if (!drag.moved && Math.abs(pixel - drag.start) < CLICK_SLOP) return;
    drag.moved = true;
    if (drag.selecting) this.target.select(drag.start, pixel, false);
    else this.target.pan(drag.last - pixel);
    drag.last = pixel;
  }

  private up(event: PointerEvent): void {
    const { drag } = this;
    this.drag = null;
    if (drag === null) return;
    const pixel = this.pixelOf(event);
    if (!drag.moved) this.target.click(pixel);
    else if (drag.selecting) this.target.select(drag.start, pixel, true);
  }

  private zoomsPlainly(): boolean {
    return getComputedStyle(this.element).getPropertyValue(WHEEL_PROPERTY).trim() === 'zooms';
  }

  private wheel(event: WheelEvent): void {
    // Ctrl + wheel is also what a pinch on a touchpad sends.
    const asked = event.ctrlKey || event.metaKey;
    const scrolling = performance.now() - this.scrolledAt < SCROLL_QUIET_MS;
    const full = this.target.isFull();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX;
    if (!asked && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      if (full || scrolling) return;
      event.preventDefault();
      this.target.pan(sideways * lines);
      return;
    }
    if (!asked) {
      if (!this.zoomsPlainly()) return this.target.scrolledPast();
      if (scrolling || (full && event.deltaY > 0)) return;
    }
    event.preventDefault();
    // A wheel turns by 100 and more at a time, a pinch by less than ten.
    const pinch = asked && lines === 1 && Math.abs(event.deltaY) < 50;
    const turned = Math.min(120, Math.max(-120, event.deltaY * lines * (pinch ? 6 : 1)));
    this.target.zoom(this.pixelOf(event), Math.exp(turned * 0.0025));
  }
}
