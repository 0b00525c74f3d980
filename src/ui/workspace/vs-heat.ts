/** A picture of one byte a pixel, stretched over its place; tells where the pointer is, and takes a click. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import type { Heat } from '../../view/workspace/free-memory.ts';
import { CURVES, SURFACE } from '../../view/parts/palette.ts';

/** A pixel of the picture, from the left and from the top; null: the pointer left. */
export interface HeatPoint {
  readonly column: number;
  readonly y: number;
}

const channels = (hex: string): number[] => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

@customElement('vs-heat')
export class VsHeat extends LitElement {
  static override styles = css`
    :host {
      position: relative;
      display: block;
      min-height: 24px;
      overflow: hidden;
      background: var(--panel);
      border: 1px solid var(--line);
      border-radius: 2px;
    }
    canvas {
      display: block;
      width: 100%;
      height: 100%;
      image-rendering: pixelated;
      cursor: crosshair;
    }
    .at {
      position: absolute;
      top: 0;
      bottom: 0;
      width: 1px;
      background: var(--text);
      pointer-events: none;
    }
  `;

  @property({ attribute: false }) heat: Heat | null = null;
  @property({ type: Boolean }) dark = false;
  @property() name = '';
  /** Share of the width at which the moment is; null: outside. */
  @property({ attribute: false }) at: number | null = null;

  @query('canvas') private readonly canvas!: HTMLCanvasElement;

  override render(): unknown {
    return html`<canvas
        role="img"
        aria-label=${this.name}
        @pointermove=${(event: PointerEvent) => this.tell('heat-hover', event)}
        @pointerleave=${() => this.emit('heat-hover', null)}
        @click=${(event: PointerEvent) => this.tell('heat-pick', event)}
      ></canvas>
      ${this.at === null ? nothing : html`<div class="at" .style=${`left: ${100 * this.at}%`}></div>`}`;
  }

  override updated(changed: Map<string, unknown>): void {
    if (!changed.has('heat') && !changed.has('dark')) return;
    const { heat, canvas } = this;
    canvas.width = Math.max(1, heat?.columns ?? 1);
    canvas.height = Math.max(1, heat?.rows ?? 1);
    if (heat === null || heat.values.length === 0) return;
    const theme = this.dark ? 'dark' : 'light';
    const faint = channels(SURFACE['accent-soft'][theme]);
    const full = channels(CURVES.blue[theme]);
    const none = channels(SURFACE.panel[theme]);
    const image = new ImageData(heat.columns, heat.rows);
    heat.values.forEach((value, pixel) => {
      for (let channel = 0; channel < 3; channel++)
        image.data[4 * pixel + channel] =
          value === 0
            ? none[channel]
            : faint[channel] + ((full[channel] - faint[channel]) * (value - 1)) / 254;
      image.data[4 * pixel + 3] = 255;
    });
    canvas.getContext('2d')!.putImageData(image, 0, 0);
  }

  private tell(name: string, event: PointerEvent): void {
    const { heat, canvas } = this;
    if (heat === null) return;
    const box = canvas.getBoundingClientRect();
    const place = (at: number, size: number, many: number): number =>
      Math.min(many - 1, Math.max(0, Math.floor((at / size) * many)));
    this.emit(name, {
      column: place(event.clientX - box.left, box.width, heat.columns),
      y: place(event.clientY - box.top, box.height, heat.rows),
    });
  }

  private emit(name: string, detail: HeatPoint | null): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
