/** One line to set in a shell, ready to be copied. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { copyText } from '../parts/copy.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-replay-line')
export class VsReplayLine extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        align-items: center;
        gap: 8px;
      }
      code {
        flex: 0 1 auto;
        min-width: 0;
        padding: 5px 10px;
        background: var(--sunken);
        border-radius: 4px;
        overflow-wrap: anywhere;
      }
      button {
        flex: none;
      }
    `,
  ];

  @property() line = '';

  @state() private copied = false;

  override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('line')) this.copied = false;
  }

  override render(): unknown {
    if (this.line === '') return nothing;
    return html`<code>${this.line}</code>
      <button aria-label=${`Copy ${this.line}`} @click=${() => void this.copy()}>
        ${this.copied ? 'Copied' : 'Copy'}
      </button>`;
  }

  private async copy(): Promise<void> {
    this.copied = await copyText(this.line);
  }
}
