/** A log of memory_summary() texts: curves over its steps, one step as a table with what changed since another. */
import { count, deviceLabel } from '../../base/words.ts';
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { SourceView } from '../../engine/protocol.ts';
import type { LegendEntry } from '../../view/parts/curves.ts';
import { formatValue } from '../../view/parts/curves.ts';
import {
  describeSummaries,
  stepName,
  stepsTable,
  summaryChart,
  summaryTable,
} from '../../view/readings/summary.ts';
import { legendStyle, renderLegend } from '../parts/legend.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';
import '../shell/vs-file-bar.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

const CHART_HEIGHT = 280;

@customElement('vs-summaries')
export class VsSummaries extends LitElement {
  static override styles = [
    controls,
    legendStyle,
    css`
      :host {
        display: block;
        padding: 20px 24px 32px;
      }
      .page {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
      }
      .chart h2 {
        padding: 12px 16px 0;
      }
      .body {
        padding: 14px 16px 16px;
      }
      .pick {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 12px;
        margin-bottom: 12px;
      }
      .pick h2 {
        margin-right: 8px;
      }
      .rounded {
        max-width: 100ch;
        margin-bottom: 12px;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) source!: SourceView;
  @property({ attribute: false }) device = 0;
  @property({ attribute: false }) api: (() => Promise<EngineApi>) | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;

  /** Position in this device's list; -1: the last one. */
  @state() private chosen = -1;
  @state() private hiddenCurves: ReadonlySet<string> = new Set();
  @state() private hoverX: number | null = null;
  @state() private width = 800;

  private summaries: SourceView['summaries'] = [];
  private drawn!: ReturnType<typeof summaryChart>;

  /** Logs can hold thousands of summaries: a pointer that moves must not lay all of them out again. */
  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('source') || changed.has('device')) {
      this.summaries = this.source.summaries.filter(({ device }) => device === this.device);
    }
    if (['source', 'device', 'hiddenCurves', 'unit', 'width'].some((name) => changed.has(name))) {
      this.drawn = summaryChart(this.summaries, this.hiddenCurves, this.unit, this.width, CHART_HEIGHT);
    }
  }

  override render(): unknown {
    const { unit, summaries } = this;
    const { curves } = this.drawn;
    const at = this.chosen < 0 ? summaries.length - 1 : this.chosen;
    const column = Math.min(summaries.length - 1, Math.max(0, Math.floor(this.hoverX ?? at)));
    const entries = curves.map((curve): LegendEntry => {
      const value = curve.last[column];
      const isBytes = curve.scale === 'left';
      const exact = isBytes ? `${formatInteger(value)} bytes` : formatInteger(value);
      return {
        id: curve.id,
        label: curve.label,
        color: curve.color,
        dashed: curve.dashed,
        shown: !this.hiddenCurves.has(curve.id),
        value: formatValue(value, isBytes ? 'bytes' : 'count', unit),
        title: `${curve.label} at ${stepName(summaries[column])}: ${exact}${isBytes ? ', rounded down by PyTorch' : ''}`,
      };
    });
    return html`<div class="page">
      <vs-file-bar .source=${this.source} .unit=${unit} .api=${this.api}></vs-file-bar>
      <slot name="diagnosis"></slot>
      ${summaries.length > 1 ? this.chart(entries, at, column) : nothing}
      ${guard([summaries, at, unit], () => this.tables(at))}
    </div>`;
  }

  private chart(entries: readonly LegendEntry[], at: number, column: number): unknown {
    const { summaries } = this;
    const { curves, model } = this.drawn;
    return html`<section class="panel chart">
      <h2>${deviceLabel(this.device)} over ${count(summaries.length, 'summary', 'summaries')}</h2>
      ${renderLegend(entries, ({ id }) => this.toggle(id))}
      <uplot-chart
        role="img"
        aria-label=${describeSummaries(curves, summaries, this.hiddenCurves, this.unit)}
        .model=${model}
        .hoverX=${this.hoverX}
        .hoverLabel=${this.hoverX === null ? '' : stepName(summaries[column])}
        .selection=${{ from: at, to: at + 1 }}
        .height=${CHART_HEIGHT}
        ?dark=${this.dark}
        rightAxis
        .style=${`height: ${CHART_HEIGHT}px`}
        @chart-size=${(event: CustomEvent<{ width: number }>) => (this.width = event.detail.width)}
        @chart-hover=${(event: CustomEvent<{ x: number | null }>) => (this.hoverX = event.detail.x)}
        @chart-pick=${(event: CustomEvent<{ x: number }>) => this.choose(Math.floor(event.detail.x), summaries.length)}
      ></uplot-chart>
    </section>`;
  }

  private steps(at: number): unknown {
    const { summaries, unit } = this;
    return html`<section class="panel body">
      <h2>Step by step</h2>
      <p class="rounded quiet">What is held after each summary, and how it changed since the one before.</p>
      <vs-table
        .model=${stepsTable(summaries, unit)}
        .current=${String(at)}
        opens
        @row-open=${(event: RowOpenEvent) => this.choose(Number(event.detail.key), summaries.length)}
      ></vs-table>
    </section>`;
  }

  private tables(at: number): unknown {
    const { summaries, unit } = this;
    const step = summaries[at];
    const before = at > 0 ? summaries[at - 1] : null;
    return html`
      ${summaries.length > 1 ? this.steps(at) : nothing}
      <section class="panel body">
        <div class="pick">
          <h2 id="step-title">One summary</h2>
          <button ?disabled=${at === 0} @click=${() => this.choose(at - 1, summaries.length)}>
            Previous
          </button>
          <select
            aria-labelledby="step-title"
            @change=${(event: Event) =>
              this.choose(Number((event.target as HTMLSelectElement).value), summaries.length)}
          >
            ${summaries.map(
              (summary, index) =>
                html`<option value=${index} ?selected=${index === at}>
                  ${index + 1}. ${stepName(summary)}
                </option>`,
            )}
          </select>
          <button
            ?disabled=${at === summaries.length - 1}
            @click=${() => this.choose(at + 1, summaries.length)}
          >
            Next
          </button>
          <span class="quiet">
            ${before === null ? 'The first one: nothing to compare with.' : `Changes are against ${stepName(before)}.`}
            ${count(step.ooms, 'out-of-memory error')},
            ${count(step.retries, 'cudaMalloc retry', 'cudaMalloc retries')} by then.
          </span>
        </div>
        <p class="rounded quiet">${this.rounding(step)}</p>
        <vs-table .model=${summaryTable(step, before, unit)} first="100"></vs-table>
      </section>
    `;
  }

  private rounding(step: SourceView['summaries'][number]): unknown {
    const units = Object.values(step.granularity).map(({ current, peak, allocated, freed }) =>
      Math.max(current, peak, allocated, freed),
    );
    const coarsest = Math.max(1, ...units);
    if (coarsest === 1) return nothing;
    return html`Approximate: memory_summary prints whole units and rounds down, so a figure here may be up to
    ${formatBytes(coarsest, this.unit)} too low, and a change off by as much either way. Counts are exact.`;
  }

  private choose(step: number, length: number): void {
    this.chosen = Math.min(length - 1, Math.max(0, step));
  }

  private toggle(id: string): void {
    const hidden = new Set(this.hiddenCurves);
    if (!hidden.delete(id)) hidden.add(id);
    this.hiddenCurves = hidden;
  }
}
