/** The ledger of a device at the end of the recording, or where most was reserved, and what would succeed there. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { DeviceDiagnosis, LedgerView } from '../../engine/protocol.ts';
import { freeTable, ledgerInput, ledgerWords, splitChoice } from '../../view/diagnosis/diagnosis-ledger.ts';
import type { When } from '../device/moment-choice.ts';
import { momentWords, NO_EVENT, NOT_REPLAYED, renderMoments, REPLAYING } from '../device/moment-choice.ts';
import { controls } from '../parts/theme.ts';
import { showEvidence } from './vs-finding.ts';
import './vs-ledger.ts';
import '../parts/vs-table.ts';

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
      ul,
      label,
      details {
        margin-top: 10px;
        font-size: 13px;
      }
      ul {
        list-style: none;
      }
      label {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
      }
      vs-table {
        margin-top: 8px;
      }
    `,
  ];

  @property({ attribute: false }) ledgers: DeviceDiagnosis['ledgers'] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  /** Row of the event that the device's page shows; null: none. */
  @property({ attribute: false }) shown: number | null = null;
  /** Where every byte is just after a row; null: not known. */
  @property({ attribute: false }) ask: (row: number) => Promise<LedgerView | null> = () =>
    Promise.resolve(null);

  @state() private when: When = 'end';
  @state() private ofEvent: LedgerView | null = null;
  @state() private problem: string | null = null;
  /** That the inactive split is seen from; null: the one that matters most. */
  @state() private stream: string | null = null;
  @state() private opened = false;

  /** The ledger of the event that the page shows. */
  private async atEvent(): Promise<void> {
    const row = this.shown;
    if (row === null) {
      this.problem = NO_EVENT;
      return;
    }
    this.problem = REPLAYING;
    const ledger = await this.ask(row);
    this.problem = ledger === null ? NOT_REPLAYED : null;
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
    const words = momentWords(when, ledger.row);
    return html`<vs-ledger
      class="panel"
      .words=${words}
      .ledger=${ledgerInput(ledger, this.stream)}
      .unit=${unit}
    >
      <span slot="tools">
        ${renderMoments(
          'Moment of the ledger',
          [...ledgers.map((one) => one.when), 'event'],
          when,
          (chosen) => (chosen === 'event' ? void this.atEvent() : (this.when = chosen)),
        )}
        <button @click=${() => showEvidence(this, { text: words, row: ledger.row, rows: null, stack: null })}>
          Show this moment
        </button>
      </span>
      ${this.problem === null ? nothing : html`<p role="status">${this.problem}</p>`} ${this.streams(ledger)}
      <ul>
        ${ledgerWords(ledger, unit).map((sentence) => html`<li>${sentence}</li>`)}
      </ul>
      ${
        ledger.free.length === 0
          ? nothing
          : html`<details
              @toggle=${(event: Event) => (this.opened = (event.target as HTMLDetailsElement).open)}
            >
              <summary>Free memory by pool, stream and size class</summary>
              ${this.opened ? html`<vs-table .model=${freeTable(ledger, unit)}></vs-table>` : nothing}
            </details>`
      }
    </vs-ledger>`;
  }

  /** Who could use what is free depends on who asks. */
  private streams(ledger: LedgerView): unknown {
    const choice = splitChoice(ledger, this.stream);
    if (choice === null) return nothing;
    const { streams, current, why } = choice;
    return html`<label>
      What is free beside something live, as stream
      <select @change=${(event: Event) => (this.stream = (event.target as HTMLSelectElement).value)}>
        ${streams.map((one) => html`<option value=${one} ?selected=${one === current}>${one}</option>`)}
      </select>
      sees it${why === '' ? '' : ` (${why})`}
    </label>`;
  }
}
