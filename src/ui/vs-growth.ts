/** Growth by iteration: what was held at the end of each, a verdict for each series, and every value on demand. */
import { LitElement, css, html, nothing, svg } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../base/units.ts';
import { formatInteger } from '../base/units.ts';
import type { DeviceDiagnosis } from '../engine/protocol.ts';
import type { GrowthModel, GrowthRow } from '../view/growth.ts';
import { growthModel, growthTable, rowsOfIteration } from '../view/growth.ts';
import { growthPartsTable } from '../view/growth-parts.ts';
import { renderSeverity, severityStyle } from './finding-severity.ts';
import { controls } from './theme.ts';
import { showEvidence } from './vs-finding.ts';
import type { RowOpenEvent } from './vs-table.ts';
import './vs-table.ts';

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
      summary {
        width: fit-content;
        color: var(--text-quiet);
        cursor: pointer;
      }
      summary:hover {
        color: var(--text);
      }
      details p {
        margin-top: 4px;
        overflow-wrap: anywhere;
      }
      vs-table {
        margin-top: 6px;
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
      ${this.why(model)} ${this.parts()} ${this.values()}
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

  private values(): unknown {
    const table = growthTable(this.device, this.unit);
    if (table === null) return nothing;
    return html`<details>
      <summary>Value at the end of each iteration</summary>
      <vs-table
        .model=${table}
        first="8"
        opens
        dense
        @row-open=${(event: RowOpenEvent) => this.open(Number(event.detail.key))}
      ></vs-table>
    </details>`;
  }

  private parts(): unknown {
    const { device, unit } = this;
    const table = growthPartsTable(device, unit);
    if (table === null) return nothing;
    return html`<details>
      <summary>
        By ${device.growthParts.some(({ by }) => by === 'stream') ? 'stream and ' : ''}line of code
      </summary>
      <p class="quiet">
        What was allocated in the recording, at the end of the first iteration and of the last. Click a row
        for its evidence.
      </p>
      <vs-table
        .model=${table}
        first="8"
        opens
        dense
        @row-open=${(event: RowOpenEvent) => this.openPart(Number(event.detail.key))}
      ></vs-table>
    </details>`;
  }

  private openPart(index: number): void {
    const { by, name, stack, window } = this.device.growthParts[index];
    const text = by === 'stream' ? `Stream ${name}` : name;
    showEvidence(this, { text, row: null, rows: window, stack });
  }

  private open(index: number): void {
    const rows = rowsOfIteration(this.device, index);
    if (rows === null) return;
    const text = `Iteration ${formatInteger(index + 1)}`;
    showEvidence(this, { text, row: null, rows, stack: null });
  }
}
