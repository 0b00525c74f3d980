/** Growth by iteration: what was held at the end of each, and a verdict for each series. vs-growth-tables has the rest. */
import { LitElement, css, html, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { DeviceDiagnosis } from '../../engine/protocol.ts';
import type { GrowthModel, GrowthRow } from '../../view/diagnosis/growth.ts';
import { growthModel } from '../../view/diagnosis/growth.ts';
import { renderSeverity, severityStyle } from './finding-severity.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-growth')
export class VsGrowth extends LitElement {
  static override styles = [
    controls,
    severityStyle,
    css`
      :host {
        display: block;
        padding: 11px 16px 12px;
      }
      .words {
        margin-top: 2px;
        font-size: 13px;
      }
      .chart {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 2px 8px;
        margin-top: 10px;
        font-size: 11px;
        color: var(--text-quiet);
      }
      .scale {
        display: flex;
        flex-direction: column;
        justify-content: space-between;
        text-align: right;
        line-height: 1;
      }
      .plot {
        width: 100%;
        height: 96px;
        border: solid var(--line-strong);
        border-width: 0 0 1px 1px;
        overflow: visible;
      }
      polyline {
        fill: none;
        stroke-width: 2;
        vector-effect: non-scaling-stroke;
      }
      .ends {
        grid-column: 2;
        display: flex;
        justify-content: space-between;
      }
      .rows {
        margin-top: 6px;
        list-style: none;
        font-size: 13px;
      }
      .rows li {
        display: grid;
        grid-template-columns: 12px 74px minmax(0, 1fr);
        gap: 0 8px;
        align-items: baseline;
        padding: 4px 0;
        border-top: 1px solid var(--line);
      }
      .rows li:first-child {
        border-top: 0;
      }
      .swatch {
        width: 12px;
        height: 3px;
        align-self: center;
      }
      .figure {
        display: block;
        color: var(--text-quiet);
      }
      details {
        margin-top: 4px;
        font-size: 13px;
      }
      details p {
        margin-top: 4px;
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) device!: DeviceDiagnosis;
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    const model = growthModel(this.device, this.unit);
    return html`
      <h3>Growth by iteration</h3>
      <p class="words quiet">${model.summary}</p>
      ${model.lines.length === 0 ? nothing : this.chart(model)}
      ${
        model.rows.length === 0
          ? nothing
          : html`<ul class="rows">
              ${model.rows.map((row) => this.row(row))}
            </ul>`
      }
      ${this.why(model)}
    `;
  }

  private chart({ lines, top, last, described }: GrowthModel): unknown {
    return html`<div class="chart" role="img" aria-label=${`Held at the end of each iteration: ${described}`}>
      <div class="scale"><span>${top}</span><span>0</span></div>
      <svg class="plot" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
        ${lines.map(
          ({ points, color }) =>
            svg`<polyline points=${points} stroke=${`var(--curve-${color})`}></polyline>`,
        )}
      </svg>
      <div class="ends"><span>Iteration 1</span><span>${last}</span></div>
    </div>`;
  }

  private row({ series, label, color, verdict, endless, figure, figureTitle }: GrowthRow): unknown {
    return html`<li data-series=${series}>
      <span class="swatch" .style=${`background: var(--curve-${color})`}></span>
      <span>${label}</span>
      <span>
        ${endless ? renderSeverity('problem', false) : nothing}
        <strong>${verdict}</strong>
        ${figure === '' ? nothing : html`<span class="figure" title=${figureTitle}>${figure}</span>`}
      </span>
    </li>`;
  }

  private why({ confidence, why, rows }: GrowthModel): unknown {
    return html`<details>
      <summary>How it was judged</summary>
      <p>
        ${confidence === '' ? nothing : html`<strong>Iterations.</strong> ${confidence}. `}${why.join(' ')}
      </p>
      ${rows.map(
        (row) =>
          html`<p><strong>${row.label}.</strong> Confidence: ${row.confidence}. ${row.why.join(' ')}</p>`,
      )}
    </details>`;
  }
}
