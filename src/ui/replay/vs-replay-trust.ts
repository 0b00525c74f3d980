/** How well the replayed allocator follows the recording: one line, and the figures behind it. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatInteger } from '../../base/units.ts';
import type { ReplayTrust, TrustFact } from '../../view/replay/replay.ts';
import { replayStyle } from './replay-style.ts';
import { controls } from '../parts/theme.ts';

/** Events that a figure links to. */
const MOST_LINKS = 3;
const CLASS = { exact: '', close: 'none', rough: 'warn', refused: 'bad' } as const;

@customElement('vs-replay-trust')
export class VsReplayTrust extends LitElement {
  static override styles = [
    controls,
    replayStyle,
    css`
      summary {
        width: max-content;
        margin-top: 6px;
        font-size: 13px;
        color: var(--accent);
        cursor: pointer;
      }
      dl {
        display: grid;
        grid-template-columns: max-content max-content 1fr;
        gap: 2px 20px;
        margin: 8px 0;
        font-size: 13px;
      }
      dt {
        color: var(--text-quiet);
      }
      dd:nth-of-type(odd) {
        text-align: right;
      }
      dd button.link + button.link {
        margin-left: 10px;
      }
    `,
  ];

  @property({ attribute: false }) model!: ReplayTrust;

  override render(): unknown {
    const { trust, heading, line, facts, sentences } = this.model;
    return html`<div class="verdict ${CLASS[trust]}" role=${trust === 'refused' ? 'alert' : nothing}>
      <p><strong>${heading}.</strong> ${line}</p>
      <details>
        <summary>How well it matches, in figures</summary>
        <dl>${facts.map((fact) => this.fact(fact))}</dl>
        <ul class="words">
          ${sentences.map((sentence) => html`<li>${sentence}</li>`)}
        </ul>
      </details>
    </div>`;
  }

  private fact({ name, value, title, rows }: TrustFact): unknown {
    return html`<dt>${name}</dt>
      <dd title=${title ?? nothing}>${value}</dd>
      <dd>
        ${rows
          .slice(0, MOST_LINKS)
          .map(
            (row) =>
              html`<button class="link" @click=${() => this.go(row)}>event ${formatInteger(row)}</button>`,
          )}
      </dd>`;
  }

  private go(row: number): void {
    this.dispatchEvent(new CustomEvent('go-to-row', { detail: { row }, bubbles: true, composed: true }));
  }
}
