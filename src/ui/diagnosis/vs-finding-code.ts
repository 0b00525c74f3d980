/** A line to be run or set as it is, with a button that copies it. */
import { LitElement, css, html } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { copyText } from '../parts/copy.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-finding-code')
export class VsFindingCode extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 8px;
        max-width: max-content;
        padding: 2px 2px 2px 10px;
        background: var(--sunken);
        border-radius: 4px;
      }
      code {
        min-width: 0;
        overflow-wrap: anywhere;
      }
      button {
        flex: none;
        height: 24px;
        padding: 0 8px;
        font-size: 12px;
      }
    `,
  ];

  @property() code = '';

  @state() private copied = false;

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('code')) this.copied = false;
  }

  override render(): unknown {
    // A long line goes on after "=" and ",", where words end.
    const pieces = this.code.split(/(?<=[=,])/);
    return html`<code>${pieces.map((piece) => html`${piece}<wbr />`)}</code>
      <button aria-label=${`Copy ${this.code}`} @click=${() => void this.copy()}>
        <span role="status">${this.copied ? 'Copied' : 'Copy'}</span>
      </button>`;
  }

  private async copy(): Promise<void> {
    this.copied = await copyText(this.code);
  }
}
