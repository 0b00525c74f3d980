/** Allocation sizes by stream, small multiples; the same figures as a table for those who want to read them. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { StreamRow } from '../../engine/protocol.ts';
import type { HistogramBar, HistogramMeasure, HistogramPanel } from '../../view/device/histogram.ts';
import { histogramPanels, histogramTable } from '../../view/device/histogram.ts';
import { controls } from '../parts/theme.ts';
import '../parts/vs-table.ts';

@customElement('vs-histograms')
export class VsHistograms extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 16px;
      }
      header p {
        flex: 1;
        font-size: 13px;
      }
      .panels {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(300px, 1fr));
        gap: 20px 28px;
        margin-top: 14px;
      }
      .facts {
        font-size: 12px;
      }
      .plot {
        display: grid;
        grid-auto-flow: column;
        grid-auto-columns: minmax(0, 1fr);
        height: 96px;
        margin-top: 6px;
        border-bottom: 1px solid var(--line-strong);
      }
      .slot {
        display: flex;
        align-items: flex-end;
        padding: 0 1px;
      }
      .slot:hover {
        background: var(--sunken);
      }
      .bar {
        width: 100%;
        max-width: 36px;
        margin: 0 auto;
        background: var(--accent);
      }
      .slot:hover .bar {
        background: var(--text);
      }
      .labels {
        display: grid;
        grid-auto-flow: column;
        grid-auto-columns: minmax(0, 1fr);
        font-size: 11px;
        color: var(--text-quiet);
        height: 18px;
      }
      .labels span {
        width: 0;
        overflow: visible;
        white-space: nowrap;
      }
      details {
        margin-top: 14px;
      }
      vs-table {
        margin-top: 8px;
        max-width: 720px;
      }
      .none {
        margin-top: 8px;
      }
    `,
  ];

  @property({ attribute: false }) streams: readonly StreamRow[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  /** What the sizes are of. */
  @property() sizes = 'Bytes requested';

  @state() private measure: HistogramMeasure = 'count';
  @state() private pointed: { readonly stream: string; readonly bar: HistogramBar } | null = null;

  override render(): unknown {
    const panels = histogramPanels(this.streams, this.measure, this.unit);
    return html`
      <header>
        <h2>Allocation sizes by stream</h2>
        <p class="quiet">${this.sizes}, in classes that double. Each stream has its own scale.</p>
        <span class="group" role="group" aria-label="Measure">
          ${this.choice('count', 'Count')}${this.choice('bytes', 'Bytes')}
        </span>
      </header>
      ${
        panels.length === 0
          ? html`<p class="none quiet">Nothing was allocated in this range.</p>`
          : html`
              <div class="panels">${panels.map((panel) => this.panel(panel))}</div>
              <details>
                <summary>The same as a table</summary>
                <vs-table .model=${histogramTable(panels, this.unit)} first="100"></vs-table>
              </details>
            `
      }
    `;
  }

  private choice(measure: HistogramMeasure, label: string): unknown {
    return html`<button
      aria-pressed=${this.measure === measure ? 'true' : 'false'}
      @click=${() => (this.measure = measure)}
    >
      ${label}
    </button>`;
  }

  private panel(panel: HistogramPanel): unknown {
    const { stream, bars } = panel;
    const pointed = this.pointed?.stream === stream ? this.pointed.bar.title : null;
    return html`<section data-stream=${stream}>
      <h3>${panel.title}</h3>
      <p class="facts quiet">${pointed ?? `${panel.facts}. Tallest: ${panel.tallest}.`}</p>
      <div class="plot" role="img" aria-label=${panel.summary} @pointerleave=${() => (this.pointed = null)}>
        ${bars.map(
          (bar) =>
            html`<span
              class="slot"
              title=${bar.title}
              @pointerenter=${() => (this.pointed = { stream, bar })}
            >
              ${
                bar.share > 0
                  ? html`<span
                      class="bar"
                      .style=${`height: max(2px, ${(100 * bar.share).toFixed(2)}%)`}
                    ></span>`
                  : nothing
              }
            </span>`,
        )}
      </div>
      <div class="labels" aria-hidden="true">${bars.map((bar) => html`<span>${bar.label}</span>`)}</div>
    </section>`;
  }
}
