/** One chart of curves over time or events: legend with read-outs, annotations, plot. State lives above it. */
import { css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { ChartElement } from '../parts/chart-element.ts';
import type { Axis, SeriesView, TimelineAnswer } from '../../engine/protocol.ts';
import type { ChartModel, LegendEntry } from '../../view/parts/curves.ts';
import { AXIS_LEFT, chartDescription, chartModel, legend } from '../../view/parts/curves.ts';
import type { AnnotationLanes } from '../../view/parts/marks.ts';
import { hiddenAnnotations } from '../../view/parts/marks.ts';
import { formatX } from '../../view/parts/words.ts';
import { chartStyle } from '../parts/chart-style.ts';
import { legendStyle, renderLegend } from '../parts/legend.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';

@customElement('vs-timeline')
export class VsTimeline extends ChartElement {
  static override styles = [
    controls,
    chartStyle,
    legendStyle,
    css`
      :host {
        scroll-margin: calc(var(--bar-height, 45px) + 15px) 0;
      }
      .lanes {
        position: relative;
        margin: 6px 0 2px;
        overflow: hidden;
      }
      .lanes button {
        position: absolute;
        height: 18px;
        padding: 0 4px;
        border: 0;
        border-radius: 2px;
        font-size: 11px;
        line-height: 18px;
        text-align: left;
        overflow: hidden;
        text-overflow: clip;
        background: var(--accent-soft);
      }
      .lanes button:hover {
        background: var(--line);
      }
      .lanes button:focus-visible {
        outline-offset: -2px;
      }
      .hidden-lanes {
        padding-left: ${AXIS_LEFT}px;
        font-size: 11px;
      }
    `,
  ];

  @property() heading = '';
  @property({ attribute: false }) answer: TimelineAnswer | null = null;
  @property({ attribute: false }) series: readonly SeriesView[] = [];
  @property({ attribute: false }) hiddenCurves: ReadonlySet<string> = new Set();
  @property() axis: Axis = 'time';
  @property({ type: Boolean }) full = true;
  @property({ type: Boolean }) rightAxis = false;
  @property({ type: Number }) height = 240;
  @property({ attribute: false }) iterations: readonly number[] = [];
  @property({ attribute: false }) annotations: AnnotationLanes | null = null;

  @state() private width = 800;

  private model: ChartModel | null = null;

  override willUpdate(changed: Map<string, unknown>): void {
    const { answer, series, span, unit, width, height, hiddenCurves: hidden } = this;
    // Not `series`: a chart keeps its own. Not what only the overlay shows: a pointer moves often.
    const parts = ['answer', 'span', 'unit', 'width', 'height', 'hiddenCurves'];
    if (!parts.some((name) => changed.has(name))) return;
    this.model = answer === null ? null : chartModel({ answer, series, hidden, span, unit, width, height });
  }

  override render(): unknown {
    const { answer, series, unit } = this;
    const entries = legend(series, answer, this.hiddenCurves, this.hoverX, unit);
    return html`
      <header>
        <h2>${this.heading}</h2>
        <slot name="tools"></slot>
      </header>
      ${renderLegend(entries, (entry) => this.toggle(entry))} ${this.lanes()}
      <uplot-chart
        role="img"
        aria-label=${chartDescription(this.heading, series, answer, this.hiddenCurves, unit)}
        .model=${this.model}
        .hoverX=${this.hoverX}
        .hoverLabel=${this.hoverX === null ? '' : formatX(this.axis, this.hoverX, this.span)}
        .selection=${this.selection}
        .marks=${this.marks}
        .iterations=${this.iterations}
        .pinned=${this.pinned}
        .height=${this.height}
        ?dark=${this.dark}
        ?full=${this.full}
        ?selecting=${this.selecting}
        ?rightAxis=${this.rightAxis}
        .style=${`height: ${this.height}px`}
        @chart-size=${(event: CustomEvent<{ width: number }>) => (this.width = event.detail.width)}
      ></uplot-chart>
      <slot name="below"></slot>
    `;
  }

  private lanes(): unknown {
    const { annotations } = this;
    if (annotations === null || (annotations.bars.length === 0 && annotations.hidden === 0)) return nothing;
    return html`
      ${
        annotations.bars.length === 0
          ? nothing
          : html`<div
              class="lanes"
              role="group"
              aria-label="Annotations"
              .style=${`height: ${20 * annotations.lanes}px`}
            >
              ${annotations.bars.map(
                (bar) =>
                  html`<button
                    title=${bar.title}
                    .style=${
                      `left: ${AXIS_LEFT + bar.left}px; width: ${bar.width}px; top: ${20 * bar.lane}px;` +
                      (bar.width < 14 ? 'color: transparent' : '')
                    }
                    @click=${() => this.emit('choose-span', bar.span)}
                  >
                    ${bar.name}
                  </button>`,
              )}
            </div>`
      }
      ${
        annotations.hidden === 0
          ? nothing
          : html`<p class="hidden-lanes quiet">${hiddenAnnotations(annotations.hidden)}</p>`
      }
    `;
  }

  private toggle(entry: LegendEntry): void {
    this.emit('toggle-curve', { id: entry.id });
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
