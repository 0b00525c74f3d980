/** A sweep over settings: start and cancel, points as they come, then what it tells. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { ReplayProgress, SweepAnswer, SweepRow } from '../../engine/protocol.ts';
import type { Limits } from '../../view/replay/replay-form.ts';
import { limitsWords } from '../../view/replay/replay-form.ts';
import type { SweepPoints } from '../../view/replay/sweep.ts';
import { rowWords, pointsOf, progressWords, sweepTable, sweepWords } from '../../view/replay/sweep.ts';
import type { RunRequest } from './replay-questions.ts';
import { askEngine } from './replay-questions.ts';
import { replayStyle } from './replay-style.ts';
import { controls } from '../parts/theme.ts';
import '../shell/vs-error.ts';
import './vs-replay-line.ts';
import './vs-replay-scatter.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

interface Running {
  readonly job: number;
  readonly started: number;
  readonly done: number;
  readonly total: number;
  readonly cancelling: boolean;
}

const NONE: SweepPoints = { rows: [], front: [], winner: null };
const VERDICT = { helps: '', rescues: '', nothing_helps: 'none', all_fail: 'bad' } as const;
const HEADINGS = {
  helps: 'A setting helps',
  rescues: 'A setting avoids the error',
  nothing_helps: 'No setting helps',
  all_fail: 'No setting is enough',
} as const;

@customElement('vs-replay-sweep')
export class VsReplaySweep extends LitElement {
  static override styles = [
    controls,
    replayStyle,
    css`
      .all {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 12px;
      }
      .verdict p,
      .verdict ul,
      .verdict vs-replay-line {
        margin-top: 6px;
      }
      .chosen {
        min-height: 28px;
        font-size: 13px;
      }
      .chosen span {
        overflow-wrap: anywhere;
      }
    `,
  ];

  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  @property({ attribute: false }) newJob!: () => number;
  @property() device = '';
  /** null: the fields hold no sizes. */
  @property({ attribute: false }) limits: Limits | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) disabled = false;

  @state() private running: Running | null = null;
  @state() private points: SweepPoints = NONE;
  @state() private answer: SweepAnswer | null = null;
  @state() private under: Limits | null = null;
  @state() private told = '';
  @state() private error: TraceErrorData | null = null;
  @state() private chosen: number | null = null;

  /** Rows that came since the last frame. */
  private arrived: SweepRow[] = [];
  private frame = 0;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.cancel();
  }

  private async start(): Promise<void> {
    const { limits } = this;
    if (limits === null || this.running !== null) return;
    const job = this.newJob();
    this.running = { job, started: performance.now(), done: 0, total: 0, cancelling: false };
    this.points = NONE;
    this.arrived = [];
    this.answer = null;
    this.error = null;
    this.chosen = null;
    this.told = '';
    this.under = limits;
    const result = await askEngine(this.api, (api) =>
      api.replays.sweep({ job, device: this.device, ...limits }, (progress) => this.progress(progress)),
    );
    const { done, total } = this.running;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.running = null;
    if (result.ok) {
      this.answer = result.value;
      this.points = pointsOf(result.value);
      this.chosen = result.value.winner;
      this.told = sweepWords(result.value);
    } else if (result.error.code === 'cancelled') {
      this.points = { ...NONE, rows: [...this.points.rows, ...this.arrived] };
      this.told =
        total === 0
          ? 'Cancelled.'
          : `Cancelled after ${formatInteger(done)} of ${formatInteger(total)} settings: there is no front and no winner.`;
    } else this.error = result.error;
  }

  private progress({ job, done, total, row }: ReplayProgress): void {
    if (this.running?.job !== job) return;
    this.running = { ...this.running, done, total };
    if (row === null) return;
    this.arrived.push(row);
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.points = { ...NONE, rows: [...this.points.rows, ...this.arrived] };
      this.arrived = [];
    });
  }

  private cancel(): void {
    if (this.running === null) return;
    const { job } = this.running;
    this.running = { ...this.running, cancelling: true };
    void this.api().then(
      (api) => api.cancel(job),
      () => undefined,
    );
  }

  override render(): unknown {
    return html`<div class="all">
      <p class="words quiet">
        The recorded requests served under every setting that can differ for them, in several workers:
        reserved peak against calls of the driver, which cost time.
      </p>
      ${this.controls()}
      ${this.error === null ? nothing : html`<vs-error role="alert" .error=${this.error}></vs-error>`}
      ${this.verdict()} ${this.points.rows.length === 0 ? nothing : this.chart()}
    </div>`;
  }

  private controls(): unknown {
    const { running, limits, told, under, answer } = this;
    if (running === null) {
      const stale =
        answer !== null && under !== null && limits !== null && !sameLimits(under, limits)
          ? ' The limits have changed since.'
          : '';
      return html`<div class="row">
        <button
          class=${answer === null ? 'primary' : ''}
          ?disabled=${this.disabled || limits === null}
          @click=${() => void this.start()}
        >
          ${answer === null ? 'Start the sweep' : 'Sweep again'}
        </button>
        <span class="words quiet" role="status"
          >${told}${stale}${under === null || told === '' ? '' : ` ${limitsWords(under, this.unit)}`}</span
        >
      </div>`;
    }
    const { done, total, started, cancelling } = running;
    return html`<div class="row">
      <button ?disabled=${cancelling} @click=${() => this.cancel()}>
        ${cancelling ? 'Cancelling' : 'Cancel the sweep'}
      </button>
      <progress aria-label="Settings tried" max=${Math.max(1, total)} .value=${done}></progress>
      <span class="words quiet"
        >${total === 0 ? 'Starting the workers' : progressWords({ done, total }, 'settings', performance.now() - started)}</span
      >
    </div>`;
  }

  private verdict(): unknown {
    const { answer } = this;
    if (answer === null) return nothing;
    const { verdict, sentences, line } = answer;
    return html`<div class="verdict ${VERDICT[verdict]}">
      <h3>${HEADINGS[verdict]}</h3>
      <p>${sentences[0] ?? ''}</p>
      ${line === null ? nothing : html`<vs-replay-line .line=${line}></vs-replay-line>`}
      ${
        sentences.length < 2
          ? nothing
          : html`<ul class="words">
              ${sentences.slice(1).map((sentence) => html`<li>${sentence}</li>`)}
            </ul>`
      }
    </div>`;
  }

  private chart(): unknown {
    const { points, unit, chosen, running } = this;
    return html`
      <vs-replay-scatter
        .points=${points}
        .current=${chosen}
        .unit=${unit}
        @pick-setting=${(event: CustomEvent<{ row: number }>) => (this.chosen = event.detail.row)}
      ></vs-replay-scatter>
      ${
        running !== null
          ? nothing
          : html`${this.chosenRow()}
              <vs-table
                dense
                .model=${this.table}
                .current=${chosen === null ? null : String(chosen)}
                opens
                @row-open=${(event: RowOpenEvent) => (this.chosen = Number(event.detail.key))}
              ></vs-table>`
      }
    `;
  }

  private tableFor: {
    readonly points: SweepPoints;
    readonly unit: ByteUnit;
    readonly model: unknown;
  } | null = null;

  /** The same object for the same points: a new one would be sorted again. */
  private get table(): unknown {
    const { points, unit } = this;
    if (this.tableFor?.points !== points || this.tableFor.unit !== unit)
      this.tableFor = { points, unit, model: sweepTable(points, unit) };
    return this.tableFor.model;
  }

  private chosenRow(): unknown {
    const row = this.chosen === null ? undefined : this.points.rows[this.chosen];
    if (row === undefined)
      return html`<p class="chosen quiet">
        Choose a point or a row to see its settings and to replay them.
      </p>`;
    const request: RunRequest = { settings: row.conf, emptyCacheAfter: [], edits: [], editWords: [] };
    return html`<div class="row chosen" role="status">
      <span>${rowWords(row, this.unit)}</span>
      <button
        ?disabled=${this.disabled}
        @click=${() =>
          this.dispatchEvent(
            new CustomEvent('replay-run', { detail: request, bubbles: true, composed: true }),
          )}
      >
        Replay it to compare
      </button>
    </div>`;
  }
}

const sameLimits = (a: Limits, b: Limits): boolean => a.cap === b.cap && a.capacity === b.capacity;
