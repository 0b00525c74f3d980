/** Who keeps free memory from going back to the driver, by stack: what freeing how little would give back. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { amountsIn } from '../../base/amounts.ts';
import type { ByteUnit } from '../../base/units.ts';
import type { PinsView } from '../../engine/protocol.ts';
import {
  bestPin,
  pinEvidence,
  pinsHeadline,
  pinsTable,
  pinsWords,
  togetherTable,
  togetherWords,
} from '../../view/diagnosis/pins.ts';
import { headerStyle } from '../parts/header-style.ts';
import type { When } from '../device/moment-choice.ts';
import { momentWords, NO_EVENT, NOT_REPLAYED, renderMoments, REPLAYING } from '../device/moment-choice.ts';
import { controls } from '../parts/theme.ts';
import { showEvidence } from './vs-finding.ts';
import type { RowOpenEvent } from '../parts/vs-table.ts';
import '../parts/vs-table.ts';

@customElement('vs-pins')
export class VsPins extends LitElement {
  static override styles = [
    controls,
    headerStyle,
    css`
      :host {
        display: block;
        padding: 14px 16px 16px;
      }
      @media (max-width: 1100px) {
        /* Where a device's page is one column, details come first: as device-style.ts orders them. */
        :host {
          order: 2;
        }
      }
      p,
      details {
        margin-top: 4px;
        font-size: 13px;
      }
      .best {
        margin-top: 8px;
        font-size: 15px;
        font-weight: 600;
      }
      .best button {
        font-weight: 600;
        text-align: left;
        white-space: normal;
        overflow-wrap: anywhere;
      }
      vs-table {
        margin-top: 10px;
      }
    `,
  ];

  /** At the end. */
  @property({ attribute: false }) pins: PinsView | null = null;
  /** Moments that can be asked for, besides the event that is shown; the end is among them. */
  @property({ attribute: false }) moments: readonly { readonly when: When; readonly row: number }[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';
  /** Row of the event that the device's page shows; null: none. */
  @property({ attribute: false }) shown: number | null = null;
  /** Who pins memory just after a row; null: not known. */
  @property({ attribute: false }) ask: (row: number) => Promise<PinsView | null> = () =>
    Promise.resolve(null);

  @state() private when: When = 'end';
  /** At another moment than the end. */
  @state() private other: PinsView | null = null;
  @state() private problem: string | null = null;
  @state() private open: string | null = null;

  override willUpdate(changed: Map<string, unknown>): void {
    if (!changed.has('pins')) return;
    this.when = 'end';
    this.other = null;
  }

  private async choose(when: When): Promise<void> {
    this.open = null;
    const row = when === 'event' ? this.shown : (this.moments.find((one) => one.when === when)?.row ?? null);
    if (when === 'end' || row === null) {
      this.problem = when === 'end' ? null : NO_EVENT;
      if (when === 'end') this.when = when;
      return;
    }
    this.problem = REPLAYING;
    const pins = await this.ask(row);
    this.problem = pins === null ? NOT_REPLAYED : null;
    if (pins === null) return;
    this.other = pins;
    this.when = when;
  }

  override render(): unknown {
    const { unit, when } = this;
    const told = when === 'end' ? this.pins : this.other;
    if (told === null) return nothing;
    const pins = amountsIn(told, unit);
    const moments: When[] = [...this.moments.map((one) => one.when), 'event'];
    return html`
      <header>
        <h2>What keeps free memory from going back</h2>
        ${renderMoments('Moment of what is pinned', moments, when, (chosen) => void this.choose(chosen))}
      </header>
      <p class="quiet">${momentWords(when, pins.row)}</p>
      ${this.problem === null ? nothing : html`<p role="status">${this.problem}</p>`} ${this.best(pins)}
      ${pinsWords(pins, unit).map((sentence) => html`<p>${sentence}</p>`)}
      ${
        pins.alone.length === 0
          ? nothing
          : html`<vs-table
              .model=${pinsTable(pins, unit)}
              .first=${8}
              .current=${this.open}
              opens
              @row-open=${({ detail }: RowOpenEvent) => this.show(pins, detail.key)}
            ></vs-table>`
      }
      ${
        pins.together.length === 0
          ? nothing
          : html`<details>
              <summary>Stacks that have to go together</summary>
              <p>${togetherWords(pins)}</p>
              <vs-table .model=${togetherTable(pins, unit)}></vs-table>
            </details>`
      }
    `;
  }

  private best(pins: PinsView): unknown {
    const best = bestPin(pins);
    if (best === null) return nothing;
    return html`<p class="best">
      ${pinsHeadline(pins, this.unit)}:
      <button class="link" @click=${() => this.show(pins, String(pins.alone.indexOf(best)))}>
        ${best.label}
      </button>
    </p>`;
  }

  /** The stack, and the event that made the first of its blocks. */
  private show(pins: PinsView, key: string): void {
    const pin = pins.alone[Number(key)];
    if (pin === undefined) return;
    this.open = key;
    showEvidence(this, { text: pinEvidence(pin, this.unit), row: pin.row, rows: null, stack: pin.stack });
  }
}
