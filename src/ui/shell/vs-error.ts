/** An error as a fact: what, where, what to do. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { TraceErrorData } from '../../base/trace-error.ts';
import { errorWords } from '../../view/shell/error-words.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-error')
export class VsError extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
        padding: 12px 16px;
        color: var(--text);
        background: var(--bad-soft);
        border-left: 3px solid var(--bad);
        border-radius: 4px;
        overflow-wrap: anywhere;
      }
      h2 {
        font-size: 14px;
      }
      p {
        margin-top: 4px;
        white-space: pre-line;
      }
    `,
  ];

  @property({ attribute: false }) error: TraceErrorData | null = null;

  override render(): unknown {
    if (this.error === null) return nothing;
    const words = errorWords(this.error);
    return html`
      <h2>${words.title}</h2>
      <p>${words.message}</p>
      ${words.advice === null ? nothing : html`<p><strong>What to do:</strong> ${words.advice}</p>`}
      <p class="mono">${words.where}</p>
    `;
  }
}
