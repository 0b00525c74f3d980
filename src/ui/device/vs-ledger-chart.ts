/**
 * Where every reserved byte is, over the same stretch as the timeline above it: parts on top of each other. The pointer
 * does here what it does there; arrow keys go from column to column, and what a column holds is read out to the byte.
 */
import { css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { ChartElement } from '../parts/chart-element.ts';
import type { Axis, LedgerColumns } from '../../engine/protocol.ts';
import type { ChartModel } from '../../view/parts/curves.ts';
import { AXIS_LEFT } from '../../view/parts/curves.ts';
import {
  chartName,
  columnsIn,
  isTold,
  ledgerChart,
  ledgerChartWords,
  ledgerColumnAt,
  ledgerLegend,
  ledgerReading,
  ledgerReadout,
  ledgerSpoken,
  ledgerTable,
  middleOf,
  movedColumn,
  type ToldColumns,
} from '../../view/device/ledger-chart.ts';
import { formatX } from '../../view/parts/words.ts';
import { chartStyle } from '../parts/chart-style.ts';
import { legendStyle, renderLegend } from '../parts/legend.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';
import '../parts/vs-table.ts';

const HEIGHT = 240;
/** Columns that a page key moves by. */
const PAGE = 50;

const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: PAGE,
  PageDown: -PAGE,
  Home: -Infinity,
  End: Infinity,
};

@customElement('vs-ledger-chart')
export class VsLedgerChart extends ChartElement {
  static override styles = [
    controls,
    chartStyle,
    legendStyle,
    css`
      p,
      details {
        margin: 4px 16px 0;
        font-size: 12px;
      }
      /* Room for every part of a long line: what lies below must not move under the pointer. */
      .readout {
        min-height: 2.9em;
        overflow-wrap: anywhere;
      }
      @media (max-width: 760px) {
        .readout {
          min-height: 5.8em;
        }
      }
      .none {
        margin: 4px 16px 14px;
        font-size: 13px;
      }
      details {
        margin: 6px 16px 12px;
      }
      vs-table {
        margin-top: 8px;
      }
      .plot:focus-visible {
        outline-offset: -2px;
      }
    `,
  ];

  @property({ attribute: false }) answer: LedgerColumns | null = null;
  @property() axis: Axis = 'time';
  @property({ type: Boolean }) full = true;
  @property({ type: Boolean }) rightAxis = false;

  @state() private hiddenParts: ReadonlySet<string> = new Set();
  @state() private width = 800;
  @state() private opened = false;
  /** Where keys went; null: nowhere. The pointer moves the line over the chart, and never the slider. */
  @state() private keyedX: number | null = null;

  private model: ChartModel | null = null;

  override willUpdate(changed: Map<string, unknown>): void {
    if (!['answer', 'span', 'unit', 'width', 'hiddenParts'].some((name) => changed.has(name))) return;
    const { answer, hiddenParts: hidden, span, unit, width } = this;
    this.model = isTold(answer) ? ledgerChart({ answer, hidden, span, unit, width, height: HEIGHT }) : null;
  }

  override render(): unknown {
    const { answer } = this;
    return html`
      <header>
        <h2>
          Where every ${isTold(answer) && answer.parts.outside !== null ? '' : 'reserved '}byte is, over
          ${this.axis === 'time' ? 'time' : 'events'}
        </h2>
      </header>
      ${
        answer === null
          ? html`<p class="none quiet" role="status">Replaying the allocator…</p>`
          : isTold(answer)
            ? this.told(answer)
            : html`<p class="none quiet">${answer.why}</p>`
      }
    `;
  }

  private told(answer: ToldColumns): unknown {
    const { hiddenParts: hidden, unit, span } = this;
    const [first, last] = columnsIn(answer, span);
    const reading = ledgerReading(answer, this.hoverX);
    const pointed = this.hoverX === null ? -1 : ledgerColumnAt(answer, this.hoverX);
    const keyedTo = this.keyedX === null ? -1 : ledgerColumnAt(answer, this.keyedX);
    const keyed = keyedTo < 0 ? last : Math.min(last, Math.max(first, keyedTo));
    return html`
      ${renderLegend(ledgerLegend(answer, hidden, reading, unit), ({ id }) => this.toggle(id))}
      <p class="readout" .style=${`padding-left: ${AXIS_LEFT - 16}px`}>
        ${ledgerReadout(answer, reading, unit)}
      </p>
      <div
        class="plot"
        role="slider"
        tabindex="0"
        aria-label=${chartName(this.axis)}
        aria-valuemin=${first}
        aria-valuemax=${last}
        aria-valuenow=${keyed}
        aria-valuetext=${ledgerSpoken(answer, ledgerReading(answer, middleOf(answer, keyed)), unit)}
        @keydown=${(event: KeyboardEvent) => this.keyed(event, answer, pointed)}
        @blur=${() => {
          this.keyedX = null;
          this.emit('chart-hover', { x: null });
        }}
        @chart-pick=${(event: CustomEvent<{ x: number }>) => {
          event.stopPropagation();
          this.pick(answer, ledgerColumnAt(answer, event.detail.x));
        }}
      >
        <uplot-chart
          .model=${this.model}
          .hoverX=${this.hoverX}
          .hoverLabel=${this.hoverX === null ? '' : formatX(this.axis, this.hoverX, this.span)}
          .selection=${this.selection}
          .marks=${this.marks}
          .pinned=${this.pinned}
          .height=${HEIGHT}
          ?dark=${this.dark}
          ?full=${this.full}
          ?selecting=${this.selecting}
          ?rightAxis=${this.rightAxis}
          .style=${`height: ${HEIGHT}px`}
          @chart-size=${(event: CustomEvent<{ width: number }>) => (this.width = event.detail.width)}
        ></uplot-chart>
      </div>
      <p class="quiet">${ledgerChartWords(answer, hidden)}</p>
      <details @toggle=${(event: Event) => (this.opened = (event.target as HTMLDetailsElement).open)}>
        <summary>What is in view, as a table</summary>
        ${this.opened ? html`<vs-table .model=${ledgerTable(answer, span, unit)}></vs-table>` : nothing}
      </details>
    `;
  }

  private toggle(id: string): void {
    const hidden = new Set(this.hiddenParts);
    if (!hidden.delete(id)) hidden.add(id);
    this.hiddenParts = hidden;
  }

  private keyed(event: KeyboardEvent, answer: ToldColumns, pointed: number): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter') {
      event.preventDefault();
      this.pick(answer, pointed);
      return;
    }
    const by = STEPS[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const column = movedColumn(answer, this.span, pointed < 0 ? null : pointed, by);
    this.keyedX = middleOf(answer, column);
    this.emit('chart-hover', { x: this.keyedX });
  }

  /** The event that the column shows; not the last one before the pointer, which may have other values. */
  private pick({ parts }: ToldColumns, column: number): void {
    const row = parts.row[column] ?? -1;
    if (row >= 0) this.emit('go-to-row', { row });
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
