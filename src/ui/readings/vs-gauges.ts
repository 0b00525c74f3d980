/** One chart of figures over time, with a legend by metric: what the curve is, how coarse, what to know of it. */
import { css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { ChartElement } from '../parts/chart-element.ts';
import type { ChartModel, LegendEntry } from '../../view/parts/curves.ts';
import { formatMoment, momentOf } from '../../view/readings/clock.ts';
import { describeChart, gaugeChartModel, gaugeLegend, metricWords } from '../../view/readings/gauge-chart.ts';
import type { GaugeChart, GaugeMetric, GaugeSet } from '../../view/readings/gauges.ts';
import { MOST_SHOWN } from '../../view/readings/gauges.ts';
import { sameSpan } from '../../view/parts/viewport.ts';
import { chartStyle } from '../parts/chart-style.ts';
import { legendStyle, renderLegend } from '../parts/legend.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';

/** Entries of a metric before a button shows the rest. */
const MOST_ENTRIES = 16;

@customElement('vs-gauges')
export class VsGauges extends ChartElement {
  static override styles = [
    controls,
    chartStyle,
    legendStyle,
    css`
      .metrics {
        margin-bottom: 8px;
      }
      .alone {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 28px;
        padding: 0 16px;
      }
      .alone .metric {
        max-width: 44ch;
      }
      .alone .words {
        padding-left: 17px;
      }
      .metrics > .metric {
        padding: 5px 16px 0;
      }
      .head {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 0 12px;
        font-size: 13px;
      }
      .words {
        font-size: 12px;
      }
      /* One line an entry: a chart of eight GPUs has eight of them, and more. */
      .legend {
        gap: 0 6px;
        margin: 1px 0 0 -9px;
        padding: 0;
      }
      .legend button {
        grid-template-columns: 16px auto minmax(8ch, auto);
        min-width: 0;
        padding: 2px 8px;
      }
      .legend .value {
        grid-column: 3;
        font-size: 13px;
      }
      .none {
        padding: 4px 16px 0;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) set!: GaugeSet;
  @property({ attribute: false }) chart!: GaugeChart;
  @property({ attribute: false }) hiddenCurves: ReadonlySet<string> = new Set();
  @property({ type: Number }) height = 220;

  @state() private width = 0;
  @state() private unfolded: ReadonlySet<string> = new Set();

  private model: ChartModel | null = null;

  override willUpdate(changed: Map<string, unknown>): void {
    // Not what only the overlay shows: a pointer moves often.
    const parts = ['set', 'chart', 'span', 'unit', 'width', 'height', 'hiddenCurves'];
    if (this.width === 0 || !parts.some((name) => changed.has(name))) return;
    const { set, chart, span, unit, width, height, hiddenCurves: hidden } = this;
    this.model = gaugeChartModel({ set, chart, hidden, span, unit, width, height });
  }

  override render(): unknown {
    const { set, chart, span, unit, hoverX, hiddenCurves: hidden } = this;
    const label = hoverX === null ? '' : formatMoment(set.clock, momentOf(set.base, hoverX));
    const none = chart.series.every(({ id }) => hidden.has(id));
    return html`
      <header>
        <h2>${chart.title}</h2>
        <slot name="tools"></slot>
      </header>
      ${this.metrics()}
      ${none ? html`<p class="none quiet">Every curve is switched off: choose one above.</p>` : nothing}
      <uplot-chart
        role="img"
        aria-label=${describeChart({ set, chart, hidden, span, unit })}
        .model=${this.model}
        .hoverX=${hoverX}
        .hoverLabel=${label}
        .selection=${this.selection}
        .pinned=${this.pinned}
        .marks=${this.marks}
        .height=${this.height}
        ?dark=${this.dark}
        ?full=${sameSpan(span, set.whole)}
        ?selecting=${this.selecting}
        .style=${`height: ${this.height}px`}
        @chart-size=${(event: CustomEvent<{ width: number }>) => (this.width = event.detail.width)}
      ></uplot-chart>
    `;
  }

  /** Metrics of one series stand beside each other; one of several has a line of its own. */
  private metrics(): unknown {
    const { metrics } = this.chart;
    const alone = metrics.filter(({ series }) => series.length === 1);
    const several = metrics.filter(({ series }) => series.length > 1);
    return html`<div class="metrics">
      ${alone.length === 0 ? nothing : html`<div class="alone">${alone.map((metric) => this.alone(metric))}</div>`}
      ${several.map((metric) => this.several(metric))}
    </div>`;
  }

  private alone(metric: GaugeMetric): unknown {
    const words = metricWords(metric, this.unit);
    return html`<div class="metric">
      ${this.entries(gaugeLegend(metric, this.hiddenCurves, this.hoverX, this.unit))}
      ${words === '' ? nothing : html`<p class="words quiet">${words}</p>`}
    </div>`;
  }

  private several(metric: GaugeMetric): unknown {
    const { unit, hiddenCurves: hidden } = this;
    const entries = gaugeLegend(metric, hidden, this.hoverX, unit);
    const words = metricWords(metric, unit);
    const drawn = entries.filter(({ shown }) => shown);
    // A long list is folded to what is drawn.
    const short = entries.length <= MOST_ENTRIES && drawn.length > 0;
    const shown = short || this.unfolded.has(metric.id) ? entries : drawn;
    return html`<div class="metric">
      <div class="head">
        <h3>${metric.label}</h3>
        ${this.switches(metric, drawn.length, shown.length)}
        ${words === '' ? nothing : html`<span class="words quiet">${words}</span>`}
      </div>
      ${shown.length === 0 ? nothing : this.entries(shown)}
    </div>`;
  }

  private entries(entries: readonly LegendEntry[]): unknown {
    return renderLegend(entries, ({ id, shown }) => this.emit('toggle-gauges', { ids: [id], show: !shown }));
  }

  private switches({ id, series, label }: GaugeMetric, drawn: number, listed: number): unknown {
    const show = drawn === 0;
    const some = show ? series.slice(0, MOST_SHOWN) : series;
    const words =
      some.length < series.length ? `show ${some.length} of ${series.length}` : show ? 'show' : 'hide';
    return html`<button
        class="link"
        aria-label=${`${words}: ${label}`}
        @click=${() => this.emit('toggle-gauges', { ids: some.map((one) => one.id), show })}
      >
        ${words}
      </button>
      ${
        drawn > 0 && listed < series.length
          ? html`<button
              class="link"
              aria-label=${`list all ${series.length}: ${label}`}
              @click=${() => (this.unfolded = new Set([...this.unfolded, id]))}
            >
              list all ${series.length}
            </button>`
          : nothing
      }`;
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
