/**
 * PyTorch's caching allocator replayed: first how well it follows the recording, then what other settings, a sweep
 * over them, and changes to allocation sites would do. Asks for nothing before it is on screen, and offers nothing
 * where the replay does not follow the recording.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { TraceErrorData } from '../../base/trace-error.ts';
import type { ByteUnit } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { Axis, ReplayAnswer } from '../../engine/protocol.ts';
import { formatBytes, formatInteger } from '../../base/units.ts';
import { replayTrust } from '../../view/replay/replay.ts';
import type { LimitsForm } from '../../view/replay/replay-form.ts';
import { limitsAtFirst, limitsWords, readLimits, readMib } from '../../view/replay/replay-form.ts';
import type { ReplayRun } from '../../view/replay/replay-runs.ts';
import { baselineOf } from '../../view/replay/replay-runs.ts';
import { headerStyle } from '../parts/header-style.ts';
import type { FormSettings, RunRequest } from './replay-questions.ts';
import { askEngine } from './replay-questions.ts';
import { replayStyle } from './replay-style.ts';
import { controls } from '../parts/theme.ts';
import '../shell/vs-error.ts';
import './vs-replay-runs.ts';
import './vs-replay-sites.ts';
import './vs-replay-sweep.ts';
import './vs-replay-trust.ts';
import './vs-replay-whatif.ts';

type Part = 'whatif' | 'sweep' | 'sites';

const PARTS: readonly (readonly [Part, string])[] = [
  ['whatif', 'Other settings'],
  ['sweep', 'Sweep'],
  ['sites', 'Allocation sites'],
];

/** Pixels of the panel beside the plot of a run. */
const BESIDE_PLOT = 130;
const LEAST_COLUMNS = 200;

@customElement('vs-replay')
export class VsReplay extends LitElement {
  static override styles = [
    controls,
    replayStyle,
    headerStyle,
    css`
      .panel {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 14px;
        padding: 14px 16px 16px;
      }
      .limits {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(250px, 1fr));
        gap: 10px 20px;
      }
      .limits p {
        align-self: end;
        min-height: 28px;
      }
      vs-replay-runs {
        padding-top: 14px;
        border-top: 1px solid var(--line);
      }
    `,
  ];

  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  /** Numbers of jobs, shared with the files that are read. */
  @property({ attribute: false }) newJob!: () => number;
  /** Key of the device. */
  @property() device = '';
  @property() axis: Axis = 'time';
  /** The event that the panel at the right shows; null: none. */
  @property({ attribute: false }) cursor: number | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  @property({ type: Boolean }) dark = false;

  @state() private answer: ReplayAnswer | null = null;
  @state() private error: TraceErrorData | null = null;
  @state() private shownPart: Part = 'whatif';
  @state() private limits: LimitsForm = { cap: '', card: '' };
  @state() private settings: FormSettings = { settings: null, name: 'the recorded settings' };
  @state() private runs: readonly ReplayRun[] = [];
  @state() private running = false;

  private asked = false;
  private nextRun = 1;
  private readonly seen = new IntersectionObserver(
    (entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) void this.ask();
    },
    { rootMargin: '300px' },
  );

  override connectedCallback(): void {
    super.connectedCallback();
    this.seen.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.seen.disconnect();
  }

  private async ask(): Promise<void> {
    if (this.asked) return;
    this.asked = true;
    this.seen.disconnect();
    const result = await askEngine(this.api, (api) => api.replays.replay(this.device));
    if (result.ok) {
      this.limits = limitsAtFirst(result.value);
      this.answer = result.value;
    } else this.error = result.error;
  }

  private async run(request: RunRequest): Promise<void> {
    const limits = readLimits(this.limits);
    if (limits === null || this.running) return;
    const { settings, emptyCacheAfter, edits, editWords } = request;
    this.running = true;
    this.error = null;
    const columns = Math.max(LEAST_COLUMNS, this.clientWidth - BESIDE_PLOT);
    const result = await askEngine(this.api, (api) =>
      api.replays.whatIf({
        device: this.device,
        settings,
        ...limits,
        emptyCacheAfter,
        edits,
        curve: { range: null, axis: this.axis, columns },
      }),
    );
    if (result.ok) {
      const { conf } = result.value.settings;
      const judged = conf === null || conf === '' ? null : await (await this.api()).replays.conf(conf);
      const limit = limitsWords(limits, this.unit);
      const run: ReplayRun = {
        id: this.nextRun++,
        name: conf === null ? 'the recorded settings' : conf === '' ? 'the defaults' : conf,
        changes: [
          ...(limit === '' ? [] : [limit]),
          ...emptyCacheAfter.map((row) => `empty_cache() after event ${formatInteger(row)}`),
          ...editWords,
        ],
        line: judged?.ok === true ? judged.line : null,
        answer: result.value,
      };
      this.runs = [...this.runs, run];
    } else this.error = result.error;
    this.running = false;
  }

  private forget(id: number | null): void {
    this.runs = id === null ? [] : this.runs.filter((run) => run.id !== id);
  }

  override render(): unknown {
    const { answer, error } = this;
    return html`<section
      class="panel"
      aria-labelledby="title"
      @replay-run=${(event: CustomEvent<RunRequest>) => void this.run(event.detail)}
      @replay-settings=${(event: CustomEvent<FormSettings>) => (this.settings = event.detail)}
      @replay-forget=${(event: CustomEvent<{ id: number | null }>) => this.forget(event.detail.id)}
    >
      <header>
        <h2 id="title">Replay the allocator</h2>
        ${answer === null ? nothing : this.switches()}
      </header>
      ${answer === null ? this.waiting() : this.body(answer)}
      ${
        answer === null || error === null ? nothing : html`<vs-error role="alert" .error=${error}></vs-error>`
      }
      ${
        this.runs.length === 0 || answer === null
          ? nothing
          : html`<vs-replay-runs
              .recorded=${baselineOf(answer)}
              .runs=${this.runs}
              .unit=${this.unit}
              ?dark=${this.dark}
              @chart-size=${stop}
              @chart-hover=${stop}
              @chart-pick=${stop}
              @chart-fit=${stop}
              @chart-pan=${stop}
              @chart-zoom=${stop}
              @chart-select=${stop}
            ></vs-replay-runs>`
      }
    </section>`;
  }

  private waiting(): unknown {
    const { error } = this;
    if (error === null) return html`<p class="quiet words">Replaying</p>`;
    // Nothing to replay is no fault of the file's.
    if (error.code === 'refused')
      return html`<p class="words">
        <span class="quiet">Not offered:</span> ${error.message}. ${error.advice ?? ''}
      </p>`;
    return html`<vs-error role="alert" .error=${error}></vs-error>`;
  }

  private switches(): unknown {
    return html`<span class="group" role="group" aria-label="What to replay">
      ${PARTS.map(
        ([part, label]) =>
          html`<button
            aria-pressed=${this.shownPart === part ? 'true' : 'false'}
            @click=${() => (this.shownPart = part)}
          >
            ${label}
          </button>`,
      )}
    </span>`;
  }

  /** Parts that are not shown go on: a sweep runs while settings are tried. */
  private body(answer: ReplayAnswer): unknown {
    const trust = replayTrust(answer, this.unit);
    const disabled = trust.trust === 'refused';
    const { api, newJob, device, unit, shownPart: part } = this;
    const limits = readLimits(this.limits);
    return html`
      <vs-replay-trust .model=${trust}></vs-replay-trust>
      ${this.limitFields(answer, disabled)}
      <vs-replay-whatif
        ?hidden=${part !== 'whatif'}
        .api=${api}
        .answer=${answer}
        .cursor=${this.cursor}
        ?disabled=${disabled || limits === null}
        ?running=${this.running}
      ></vs-replay-whatif>
      <vs-replay-sweep
        ?hidden=${part !== 'sweep'}
        .api=${api}
        .newJob=${newJob}
        .device=${device}
        .limits=${limits}
        .unit=${unit}
        ?disabled=${disabled}
      ></vs-replay-sweep>
      <vs-replay-sites
        ?hidden=${part !== 'sites'}
        .api=${api}
        .newJob=${newJob}
        .device=${device}
        .limits=${limits}
        .settings=${this.settings}
        .unit=${unit}
        ?disabled=${disabled}
        ?busy=${this.running}
      ></vs-replay-sites>
    `;
  }

  private limitFields({ limitBounds }: ReplayAnswer, disabled: boolean): unknown {
    const field = (key: keyof LimitsForm, label: string, placeholder: string, hint: string): unknown =>
      html`<label>
        <span class="name"><span>${label}</span><span class="quiet">${hint}</span></span>
        <input
          type="text"
          name=${key}
          inputmode="decimal"
          autocomplete="off"
          placeholder=${placeholder}
          .value=${this.limits[key]}
          ?disabled=${disabled}
          aria-invalid=${readMib(this.limits[key]) === undefined ? 'true' : 'false'}
          @input=${(event: InputEvent) =>
            (this.limits = { ...this.limits, [key]: (event.target as HTMLInputElement).value })}
        />
      </label>`;
    const met =
      limitBounds === null
        ? ''
        : `Requests met a limit of at least ${formatBytes(limitBounds[0], this.unit)}. `;
    return html`<div class="limits" role="group" aria-label="Memory limits, for everything below">
      ${field('cap', 'Process limit', 'no limit', 'MiB')}
      ${field('card', 'GPU memory available', 'enough', 'MiB')}
      <p class="quiet words">${met}These limits apply to all three tabs.</p>
    </div>`;
  }
}

/** The page's own charts answer to these. */
const stop = (event: Event): void => event.stopPropagation();
