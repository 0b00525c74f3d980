/**
 * The only file that knows uPlot. Draws a ChartModel: each curve as the upper edge of its columns with a band
 * down to their minimum, so that no peak of a column is lost. Everything the pointer does is told in x units;
 * the chart itself never zooms.
 */
import { LitElement, css, html, nothing, unsafeCSS } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import uPlot from 'uplot';
import uplotStyle from 'uplot/dist/uPlot.min.css?inline';
import { upperBound } from '../../base/binary-search.ts';
import type { ChartCurve, ChartModel } from '../../view/parts/curves.ts';
import { AXIS_LEFT, AXIS_RIGHT } from '../../view/parts/curves.ts';
import { CURVES, SURFACE } from '../../view/parts/palette.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { pixelToX, xToPixel } from '../../view/parts/viewport.ts';
import { wheelHint } from '../../view/shell/keys.ts';
import { ChartPointer } from './chart-pointer.ts';

export interface ChartEvents {
  'chart-size': { readonly width: number; readonly height: number };
  'chart-hover': { readonly x: number | null };
  'chart-pick': { readonly x: number };
  'chart-fit': null;
  'chart-pan': { readonly delta: number };
  'chart-zoom': { readonly at: number; readonly factor: number };
  /** A plain wheel scrolled the page here. Cancelled by whoever has said often enough how to zoom. */
  'chart-scrolled-past': null;
  'chart-select': { readonly from: number; readonly to: number; readonly done: boolean };
}

const X_AXIS_HEIGHT = 26;
const PLOT_TOP = 10;
const NO_RIGHT_AXIS = 20;
/** How long the hint stands over a chart. */
const HINT_MS = 1600;
const isMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.platform);
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

@customElement('uplot-chart')
export class UplotChart extends LitElement {
  static override styles = [
    unsafeCSS(uplotStyle),
    css`
      :host {
        display: block;
        position: relative;
        overflow: hidden;
      }
      .u-over {
        cursor: crosshair;
        touch-action: pan-y;
      }
      .mark,
      .hover,
      .range {
        position: absolute;
        top: 0;
        bottom: 0;
        pointer-events: none;
      }
      .range {
        background: color-mix(in srgb, var(--accent) 14%, transparent);
        border: solid var(--accent);
        border-width: 0 1px;
      }
      .hover {
        width: 1px;
        background: var(--text-quiet);
      }
      .hover-label {
        position: absolute;
        top: 0;
        padding: 0 5px;
        font-size: 11px;
        line-height: 17px;
        white-space: nowrap;
        color: var(--page);
        background: var(--text-quiet);
        border-radius: 2px;
        pointer-events: none;
      }
      .hint {
        position: absolute;
        top: 40%;
        left: 50%;
        margin: 0;
        padding: 6px 14px;
        font-size: 13px;
        color: var(--page);
        background: var(--text);
        border-radius: 4px;
        opacity: 0.9;
        transform: translate(-50%, -50%);
        pointer-events: none;
      }
      .mark {
        width: 0;
        border-left: 2px solid var(--bad);
      }
      .iteration {
        border-left: 1px solid color-mix(in srgb, var(--text-quiet) 32%, transparent);
      }
      .pinned {
        border-left: 1px solid var(--text);
      }
    `,
  ];

  @property({ attribute: false }) model: ChartModel | null = null;
  @property({ attribute: false }) hoverX: number | null = null;
  @property({ attribute: false }) hoverLabel = '';
  @property({ attribute: false }) selection: Span | null = null;
  /** Out-of-memory moments. */
  @property({ attribute: false }) marks: readonly number[] = [];
  /** Where iterations begin. */
  @property({ attribute: false }) iterations: readonly number[] = [];
  /** The event shown in the panel. */
  @property({ attribute: false }) pinned: number | null = null;
  @property({ type: Boolean }) dark = false;
  @property({ type: Boolean }) selecting = false;
  /** Nothing is zoomed: the wheel may scroll the page. */
  @property({ type: Boolean }) full = true;
  @property({ type: Boolean }) interactive = true;
  /** Room for an axis of counts, also where this chart has none: charts that share an x axis line up. */
  @property({ type: Boolean }) rightAxis = false;
  @property({ type: Number }) height = 220;

  @state() private hinting = false;

  @query('.plot') private plotElement!: HTMLDivElement;

  private plot: uPlot | null = null;
  private plotKey = '';
  private pointer: ChartPointer | null = null;
  private overlay: HTMLDivElement | null = null;
  private readonly observer = new ResizeObserver(() => this.resized());

  override connectedCallback(): void {
    super.connectedCallback();
    this.observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
    this.drop();
  }

  override render(): unknown {
    const hint = this.hinting ? html`<p class="hint" aria-hidden="true">${wheelHint(isMac())}</p>` : nothing;
    return html`<div class="plot"></div>
      ${hint}`;
  }

  override updated(changed: Map<string, unknown>): void {
    // A pointer that moves changes the overlay alone.
    if (['model', 'dark', 'rightAxis', 'height'].some((name) => changed.has(name))) this.draw();
    this.drawOverlay();
  }

  private get plotWidth(): number {
    return Math.max(
      1,
      Math.floor(this.clientWidth) - AXIS_LEFT - (this.rightAxis ? AXIS_RIGHT : NO_RIGHT_AXIS),
    );
  }

  private resized(): void {
    if (this.clientWidth === 0) return;
    this.emit('chart-size', { width: this.plotWidth, height: this.height - X_AXIS_HEIGHT - PLOT_TOP });
    this.draw();
    this.drawOverlay();
  }

  /** false: somebody cancelled it. */
  private emit<Name extends keyof ChartEvents>(name: Name, detail: ChartEvents[Name]): boolean {
    const init = { detail, bubbles: true, composed: true, cancelable: true };
    return this.dispatchEvent(new CustomEvent(name, init));
  }

  private showHint(): void {
    if (!this.emit('chart-scrolled-past', null)) return;
    this.hinting = true;
    setTimeout(() => (this.hinting = false), HINT_MS);
  }

  private drop(): void {
    this.pointer?.dispose();
    this.pointer = null;
    this.plot?.destroy();
    this.plot = null;
    this.plotKey = '';
    this.overlay = null;
  }

  private draw(): void {
    const { model } = this;
    if (model === null || this.clientWidth === 0 || !this.isConnected) return;
    const key = [
      this.dark,
      this.rightAxis,
      this.height,
      ...model.curves.map(({ id, color, dashed, scale }) => `${id}/${color}/${dashed}/${scale}`),
    ].join('|');
    if (key !== this.plotKey) {
      this.drop();
      this.plotKey = key;
      this.plot = this.create(model.curves);
      this.connectPointer(this.plot.over);
    }
    const plot = this.plot;
    if (plot === null) return;
    if (plot.width !== this.clientWidth) plot.setSize({ width: this.clientWidth, height: this.height });
    // The end of the last column is a point of its own, so that uPlot sees data up to there.
    const ends = (column: Float64Array, end: number): Float64Array => {
      const longer = new Float64Array(column.length + 1);
      longer.set(column);
      longer[column.length] = end;
      return longer;
    };
    const data = model.curves.map(({ max }) => ends(max, max[max.length - 1] ?? 0));
    const top = (ticks: ChartModel['leftTicks']): number => (ticks[ticks.length - 1]?.at ?? 1) * 1.03;
    plot.batch(() => {
      plot.setData([ends(model.x, model.end), ...data], false);
      plot.setScale('x', { min: model.span.from, max: model.span.to });
      plot.setScale('left', { min: 0, max: top(model.leftTicks) });
      plot.setScale('right', { min: 0, max: top(model.rightTicks) });
    });
  }

  private create(curves: readonly ChartCurve[]): uPlot {
    const shade = this.dark ? 'dark' : 'light';
    const text = SURFACE['text-quiet'][shade];
    const grid = { stroke: SURFACE.line[shade], width: 1 };
    const axis = { stroke: text, font: FONT, ticks: { ...grid, size: 4 }, gap: 4 };
    const model = (): ChartModel | null => this.model;
    const at = (pick: (from: ChartModel) => ChartModel['xTicks']): Pick<uPlot.Axis, 'splits' | 'values'> => ({
      splits: () => pickTicks(pick, model()).map((tick) => tick.at),
      values: () => pickTicks(pick, model()).map((tick) => tick.label),
    });
    const options: uPlot.Options = {
      width: this.clientWidth,
      height: this.height,
      padding: [PLOT_TOP, this.rightAxis ? 0 : NO_RIGHT_AXIS, 0, 0],
      legend: { show: false },
      cursor: { show: false, drag: { x: false, y: false, setScale: false } },
      scales: {
        x: { time: false, auto: false },
        left: { auto: false },
        right: { auto: false },
      },
      axes: [
        { ...axis, scale: 'x', grid, size: X_AXIS_HEIGHT, ...at((from) => from.xTicks) },
        { ...axis, scale: 'left', side: 3, grid, size: AXIS_LEFT, ...at((from) => from.leftTicks) },
        {
          ...axis,
          scale: 'right',
          side: 1,
          grid: { show: false },
          size: AXIS_RIGHT,
          show: this.rightAxis,
          ...at((from) => from.rightTicks),
        },
      ],
      series: [
        {},
        ...curves.map(({ id, color, dashed, stacked, scale }): uPlot.Series => ({
          scale,
          stroke: CURVES[color][shade],
          fill: `${CURVES[color][shade]}${stacked === true ? 'a6' : '40'}`,
          width: stacked === true ? 1 : 1.5,
          points: { show: false },
          ...(dashed ? { dash: [5, 3] } : {}),
          paths: (plot) => {
            const curve = this.model?.curves.find((candidate) => candidate.id === id);
            return curve === undefined || this.model === null ? null : stepsAndBand(plot, this.model, curve);
          },
        })),
      ],
    };
    return new uPlot(options, [[0, 1], ...curves.map(() => [0, 0])], this.plotElement);
  }

  private connectPointer(over: HTMLDivElement): void {
    this.overlay = over;
    if (!this.interactive) return;
    const x = (pixel: number): number =>
      this.model === null ? 0 : pixelToX(pixel, this.model.span, this.plotWidth);
    this.pointer = new ChartPointer(over, {
      hover: (pixel) => this.emit('chart-hover', { x: pixel === null ? null : x(pixel) }),
      click: (pixel) => this.emit('chart-pick', { x: x(pixel) }),
      doubleClick: () => this.emit('chart-fit', null),
      pan: (pixels) => this.emit('chart-pan', { delta: x(pixels) - x(0) }),
      select: (from, to, done) => this.emit('chart-select', { from: x(from), to: x(to), done }),
      zoom: (pixel, factor) => this.emit('chart-zoom', { at: x(pixel), factor }),
      selects: () => this.selecting,
      isFull: () => this.full,
      scrolledPast: () => this.showHint(),
    });
  }

  /** Lines and ranges over the plot. Positions go through CSSOM: a policy may forbid style attributes. */
  private drawOverlay(): void {
    const { overlay, model } = this;
    if (overlay === null || model === null) return;
    const width = this.plotWidth;
    const place = (value: number): number => xToPixel(value, model.span, width);
    const shown: HTMLElement[] = [];
    const add = (name: string, left: number, text = ''): HTMLElement => {
      const element = document.createElement('div');
      element.className = name;
      element.style.left = `${left}px`;
      element.textContent = text;
      shown.push(element);
      return element;
    };
    if (this.selection !== null) {
      const left = Math.max(-2, place(this.selection.from));
      const right = Math.min(width + 2, place(this.selection.to));
      if (right > left) add('range', left).style.width = `${right - left}px`;
    }
    for (const start of this.iterations)
      if (start >= model.span.from && start <= model.span.to) add('mark iteration', place(start));
    for (const mark of this.marks)
      if (mark >= model.span.from && mark <= model.span.to) add('mark', place(mark));
    if (this.pinned !== null && this.pinned >= model.span.from && this.pinned <= model.span.to) {
      add('mark pinned', place(this.pinned));
    }
    if (this.hoverX !== null && this.hoverX >= model.span.from && this.hoverX <= model.span.to) {
      const left = place(this.hoverX);
      add('hover', left);
      if (this.hoverLabel !== '') {
        const label = add('hover-label', left + 4, this.hoverLabel);
        // Near the right edge the label goes to the other side of the line.
        if (left > width - 130) label.style.transform = 'translateX(calc(-100% - 8px))';
      }
    }
    overlay.replaceChildren(...shown);
  }
}

const pickTicks = (
  pick: (from: ChartModel) => ChartModel['xTicks'],
  model: ChartModel | null,
): ChartModel['xTicks'] => (model === null ? [] : pick(model));

/** Stroke: the upper edge of the columns. Fill: from there down to their minimum. */
function stepsAndBand(plot: uPlot, model: ChartModel, curve: ChartCurve): uPlot.Series.Paths {
  const { x, span, end } = model;
  const stroke = new Path2D();
  const fill = new Path2D();
  const from = Math.max(0, upperBound(x, span.from) - 1);
  let pen = false;
  for (let i = from; i < x.length && x[i] < span.to; i++) {
    if (Number.isNaN(curve.max[i])) {
      pen = false;
      continue;
    }
    const left = plot.valToPos(Math.max(x[i], span.from), 'x', true);
    const right = plot.valToPos(Math.min(i + 1 < x.length ? x[i + 1] : end, span.to), 'x', true);
    const high = plot.valToPos(curve.max[i], curve.scale, true);
    if (pen) stroke.lineTo(left, high);
    else stroke.moveTo(left, high);
    pen = true;
    stroke.lineTo(right, high);
    if (curve.min[i] < curve.max[i]) {
      const low = plot.valToPos(curve.min[i], curve.scale, true);
      fill.rect(left, high, right - left, low - high);
    }
  }
  return { stroke, fill };
}
