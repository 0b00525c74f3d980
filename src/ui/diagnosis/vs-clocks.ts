/**
 * One clock: what was added to the times of each file so that all of them tell of the same moments, where the files
 * contradict each other on it, and an input to set an offset by hand. Fires `set-clock-offset` (ClockOffsetChange).
 */
import { LitElement, html, nothing } from 'lit';
import type { PropertyValues } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guard } from 'lit/directives/guard.js';
import { live } from 'lit/directives/live.js';
import { repeat } from 'lit/directives/repeat.js';
import type { ByteUnit } from '../../base/units.ts';
import { count } from '../../base/words.ts';
import { parseOffset } from '../../view/diagnosis/clock-offset.ts';
import type { ClockRow, ClocksModel, DisagreementRow } from '../../view/diagnosis/clocks.ts';
import { clocksModel } from '../../view/diagnosis/clocks.ts';
import type { ClockOffsetChange, DiagnosisState } from './diagnosis-run.ts';
import { NOT_DIAGNOSED } from './diagnosis-run.ts';
import { renderSeverity, severityStyle } from './finding-severity.ts';
import { controls } from '../parts/theme.ts';
import { clocksStyle } from './vs-clocks-style.ts';

/** Contradictions before a button shows the rest. */
const MOST = 5;

@customElement('vs-clocks')
export class VsClocks extends LitElement {
  static override styles = [controls, severityStyle, clocksStyle];

  @property({ attribute: false }) state: DiagnosisState = NOT_DIAGNOSED;
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  @state() private model: ClocksModel | null = null;
  /** What was written into the inputs and not set yet, by the row's first source. */
  @state() private drafts: ReadonlyMap<number, string> = new Map();
  /** Why a written offset cannot be set. */
  @state() private errors: ReadonlyMap<number, string> = new Map();
  /** null: open where somebody should look. */
  @state() private open: boolean | null = null;
  @state() private all = false;

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('state') && !changed.has('unit')) return;
    const { diagnosis } = this.state;
    this.model = diagnosis === null ? null : clocksModel(diagnosis, this.unit);
  }

  override render(): unknown {
    const { model } = this;
    if (model === null) return nothing;
    const open = this.open ?? model.needsCare;
    return html`<section class="panel" aria-labelledby="title">
      <details
        ?open=${open}
        @toggle=${({ currentTarget }: Event) => {
          const now = (currentTarget as HTMLDetailsElement).open;
          // What opened by itself is nobody's choice.
          if (now !== (this.open ?? this.model?.needsCare)) this.open = now;
        }}
      >
        <summary>
          <h2 id="title">One clock</h2>
          <span class="quiet">${open ? model.placed : model.summary}</span>
        </summary>
        <div class="scroll">
          <table aria-labelledby="title">
            <thead>
              <tr>
                <th scope="col">File</th>
                <th scope="col">Its clock</th>
                <th scope="col">Offset</th>
                <th scope="col">How it was found</th>
                <th scope="col">Matched</th>
                <th scope="col">Set by hand</th>
              </tr>
            </thead>
            <tbody>
              ${repeat(
                model.rows,
                ({ sources }) => sources[0],
                (row) => this.row(row),
              )}
            </tbody>
          </table>
        </div>
        <p class="hint quiet" id="hint">
          The offset is added to a file's times. Write it as +2h, -3:12:07.5 or 1500 ms; leave it empty to
          have it found again.
        </p>
        ${guard([model, this.all], () => this.disagreements(model))}
      </details>
    </section>`;
  }

  private row(row: ClockRow): unknown {
    return html`<tr data-file=${row.file}>
      <th scope="row">${row.file}<span class="sentence quiet">${row.sentence}</span></th>
      <td title=${row.clockTitle}>${row.clock}</td>
      <td class="number ${row.known ? '' : 'unknown'}" title=${row.offsetTitle}>
        ${row.offset}${row.within === null ? nothing : html`<span class="below quiet">${row.within}</span>`}
      </td>
      <td class=${row.byHand ? 'hand' : ''}>
        ${row.status}${
          row.confidence === null ? nothing : html`<span class="below quiet">${row.confidence}</span>`
        }
      </td>
      <td class="number" title=${row.matchedTitle}>${row.matched}</td>
      <td class="set">
        ${row.editable ? this.editor(row) : html`<span class="quiet">no times to move</span>`}
      </td>
    </tr>`;
  }

  private editor(row: ClockRow): unknown {
    const [source] = row.sources;
    const text = this.drafts.get(source) ?? row.written;
    const error = this.errors.get(source) ?? this.refusal(row);
    return html`<form
        @submit=${(event: Event) => {
          event.preventDefault();
          this.submit(row, text);
        }}
      >
        <input
          type="text"
          autocomplete="off"
          spellcheck="false"
          aria-label=${`Offset of ${row.file}`}
          aria-describedby=${error === null ? 'hint' : `hint error-${source}`}
          aria-invalid=${error === null ? 'false' : 'true'}
          placeholder="automatic"
          .value=${live(text)}
          @input=${({ target }: InputEvent) => this.draft(source, (target as HTMLInputElement).value)}
          @keydown=${({ key }: KeyboardEvent) => {
            if (key === 'Escape') this.draft(source, null);
          }}
        />
        <button aria-label=${`Set the offset of ${row.file}`} ?disabled=${text === row.written}>Set</button>
        ${
          row.byHand
            ? html`<button
                type="button"
                aria-label=${`Automatic: find the offset of ${row.file} again`}
                @click=${(event: Event) => this.press(event, row, null)}
              >
                Automatic
              </button>`
            : nothing
        }
        ${
          row.suggestion === null
            ? nothing
            : html`<button
                type="button"
                aria-label=${`Use ${row.suggestion.text} for ${row.file}`}
                title="Likely, and not applied by itself."
                @click=${(event: Event) => this.press(event, row, row.suggestion?.offsetNs ?? null)}
              >
                Use ${row.suggestion.text}
              </button>`
        }
      </form>
      ${error === null ? nothing : html`<p class="error" role="alert" id=${`error-${source}`}>${error}</p>`}`;
  }

  private refusal({ sources }: ClockRow): string | null {
    const refused = this.state.refusedOffset;
    return refused != null && refused.sources.some((id) => sources.includes(id))
      ? refused.error.message
      : null;
  }

  private disagreements({ contradictions, observations, compared }: ClocksModel): unknown {
    const shown = this.all ? contradictions : contradictions.slice(0, MOST);
    const rest = contradictions.length - shown.length;
    return html`
      <p class="compared" role="status">${renderSeverity(this.verdict(), false)}<span>${compared}</span></p>
      ${
        shown.length === 0
          ? nothing
          : html`<ul aria-label="Contradictions">
              ${shown.map((one) => html`<li>${disagreement(one)}</li>`)}
            </ul>`
      }
      ${
        rest === 0
          ? nothing
          : html`<button class="link more" @click=${() => (this.all = true)}>
              Show ${count(rest, 'more contradiction')}
            </button>`
      }
      ${
        observations.length === 0
          ? nothing
          : html`<details class="observations">
              <summary>${count(observations.length, 'observation')}: true, and worth knowing</summary>
              <ul aria-label="Observations">
                ${observations.map((one) => html`<li>${disagreement(one)}</li>`)}
              </ul>
            </details>`
      }
    `;
  }

  private verdict(): 'risk' | 'good' | 'info' {
    const { contradictions = [], compared = 0 } = this.state.diagnosis ?? {};
    if (contradictions.length > 0) return 'risk';
    return compared > 0 ? 'good' : 'info';
  }

  /** null: as before. */
  private draft(source: number, text: string | null): void {
    const drafts = new Map(this.drafts);
    if (text === null) drafts.delete(source);
    else drafts.set(source, text);
    this.drafts = drafts;
    this.fault(source, null);
  }

  private fault(source: number, error: string | null): void {
    const errors = new Map(this.errors);
    if (error === null) errors.delete(source);
    else errors.set(source, error);
    this.errors = errors;
  }

  private submit(row: ClockRow, text: string): void {
    const parsed = parseOffset(text);
    if (parsed.ok) this.set(row, parsed.offsetNs);
    else this.fault(row.sources[0], parsed.error);
  }

  /** The button will be gone: its input takes the keyboard's place. */
  private press({ currentTarget }: Event, row: ClockRow, offsetNs: bigint | null): void {
    (currentTarget as HTMLButtonElement).form?.querySelector('input')?.focus();
    this.set(row, offsetNs);
  }

  private set({ sources }: ClockRow, offsetNs: bigint | null): void {
    this.draft(sources[0], null);
    // What is being edited does not fold itself once nobody need look any more.
    this.open = true;
    const detail: ClockOffsetChange = { sources, offsetNs };
    this.dispatchEvent(new CustomEvent('set-clock-offset', { detail, bubbles: true, composed: true }));
  }
}

function disagreement({ severity, title, sentence, where, values }: DisagreementRow): unknown {
  return html`<div class="row">
    <div>${renderSeverity(severity)}</div>
    <div>
      <h3>${title}</h3>
      <p>${sentence}</p>
      <p class="quiet">${where}</p>
      <dl>
        ${values.map(
          ({ label, text, title: exact }) =>
            html`<div>
              <dt>${label}</dt>
              <dd title=${exact}>${text}</dd>
            </div>`,
        )}
      </dl>
    </div>
  </div>`;
}
