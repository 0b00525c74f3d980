/** The time strip: reserved and allocated over what is in view, small and always on screen. State lives above it. */
import { LitElement, css, html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { SeriesView, TimelineAnswer } from '../../engine/protocol.ts';
import { chartDescription, type ChartModel, chartModel, legend } from '../../view/parts/curves.ts';
import { formatX } from '../../view/parts/words.ts';
import type { ViewContext } from '../../view/workspace/context.ts';
import { legendStyle, renderLegend } from '../parts/legend.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';

const HEIGHT = 96;
/** Curves of the strip: what is taken from the driver, and what of it the program uses. */
const SHOWN = new Set(['reserved', 'allocated', 'allocated_floor', 'requested', 'device', 'managed']);

@customElement('vs-strip')
export class VsStrip extends LitElement {
  static override styles = [
    controls,
    legendStyle,
    css`
      :host {
        display: block;
      }
    `,
  ];

  @property({ attribute: false }) context!: ViewContext;
  @property({ attribute: false }) answer: TimelineAnswer | null = null;
  @property({ attribute: false }) hoverX: number | null = null;
  @property({ attribute: false }) pinned: number | null = null;
  @property({ attribute: false }) marks: readonly number[] = [];
  @property({ attribute: false }) iterations: readonly number[] = [];
  @property({ type: Boolean }) full = true;
  @property({ type: Boolean }) selecting = false;

  @state() private width = 800;
  private model: ChartModel | null = null;

  private get series(): readonly SeriesView[] {
    return this.context.device.series.filter(({ chart }) => chart === 'usage');
  }

  private get hiddenCurves(): ReadonlySet<string> {
    return new Set(this.series.filter(({ id }) => !SHOWN.has(id)).map(({ id }) => id));
  }

  override willUpdate(changed: Map<string, unknown>): void {
    const { answer, context, width, series, hiddenCurves: hidden } = this;
    if (!['answer', 'context', 'width'].some((name) => changed.has(name))) return;
    const { span, unit } = context;
    this.model =
      answer === null ? null : chartModel({ answer, series, hidden, span, unit, width, height: HEIGHT });
  }

  override render(): unknown {
    const { context, answer, series, hiddenCurves } = this;
    const { unit, axis, span } = context;
    const entries = legend(series, answer, hiddenCurves, this.hoverX, unit).filter(
      ({ id }) => !hiddenCurves.has(id),
    );
    return html`
      ${renderLegend(entries, () => undefined)}
      <uplot-chart
        role="img"
        aria-label=${chartDescription('Time strip', series, answer, hiddenCurves, unit)}
        .model=${this.model}
        .hoverX=${this.hoverX}
        .hoverLabel=${this.hoverX === null ? '' : formatX(axis, this.hoverX, span)}
        .selection=${context.range}
        .marks=${this.marks}
        .iterations=${this.iterations}
        .pinned=${this.pinned}
        .height=${HEIGHT}
        ?dark=${context.dark}
        ?full=${this.full}
        ?selecting=${this.selecting}
        .style=${`height: ${HEIGHT}px`}
        @chart-size=${(event: CustomEvent<{ width: number }>) => (this.width = event.detail.width)}
      ></uplot-chart>
    `;
  }
}
