/**
 * One device of one file, from what it is down to who holds it. Keeps its view state (zoom, range, panel) for as
 * long as the file is open, and asks the engine for what is in view.
 */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { ByteUnit } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type {
  Axis,
  DeviceView,
  Evidence,
  IterationsView,
  KernelsAnswer,
  LedgerColumns,
  RangeAnswer,
  Readings,
  SourceView,
  TimelineAnswer,
} from '../../engine/protocol.ts';
import type { DeviceState } from '../../view/device/device-state.ts';
import * as moves from '../../view/device/device-state.ts';
import { headlineCards } from '../../view/device/headline.ts';
import type { KeyAction } from '../../view/shell/keys.ts';
import { oomMarks } from '../../view/parts/marks.ts';
import { readingsOfDevice } from '../../view/readings/readings.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { spanBetween, toRange } from '../../view/parts/viewport.ts';
import { describeRange, deviceHint } from '../../view/parts/words.ts';
import { chartToolsStyle } from './chart-tools.ts';
import { hasLedger, renderDeviceCharts } from './device-charts.ts';
import { DeviceQueries } from './device-queries.ts';
import { deviceStyle } from './device-style.ts';
import {
  renderDeviceTables,
  renderOoms,
  renderRangeBar,
  renderReadings,
  renderReplay,
} from './device-sections.ts';
import { renderDeviceTools } from './device-tools.ts';
import { askEngine } from '../replay/replay-questions.ts';
import { measurePainted } from '../parts/measures.ts';
import { controls } from '../parts/theme.ts';
import type { Detail } from './vs-detail.ts';
import { momentOf } from './vs-detail.ts';
import '../shell/vs-file-bar.ts';
import './vs-headline.ts';
import type { VsReadings } from '../readings/vs-readings.ts';

/** Rows of segments and holders that are asked for. */
const ROW_LIMIT = 500;

@customElement('vs-device')
export class VsDevice extends LitElement {
  static override styles = [controls, deviceStyle, chartToolsStyle];

  @property({ attribute: false }) source!: SourceView;
  @property({ attribute: false }) device!: DeviceView;
  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  @property({ attribute: false }) newJob!: () => number;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;
  /** Of the diagnosis, once it is there. */
  @property({ attribute: false }) iterations: IterationsView | null = null;

  @state() private view!: DeviceState;
  @state() private timeline: TimelineAnswer | null = null;
  @state() private kernels: KernelsAnswer | null = null;
  @state() private ledgerColumns: LedgerColumns | null = null;
  @state() private range: RangeAnswer | null = null;
  @state() private detail: Detail | null = null;
  @state() private openHolder: string | null = null;
  @state() private error: TraceErrorData | null = null;
  @state() private hoverX: number | null = null;
  @state() private selecting = false;
  @state() private width = 0;
  @state() private marksIterations = true;

  private queries!: DeviceQueries;
  /** A step of the wheel whose answers are not all there. */
  private zooming: { readonly begun: number; readonly waits: Set<'timeline' | 'ledger'> } | null = null;
  /** The last address that was found. */
  private found: { readonly address: string; readonly row: number } | null = null;
  private readings: { readonly curves: Readings; readonly tables: Readings } | null = null;

  override willUpdate(): void {
    if (this.hasUpdated) return;
    const readings = readingsOfDevice(this.source, this.device.device);
    if (readings !== null) {
      this.readings = {
        curves: { ...readings, tables: [] },
        tables: { ...readings, gauges: [], budgets: [], events: [] },
      };
    }
    this.view = moves.initialState(this.device);
    this.queries = new DeviceQueries(this.api, this.device.key, {
      timeline: (answer) => {
        this.timeline = answer;
        this.zoomAnswered('timeline');
        this.emit('ran-on', answer.ranOn);
      },
      range: (answer) => (this.range = answer),
      kernels: (answer) => (this.kernels = answer),
      ledgerColumns: (answer) => {
        this.ledgerColumns = answer;
        this.zoomAnswered('ledger');
      },
      detail: (detail) => this.showDetail(detail),
      failed: (error) => (this.error = error),
    });
    this.askRange();
  }

  /** With the diagnosis comes what other files tell of the device: files that came or went, a clock that was moved. */
  override updated(changed: Map<string, unknown>): void {
    if (changed.has('iterations') && this.iterations !== null) this.askLedger();
    if (changed.get('detail') !== undefined)
      this.emit('event-shown', { row: momentOf(this.detail)?.row ?? null });
  }

  private askLedger(): void {
    const { axis, span } = this.view;
    if (this.width > 0 && hasLedger(this.device))
      this.queries.ask('ledgerColumns', { range: toRange(axis, span), axis, columns: this.width });
  }

  /** Measured to where everything that a step of the wheel changes is on screen. */
  private zoomAnswered(what: 'timeline' | 'ledger'): void {
    const { zooming } = this;
    if (zooming === null) return;
    zooming.waits.delete(what);
    if (zooming.waits.size > 0) return;
    this.zooming = null;
    measurePainted('vramscope:zoom', zooming.begun);
  }

  /** Keys reach the view that is on screen. */
  act(action: KeyAction): void {
    const { span, selection } = this.view;
    const width = span.to - span.from;
    const at = this.hoverX ?? (span.from + span.to) / 2;
    switch (action) {
      case 'zoom-in':
        return this.show(moves.zoomed(this.view, this.device, at, 1 / 1.5));
      case 'zoom-out':
        return this.show(moves.zoomed(this.view, this.device, at, 1.5));
      case 'pan-left':
        return this.show(moves.panned(this.view, this.device, -width / 6));
      case 'pan-right':
        return this.show(moves.panned(this.view, this.device, width / 6));
      case 'fit':
        return this.show(moves.fitted(this.view, this.device));
      case 'clear':
        if (selection !== null) this.select(null);
        return;
      case 'previous-event':
        return this.step(-1);
      case 'next-event':
        return this.step(1);
      default:
        return;
    }
  }

  private show(view: DeviceState): void {
    this.view = view;
    if (this.width > 0) {
      const range = toRange(view.axis, view.span);
      const series = this.device.series.map(({ id }) => id);
      this.queries.ask('timeline', { series, range, axis: view.axis, columns: this.width });
      if (this.device.kernels !== null && view.axis === 'time')
        this.queries.ask('kernels', { from: range.from, to: range.to, columns: this.width });
      this.askLedger();
    }
  }

  private select(selection: Span | null): void {
    this.view = { ...this.view, selection };
    this.askRange();
  }

  private askRange(): void {
    const { axis, selection } = this.view;
    this.queries.ask('range', {
      range: selection === null ? null : toRange(axis, selection),
      limit: ROW_LIMIT,
    });
  }

  private showDetail(detail: Detail): void {
    this.detail = detail;
    if (detail.kind !== 'holder') this.openHolder = null;
    const { pinned } = this;
    if (pinned !== null && (pinned < this.view.span.from || pinned >= this.view.span.to))
      this.show(moves.centred(this.view, this.device, pinned));
  }

  /** The view at what a finding rests on: its window or its moment, and its stack. */
  private async showEvidence(evidence: Evidence): Promise<void> {
    const { device, view } = this;
    const window = await this.queries.window(evidence.rows, device, view.axis);
    if (window !== null && view.axis === this.view.axis) {
      this.show(moves.framed(this.view, device, window));
      this.askRange();
    }
    await this.queries.evidence(evidence);
    this.renderRoot.querySelector('vs-timeline')?.scrollIntoView({ block: 'nearest' });
  }

  /** x of the event that the panel shows. */
  private get pinned(): number | null {
    const moment = momentOf(this.detail);
    if (moment === null) return null;
    return this.view.axis === 'time' ? moment.xNs : moment.row;
  }

  private step(by: number): void {
    const row = (momentOf(this.detail)?.row ?? NaN) + by;
    if (row >= 0 && row < this.device.rows) void this.queries.moment('event', row);
  }

  /** Shows the event that allocated an address, the newest; asked for the same address again, the one before. */
  private async find(address: string): Promise<void> {
    const { key, rows } = this.device;
    const last = (address === this.found?.address ? this.found.row : rows) - 1;
    const found = await askEngine(this.api, (api) => api.allocationAt(key, address, last));
    this.error = found.ok ? null : found.error;
    this.found = found.ok ? { address, row: found.value } : null;
    if (found.ok) await this.queries.moment('event', found.value);
  }

  private async changeAxis(axis: Axis): Promise<void> {
    const { device, view } = this;
    if (axis === view.axis) return;
    const [whole, target] = [moves.wholeOf(device, view.axis), moves.wholeOf(device, axis)];
    const convert = (span: Span): Promise<Span> => this.queries.convert(span, view.axis, whole, axis, target);
    const span = await convert(view.span);
    const selection = view.selection === null ? null : await convert(view.selection);
    this.queries.forget();
    this.timeline = null;
    this.ledgerColumns = null;
    this.hoverX = null;
    this.show(moves.onAxis(this.view, device, axis, span, selection));
    this.askRange();
  }

  private goTo(axisNs: number | null, row: number | null): void {
    const at = this.view.axis === 'time' ? axisNs : row;
    if (at === null) return;
    this.show(moves.centred(this.view, this.device, at));
    // By row where it is known: several events may share a nanosecond.
    if (row !== null) void this.queries.moment('event', row);
    else void this.queries.moment(this.view.axis, at);
  }

  private resized(width: number): void {
    if (width === this.width) return;
    this.width = width;
    this.show(this.view);
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  override render(): unknown {
    const { device, unit } = this;
    const cards = headlineCards(device, unit);
    return html`
      <div
        class="page"
        @chart-hover=${(event: CustomEvent<{ x: number | null }>) => (this.hoverX = event.detail.x)}
        @chart-pick=${(event: CustomEvent<{ x: number }>) => void this.queries.moment(this.view.axis, event.detail.x)}
        @chart-fit=${() => this.show({ ...this.view, span: moves.wholeOf(device, this.view.axis) })}
        @chart-pan=${(event: CustomEvent<{ delta: number }>) =>
          this.show(moves.panned(this.view, device, event.detail.delta))}
        @chart-zoom=${({ detail, timeStamp }: CustomEvent<{ at: number; factor: number }>) => {
          this.zooming ??= {
            begun: timeStamp,
            waits: new Set(hasLedger(device) ? ['timeline', 'ledger'] : ['timeline']),
          };
          this.show(moves.zoomed(this.view, device, detail.at, detail.factor));
        }}
        @chart-select=${({ detail }: CustomEvent<{ from: number; to: number }>) =>
          this.select(spanBetween(detail.from, detail.to, moves.wholeOf(device, this.view.axis)))}
        @kernel-pick=${(event: CustomEvent<Span>) => void this.queries.kernelDetail(event.detail)}
        @choose-span=${({ detail }: CustomEvent<Span>) => this.select(detail)}
        @chart-size=${(event: CustomEvent<{ width: number }>) => this.resized(event.detail.width)}
        @toggle-curve=${(event: CustomEvent<{ id: string }>) =>
          (this.view = moves.toggled(this.view, event.detail.id))}
        @step-event=${(event: CustomEvent<{ by: number }>) => this.step(event.detail.by)}
        @go-to-row=${(event: CustomEvent<{ row: number }>) => void this.queries.moment('event', event.detail.row)}
        @go-to-peak=${({ detail }: CustomEvent<{ peakAtNs: number | null; peakRow: number | null }>) =>
          this.goTo(detail.peakAtNs, detail.peakRow)}
        @show-evidence=${(event: CustomEvent<Evidence>) => void this.showEvidence(event.detail)}
        @show-detail=${(event: CustomEvent<Detail>) => this.showDetail(event.detail)}
        @close-detail=${() => this.closeDetail()}
      >
        <vs-file-bar
          class="top"
          .source=${this.source}
          .device=${device}
          .unit=${unit}
          .api=${this.api}
        ></vs-file-bar>
        <slot name="diagnosis"></slot>
        ${cards.length === 0 ? nothing : html`<vs-headline class="top" .cards=${cards}></vs-headline>`}
        ${this.error === null ? nothing : html`<vs-error class="top" role="alert" .error=${this.error}></vs-error>`}
        <div class="columns">
          <div class="main">
            ${renderOoms(oomMarks(device, this.view.axis, unit), (xNs, row) => this.goTo(xNs, row))}
            ${this.charts()} <slot name="ledger"></slot>
            ${renderReadings(this.readings?.curves, unit, this.dark)}
            ${renderReplay(this, momentOf(this.detail)?.row ?? null, this.view.axis)} ${this.rangeBar()}
            ${this.tables()} ${renderReadings(this.readings?.tables, unit, this.dark)}
          </div>
          <aside class="panel" aria-label="Details" tabindex="0">
            <vs-detail
              .detail=${this.detail}
              .clock=${device.clock}
              .series=${device.series}
              .producer=${device.producer}
              .hint=${deviceHint(device)}
              .unit=${unit}
            ></vs-detail>
          </aside>
        </div>
      </div>
    `;
  }

  private closeDetail(): void {
    this.detail = null;
    this.openHolder = null;
    for (const one of this.renderRoot.querySelectorAll<VsReadings>('vs-readings')) one.closeDetail();
  }

  private charts(): unknown {
    const { device, view, timeline, kernels, ledgerColumns, unit, dark, hoverX, pinned, selecting, width } =
      this;
    const iterations = this.marksIterations ? this.iterations : null;
    const tools = this.tools();
    return renderDeviceCharts({
      ...{ device, view, timeline, kernels, ledgerColumns, iterations, unit, dark },
      ...{ hoverX, pinned, selecting, width, tools },
    });
  }

  private tools(): unknown {
    return renderDeviceTools({
      selecting: this.selecting,
      choose: (selects) => (this.selecting = selects),
      act: (action) => this.act(action),
      axis: this.view.axis,
      chooseAxis: this.device.clock === 'none' ? null : (axis) => void this.changeAxis(axis),
      marksIterations: (this.iterations?.count ?? 0) === 0 ? null : this.marksIterations,
      markIterations: (marks) => (this.marksIterations = marks),
      find: this.device.rows === 0 ? null : (address) => void this.find(address),
    });
  }

  private rangeBar(): unknown {
    const { axis, selection } = this.view;
    return renderRangeBar(
      describeRange(selection, axis, moves.wholeOf(this.device, axis), this.range),
      selection === null ? null : { zoom: () => this.act('fit'), clear: () => this.select(null) },
    );
  }

  private tables(): unknown {
    const { range, unit, device, openHolder } = this;
    if (range === null) return html`<p class="quiet">Counting</p>`;
    const open = (key: string): void => this.openRow(range, key);
    return renderDeviceTables({ device, range, unit, openHolder, open });
  }

  private openRow(range: RangeAnswer, key: string): void {
    const holder = range.holders[Number(key)];
    if (holder === undefined) return;
    this.openHolder = key;
    void this.queries.holder(holder);
  }
}
