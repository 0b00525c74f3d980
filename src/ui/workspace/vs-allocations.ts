/**
 * Every allocation over time, stacked, as pixels: which one is where the pointer is, which ones come before and after it,
 * and what becomes of the view when one of them is pinned. What is drawn is worked out by the engine.
 *
 * Long because it is the one place where hand, keys, questions and picture of the view meet.
 */
import { LitElement, html, nothing, type PropertyValues } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { Result } from '../../base/result.ts';
import { type TraceErrorData, toErrorData } from '../../base/trace-error.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type {
  LifeAnswer,
  LifePlace,
  RasterAnswer,
  RasterQuery,
  StackOrder,
  TimelineAnswer,
  TimelineQuery,
} from '../../engine/protocol.ts';
import { wholeOf } from '../../view/device/device-state.ts';
import { minimumWidth, panBy, pixelToX, type Span, toRange, zoomAbout } from '../../view/parts/viewport.ts';
import {
  type Bytes,
  capacityWords,
  emptyWords,
  leftOutWords,
  lifeSpoken,
  lifeTooltip,
  linesOf,
  panBytes,
  rangeBetween,
  rasterQuery,
  stacklessWords,
  zoomBytes,
  zoomToLife,
} from '../../view/workspace/allocations.ts';
import type { ViewContext, WorkspaceChange } from '../../view/workspace/context.ts';
import {
  type Direction,
  lifeAtPlace,
  type Place,
  placeOf,
  placeOfLife,
  stepFrom,
} from '../../view/workspace/raster-paint.ts';
import { Latest } from '../parts/latest.ts';
import { controls } from '../parts/theme.ts';
import { askEngine } from '../replay/replay-questions.ts';
import '../shell/vs-error.ts';
import { AllocationsDrawing } from './allocations-draw.ts';
import { AllocationsPointer } from './allocations-pointer.ts';
import { AllocationsInks } from './allocations-inks.ts';
import { pixelOf, renderChart, renderHeader, renderLegend, renderTip } from './allocations-parts.ts';
import { allocationsStyle } from './allocations-style.ts';

/** Milliseconds after the last move at which the hand rests. */
const REST_MS = 150;

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

type Told<T> = Result<T, TraceErrorData>;

@customElement('vs-allocations')
export class VsAllocations extends LitElement {
  static override styles = [controls, allocationsStyle];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;

  @state() private answer: RasterAnswer | null = null;
  @state() private curves: TimelineAnswer | null = null;
  @state() private error: TraceErrorData | null = null;
  /** Bytes that are shown; null: all. */
  @state() private bytes: Bytes | null = null;
  @state() private order: StackOrder = 'age';
  /** Where the pointer is, pixels from the left and from the bottom of the plot. */
  @state() private pointed: { readonly x: number; readonly y: number } | null = null;
  /** Where the keys are; `place` is null where it is not drawn. */
  @state() private keyed: { readonly life: number; readonly place: Place | null } | null = null;
  @state() private life: LifeAnswer | null = null;
  /** A range under the hand, not chosen yet. */
  @state() private draft: Span | null = null;
  @state() private size = { width: 0, height: 0 };

  @query('.plot') private readonly plot!: HTMLElement | null;
  @query('.bytes') private readonly axisOfBytes!: HTMLElement | null;
  @query('canvas') private readonly canvas!: HTMLCanvasElement | null;

  private readonly drawing = new AllocationsDrawing();
  private pointer: AllocationsPointer | null = null;
  private readonly resize = new ResizeObserver(() => this.measure());
  private rest = 0;
  private moving = false;
  private fullMs = 0;
  /** Top of the picture with all bytes. */
  private most = 1;
  private readonly inks = new AllocationsInks();

  private readonly rasters = new Latest<RasterQuery, Told<RasterAnswer>>(
    async (asked) => (await this.api()).raster(asked),
    (told) => this.deliver(told),
    (thrown) => (this.error = toErrorData(thrown, null)),
  );
  private readonly timelines = new Latest<TimelineQuery, Told<TimelineAnswer>>(
    async (asked) => (await this.api()).timeline(asked),
    (told) => {
      if (told.ok) this.curves = told.value;
      else this.error = told.error;
    },
    (thrown) => (this.error = toErrorData(thrown, null)),
  );
  private readonly lifes = new Latest<number, Told<LifeAnswer>>(
    async (life) => (await this.api()).life(this.context.device.key, life),
    (told) => {
      if (told.ok) this.life = told.value;
    },
    (thrown) => (this.error = toErrorData(thrown, null)),
  );

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resize.disconnect();
    this.pointer?.dispose();
    this.pointer = null;
    clearTimeout(this.rest);
    for (const latest of [this.rasters, this.timelines, this.lifes]) latest.reset();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // Back in the page with what it had: the plot is there already.
    if (this.hasUpdated) this.requestUpdate('size');
  }

  override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('context');
    if (before !== undefined && before.device.key !== this.context.device.key) {
      for (const latest of [this.rasters, this.timelines, this.lifes]) latest.reset();
      this.answer = this.curves = this.life = this.error = null;
      this.bytes = this.keyed = this.pointed = null;
    }
    if (before !== undefined && before.filter !== this.context.filter) this.bytes = null;
  }

  override updated(changed: PropertyValues): void {
    this.connectPlot();
    if (['context', 'bytes', 'order', 'size'].some((name) => changed.has(name))) this.ask();
    const about = this.lifeInFocus;
    if (about !== null && this.life?.life !== about) this.lifes.want(about);
    this.draw();
  }

  private connectPlot(): void {
    const { plot, axisOfBytes } = this;
    if (plot === null || axisOfBytes === null || this.pointer !== null) return;
    this.resize.observe(plot);
    this.measure();
    const x = (pixel: number): number => pixelToX(pixel, this.context.span, this.size.width);
    const whole = (): Span => wholeOf(this.context.device, this.context.axis);
    this.pointer = new AllocationsPointer(plot, axisOfBytes, {
      hover: (at) => (this.pointed = at),
      click: (at) => this.pin(this.lifeUnder(at)),
      doubleClick: (at) => void this.zoomTo(this.lifeUnder(at)),
      pan: (pixels) => this.show(panBy(this.context.span, x(pixels) - x(0), whole())),
      panUp: (pixels) => this.panUp(pixels),
      select: (from, to, done) => this.choose(x(from), x(to), done),
      zoom: (pixel, factor) => {
        const { axis, span } = this.context;
        this.show(zoomAbout(span, x(pixel), factor, whole(), minimumWidth(axis)));
      },
      zoomBytes: (y, factor) => this.zoomBytes(this.bytesAt(y), factor),
      selects: () => false,
      isFull: () => {
        const { from, to } = whole();
        return this.context.span.from <= from && this.context.span.to >= to && this.bytes === null;
      },
    });
  }

  private measure(): void {
    const { plot } = this;
    if (plot === null) return;
    const { clientWidth: width, clientHeight: height } = plot;
    if (width !== this.size.width || height !== this.size.height) this.size = { width, height };
  }

  private ask(): void {
    const { width, height } = this.size;
    if (width === 0 || height === 0) return;
    const { context, bytes, order } = this;
    const pixels = {
      columns: Math.round(width * devicePixelRatio),
      rows: Math.round(height * devicePixelRatio),
    };
    this.rasters.want(rasterQuery(context, pixels, { bytes, order }, this.moving ? this.fullMs : null));
    const series = linesOf(context.device);
    if (series.length === 0 || context.device.rows === 0) return;
    const { device, axis, span } = context;
    this.timelines.want({ device: device.key, series, range: toRange(axis, span), axis, columns: width });
  }

  private deliver(told: Told<RasterAnswer>): void {
    if (!told.ok) {
      this.error = told.error;
      return;
    }
    this.error = null;
    this.answer = told.value;
    if (!this.moving) this.fullMs = told.value.ranOn.milliseconds;
    if (this.bytes === null) this.most = told.value.bytes[1];
    if (this.keyed !== null)
      this.keyed = { life: this.keyed.life, place: placeOfLife(told.value, this.keyed.life) };
  }

  /** Coarser pictures may do while the hand moves; the full one is asked for when it rests. */
  private moved(): void {
    this.moving = true;
    clearTimeout(this.rest);
    this.rest = window.setTimeout(() => {
      this.moving = false;
      this.ask();
    }, REST_MS);
  }

  private change(detail: WorkspaceChange): void {
    this.dispatchEvent(new CustomEvent('workspace-change', { detail, bubbles: true, composed: true }));
  }

  private show(span: Span): void {
    this.moved();
    this.change({ span });
  }

  private choose(from: number, to: number, done: boolean): void {
    const { device, axis } = this.context;
    const range = rangeBetween(from, to, wholeOf(device, axis));
    this.draft = done ? null : range;
    if (done && range !== null) this.change({ range });
  }

  private get shown(): Bytes {
    return this.bytes ?? this.answer?.bytes ?? [0, 1];
  }

  private bytesAt(y: number): number {
    const [from, to] = this.shown;
    return from + (y / Math.max(1, this.size.height)) * (to - from);
  }

  private zoomBytes(at: number, factor: number): void {
    this.moved();
    this.bytes = zoomBytes(this.shown, at, factor, this.most);
  }

  private panUp(pixels: number): void {
    if (this.bytes === null || pixels === 0) return;
    this.moved();
    this.bytes = panBytes(this.bytes, this.bytesAt(0) - this.bytesAt(pixels), this.most);
  }

  private lifeUnder(at: { readonly x: number; readonly y: number }): number | null {
    const { answer } = this;
    if (answer === null) return null;
    const x = pixelToX(at.x, this.context.span, this.size.width);
    return lifeAtPlace(answer, placeOf(answer, x, this.bytesAt(at.y)));
  }

  private get lifeInFocus(): number | null {
    return (this.pointed === null ? null : this.lifeUnder(this.pointed)) ?? this.keyed?.life ?? null;
  }

  private pin(life: number | null): void {
    this.change({ selected: life === null ? null : { kind: 'life', life } });
  }

  private async placeFor(life: number | null, step: number, sameLine: boolean): Promise<LifePlace | null> {
    const { filter, device } = this.context;
    const asked = { device: device.key, filter, order: this.order, life, step, sameLine };
    const told = await askEngine(this.api, (api) => api.lifePlace(asked));
    if (told.ok) return told.value;
    this.error = told.error;
    return null;
  }

  private async zoomTo(life: number | null): Promise<void> {
    const { answer } = this;
    const place = life === null ? null : await this.placeFor(life, 0, false);
    if (place === null || answer === null) return;
    const { device, axis } = this.context;
    const shown = { bytes: this.shown, height: this.size.height };
    const { change, bytes } = zoomToLife(place, device, shown, axis);
    if (bytes !== shown.bytes) this.bytes = bytes;
    this.change(change);
  }

  private async step(by: number, sameLine: boolean): Promise<void> {
    const from = this.keyed?.life ?? this.selectedLife;
    const place = await this.placeFor(from, by, sameLine);
    if (place !== null)
      this.keyed = { life: place.life, place: this.answer && placeOfLife(this.answer, place.life) };
  }

  private get selectedLife(): number | null {
    const { selected } = this.context;
    return selected?.kind === 'life' ? selected.life : null;
  }

  private walk(direction: Direction): void {
    const { answer, keyed } = this;
    if (answer === null) return;
    const from =
      keyed === null && this.selectedLife !== null ? placeOfLife(answer, this.selectedLife) : keyed?.place;
    const place = stepFrom(answer, from ?? null, direction);
    const life = place === null ? null : lifeAtPlace(answer, place);
    if (life !== null) this.keyed = { life, place };
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.act(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** false: the key is not the view's. */
  private act({ key, shiftKey }: KeyboardEvent): boolean {
    const arrow = ARROWS[key];
    const middle = (this.shown[0] + this.shown[1]) / 2;
    if (arrow !== undefined) {
      if (!shiftKey) this.walk(arrow);
      else if (arrow === 'left' || arrow === 'right') void this.step(arrow === 'left' ? -1 : 1, false);
      else return false;
    } else if (key === '[' || key === ']') void this.step(key === '[' ? -1 : 1, true);
    else if (key === 'Home' || key === 'End') void this.step(key === 'Home' ? -Infinity : Infinity, false);
    else if (key === 'Enter' && this.keyed !== null) this.pin(this.keyed.life);
    else if (key === 'z') void this.zoomTo(this.keyed?.life ?? this.selectedLife);
    else if (key === 'W') this.zoomBytes(middle, 0.7);
    else if (key === 'S') this.zoomBytes(middle, 1 / 0.7);
    else if (key === 'Escape' && this.keyed !== null) this.keyed = null;
    else if (key === 'Escape' && this.bytes !== null) this.bytes = null;
    else return false;
    return true;
  }

  private draw(): void {
    const { canvas, answer, context, size } = this;
    if (canvas === null || answer === null || size.width === 0) return;
    const [width, height] = [
      Math.round(size.width * devicePixelRatio),
      Math.round(size.height * devicePixelRatio),
    ];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const inks = this.inks.of(canvas, context.dark);
    const { device, filter, range } = context;
    const isAll = filter.trim() === '';
    const marked = [
      { life: this.selectedLife, colour: inks.accent },
      { life: this.lifeInFocus, colour: inks.text },
    ].flatMap((one) => (one.life === null ? [] : [{ life: one.life, colour: one.colour }]));
    const { totalBytes } = device;
    this.drawing.draw(canvas, answer, context.dark, {
      span: context.span,
      bytes: this.shown,
      curves: isAll && device.rows > 0 ? this.curves : null,
      lines: [
        { id: 'allocated', colour: inks.green },
        { id: 'reserved', colour: inks.orange },
      ],
      capacity: totalBytes !== null && totalBytes <= this.shown[1] ? totalBytes : null,
      marked,
      range: this.draft ?? range,
      rangeColour: inks.accent,
      textColour: inks.text,
    });
  }

  override render(): unknown {
    const { context, answer, error } = this;
    const { device } = context;
    const empty = emptyWords(answer, device);
    return html`
      ${renderHeader(
        context,
        this.order,
        (order) => (this.order = order),
        this.bytes === null ? null : () => (this.bytes = null),
      )}
      ${error === null ? nothing : html`<vs-error .error=${error}></vs-error>`}
      ${answer === null ? html`<ul></ul>` : renderLegend(answer, context, (change) => this.change(change))}
      ${answer !== null && empty !== null ? html`<p class="none" role="status">${empty}</p>` : nothing}
      ${renderChart({
        context,
        answer,
        size: this.size,
        shown: this.shown,
        left: this.plot?.offsetLeft ?? 0,
        tip: this.tip(),
        press: (event) => this.onKey(event),
      })}
      <footer>
        ${answer === null ? html`<span role="status">Drawing every allocation…</span>` : nothing}
        <span>${answer === null ? '' : leftOutWords(answer, context.unit)}</span>
        <span>${answer === null ? '' : capacityWords(answer, device, context.unit)}</span>
        <span>${stacklessWords(device)}</span>
      </footer>
      <p class="visually-hidden" aria-live="polite" data-spoken>${this.spoken()}</p>
    `;
  }

  /** Under the pointer, or at the place of the keys. */
  private tip(): unknown {
    const { answer, context, keyed, life, lifeInFocus: number, size } = this;
    if (answer === null || number === null) return nothing;
    const place = keyed?.place ?? null;
    const keys = place === null ? { x: 0, y: 0 } : pixelOf(place, answer, context, this.shown, size);
    return renderTip(context, number, life, this.pointed ?? keys, size);
  }

  private spoken(): string {
    const { keyed, life, context } = this;
    if (keyed === null || life?.life !== keyed.life) return '';
    const { device, unit } = context;
    return lifeSpoken(lifeTooltip(keyed.life, life, device.clock, unit), keyed.place !== null);
  }
}
