/** Requests by size against memory: a table for each series of memory that goes with them. */
import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { RequestBucketsView } from '../../engine/protocol.ts';
import { requestsModel } from '../../view/serving/serving-requests.ts';
import { controls } from '../parts/theme.ts';
import { servingStyle } from './vs-serving-style.ts';
import '../parts/vs-table.ts';

@customElement('vs-serving-requests')
export class VsServingRequests extends LitElement {
  static override styles = [controls, servingStyle];

  @property({ attribute: false }) requests: readonly RequestBucketsView[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    return html`<h2>Requests by size</h2>
      ${this.requests.map((one) => {
        const { memory, words, table } = requestsModel(one, this.unit);
        return html`<section>
          <h3>${memory}</h3>
          <p class="words quiet">${words.join(' ')}</p>
          <vs-table .model=${table}></vs-table>
        </section>`;
      })}`;
  }
}
