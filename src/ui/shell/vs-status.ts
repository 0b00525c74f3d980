/** The line at the bottom: where figures are computed and why, and what just happened. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { EngineStatus, RanOn } from '../../engine/protocol.ts';
import { describeRanOn, describeStatus } from '../../view/parts/words.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-status')
export class VsStatus extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 24px;
        padding: 4px 24px;
        font-size: 12px;
        color: var(--text-quiet);
        background: var(--panel);
        border-top: 1px solid var(--line);
      }
      .notice {
        color: var(--text);
        font-weight: 600;
      }
      .right {
        margin-left: auto;
      }
    `,
  ];

  @property({ attribute: false }) status: EngineStatus | null = null;
  @property({ attribute: false }) ranOn: RanOn | null = null;
  @property() notice = '';

  override render(): unknown {
    return html`
      <span>${describeStatus(this.status)}</span>
      ${this.ranOn === null ? nothing : html`<span data-ran-on=${this.ranOn.where}>${describeRanOn(this.ranOn)}</span>`}
      <span class="notice" role="status">${this.notice}</span>
      <span class="right">Nothing is uploaded</span>
    `;
  }
}
