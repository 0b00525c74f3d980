/** The ledger of a device at the end of the recording, or where most was reserved, and what would succeed there. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../base/units.ts';
import { formatInteger } from '../base/units.ts';
import type { DeviceDiagnosis } from '../engine/protocol.ts';
import { ledgerInput, ledgerWords } from '../view/diagnosis-ledger.ts';
import { controls } from './theme.ts';
import { showEvidence } from './vs-finding.ts';
import './vs-ledger.ts';

type When = DeviceDiagnosis['ledgers'][number]['when'];

const LABEL: Readonly<Record<When, string>> = { end: 'At the end', peak: 'At the peak' };

@customElement('vs-diagnosis-ledger')
export class VsDiagnosisLedger extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      @media (max-width: 1100px) {
        /* Where a device's page is one column, details come first: as device-style.ts orders them. */
        :host {
          order: 2;
        }
      }
      ul {
        margin-top: 10px;
        list-style: none;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) ledgers: DeviceDiagnosis['ledgers'] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  @state() private when: When = 'end';

  override render(): unknown {
    const { ledgers, unit } = this;
    if (ledgers.length === 0) return nothing;
    const { when, ledger } = ledgers.find((one) => one.when === this.when) ?? ledgers[0];
    const place = `event ${formatInteger(ledger.row)}`;
    const words =
      when === 'peak'
        ? `Just after ${place}, where most was reserved.`
        : `Just after ${place}, the last one.`;
    return html`<vs-ledger class="panel" .words=${words} .ledger=${ledgerInput(ledger)} .unit=${unit}>
      <span slot="tools">
        <span class="group" role="group" aria-label="Moment of the ledger">
          ${ledgers.map(
            (one) =>
              html`<button
                aria-pressed=${one.when === when ? 'true' : 'false'}
                @click=${() => (this.when = one.when)}
              >
                ${LABEL[one.when]}
              </button>`,
          )}
        </span>
        <button @click=${() => showEvidence(this, { text: words, row: ledger.row, rows: null, stack: null })}>
          Show this moment
        </button>
      </span>
      <ul>
        ${ledgerWords(ledger, unit).map((sentence) => html`<li>${sentence}</li>`)}
      </ul>
    </vs-ledger>`;
  }
}
