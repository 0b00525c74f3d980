/** Runs against the recording: the chosen one in full with its curve, all of them in a table. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import type { ChartModel } from '../../view/parts/curves.ts';
import { describeRun, runChart, runLegend } from '../../view/replay/replay-curve.ts';
import type { Baseline, ReplayRun } from '../../view/replay/replay-runs.ts';
import { runTable, runWords, runsTable } from '../../view/replay/replay-runs.ts';
import { formatX } from '../../view/parts/words.ts';
import { legendStyle, renderLegend } from '../parts/legend.ts';
import { replayStyle } from './replay-style.ts';
import { controls } from '../parts/theme.ts';
import '../parts/uplot-chart.ts';
import './vs-replay-line.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

const HEIGHT = 220;

@customElement('vs-replay-runs')
export class VsReplayRuns extends LitElement {
  static override styles = [
    controls,
    replayStyle,
    legendStyle,
    css`
      .all {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      .legend {
        padding: 0;
        margin-left: -8px;
      }
    `,
  ];

  @property({ attribute: false }) recorded: Baseline = { label: 'Recorded', stats: {}, note: null };
  @property({ attribute: false }) runs: readonly ReplayRun[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;

  /** null: the newest. */
  @state() private chosen: number | null = null;
  @state() private hiddenCurves: ReadonlySet<string> = new Set();
  @state() private hoverX: number | null = null;
  @state() private width = 0;

  private model: ChartModel | null = null;

  private get run(): ReplayRun | undefined {
    return this.runs.find(({ id }) => id === this.chosen) ?? this.runs.at(-1);
  }

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('runs')) this.chosen = null;
    // Not when only the pointer moved.
    if (![...changed.keys()].some((name) => name !== 'hoverX')) return;
    const curve = this.run?.answer.curve ?? null;
    this.model =
      curve === null || this.width === 0
        ? null
        : runChart(curve, this.hiddenCurves, this.unit, this.width, HEIGHT);
  }

  override render(): unknown {
    const { run, runs, recorded, unit } = this;
    if (run === undefined) return nothing;
    const { answer, line } = run;
    const { firstFailure } = answer;
    return html`<div class="all">
      <h3>Recorded and replayed</h3>
      <p role="status">${runWords(recorded, run, unit)}</p>
      ${recorded.note === null ? nothing : html`<p class="words quiet">${recorded.note}</p>`}
      ${
        answer.sentences.length === 0
          ? nothing
          : html`<div class="verdict ${firstFailure === null ? 'none' : 'bad'}">
              ${answer.sentences.map((sentence) => html`<p class="words">${sentence}</p>`)}
              ${
                firstFailure === null
                  ? nothing
                  : html`<button
                      class="link"
                      @click=${() => this.emit('go-to-row', { row: firstFailure.row })}
                    >
                      Show event ${formatInteger(firstFailure.row)}
                    </button>`
              }
            </div>`
      }
      <vs-table .model=${runTable(recorded, run, unit)}></vs-table>
      ${this.chart(run)}
      ${line === null || line.endsWith('=') ? nothing : html`<vs-replay-line .line=${line}></vs-replay-line>`}
      ${runs.length < 2 ? nothing : this.table(run)}
    </div>`;
  }

  private chart({ answer: { curve } }: ReplayRun): unknown {
    if (curve === null) return nothing;
    const { hoverX, unit } = this;
    return html`<div>
      ${renderLegend(runLegend(curve, this.hiddenCurves, hoverX, unit), ({ id }) => this.toggle(id))}
      <uplot-chart
        role="img"
        aria-label=${describeRun(curve, unit)}
        .model=${this.model}
        .hoverX=${hoverX}
        .hoverLabel=${hoverX === null ? '' : formatX(curve.range.axis, hoverX)}
        .height=${HEIGHT}
        ?dark=${this.dark}
        .style=${`height: ${HEIGHT}px`}
        @chart-size=${(event: CustomEvent<{ width: number }>) => (this.width = event.detail.width)}
        @chart-hover=${(event: CustomEvent<{ x: number | null }>) => (this.hoverX = event.detail.x)}
      ></uplot-chart>
    </div>`;
  }

  private toggle(id: string): void {
    const hidden = new Set(this.hiddenCurves);
    if (!hidden.delete(id)) hidden.add(id);
    this.hiddenCurves = hidden;
  }

  private table(run: ReplayRun): unknown {
    const open = ({ detail: { key } }: RowOpenEvent): void => {
      const id = Number(key);
      if (this.runs.some((one) => one.id === id)) this.chosen = id;
    };
    return html`<div class="row">
        <h3>All runs</h3>
        <span class="quiet words">A row shows its run above.</span>
        <span class="space"></span>
        <button @click=${() => this.emit('replay-forget', { id: run.id })}>Forget the shown run</button>
        <button @click=${() => this.emit('replay-forget', { id: null })}>Forget all</button>
      </div>
      <vs-table
        dense
        .model=${runsTable(this.recorded, this.runs, this.unit)}
        .current=${String(run.id)}
        opens
        @row-open=${open}
      ></vs-table>`;
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
