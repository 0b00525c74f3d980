/** The keyboard sheet. */
import { LitElement, css, html } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import { BINDINGS, POINTER_HELP } from '../../view/shell/keys.ts';
import { dialogStyle } from '../parts/dialog-style.ts';
import { FILTER_HELP } from '../../view/workspace/filter-help.ts';
import type { Settings, WheelChoice } from './settings.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-keys')
export class VsKeys extends LitElement {
  static override styles = [
    controls,
    dialogStyle,
    css`
      dialog {
        width: min(600px, calc(100vw - 32px));
      }
      header {
        display: flex;
        justify-content: space-between;
        align-items: center;
      }
      dl {
        display: grid;
        grid-template-columns: 190px 1fr;
        gap: 6px 16px;
        margin-top: 12px;
      }
      h3 {
        margin-top: 16px;
      }
      .choice {
        display: flex;
        flex-wrap: wrap;
        gap: 8px 16px;
        align-items: center;
        margin-top: 14px;
      }
      kbd {
        padding: 1px 6px;
        font-family: var(--mono);
        font-size: 12px;
        border: 1px solid var(--line-strong);
        border-radius: 3px;
        background: var(--sunken);
      }
    `,
  ];

  @property() wheel: WheelChoice = 'scrolls';

  @query('dialog') private readonly dialog!: HTMLDialogElement;

  get open(): boolean {
    return this.dialog.open;
  }

  toggle(): void {
    if (this.dialog.open) this.dialog.close();
    else this.dialog.showModal();
  }

  private choice(wheel: WheelChoice, label: string): unknown {
    const choose = (): boolean =>
      this.dispatchEvent(
        new CustomEvent<Partial<Settings>>('change-settings', {
          detail: { wheel },
          bubbles: true,
          composed: true,
        }),
      );
    return html`<button aria-pressed=${this.wheel === wheel ? 'true' : 'false'} @click=${choose}>
      ${label}
    </button>`;
  }

  override render(): unknown {
    return html`<dialog aria-labelledby="keys-title">
      <header>
        <h2 id="keys-title">Keys and pointer</h2>
        <button @click=${() => this.dialog.close()}>Close</button>
      </header>
      <dl>
        ${BINDINGS.map(
          ({ keys, does }) =>
            html`<dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt>
              <dd>${does}</dd>`,
        )}
        ${POINTER_HELP.map(
          ([what, does]) =>
            html`<dt>${what}</dt>
              <dd>${does}</dd>`,
        )}
      </dl>
      <h3>Filter of allocations</h3>
      <dl>
        ${FILTER_HELP.map(
          ([what, does]) =>
            html`<dt class="mono">${what}</dt>
              <dd>${does}</dd>`,
        )}
      </dl>
      <p class="choice">
        A wheel over a chart
        <span class="group" role="group" aria-label="A wheel over a chart">
          ${this.choice('scrolls', 'scrolls the page')}${this.choice('zooms', 'zooms the chart')}
        </span>
      </p>
    </dialog>`;
  }
}
