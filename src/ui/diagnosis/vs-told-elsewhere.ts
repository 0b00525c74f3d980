/** On the page of a log: what it tells and is said of the recording of the same run. Fires `choose-tab` ({ tab }). */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ToldElsewhere } from '../../view/diagnosis/told-elsewhere.ts';
import { renderSeverity, severityStyle } from './finding-severity.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-told-elsewhere')
export class VsToldElsewhere extends LitElement {
  static override styles = [
    controls,
    severityStyle,
    css`
      :host {
        display: block;
        margin-bottom: 16px;
      }
      section {
        padding: 10px 16px;
        font-size: 13px;
      }
      ul {
        margin-top: 4px;
        list-style: none;
      }
      li {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 10px;
        padding: 3px 0;
      }
      button {
        text-align: left;
      }
    `,
  ];

  @property({ attribute: false }) told: readonly ToldElsewhere[] = [];

  override render(): unknown {
    if (this.told.length === 0) return nothing;
    return html`<section class="panel" aria-labelledby="title">
      <h2 id="title">Said of the recording of this run</h2>
      <ul>
        ${this.told.map(
          ({ deviceKey, where, severity, title }) =>
            html`<li>
              ${renderSeverity(severity)}<span>${where}:</span
              ><button class="link" @click=${() => this.open(deviceKey)}>${title}</button>
            </li>`,
        )}
      </ul>
    </section>`;
  }

  private open(tab: string): void {
    this.dispatchEvent(new CustomEvent('choose-tab', { detail: { tab }, bubbles: true, composed: true }));
  }
}
