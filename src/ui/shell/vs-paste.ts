/** A box to paste or type text into: what is opened from it is read like a file. Fires `open-text` (detail: { text }). */
import { LitElement, css, html } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { dialogStyle } from '../parts/dialog-style.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-paste')
export class VsPaste extends LitElement {
  static override styles = [
    controls,
    dialogStyle,
    css`
      dialog {
        width: min(860px, calc(100vw - 32px));
      }
      label {
        font-size: 15px;
        font-weight: 600;
      }
      p {
        margin-top: 4px;
        font-size: 13px;
      }
      textarea {
        display: block;
        width: 100%;
        height: min(46vh, 420px);
        margin: 12px 0;
        padding: 10px;
        font-family: var(--mono);
        font-size: 12px;
        line-height: 1.5;
        color: var(--text);
        background: var(--sunken);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
        resize: vertical;
        white-space: pre;
        overflow: auto;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        justify-content: flex-end;
        gap: 10px;
      }
      .actions .quiet {
        flex: 1;
        margin: 0;
      }
    `,
  ];

  @state() private text = '';

  @query('dialog') private readonly dialog!: HTMLDialogElement;
  @query('textarea') private readonly box!: HTMLTextAreaElement;

  get open(): boolean {
    return this.dialog.open;
  }

  show(): void {
    if (!this.dialog.open) this.dialog.showModal();
    this.box.focus();
  }

  private get isBlank(): boolean {
    return this.text.trim() === '';
  }

  private take(): void {
    if (this.isBlank) return;
    const { text } = this;
    this.text = '';
    this.dialog.close();
    this.dispatchEvent(new CustomEvent('open-text', { detail: { text }, bubbles: true, composed: true }));
  }

  private keydown(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.take();
  }

  override render(): unknown {
    return html`<dialog
      aria-labelledby="paste-title"
      @keydown=${(event: KeyboardEvent) => this.keydown(event)}
    >
      <label id="paste-title" for="paste-text">Paste text</label>
      <p id="paste-words" class="quiet">
        Lines of a log, an out-of-memory message, torch.cuda.memory_summary(), the output of nvidia-smi, a
        vLLM MemorySnapshot: each is recognised by its content.
      </p>
      <textarea
        id="paste-text"
        aria-describedby="paste-words"
        spellcheck="false"
        autocomplete="off"
        wrap="off"
        .value=${this.text}
        @input=${() => (this.text = this.box.value)}
      ></textarea>
      <div class="actions">
        <p class="quiet">Nothing is uploaded. Ctrl+V on the page opens text without this box.</p>
        <button @click=${() => this.dialog.close()}>Cancel</button>
        <button class="primary" title="Ctrl+Enter" ?disabled=${this.isBlank} @click=${() => this.take()}>
          Open text
        </button>
      </div>
    </dialog>`;
  }
}
