/**
 * The settings to replay with: fields, and the string that they make. Whether PyTorch takes the string is asked of the
 * engine at every change; a string that it refuses is not run.
 */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatInteger } from '../../base/units.ts';
import type { EngineApi } from '../../engine/engine-api.ts';
import type { ConfAnswer, ReplayAnswer } from '../../engine/protocol.ts';
import type { ConfFields, ConfKey, FieldSpec } from '../../view/replay/replay-form.ts';
import {
  FIELDS,
  NO_FIELDS,
  confNotes,
  confText,
  divisionsWords,
  fieldAt,
  fieldsOf,
  markedText,
  recordedWords,
} from '../../view/replay/replay-form.ts';
import { Latest } from '../parts/latest.ts';
import type { FormSettings, RunRequest } from './replay-questions.ts';
import { replayStyle } from './replay-style.ts';
import { controls } from '../parts/theme.ts';
import './vs-replay-line.ts';

interface Asked {
  readonly text: string;
  /** Whether the string was typed, and the fields follow it. */
  readonly typed: boolean;
}

@customElement('vs-replay-whatif')
export class VsReplayWhatif extends LitElement {
  static override styles = [
    controls,
    replayStyle,
    css`
      form {
        display: grid;
        gap: 12px;
      }
      .fields {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(250px, 1fr));
        gap: 10px 20px;
      }
      /* A list by size is long. */
      .fields label.list {
        grid-column: span 2;
      }
      label .name .quiet {
        white-space: nowrap;
      }
      label .changed {
        color: var(--accent);
        font-weight: 600;
      }
      .refusal {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(280px, 1fr));
        gap: 6px 24px;
        padding: 10px 14px;
        font-size: 13px;
        background: var(--bad-soft);
        border-left: 3px solid var(--bad);
        border-radius: 4px;
      }
      .refusal code {
        overflow-wrap: anywhere;
      }
      mark {
        color: inherit;
        background: none;
        text-decoration: underline wavy var(--bad);
        text-underline-offset: 3px;
      }
      .chip {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        padding: 1px 4px 1px 10px;
        border: 1px solid var(--line-strong);
        border-radius: 14px;
        font-size: 13px;
      }
      .chip button {
        width: 22px;
        height: 22px;
        padding: 0;
        border: 0;
        border-radius: 11px;
        line-height: 1;
      }
    `,
  ];

  @property({ attribute: false }) api!: () => Promise<EngineApi>;
  @property({ attribute: false }) answer!: ReplayAnswer;
  /** The event that is shown in the panel at the right; null: none. */
  @property({ attribute: false }) cursor: number | null = null;
  @property({ type: Boolean }) disabled = false;
  @property({ type: Boolean }) running = false;

  @state() private fields: ConfFields = NO_FIELDS;
  @state() private text = '';
  /** The recorded settings, not a string: no string gives them. */
  @state() private asRecorded = false;
  @state() private judged: { readonly text: string; readonly answer: ConfAnswer } | null = null;
  @state() private emptyCacheAfter: readonly number[] = [];

  private recordedFields: ConfFields = NO_FIELDS;
  private confs!: Latest<Asked, { readonly asked: Asked; readonly answer: ConfAnswer }>;

  override willUpdate(changed: Map<string, unknown>): void {
    if (!this.hasUpdated)
      this.confs = new Latest(
        async (asked) => ({ asked, answer: await (await this.api()).replays.conf(asked.text) }),
        ({ asked, answer }) => this.judge(asked, answer),
        // An engine that is gone tells so at the next run.
        () => undefined,
      );
    if (changed.has('answer')) {
      this.recordedFields = fieldsOf(this.answer.settings.conf ?? '');
      this.reset();
    }
  }

  /** Back to the settings of the recording. */
  private reset(): void {
    this.fields = this.recordedFields;
    this.asRecorded = this.answer.settings.conf === null;
    this.text = this.answer.settings.conf ?? '';
    this.emptyCacheAfter = [];
    this.confs.want({ text: this.text, typed: false });
  }

  private setField(key: ConfKey, value: string): void {
    this.fields = { ...this.fields, [key]: value };
    this.asRecorded = false;
    this.text = confText(this.fields);
    this.confs.want({ text: this.text, typed: false });
  }

  private setText(text: string): void {
    this.text = text;
    this.asRecorded = false;
    this.confs.want({ text, typed: true });
  }

  private judge(asked: Asked, answer: ConfAnswer): void {
    this.judged = { text: asked.text, answer };
    if (!answer.ok) return;
    if (asked.typed && answer.conf !== null) this.fields = fieldsOf(answer.conf);
    const told: FormSettings = this.asRecorded
      ? { settings: null, name: 'the recorded settings' }
      : { settings: asked.text, name: answer.conf === '' ? 'the defaults' : (answer.conf ?? asked.text) };
    this.emit('replay-settings', told);
  }

  private emit(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  private run(event: Event): void {
    event.preventDefault();
    if (!this.ready) return;
    const request: RunRequest = {
      settings: this.asRecorded ? null : this.text,
      emptyCacheAfter: this.emptyCacheAfter,
      edits: [],
      editWords: [],
    };
    this.emit('replay-run', request);
  }

  private get ready(): boolean {
    const { judged } = this;
    return (
      !this.disabled && !this.running && judged !== null && judged.answer.ok && judged.text === this.text
    );
  }

  override render(): unknown {
    const { judged, disabled } = this;
    const refusal = judged !== null && !judged.answer.ok ? judged : null;
    const wrong = refusal === null || refusal.answer.ok ? null : fieldAt(refusal.text, refusal.answer.offset);
    return html`<form @submit=${(event: Event) => this.run(event)}>
      <p class="words quiet">${recordedWords(this.answer.settings).join(' ')}</p>
      <div class="fields">${FIELDS.map((field) => this.field(field, field.key === wrong))}</div>
      <label>
        <span class="name">
          <span class="mono">PYTORCH_CUDA_ALLOC_CONF</span>
          <span class="quiet">edit or paste</span>
        </span>
        <input
          type="text"
          class="mono"
          name="conf"
          spellcheck="false"
          autocomplete="off"
          placeholder="the defaults"
          .value=${this.text}
          ?disabled=${disabled}
          aria-invalid=${refusal === null ? 'false' : 'true'}
          aria-describedby="judgement"
          @input=${(event: InputEvent) => this.setText((event.target as HTMLInputElement).value)}
        />
      </label>
      <div id="judgement" aria-live="polite">${this.judgement()}</div>
      ${this.emptyCache()}
      <div class="row">
        <button class="primary" type="submit" ?disabled=${!this.ready}>
          ${this.running ? 'Replaying' : 'Replay with these settings'}
        </button>
        <button type="button" ?disabled=${disabled} @click=${() => this.reset()}>Back to the recorded</button>
      </div>
    </form>`;
  }

  private field({ key, placeholder, title, unit }: FieldSpec, wrong: boolean): unknown {
    const value = this.fields[key];
    const changed = value.trim() !== this.recordedFields[key];
    const input =
      key === 'expandable_segments'
        ? html`<select
            name=${key}
            ?disabled=${this.disabled}
            @change=${(event: Event) => this.setField(key, (event.target as HTMLSelectElement).value)}
          >
            <option value="" ?selected=${value !== 'True'}>False</option>
            <option value="True" ?selected=${value === 'True'}>True</option>
          </select>`
        : html`<input
            type="text"
            name=${key}
            spellcheck="false"
            autocomplete="off"
            placeholder=${placeholder}
            .value=${value}
            ?disabled=${this.disabled}
            aria-invalid=${wrong ? 'true' : 'false'}
            @input=${(event: InputEvent) => this.setField(key, (event.target as HTMLInputElement).value)}
          />`;
    const recorded = this.recordedFields[key];
    return html`<label class=${key === 'roundup_power2_divisions' ? 'list' : ''} title=${title}>
      <span class="name">
        <span class="mono ${changed ? 'changed' : ''}">${key}</span>
        <span class="quiet">${changed ? `recorded: ${recorded === '' ? placeholder : recorded}` : unit}</span>
      </span>
      ${input}
    </label>`;
  }

  private judgement(): unknown {
    const { judged } = this;
    if (judged === null) return nothing;
    const { text, answer } = judged;
    if (!answer.ok) {
      const [before, at, after] = markedText(text, answer.offset);
      return html`<div class="refusal">
        <div>
          <h3>PyTorch refuses it</h3>
          <p><code>${answer.message}</code></p>
        </div>
        <div>
          <h3>What is wrong</h3>
          <p>
            ${answer.problem}${answer.advice === null ? '' : html` <strong>To do:</strong> ${answer.advice}.`}
          </p>
          <p><code>${before}<mark>${at}</mark>${after}</code></p>
        </div>
      </div>`;
    }
    const notes = confNotes(answer);
    const rounds = answer.values.roundupDivisions.some((n) => n > 1);
    return html`
      ${
        answer.conf === null || answer.conf === ''
          ? html`<p class="words quiet">
              ${answer.conf === '' && !this.asRecorded ? 'Default settings: nothing to set.' : ''}
            </p>`
          : html`<vs-replay-line .line=${answer.line ?? ''}></vs-replay-line>`
      }
      ${rounds ? html`<p class="words quiet">${divisionsWords(answer.values.roundupDivisions)}</p>` : nothing}
      ${notes.map((note) => html`<p class="words quiet">${note}</p>`)}
    `;
  }

  private emptyCache(): unknown {
    const { cursor, emptyCacheAfter: rows } = this;
    const more = cursor !== null && !rows.includes(cursor);
    return html`<div class="row words">
      <span>Also call empty_cache() at:</span>
      ${rows.map(
        (row) =>
          html`<span class="chip"
            >after event ${formatInteger(row)}<button
              type="button"
              aria-label=${`No empty_cache() after event ${formatInteger(row)}`}
              @click=${() => (this.emptyCacheAfter = rows.filter((one) => one !== row))}
            >
              ×
            </button></span
          >`,
      )}
      ${
        more
          ? html`<button
              type="button"
              ?disabled=${this.disabled}
              @click=${() => (this.emptyCacheAfter = [...rows, cursor].sort((a, b) => a - b))}
            >
              Add: after event ${formatInteger(cursor)}
            </button>`
          : cursor === null
            ? html`<span class="quiet">click the timeline to choose a moment</span>`
            : nothing
      }
    </div>`;
  }
}
