/** The ledger of a device at the end of the recording, or where most was reserved, and what would succeed there. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../base/units.ts';
import { formatInteger } from '../base/units.ts';
import type { DeviceDiagnosis, LedgerView } from '../engine/protocol.ts';
import { ledgerInput, ledgerWords } from '../view/diagnosis-ledger.ts';
import { controls } from './theme.ts';
import { showEvidence } from './vs-finding.ts';
import './vs-ledger.ts';

/** End of the recording, where most was reserved, or the event that is shown. */
type When = DeviceDiagnosis['ledgers'][number]['when'] | 'event';

/** Asks the device's page for the row of the event that it shows; null: none. */
export interface ShownRowRequest {
  row: number | null;
}

const LABEL: Readonly<Record<When, string>> = {
  end: 'At the end',
  peak: 'At the peak',
  event: 'At the event shown',
};

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

  @property({ attribute: false }) ask: (row: number) => Promise<LedgerView | null> = () =>
    Promise.resolve(null);

  @state() private when: When = 'end';
  @state() private ofEvent: LedgerView | null = null;
  @state() private problem: string | null = null;

  /** The ledger of the event that the page shows. */
  private async atEvent(): Promise<void> {
    const request: ShownRowRequest = { row: null };
    this.dispatchEvent(new CustomEvent('shown-row', { detail: request, bubbles: true, composed: true }));
    if (request.row === null) {
      this.problem = 'Click the timeline first: the event there is the moment.';
      return;
    }
    this.problem = 'Replaying to that event...';
    const ledger = await this.ask(request.row);
    this.problem = ledger === null ? 'The allocator could not be replayed to that event.' : null;
    if (ledger === null) return;
    this.ofEvent = ledger;
    this.when = 'event';
  }

  override render(): unknown {
    const { ledgers, unit } = this;
    if (ledgers.length === 0) return nothing;
    const shown = this.when === 'event' ? this.ofEvent : null;
    const { when, ledger } =
      shown === null
        ? (ledgers.find((one) => one.when === this.when) ?? ledgers[0])
        : { when: 'event' as const, ledger: shown };
    const place = `event ${formatInteger(ledger.row)}`;
    const words =
      when === 'peak'
        ? `Just after ${place}, where most was reserved.`
        : when === 'event'
          ? `Just after ${place}.`
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
          <button aria-pressed=${when === 'event' ? 'true' : 'false'} @click=${() => void this.atEvent()}>
            ${LABEL.event}
          </button>
        </span>
        <button @click=${() => showEvidence(this, { text: words, row: ledger.row, rows: null, stack: null })}>
          Show this moment
        </button>
      </span>
      ${this.problem === null ? nothing : html`<p role="status">${this.problem}</p>`}
      <ul>
        ${ledgerWords(ledger, unit).map((sentence) => html`<li>${sentence}</li>`)}
      </ul>
    </vs-ledger>`;
  }
}
