/** The KV cache of each engine of a server: what it holds, how it was used, and what other settings would change. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { ServerView } from '../../engine/protocol.ts';
import type { Clock } from '../../view/readings/clock.ts';
import type { KvModel } from '../../view/serving/serving.ts';
import { kvModel } from '../../view/serving/serving.ts';
import type { UsageModel } from '../../view/serving/serving-usage.ts';
import { usageModel } from '../../view/serving/serving-usage.ts';
import { controls } from '../parts/theme.ts';
import './vs-serving-given.ts';
import { servingStyle } from './vs-serving-style.ts';
import '../parts/vs-table.ts';

@customElement('vs-serving')
export class VsServing extends LitElement {
  static override styles = [
    controls,
    servingStyle,
    css`
      dl {
        display: flex;
        flex-wrap: wrap;
        gap: 6px 28px;
        margin: 8px 0;
        font-size: 13px;
      }
      dt {
        color: var(--text-quiet);
      }
      h3 {
        margin-top: 14px;
      }
      .state.bad {
        color: var(--bad);
      }
      .error {
        margin: 4px 0;
        font-size: 13px;
        color: var(--bad);
      }
    `,
  ];

  @property({ attribute: false }) server!: ServerView;
  /** How the times of the source are to be read. */
  @property({ attribute: false }) clock: Clock = 'none';
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    const { server, clock, unit } = this;
    return html`
      ${server.kv.map((kv) => this.cache(kvModel(kv, unit)))}
      ${server.usage.map((usage) => this.used(usageModel(usage, clock, unit)))}
      <vs-serving-given .server=${server}></vs-serving-given>
    `;
  }

  private cache({ heading, facts, words, error, checks, whatIfs, whatIfWords }: KvModel): unknown {
    return html`<section data-part="cache">
      <h2>${heading}</h2>
      <dl>
        ${facts.map(
          ({ label, text, title }) =>
            html`<div>
              <dt>${label}</dt>
              <dd title=${title === '' ? nothing : title}>${text}</dd>
            </div>`,
        )}
      </dl>
      ${error === null || error === this.server.modelError ? nothing : html`<p class="error">config.json could not be used: ${error}</p>`}
      ${words.map((sentence) => html`<p class="words quiet">${sentence}</p>`)}
      ${
        checks === null
          ? nothing
          : html`<h3>${checks.caption}</h3>
              <vs-table class="narrow" .model=${checks}></vs-table>`
      }
      ${
        whatIfs === null
          ? nothing
          : html`<h3>${whatIfs.caption}</h3>
              <vs-table class="what-if" .model=${whatIfs}></vs-table>`
      }
      ${whatIfWords.map((sentence) => html`<p class="words quiet">${sentence}</p>`)}
    </section>`;
  }

  private used({ heading, verdict, bad, words, windows }: UsageModel): unknown {
    return html`<section data-part="usage">
      <h2>${heading}: <span class="state ${bad ? 'bad' : ''}">${verdict}</span></h2>
      <p class="words quiet">${words.join(' ')}</p>
      ${windows === null ? nothing : html`<vs-table .model=${windows}></vs-table>`}
    </section>`;
  }
}
