/**
 * What a log, a monitor or a report tells: what happened, budgets, figures over time, tables. Keeps the zoom and
 * the choices of its charts. Stands on a page of its own or inside a device's; the panel at the right belongs to
 * the page, which is told what to show by `show-detail`.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatDuration } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import type { Readings } from '../../engine/protocol.ts';
import { clockWords, formatMoment, momentOf } from '../../view/readings/clock.ts';
import { dataTable } from '../../view/readings/data-table.ts';
import { momentFacts } from '../../view/readings/gauge-chart.ts';
import { gaugesTable, singlesTable } from '../../view/readings/gauge-table.ts';
import type { GaugeChart, GaugeSet } from '../../view/readings/gauges.ts';
import { gaugeSet } from '../../view/readings/gauges.ts';
import type { KeyAction } from '../../view/shell/keys.ts';
import { countEvents, eventDetail, eventsTable } from '../../view/readings/log-events.ts';
import { readingsCards } from '../../view/readings/readings.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { clampSpan, panBy, sameSpan, spanBetween, zoomAbout } from '../../view/parts/viewport.ts';
import { chartToolsStyle, renderChartTools } from '../device/chart-tools.ts';
import { controls } from '../parts/theme.ts';
import '../serving/vs-budget.ts';
import type { FactsDetail } from '../device/vs-detail.ts';
import './vs-gauges.ts';
import '../device/vs-headline.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

/** Samples of a log are seconds apart, or fractions of one: closer than a microsecond there is nothing. */
const NARROWEST_NS = 1000;
const NARROWEST_SAMPLES = 4;
/** Columns of a table that stand loosely; more draw together. */
const MOST_LOOSE = 8;

@customElement('vs-readings')
export class VsReadings extends LitElement {
  static override styles = [
    controls,
    chartToolsStyle,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
      }
      .charts {
        display: contents;
      }
      .body {
        padding: 14px 16px 16px;
      }
      .words {
        max-width: 100ch;
        margin: 2px 0 10px;
        font-size: 13px;
      }
      .bad {
        border-left: 3px solid var(--bad);
      }
      .range {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 12px;
        margin-bottom: 10px;
        font-size: 13px;
      }
      summary {
        padding: 10px 16px;
        font-weight: 600;
        color: var(--text);
      }
      details vs-gauges {
        border-top: 1px solid var(--line);
      }
    `,
  ];

  @property({ attribute: false }) readings!: Readings;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;
  /** Of the page's file name and headline nothing is repeated here. */
  @property({ type: Boolean }) embedded = false;

  @state() private set!: GaugeSet;
  @state() private span: Span = { from: 0, to: 1 };
  @state() private selection: Span | null = null;
  @state() private hiddenCurves: ReadonlySet<string> = new Set();
  @state() private hoverX: number | null = null;
  @state() private pinned: number | null = null;
  @state() private selecting = false;
  @state() private openEvent: string | null = null;
  /** Moments of out-of-memory errors, x. */
  private marks: readonly number[] = [];

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('readings')) return;
    this.set = gaugeSet(this.readings);
    this.span = this.set.whole;
    this.selection = null;
    this.hiddenCurves = this.set.hidden;
    this.marks = this.readings.events.flatMap(({ kind, time_ns }) =>
      kind === 'oom' && time_ns !== null && this.readings.clock !== 'none'
        ? [Number(time_ns - this.set.base)]
        : [],
    );
  }

  /** Keys reach the charts that are on screen. */
  act(action: KeyAction): void {
    const { span, selection } = this;
    const at = this.hoverX ?? (span.from + span.to) / 2;
    const sixth = (span.to - span.from) / 6;
    switch (action) {
      case 'zoom-in':
        return this.zoom(at, 1 / 1.5);
      case 'zoom-out':
        return this.zoom(at, 1.5);
      case 'pan-left':
        return this.pan(-sixth);
      case 'pan-right':
        return this.pan(sixth);
      case 'fit':
        this.span = selection === null || sameSpan(span, selection) ? this.set.whole : this.clamp(selection);
        return;
      case 'clear':
        this.selection = null;
        return;
      case 'previous-event':
      case 'next-event':
      case 'search':
      case 'view-1':
      case 'view-2':
      case 'view-3':
      case 'view-4':
      case 'view-5':
      case 'view-6':
      case 'view-7':
      case 'help':
      case 'palette':
      case 'open':
        return;
    }
  }

  /** The panel was closed. */
  closeDetail(): void {
    this.pinned = null;
    this.openEvent = null;
  }

  private get narrowest(): number {
    return this.set.clock === 'none' ? NARROWEST_SAMPLES : NARROWEST_NS;
  }

  private clamp(span: Span): Span {
    return clampSpan(span, this.set.whole, this.narrowest);
  }

  private zoom(at: number, factor: number): void {
    this.span = zoomAbout(this.span, at, factor, this.set.whole, this.narrowest);
  }

  private pan(delta: number): void {
    this.span = panBy(this.span, delta, this.set.whole);
  }

  private goTo(x: number): void {
    const half = Math.min(this.span.to - this.span.from, this.set.whole.to / 8) / 2;
    this.span = this.clamp({ from: x - half, to: x + half });
    this.pick(x);
  }

  private pick(x: number): void {
    this.pinned = x;
    this.openEvent = null;
    const { heading, groups } = momentFacts(this.set, this.hiddenCurves, x, this.unit);
    this.tell({ kind: 'facts', heading, words: 'What was last printed by then.', groups, text: null });
  }

  private openRow(key: string): void {
    const event = this.readings.events[Number(key)];
    if (event === undefined) return;
    this.openEvent = key;
    const { heading, words, facts, text } = eventDetail(event, this.readings.clock, this.unit);
    this.tell({ kind: 'facts', heading, words, groups: [{ title: '', facts }], text });
    const { clock } = this.readings;
    if (event.time_ns === null || clock === 'none' || this.set.charts.length === 0) return;
    const x = Number(event.time_ns - this.set.base);
    this.pinned = x;
    if (x < this.span.from || x >= this.span.to)
      this.span = this.clamp({ from: x, to: x + this.span.to - this.span.from });
  }

  private tell(detail: FactsDetail): void {
    this.dispatchEvent(new CustomEvent('show-detail', { detail, bubbles: true, composed: true }));
  }

  private toggle({ ids, show }: { readonly ids: readonly string[]; readonly show: boolean }): void {
    const hidden = new Set(this.hiddenCurves);
    for (const id of ids) {
      if (show) hidden.delete(id);
      else hidden.add(id);
    }
    this.hiddenCurves = hidden;
  }

  override render(): unknown {
    const { readings, unit, set } = this;
    const cards = this.embedded ? [] : readingsCards(set, unit);
    return html`
      ${
        cards.length === 0
          ? nothing
          : html`<vs-headline
              .cards=${cards}
              @go-to-peak=${(event: CustomEvent<{ peakAtNs: number }>) => {
                event.stopPropagation();
                this.goTo(event.detail.peakAtNs);
              }}
            ></vs-headline>`
      }
      ${this.events()}
      ${
        readings.budgets.length === 0
          ? nothing
          : html`<section class="panel body">
              ${guard(
                [readings, unit],
                () => html`<vs-budget .budgets=${readings.budgets} .unit=${unit}></vs-budget>`,
              )}
            </section>`
      }
      ${this.charts()} ${this.tables()}
    `;
  }

  private events(): unknown {
    const { events, clock } = this.readings;
    if (events.length === 0) return nothing;
    const bad = events.some(({ kind }) => kind === 'oom' || kind === 'start_refused');
    const told = eventsTable(events, clock, this.unit);
    return html`<section class="panel body ${bad ? 'bad' : ''}">
      <h2>What happened</h2>
      <p class="words quiet">${countEvents(events)}. A row shows its figures and its text.</p>
      ${guard(
        [this.readings, this.unit, this.openEvent],
        () =>
          html`<vs-table
            .model=${told}
            .current=${this.openEvent}
            first="8"
            opens
            @row-open=${(event: RowOpenEvent) => this.openRow(event.detail.key)}
          ></vs-table>`,
      )}
    </section>`;
  }

  /** Events of the charts end here: inside a device's page they are not the device's. */
  private charts(): unknown {
    const { charts } = this.set;
    if (charts.length === 0) return nothing;
    const main = charts.filter(({ aside }) => !aside);
    const rest = charts.filter(({ aside }) => aside);
    const { selecting } = this;
    const tools = renderChartTools(
      { selecting, choose: (selects) => (this.selecting = selects), act: (action) => this.act(action) },
      nothing,
    );
    const caught =
      <T>(handle: (detail: T) => void) =>
      (event: CustomEvent<T>): void => {
        event.stopPropagation();
        handle(event.detail);
      };
    return html`<div
      class="charts"
      @chart-size=${caught(() => undefined)}
      @chart-hover=${caught<{ x: number | null }>(({ x }) => (this.hoverX = x))}
      @chart-pick=${caught<{ x: number }>(({ x }) => this.pick(x))}
      @chart-fit=${caught(() => (this.span = this.set.whole))}
      @chart-pan=${caught<{ delta: number }>(({ delta }) => this.pan(delta))}
      @chart-zoom=${caught<{ at: number; factor: number }>(({ at, factor }) => this.zoom(at, factor))}
      @chart-select=${caught<{ from: number; to: number }>(
        ({ from, to }) => (this.selection = spanBetween(from, to, this.set.whole)),
      )}
      @toggle-gauges=${caught<{ ids: readonly string[]; show: boolean }>((detail) => this.toggle(detail))}
    >
      ${main.map((chart, index) => this.chart(chart, index === 0 ? tools : nothing, 'panel'))}
      ${
        rest.length === 0
          ? nothing
          : html`<details class="panel">
              <summary>${rest.map(({ title }) => title).join(', ')}</summary>
              ${rest.map((chart) => this.chart(chart, nothing, ''))}
            </details>`
      }
    </div>`;
  }

  private chart(chart: GaugeChart, tools: unknown, name: string): unknown {
    return html`<vs-gauges
      class=${name}
      .set=${this.set}
      .chart=${chart}
      .hiddenCurves=${this.hiddenCurves}
      .span=${this.span}
      .unit=${this.unit}
      .hoverX=${this.hoverX}
      .selection=${this.selection}
      .pinned=${this.pinned}
      .marks=${this.marks}
      .height=${chart.unit === 'bytes' ? 260 : 190}
      ?dark=${this.dark}
      ?selecting=${this.selecting}
      >${tools}</vs-gauges
    >`;
  }

  private tables(): unknown {
    const { readings, set, selection, unit } = this;
    return guard([readings, set, selection, unit], () => [
      set.charts.length === 0
        ? nothing
        : html`<section class="panel body">
            <h2>Lowest, highest, last</h2>
            ${this.rangeWords()}
            <vs-table .model=${gaugesTable(set, selection, unit)}></vs-table>
          </section>`,
      set.single.length === 0
        ? nothing
        : html`<section class="panel body">
            <h2>${set.charts.length === 0 ? 'Figures of one moment' : 'Printed once'}</h2>
            <p class="words quiet">
              One sample of each: there is no curve to draw.
              ${set.charts.length === 0 ? clockWords(set.clock) : ''}
            </p>
            <vs-table .model=${singlesTable(set, unit)} first="24"></vs-table>
          </section>`,
      readings.tables.map(
        (table) =>
          html`<section class="panel body">
            <h2>${table.title}</h2>
            <p class="words quiet">${table.note ?? count(table.rows.length, 'row')}</p>
            <vs-table .model=${dataTable(table, unit)} ?dense=${table.columns.length > MOST_LOOSE}></vs-table>
          </section>`,
      ),
    ]);
  }

  private rangeWords(): unknown {
    const { set, selection } = this;
    const span = selection ?? set.whole;
    const moment = (x: number): string => formatMoment(set.clock, momentOf(set.base, x));
    const length =
      set.clock === 'none'
        ? ''
        : ` (${formatDuration((selection === null ? set.last : span.to) - span.from)})`;
    const end = selection === null ? set.last : span.to;
    const words = `${selection === null ? 'Whole file' : 'Chosen range'}: ${moment(span.from)} to ${moment(end)}${length}.`;
    return html`<div class="range quiet" role="status">
      <span>${words} ${clockWords(set.clock)}</span>
      ${
        selection === null
          ? html`<span>Shift + drag on a chart narrows this table.</span>`
          : html`<button @click=${() => this.act('fit')}>Zoom to it</button>
              <button @click=${() => this.act('clear')}>Whole file</button>`
      }
    </div>`;
  }
}
