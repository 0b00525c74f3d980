/** Where every byte is at one moment: a line a part with a bar, parts of parts below theirs, and what is not known. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import type { LedgerInput, LedgerModel, LedgerRow } from '../../view/diagnosis/diagnosis-ledger.ts';
import { ledgerModel } from '../../view/diagnosis/diagnosis-ledger.ts';
import { barStyle } from '../parts/bar-style.ts';
import { headerStyle } from '../parts/header-style.ts';
import { tableStyle } from '../parts/table-style.ts';
import { controls } from '../parts/theme.ts';

@customElement('vs-ledger')
export class VsLedger extends LitElement {
  static override styles = [
    controls,
    tableStyle,
    barStyle,
    headerStyle,
    css`
      :host {
        display: block;
        padding: 14px 16px 16px;
      }
      .words {
        margin: 2px 0 10px;
        font-size: 13px;
      }
      th,
      td {
        padding: 5px 0 5px 16px;
        vertical-align: top;
      }
      tr.inner > th:first-child {
        padding-left: 18px;
        color: var(--text-quiet);
      }
      tr.deep > th:first-child {
        padding-left: 36px;
      }
      tfoot th,
      tfoot td {
        border-bottom: 0;
        border-top: 1px solid var(--line-strong);
        font-weight: 600;
      }
      .bars {
        width: 34%;
        min-width: 140px;
      }
      .bar {
        height: 12px;
        margin-top: 4px;
      }
      .inner .bar {
        height: 8px;
        margin-top: 6px;
      }
      .inner .bar span {
        opacity: 0.65;
      }
      .note {
        width: 30%;
        color: var(--text-quiet);
        white-space: normal;
      }
      .apart {
        margin-top: 8px;
        font-size: 13px;
        font-weight: 600;
        color: var(--warn);
      }
    `,
  ];

  @property() heading = 'Where every byte is';
  /** Of which moment it speaks: "At event 6,420". */
  @property() words = '';
  @property({ attribute: false }) ledger: LedgerInput | null = null;
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  override render(): unknown {
    const { ledger, heading, words } = this;
    if (ledger === null) return nothing;
    const model = ledgerModel(ledger.parts, ledger.total, this.unit);
    return html`
      <header>
        <h2>${heading}</h2>
        <slot name="tools"></slot>
      </header>
      ${words === '' ? nothing : html`<p class="words quiet">${words}</p>`}
      <div class="scroll" tabindex="0" role="region" aria-label=${heading}>
        <table>
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col" class="numeric">Bytes</th>
              <th scope="col" class="numeric">Share</th>
              <th scope="col" class="bars"><span class="visually-hidden">Bar</span></th>
              <th scope="col" class="note">What it is</th>
            </tr>
          </thead>
          <tbody>
            ${model.rows.map((row) => this.row(row))}
          </tbody>
          ${this.total(model)}
        </table>
      </div>
      <slot></slot>
      ${model.apart === null ? nothing : html`<p class="apart">${model.apart}</p>`}
    `;
  }

  private row({ id, label, depth, text, title, bar, share, note }: LedgerRow): unknown {
    return html`<tr class=${depth === 0 ? '' : depth === 1 ? 'inner' : 'inner deep'} data-part=${id}>
      <th scope="row">${label}</th>
      <td class="numeric ${title === '' ? 'quiet' : ''}" title=${title === '' ? nothing : title}>${text}</td>
      <td class="numeric quiet">${share}</td>
      <td class="bars">
        ${
          bar === null
            ? nothing
            : html`<div class="bar">
                <span
                  .style=${`left: ${(100 * bar.left).toFixed(3)}%; width: ${(100 * bar.width).toFixed(3)}%`}
                ></span>
              </div>`
        }
      </td>
      <td class="note">${note}</td>
    </tr>`;
  }

  private total({ total, totalTitle }: LedgerModel): unknown {
    if (total === null) return nothing;
    return html`<tfoot>
      <tr>
        <th scope="row">Sum</th>
        <td class="numeric" title=${totalTitle}>${total}</td>
        <td colspan="3"></td>
      </tr>
    </tfoot>`;
  }
}
