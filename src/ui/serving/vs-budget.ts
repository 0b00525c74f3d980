/** Memory budgets: a bar a rank that adds up, in words whether it does, and every printed figure beside it. */
import { LitElement, css, html, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { ByteUnit } from '../../base/units.ts';
import { formatBytes } from '../../base/units.ts';
import type { MemoryBudget } from '../../engine/protocol.ts';
import type { BudgetBar, BudgetKey, BudgetSegment } from '../../view/serving/budget.ts';
import { budgetBars, budgetKeys, budgetVerdict } from '../../view/serving/budget.ts';
import { budgetName, budgetTable } from '../../view/serving/budget-table.ts';
import { controls } from '../parts/theme.ts';
import '../parts/vs-table.ts';

/** Bars before a button shows the rest. */
const MOST_BARS = 16;
/** Sums in words up to so many ranks. */
const MOST_SUMS = 2;
/** Pixels of a letter and of the narrowest bar that labels are laid out for. */
const LETTER = 6.8;
const NARROWEST_BAR = 720;

@customElement('vs-budget')
export class VsBudget extends LitElement {
  static override styles = [
    controls,
    css`
      :host {
        display: block;
      }
      .verdict {
        margin: 2px 0 12px;
        font-size: 13px;
      }
      .verdict.off {
        color: var(--warn);
        font-weight: 600;
      }
      .keys {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 18px;
        margin-bottom: 10px;
        list-style: none;
        font-size: 12px;
        color: var(--text-quiet);
      }
      .keys li {
        display: flex;
        align-items: center;
        gap: 7px;
      }
      .swatch {
        width: 12px;
        height: 12px;
        border-radius: 2px;
      }
      .ranks {
        display: grid;
        grid-template-columns: auto minmax(0, 1fr);
        gap: 6px 12px;
        align-items: center;
        font-size: 13px;
      }
      .rank {
        max-width: 180px;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .bar {
        position: relative;
        height: 26px;
      }
      .few .bar {
        height: 40px;
      }
      .segment {
        position: absolute;
        top: 0;
        bottom: 0;
        overflow: hidden;
        padding: 0 5px;
        border-right: 1px solid var(--panel);
        font-size: 12px;
        line-height: 26px;
        white-space: nowrap;
        text-overflow: clip;
        color: var(--panel);
      }
      .few .segment {
        line-height: 40px;
      }
      .hatched {
        color: var(--text);
        background: repeating-linear-gradient(
          45deg,
          var(--bad-soft) 0 5px,
          color-mix(in srgb, var(--bad) 45%, var(--bad-soft)) 5px 7px
        );
      }
      .untold {
        color: var(--text);
        background: repeating-linear-gradient(45deg, var(--sunken) 0 5px, var(--line) 5px 7px);
      }
      .left {
        color: var(--text-quiet);
        background: var(--sunken);
      }
      .requested {
        position: absolute;
        top: -4px;
        bottom: -4px;
        width: 0;
        border-left: 2px solid var(--text);
      }
      .line {
        width: 0;
        height: 14px;
        border-left: 2px solid var(--text);
      }
      .sum {
        grid-column: 2;
        font-size: 13px;
      }
      vs-table {
        display: block;
        margin-top: 16px;
      }
      .more {
        margin-top: 8px;
        font-size: 13px;
      }
    `,
  ];

  @property({ attribute: false }) budgets: readonly MemoryBudget[] = [];
  @property({ attribute: false }) unit: ByteUnit = 'binary';

  @state() private all = false;

  override render(): unknown {
    const { budgets, unit } = this;
    const bars = budgetBars(budgets, unit);
    const shown = this.all ? bars : bars.slice(0, MOST_BARS);
    const few = bars.length <= MOST_SUMS;
    const off = bars.some(({ apart, claimed }) => apart && claimed);
    const marked = bars.some(({ requestedAt }) => requestedAt !== null);
    const producers = [...new Set(budgets.map(({ producer }) => producer))].join(', ');
    return html`
      <h2>Memory budget</h2>
      <p class="verdict ${off ? 'off' : 'quiet'}">
        ${producers === '' ? '' : `As ${producers} printed it. `}${budgetVerdict(bars, unit)}
      </p>
      <ul class="keys" aria-label="Parts of the budget">
        ${budgetKeys(bars).map((key) => this.key(key))}
        ${marked ? html`<li><span class="line"></span>Requested ends here</li>` : nothing}
      </ul>
      <div class="ranks ${few ? 'few' : ''}">${shown.map((bar) => this.bar(bar, bars.length, few))}</div>
      ${
        shown.length < bars.length
          ? html`<button class="link more" @click=${() => (this.all = true)}>
              Show all ${bars.length} ranks
            </button>`
          : nothing
      }
      <vs-table .model=${budgetTable(budgets, bars, unit)} first="24" ?dense=${budgets.length > 4}></vs-table>
    `;
  }

  private key({ kind, label, color }: BudgetKey): unknown {
    return html`<li><span class="swatch ${className(kind)}" .style=${fill(color)}></span>${label}</li>`;
  }

  private bar(bar: BudgetBar, all: number, few: boolean): unknown {
    const name = budgetName(bar.rank, all, '');
    const { requestedAt } = bar;
    return html`
      <span class="rank" title=${name}>${name}</span>
      <div
        class="bar"
        role="img"
        aria-label=${`${name === '' ? '' : `${name}: `}${bar.sum}`}
        title=${bar.sum}
      >
        ${bar.segments.map((segment) => this.segment(segment, few))}
        ${
          requestedAt === null
            ? nothing
            : html`<span class="requested" .style=${`left: calc(${percent(requestedAt)} - 1px)`}></span>`
        }
      </div>
      ${few ? html`<p class="sum quiet">${bar.sum}.</p>` : nothing}
    `;
  }

  private segment(segment: BudgetSegment, few: boolean): unknown {
    const { kind, label, color, bytes, left, width, title } = segment;
    const figure = formatBytes(bytes, this.unit);
    const place = `left: ${percent(left)}; width: ${percent(width)}; ${fill(color)}`;
    // As much as has room on a narrow screen; the rest is in the table.
    if (kind === 'left' && !few)
      return html`<span class="segment left" title=${title} .style=${place}></span>`;
    const fits = (words: string): boolean => words.length * LETTER + 10 <= width * NARROWEST_BAR;
    const text = [few ? `${label} ${figure}` : '', figure].find((words) => words !== '' && fits(words)) ?? '';
    return html`<span class="segment ${className(kind)}" title=${title} .style=${place}>${text}</span>`;
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;
const fill = (color: BudgetKey['color']): string =>
  color === null ? '' : `background: var(--curve-${color})`;

function className(kind: BudgetKey['kind']): string {
  if (kind === 'unexplained') return 'hatched';
  return kind === 'untold' || kind === 'left' ? kind : '';
}
