/**
 * Kernels of a device under its timeline, on the same time axis: how busy each pixel column was, and single kernels
 * once few are in view. The pointer does here what it does on the chart above; arrow keys go from kernel to kernel.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import type { KernelsAnswer } from '../../engine/protocol.ts';
import { AXIS_LEFT } from '../../view/parts/curves.ts';
import type { KernelBar, KernelTrackModel } from '../../view/device/kernel-track.ts';
import {
  kernelTarget,
  kernelTrackModel,
  kernelWords,
  outsideWords,
  stepKernel,
} from '../../view/device/kernel-track.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { pixelToX, xToPixel } from '../../view/parts/viewport.ts';
import { formatInstant } from '../../view/parts/words.ts';
import { ChartPointer } from '../parts/chart-pointer.ts';
import type { ChartEvents } from '../parts/uplot-chart.ts';

const STRIP_HEIGHT = 22;
const LANE_HEIGHT = 18;

export interface KernelTrackEvents extends ChartEvents {
  /** Show what ran in this stretch. */
  readonly 'kernel-pick': Span;
}

@customElement('vs-kernels')
export class VsKernels extends LitElement {
  static override styles = css`
    * {
      box-sizing: border-box;
    }
    p {
      margin: 0;
    }
    :host {
      display: block;
      padding-bottom: 8px;
      font-size: 12px;
    }
    .row {
      display: flex;
    }
    .name {
      flex: none;
      width: ${AXIS_LEFT}px;
      padding-right: 8px;
      font-size: 11px;
      line-height: ${STRIP_HEIGHT}px;
      text-align: right;
      color: var(--text-quiet);
    }
    .track {
      position: relative;
      overflow: hidden;
      flex: none;
      background: var(--sunken);
      border-radius: 2px;
      color: var(--curve-cyan);
      cursor: crosshair;
      touch-action: pan-y;
    }
    .track:focus-visible {
      outline: 2px solid var(--accent);
      outline-offset: 1px;
    }
    canvas {
      display: block;
    }
    .bar {
      position: absolute;
      height: ${LANE_HEIGHT - 2}px;
      padding: 0 4px;
      overflow: hidden;
      font-size: 11px;
      line-height: ${LANE_HEIGHT - 2}px;
      white-space: nowrap;
      text-overflow: ellipsis;
      color: var(--panel);
      background: var(--curve-cyan);
      border-radius: 1px;
    }
    .bar.bare {
      padding: 0;
    }
    .line {
      position: absolute;
      top: 0;
      bottom: 0;
      width: 1px;
      background: var(--text-quiet);
      pointer-events: none;
    }
    .words {
      margin: 3px 16px 0 ${AXIS_LEFT}px;
      overflow: hidden;
      white-space: nowrap;
      text-overflow: ellipsis;
      color: var(--text-quiet);
    }
    .outside {
      white-space: normal;
    }
  `;

  @property({ attribute: false }) answer: KernelsAnswer | null = null;
  @property({ attribute: false }) span: Span = { from: 0, to: 1 };
  @property({ attribute: false }) hoverX: number | null = null;
  /** Of the plot above, CSS pixels. */
  @property({ type: Number }) width = 0;
  @property({ type: Boolean }) dark = false;
  @property({ type: Boolean }) full = true;
  @property({ type: Boolean }) selecting = false;
  /** Kernels beyond the timeline. */
  @property({ type: Number }) outside = 0;

  @query('.track') private readonly track!: HTMLDivElement;
  @query('canvas') private readonly canvas!: HTMLCanvasElement | null;

  /** Where keys went; the pointer moves the line, and never the slider. */
  @state() private keyedX: number | null = null;

  private model: KernelTrackModel | null = null;
  private pointer: ChartPointer | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.pointer?.dispose();
    this.pointer = null;
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (!['answer', 'span', 'width'].some((name) => changed.has(name))) return;
    const { answer, span, width } = this;
    this.model = answer === null || width === 0 ? null : kernelTrackModel(answer, span, width);
  }

  override updated(changed: Map<string, unknown>): void {
    this.connectPointer();
    if (['answer', 'span', 'width', 'dark'].some((name) => changed.has(name))) this.draw();
  }

  override render(): unknown {
    const { answer, model, span, width, hoverX } = this;
    const words = kernelWords(answer, hoverX);
    const keyed =
      this.keyedX !== null && this.keyedX >= span.from && this.keyedX < span.to ? this.keyedX : null;
    const spoken = kernelWords(answer, keyed);
    const height = model?.bars == null ? STRIP_HEIGHT : Math.max(STRIP_HEIGHT, LANE_HEIGHT * model.lanes + 2);
    const at = hoverX !== null && hoverX >= span.from && hoverX < span.to ? hoverX : null;
    const outside = outsideWords(this.outside);
    return html`
      <div class="row">
        <span class="name" aria-hidden="true">Kernels</span>
        <div
          class="track"
          role="slider"
          tabindex="0"
          aria-label="Kernels"
          aria-description="Arrow keys go from kernel to kernel, Enter shows what ran"
          aria-valuemin=${Math.round(span.from)}
          aria-valuemax=${Math.round(span.to)}
          aria-valuenow=${Math.round(keyed ?? span.from)}
          aria-valuetext=${spoken === '' ? formatInstant(keyed ?? span.from) : spoken}
          .style=${`width: ${width}px; height: ${height}px`}
          @keydown=${(event: KeyboardEvent) => this.keydown(event)}
          @blur=${() => {
            this.keyedX = null;
            this.emit('chart-hover', { x: null });
          }}
        >
          ${model?.bars == null ? html`<canvas aria-hidden="true"></canvas>` : model.bars.map(renderBar)}
          ${
            at === null
              ? nothing
              : html`<div class="line" .style=${`left: ${xToPixel(at, span, width)}px`}></div>`
          }
        </div>
      </div>
      <p class="words" title=${words}>${words === '' ? '\u00a0' : words}</p>
      ${outside === '' ? nothing : html`<p class="words outside">${outside}</p>`}
    `;
  }

  private emit<Name extends keyof KernelTrackEvents>(name: Name, detail: KernelTrackEvents[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  private connectPointer(): void {
    if (this.pointer !== null) return;
    const x = (pixel: number): number => pixelToX(pixel, this.span, this.width);
    this.pointer = new ChartPointer(this.track, {
      hover: (pixel) => this.emit('chart-hover', { x: pixel === null ? null : x(pixel) }),
      click: (pixel) => this.pick(x(pixel)),
      doubleClick: () => this.emit('chart-fit', null),
      pan: (pixels) => this.emit('chart-pan', { delta: x(pixels) - x(0) }),
      select: (from, to, done) => this.emit('chart-select', { from: x(from), to: x(to), done }),
      zoom: (pixel, factor) => this.emit('chart-zoom', { at: x(pixel), factor }),
      selects: () => this.selecting,
      isFull: () => this.full,
      scrolledPast: () => undefined,
    });
  }

  private pick(x: number): void {
    const target = this.answer === null ? null : kernelTarget(this.answer, x);
    if (target !== null) this.emit('kernel-pick', target);
  }

  private keydown(event: KeyboardEvent): void {
    if (this.answer === null || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.hoverX;
    const go = (x: number | null): void => {
      event.preventDefault();
      if (x === null) return;
      this.keyedX = x;
      this.emit('chart-hover', { x });
    };
    switch (event.key) {
      case 'ArrowRight':
        return go(stepKernel(this.answer, this.span, at, 1));
      case 'ArrowLeft':
        return go(stepKernel(this.answer, this.span, at, -1));
      case 'PageDown':
        return go(stepKernel(this.answer, this.span, at, 20));
      case 'PageUp':
        return go(stepKernel(this.answer, this.span, at, -20));
      case 'Home':
        return go(stepKernel(this.answer, this.span, null, 1));
      case 'End':
        return go(stepKernel(this.answer, this.span, null, -1));
      case 'Enter':
        event.preventDefault();
        if (at !== null) this.pick(at);
        return;
      default:
        return;
    }
  }

  /** A column's height is the share of it in which a kernel ran; what ran at all is seen. */
  private draw(): void {
    const { canvas, model, width } = this;
    if (canvas === null || model === null) return;
    const scale = devicePixelRatio;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(STRIP_HEIGHT * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${STRIP_HEIGHT}px`;
    const context = canvas.getContext('2d');
    if (context === null) return;
    context.fillStyle = getComputedStyle(this.track).color;
    for (const { left, width: wide, busy } of model.strips) {
      const high = Math.max(2, busy * (STRIP_HEIGHT - 2)) * scale;
      const from = Math.floor(left * scale);
      context.fillRect(from, canvas.height - high, Math.ceil((left + wide) * scale) - from, high);
    }
  }
}

const renderBar = ({ name, lane, left, width }: KernelBar): unknown =>
  html`<div
    class="bar ${name === '' ? 'bare' : ''}"
    .style=${`left: ${left}px; width: ${width}px; top: ${LANE_HEIGHT * lane + 2}px`}
  >
    ${name}
  </div>`;
