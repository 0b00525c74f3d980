/**
 * One device of one file, from what it is down to who holds it. Keeps its view state (zoom, range, panel) for as
 * long as the file is open, and asks the engine for what is in view.
 *
 * Long because what all parts of the page tell meets here: timeline, panel, workspace and address are one state.
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
import { iterationMarks, oomMarks } from '../../view/parts/marks.ts';
import { readingsOfDevice } from '../../view/readings/readings.ts';
import type { Span } from '../../view/parts/viewport.ts';
import { sameSpan, spanBetween, toRange } from '../../view/parts/viewport.ts';
import { describeRange, deviceHint } from '../../view/parts/words.ts';
import { stackFrames } from '../../view/parts/stack.ts';
import type { ViewAddress } from '../../view/workspace/address.ts';
import type { ViewContext, ViewId, WorkspaceChange } from '../../view/workspace/context.ts';
import type { Verdict } from '../../view/workspace/verdict.ts';
import { VIEWS } from '../../view/workspace/context.ts';
import { whyNotShown } from '../../view/workspace/workspace-state.ts';
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
import { renderDeviceTools, renderIdle } from './device-tools.ts';
import { Workspace } from '../workspace/workspace.ts';
import { renderView } from '../workspace/workspace-views.ts';
import type { VsWorkspaceBar } from '../workspace/vs-workspace-bar.ts';
import '../workspace/vs-workspace-bar.ts';
import '../workspace/vs-strip.ts';
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
  /** The answer in one line; null: there is none yet. */
  @property({ attribute: false }) verdict: Verdict | null = null;
  /** All that is open, to compare with. */
  @property({ attribute: false }) sources: readonly SourceView[] = [];
  /** Address of what is shown, for others; '' where there is none. */
  @property() link = '';
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
  private workspace!: Workspace;
  /** Row of the moment that was looked at last. */
  private lastMoment: number | null = null;
  /** A step of the wheel whose answers are not all there. */
  private zooming: { readonly begun: number; readonly waits: Set<'timeline' | 'ledger'> } | null = null;
  /** The last address that was found. */
  private found: { readonly address: string; readonly row: number } | null = null;
  /** What was shown once stays as it is: the instrument, and the settings in it. */
  private isOpened = false;
  private isReplayed = false;
  private given: ViewContext | null = null;
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
    const { api, device } = this;
    this.workspace = new Workspace(this, {
      ...{ api, device },
      applyTimeline: (change) => this.applyTimeline(change),
      showLife: (life) => this.showDetail({ kind: 'life', life, frames: stackFrames(life.frames) }),
      showStack: (node) => void this.queries.stackOf(node),
      showEvent: (row) => void this.queries.moment('event', row),
      failed: (error) => (this.error = error),
      changed: (isStep) => this.tellAddress(isStep),
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
        if (this.workspace.state.selected !== null) this.closeDetail();
        else if (selection !== null) this.select(null);
        return;
      case 'previous-event':
        return this.step(-1);
      case 'next-event':
        return this.step(1);
      case 'search':
        return this.search();
      case 'view-1':
      case 'view-2':
      case 'view-3':
      case 'view-4':
      case 'view-5':
      case 'view-6':
      case 'view-7':
        return this.showView(VIEWS[Number(action.slice(-1)) - 1].id);
      default:
        return;
    }
  }

  private showView(view: ViewId): void {
    if (whyNotShown(view, this.device) === null) this.workspace.change({ view });
  }

  /** The filter is on every view but the first: there, the table of allocations is what is searched. */
  private search(): void {
    const { view } = this.workspace.state;
    if (view === 'overview' || view === 'settings') this.showView('events');
    void this.updateComplete.then(async () => {
      const bar = this.renderRoot.querySelector<VsWorkspaceBar>('vs-workspace-bar');
      await bar?.updateComplete;
      bar?.focusFilter();
    });
  }

  private applyTimeline({ axis, span, range, moment, selected }: WorkspaceChange): void {
    if (axis !== undefined && axis !== this.view.axis) void this.changeAxis(axis);
    else if (span !== undefined) this.show(moves.shown(this.view, this.device, span));
    if (range !== undefined) this.select(range, false);
    // What is pinned by itself shows itself; else the moment is what the panel shows.
    if (moment !== undefined && moment !== null && selected === undefined)
      void this.queries.moment('event', moment);
  }

  /** Where the page is, for the address of the browser and for links. */
  get address(): Omit<ViewAddress, 'file' | 'device' | 'unit' | 'unknown'> {
    const { axis, span, selection: range } = this.view;
    const { view, filter, selected, colour } = this.workspace.state;
    const whole = moves.wholeOf(this.device, axis);
    const isWhole = sameSpan(span, whole);
    return {
      ...{ view, filter, selected, colour, axis, range, moment: this.lastMoment },
      span: isWhole ? null : span,
    };
  }

  /** Shows what an address tells of. */
  async restore(address: ViewAddress): Promise<void> {
    await this.updateComplete;
    const { device } = this;
    const axis =
      address.axis !== null && (address.axis === 'event' || device.clock !== 'none')
        ? address.axis
        : this.view.axis;
    if (axis !== this.view.axis) await this.changeAxis(axis);
    const whole = moves.wholeOf(device, axis);
    this.show(moves.shown(this.view, device, address.span ?? whole));
    this.select(
      address.range === null ? null : spanBetween(address.range.from, address.range.to, whole),
      false,
    );
    this.lastMoment = address.moment;
    const { view, filter, selected } = address;
    const colour = address.colour ?? this.workspace.state.colour;
    this.workspace.change({ view, filter, selected, colour }, false);
    if (selected === null && address.moment !== null) await this.queries.moment('event', address.moment);
    else if (selected === null) this.detail = null;
  }

  private tellAddress(isStep: boolean): void {
    this.emit('view-changed', { isStep });
  }

  private show(view: DeviceState): void {
    this.view = view;
    this.tellAddress(false);
    if (this.width > 0) {
      const range = toRange(view.axis, view.span);
      const series = this.device.series.map(({ id }) => id);
      this.queries.ask('timeline', { series, range, axis: view.axis, columns: this.width });
      if (this.device.kernels !== null && view.axis === 'time')
        this.queries.ask('kernels', { from: range.from, to: range.to, columns: this.width });
      this.askLedger();
    }
  }

  private select(selection: Span | null, isStep = true): void {
    this.view = { ...this.view, selection };
    this.askRange();
    if (isStep) this.tellAddress(true);
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
    this.lastMoment = momentOf(detail)?.row ?? this.lastMoment;
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
    const { device, unit, context } = this;
    const cards = headlineCards(device, unit);
    const { view } = this.workspace.state;
    this.isOpened ||= view !== 'overview';
    this.isReplayed ||= view === 'settings';
    return html`
      <div
        class="page ${view === 'overview' ? '' : 'tool'}"
        @workspace-change=${({ detail }: CustomEvent<WorkspaceChange>) => this.workspace.change(detail)}
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
          ?compact=${view !== 'overview'}
        ></vs-file-bar>
        <vs-workspace-bar
          .context=${context}
          .view=${view}
          .passed=${this.workspace.passed}
          .link=${this.link}
          .verdict=${this.verdict}
        ></vs-workspace-bar>
        ${this.error === null ? nothing : html`<vs-error class="top" role="alert" .error=${this.error}></vs-error>`}
        <div class="overview" ?hidden=${view !== 'overview'}>
          <slot name="diagnosis"></slot>
          ${cards.length === 0 ? nothing : html`<vs-headline class="top" .cards=${cards}></vs-headline>`}
          <div class="columns">
            <div class="main">
              ${renderOoms(oomMarks(device, this.view.axis, unit), (xNs, row) => this.goTo(xNs, row))}
              ${this.charts()} <slot name="ledger"></slot>
              ${renderReadings(this.readings?.curves, unit, this.dark)} ${this.rangeBar()} ${this.tables()}
              ${renderReadings(this.readings?.tables, unit, this.dark)}
            </div>
            ${view === 'overview' ? this.panel() : nothing}
          </div>
        </div>
        ${this.isOpened ? this.instrument(context) : nothing}
      </div>
    `;
  }

  private panel(): unknown {
    const { device, unit } = this;
    return html`<aside class="panel" aria-label="Details" tabindex="0">
      <vs-detail
        .detail=${this.detail}
        .clock=${device.clock}
        .series=${device.series}
        .producer=${device.producer}
        .hint=${deviceHint(device)}
        .unit=${unit}
      ></vs-detail>
    </aside>`;
  }

  private get context(): ViewContext {
    const { device, unit, dark, iterations } = this;
    const { axis, span, selection: range } = this.view;
    const { filter, selected, colour, stacks } = this.workspace.state;
    const known = { device, unit, dark, axis, span, range, filter, selected, colour, stacks, iterations };
    const context = { ...known, moment: this.lastMoment };
    // The same object as long as nothing in it changed: views draw by it.
    const isSame =
      this.given !== null &&
      Object.entries(context).every(([name, value]) => this.given?.[name as keyof ViewContext] === value);
    if (!isSame) this.given = context;
    return this.given ?? context;
  }

  /** The strip, a view in all the height that is left, and the panel beside both. */
  private instrument(context: ViewContext): unknown {
    const { device, view, hoverX, pinned, selecting, width } = this;
    const { axis, span } = view;
    const { view: shown } = this.workspace.state;
    return html`<div class="instrument" ?hidden=${shown === 'overview'}>
      <div class="strip panel">
        <vs-strip
          .context=${context}
          .answer=${this.timeline}
          .hoverX=${hoverX}
          .pinned=${pinned}
          .marks=${oomMarks(device, axis, this.unit).map(({ x }) => x)}
          .iterations=${iterationMarks(this.marksIterations ? this.iterations : null, axis, span, width)}
          ?full=${moves.isFull(view, device)}
          ?selecting=${selecting}
        ></vs-strip>
      </div>
      <div class="view panel">
        ${renderView(shown, context, this.api, this.sources)}
        <div class="settings" ?hidden=${shown !== 'settings'}>
          ${this.isReplayed ? renderReplay(this, this.lastMoment, axis) : nothing}
        </div>
      </div>
      ${shown === 'overview' ? nothing : this.panel()}
    </div>`;
  }

  private closeDetail(): void {
    this.detail = null;
    this.openHolder = null;
    if (this.workspace.state.selected !== null) this.workspace.change({ selected: null });
    for (const one of this.renderRoot.querySelectorAll<VsReadings>('vs-readings')) one.closeDetail();
  }

  private charts(): unknown {
    const { device, view, timeline, kernels, ledgerColumns, unit, dark, hoverX, pinned, selecting, width } =
      this;
    const iterations = this.marksIterations ? this.iterations : null;
    const tools = this.tools();
    const idle = renderIdle(moves.idleShare(device), view.axis, (axis) => void this.changeAxis(axis));
    return html`${idle}${renderDeviceCharts({
      ...{ device, view, timeline, kernels, ledgerColumns, iterations, unit, dark },
      ...{ hoverX, pinned, selecting, width, tools },
    })}`;
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
