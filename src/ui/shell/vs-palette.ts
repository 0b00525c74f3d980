/** The palette of commands (Ctrl+Shift+P): a box to type into, what fits below it, arrows and Enter. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { type Command, found } from '../../view/shell/palette.ts';
import { dialogStyle } from '../parts/dialog-style.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-palette')
export class VsPalette extends LitElement {
  static override styles = [
    controls,
    dialogStyle,
    css`
      dialog {
        width: min(560px, calc(100vw - 32px));
        margin-top: 12vh;
        padding: 12px;
      }
      input {
        width: 100%;
        height: 34px;
        padding: 0 10px;
        font: inherit;
        color: var(--text);
        background: var(--sunken);
        border: 1px solid var(--line-strong);
        border-radius: 4px;
      }
      ul {
        max-height: 46vh;
        margin: 8px 0 0;
        padding: 0;
        overflow: auto;
        list-style: none;
      }
      li {
        display: flex;
        justify-content: space-between;
        gap: 16px;
        padding: 5px 10px;
        font-size: 13px;
        border-radius: 4px;
        cursor: pointer;
      }
      li[aria-selected='true'] {
        color: var(--on-accent, #fff);
        background: var(--accent);
      }
      kbd {
        font-family: var(--mono);
        font-size: 12px;
      }
      p {
        margin: 10px;
        font-size: 13px;
      }
    `,
  ];

  /** Asked for each time that it is shown: what can be done follows what is open. */
  @property({ attribute: false }) commands: () => readonly Command[] = () => [];

  @state() private all: readonly Command[] = [];
  @state() private typed = '';
  @state() private at = 0;

  @query('dialog') private readonly dialog!: HTMLDialogElement;
  @query('input') private readonly box!: HTMLInputElement;

  get open(): boolean {
    return this.dialog.open;
  }

  toggle(): void {
    if (this.dialog.open) {
      this.dialog.close();
      return;
    }
    this.all = this.commands();
    this.typed = '';
    this.at = 0;
    this.dialog.showModal();
    this.box.value = '';
    this.box.focus();
  }

  private get fitting(): readonly Command[] {
    return found(this.all, this.typed);
  }

  private run(command: Command | undefined): void {
    if (command === undefined) return;
    this.dialog.close();
    command.run();
  }

  private keydown(event: KeyboardEvent): void {
    const { length } = this.fitting;
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (event.key === 'Enter') {
      event.preventDefault();
      this.run(this.fitting[this.at]);
    } else if (by !== undefined && length > 0) {
      event.preventDefault();
      const next = this.at + by;
      // By one it goes round; by a page it stops at the ends.
      this.at = Math.abs(by) === 1 ? (next + length) % length : Math.min(length - 1, Math.max(0, next));
      void this.updateComplete.then(() =>
        this.renderRoot.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' }),
      );
    }
  }

  override render(): unknown {
    const { fitting } = this;
    return html`<dialog aria-label="Commands" @keydown=${(event: KeyboardEvent) => this.keydown(event)}>
      <input
        role="combobox"
        aria-label="Command"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant=${fitting.length === 0 ? nothing : `command-${this.at}`}
        placeholder="What to do: a few letters of it"
        spellcheck="false"
        autocomplete="off"
        @input=${() => {
          this.typed = this.box.value;
          this.at = 0;
        }}
      />
      <ul id="commands" role="listbox" aria-label="Commands that fit">
        ${fitting.map(
          (command, at) =>
            html`<li
              id=${`command-${at}`}
              role="option"
              aria-selected=${at === this.at ? 'true' : 'false'}
              @click=${() => this.run(command)}
            >
              <span>${command.label}</span>${command.key === '' ? nothing : html`<kbd>${command.key}</kbd>`}
            </li>`,
        )}
      </ul>
      ${fitting.length === 0 ? html`<p class="quiet" role="status">Nothing is called that.</p>` : nothing}
    </dialog>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'vs-palette': VsPalette;
  }
}
