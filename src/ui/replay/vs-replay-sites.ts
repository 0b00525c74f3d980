/**
 * Allocation sites by the reserved memory that they cost, with ticks to change some of them together. What freeing
 * early saves is asked site by site after the ranking.
 */
import { LitElement, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { ByteUnit } from '../../base/units.ts';
import { formatInteger } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { SitesAnswer } from '../../engine/protocol.ts';
import type { Limits } from '../../view/replay/replay-form.ts';
import { limitsWords } from '../../view/replay/replay-form.ts';
import type { EarlySavings, SiteChange, SitesModel, TickedSites } from '../../view/replay/replay-sites.ts';
import {
  CHANGES,
  EARLY_STEPS,
  editOf,
  editWords,
  editsOf,
  readSteps,
  sitesTable,
  sitesWords,
  toggled,
} from '../../view/replay/replay-sites.ts';
import { progressWords } from '../../view/replay/sweep.ts';
import type { Cell, Column, Row, Sort } from '../../view/parts/table.ts';
import { sortRows } from '../../view/parts/table.ts';
import type { FormSettings, RunRequest } from './replay-questions.ts';
import { askEngine } from './replay-questions.ts';
import { replayStyle, sitesStyle } from './replay-style.ts';
import { renderShare, renderSortedTable, tableStyle } from '../parts/table-style.ts';
import { controls } from '../parts/theme.ts';
import '../shell/vs-error.ts';

interface Running {
  readonly job: number;
  readonly started: number;
  readonly done: number;
  readonly total: number;
  readonly cancelled: boolean;
}

/** What a ranking was asked under. */
interface Under extends Limits {
  readonly settings: string | null;
  readonly name: string;
  /** Requests after which sites are freed early. */
  readonly steps: number;
}

/** Sites to try; each takes three replays. */
const MOST = [10, 25, 100] as const;
const FEW_ROWS = 12;

const TICK_WORDS: Readonly<Record<SiteChange, string>> = {
  drop: 'Leave out',
  halve: 'Halve the bytes of',
  early: 'Free early:',
};

@customElement('vs-replay-sites')
export class VsReplaySites extends LitElement {
  static override styles = [controls, replayStyle, tableStyle, sitesStyle];

  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  @property({ attribute: false }) newJob!: () => number;
  @property() device = '';
  @property({ attribute: false }) limits: Limits | null = null;
  @property({ attribute: false }) settings: FormSettings = { settings: null, name: 'the recorded settings' };
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) disabled = false;
  /** A what-if is under way. */
  @property({ type: Boolean }) busy = false;

  @state() private most: number = MOST[0];
  @state() private stepsText = String(EARLY_STEPS);
  @state() private running: Running | null = null;
  @state() private answer: SitesAnswer | null = null;
  @state() private early: EarlySavings = new Map();
  @state() private under: Under | null = null;
  @state() private ticked: TickedSites = new Map();
  @state() private told = '';
  @state() private error: TraceErrorData | null = null;
  @state() private sort: Sort | null = null;
  @state() private every = false;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.cancel();
  }

  private async start(): Promise<void> {
    const { limits, device, settings, most } = this;
    const steps = readSteps(this.stepsText);
    if (limits === null || steps === null || this.running !== null) return;
    const job = this.newJob();
    this.running = { job, started: performance.now(), done: 0, total: 0, cancelled: false };
    this.answer = null;
    this.early = new Map();
    this.ticked = new Map();
    this.error = null;
    this.told = '';
    this.under = { ...limits, ...settings, steps };
    const result = await askEngine(this.api, (api) =>
      api.replays.sites({ job, device, ...limits, settings: settings.settings, most }, ({ done, total }) => {
        if (this.running?.job === job) this.running = { ...this.running, done, total };
      }),
    );
    if (result.ok) {
      this.answer = result.value;
      await this.tryEarly(result.value, this.under);
    } else if (result.error.code === 'cancelled') this.told = 'Cancelled.';
    else this.error = result.error;
    this.running = null;
  }

  /** One question a site, so that a cancel is heard in between. */
  private async tryEarly({ rows, reservedPeak }: SitesAnswer, under: Under): Promise<void> {
    const { device } = this;
    const { settings, cap, capacity, steps } = under;
    for (const [done, { site }] of rows.entries()) {
      if (this.running === null) return;
      if (this.running.cancelled) {
        this.told = 'Cancelled: what freeing early saves is not known for every site.';
        return;
      }
      this.running = { ...this.running, done, total: rows.length };
      const edits = [editOf(site, 'early', steps)];
      const result = await askEngine(this.api, (api) =>
        api.replays.whatIf({ device, settings, cap, capacity, emptyCacheAfter: [], edits, curve: null }),
      );
      if (!result.ok) return void (this.error = result.error);
      const saved = reservedPeak - result.value.stats['reserved_bytes.all.peak'];
      this.early = new Map([...this.early, [site, saved]]);
    }
  }

  private cancel(): void {
    if (this.running === null) return;
    const { job } = this.running;
    this.running = { ...this.running, cancelled: true };
    void this.api().then(
      (api) => api.cancel(job),
      () => undefined,
    );
  }

  private get isStale(): boolean {
    const { under, limits, settings } = this;
    return (
      under !== null &&
      (under.settings !== settings.settings ||
        under.steps !== readSteps(this.stepsText) ||
        under.cap !== limits?.cap ||
        under.capacity !== limits.capacity)
    );
  }

  override render(): unknown {
    const { answer, unit } = this;
    return html`<div class="all">
      ${this.controls()}
      ${this.error === null ? nothing : html`<vs-error role="alert" .error=${this.error}></vs-error>`}
      ${
        answer === null
          ? nothing
          : html`${sitesWords(answer, this.under?.steps ?? EARLY_STEPS, unit).map((words) => html`<p class="words">${words}</p>`)}
            ${answer.rows.length === 0 ? nothing : this.table(answer)} ${this.edits()}`
      }
    </div>`;
  }

  private controls(): unknown {
    const { running, limits, answer, under, unit } = this;
    if (running !== null) {
      const { done, total, started, cancelled } = running;
      const what = answer === null ? 'sites' : 'sites freed early';
      return html`<div class="row">
        <button ?disabled=${cancelled} @click=${() => this.cancel()}>
          ${cancelled ? 'Cancelling' : 'Cancel'}
        </button>
        <progress aria-label="Sites tried" max=${Math.max(1, total)} .value=${done}></progress>
        <span class="words quiet"
          >${total === 0 ? 'Starting' : progressWords({ done, total }, what, answer === null ? performance.now() - started : 0)}</span
        >
      </div>`;
    }
    const name = under === null || this.isStale ? this.settings.name : under.name;
    const limit = limits === null ? '' : limitsWords(limits, unit);
    return html`<div class="row">
      <button
        class=${answer === null ? 'primary' : ''}
        ?disabled=${this.disabled || limits === null || readSteps(this.stepsText) === null}
        @click=${() => void this.start()}
      >
        ${answer === null ? 'Rank the sites' : 'Rank again'}
      </button>
      <label class="most">
        the largest
        <select
          ?disabled=${this.disabled}
          @change=${(event: Event) => (this.most = Number((event.target as HTMLSelectElement).value))}
        >
          ${MOST.map((most) => html`<option value=${most} ?selected=${most === this.most}>${most}</option>`)}
        </select>
        at the peak
      </label>
      <label class="most">
        freed early: after
        <input
          type="text"
          name="steps"
          inputmode="numeric"
          autocomplete="off"
          .value=${this.stepsText}
          ?disabled=${this.disabled}
          aria-invalid=${readSteps(this.stepsText) === null ? 'true' : 'false'}
          @input=${(event: InputEvent) => (this.stepsText = (event.target as HTMLInputElement).value)}
        />
        requests
      </label>
      <span class="words quiet" role="status"
        >${
          answer !== null && this.isStale
            ? `Ranked under ${under?.name ?? ''}; what was asked has changed since.`
            : `Under ${name}${limit === '' ? '' : `, ${limit}`}. ${this.told}`
        }</span
      >
    </div>`;
  }

  private table(answer: SitesAnswer): unknown {
    const model = sitesTable(answer, this.early, this.unit);
    const sort = this.sort ?? model.sort;
    const rows = sortRows(model, sort);
    const shown = this.every ? rows : rows.slice(0, FEW_ROWS);
    return html`${renderSortedTable(
      model.caption,
      model.columns,
      sort,
      (chosen) => (this.sort = chosen),
      shown.map((row) => this.row(model, row)),
    )}
    ${
      rows.length > FEW_ROWS
        ? html`<p>
            <button class="link" @click=${() => (this.every = !this.every)}>
              ${this.every ? 'Show fewer' : `Show all ${formatInteger(rows.length)}`}
            </button>
          </p>`
        : nothing
    }`;
  }

  private row(model: SitesModel, row: Row): unknown {
    const ticks = this.ticked.get(row.key);
    return html`<tr class=${ticks === undefined ? '' : 'ticked'}>
      ${row.cells.map((item, index) => {
        const change = CHANGES.find((one) => model.tickColumns[one] === index);
        if (change === undefined) return this.plain(item, model.columns[index]);
        return html`<td class="numeric" title=${item.title ?? nothing}>
          <label>
            ${item.text}
            <input
              type="checkbox"
              aria-label=${`${TICK_WORDS[change]} ${row.key}`}
              .checked=${ticks?.has(change) ?? false}
              ?disabled=${this.disabled}
              @change=${() => (this.ticked = toggled(this.ticked, row.key, change))}
            />
          </label>
        </td>`;
      })}
    </tr>`;
  }

  private plain(item: Cell, { numeric, wide }: Column): unknown {
    return html`<td class="${numeric ? 'numeric' : ''} ${wide ? 'wide' : ''}" title=${item.title ?? nothing}>
      <span class="text ${item.mono ? 'mono' : ''}">${item.text}</span>${renderShare(item.share)}
    </td>`;
  }

  private edits(): unknown {
    const steps = this.under?.steps ?? EARLY_STEPS;
    const edits = editsOf(this.ticked, steps);
    const words = editWords(this.ticked, steps);
    const request: RunRequest = {
      settings: this.under?.settings ?? null,
      emptyCacheAfter: [],
      edits,
      editWords: words,
    };
    return html`<div class="row">
      <button
        class="primary"
        ?disabled=${this.disabled || this.busy || edits.length === 0}
        @click=${() =>
          this.dispatchEvent(
            new CustomEvent('replay-run', { detail: request, bubbles: true, composed: true }),
          )}
      >
        Replay the ticked changes
      </button>
      <button ?disabled=${edits.length === 0} @click=${() => (this.ticked = new Map())}>Untick all</button>
      <span class="words quiet">${words.length === 0 ? 'Nothing is ticked.' : `${words.join('; ')}.`}</span>
    </div>`;
  }
}
