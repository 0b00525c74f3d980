/** The sheet "Case file": what a case file will hold, a note for its reader, what is taken out. Fires `save-case` (detail: CaseAsked). */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { formatBytes, type ByteUnit } from '../../base/units.ts';
import { dialogStyle } from '../parts/dialog-style.ts';
import { controls } from '../parts/theme.ts';

/** One thing that was opened. */
export interface CaseItem {
  readonly name: string;
  readonly bytes: number;
  /** Whether names can be taken out of it: of PyTorch snapshots alone, which are written anew from what is known of them. */
  readonly canRedact: boolean;
}

export interface CaseAsked {
  readonly note: string;
  /** null: files go in as they are. */
  readonly redact: { readonly functions: boolean } | null;
}

@customElement('vs-case')
export class VsCase extends LitElement {
  static override styles = [
    controls,
    dialogStyle,
    css`
      dialog {
        width: min(720px, calc(100vw - 32px));
      }
      h2 {
        margin: 0;
        font-size: 15px;
        font-weight: 600;
      }
      h3 {
        margin: 14px 0 4px;
        font-size: 13px;
        font-weight: 600;
      }
      p,
      li,
      label {
        font-size: 13px;
      }
      p {
        margin: 4px 0 0;
      }
      ul {
        max-height: 28vh;
        margin: 0;
        padding-left: 18px;
        overflow: auto;
      }
      textarea {
        display: block;
        width: 100%;
        height: 84px;
        padding: 8px 10px;
        font: inherit;
        font-size: 13px;
        color: var(--text);
        background: var(--sunken);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
        resize: vertical;
      }
      .choice {
        display: flex;
        gap: 8px;
        align-items: baseline;
        margin-top: 6px;
      }
      .inner {
        margin-left: 24px;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: flex-end;
        gap: 10px;
        margin-top: 14px;
      }
      .actions .quiet {
        flex: 1;
        margin: 0;
      }
    `,
  ];

  @property({ attribute: false }) items: readonly CaseItem[] = [];
  @property() unit: ByteUnit = 'binary';
  /** What is under way, or what failed; "": nothing. */
  @property() told = '';
  @property({ type: Boolean }) saving = false;

  @state() private redacts = false;
  @state() private hidesFunctions = false;

  @query('dialog') private readonly dialog!: HTMLDialogElement;
  @query('textarea') private readonly note!: HTMLTextAreaElement;

  get open(): boolean {
    return this.dialog.open;
  }

  show(): void {
    if (!this.dialog.open) this.dialog.showModal();
    this.note.focus();
  }

  close(): void {
    this.dialog.close();
  }

  private save(): void {
    const detail: CaseAsked = {
      note: this.note.value.trim(),
      redact: this.redacts ? { functions: this.hidesFunctions } : null,
    };
    this.dispatchEvent(new CustomEvent<CaseAsked>('save-case', { detail, bubbles: true, composed: true }));
  }

  private what({ name, bytes, canRedact }: CaseItem): unknown {
    if (!this.redacts)
      return html`<li>${name}, ${formatBytes(bytes, this.unit)}: everything that is in the file</li>`;
    return canRedact
      ? html`<li>
          ${name}: events, sizes, addresses, times and allocator settings; stacks with
          ${this.hidesFunctions ? 'lines, and numbers in place of functions and files' : 'functions, names of files and lines'}
        </li>`
      : html`<li>
          <strong>${name} is left out</strong>: names can be taken out of PyTorch snapshots alone
        </li>`;
  }

  override render(): unknown {
    const nothingLeft = this.redacts && !this.items.some(({ canRedact }) => canRedact);
    return html`<dialog aria-labelledby="case-title">
      <h2 id="case-title">Save as a case file</h2>
      <p class="quiet">
        One HTML file with this page and what is open in it, for a colleague or a ticket. It opens from disk
        anywhere, shows the same figures, and sends nothing.
      </p>
      <h3 id="case-note">Note for its reader</h3>
      <textarea aria-labelledby="case-note" placeholder="What was run, what you saw, what you ask"></textarea>
      <h3>What is taken out</h3>
      <label class="choice">
        <input
          type="checkbox"
          .checked=${this.redacts}
          @change=${(event: Event) => (this.redacts = (event.target as HTMLInputElement).checked)}
        />
        <span>Folders, hosts, users, environment, annotations and metadata</span>
      </label>
      ${
        this.redacts
          ? html`<label class="choice inner">
              <input
                type="checkbox"
                .checked=${this.hidesFunctions}
                @change=${(event: Event) => (this.hidesFunctions = (event.target as HTMLInputElement).checked)}
              />
              <span>Names of functions and files of your own code, too</span>
            </label>`
          : nothing
      }
      <h3>What is in it</h3>
      <ul>
        ${this.items.map((item) => this.what(item))}
        <li>
          What is shown: view, range, filter and
          selection${this.redacts ? ' are left out, as they can name things' : ''}
        </li>
        <li>Your note, as you write it</li>
      </ul>
      <div class="actions">
        <p class="quiet" role="status">${this.told}</p>
        <button @click=${() => this.close()}>Cancel</button>
        <button class="primary" ?disabled=${this.saving || nothingLeft} @click=${() => this.save()}>
          Save case file
        </button>
      </div>
    </dialog>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'vs-case': VsCase;
  }
}
